// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The exported file: accepted by the ONNX checker and by cv::dnn, only forms that OpenCV 4.6 reads right, complete
   description, clear errors, whole files only; and the command line of d2det_export. */

#define BOOST_TEST_MODULE export
#include <boost/test/unit_test.hpp>

#include "errors.hpp"
#include "export_models.hpp"
#include "programs.hpp"
#include "synthetic_image.hpp"

#include "engine/checkpoint.hpp"
#include "export/onnx_graph.hpp"

#include <opencv2/d2det.hpp>
#include <opencv2/imgcodecs.hpp>

#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <fstream>
#include <map>
#include <set>

using namespace d2det;
using namespace d2det::test;
namespace fs = std::filesystem;

namespace
{

ONNX_NAMESPACE::ModelProto read(const std::string& path)
{
    ONNX_NAMESPACE::ModelProto model;
    BOOST_REQUIRE_MESSAGE(model.ParseFromString(textOf(path)), path << " is no ONNX file");
    return model;
}

const ONNX_NAMESPACE::AttributeProto& attribute(const ONNX_NAMESPACE::NodeProto& node, std::string_view name)
{
    for (const auto& a : node.attribute())
        if (a.name() == name)
            return a;
    throw std::runtime_error(node.op_type() + " has no attribute " + std::string(name));
}

const ONNX_NAMESPACE::NodeProto& producer(const ONNX_NAMESPACE::ModelProto& model, std::string_view tensor)
{
    for (const auto& node : model.graph().node())
        for (const auto& output : node.output())
            if (output == tensor)
                return node;
    throw std::runtime_error("nothing makes " + std::string(tensor));
}

//! Forms that OpenCV 4.6 reads wrongly or not at all (opencv_notes.md 6) and graph errors that the checker does not
//! look for.
void checkGraph(const ONNX_NAMESPACE::ModelProto& model)
{
    static const std::set<std::string> standard{"Conv",    "Relu", "MaxPool", "AveragePool", "Resize",
                                                "Add",     "Mul",  "Reshape", "Concat",      "Slice",
                                                "Softmax", "Max",  "Cast",    "Sigmoid"};
    static const std::set<std::string> own{
        "D2Proposal",       "D2RoIAlign",       "D2DeformRoIPool", "D2AdaptiveWeightedPool",
        "D2RoIConv",        "D2DenseBoxDecode", "D2Detections",    "D2GatherRows",
        "D2DeltaBoxDecode", "D2ReLU6",          "D2InstanceNorm",  "D2DeformConv2d"};
    static const std::set<std::string> reserved{
        "kernel_size", "stride", "pad",        "dilation", "pad_mode", "depth",        "name",
        "type",        "scales", "zeropoints", "strides",  "pads",     "kernel_shape", "has_dynamic_shapes"};
    std::map<std::string, const ONNX_NAMESPACE::TensorProto*> constants;
    std::set<std::string> known, used;
    for (const auto& tensor : model.graph().initializer())
    {
        BOOST_TEST(constants.emplace(tensor.name(), &tensor).second, tensor.name() << " is there twice");
        BOOST_TEST((tensor.data_type() == ONNX_NAMESPACE::TensorProto::FLOAT ||
                    tensor.data_type() == ONNX_NAMESPACE::TensorProto::FLOAT16 ||
                    tensor.data_type() == ONNX_NAMESPACE::TensorProto::INT64));
        BOOST_TEST(tensor.external_data_size() == 0);
        known.insert(tensor.name());
    }
    for (const auto& input : model.graph().input())
        known.insert(input.name());
    for (const auto& node : model.graph().node())
    {
        const bool mine = node.domain() == "d2det";
        BOOST_TEST((mine ? own : standard).count(node.op_type()) == 1, node.op_type() << " is not expected");
        for (const auto& input : node.input())
        {
            BOOST_TEST(known.count(input) == 1, node.name() << " reads " << input << " before it exists");
            used.insert(input);
        }
        for (const auto& output : node.output())
            BOOST_TEST(known.insert(output).second, output << " is made twice");
        for (const auto& a : node.attribute())
            BOOST_TEST((!mine || reserved.count(a.name()) == 0), a.name() << " is reserved by cv::dnn");
        if (node.op_type() == "Reshape")
        {
            const auto& shape = *constants.at(node.input(1));
            BOOST_TEST(shape.int64_data(0) == 0);  // any number of images or rows
        }
    }
    for (const auto& item : constants)
        BOOST_TEST(used.count(item.first) == 1, item.first << " is not used");
}

}  // namespace

BOOST_AUTO_TEST_CASE(everyVariantIsReadable)
{
    cv::d2det::registerLayers();
    for (const NamedConfig& variant : variants())
    {
        BOOST_TEST_CONTEXT(variant.name)
        {
            const TempFolder folder;
            const std::string path = folder / "model.onnx";
            const ExportSummary summary = exportOnnx(randomModel(variant.config), path);
            const ONNX_NAMESPACE::ModelProto model = read(path);
            BOOST_CHECK_NO_THROW(ONNX_NAMESPACE::checker::check_model(model));
            checkGraph(model);
            BOOST_TEST(summary.bytes == static_cast<int64_t>(fs::file_size(path)));
            BOOST_TEST(summary.nodes == model.graph().node_size());
            BOOST_CHECK_NO_THROW(cv::d2det::Detector::create(path));
        }
    }
}

BOOST_AUTO_TEST_CASE(headerInputsAndOutputs)
{
    const TempFolder folder;
    const std::string path = folder / "model.onnx";
    exportOnnx(randomModel(smallFamily()), path);
    const ONNX_NAMESPACE::ModelProto model = read(path);
    BOOST_TEST(model.producer_name() == "d2det");
    BOOST_TEST(model.ir_version() == 6);
    std::map<std::string, int64_t> domains;
    for (const auto& import : model.opset_import())
        domains[import.domain()] = import.version();
    BOOST_TEST((domains == std::map<std::string, int64_t>{{"", 11}, {"d2det", 1}}));

    BOOST_REQUIRE(model.graph().input_size() == 2);
    BOOST_TEST(model.graph().input(0).name() == "image");
    BOOST_TEST(model.graph().input(1).name() == "im_info");
    const auto& shape = model.graph().input(0).type().tensor_type().shape();
    BOOST_TEST(shape.dim(2).dim_value() == 192);
    BOOST_TEST(shape.dim(3).dim_value() == 320);
    BOOST_REQUIRE(model.graph().output_size() == 1);
    BOOST_TEST(model.graph().output(0).name() == "detections");
    BOOST_TEST(model.graph().output(0).type().tensor_type().shape().dim(0).dim_value() == 30);
}

//! Without the mask head's second pass pooling and convolutions of the box head are there once; a file with it is as
//! before.
BOOST_AUTO_TEST_CASE(secondPassOfTheMasks)
{
    const TempFolder folder;
    const auto counts = [&](bool secondPass)
    {
        ModelConfig config = smallFamily();
        config.roi.maskHead = smallMasks();
        config.roi.maskHead.secondPass = secondPass;
        const std::string path = folder / "model.onnx";
        exportOnnx(randomModel(config), path);
        const ONNX_NAMESPACE::ModelProto model = read(path);
        std::map<std::string, int> result;
        for (const auto& node : model.graph().node())
            result[node.op_type()]++;
        const auto& last = producer(model, "detections");
        BOOST_TEST(last.output_size() == (secondPass ? 1 : 2));
        std::vector<std::string> outputs;
        for (const auto& output : model.graph().output())
            outputs.push_back(output.name());
        std::vector<std::string> expected{"detections", "masks", "mask_ious"};
        if (!secondPass)
        {
            expected.push_back("mask_boxes");
            BOOST_TEST(last.output(1) == "detection_rows");
            BOOST_TEST(attribute(last, "output_rows").i() == 1);
            const auto& shape = model.graph().output(3).type().tensor_type().shape();
            BOOST_TEST(shape.dim(0).dim_value() == config.test.maxDetections);
            BOOST_TEST(shape.dim(1).dim_value() == 4);
        }
        BOOST_TEST(outputs == expected, boost::test_tools::per_element());
        return result;
    };
    std::map<std::string, int> with = counts(true), without = counts(false);
    BOOST_TEST(with["D2RoIAlign"] - without["D2RoIAlign"] == 1);
    BOOST_TEST(with["D2RoIConv"] - without["D2RoIConv"] == smallFamily().roi.boxHead.convs);
    BOOST_TEST(with["D2GatherRows"] == 0);
    BOOST_TEST(without["D2GatherRows"] == 2);
}

//! A mask head with a pooling of its own has no features of a first pass; config files are refused before.
BOOST_AUTO_TEST_CASE(simpleMasksNeedTheSecondPass)
{
    const TempFolder folder;
    ModelConfig config = smallFamily();
    config.roi.maskHead = smallMasks();
    config.roi.maskHead.type = MaskHeadType::FCN;
    config.roi.maskHead.scoring = false;
    config.roi.maskHead.secondPass = false;
    const std::string path = folder / "model.onnx";
    BOOST_TEST(contains(errorOf([&] { exportOnnx(randomModel(config), path); }), "second_pass"));
    BOOST_TEST(!fs::exists(path));
}

BOOST_AUTO_TEST_CASE(descriptionSurvives)
{
    ModelConfig config = smallFamily();
    config.input.channelOrder = ChannelOrder::BGR;
    config.input.mean = {1.5f, 2.5f, 3.5f};
    config.input.std = {4.f, 5.f, 6.f};
    config.input.divisor = 64;
    config.test.finalNmsThreshold = 0.45f;
    config.test.softMinScore = 0.002f;
    config.test.softSigma = 0.4f;
    const TempFolder folder;
    const std::string path = folder / "model.onnx";
    exportOnnx(randomModel(config), path);
    const ONNX_NAMESPACE::ModelProto model = read(path);
    const auto& node = producer(model, "detections");
    BOOST_TEST(attribute(node, "format_version").i() == 1);
    BOOST_TEST(attribute(node, "class_names").s() == "person\ntraffic light\ncaf\xc3\xa9");
    BOOST_TEST(attribute(node, "labelled").i() == 1);
    BOOST_TEST(attribute(node, "nms_mode").s() == "soft_linear");
    BOOST_TEST(attribute(node, "nms_threshold").f() == config.test.finalNmsThreshold);
    BOOST_TEST(attribute(node, "soft_min_score").f() == config.test.softMinScore);
    BOOST_TEST(attribute(node, "soft_sigma").f() == config.test.softSigma);
    BOOST_TEST(attribute(producer(model, "candidates"), "score_threshold").f() == config.test.scoreThreshold);

    const cv::Ptr<cv::d2det::Detector> detector = cv::d2det::Detector::create(path);
    const std::vector<cv::String> names = detector->getClassNames();
    BOOST_TEST(names == config.classNames, boost::test_tools::per_element());
    const cv::d2det::InputParams input = detector->getInputParams();
    BOOST_TEST(input.shortSide == 192);
    BOOST_TEST(input.longSide == 320);
    BOOST_TEST(input.divisor == 64);
    BOOST_TEST(input.keepRatio);
    BOOST_TEST(!input.swapRB);
    BOOST_TEST((input.mean == cv::Scalar(1.5, 2.5, 3.5)));
    BOOST_TEST((input.std == cv::Scalar(4, 5, 6)));
    BOOST_TEST(detector->getMaxDetections() == 30);
    BOOST_TEST(detector->getScoreThreshold() == config.test.scoreThreshold);
}

BOOST_AUTO_TEST_CASE(fixedInputSizeSurvives)
{
    ModelConfig config = narrowFaster();
    config.input.keepRatio = false;
    const TempFolder folder;
    const std::string path = folder / "model.onnx";
    exportOnnx(randomModel(config), path);
    BOOST_TEST(!cv::d2det::Detector::create(path)->getInputParams().keepRatio);
}

//! Faster R-CNN has one NMS, with boxes per class; a cascade decodes once per stage and hands on one box per RoI.
BOOST_AUTO_TEST_CASE(nodesOfTheFamily)
{
    const TempFolder folder;
    const std::string path = folder / "model.onnx";
    const auto decoders = [&](const ModelConfig& config)
    {
        exportOnnx(randomModel(config), path);
        const ONNX_NAMESPACE::ModelProto model = read(path);
        const auto& last = producer(model, "detections");
        BOOST_TEST(last.input(0) == "refined_rois");
        BOOST_TEST(last.input(1) == "probabilities");
        BOOST_TEST(attribute(last, "class_agnostic_boxes").i() == config.roi.deltaHead.classAgnostic);
        BOOST_TEST(attribute(last, "score_threshold").f() == config.test.scoreThreshold);
        std::vector<std::vector<float>> stds;
        for (const auto& node : model.graph().node())
            if (node.op_type() == "D2DeltaBoxDecode")
            {
                const auto& values = attribute(node, "stds").floats();
                stds.emplace_back(values.begin(), values.end());
            }
        return stds;
    };
    ModelConfig config = narrowFaster();
    config.roi.deltaHead.stds = {0.5f, 0.25f, 1, 2};
    const auto one = decoders(config);
    BOOST_REQUIRE_EQUAL(one.size(), 1u);
    BOOST_TEST(one[0] == config.roi.deltaHead.stds, boost::test_tools::per_element());
    config.roi.type = RoIHeadType::CASCADE_RCNN;
    config.roi.deltaHead.classAgnostic = true;
    config.roi.cascade = {{0.5f, 0.6f}, {1, 0.5f}, {1, 1}};
    const auto two = decoders(config);
    BOOST_REQUIRE_EQUAL(two.size(), 2u);
    BOOST_TEST(two[1] == (std::vector<float>{0.25f, 0.125f, 0.5f, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(frozenNormIsFolded)
{
    const TempFolder folder;
    const std::string path = folder / "model.onnx";
    exportOnnx(randomModel(paperFamily()), path);
    const ONNX_NAMESPACE::ModelProto model = read(path);
    int convolutions = 0;
    for (const auto& tensor : model.graph().initializer())
    {
        BOOST_TEST(!contains(tensor.name(), ".bn"), tensor.name());
        convolutions += contains(tensor.name(), "backbone.") && contains(tensor.name(), ".weight");
    }
    BOOST_TEST(convolutions == 53);  // of a ResNet-50
    for (const auto& node : model.graph().node())
        BOOST_TEST(node.op_type() != "Mul");
}

BOOST_AUTO_TEST_CASE(rpnWeightsAreStoredOnce)
{
    const TempFolder folder;
    const std::string path = folder / "model.onnx";
    const Detector detector = randomModel(smallFamily());
    const ExportSummary summary = exportOnnx(detector, path);
    int64_t trained = 0;
    for (const auto& parameter : detector->parameters())
        trained += parameter.numel();
    BOOST_TEST(summary.parameters == trained + 4);  // and the four factors of Resize
}

BOOST_AUTO_TEST_CASE(exportTwiceIsTheSameFile)
{
    const TempFolder folder;
    const Detector model = randomModel(smallFamily());
    exportOnnx(model, folder / "a.onnx");
    exportOnnx(model, folder / "b.onnx");
    BOOST_TEST((textOf(folder / "a.onnx") == textOf(folder / "b.onnx")));
}

//! Half precision is a matter of the file: a model of such weights in float32 finds the same, bit for bit.
BOOST_AUTO_TEST_CASE(halfWeights)
{
    constexpr int64_t LARGE = 4096;
    const TempFolder folder;
    const std::string path = folder / "model.onnx", halfPath = folder / "half.onnx";
    Detector model = randomModel(smallFamily());
    ExportOptions options;
    options.half = true;
    const ExportSummary half = exportOnnx(model, halfPath, options);
    const ONNX_NAMESPACE::ModelProto file = read(halfPath);
    BOOST_CHECK_NO_THROW(ONNX_NAMESPACE::checker::check_model(file));
    checkGraph(file);
    for (const auto& tensor : file.graph().initializer())
        if (tensor.data_type() != ONNX_NAMESPACE::TensorProto::INT64)
        {
            int64_t values = 1;
            for (const int64_t side : tensor.dims())
                values *= side;
            BOOST_TEST((tensor.data_type() == ONNX_NAMESPACE::TensorProto::FLOAT16) == (values >= LARGE),
                       tensor.name());
        }

    const cv::Mat image = syntheticImage(200, 280, 5);
    cv::Mat found, expected, unrounded;
    cv::d2det::Detector::create(halfPath)->detect(image, found);
    const ExportSummary full = exportOnnx(model, path);
    cv::d2det::Detector::create(path)->detect(image, unrounded);
    {
        torch::NoGradGuard noGrad;
        for (const auto& parameter : model->parameters())
            if (parameter.numel() >= LARGE)
                parameter.copy_(parameter.to(torch::kHalf).to(torch::kFloat));
    }
    exportOnnx(model, path);
    cv::d2det::Detector::create(path)->detect(image, expected);
    BOOST_TEST(found.rows >= 5);
    BOOST_REQUIRE((found.size == expected.size));
    BOOST_TEST(cv::norm(found, expected, cv::NORM_INF) == 0);
    BOOST_TEST((found.size != unrounded.size || cv::norm(found, unrounded, cv::NORM_INF) > 0));
    BOOST_TEST(half.bytes < 0.56 * static_cast<double>(full.bytes));
    BOOST_TEST(half.parameters == full.parameters);

    torch::NoGradGuard noGrad;
    for (const auto& item : model->named_parameters())
        if (item.value().numel() >= LARGE)
        {
            item.value().view(-1)[0] = 70000.f;
            const std::string error = errorOf([&] { exportOnnx(model, halfPath, options); });
            BOOST_TEST(contains(error, item.key()), error);
            BOOST_TEST(contains(error, "70000"), error);
            break;
        }
    BOOST_CHECK_NO_THROW(exportOnnx(model, path));
}

BOOST_AUTO_TEST_CASE(badModelsAreRefused)
{
    const TempFolder folder;
    const std::string path = folder / "model.onnx";
    Detector model = randomModel(smallFamily());
    exportOnnx(model, path);
    const std::string before = textOf(path);

    model->config.classNames[1] = "two\nlines";
    BOOST_TEST(contains(errorOf([&] { exportOnnx(model, path); }), "line break"));
    model->config.classNames[1] = "one line";

    model->config.input.divisor = 16;
    BOOST_TEST(contains(errorOf([&] { exportOnnx(model, path); }), "16"));
    model->config.input.divisor = 32;

    {
        torch::NoGradGuard noGrad;
        model->rpn->convs[0].conv->weight[0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
    }
    const std::string error = errorOf([&] { exportOnnx(model, path); });
    BOOST_TEST(contains(error, "rpn.conv.weight"), error);
    BOOST_TEST((textOf(path) == before));  // the good file is still there
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

BOOST_AUTO_TEST_CASE(unwritablePlacesAreNamed)
{
    const TempFolder folder;
    const Detector model = randomModel(smallFamily());
    const std::string missing = folder / "no/such/folder/model.onnx";
    BOOST_TEST(contains(errorOf([&] { exportOnnx(model, missing); }), missing));
    // A folder that is not empty cannot be replaced by a file.
    fs::create_directories(folder / "taken/inside");
    BOOST_TEST(contains(errorOf([&] { exportOnnx(model, folder / "taken"); }), folder / "taken"));
    BOOST_TEST(!fs::exists(folder / "taken.part"));
}

BOOST_AUTO_TEST_CASE(writerRefusesWhatCvDnnCannotRead)
{
    OnnxGraph graph("g");
    const float value = 1;
    graph.addInitializer("w", {1}, &value);
    BOOST_TEST(contains(errorOf([&] { graph.addInitializer("w", {1}, &value); }), "w"));
    BOOST_TEST(contains(errorOf(
                            [&] {
                                graph.addNode("Relu", {"x"}, {"y"}, {{"n", std::vector<int64_t>{}}});
                            }),
                        "empty list"));
    BOOST_TEST(contains(errorOf([&] { graph.addNode("Relu", {"x"}, {"z"}, {{"n", int64_t(1) << 40}}); }), "32 bits"));
    OnnxGraph dangling("d");
    dangling.addInput("x", {1, 3});
    dangling.addOutput("y", {1, 3});
    dangling.addNode("Relu", {"nothing"}, {"y"});
    const std::string error = errorOf([&] { dangling.check(); });
    BOOST_TEST(contains(error, "nothing"), error);
}

// ------------------------------------------------------------------ command line

namespace
{

Outcome run(const TempFolder& folder, const std::string& arguments)
{
    return runProgram(folder, "d2det_export", arguments);
}

//! Usage or other error: the code, one line, and a word that tells what is wrong.
void expectError(const Outcome& result, int code, const std::string& word)
{
    BOOST_TEST(result.code == code, result.text);
    BOOST_TEST(std::count(result.text.begin(), result.text.end(), '\n') == 1, result.text);
    BOOST_TEST(contains(result.text, word), result.text);
}

std::string writeConfig(const TempFolder& folder, const ModelConfig& model)
{
    Config config;
    config.model = model;
    const std::string path = folder / "config.json";
    std::ofstream(path) << configToJson(config);
    return path;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(commandLine, *boost::unit_test::precondition(ProgramIsThere{"d2det_export"}))

BOOST_AUTO_TEST_CASE(checkpointToModel)
{
    const TempFolder folder;
    Config config;
    config.model = smallFamily();
    const Detector trained = randomModel(config.model), averaged = randomModel(config.model, 2);
    TensorFile file;
    for (const auto& item : namedTensors(*trained))
        file.tensors["model." + item.first] = item.second;
    for (const auto& item : averaged->named_parameters())
        file.tensors["ema." + item.key()] = item.value().detach();
    file.metadata = {{"format", "d2det"}, {"iteration", "3"}, {"epoch", "1"}, {"config", configToJson(config)}};
    const std::string checkpoint = folder / "last.safetensors";
    writeSafetensors(checkpoint, file);

    exportOnnx(trained, folder / "trained.onnx");
    exportOnnx(averaged, folder / "averaged.onnx");
    const std::string output = folder / "out.onnx", base = "--checkpoint " + checkpoint + " --output " + output;
    Outcome result = run(folder, base);
    BOOST_TEST(result.code == 0, result.text);
    BOOST_TEST(contains(result.text, "parameters"), result.text);
    BOOST_TEST((textOf(output) == textOf(folder / "averaged.onnx")));
    result = run(folder, base + " --no-ema");
    BOOST_TEST(result.code == 0, result.text);
    BOOST_TEST((textOf(output) == textOf(folder / "trained.onnx")));

    result = run(folder, base + " --set model.test.score_threshold=0.25 --short-side 256 --long-side 512");
    BOOST_TEST(result.code == 0, result.text);
    const ONNX_NAMESPACE::ModelProto model = read(output);
    BOOST_TEST(attribute(producer(model, "candidates"), "score_threshold").f() == 0.25f);
    BOOST_TEST(attribute(producer(model, "detections"), "short_side").i() == 256);
    BOOST_TEST(attribute(producer(model, "detections"), "long_side").i() == 512);

    // Averaging: with itself nothing changes; with one whose weights are three times as large they double.
    result = run(folder, base + " --average " + checkpoint + "=0.25 --weights " + (folder / "one.safetensors"));
    BOOST_TEST(result.code == 0, result.text);
    BOOST_TEST((textOf(output) == textOf(folder / "averaged.onnx")));
    TensorFile tripled = readSafetensors(checkpoint);
    for (auto& tensor : tripled.tensors)
        if (tensor.second.is_floating_point())
            tensor.second = tensor.second * 3;
    writeSafetensors(folder / "tripled.safetensors", tripled);
    result = run(folder, base + " --average " + (folder / "tripled.safetensors") + "=0.5 --weights " +
                             (folder / "two.safetensors"));
    BOOST_TEST(result.code == 0, result.text);
    const TensorFile one = readSafetensors(folder / "one.safetensors"),
                     two = readSafetensors(folder / "two.safetensors");
    BOOST_REQUIRE(one.tensors.size() == two.tensors.size());
    for (const auto& tensor : one.tensors)
        BOOST_TEST(torch::allclose(two.tensors.at(tensor.first).to(torch::kFloat), tensor.second.to(torch::kFloat) * 2,
                                   1e-3, 1e-6),
                   tensor.first);
    expectError(run(folder, base + " --average " + checkpoint), 2, "FILE=SHARE");
    expectError(run(folder, base + " --average " + checkpoint + "=1"), 2, "between 0 and 1");
    expectError(run(folder, base + " --average " + checkpoint + "=0.5 --average " + checkpoint + "=0.5"), 2,
                "less than 1");
    tripled.tensors.erase(tripled.tensors.begin(), std::prev(tripled.tensors.end()));
    writeSafetensors(folder / "part.safetensors", tripled);
    expectError(run(folder, base + " --average " + (folder / "part.safetensors") + "=0.5"), 1, "same model");

    const std::string before = textOf(checkpoint);
    expectError(run(folder, "--checkpoint " + checkpoint + " --output " + checkpoint), 2, "overwrite");
    expectError(run(folder, base + " --set model.test.scor_threshold=0.25"), 1, "score_threshold");
    expectError(run(folder, base + " --set model.fpn.channels=48"), 1, "another shape");
    BOOST_TEST((textOf(checkpoint) == before));
}

//! What the README names as a start for other trainings: every tensor of the bundled model's configuration.
BOOST_AUTO_TEST_CASE(bundledWeightsAreAStart)
{
    const std::string root = D2DET_SOURCE_DIR;
    const TensorFile file = readSafetensors(root + "/data/models/d2det_mnv2_person.safetensors");
    Detector model(loadConfig(root + "/training/configs/d2det_mnv2_person.json").model);
    const LoadReport report = initializeModel(*model, modelWeights(file));
    BOOST_TEST(report.missing.empty());
    BOOST_TEST(report.mismatched.empty());
    BOOST_TEST(report.matched.size() > 150u);

    ModelConfig other = loadConfig(root + "/training/configs/d2det_mnv2.json").model;
    other.classNames = {"one", "two", "three"};
    const LoadReport fits = initializeModel(*Detector(other), modelWeights(file));
    BOOST_TEST(fits.mismatched.size() == 2u, fits.summary());  // the classifier's weight and bias
}

BOOST_AUTO_TEST_CASE(randomWeights)
{
    const TempFolder folder;
    ModelConfig config = smallFamily();
    config.classNames.clear();
    const std::string base = "--random --config " + writeConfig(folder, config) + " --output " + (folder / "a.onnx");
    expectError(run(folder, base), 1, "--classes");
    const Outcome result = run(folder, base + " --classes 5 --seed 7");
    BOOST_TEST(result.code == 0, result.text);
    BOOST_TEST(cv::d2det::Detector::create(folder / "a.onnx")->getClassNames().size() == 5u);
    const auto full = fs::file_size(folder / "a.onnx");
    const Outcome half = run(folder, base + " --classes 5 --seed 7 --half");
    BOOST_TEST(half.code == 0, half.text);
    BOOST_TEST(fs::file_size(folder / "a.onnx") < 0.56 * double(full));
}

//! The kernels and rules have their tests in the module; here: the file, what is said, and what stays behind.
BOOST_AUTO_TEST_CASE(quantizedConvolutions)
{
    const TempFolder folder;
    fs::create_directory(folder / "images");
    const cv::Mat image = syntheticImage(200, 280, 5);
    cv::imwrite(folder / "images/a.png", image);
    cv::imwrite(folder / "images/b.png", syntheticImage(160, 200, 6));
    const std::string base =
        "--random --classes 5 --config " + writeConfig(folder, smallFamily()) + " --output " + (folder / "a.onnx");
    BOOST_REQUIRE(run(folder, base).code == 0);
    const auto full = fs::file_size(folder / "a.onnx");
    cv::Mat expected, found;
    const cv::Ptr<cv::d2det::Detector> plain = cv::d2det::Detector::create(folder / "a.onnx");
    plain->setScoreThreshold(0);
    plain->detect(image, expected);

    const Outcome result = run(folder, base + " --quantize images");
    BOOST_REQUIRE_MESSAGE(result.code == 0, result.text);
    checkContains(result.text, "convolutions in 8-bit integers, ranges from 2 images");
    BOOST_TEST(fs::file_size(folder / "a.onnx") < full);
    const cv::Ptr<cv::d2det::Detector> quantized = cv::d2det::Detector::create(folder / "a.onnx");
    quantized->setScoreThreshold(0);
    quantized->detect(image, found);
    BOOST_TEST(found.rows > 0);
    BOOST_TEST((found.size != expected.size || cv::norm(found, expected, cv::NORM_INF) > 0));  // weights are rounded

    const std::string before = textOf(folder / "a.onnx");
    expectError(run(folder, base + " --quantize images --half"), 2, "exclude");
    expectError(run(folder, base + " --quantize nothing_here"), 1, "nothing_here");
    BOOST_TEST((textOf(folder / "a.onnx") == before));
    size_t onnxFiles = 0;
    for (const auto& entry : fs::directory_iterator(folder.path()))
        onnxFiles += contains(entry.path().filename().string(), "a.onnx");
    BOOST_TEST(onnxFiles == 1u);  // no temporary file
}

BOOST_AUTO_TEST_CASE(wrongUsage)
{
    const TempFolder folder;
    const std::string out = " --output " + (folder / "a.onnx");
    const Outcome help = run(folder, "--help");
    BOOST_TEST(help.code == 0);
    BOOST_TEST(contains(help.text, "--checkpoint"));
    const Outcome nothing = run(folder, "");  // shows the help, as every program does
    BOOST_TEST(nothing.code == 2);
    BOOST_TEST(contains(nothing.text, "--checkpoint"));
    expectError(run(folder, "--checkpoint x"), 2, "--output");
    expectError(run(folder, out), 2, "--checkpoint");
    expectError(run(folder, "--random" + out), 2, "--config");
    expectError(run(folder, "--random --config x.json --ema" + out), 2, "--ema");
    expectError(run(folder, "--nonsense" + out), 2, "nonsense");
    expectError(run(folder, "--checkpoint x --short-side wide" + out), 2, "wide");
    expectError(run(folder, "--checkpoint x --ema --no-ema" + out), 2, "exclude");
    expectError(run(folder, "--checkpoint " + (folder / "missing.safetensors") + out), 1, "missing.safetensors");
    std::ofstream(folder / "rubbish.safetensors") << "this is no checkpoint";
    expectError(run(folder, "--checkpoint " + (folder / "rubbish.safetensors") + out), 1, "rubbish.safetensors");
    BOOST_TEST(!fs::exists(folder / "a.onnx"));
}

BOOST_AUTO_TEST_SUITE_END()
