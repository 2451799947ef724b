// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_train: trains a detector from a configuration file, or evaluates a checkpoint. Exit code 0: done (also when stopped
   by a signal after saving), 1: an error, one line on stderr, 2: wrong usage. */

#include "base/text.hpp"
#include "cli/interrupt.hpp"
#include "engine/checkpoint.hpp"
#include "engine/runtime.hpp"
#include "engine/trainer.hpp"

#include <boost/program_options.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

namespace fs = std::filesystem;
namespace po = boost::program_options;

struct UsageError : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

po::options_description describe()
{
    po::options_description options("Options");
    auto add = options.add_options();
    add("help,h", "show this text");
    add("help-config", "show all keys of a configuration file, as a Markdown table");
    add("config,c", po::value<std::string>(),
        "configuration file (JSON); with --resume or --eval-only the checkpoint's if left out");
    add("output,o", po::value<std::string>(),
        "run folder: checkpoints, log.csv, eval.csv, curves_*.svg, config.json, command.txt, files of TensorBoard; "
        "created if absent");
    add("init", po::value<std::string>(), "weights to start from: a backbone or a checkpoint, .safetensors");
    add("resume", "continue the run in the output folder");
    add("set", po::value<std::vector<std::string>>()->composing(),
        "change a value: --set solver.learning_rate=0.005 (repeatable)");
    add("threads", po::value<int>()->default_value(0), "threads, 0: one per core");
    add("device", po::value<std::string>()->default_value("cpu"), "where the model runs: cpu, cuda or cuda:N");
    add("epochs", po::value<double>(), "same as --set solver.epochs=...");
    add("eval-every", po::value<double>()->default_value(2), "epochs between evaluations on data.val, 0: never");
    add("pictures", po::value<int>()->default_value(4),
        "images of each validation set that TensorBoard shows with their detections");
    add("eval-only", po::value<std::string>(), "evaluate this checkpoint on data.val and exit");
    return options;
}

void printHelp(const po::options_description& options)
{
    std::cout
        << "Trains a D2Det detector.\n\n"
           "  d2det_train --config person.json --output runs/person --init mobilenet_v2_folded.safetensors\n"
           "  d2det_train --resume --output runs/person\n"
           "  d2det_train --eval-only runs/person/best.safetensors\n"
           "  tensorboard --logdir runs\n\n"
        << options
        << "\nControl-C finishes the step, saves a checkpoint and exits; a second one ends the program at once.\n";
}

po::variables_map parseArguments(int argc, char** argv, const po::options_description& options)
{
    po::variables_map values;
    try
    {
        po::store(po::command_line_parser(argc, argv).options(options).run(), values);
        po::notify(values);
    }
    catch (const po::error& error)
    {
        throw UsageError(error.what());
    }
    if (values["threads"].as<int>() < 0 || values["threads"].as<int>() > 1024)
        throw UsageError("--threads must be 0 .. 1024");
    if (!(values["eval-every"].as<double>() >= 0))
        throw UsageError("--eval-every must not be negative");
    if (values["pictures"].as<int>() < 0 || values["pictures"].as<int>() > 100)
        throw UsageError("--pictures must be 0 .. 100");
    return values;
}

std::string text(const po::variables_map& values, const char* key)
{
    return values.count(key) ? values[key].as<std::string>() : std::string();
}

//! The configuration from --config or else from a checkpoint, with --set and --epochs applied.
d2det::Config makeConfig(const po::variables_map& values, const std::string& checkpoint)
{
    d2det::Config config;
    if (values.count("config"))
        config = d2det::loadConfig(text(values, "config"));
    else if (!checkpoint.empty())
        config = d2det::checkpointConfig(d2det::readSafetensors(checkpoint));
    else
        throw UsageError("--config is missing");
    if (values.count("set"))
        for (const std::string& keyValue : values["set"].as<std::vector<std::string>>())
            d2det::applyOverride(config, keyValue);
    if (values.count("epochs"))
        config.solver.epochs = values["epochs"].as<double>();
    d2det::checkConfig(config);
    return config;
}

int evaluateOnly(const po::variables_map& values)
{
    const std::string path = text(values, "eval-only");
    const d2det::TensorFile file = d2det::readSafetensors(path);
    d2det::Config config = makeConfig(values, path);
    if (config.model.classNames.empty() && file.metadata.count("config"))
        config.model.classNames = d2det::checkpointConfig(file).model.classNames;
    d2det::resolveClassNames(config);
    if (config.data.val.empty())
        throw std::runtime_error("data.val is empty: there is nothing to evaluate on");
    d2det::setThreads(values["threads"].as<int>());
    const torch::Device device = d2det::chooseDevice(text(values, "device"));
    d2det::Detector model(config.model);
    d2det::restoreModel(*model, d2det::modelWeights(file));
    model->to(device);
    model->eval();
    d2det::Metrics metrics;
    const char* const names[] = {"AP",  "AP50", "AP75",  "APs", "APm", "APl",
                                 "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};
    for (const d2det::Evaluation& result : d2det::evaluateAll(model, config, metrics, cli::interrupted))
    {
        if (!result.complete)
            throw std::runtime_error("stopped before the evaluation was complete");
        std::printf("%s: %lld images, %lld detections, %lld unreadable images, %.1f s\n", result.name.c_str(),
                    static_cast<long long>(result.images), static_cast<long long>(result.detections),
                    static_cast<long long>(result.unreadable), result.seconds);
        for (size_t i = 0; i < result.summary.size(); ++i)
            if (result.maskSummary.empty())
                std::printf("  %-6s %.4f\n", names[i], result.summary[i]);
            else
                std::printf("  %-6s %.4f   masks %.4f\n", names[i], result.summary[i], result.maskSummary[i]);
        for (size_t i = 0; i < result.categoryAP.size() && result.categoryAP.size() > 1; ++i)
            std::printf("  AP of %-20s %.4f\n", config.model.classNames[i].c_str(), result.categoryAP[i]);
    }
    return 0;
}

int train(const po::variables_map& values, const std::vector<std::string>& arguments)
{
    d2det::TrainOptions options;
    options.output = text(values, "output");
    if (options.output.empty())
        throw UsageError("--output is missing");
    options.init = text(values, "init");
    options.resume = values.count("resume") > 0;
    options.threads = values["threads"].as<int>();
    options.device = text(values, "device");
    options.evalEvery = values["eval-every"].as<double>();
    options.pictures = values["pictures"].as<int>();
    options.stop = cli::interrupted;
    options.command = d2det::shellCommand(arguments);
    const std::string last = (fs::path(options.output) / "last.safetensors").string();
    if (!options.resume && fs::exists(last))
        throw std::runtime_error(last + " exists: add --resume to continue that run, or choose another --output");

    d2det::Trainer trainer(makeConfig(values, options.resume ? last : std::string()), options);
    const bool finished = trainer.run();
    std::printf("%s after iteration %lld of %lld, weights in %s\n", finished ? "finished" : "stopped",
                static_cast<long long>(trainer.iteration()), static_cast<long long>(trainer.totalIterations()),
                last.c_str());
    const std::string best = trainer.bestSummary();
    if (!best.empty())
        std::printf("best: %s, weights in %s\n", best.c_str(), (fs::path(options.output) / "best.safetensors").c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    d2det::restartWithFastBlas(argv);
    try
    {
        const po::options_description options = describe();
        const po::variables_map values = parseArguments(argc, argv, options);
        if (values.count("help"))
        {
            printHelp(options);
            return 0;
        }
        if (values.count("help-config"))
        {
            std::cout << d2det::configTable();
            return 0;
        }
        cli::catchInterrupts();
        return values.count("eval-only") ? evaluateOnly(values)
                                         : train(values, std::vector<std::string>(argv, argv + argc));
    }
    catch (const UsageError& error)
    {
        std::fprintf(stderr, "d2det_train: %s (see d2det_train --help)\n", error.what());
        return 2;
    }
    catch (const std::exception& error)
    {
        std::string message = error.what();
        message.resize(std::min(message.find('\n'), message.size()));  // LibTorch adds a stack trace
        std::fprintf(stderr, "d2det_train: %s\n", message.c_str());
        return 1;
    }
}
