// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_import: weights of other projects -> one ONNX file for cv::dnn, weights to train from, a configuration. Exit
   code 0: done, 1: failed, 2: wrong usage. */

#include "base/atomic_file.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "cli/model_output.hpp"
#include "cli/program.hpp"
#include "engine/model_import.hpp"
#include "export/exporter.hpp"

#include <filesystem>
#include <iostream>

namespace po = cli::po;
using cli::UsageError;

namespace
{

namespace fs = std::filesystem;

const char* const PROGRAM = "d2det_import";

const char* const HELP =
    "Takes over models of other projects: checkpoints of PyTorch (.pth, nothing in them is run) and safetensors.\n"
    "Known are torchvision's Faster and Mask R-CNN, its ResNet and MobileNetV2 for ImageNet, and D2Det's release;\n"
    "docs/import.md has what fits.\n\n"
    "  d2det_import --input maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth --output mask_rcnn.onnx\n"
    "  d2det_import --input resnet50.pth --weights resnet50.safetensors\n"
    "  d2det_import --input unknown.pth --list\n";

constexpr size_t MAX_NAMES_BYTES = 1 << 20;

po::options_description optionsDescription()
{
    const auto file = [] { return po::value<std::string>()->value_name("FILE"); };
    const auto number = [] { return po::value<int>()->value_name("N"); };
    po::options_description options("Import");
    // clang-format off
    options.add_options()
        ("input,i", file(), "file of weights: .pth or .pt of PyTorch, .safetensors, or an index of several (.json)");
    cli::addModelOutput(options);
    options.add_options()
        ("weights", file(),
            "also or only write the weights with this project's names (.safetensors), for d2det_train --init and "
            "d2det_export --checkpoint")
        ("config", file(), "also write the configuration that the weights belong to (.json)")
        ("classes", file(),
            "names of the classes, one per line, in the file's order without the background; classes named N/A are left "
            "out; default: those in the file, COCO's where their number fits, else numbers")
        ("set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
            "change one value of the configuration, e.g. model.test.score_threshold=0.1; may be repeated; "
            "model.backbone.norm=none folds batch norm into the convolutions")
        ("norm-eps", po::value<double>()->value_name("X"),
            "epsilon of batch norm in the program that trained the file; default: 0 for torchvision's detectors, as in "
            "its published weights, else 0.00001")
        ("short-side", number()->value_name("PIXELS"), "side that images are resized to at test time, pixels")
        ("long-side", number()->value_name("PIXELS"), "limit of the other side, pixels")
        ("partial", "accept a file that does not fill the model; the rest has random values")
        ("list", "show the tensors of the file and exit");
    // clang-format on
    return options;
}

void checkUsage(const po::variables_map& values)
{
    const auto has = [&](const char* name) { return values.count(name) != 0; };
    if (!has("input"))
        throw UsageError("--input is missing");
    if (!has("list") && !has("output") && !has("weights") && !has("config"))
        throw UsageError("--output or --weights is missing");
    if (has("norm-eps") && !(values["norm-eps"].as<double>() >= 0 && values["norm-eps"].as<double>() < 1))
        throw UsageError("--norm-eps must be from 0 to 1");
    cli::checkModelOutput(values);
    for (const char* name : {"output", "weights", "config"})
    {
        std::error_code error;
        if (has(name) && fs::equivalent(values["input"].as<std::string>(), values[name].as<std::string>(), error))
            throw UsageError("--" + std::string(name) + " would overwrite the input");
    }
}

void listTensors(const d2det::TensorFile& file)
{
    for (const auto& item : file.tensors)
        std::cout << item.first << " " << torch::toString(item.second.scalar_type()) << " " << item.second.sizes()
                  << "\n";
    std::cout << d2det::counted(static_cast<int64_t>(file.tensors.size()), "tensor") << ", names of "
              << d2det::familyText(d2det::recognizeFamily(file.tensors)) << "\n";
}

d2det::ImportOptions importOptions(const po::variables_map& values)
{
    d2det::ImportOptions options;
    if (values.count("classes"))
        options.classNames = d2det::splitLines(d2det::readText(values["classes"].as<std::string>(), MAX_NAMES_BYTES));
    while (!options.classNames.empty() && options.classNames.back().empty())  // after the last line end
        options.classNames.pop_back();
    options.overrides = cli::textsOf(values, "set");
    const std::pair<const char*, const char*> sides[] = {{"short-side", "model.input.short_side"},
                                                         {"long-side", "model.input.long_side"}};
    for (const auto& side : sides)
        if (values.count(side.first))
            options.overrides.push_back(std::string(side.second) + "=" + std::to_string(values[side.first].as<int>()));
    if (values.count("norm-eps"))
        options.normEpsilon = values["norm-eps"].as<double>();
    options.partial = values.count("partial") != 0;
    return options;
}

void printReport(const d2det::ImportResult& result)
{
    const d2det::LoadReport& report = result.report;
    std::cout << "names of " << d2det::familyText(result.family) << ": "
              << d2det::counted(static_cast<int64_t>(report.matched.size()), "tensor") << " taken\n";
    for (const std::string& note : result.notes)
        std::cout << note << "\n";
    for (const std::string& part : result.foreign)
        std::cout << "not imported: " << part << "\n";
    const std::pair<const char*, const std::vector<std::string>*> lists[] = {{"missing in the file", &report.missing},
                                                                             {"of another shape", &report.mismatched},
                                                                             {"in the file, not used", &report.unused}};
    for (const auto& list : lists)
    {
        if (!list.second->empty())
            std::cout << list.first << ": " << d2det::counted(static_cast<int64_t>(list.second->size()), "tensor")
                      << "\n";
        for (const std::string& name : *list.second)
            std::cout << "  " << name << "\n";
    }
    std::cout << std::flush;
}

void writeWeights(const d2det::ImportResult& result, const std::string& path)
{
    d2det::TensorFile file;
    file.metadata["format"] = "d2det weights";
    file.metadata["model"] = result.config.model.name;
    if (!result.backboneOnly)  // a backbone alone is no checkpoint
        file.metadata["config"] = d2det::configToJson(result.config);
    file.tensors = result.weights;
    d2det::writeSafetensors(path, file);
    std::cout << path << ": " << d2det::counted(static_cast<int64_t>(file.tensors.size()), "tensor") << "\n";
}

void run(const po::variables_map& values)
{
    const std::string input = values["input"].as<std::string>();
    for (const char* name : {"output", "weights", "config"})  // before the work
        if (values.count(name) && !values.count("list"))
            d2det::checkWritable(values[name].as<std::string>());
    const d2det::TensorFile file = d2det::readWeightFile(input);
    if (values.count("list"))
        return listTensors(file);
    d2det::ImportResult result;
    try
    {
        result = d2det::importModel(file, importOptions(values));
    }
    catch (const d2det::Error& error)
    {
        throw d2det::Error(input + ": " + error.what());
    }
    printReport(result);
    const size_t wrong = result.report.missing.size() + result.report.mismatched.size();
    if (wrong > 0 && !values.count("partial"))
        throw d2det::Error(input + ": " + d2det::counted(static_cast<int64_t>(wrong), "tensor") + " of the model " +
                           (wrong == 1 ? "is" : "are") +
                           " missing or of another shape (listed above); --partial leaves them random");
    if (result.backboneOnly && values.count("output"))
        throw d2det::Error(input +
                           ": the file holds a backbone for ImageNet, no detector; --weights writes it for "
                           "d2det_train --init");
    if (values.count("weights"))
        writeWeights(result, values["weights"].as<std::string>());
    if (values.count("config"))
        d2det::writeTextAtomically(values["config"].as<std::string>(), d2det::configToJson(result.config));
    if (values.count("output"))
        cli::writeModelOutput(values,
                              [&](const std::string& path, bool half)
                              {
                                  d2det::ExportOptions options;
                                  options.half = half;
                                  return d2det::exportOnnx(result.model, path, options).text();
                              });
}

int importWeights(const std::vector<std::string>& words)
{
    po::variables_map values;
    if (const std::optional<int> code = cli::readCommandLine({PROGRAM, HELP, optionsDescription()}, words, values))
        return *code;
    checkUsage(values);
    run(values);
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    return cli::runProgram(PROGRAM, [&] { return importWeights(cli::wordsOf(argc, argv)); });
}
