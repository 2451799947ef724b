// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_train: trains a detector from a configuration file, or evaluates a checkpoint. Exit code 0: done, 1: an error,
   one line on stderr, 2: wrong usage, 130: stopped by a signal, after saving. */

#include "base/atomic_file.hpp"
#include "base/folder_lock.hpp"
#include "base/installed.hpp"
#include "base/text.hpp"
#include "cli/interrupt.hpp"
#include "cli/program.hpp"
#include "engine/automatic_values.hpp"
#include "engine/checkpoint.hpp"
#include "engine/runtime.hpp"
#include "engine/trainer.hpp"
#include "report/seeds.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace
{

namespace fs = std::filesystem;
namespace po = cli::po;
using cli::textOf;
using cli::UsageError;

const char* const PROGRAM = "d2det_train";

const char* const HELP =
    "Trains a D2Det detector.\n\n"
    "  d2det_train --config person.json --output runs/person --init mobilenet_v2-b0353104.pth\n"
    "  d2det_train --resume --output runs/person\n"
    "  d2det_train --eval-only runs/person/best.safetensors\n"
    "  tensorboard --logdir runs\n";

po::options_description describe()
{
    const auto file = [] { return po::value<std::string>()->value_name("FILE"); };
    const auto number = [](double value) { return po::value<double>()->value_name("X")->default_value(value); };
    po::options_description options("Training");
    auto add = options.add_options();
    add("help-config", "show all keys of a configuration file, as a Markdown table");
    add("config,c", file(), "configuration (JSON); with --resume or --eval-only the checkpoint's if left out");
    add("output,o", po::value<std::string>()->value_name("DIR"),
        "run folder: checkpoints, log.csv, eval.csv, curves_*.svg, config.json, command.txt, files of TensorBoard; "
        "created if absent");
    add("init", file(),
        "weights to start from: a backbone or a detector, .safetensors or .pth of PyTorch (docs/import.md)");
    add("resume", "continue the run in the output folder");
    add("set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
        "change a value: --set solver.learning_rate=0.005 (repeatable)");
    add("threads", po::value<int>()->value_name("N")->default_value(0), "threads, 0: one per core");
    add("device", po::value<std::string>()->value_name("NAME")->default_value("cpu"),
        "where the model runs: cpu, cuda or cuda:N");
    add("epochs", po::value<double>()->value_name("X"), "same as --set solver.epochs=...");
    add("eval-every", number(2), "epochs between evaluations on data.val, 0: never");
    add("repeat-seeds", po::value<int>()->value_name("N")->default_value(1),
        "train N times, with the seeds solver.seed, solver.seed + 1, ..., in DIR/seed_<seed>; mean and standard "
        "deviation "
        "of the last evaluations are printed and written to DIR/seeds.csv");
    add("pictures", po::value<int>()->value_name("N")->default_value(4),
        "images of each validation set that TensorBoard shows with their detections");
    add("eval-only", file(), "evaluate this checkpoint on data.val and exit");
    add("process-timeout", po::value<int>()->value_name("S")->default_value(600),
        "several processes (docs/training.md): seconds to wait for the others before the run ends with an error");
    return options;
}

void checkArguments(const po::variables_map& values)
{
    cli::checkRange<int>(values, "threads", 0, 1024);
    cli::checkRange<double>(values, "eval-every", 0, 1e9);
    cli::checkRange<int>(values, "pictures", 0, 100);
    cli::checkRange<int>(values, "process-timeout", 1, 86400);
    cli::checkRange<int>(values, "repeat-seeds", 1, 1000);
    if (values["repeat-seeds"].as<int>() > 1 && values["eval-every"].as<double>() == 0)
        throw UsageError("--repeat-seeds compares evaluations, so --eval-every must not be 0");
}

//! The configuration from --config, otherwise from a checkpoint, with --set and --epochs applied.
d2det::Config makeConfig(const po::variables_map& values, const std::string& checkpoint)
{
    d2det::Config config;
    if (values.count("config"))
        config = d2det::loadConfig(d2det::findInstalled(textOf(values, "config"), d2det::Installed::CONFIG));
    else if (!checkpoint.empty())
        config = d2det::checkpointConfig(d2det::readSafetensors(checkpoint));
    else
        throw UsageError("--config is missing");
    for (const std::string& keyValue : cli::textsOf(values, "set"))
        d2det::applyOverride(config, keyValue);
    if (values.count("epochs"))
        config.solver.epochs = values["epochs"].as<double>();
    d2det::checkConfig(config);
    return config;
}

//! Progress of an evaluation on stderr, where it is a terminal.
class StatusSink : public d2det::EventSink
{
public:
    StatusSink() : line_(stderr) {}
    ~StatusSink() override { line_.clear(); }
    void write(const d2det::Progress&, const d2det::Values&) override {}
    void status(const std::string& text) override
    {
        if (line_.terminal())
            line_.show(text);
    }

private:
    d2det::StatusLine line_;
};

//! The processes of a launcher (torchrun, mpirun, srun), or this one alone.
std::shared_ptr<d2det::ProcessGroup> joinOthers(const po::variables_map& values, std::string& device, int& threads)
{
    const d2det::Launch launch = d2det::readLaunch();
    if (launch.size > 1 && device == "cuda")
        device += ":" + std::to_string(launch.localRank);
    if (launch.localSize > 1 && threads == 0)
        threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / launch.localSize);
    return d2det::ProcessGroup::join(launch, d2det::chooseDevice(device),
                                     std::chrono::seconds(values["process-timeout"].as<int>()));
}

int evaluateOnly(const po::variables_map& values)
{
    const std::string path = textOf(values, "eval-only");
    const d2det::TensorFile file = d2det::readSafetensors(path);
    d2det::Config config = makeConfig(values, path);
    if (config.model.classNames.empty() && file.metadata.count("config"))
        config.model.classNames = d2det::checkpointConfig(file).model.classNames;
    if (d2det::hasAutomaticValues(config.model))
        d2det::takeAutomaticValues(config.model, d2det::checkpointConfig(file).model);
    d2det::resolveClassNames(config);
    if (config.data.val.empty())
        throw std::runtime_error("data.val is empty: there is nothing to evaluate on");
    std::string deviceName = textOf(values, "device");
    int threads = values["threads"].as<int>();
    const std::shared_ptr<d2det::ProcessGroup> group = joinOthers(values, deviceName, threads);
    d2det::setThreads(threads);
    const torch::Device device = d2det::chooseDevice(deviceName);
    d2det::Detector model(config.model);
    d2det::restoreModel(*model, d2det::modelWeights(file));
    model->to(device);
    model->eval();
    d2det::Metrics metrics;
    if (group->isFirst())
        metrics.addSink(std::make_unique<StatusSink>());
    const char* const names[] = {"AP",  "AP50", "AP75",  "APs", "APm", "APl",
                                 "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};
    for (const d2det::Evaluation& result : d2det::evaluateAll(model, config, metrics, cli::interrupted, 0, group.get()))
    {
        if (!result.complete)
            throw cli::Interrupted("the evaluation is not complete, no numbers");
        if (!group->isFirst())
            continue;
        std::printf("%s: %lld images, %lld detections, %lld unreadable images, %.1f s\n", result.name.c_str(),
                    static_cast<long long>(result.images), static_cast<long long>(result.detections),
                    static_cast<long long>(result.unreadable), result.seconds);
        for (size_t i = 0; i < result.summary.size(); i++)
            if (result.maskSummary.empty())
                std::printf("  %-6s %.4f\n", names[i], result.summary[i]);
            else
                std::printf("  %-6s %.4f   masks %.4f\n", names[i], result.summary[i], result.maskSummary[i]);
        for (const auto& [name, loss] : result.losses)
            std::printf("  loss%s%s %.4f\n", name.empty() ? "" : " ", name.c_str(), loss);
        for (size_t i = 0; i < result.categoryAP.size() && result.categoryAP.size() > 1; i++)
            std::printf("  AP of %-20s %.4f\n", config.model.classNames[i].c_str(), result.categoryAP[i]);
    }
    return 0;
}

//! One training. @return whether it was completed.
bool trainOnce(const d2det::Config& config, const d2det::TrainOptions& options)
{
    const std::string last = (fs::path(options.output) / "last.safetensors").string();
    d2det::Trainer trainer(config, options);
    const bool finished = trainer.run();
    if (options.group && !options.group->isFirst())
        return finished;
    std::printf("%s after iteration %lld of %lld (%s), weights in %s\n", finished ? "finished" : "stopped",
                static_cast<long long>(trainer.iteration()), static_cast<long long>(trainer.totalIterations()),
                trainer.endReason().c_str(), last.c_str());
    const std::string best = trainer.bestSummary();
    if (!best.empty())
        std::printf("best: %s, weights in %s\n", best.c_str(), (fs::path(options.output) / "best.safetensors").c_str());
    return finished;
}

//! last.safetensors of the lowest seed in a folder of --repeat-seeds, "" without any.
std::string lowestSeed(const std::string& folder)
{
    const std::string prefix = "seed_";
    std::error_code error;
    std::optional<long long> lowest;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    {
        const std::string name = entry.path().filename().string();
        const bool numbered = name.size() > prefix.size() && name.size() < prefix.size() + 17 &&
                              name.rfind(prefix, 0) == 0 &&
                              name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
        if (!numbered || !fs::exists(entry.path() / "last.safetensors"))
            continue;
        const long long seed = std::stoll(name.substr(prefix.size()));
        lowest = std::min(lowest.value_or(seed), seed);
    }
    return lowest ? (fs::path(folder) / (prefix + std::to_string(*lowest)) / "last.safetensors").string()
                  : std::string();
}

/** The same training with several seeds, each in a folder of its own. With `resume` finished ones are not repeated and
    others are begun or go on. @return whether all were completed. */
bool trainSeeds(d2det::Config config, d2det::TrainOptions options, int count)
{
    const std::string folder = options.output;
    const bool resume = options.resume;
    std::vector<int64_t> seeds;
    std::vector<d2det::CsvTable> evaluations;
    for (int i = 0; i < count; i++, config.solver.seed++)
    {
        options.output = (fs::path(folder) / ("seed_" + std::to_string(config.solver.seed))).string();
        options.resume = resume && fs::exists(fs::path(options.output) / "last.safetensors");
        if (!trainOnce(config, options))
            return false;
        seeds.push_back(config.solver.seed);
        if (!options.group || options.group->isFirst())
            evaluations.push_back(d2det::readCsv((fs::path(options.output) / "eval.csv").string()));
    }
    if (evaluations.empty())
        return true;
    const std::vector<d2det::MeanOfSeeds> means = d2det::meansOfSeeds(evaluations);
    std::printf("last evaluations, mean and standard deviation over %d seeds:\n%s", count,
                d2det::seedsText(means).c_str());
    d2det::writeTextAtomically((fs::path(folder) / "seeds.csv").string(), d2det::seedsCsv(means, seeds));
    return true;
}

int train(const po::variables_map& values, const std::vector<std::string>& arguments)
{
    d2det::TrainOptions options;
    options.output = textOf(values, "output");
    if (options.output.empty())
        throw UsageError("--output is missing");
    options.init = d2det::findInstalled(textOf(values, "init"), d2det::Installed::WEIGHTS);
    options.resume = values.count("resume") > 0;
    options.threads = values["threads"].as<int>();
    options.device = textOf(values, "device");
    options.group = joinOthers(values, options.device, options.threads);
    const bool first = options.group->isFirst();
    options.evalEvery = values["eval-every"].as<double>();
    options.images = values["pictures"].as<int>();
    options.stop = cli::interrupted;
    options.command = d2det::shellCommand(arguments);
    const int seeds = values["repeat-seeds"].as<int>();
    const std::string last =
        seeds > 1 ? lowestSeed(options.output) : (fs::path(options.output) / "last.safetensors").string();
    if (options.resume && last.empty())
        throw std::runtime_error("there is no run to resume in " + options.output);
    if (first && !options.resume && !last.empty() && fs::exists(last))
        throw std::runtime_error(last + " exists: add --resume to continue that run, or choose another --output");
    const d2det::Config config = makeConfig(values, options.resume ? last : std::string());
    d2det::chooseType(config.solver.precision, d2det::chooseDevice(options.device));  // before a folder is made
    std::error_code error;
    const bool created = first && fs::create_directories(options.output, error);
    if (error)
        throw std::runtime_error("cannot create the folder " + options.output + ": " + error.message());
    std::optional<d2det::FolderLock> lock;
    if (first)
    {
        lock.emplace(options.output);
        d2det::checkWritable((fs::path(options.output) / "config.json").string());
    }
    bool finished = false;
    try
    {
        finished = seeds > 1 ? trainSeeds(config, options, seeds) : trainOnce(config, options);
    }
    catch (const std::exception&)
    {
        if (created)  // if nothing has begun, the empty folder goes away again
            fs::remove(options.output, error);
        throw;
    }
    return finished ? 0 : cli::EXIT_INTERRUPTED;
}

int run(int argc, char** argv)
{
    cli::CommandLine line{PROGRAM, HELP, describe()};
    line.epilogue =
        "\nControl-C finishes the step, saves a checkpoint and ends with exit code 130, --resume continues; a second "
        "one\n"
        "ends the program at once. Exit code: 0 done, 1 it did not work, 2 for a wrong command line. Only one run at "
        "a\n"
        "time writes to a run folder. --config and --init also take the names of installed files, such as "
        "d2det_mnv2.\n";
    po::variables_map values;
    if (const std::optional<int> code = cli::readCommandLine(line, cli::wordsOf(argc, argv), values))
        return *code;
    if (values.count("help-config"))
    {
        std::cout << d2det::configTable();
        return 0;
    }
    checkArguments(values);
    cli::catchInterrupts();
    return values.count("eval-only") ? evaluateOnly(values) : train(values, {argv, argv + argc});
}

}  // namespace

int main(int argc, char** argv)
{
    d2det::restartWithFastBlas(argv);
    d2det::keepFreedMemory();
    return cli::runProgram(PROGRAM, [&] { return run(argc, argv); });
}
