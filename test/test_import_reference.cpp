// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Imported models against those they come from: backbones and detectors of torchvision, and D2Det's release, whose
   results import_reference.py computes. Without a Python that has torchvision the test is reported as skipped. */

#define BOOST_TEST_MODULE import_reference
#include <boost/test/unit_test.hpp>

#include "engine/model_import.hpp"
#include "errors.hpp"
#include "export/exporter.hpp"
#include "programs.hpp"
#include "torchvision.hpp"

#include "opencv2/d2det.hpp"

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <set>

using namespace d2det;
using namespace d2det::test;

namespace
{

void runReference(const TempFolder& folder, const std::string& what)
{
    const Outcome outcome = runShell(folder.path(), pythonWithTorchvision() + " '" + D2DET_SOURCE_DIR +
                                                        "/test/import_reference.py' '" + folder.path() + "' " + what);
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
}

//! Largest difference, in units of the largest value.
void checkClose(const Tensor& got, const Tensor& expected, double bound, const std::string& what)
{
    BOOST_REQUIRE_MESSAGE(got.sizes() == expected.sizes(), what << ": " << got.sizes() << " " << expected.sizes());
    const double difference = (got - expected).abs().max().item<double>(), size = expected.abs().max().item<double>();
    BOOST_TEST_MESSAGE(what << ": differs by " << difference << " of " << size);
    BOOST_TEST(difference <= bound * std::max(size, 1.0), what);
    BOOST_TEST(size > 0, what);
}

constexpr double FEATURES = 1e-3;

void comparePyramid(Detector& model, const TensorMap& expected)
{
    const torch::NoGradGuard noGrad;
    const std::vector<Tensor> pyramid = model->fpn(model->backbone(expected.at("image")));
    BOOST_REQUIRE_EQUAL(pyramid.size(), 5u);
    std::vector<Tensor> logits, deltas;
    model->rpn->forward(pyramid, logits, deltas);
    for (size_t i = 0; i < pyramid.size(); i++)
    {
        const std::string n = std::to_string(i);
        checkClose(pyramid[i], expected.at("pyramid" + n), FEATURES, "pyramid " + n);
        checkClose(logits[i], expected.at("logit" + n), FEATURES, "logits " + n);
        checkClose(deltas[i], expected.at("delta" + n), FEATURES, "deltas " + n);
    }
}

//! Detections of one program: rows x1 y1 x2 y2 score class.
using Rows = std::vector<std::array<float, 6>>;

Rows rowsOf(const TensorMap& expected, const std::vector<int>& classOfLabel)
{
    Rows rows;
    const Tensor &boxes = expected.at("boxes"), &scores = expected.at("scores"), &labels = expected.at("labels");
    for (int64_t i = 0; i < boxes.size(0); i++)
    {
        const int label = static_cast<int>(labels[i].item<float>());
        rows.push_back({boxes[i][0].item<float>(), boxes[i][1].item<float>(), boxes[i][2].item<float>(),
                        boxes[i][3].item<float>(), scores[i].item<float>(),
                        static_cast<float>(classOfLabel.at(static_cast<size_t>(label)))});
    }
    return rows;
}

//! Every detection has a partner of its class within 0.1 pixels and 0.001 in score. @return partners, -1: none.
std::vector<int> match(const Rows& got, const Rows& expected)
{
    std::vector<int> partners;
    std::set<int> taken;
    for (const auto& row : got)
    {
        int best = -1;
        for (size_t i = 0; i < expected.size() && best < 0; i++)
        {
            float box = 0;
            for (int k = 0; k < 4; k++)
                box = std::max(box, std::abs(row[k] - expected[i][k]));
            if (box < 0.1f && std::abs(row[4] - expected[i][4]) < 1e-3f && row[5] == expected[i][5] &&
                !taken.count(static_cast<int>(i)))
                best = static_cast<int>(i);
        }
        taken.insert(best);
        partners.push_back(best);
    }
    return partners;
}

float boxIoU(const std::array<float, 6>& a, const std::array<float, 6>& b)
{
    const float width = std::min(a[2], b[2]) - std::max(a[0], b[0]),
                height = std::min(a[3], b[3]) - std::max(a[1], b[1]);
    const float both = std::max(width, 0.f) * std::max(height, 0.f);
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

/** All rows have partners, but for ties of NMS: of two boxes of a class that overlap by more than its threshold, with
    scores that differ by less than 1e-4, the one or the other is left. The maps behind them differ by 3e-5 of their
    range (other convolutions), so that this happens to a row or two of 100. */
void checkMatch(const Rows& got, const Rows& expected, const std::string& what)
{
    constexpr float TIE = 1e-4f, NMS_THRESHOLD = 0.5f;
    constexpr int MAX_TIES = 2;
    const std::vector<int> partners = match(got, expected);
    const std::set<int> taken(partners.begin(), partners.end());
    int ties = 0;
    for (size_t i = 0; i < got.size(); i++)
    {
        const auto& row = got[i];
        bool tie = false;
        for (size_t k = 0; k < expected.size() && partners[i] < 0; k++)
            tie = tie || (!taken.count(static_cast<int>(k)) && row[5] == expected[k][5] &&
                          std::abs(row[4] - expected[k][4]) < TIE && boxIoU(row, expected[k]) > NMS_THRESHOLD);
        ties += tie;
        BOOST_TEST((partners[i] >= 0 || tie), what << ": row " << i << " has no partner: score " << row[4] << ", box "
                                                   << row[0] << " " << row[1] << " " << row[2] << " " << row[3]
                                                   << ", class " << row[5]);
    }
    BOOST_TEST_MESSAGE(what << ": " << got.size() << " detections, " << expected.size() << " expected, " << ties
                            << " ties of NMS");
    BOOST_TEST(got.size() == expected.size(), what);
    BOOST_TEST(ties <= MAX_TIES, what);
    BOOST_TEST(expected.size() > 20u, what);
}

//! The image of the reference as OpenCV reads it: BGR.
cv::Mat imageOf(const TensorMap& expected)
{
    const Tensor pixels = expected.at("pixels").to(torch::kByte).permute({1, 2, 0}).contiguous();
    const cv::Mat rgb(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3, pixels.data_ptr());
    cv::Mat bgr;
    cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
    return bgr;
}

Rows detectWith(const std::string& model, const cv::Mat& image)
{
    cv::Mat found;
    cv::d2det::Detector::create(model)->detect(image, found);
    Rows rows;
    for (int i = 0; i < found.rows; i++)
    {
        const float* d = found.ptr<float>(i);
        rows.push_back({d[0], d[1], d[2], d[3], d[4], d[5]});
    }
    return rows;
}

//! Detections and masks [n, 1, 28, 28] of the plain Net.
Rows forwardNet(const std::string& path, const Tensor& image, cv::Mat* masks)
{
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_ERROR);
    cv::d2det::registerLayers();
    cv::dnn::Net net = cv::dnn::readNet(path);
    const Tensor dense = image.contiguous();
    const int shape[] = {1, 3, static_cast<int>(dense.size(2)), static_cast<int>(dense.size(3))};
    net.setInput(cv::Mat(4, shape, CV_32F, dense.data_ptr()).clone(), "image");
    net.setInput(cv::Mat(cv::Matx13f(static_cast<float>(shape[2]), static_cast<float>(shape[3]), 1.f)), "im_info");
    std::vector<cv::Mat> outputs;
    net.forward(outputs,
                masks ? std::vector<cv::String>{"detections", "masks"} : std::vector<cv::String>{"detections"});
    Rows rows;
    for (int i = 0; i < outputs[0].size[0]; i++)
    {
        const float* d = outputs[0].ptr<float>(i);
        if (d[1] >= 0)
            rows.push_back({d[3], d[4], d[5], d[6], d[2], d[1]});
    }
    if (masks)
        *masks = outputs[1].clone();
    return rows;
}

//! Class of every label of the 91 of COCO; -1 for those without a class.
std::vector<int> classesOfCoco()
{
    std::vector<int> classOfLabel(91, -1);
    const std::vector<std::string> all = classNamesOfRows(91, {});
    for (int label = 1, next = 0; label <= 90; label++)
        if (all[static_cast<size_t>(label - 1)] != "N/A")
            classOfLabel[static_cast<size_t>(label)] = next++;
    return classOfLabel;
}

//! A model with masks in Net and in Detector.
void compareMaskModel(const std::string& path, const TensorMap& expected, const std::string& what)
{
    const Rows wanted = rowsOf(expected, classesOfCoco());
    cv::Mat masks;
    const Rows net = forwardNet(path, expected.at("image"), &masks);
    checkMatch(net, wanted, what + " in Net");
    const std::vector<int> partners = match(net, wanted);
    for (size_t i = 0; i < partners.size(); i++)
        if (partners[i] >= 0)
        {
            const Tensor mine =
                torch::from_blob(masks.ptr<float>(static_cast<int>(i)), {1, 28, 28}, torch::kFloat).clone();
            const double difference = (mine - expected.at("masks")[partners[i]]).abs().max().item<double>();
            BOOST_TEST(difference < 5e-3, "mask " << i);  // of boxes that differ by up to 0.1 pixels
        }
    checkMatch(detectWith(path, imageOf(expected)), wanted, what + " in Detector");
}

//! A model with three classes and without masks.
void compareBoxModel(const std::string& path, const TensorMap& expected, const std::string& what)
{
    const Rows wanted = rowsOf(expected, {-1, 0, 1, 2});
    checkMatch(forwardNet(path, expected.at("image"), nullptr), wanted, what + " in Net");
    checkMatch(detectWith(path, imageOf(expected)), wanted, what + " in Detector");
}

//! Features behind the fully connected layers of the class head, for the proposals of the reference.
void compareClassHead(Detector& model, const TensorMap& expected)
{
    const torch::NoGradGuard noGrad;
    const Tensor boxes = expected.at("proposals");
    const Tensor rois = torch::cat({torch::zeros({boxes.size(0), 1}), boxes}, 1).contiguous();
    std::vector<Tensor> pyramid;
    for (int i = 0; i < 4; i++)
        pyramid.push_back(expected.at("pyramid" + std::to_string(i)).contiguous());
    checkClose(model->stages[0].classHead->features(pyramid, rois).flatten(1), expected.at("box_features"), FEATURES,
               "features of the class head");
}

//! Settings of the reference.
const std::string REFERENCE_SETTINGS =
    " --set model.rpn.pre_nms_top_n_test=300 --set model.rpn.post_nms_top_n_test=100 --set "
    "model.rpn.proposals_test=100 --short-side 224 --long-side 288";

}  // namespace

BOOST_AUTO_TEST_SUITE(reference, *boost::unit_test::precondition(torchvisionPresent))

BOOST_AUTO_TEST_CASE(trunks_of_torchvision)
{
    const TempFolder folder;
    runReference(folder, "trunks");
    for (const std::string name : {"resnet18", "resnet50", "resnext50_32x4d", "mobilenet_v2"})
        for (const char* norm : {"frozen_bn", "none"})
            BOOST_TEST_CONTEXT(name << " " << norm)
            {
                const TensorMap expected = readSafetensors(folder / (name + ".safetensors")).tensors;
                ImportOptions options;
                options.overrides = {std::string("model.backbone.norm=") + norm};
                const ImportResult result = importModel(readWeightFile(folder / (name + ".pth")), options);
                BOOST_TEST(result.report.missing.empty());
                BOOST_TEST(result.report.mismatched.empty());
                Backbone backbone(result.config.model.backbone);
                initializeModel(*backbone,
                                [&]
                                {
                                    TensorMap plain;
                                    for (const auto& item : result.weights)
                                        plain[item.first.substr(9)] = item.second;
                                    return plain;
                                }());
                const torch::NoGradGuard noGrad;
                const std::vector<Tensor> maps = backbone(expected.at("image"));
                for (size_t i = 0; i < maps.size(); i++)
                    checkClose(maps[i], expected.at("map" + std::to_string(i)), FEATURES, "map " + std::to_string(i));
            }
}

BOOST_AUTO_TEST_CASE(detectors_of_torchvision)
{
    const TempFolder folder;
    runReference(folder, "torchvision");
    const Outcome mask = runProgram(
        folder, "d2det_import",
        "--input mask.pth --output mask.onnx --weights mask_ours.safetensors --config mask.json" + REFERENCE_SETTINGS);
    BOOST_REQUIRE_MESSAGE(mask.code == 0, mask.text);
    checkContains(mask.out, "10 rows of the classifier without a class left out, 80 classes taken");
    BOOST_TEST(!contains(mask.out, "missing"));
    BOOST_TEST(!contains(mask.out, "not used"));
    const Outcome faster =
        runProgram(folder, "d2det_import", "--input faster.pth --output faster.onnx" + REFERENCE_SETTINGS);
    BOOST_REQUIRE_MESSAGE(faster.code == 0, faster.text);

    // Old names and the old format give the same weights.
    const ImportResult oldFile = importModel(readWeightFile(folder / "mask_old.pth"), {});
    const TensorFile ours = readSafetensors(folder / "mask_ours.safetensors");
    BOOST_TEST(oldFile.weights.size() == ours.tensors.size());
    for (const auto& item : oldFile.weights)
        BOOST_TEST(torch::equal(item.second, ours.tensors.at(item.first)), item.first);

    // d2det_train and d2det_export read what was written.
    const TensorMap expected = readSafetensors(folder / "mask.safetensors").tensors;
    Detector model(checkpointConfig(ours).model);
    restoreModel(*model, modelWeights(ours));
    model->eval();
    comparePyramid(model, expected);
    compareClassHead(model, expected);
    BOOST_TEST(configToJson(loadConfig(folder / "mask.json")) == configToJson(checkpointConfig(ours)));

    compareMaskModel(folder / "mask.onnx", expected, "Mask R-CNN");
    compareBoxModel(folder / "faster.onnx", readSafetensors(folder / "faster.safetensors").tensors, "Faster R-CNN");
}

//! Version 2: norms in pyramid and heads, an RPN of two convolutions, a box head of four and one fully connected layer.
BOOST_AUTO_TEST_CASE(second_detectors_of_torchvision)
{
    const TempFolder folder;
    runReference(folder, "second");
    for (const std::string name : {"mask2", "faster2"})
        BOOST_TEST_CONTEXT(name)
        {
            const Outcome outcome = runProgram(folder, "d2det_import",
                                               "--input " + name + ".pth --output " + name + ".onnx --weights " + name +
                                                   "_ours.safetensors" + REFERENCE_SETTINGS);
            BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
            BOOST_TEST(!contains(outcome.out, "missing"), outcome.out);
            BOOST_TEST(!contains(outcome.out, "not used"), outcome.out);
            const TensorMap expected = readSafetensors(folder / (name + ".safetensors")).tensors;
            const TensorFile ours = readSafetensors(folder / (name + "_ours.safetensors"));
            Detector model(checkpointConfig(ours).model);
            restoreModel(*model, modelWeights(ours));
            model->eval();
            comparePyramid(model, expected);
            compareClassHead(model, expected);
            if (name == "mask2")
                compareMaskModel(folder / "mask2.onnx", expected, "Mask R-CNN, version 2");
            else
                compareBoxModel(folder / "faster2.onnx", expected, "Faster R-CNN, version 2");
        }
}

BOOST_AUTO_TEST_CASE(release_of_d2det)
{
    const TempFolder folder;
    runReference(folder, "release");
    const TensorMap expected = readSafetensors(folder / "release.safetensors").tensors;
    const ImportResult result = importModel(readWeightFile(folder / "release.pth"), {});
    BOOST_TEST(result.report.missing.empty());
    BOOST_TEST(result.report.mismatched.empty());
    BOOST_TEST(result.report.unused.empty());
    BOOST_TEST(result.config.model.legacy);
    BOOST_TEST(result.config.model.classNames == (std::vector<std::string>{"a", "b", "c", "d", "e"}),
               boost::test_tools::per_element());
    Detector model = result.model;
    comparePyramid(model, expected);

    const torch::NoGradGuard noGrad;
    const Tensor boxes = expected.at("rois");
    const Tensor rois = torch::cat({torch::zeros({boxes.size(0), 1}), boxes}, 1).contiguous();
    std::vector<Tensor> pyramid;
    for (int i = 0; i < 4; i++)
        pyramid.push_back(expected.at("pyramid" + std::to_string(i)).contiguous());
    // The background is class 0 there and the last one here.
    const Tensor scores = expected.at("scores");
    const Tensor order = torch::cat({scores.slice(1, 1), scores.slice(1, 0, 1)}, 1);
    checkClose(model->stages[0].classHead->forward(pyramid, rois), order, FEATURES, "class scores");
    DenseBoxHeadImpl* box = model->stages[0].dense();
    BOOST_REQUIRE(box);
    const Tensor trunk = box->trunk(pyramid, rois);
    const auto [offsets, overlap] = box->predict(trunk);
    checkClose(offsets, expected.at("offsets"), FEATURES, "offsets");
    checkClose(overlap, expected.at("overlap"), FEATURES, "overlap");
    for (int64_t k = 0; k < 5; k++)
    {
        const RoIGroups classes =
            RoIGroups::byClass(torch::full({boxes.size(0)}, k, torch::kLong), 5, torch::Device(torch::kCPU));
        const Tensor logits = model->maskHead->forward(pyramid, trunk, rois, classes);
        checkClose(logits, expected.at("masks").slice(1, k + 1, k + 2), FEATURES, "masks");
        checkClose(model->maskHead->score(trunk, logits, classes).flatten(), expected.at("iou").select(1, k), FEATURES,
                   "mask IoU");
    }
    exportOnnx(model, folder / "release.onnx");
    cv::d2det::registerLayers();
    BOOST_TEST(!cv::dnn::readNet(folder / "release.onnx").empty());

    const ImportResult only = importModel(readWeightFile(folder / "release_boxes.pth"), {});
    BOOST_TEST((only.config.model.roi.maskHead.type == MaskHeadType::NONE));
    BOOST_TEST(only.report.missing.empty());
    BOOST_TEST(only.config.model.classNames.back() == "class 5");
}

BOOST_AUTO_TEST_SUITE_END()
