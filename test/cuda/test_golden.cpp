// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Every stored vector of the operators and of their gradients through the CUDA kernels. Pass rule of operators.md 1:
   |got - expected| <= atol + rtol |expected|. The folder is D2DET_SHARED, else ../shared beside the project. */

#include "check.hpp"
#include "golden_files.hpp"

#include <cstdlib>
#include <fstream>
#include <set>

namespace d2det
{
namespace test
{
namespace
{

//! One vector with its tensors, on the host and on the device.
class Vector
{
public:
    Vector(const std::string& op, const std::string& path)
        : op_(op), path_(path), description_(Json::parse(readFile(path + "/case.json")))
    {
    }
    const std::string& op() const { return op_; }
    const Json& attributes() const { return description_["attributes"]; }
    double attribute(const std::string& name, double fallback) const { return attributes().number(name, fallback); }
    float real(const std::string& name, float fallback) const { return static_cast<float>(attribute(name, fallback)); }
    int integer(const std::string& name, int fallback) const { return static_cast<int>(attribute(name, fallback)); }
    bool flag(const std::string& name, bool fallback) const { return integer(name, fallback) != 0; }
    int levels() const { return static_cast<int>(attributes()["feat_strides"].items().size()); }
    float stride(int i) const { return static_cast<float>(attributes()["feat_strides"].items()[i].number()); }
    int outputSize(int i) const { return static_cast<int>(attributes()["output_size"].items()[i].number()); }

    bool has(const std::string& name) const { return std::ifstream(path_ + "/" + name + ".pb").good(); }
    const Tensor& host(const std::string& name)
    {
        if (!tensors_.count(name))
            tensors_[name] = readTensor(path_ + "/" + name + ".pb");
        return tensors_[name];
    }
    float* device(const std::string& name)
    {
        if (!arrays_.count(name))
            arrays_[name] = std::make_unique<DeviceArray<float>>(host(name).data);
        return arrays_[name]->data();
    }
    //! Poisoned memory of the size of an expected output; the result is compared by compare().
    float* output(const std::string& file)
    {
        outputs_[file] = std::make_unique<DeviceArray<float>>(host(file).data.size());
        return outputs_[file]->data();
    }
    void* workspace(size_t bytes)
    {
        workspace_ = std::make_unique<DeviceArray<char>>(bytes);
        return workspace_->data();
    }
    void compare()
    {
        for (const auto& item : outputs_)
            compareOne(item.first, host(item.first).data, item.second->values());
    }

private:
    void compareOne(const std::string& file, const Floats& expected, const Floats& got) const
    {
        const std::string name = file.rfind("out_", 0) == 0 ? file.substr(4) : file;
        const Json& tolerance = description_["tolerance"][name];
        const double atol = tolerance["atol"].number(), rtol = tolerance["rtol"].number();
        for (size_t i = 0; i < expected.size(); i++)
            if (!(std::abs(static_cast<double>(got[i]) - expected[i]) <= atol + rtol * std::abs(expected[i])))
            {
                expect(false, path_ + ": " + name + "[" + std::to_string(i) + "] is " + std::to_string(got[i]) +
                                  ", expected " + std::to_string(expected[i]));
                return;
            }
    }

    std::string op_, path_;
    Json description_;
    std::map<std::string, Tensor> tensors_;
    std::map<std::string, std::unique_ptr<DeviceArray<float>>> arrays_, outputs_;
    std::unique_ptr<DeviceArray<char>> workspace_;
};

kernels::FeaturePyramid<float> pyramid(Vector& v)
{
    kernels::FeaturePyramid<float> maps;
    maps.levels = v.levels();
    for (int i = 0; i < maps.levels; i++)
    {
        const std::string name = "in_feat_" + std::to_string(i);
        maps.batch = v.host(name).size(0);
        maps.channels = v.host(name).size(1);
        maps.height[i] = v.host(name).size(2);
        maps.width[i] = v.host(name).size(3);
        maps.stride[i] = v.stride(i);
        maps.data[i] = v.device(name);
    }
    return maps;
}

//! Poisoned gradients of the maps.
std::vector<float*> gradients(Vector& v)
{
    std::vector<float*> pointers;
    for (int i = 0; i < v.levels(); i++)
        pointers.push_back(v.output("grad_feat_" + std::to_string(i)));
    return pointers;
}

cuda::Status roiAlign(Vector& v)
{
    kernels::RoIAlignParams p;
    p.pooledHeight = v.outputSize(0);
    p.pooledWidth = v.outputSize(1);
    p.samplingRatio = v.integer("sampling_ratio", 0);
    p.finestScale = v.real("finest_scale", 56.f);
    p.aligned = v.flag("aligned", true);
    p.legacy = v.flag("legacy", false);
    const int numRois = v.host("in_rois").size(0);
    const cuda::Status status =
        cuda::roiAlign(p, {pyramid(v), v.device("in_rois"), numRois}, v.output("out_pooled"), nullptr);
    if (status != cuda::Status::SUCCESS || !v.has("in_upstream"))
        return status;
    return cuda::roiAlignBackward(p, {pyramid(v), v.device("in_rois"), numRois}, v.device("in_upstream"),
                                  gradients(v).data(), nullptr);
}

cuda::Status deform(Vector& v)
{
    kernels::DeformRoIPoolParams p;
    p.pooledSize = v.outputSize(0);
    p.offsetSize = v.host("in_offsets").size(2);
    p.samplingRatio = v.integer("sampling_ratio", 2);
    p.gamma = v.real("gamma", 0.1f);
    p.finestScale = v.real("finest_scale", 56.f);
    p.legacy = v.flag("legacy", false);
    const int numRois = v.host("in_rois").size(0);
    const cuda::Status status = cuda::deformRoIPool(
        p, {pyramid(v), v.device("in_rois"), numRois, v.device("in_offsets")}, v.output("out_pooled"), nullptr);
    if (status != cuda::Status::SUCCESS || !v.has("in_upstream"))
        return status;
    return cuda::deformRoIPoolBackward(p, {pyramid(v), v.device("in_rois"), numRois, v.device("in_offsets")},
                                       v.device("in_upstream"), gradients(v).data(), v.output("grad_offsets"), nullptr);
}

cuda::Status adaptive(Vector& v)
{
    const Tensor& F = v.host("in_F");
    const int planes = F.size(0) * F.size(1), height = F.size(2), width = F.size(3);
    const float gain = v.real("gain", 12.f);
    const cuda::Status status = cuda::adaptiveWeightedPool({gain, planes, height, width}, v.device("in_F"),
                                                           v.device("in_N"), v.output("out_pooled"), nullptr);
    if (status != cuda::Status::SUCCESS || !v.has("in_upstream"))
        return status;
    return cuda::adaptiveWeightedPoolBackward({gain, planes, height, width}, v.device("in_F"), v.device("in_N"),
                                              v.device("in_upstream"), {v.output("grad_F"), v.output("grad_N")},
                                              nullptr);
}

cuda::Status norm(Vector& v)
{
    const Tensor& X = v.host("in_X");
    return cuda::instanceNorm({v.real("epsilon", 1e-5f), X.size(0), X.size(1), X.size(2) * X.size(3)}, v.device("in_X"),
                              v.device("const_scale"), v.device("const_bias"), v.output("out_Y"), nullptr);
}

cuda::Status decode(Vector& v)
{
    kernels::DenseBoxDecodeParams p;
    p.overlapThreshold = v.real("overlap_threshold", 0.5f);
    p.weighted = v.attributes().has("mode") && v.attributes()["mode"].text() == "weighted";
    p.legacy = v.flag("legacy", false);
    return cuda::denseBoxDecode(
        p,
        {v.device("in_rois"), v.device("in_offsets"), v.device("in_overlap"), v.device("in_im_info"),
         v.host("in_rois").size(0), v.host("in_offsets").size(2), v.host("in_im_info").size(0)},
        v.output("out_boxes"), nullptr);
}

cuda::Status proposal(Vector& v)
{
    kernels::ProposalParams p;
    p.anchorScale = v.real("anchor_scale", 8.f);
    if (v.attributes().has("anchor_ratios"))
    {
        p.anchorRatios.clear();
        for (const Json& ratio : v.attributes()["anchor_ratios"].items())
            p.anchorRatios.push_back(static_cast<float>(ratio.number()));
    }
    p.preNmsTopN = v.integer("pre_nms_top_n", 1000);
    p.postNmsTopN = v.integer("post_nms_top_n", 1000);
    p.maxProposals = v.integer("max_proposals", 1000);
    p.nmsThreshold = v.real("nms_threshold", 0.7f);
    p.minSize = v.real("min_size", 0.f);
    p.legacy = v.flag("legacy", false);
    kernels::RpnMaps maps;
    maps.levels = v.levels();
    for (int i = 0; i < maps.levels; i++)
    {
        const std::string cls = "in_cls_" + std::to_string(i);
        maps.batch = v.host(cls).size(0);
        maps.height[i] = v.host(cls).size(2);
        maps.width[i] = v.host(cls).size(3);
        maps.stride[i] = v.stride(i);
        maps.cls[i] = v.device(cls);
        maps.box[i] = v.device("in_box_" + std::to_string(i));
    }
    const size_t bytes = cuda::proposalWorkspace(p, maps);
    return cuda::proposal(p, maps, v.device("in_im_info"), {v.output("out_rois"), v.output("out_scores")},
                          {v.workspace(bytes), bytes}, nullptr);
}

cuda::Status detections(Vector& v)
{
    kernels::DetectionsParams p;
    p.batchSize = v.integer("batch_size", 1);
    p.scoreThreshold = v.real("score_threshold", 0.05f);
    p.nmsThreshold = v.real("nms_threshold", 0.5f);
    const std::string mode = v.attributes().has("nms_mode") ? v.attributes()["nms_mode"].text() : "hard";
    p.nmsMode = mode == "soft_linear"     ? kernels::NMSMode::SOFT_LINEAR
                : mode == "soft_gaussian" ? kernels::NMSMode::SOFT_GAUSSIAN
                                          : kernels::NMSMode::HARD;
    p.softSigma = v.real("soft_sigma", 0.5f);
    p.softMinScore = v.real("soft_min_score", 0.001f);
    p.maxDetections = v.integer("max_detections", 100);
    p.classAgnosticBoxes = v.flag("class_agnostic_boxes", true);
    p.labelled = v.flag("labelled", false);
    p.legacy = v.flag("legacy", false);
    const Tensor &rois = v.host("in_rois"), &probs = v.host("in_probs");
    const size_t bytes = cuda::detectionsWorkspace(p, {nullptr, rois.size(1), nullptr, probs.size(1), rois.size(0)});
    return cuda::detections(p, {v.device("in_rois"), rois.size(1), v.device("in_probs"), probs.size(1), rois.size(0)},
                            {v.output("out_detections")}, {v.workspace(bytes), bytes}, nullptr);
}

const std::map<std::string, cuda::Status (*)(Vector&)> OPERATORS{
    {"D2RoIAlign", roiAlign},    {"roi_align_backward", roiAlign},     {"D2DeformRoIPool", deform},
    {"deform_backward", deform}, {"D2AdaptiveWeightedPool", adaptive}, {"awp_backward", adaptive},
    {"D2InstanceNorm", norm},    {"D2DenseBoxDecode", decode},         {"D2Proposal", proposal},
    {"D2Detections", detections}};

//! Training functions that are no operator of ours: the trainer composes them.
const std::set<std::string> NO_OPERATOR{
    "awp_block_backward",  "dlr_loss",       "bce_loss",    "smooth_l1", "overlap_labels",
    "mask_overlap_labels", "assign_anchors", "sample_rois", "box_iou",   "encode_deltas"};

const Case golden("golden:vectors",
                  []
                  {
                      const char* place = std::getenv("D2DET_SHARED");
                      const std::string folder =
                          (place && *place ? std::string(place) : std::string(D2DET_SOURCE_DIR) + "/../shared") +
                          "/golden/";
                      if (!std::ifstream(folder + "index.json"))
                          throw Skipped("no " + folder + "index.json; set D2DET_SHARED");
                      std::map<std::string, int> counts;
                      const Json index = Json::parse(readFile(folder + "index.json"));
                      for (const Json& entry : index["vectors"].items())
                      {
                          const std::string op = entry["op"].text(), kind = entry["kind"].text();
                          if (kind == "host" || kind == "eval" || (kind == "train" && NO_OPERATOR.count(op)))
                              continue;
                          const auto run = OPERATORS.find(op);
                          expect(run != OPERATORS.end(), "no code for " + op);
                          if (run == OPERATORS.end())
                              continue;
                          const std::string path = folder + entry["path"].text();
                          Vector vector(op, path);
                          requireSuccess(run->second(vector), path);
                          vector.compare();
                          counts[op]++;
                      }
                      for (const auto& item : OPERATORS)
                          expect(counts[item.first] > 0, "no vector of " + item.first);
                      for (const auto& item : counts)
                          std::printf("    %3d vectors of %s\n", item.second, item.first.c_str());
                  });

}  // namespace
}  // namespace test
}  // namespace d2det
