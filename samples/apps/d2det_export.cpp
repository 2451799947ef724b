// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_export: checkpoint of d2det_train -> one ONNX file for cv::dnn. Exit code 0: done, 1: failed, 2: wrong usage.
   */

#include "base/atomic_file.hpp"
#include "base/installed.hpp"
#include "base/text.hpp"
#include "cli/model_output.hpp"
#include "cli/program.hpp"
#include "engine/checkpoint.hpp"
#include "export/exporter.hpp"
#include "export/random_model.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace po = cli::po;
using cli::UsageError;

namespace
{

const char* const PROGRAM = "d2det_export";

const char* const HELP =
    "Writes a trained D2Det model as an ONNX file for OpenCV.\n\n"
    "  d2det_export --checkpoint last.safetensors --output model.onnx\n"
    "  d2det_export --random --config model.json --output benchmark.onnx\n";

po::options_description optionsDescription()
{
    const auto file = [] { return po::value<std::string>()->value_name("FILE"); };
    const auto number = [] { return po::value<int>()->value_name("N"); };
    const auto texts = [](const char* name)
    { return po::value<std::vector<std::string>>()->value_name(name)->composing(); };
    po::options_description options("Export");
    // clang-format off
    options.add_options()
        ("checkpoint", file(), "weights: a checkpoint of d2det_train (.safetensors)")
        ("average", texts("FILE=SHARE"),
            "mix in the weights of another checkpoint of the same model, e.g. of an earlier stage of its "
            "training; --checkpoint has what the shares leave of 1; may be repeated");
    cli::addModelOutput(options);
    options.add_options()
        ("weights", file(),
            "also write the bare weights in half precision (.safetensors), as a start for another training (--init)")
        ("config", file(), "model configuration; default: the one stored in the checkpoint")
        ("set", texts("KEY=VALUE"),
            "change one value of the configuration, e.g. model.test.score_threshold=0.1; may be repeated")
        ("short-side", number()->value_name("PIXELS"), "side that images are resized to at test time, pixels")
        ("long-side", number()->value_name("PIXELS"), "limit of the other side, pixels")
        ("ema", "take the moving averages of the weights (default if the checkpoint has them)")
        ("no-ema", "take the weights themselves")
        ("random", "random weights instead of a checkpoint, for benchmarks; needs --config")
        ("seed", po::value<uint64_t>()->value_name("N")->default_value(1), "of the random weights")
        ("classes", number(), "with --random: number of classes, if the configuration names none");
    // clang-format on
    return options;
}

void checkUsage(const po::variables_map& values)
{
    const auto has = [&](const char* name) { return values.count(name) != 0; };
    if (!has("output"))
        throw UsageError("--output is missing");
    if (has("random") == has("checkpoint"))
        throw UsageError("give either --checkpoint or --random");
    if (has("random") && !has("config"))
        throw UsageError("--random needs --config");
    if (has("ema") && has("no-ema"))
        throw UsageError("--ema and --no-ema exclude each other");
    if (has("random") && has("average"))
        throw UsageError("--average needs --checkpoint");
    if (has("random") && (has("ema") || has("no-ema")))
        throw UsageError("--ema and --no-ema need --checkpoint");
    if (has("classes") && !has("random"))
        throw UsageError("--classes needs --random; a checkpoint knows its classes");
    cli::checkModelOutput(values);
    if (has("classes") && values["classes"].as<int>() < 1)
        throw UsageError("--classes must be at least 1");
    std::error_code error;
    if (has("checkpoint") &&
        std::filesystem::equivalent(values["checkpoint"].as<std::string>(), values["output"].as<std::string>(), error))
        throw UsageError("--output would overwrite the checkpoint");
}

//! Configuration with increasing priority: checkpoint, --config, --set, the two side options.
d2det::Config resolveConfig(const po::variables_map& values, const d2det::TensorFile& file)
{
    const bool random = values.count("random") != 0;
    d2det::Config config;
    if (values.count("config"))
        config = d2det::loadConfig(d2det::findInstalled(values["config"].as<std::string>(), d2det::Installed::CONFIG));
    else
        config = d2det::checkpointConfig(file);
    d2det::ModelConfig& model = config.model;
    if (model.classNames.empty() && !random)  // not required in a training configuration: taken from the annotations
        model.classNames = d2det::checkpointConfig(file).model.classNames;
    for (const std::string& keyValue : cli::textsOf(values, "set"))
        d2det::applyOverride(config, keyValue);
    if (values.count("short-side"))
        model.input.shortSide = values["short-side"].as<int>();
    if (values.count("long-side"))
        model.input.longSide = values["long-side"].as<int>();
    if (values.count("classes") && model.classNames.empty())
        for (int i = 0; i < values["classes"].as<int>(); i++)
            model.classNames.push_back("class " + std::to_string(i));
    if (model.classNames.empty())
        throw std::runtime_error(random ? "the configuration has no class names; give --classes N"
                                        : "neither the configuration nor the checkpoint has class names");
    d2det::checkConfig(config);
    return config;
}

bool hasEma(const d2det::TensorFile& file)
{
    const auto first = file.tensors.lower_bound("ema.");
    return first != file.tensors.end() && d2det::startsWith(first->first, "ema.");
}

//! Weights by name, matrices as F16, the rest (biases, norms) as F32.
void writeWeights(const d2det::Detector& model, const std::string& path)
{
    d2det::TensorFile file;
    file.metadata["format"] = "d2det weights";
    file.metadata["model"] = model->config.name;
    for (const auto& item : d2det::namedTensors(*model))
        file.tensors[item.first] =
            item.second.dim() >= 4 ? item.second.detach().to(torch::kHalf) : item.second.detach();
    d2det::writeSafetensors(path, file);
}

//! "FILE=SHARE" of --average.
std::pair<std::string, double> parseShare(const std::string& text)
{
    const size_t at = text.rfind('=');
    size_t end = 0;
    double share = 0;
    try
    {
        if (at != std::string::npos)
            share = std::stod(text.substr(at + 1), &end);
    }
    catch (const std::exception&)
    {
        end = 0;
    }
    if (at == std::string::npos || at == 0 || end == 0 || end != text.size() - at - 1 || !(share > 0 && share < 1))
        throw UsageError("--average is '" + text + "', it must be FILE=SHARE with a share between 0 and 1");
    return {text.substr(0, at), share};
}

/** Weighted mean of several checkpoints of one training run, which often generalizes better than the single checkpoints
    (Wortsman et al., "Model soups", ICML 2022). */
d2det::TensorMap averageWeights(const po::variables_map& values, const d2det::TensorFile& first)
{
    const bool ema = values.count("no-ema") == 0;
    d2det::TensorMap mean = d2det::modelWeights(first, ema);
    if (!values.count("average"))
        return mean;
    std::vector<std::pair<std::string, double>> others;
    double rest = 1;
    for (const std::string& text : cli::textsOf(values, "average"))
    {
        others.push_back(parseShare(text));
        rest -= others.back().second;
    }
    if (rest <= 0)
        throw UsageError("the shares of --average must be less than 1 together");
    for (auto& item : mean)
        item.second = item.second.to(torch::kDouble) * rest;
    for (const auto& other : others)
    {
        const d2det::TensorMap weights = d2det::modelWeights(d2det::readSafetensors(other.first), ema);
        for (auto& item : mean)
        {
            const auto match = weights.find(item.first);
            if (match == weights.end() || match->second.sizes() != item.second.sizes())
                throw std::runtime_error(other.first + " is not a checkpoint of the same model: tensor " + item.first +
                                         (match == weights.end() ? " is not in it" : " has another shape"));
            item.second += match->second.to(torch::kDouble) * other.second;
        }
    }
    for (auto& item : mean)
        item.second = item.second.to(torch::kFloat);
    return mean;
}

void run(const po::variables_map& values)
{
    for (const char* option : {"output", "weights"})  // before the work
        if (values.count(option))
            d2det::checkWritable(values[option].as<std::string>());
    d2det::TensorFile file;
    if (values.count("checkpoint"))
        file = d2det::readSafetensors(values["checkpoint"].as<std::string>());
    const d2det::Config config = resolveConfig(values, file);
    if (values.count("ema") && !hasEma(file))
        throw std::runtime_error("the checkpoint has no moving averages (solver.ema was 0); leave out --ema");

    d2det::Detector model(config.model);
    if (values.count("random"))
        d2det::randomizeModel(model, values["seed"].as<uint64_t>());
    else
        d2det::restoreModel(*model, averageWeights(values, file));
    model->eval();

    cli::writeModelOutput(values,
                          [&](const std::string& path, bool half)
                          {
                              d2det::ExportOptions options;
                              options.half = half;
                              return d2det::exportOnnx(model, path, options).text();
                          });
    if (values.count("weights"))
        writeWeights(model, values["weights"].as<std::string>());
}

int exportModel(const std::vector<std::string>& words)
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
    return cli::runProgram(PROGRAM, [&] { return exportModel(cli::wordsOf(argc, argv)); });
}
