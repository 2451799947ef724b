// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Faster and Mask R-CNN against torchvision, by the configurations in training/configs: the same weights and images
   give the same training losses (1e-4), proposals, boxes (0.1 pixels), scores (1e-3) and masks (IoU 0.999). Runs
   torchvision_reference.py; without a Python that has torchvision the test is reported as skipped. */

#define BOOST_TEST_MODULE torchvision
#include <boost/test/unit_test.hpp>

#include "engine/checkpoint.hpp"
#include "errors.hpp"
#include "model/detector.hpp"
#include "programs.hpp"
#include "torchvision.hpp"

using namespace d2det;
using namespace d2det::test;

namespace
{

constexpr int IMAGES = 2;

//! The configuration of torchvision's model with ResNet-50, made as narrow as the one of the script.
Config narrow(const std::string& name)
{
    Config config = loadConfig(std::string(D2DET_SOURCE_DIR) + "/training/configs/" + name);
    ModelConfig& c = config.model;
    c.classNames = {"a", "b", "c"};
    c.backbone.type = BackboneType::RESNET18;
    c.fpn.channels = c.rpn.channels = c.roi.maskHead.channels = 32;
    c.rpn.anchorScale = 4;
    c.rpn.batchPerImage = c.roi.batchPerImage = 100000;  // takes all
    c.rpn.preNmsTopNTrain = 300;
    c.rpn.postNmsTopNTrain = c.rpn.proposalsTrain = 200;
    c.rpn.preNmsTopNTest = 200;
    c.rpn.postNmsTopNTest = c.rpn.proposalsTest = 100;
    c.roi.classHead.fcChannels = 64;
    return config;
}

struct Reference
{
    explicit Reference(const std::string& path) : file(readSafetensors(path)) {}

    const Tensor& at(const std::string& name) const { return file.tensors.at(name); }
    const Tensor& of(const char* group, int image, const char* name) const
    {
        return at(group + std::to_string(image) + "/" + name);
    }

    TensorMap weights() const
    {
        TensorMap out;
        for (const auto& [name, value] : file.tensors)
            if (name.rfind("weights/", 0) == 0)
                out[name.substr(8)] = value;
        return out;
    }

    Batch batch() const
    {
        Batch out;
        std::vector<ImageInfo> infos;
        for (int i = 0; i < IMAGES; i++)
        {
            ImageInfo info;
            info.height = static_cast<int>(metadataCount(file, "height"));
            info.width = static_cast<int>(metadataCount(file, "width" + std::to_string(i)));
            infos.push_back(info);
            Instances objects(Boxes(of("target", i, "boxes")), of("target", i, "labels").to(torch::kLong) - 1);
            const Tensor masks = of("target", i, "masks").to(torch::kByte);
            objects.setMasks(masks, torch::ones({masks.size(0)}, torch::kBool));
            out.targets.push_back(objects);
            out.imageIds.push_back(i);
        }
        out.images = ImageBatch(at("images"), infos);
        return out;
    }

    TensorFile file;
};

void compareLosses(Detector& model, const Reference& reference)
{
    const LossMap losses = model->losses(reference.batch(), at::detail::createCPUGenerator(1));
    const std::pair<const char*, const char*> names[] = {{"rpn_cls", "loss_objectness"},
                                                         {"rpn_box", "loss_rpn_box_reg"},
                                                         {"cls", "loss_classifier"},
                                                         {"box", "loss_box_reg"},
                                                         {"mask", "loss_mask"}};
    size_t compared = 0;
    for (const auto& [ours, theirs] : names)
    {
        if (!losses.count(ours))
            continue;
        const double expected = reference.at(std::string("loss/") + theirs).item<double>();
        const double got = losses.at(ours).item<double>();
        BOOST_TEST_MESSAGE(ours << ": " << got << ", torchvision " << expected);
        BOOST_TEST(expected > 0);
        BOOST_TEST(got == expected, boost::test_tools::tolerance(1e-4));
        compared++;
    }
    BOOST_TEST(compared == losses.size());
}

//! Rows of one image, in order. @param classColumn < 0: rows are (batch, box), else detections.
std::vector<Tensor> rowsOf(const Tensor& rows, int image, int classColumn)
{
    std::vector<Tensor> out;
    for (int64_t r = 0; r < rows.size(0); r++)
        if (rows[r][0].item<int>() == image && (classColumn < 0 || rows[r][classColumn].item<float>() >= 0) &&
            (rows[r].slice(0, 1) != 0).any().item<bool>())
            out.push_back(rows[r]);
    return out;
}

double distance(const Tensor& a, const Tensor& b)
{
    return (a - b).abs().max().item<double>();
}

//! Proposals in the same order, but for neighbors of almost equal score.
void compareProposals(const InferenceTrace& trace, const Reference& reference)
{
    for (int i = 0; i < IMAGES; i++)
    {
        const std::vector<Tensor> own = rowsOf(trace.proposals, i, -1);
        const Tensor& expected = reference.at("proposals" + std::to_string(i));
        BOOST_REQUIRE_EQUAL(static_cast<int64_t>(own.size()), expected.size(0));
        for (const Tensor& row : own)
            BOOST_TEST((expected - row.slice(0, 1)).abs().amax(1).min().item<double>() < 0.1);
    }
}

double maskIoU(const Tensor& a, const Tensor& b)
{
    const Tensor x = a.ge(0.5), y = b.ge(0.5);
    const double unite = x.logical_or(y).sum().item<double>();
    return unite > 0 ? x.logical_and(y).sum().item<double>() / unite : 1;
}

void compareDetections(const InferenceTrace& trace, const Reference& reference)
{
    for (int i = 0; i < IMAGES; i++)
    {
        const Tensor& boxes = reference.of("found", i, "boxes");
        const Tensor& scores = reference.of("found", i, "scores");
        const Tensor& labels = reference.of("found", i, "labels");
        int64_t count = 0;
        double intersection = 0, whole = 0;
        for (int64_t r = 0; r < trace.detections.size(0); r++)
        {
            const Tensor row = trace.detections[r];
            if (row[1].item<float>() < 0 || row[0].item<int>() != i)
                continue;
            count++;
            const Tensor cost = (boxes - row.slice(0, 3, 7)).abs().amax(1) +
                                labels.sub(1).ne(row[1]).to(torch::kFloat) * 1000 + (scores - row[2]).abs() * 100;
            const int64_t partner = cost.argmin().item<int64_t>();
            BOOST_TEST(distance(boxes[partner], row.slice(0, 3, 7)) < 0.1, "image " << i << ", row " << r);
            BOOST_TEST(labels[partner].item<float>() - 1 == row[1].item<float>());
            BOOST_TEST(std::abs((scores[partner] - row[2]).item<double>()) < 1e-3);
            if (!trace.masks.defined())
                continue;
            const Tensor& theirs = reference.of("found", i, "masks")[partner];
            BOOST_TEST(distance(trace.masks[r], theirs) < 1e-2);
            const double iou = maskIoU(trace.masks[r], theirs);
            BOOST_TEST(iou > 0.99, "image " << i << ", mask " << r << ": IoU " << iou);
            const Tensor x = trace.masks[r].ge(0.5), y = theirs.ge(0.5);
            intersection += x.logical_and(y).sum().item<double>();
            whole += x.logical_or(y).sum().item<double>();
        }
        BOOST_TEST_MESSAGE("image " << i << ": " << count << " detections");
        BOOST_TEST(count == boxes.size(0));
        BOOST_TEST(count > 20);
        if (trace.masks.defined())
            BOOST_TEST(intersection / whole > 0.999);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reference, *boost::unit_test::precondition(torchvisionPresent))

BOOST_AUTO_TEST_CASE(losses_and_detections)
{
    const TempFolder folder;
    const Outcome outcome = runShell(folder.path(), pythonWithTorchvision() + " '" + D2DET_SOURCE_DIR +
                                                        "/test/torchvision_reference.py' '" + folder.path() + "'");
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
    for (const char* kind : {"faster", "mask"})
        BOOST_TEST_CONTEXT(kind)
        {
            const Reference reference(folder / (std::string(kind) + ".safetensors"));
            Detector model(narrow(std::string(kind) + "_rcnn_r50_torchvision.json").model);
            restoreModel(*model, reference.weights());
            compareLosses(model, reference);
            model->eval();
            const InferenceTrace trace = model->infer(reference.batch().images);
            compareProposals(trace, reference);
            compareDetections(trace, reference);
        }
}

BOOST_AUTO_TEST_SUITE_END()
