// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Import of models of other projects: file formats, names, layouts, configurations, what is refused; the program. */

#define BOOST_TEST_MODULE import
#include <boost/test/unit_test.hpp>

#include "engine/model_import.hpp"
#include "errors.hpp"
#include "programs.hpp"
#include "pytorch_bytes.hpp"
#include "shared_data.hpp"

#include "opencv2/d2det.hpp"

#include <opencv2/imgcodecs.hpp>

#include <nlohmann/json.hpp>

#include <fstream>
#include <set>

using namespace d2det;
using namespace d2det::test;

namespace
{

const std::string DATA = std::string(D2DET_SOURCE_DIR) + "/test/data/weights/";

Tensor firstOf(const ImportResult& result, const std::string& name)
{
    BOOST_REQUIRE_MESSAGE(result.weights.count(name), name);
    return result.weights.at(name);
}

//! A ResNet-18 under a prefix with random weights and statistics, as a file of another project would have it.
TensorMap resNet18(const std::string& prefix)
{
    BackboneConfig config;
    config.type = BackboneType::RESNET18;
    Backbone backbone(config);
    TensorMap tensors;
    for (const auto& item : namedTensors(*backbone))
        tensors[prefix + item.first] = contains(item.first, "running_var") || item.second.dim() == 1
                                           ? torch::rand_like(item.second) + 0.5
                                           : torch::randn_like(item.second) * 0.05;
    return tensors;
}

//! torchvision's Faster or Mask R-CNN with ResNet-18, narrow. @param rows number of classes and the background.
TensorFile fasterRCNN(int64_t rows, bool masks = false)
{
    TensorFile file;
    file.tensors = resNet18("backbone.body.");
    const auto add = [&](const std::string& name, std::vector<int64_t> shape)
    {
        file.tensors[name + ".weight"] = torch::randn(shape) * 0.1;
        file.tensors[name + ".bias"] =
            torch::randn({name.find("conv5_mask") == std::string::npos ? shape[0] : shape[1]});
    };
    for (int i = 0; i < 4; i++)
    {
        add("backbone.fpn.inner_blocks." + std::to_string(i), {16, 64 << i, 1, 1});
        add("backbone.fpn.layer_blocks." + std::to_string(i), {16, 16, 3, 3});
    }
    add("rpn.head.conv", {16, 16, 3, 3});
    add("rpn.head.cls_logits", {3, 16, 1, 1});
    add("rpn.head.bbox_pred", {12, 16, 1, 1});
    add("roi_heads.box_head.fc6", {24, 16 * 49});
    add("roi_heads.box_head.fc7", {24, 24});
    add("roi_heads.box_predictor.cls_score", {rows, 24});
    add("roi_heads.box_predictor.bbox_pred", {4 * rows, 24});
    for (int i = 0; masks && i < 4; i++)
        add("roi_heads.mask_head.mask_fcn" + std::to_string(i + 1), {8, i == 0 ? 16 : 8, 3, 3});
    if (!masks)
        return file;
    add("roi_heads.mask_predictor.conv5_mask", {8, 8, 2, 2});
    add("roi_heads.mask_predictor.mask_fcn_logits", {rows, 8, 1, 1});
    return file;
}

bool same(const Tensor& a, const Tensor& b)
{
    return a.sizes() == b.sizes() && torch::equal(a.to(torch::kFloat), b.to(torch::kFloat));
}

}  // namespace

BOOST_AUTO_TEST_CASE(file_formats_are_recognized)
{
    for (const char* name : {"zip.pth", "legacy.pth"})
    {
        const TensorFile file = readWeightFile(DATA + name);
        BOOST_TEST(file.tensors.size() == 11u);
        const Tensor matrix = torch::arange(12.0, torch::kFloat).view({3, 4});
        BOOST_TEST(torch::equal(file.tensors.at("matrix"), matrix));
        BOOST_TEST(torch::equal(file.tensors.at("transposed"), matrix.t()));
        BOOST_TEST(torch::equal(file.tensors.at("every_second"), torch::tensor({{4.f, 6.f}, {8.f, 10.f}})));
        BOOST_TEST((file.tensors.at("half").scalar_type() == torch::kHalf));
        BOOST_TEST(torch::equal(file.tensors.at("half").to(torch::kFloat), torch::tensor({1.5f, -2.f, 65504.f})));
        BOOST_TEST(torch::equal(file.tensors.at("bfloat16").to(torch::kFloat), torch::tensor({1.5f, -3.f})));
        BOOST_TEST(file.tensors.at("norm.num_batches_tracked").item<int64_t>() == 5);
        BOOST_TEST(file.metadata.at(CLASS_NAMES_KEY) == "cat\ndog\n");
    }
    const TempFolder folder;
    TensorFile one, two;
    one.tensors["a"] = torch::tensor({1.5f}).to(torch::kBFloat16);
    two.tensors["b"] = torch::tensor({2.5f}).to(torch::kHalf);
    two.tensors["c"] = torch::zeros({3});
    writeSafetensors(folder / "one.safetensors", one);
    writeSafetensors(folder / "two.safetensors", two);
    BOOST_TEST(readWeightFile(folder / "one.safetensors").tensors.size() == 1u);
    const auto index = [&](const std::string& map)
    { return folder.write("x.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": " + map + "}"); };
    const TensorFile both = readWeightFile(index("{\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"}"));
    BOOST_TEST(both.tensors.size() == 2u);
    BOOST_TEST(both.tensors.at("b").item<float>() == 2.5f);
    const auto refused = [&](const std::string& map, const std::string& part) {
        requireError<Error>([&] { readWeightFile(index(map)); }, {"x.safetensors.index.json", part});
    };
    refused("{\"a\": \"../one.safetensors\"}", "no name in the folder of the index");
    refused("{\"a\": \"/etc/passwd\"}", "no name in the folder of the index");
    refused("{\"a\": \"..\"}", "no name in the folder of the index");
    refused("{\"a\": 1}", "is no text");
    refused("[]", "no object \"weight_map\"");
    refused("{\"a\": ", "parse error");
    requireError<Error>([&] { readWeightFile(index("{\"a\": \"two.safetensors\"}")); },
                        {"two.safetensors", "has no tensor \"a\""});
    requireError<Error>([&] { readWeightFile(index("{\"a\": \"none.safetensors\"}")); }, {"no such file"});
    requireError<Error>(
        [&]
        {
            readWeightFile(folder.write("evil.pth", zipCheckpoint("\x80\x02"
                                                                  "cos\nsystem\n.")));
        },
        {"evil.pth", "os.system"});
}

BOOST_AUTO_TEST_CASE(families)
{
    const auto family = [](std::initializer_list<const char*> names)
    {
        TensorMap tensors;
        for (const char* name : names)
            tensors[name] = torch::zeros({1});
        return recognizeFamily(tensors);
    };
    BOOST_TEST((family({"conv1.weight", "layer1.0.conv1.weight"}) == WeightFamily::RESNET));
    BOOST_TEST((family({"features.0.0.weight", "classifier.1.weight"}) == WeightFamily::MOBILENET));
    BOOST_TEST((family({"backbone.body.conv1.weight"}) == WeightFamily::TORCHVISION));
    BOOST_TEST((family({"backbone.conv1.weight", "neck.lateral_convs.0.conv.weight"}) == WeightFamily::MMDETECTION));
    BOOST_TEST((family({"backbone.conv1.weight", "fpn.lateral0.weight"}) == WeightFamily::OWN));
    BOOST_TEST((family({"encoder.weight"}) == WeightFamily::UNKNOWN));
    BOOST_TEST((family({}) == WeightFamily::UNKNOWN));
}

BOOST_AUTO_TEST_CASE(backbone_with_and_without_norms)
{
    torch::manual_seed(1);
    TensorFile file;
    file.tensors = resNet18("");
    file.tensors["fc.weight"] = torch::zeros({1000, 512});
    file.tensors["bn1.num_batches_tracked"] = torch::tensor(7);
    const ImportResult kept = importModel(file, {});
    BOOST_TEST(kept.backboneOnly);
    BOOST_TEST((kept.config.model.backbone.type == BackboneType::RESNET18));
    BOOST_TEST(kept.report.missing.empty());
    BOOST_TEST(kept.report.unused == std::vector<std::string>{"fc.weight"}, boost::test_tools::per_element());
    BOOST_TEST(same(firstOf(kept, "backbone.layer2.0.downsample.1.running_var"),
                    file.tensors.at("layer2.0.downsample.1.running_var")));
    ImportOptions fold;
    fold.overrides = {"model.backbone.norm=none"};
    const ImportResult folded = importModel(file, fold);
    BOOST_TEST(folded.report.missing.empty());
    for (const auto& item : folded.weights)
        BOOST_TEST(item.first.find("bn") == std::string::npos, item.first);
    // Both compute the same.
    Backbone a(kept.config.model.backbone), b(folded.config.model.backbone);
    initializeModel(*a, file.tensors);
    TensorMap weights;
    for (const auto& item : folded.weights)
        weights[item.first.substr(9)] = item.second;
    restoreModel(*b, weights);
    const torch::NoGradGuard noGrad;
    const Tensor image = torch::randn({1, 3, 64, 64});
    const std::vector<Tensor> left = a(image), right = b(image);
    for (size_t i = 0; i < left.size(); i++)
    {
        const double scale = left[i].abs().max().item<double>();
        BOOST_TEST((left[i] - right[i]).abs().max().item<double>() < 1e-5 * scale);
    }
}

//! The scale of a norm makes up for another epsilon exactly.
BOOST_AUTO_TEST_CASE(epsilon)
{
    TensorFile file = fasterRCNN(3);
    file.tensors["backbone.body.bn1.running_var"].fill_(1e-6);
    const ImportResult result = importModel(file, {});
    BOOST_TEST(result.config.model.backbone.normEpsilon == 0);  // as torchvision publishes its weights
    BOOST_TEST(same(firstOf(result, "backbone.bn1.weight"), file.tensors.at("backbone.body.bn1.weight")));
    ImportOptions other;
    TensorFile second = file;  // norms in the pyramid: version 2, which torchvision publishes for its default
    second.tensors["backbone.fpn.inner_blocks.0.1.running_var"] = torch::ones({16});
    ImportOptions some;
    some.partial = true;
    BOOST_TEST(importModel(second, some).config.model.backbone.normEpsilon == 1e-5);
    other.normEpsilon = 1e-5;
    BOOST_TEST(importModel(file, other).config.model.backbone.normEpsilon == 1e-5);
    other.overrides = {"model.backbone.norm_eps=0.0001"};
    const ImportResult scaled = importModel(file, other);
    const Tensor expected = file.tensors.at("backbone.body.bn1.weight") * std::sqrt((1e-6 + 1e-4) / (1e-6 + 1e-5));
    BOOST_TEST(torch::allclose(firstOf(scaled, "backbone.bn1.weight"), expected, 1e-6, 0));
    // The trainer's configuration decides for --init.
    ModelConfig config = result.config.model;
    config.backbone.normEpsilon = 1e-5;
    const NamedWeights started = weightsForModel(file, config);
    const Tensor own = file.tensors.at("backbone.body.bn1.weight") * std::sqrt((1e-6 + 1e-5) / 1e-6);
    BOOST_TEST(torch::allclose(started.tensors.at("backbone.bn1.weight").to(torch::kFloat), own, 1e-6, 0));
    // A file of this project keeps what it has, whatever its epsilon.
    TensorFile ours;
    ours.tensors = result.weights;
    BOOST_TEST(
        same(weightsForModel(ours, config).tensors.at("backbone.bn1.weight"), firstOf(result, "backbone.bn1.weight")));
}

BOOST_AUTO_TEST_CASE(classes_of_coco)
{
    const TensorFile file = fasterRCNN(91);
    const ImportResult result = importModel(file, {});
    const std::vector<std::string>& names = result.config.model.classNames;
    BOOST_TEST(names.size() == 80u);
    BOOST_TEST(names.front() == "person");
    BOOST_TEST(names[11] == "stop sign");  // id 13: 12 is not used
    BOOST_TEST(names.back() == "toothbrush");
    BOOST_TEST(std::set<std::string>(names.begin(), names.end()).size() == 80u);
    const Tensor& rows = file.tensors.at("roi_heads.box_predictor.cls_score.weight");
    const Tensor& boxes = file.tensors.at("roi_heads.box_predictor.bbox_pred.weight");
    const Tensor classifier = firstOf(result, "class_head.classifier.weight").flatten(2).squeeze(0);
    const Tensor deltas = firstOf(result, "box_head.deltas.weight").flatten(2).squeeze(0);
    BOOST_TEST(classifier.size(0) == 81);
    BOOST_TEST(same(classifier[0].flatten(), rows[1]));
    BOOST_TEST(same(classifier[11].flatten(), rows[13]));
    BOOST_TEST(same(classifier[79].flatten(), rows[90]));
    BOOST_TEST(same(classifier[80].flatten(), rows[0]));  // background
    BOOST_TEST(same(deltas.slice(0, 44, 48).flatten(), boxes.slice(0, 52, 56).flatten()));
    BOOST_TEST(contains(result.notes.at(0), "10 rows of the classifier without a class left out"));

    const ImportResult eighty = importModel(fasterRCNN(81), {});
    BOOST_TEST(eighty.config.model.classNames == names, boost::test_tools::per_element());
    BOOST_TEST(importModel(fasterRCNN(4), {}).config.model.classNames ==
                   (std::vector<std::string>{"class 1", "class 2", "class 3"}),
               boost::test_tools::per_element());
    ImportOptions given;
    given.classNames = {"cat", "N/A", "dog"};
    BOOST_TEST(importModel(fasterRCNN(4), given).config.model.classNames == (std::vector<std::string>{"cat", "dog"}),
               boost::test_tools::per_element());
    requireError<Error>([&] { importModel(fasterRCNN(5), given); }, {"3 class names for a classifier of 4"});

    // A training takes the rows of its classes by name.
    ModelConfig config = result.config.model;
    config.classNames = {"dog", "person"};
    const NamedWeights started = weightsForModel(file, config);
    const Tensor chosen = started.tensors.at("class_head.classifier.weight").flatten(2).squeeze(0);
    BOOST_TEST(chosen.size(0) == 3);
    BOOST_TEST(same(chosen[0].flatten(), rows[18]));
    BOOST_TEST(same(chosen[1].flatten(), rows[1]));
    config.classNames = {"dog", "unicorn"};
    BOOST_TEST(weightsForModel(file, config).tensors.at("class_head.classifier.weight").size(1) == 91);
}

//! The published network is that of the configuration files.
BOOST_AUTO_TEST_CASE(configuration_of_torchvision)
{
    const auto expect = [](ImportResult result, const std::string& name)
    {
        Config config = loadConfig(std::string(D2DET_SOURCE_DIR) + "/training/configs/" + name);
        ModelConfig& c = config.model;
        c.name = result.config.model.name;
        c.classNames = result.config.model.classNames;
        c.backbone.type = BackboneType::RESNET18;
        c.fpn.channels = c.rpn.channels = 16;
        c.roi.classHead.fcChannels = 24;
        if (c.roi.maskHead.type != MaskHeadType::NONE)
            c.roi.maskHead.channels = 8;
        Config both;
        both.model = c;
        result.config.data = both.data;
        result.config.solver = both.solver;
        BOOST_TEST(configToJson(result.config) == configToJson(both));
    };
    expect(importModel(fasterRCNN(4), {}), "faster_rcnn_r50_torchvision.json");
    expect(importModel(fasterRCNN(4, true), {}), "mask_rcnn_r50_torchvision.json");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit)
{
    TensorFile file = fasterRCNN(4);
    file.tensors["extra.weight"] = torch::zeros({1});
    file.tensors.erase("rpn.head.conv.bias");
    file.tensors["roi_heads.box_head.fc7.weight"] = torch::zeros({20, 24});
    file.tensors["roi_heads.box_head.fc7.bias"] = torch::zeros({20});
    const ImportResult result = importModel(file, {});
    BOOST_TEST(result.report.missing == std::vector<std::string>{"rpn.conv.bias"}, boost::test_tools::per_element());
    BOOST_TEST(result.report.mismatched == (std::vector<std::string>{"class_head.fc2.bias", "class_head.fc2.weight"}),
               boost::test_tools::per_element());
    BOOST_TEST(result.report.unused == std::vector<std::string>{"extra.weight"}, boost::test_tools::per_element());

    const auto refused = [](TensorFile other, const std::string& part, const std::string& name, const Tensor& tensor)
    {
        other.tensors[name] = tensor;
        requireError<Error>([&] { importModel(other, {}); }, {part});
    };
    const TensorFile good = fasterRCNN(4);
    refused(good, "version 2", "roi_heads.box_head.0.0.weight", torch::zeros({1}));
    refused(good, "keypoints", "roi_heads.keypoint_head.0.weight", torch::zeros({1}));
    refused(good, "deformable", "backbone.body.layer2.0.conv2_offset.weight", torch::zeros({1}));
    refused(good, "a multiple of 49", "roi_heads.box_head.fc6.weight", torch::zeros({24, 50}));
    refused(good, "ResNeXt", "backbone.body.layer1.0.conv2.weight", torch::zeros({64, 4, 3, 3}));
    refused(good, "another width", "backbone.body.layer1.0.conv1.weight", torch::zeros({128, 64, 1, 1}));
    refused(good, "a ResNet with 2, 2, 2, 3 basic blocks", "backbone.body.layer4.2.conv1.weight", torch::zeros({1}));
    TensorFile unknown;
    unknown.tensors["encoder.weight"] = torch::zeros({1});
    requireError<Error>([&] { importModel(unknown, {}); }, {"no known network", "encoder.weight"});
    TensorFile own;
    own.tensors["fpn.lateral0.weight"] = torch::zeros({1});
    requireError<Error>([&] { importModel(own, {}); }, {"d2det_export"});
}

BOOST_AUTO_TEST_CASE(frozen_norms_need_statistics)
{
    const ImportResult result = importModel(fasterRCNN(4), {});
    Detector model(result.config.model);
    BOOST_TEST(unfilledNorms(*model, {}).size() == 20u);
    TensorMap part;
    for (const auto& item : result.weights)
        if (item.first.find("layer4") == std::string::npos)
            part[item.first] = item.second;
    const std::vector<std::string> left = unfilledNorms(*model, initializeModel(*model, part).matched);
    BOOST_TEST(left.size() == 5u);
    for (const std::string& name : left)
        BOOST_TEST(contains(name, "backbone.layer4"), name);
    BOOST_TEST(unfilledNorms(*model, initializeModel(*model, result.weights).matched).empty());
    ModelConfig fresh = result.config.model;
    fresh.backbone.newStages = {5};  // group norm there
    Detector changed(fresh);
    BOOST_TEST(unfilledNorms(*changed, initializeModel(*changed, part).matched).empty());
}

BOOST_AUTO_TEST_CASE(program, *boost::unit_test::precondition(ProgramIsThere{"d2det_import"}))
{
    const TempFolder folder;
    const auto run = [&](const std::string& arguments) { return runProgram(folder, "d2det_import", arguments); };
    BOOST_TEST(run("").code == 2);
    BOOST_TEST(run("--help").code == 0);
    const std::string file = "'" + DATA + "zip.pth'";
    BOOST_TEST(run("--input " + file).code == 2);
    const Outcome list = run("--list --input " + file);
    BOOST_TEST(list.code == 0);
    checkContains(list.out, "matrix Float [3, 4]");
    checkContains(list.out, "11 tensors");
    for (const char* option : {"--output", "--weights", "--config"})  // before the file is read
    {
        const Outcome nowhere = run(std::string(option) + " none/x --input missing.pth");
        BOOST_TEST(nowhere.code == 1);
        checkContains(nowhere.err, "none/x cannot be created");
    }
    const Outcome unknown = run("--output x.onnx --input " + file);
    BOOST_TEST(unknown.code == 1);
    checkContains(unknown.err, "zip.pth: the tensors have names of no known network");

    TensorFile whole = fasterRCNN(4);
    writeSafetensors(folder / "whole.safetensors", whole);
    whole.tensors.erase("rpn.head.conv.bias");
    writeSafetensors(folder / "part.safetensors", whole);
    const Outcome part = run("--output part.onnx --input part.safetensors");
    BOOST_TEST(part.code == 1);
    checkContains(part.err, "1 tensor of the model is missing or of another shape");
    checkContains(part.out, "  rpn.conv.bias");
    BOOST_TEST(!std::filesystem::exists(folder / "part.onnx"));
    BOOST_TEST(run("--partial --output part.onnx --input part.safetensors").code == 0);
    BOOST_TEST(run("--output whole.safetensors --input whole.safetensors").code == 2);
    const Outcome nowhere = run("--weights w.safetensors --quantize images --input whole.safetensors");
    BOOST_TEST(nowhere.code == 2);
    checkContains(nowhere.err, "--quantize needs --output");
    folder.write("names.txt", "cat\ndog\nN/A\n");
    const Outcome good = run("--output whole.onnx --classes names.txt --input whole.safetensors");
    BOOST_TEST(good.code == 0, good.text);
    checkContains(good.out, "2 classes");
    const auto names = cv::d2det::Detector::create(folder / "whole.onnx")->getClassNames();
    BOOST_TEST(names == (std::vector<std::string>{"cat", "dog"}), boost::test_tools::per_element());
    std::filesystem::create_directory(folder / "images");
    cv::imwrite(folder / "images/a.png", cv::Mat(64, 96, CV_8UC3, cv::Scalar(40, 90, 160)));
    const Outcome quantized = run("--output int8.onnx --quantize images --short-side 64 --input whole.safetensors");
    BOOST_TEST(quantized.code == 0, quantized.text);
    checkContains(quantized.out, "convolutions in 8-bit integers, ranges from 1 image,");
    BOOST_TEST(std::filesystem::file_size(folder / "int8.onnx") < std::filesystem::file_size(folder / "whole.onnx"));

    TensorFile trunk;
    trunk.tensors = resNet18("");
    writeSafetensors(folder / "trunk.safetensors", trunk);
    BOOST_TEST(run("--input trunk.safetensors --weights ours.safetensors").code == 0);
    BOOST_TEST(readSafetensors(folder / "ours.safetensors").tensors.count("backbone.conv1.weight") == 1u);
    const Outcome noDetector = run("--input trunk.safetensors --output x.onnx");
    BOOST_TEST(noDetector.code == 1);
    checkContains(noDetector.err, "no detector");
}

BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(sharedPresent))

//! The network that the list of its operations describes. Padding is symmetric here as in all of our backbones.
BOOST_AUTO_TEST_CASE(edge_tpu_by_its_operations)
{
    const std::string stem = (sharedFolder() / "data" / "weights" / "mobilenet_edgetpu_1.0_").string();
    const TensorFile file = readSafetensors(stem + "folded.safetensors");
    const ImportResult result = importModel(file, {});
    BOOST_TEST(result.backboneOnly);
    BOOST_TEST(result.report.missing.empty());
    BOOST_TEST(result.report.mismatched.empty());
    BOOST_TEST((result.report.unused == std::vector<std::string>{"conv72.bias", "conv72.weight"}));

    Backbone backbone(result.config.model.backbone);
    TensorMap plain;
    for (const auto& item : result.weights)
        plain[item.first.substr(std::strlen("backbone."))] = item.second;
    initializeModel(*backbone, plain);
    torch::NoGradGuard noGrad;
    const Tensor image = torch::randn({1, 3, 96, 128});
    const std::vector<Tensor> maps = backbone(image);
    BOOST_REQUIRE(maps.size() == 4u);

    nlohmann::json operations;
    std::ifstream(stem + "graph.json") >> operations;
    std::vector<Tensor> results;
    size_t compared = 0;
    for (const auto& operation : operations)
    {
        if (operation["op"] == "add")
        {
            results.push_back(results.at(operation["src"][0]) + results.at(operation["src"][1]));
        }
        else
        {
            const int64_t kernel = operation["k"], source = operation["src"];
            const std::string name = operation["name"];
            if (!file.tensors.count(name + ".weight"))
                break;  // the classifier
            const Tensor weight = file.tensors.at(name + ".weight").to(torch::kFloat);
            const Tensor bias = file.tensors.at(name + ".bias").to(torch::kFloat);
            const int64_t groups = operation["op"] == "dw" ? weight.size(0) : 1;
            Tensor x = torch::conv2d(source < 0 ? image : results.at(static_cast<size_t>(source)), weight, bias,
                                     int64_t(operation["stride"]), kernel / 2, 1, groups);
            results.push_back(operation["act"] == "relu" ? torch::relu(x) : x);
        }
        // The last operation of a stage makes its map.
        if (compared < maps.size() && results.back().sizes() == maps[compared].sizes() &&
            torch::allclose(results.back(), maps[compared], 1e-4, 1e-4))
            compared++;
    }
    BOOST_TEST(compared == maps.size());
    BOOST_TEST(maps[3].abs().max().item<float>() > 0.1);
}

BOOST_AUTO_TEST_SUITE_END()
