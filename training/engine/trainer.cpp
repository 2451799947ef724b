// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Training loop. Files in the run folder: config.json, command.txt, log.csv, eval.csv, curves_loss.svg, curves_ap.svg,
   events.out.tfevents.* (TensorBoard), checkpoint_<iteration>.safetensors, last.safetensors (hard link to the newest
   checkpoint), best.safetensors (checkpoint of the best evaluation). */

#include "engine/trainer.hpp"

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/system.hpp"
#include "base/text.hpp"
#include "engine/automatic_values.hpp"
#include "engine/freezing.hpp"
#include "engine/model_import.hpp"
#include "engine/runtime.hpp"
#include "report/curves.hpp"
#include "report/tensorboard.hpp"
#include "opencv2/d2det/drawing.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <opencv2/core/utility.hpp>
#include <opencv2/imgproc.hpp>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace d2det
{

namespace
{

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int MAX_SKIPPED_IN_ROW = 10;
constexpr float SHOWN_SCORE = 0.3f;  // minimum score of detections in TensorBoard images
constexpr int IMAGE_SIDE = 800;      // longer side of these images, pixels

double secondsSince(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

//! An independent seed for each batch of a run (splitmix64).
uint64_t batchSeed(int64_t seed, int64_t batch)
{
    uint64_t z = static_cast<uint64_t>(seed) * 0x9E3779B97F4A7C15ull + static_cast<uint64_t>(batch) + 1;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

//! Convolution weights in the memory format of their inputs: oneDNN then reorders nothing, cuDNN takes its fastest
//! kernels.
void useChannelsLast(torch::nn::Module& module)
{
    for (auto& parameter : module.parameters())
        if (parameter.dim() == 4)
            parameter.set_data(parameter.detach().contiguous(torch::MemoryFormat::ChannelsLast));
}

std::string checkpointName(int64_t iteration)
{
    char text[64];
    std::snprintf(text, sizeof(text), "checkpoint_%08lld.safetensors", static_cast<long long>(iteration));
    return text;
}

//! Hard link to a file that is never modified in place; a copy if the file system does not support links.
void linkFile(const std::string& from, const std::string& to)
{
    const fs::path temporary = to + ".tmp";
    std::error_code error;
    fs::remove(temporary, error);
    fs::create_hard_link(from, temporary, error);
    if (error)
        return copyFileAtomically(from, to);
    fs::rename(temporary, to);
    fs::remove(temporary, error);  // rename() has no effect if both names already were the same file
}

//! Prefixes error messages with the file name.
template <class F>
void withFile(const std::string& file, F&& action)
{
    try
    {
        action();
    }
    catch (const std::exception& error)
    {
        const std::string text = error.what();
        fail(text.rfind(file, 0) == 0 ? text : file + ": " + text);
    }
}

//! A frozen batch norm is of use only with the statistics that belong to its weights.
void requireStatistics(const std::vector<std::string>& norms, const std::string& init)
{
    if (norms.empty())
        return;
    fail((init.empty() ? std::string("without --init") : init + ":") + " the statistics of " +
         counted(static_cast<int64_t>(norms.size()), "frozen batch norm") + " stay 0 and 1, the first is " + norms[0] +
         ". Start from weights that have them (--init with ImageNet weights), or give the stages that the file lacks "
         "a norm that is trained: model.backbone.new_stages for some of them, model.backbone.norm=group_norm for all");
}

bool hasMaskHead(const Config& config)
{
    return config.model.roi.maskHead.type != MaskHeadType::NONE;
}

//! The moving averages take the place of the weights during its lifetime, also of an exception.
class AveragedWeights
{
public:
    explicit AveragedWeights(Solver& solver) : solver_(solver) { solver_.swapAverage(); }
    ~AveragedWeights() { solver_.swapAverage(); }
    AveragedWeights(const AveragedWeights&) = delete;
    AveragedWeights& operator=(const AveragedWeights&) = delete;

private:
    Solver& solver_;
};

ReadOptions readOptions(const Config& config)
{
    ReadOptions options;
    options.classNames = config.model.classNames;
    options.maxBadFraction = config.data.maxBadFraction;
    options.keepSegmentation = hasMaskHead(config);
    return options;
}

//! The image with the detections drawn on it.
cv::Mat drawResult(const ImageResult& result, const std::vector<std::string>& classNames)
{
    cv::Mat image = result.image.clone();
    cv::d2det::drawDetections(image, result.detections, result.masks, classNames, SHOWN_SCORE);
    const double scale = static_cast<double>(IMAGE_SIDE) / std::max(image.cols, image.rows);
    if (scale < 1)
        cv::resize(image, image, cv::Size(), scale, scale, cv::INTER_AREA);
    return image;
}

std::string fixed(double value, int decimals)
{
    char text[64];
    std::snprintf(text, sizeof(text), "%.*f", decimals, value);
    return text;
}

//! Mean AP over the data sets: boxes and, where evaluated, masks.
double meanPrecision(const std::vector<Evaluation>& results)
{
    double sum = 0;
    for (const Evaluation& result : results)
    {
        const double boxes = result.summary[0];
        sum += result.maskSummary.empty() ? boxes : 0.5 * (boxes + result.maskSummary[0]);
    }
    return sum / static_cast<double>(results.size());
}

}  // namespace

void resolveClassNames(Config& config)
{
    if (!config.model.classNames.empty())
        return;
    if (config.data.train.empty())
        fail("data.train is empty and model.class_names too: there are no classes to detect");
    config.model.classNames = loadDatasets(config.data.train, readOptions(config)).classNames;
}

std::vector<Evaluation> evaluateAll(Detector& detector, const Config& config, Metrics& metrics,
                                    const std::function<bool()>& stop, int images, ProcessGroup* group)
{
    std::vector<Evaluation> results;
    for (const DatasetConfig& dataset : config.data.val)
    {
        ReadOptions options = readOptions(config);
        options.clipBoxes = false;
        Dataset data = loadDatasets({dataset}, options);
        std::vector<std::pair<std::string, cv::Mat>> drawn;
        Gallery gallery{chooseImages(data, static_cast<size_t>(std::max(images, 0))), {}};
        gallery.show = [&](const ImageRecord& image, const ImageResult& result)
        { drawn.emplace_back(fs::path(image.path).filename().string(), drawResult(result, config.model.classNames)); };
        const auto progress = [&](size_t index)
        {
            metrics.status("validation on " + data.name + ": image " + std::to_string(index + 1) + " of " +
                           std::to_string(data.images.size()));
        };
        results.push_back(evaluate(detector, data, config.data.maxBadFraction, stop, gallery, progress, group));
        Evaluation& result = results.back();
        if (!result.complete)
            break;
        // Two parts of one annotation file would otherwise share a name.
        const auto sameName = [&](const Evaluation& other) { return &other != &result && other.name == result.name; };
        if (std::any_of(results.begin(), results.end(), sameName))
            result.name += "_" + std::to_string(results.size());
        if (config.validation.loss)
        {
            const auto lossProgress = [&](size_t done, size_t all)
            {
                metrics.status("validation loss on " + data.name + ": " + std::to_string(done) + " of " +
                               std::to_string(all) + " images");
            };
            result.losses = validationLosses(detector, loadDatasets({dataset}, readOptions(config)), config, stop,
                                             lossProgress, group);
            const bool stopped = stop && stop();
            if (group ? group->largest(stopped ? 1 : 0) > 0 : stopped)
            {
                result.complete = false;
                break;
            }
            if (result.losses.empty())
                metrics.message("warning: data set '" + data.name +
                                "' has no image with a usable annotation: no validation loss");
        }
        const std::string prefix = "val/" + result.name + "/";
        for (const auto& [name, loss] : result.losses)
            metrics.put(prefix + (name.empty() ? "loss" : "loss_" + name), loss);
        metrics.put(prefix + "AP", result.summary.at(0));
        metrics.put(prefix + "AP50", result.summary.at(1));
        metrics.put(prefix + "AP75", result.summary.at(2));
        for (const auto& item : drawn)
            metrics.putImage(prefix + item.first, item.second);
        if (result.maskSummary.empty())
            continue;
        metrics.put(prefix + "mask_AP", result.maskSummary.at(0));
        metrics.put(prefix + "mask_AP50", result.maskSummary.at(1));
        metrics.put(prefix + "mask_AP75", result.maskSummary.at(2));
    }
    return results;
}

Trainer::Trainer(Config config, const TrainOptions& options)
    : config_(std::move(config)),
      options_(options),
      group_(options.group ? options.group : ProcessGroup::join(Launch(), torch::kCPU, {})),
      generator_(at::detail::createCPUGenerator())
{
    options_.console = options_.console && group_->isFirst();
    setThreads(options_.threads);
    checkConfig(config_);
    device_ = chooseDevice(options_.device);
    type_ = chooseType(config_.solver.precision, device_);
    scaler_ = LossScaler(type_ == torch::kHalf);
    if (config_.data.train.empty())
        fail("data.train is empty: there is nothing to train on");
    if (options_.console)
        metrics_.addSink(std::make_unique<ConsoleSink>());
    metrics_.status("reading the annotations of data.train");
    ReadOptions reading = readOptions(config_);
    reading.keepSegmentation = reading.keepSegmentation || config_.data.augment.usesOutlines();
    Dataset dataset = loadDatasets(config_.data.train, reading);
    if (config_.model.classNames.empty())
        config_.model.classNames = dataset.classNames;
    for (const std::string& warning : dataset.warnings)
        metrics_.message("warning: " + warning);
    earlyStopping_ = EarlyStopping(config_.solver.earlyStopping, config_.solver.earlyStoppingDelta);
    if (config_.solver.earlyStopping > 0 && (config_.data.val.empty() || !(options_.evalEvery > 0)))
        fail("solver.early_stopping is " + std::to_string(config_.solver.earlyStopping) +
             ", but there is no evaluation: " + (config_.data.val.empty() ? "data.val is empty" : "--eval-every is 0"));
    findAutomatic(dataset);
    checkConfig(config_);  // again: the number of classes is known now

    shareBatches();
    torch::manual_seed(static_cast<uint64_t>(config_.solver.seed));
    model_ = Detector(config_.model);
    if (group_->isFirst())
        fs::create_directories(options_.output);
    loadWeights();
    model_->to(device_);
    useChannelsLast(*model_);
    frozen_ = freezeParameters(*model_, config_.solver.freeze);
    solver_ = std::make_unique<Solver>(config_.solver, *model_);
    if (options_.resume)
        resume();
    std::vector<torch::Tensor> tensors;
    for (const auto& item : namedTensors(*model_))
        tensors.push_back(item.second);
    group_->broadcast(tensors);
    describe(dataset);
    metrics_.status("opening the images of data.train");
    LoaderOptions loading;
    loading.pinned = device_.is_cuda();
    loading.masks = hasMaskHead(config_);
    loading.share = {group_->rank(), group_->size()};
    loader_ = std::make_unique<DataLoader>(std::move(dataset), config_.data, config_.model.input,
                                           config_.solver.batchSize, static_cast<uint64_t>(config_.solver.seed),
                                           iteration_ * config_.solver.accumulate, loading);
    feeder_ = std::make_unique<BatchFeeder>([this] { return loader_->next(); }, device_);
    const int64_t perStep = int64_t{config_.solver.batchSize} * config_.solver.accumulate;
    perEpoch_ = std::max<int64_t>(loader_->imagesPerEpoch() / perStep, 1);
    total_ = static_cast<int64_t>(std::ceil(config_.solver.epochs * static_cast<double>(perEpoch_)));
    for (const std::string& warning : loader_->warnings())
        metrics_.message("warning: " + warning);
    metrics_.message("steps       " + std::to_string(perEpoch_) + " per epoch of " +
                     counted(loader_->imagesPerEpoch(), "image") + ", " + formatNumber(config_.solver.epochs, 2) +
                     " epochs: " + std::to_string(total_) + " steps of " + counted(perStep, "image") +
                     (config_.solver.accumulate > 1
                          ? " (" + std::to_string(config_.solver.accumulate) + " batches of " +
                                std::to_string(config_.solver.batchSize) + ")"
                          : ""));
    if (!loader_->samplingSummary().empty())
        metrics_.message("sampling    " + loader_->samplingSummary());
    if (!group_->isFirst())
        return;
    metrics_.addSink(std::make_unique<CsvSink>(options_.output, iteration_, evaluatedAt_));
    metrics_.addSink(std::make_unique<TensorBoardSink>(options_.output, iteration_));
    writeTextAtomically(path("config.json"), configToJson(config_));
    writeCommand();
}

std::string Trainer::path(const std::string& name) const
{
    return (fs::path(options_.output) / name).string();
}

/* The processes share the batches of a step. If there are fewer than processes, a new run takes one for each of them,
   and the learning rate grows with the batches (Goyal et al. 2017, linear scaling). The checkpoints have both values: a
   resumed run does the same steps with any number of processes. */
void Trainer::shareBatches()
{
    const int size = group_->size(), asked = config_.solver.accumulate;
    if (size == 1)
        return;
    if (options_.resume && size > asked)
        fail("the run has " + counted(asked, "batch") + " in a step (solver.accumulate), which " +
             std::to_string(size) + " processes cannot share: resume with at most " + std::to_string(asked));
    metrics_.message("processes   " + std::to_string(size) + ", started by " + group_->launch().launcher +
                     (asked > size && asked % size != 0
                          ? "; they do not all have as many of the " + std::to_string(asked) +
                                " batches of a step, and wait for each other"
                          : ""));
    if (options_.resume || asked >= size)
        return;
    config_.solver.accumulate = size;
    config_.solver.learningRate *= static_cast<double>(size) / asked;
    metrics_.message("processes   solver.accumulate " + std::to_string(config_.solver.accumulate) + " instead of " +
                     std::to_string(asked) + ", solver.learning_rate in proportion " +
                     formatNumber(config_.solver.learningRate, 6));
}

//! Whether any process was asked to stop: all of them stop after the same step.
bool Trainer::stopRequested()
{
    const bool here = options_.stop();
    return group_->size() > 1 ? group_->largest(here ? 1 : 0) > 0 : here;
}

//! Values that are `auto`: from the data, or those with which a resumed run began.
void Trainer::findAutomatic(const Dataset& dataset)
{
    if (!hasAutomaticValues(config_.model))
        return;
    const std::string last = path("last.safetensors");
    if (options_.resume)
        return withFile(last,
                        [&] { takeAutomaticValues(config_.model, checkpointConfig(readSafetensors(last)).model); });
    for (const std::string& note : findAutomaticValues(config_, dataset))
        metrics_.message(note);
}

//! What is going to be trained on what, before the first step.
void Trainer::describe(const Dataset& dataset)
{
    if (!options_.console)
        return;
    const int64_t filled = std::count_if(dataset.images.begin(), dataset.images.end(),
                                         [](const ImageRecord& image) { return !image.annotations.empty(); });
    std::string names;
    for (const std::string& name : config_.model.classNames)
        names += (names.empty() ? "" : ", ") + name;
    metrics_.message("data        " + counted(static_cast<int64_t>(dataset.images.size()), "image") + " (" +
                     std::to_string(filled) + " with objects), " + counted(dataset.numAnnotations(), "object") +
                     " of " + counted(static_cast<int64_t>(config_.model.classNames.size()), "class") + ": " +
                     shortened(names, 100));
    metrics_.message("validation  " +
                     (config_.data.val.empty() ? std::string("none (data.val is empty)")
                      : options_.evalEvery > 0
                          ? "on " + counted(static_cast<int64_t>(config_.data.val.size()), "data set") + ", every " +
                                formatNumber(options_.evalEvery, 2) + " epochs and at the end"
                          : std::string("never (--eval-every 0)")));
    int64_t parameters = 0, trained = 0;
    for (const torch::Tensor& parameter : model_->parameters())
    {
        parameters += parameter.numel();
        trained += parameter.requires_grad() ? parameter.numel() : 0;
    }
    metrics_.message("model       " + config_.model.name + ", " +
                     formatNumber(static_cast<double>(parameters) / 1e6, 2) + " million parameters, " +
                     formatNumber(static_cast<double>(trained) / 1e6, 2) + " million of them trained" +
                     (frozen_.empty() ? ""
                                      : "; solver.freeze: " + counted(static_cast<int64_t>(frozen_.size()), "tensor") +
                                            " of " + std::to_string(model_->parameters().size())));
    metrics_.message("machine     " + options_.device + ", " + counted(torch::get_num_threads(), "thread") + ", " +
                     (type_ == torch::kFloat      ? "float32"
                      : type_ == torch::kBFloat16 ? "bfloat16"
                                                  : "float16"));
}

//! The names in the progress line, once.
void Trainer::explainLosses(const StepResult& result)
{
    static const std::map<std::string, std::string> meanings{{"rpn_cls", "object or background, of anchors"},
                                                             {"rpn_box", "boxes of anchors"},
                                                             {"cls", "class of a proposal"},
                                                             {"box", "offsets of its box"},
                                                             {"dlr", "dense local regression, the box"},
                                                             {"overlap", "which cells of a proposal lie on its object"},
                                                             {"mask", "pixels of the mask"},
                                                             {"mask_iou", "predicted quality of the mask"}};
    if (explained_)
        return;
    explained_ = true;
    std::string text;
    for (const auto& item : result.losses)
    {
        const auto known = meanings.find(item.first);  // the later stages of a cascade have numbers
        text += (text.empty() ? "" : "; ") + item.first + (known == meanings.end() ? "" : ": " + known->second);
    }
    metrics_.message("losses      the sum of " + text);
}

void Trainer::loadWeights()
{
    if (options_.resume)
        return;
    LoadReport report;
    if (!options_.init.empty())
        withFile(options_.init,
                 [&]
                 {
                     const NamedWeights weights = weightsForModel(readWeightFile(options_.init), config_.model);
                     report = initializeModel(*model_, weights.tensors);
                     report.unused.insert(report.unused.end(), weights.unused.begin(), weights.unused.end());
                     metrics_.message(options_.init + ": " + report.summary());
                     for (const std::string& note : weights.notes)
                         metrics_.message(options_.init + ": " + note);
                 });
    requireStatistics(unfilledNorms(*model_, report.matched), options_.init);
}

void Trainer::resume()
{
    const std::string last = path("last.safetensors");
    withFile(last,
             [&]
             {
                 const TensorFile file = readSafetensors(last);
                 restoreModel(*model_, modelWeights(file, false));
                 checkFrozen(file);
                 solver_->load(file);
                 earlyStopping_.load(file);
                 scaler_.load(file);
                 iteration_ = metadataCount(file, "iteration");
                 skipped_ = metadataCount(file, "skipped");
                 skippedInRow_ = static_cast<int>(metadataCount(file, "skipped_in_row"));
                 const auto best = file.metadata.find("best");
                 best_ = best != file.metadata.end() ? std::atof(best->second.c_str()) : -1;
                 if (file.metadata.count("best_iteration"))
                     bestIteration_ = metadataCount(file, "best_iteration");
                 evaluatedAt_ = file.metadata.count("evaluated_iteration") ? metadataCount(file, "evaluated_iteration")
                                                                           : iteration_;
             });
    resumedAt_ = savedAt_ = iteration_;
    if (!group_->isFirst())
        return;
    const int stale = removeStaleFiles(options_.output);
    if (stale > 0)
        metrics_.message("removed " + std::to_string(stale) + " unfinished file(s) of a run that was killed");
    metrics_.message(last + ": continuing after iteration " + std::to_string(iteration_));
}

//! The optimizer has no state of parameters that were frozen, and would forget that of others.
void Trainer::checkFrozen(const TensorFile& checkpoint) const
{
    const std::vector<std::string> before = checkpointConfig(checkpoint).solver.freeze;
    if (matchingParameters(*model_, before) == frozen_)
        return;
    const auto quoted = [](const std::vector<std::string>& patterns)
    {
        std::string text;
        for (const std::string& pattern : patterns)
            text += (text.empty() ? "\"" : ", \"") + pattern + "\"";
        return "[" + text + "]";
    };
    fail("the run was begun with solver.freeze " + quoted(before) + ", which are not the parameters of " +
         quoted(config_.solver.freeze) + "; to freeze others, start a new run with --init and this file");
}

//! Steps between two evaluations, 0: none.
int64_t Trainer::evaluationSteps() const
{
    if (!(options_.evalEvery > 0) || config_.data.val.empty())
        return 0;
    return std::max<int64_t>(1,
                             static_cast<int64_t>(std::llround(options_.evalEvery * static_cast<double>(perEpoch_))));
}

bool Trainer::evaluationDue() const
{
    return due(evaluationSteps()) || (evaluationSteps() > 0 && iteration_ == total_);
}

bool Trainer::run()
{
    try
    {
        return runSteps();
    }
    catch (const ProcessGroupError&)
    {
        if (savedAt_ != iteration_)  // weights change only after all processes have given their part of a step
            save();
        throw;
    }
}

bool Trainer::runSteps()
{
    model_->train();
    started_ = lastWrite_ = Clock::now();
    bool stopped = false;
    if (iteration_ > 0 && evaluatedAt_ < iteration_ && evaluationDue())
    {
        runEvaluation();  // the run was ended within it, or before
        stopped = stopRequested();
    }
    while (iteration_ < total_ && !stopped && !earlyStopping_.exhausted())
    {
        step();
        ++iteration_;
        ++steps_;
        if (due(config_.solver.logEvery))
            writeProgress();
        else if (iteration_ - resumedAt_ < config_.solver.logEvery)  // nothing else is shown until then
            metrics_.status("step " + std::to_string(iteration_) + " of " + std::to_string(total_) +
                            ", first numbers after step " +
                            std::to_string((iteration_ / config_.solver.logEvery + 1) * config_.solver.logEvery));
        if (due(config_.solver.checkpointEvery) && iteration_ < total_)
            save();
        if (evaluationDue())
            runEvaluation();
        stopped = stopRequested() || (options_.stopAfter > 0 && iteration_ >= options_.stopAfter);
    }
    if (savedAt_ != iteration_)
        save();
    drawCurves();
    const bool allDone = iteration_ >= total_;
    endReason_ = allDone ? "all steps are done" : earlyStopping_.exhausted() ? earlyStopping_.reason() : "interrupted";
    metrics_.message("end         " + endReason_);
    return allDone || earlyStopping_.exhausted();
}

//! A step of solver.accumulate batches.
void Trainer::step()
{
    StepOptions options;
    options.type = type_;
    options.rate = learningRate(config_.solver, iteration_, perEpoch_);
    options.losses = config_.losses;
    options.batches = config_.solver.accumulate;
    options.whileBusy = [this] { feeder_->prefetch(); };
    options.group = group_.get();
    std::vector<int64_t> own;  // numbers in the run of this process' batches
    for (int64_t i = iteration_ * options.batches; i < (iteration_ + 1) * options.batches; i++)
        if (group_->owns(i))
            own.push_back(i);
    options.ownBatches = static_cast<int>(own.size());
    const auto next = [&](int index)
    {
        const uint64_t seed = batchSeed(config_.solver.seed, own.at(static_cast<size_t>(index)));
        generator_.set_current_seed(seed);
        torch::manual_seed(seed);
        Batch batch = feeder_->next();
        images_ += batch.images.size();
        return batch;
    };
    const StepResult result = takeStep(model_, *solver_, scaler_, next, generator_, options);
    if (!result.taken)
        return skipStep(result);
    skippedInRow_ = 0;
    explainLosses(result);
    metrics_.put("loss", result.loss);
    for (const auto& item : result.losses)
        metrics_.put("loss/" + item.first, item.second);
    metrics_.put("rate", options.rate);
    metrics_.put("grad_norm", result.norm);
}

//! A gradient outside the float16 range is not an error of the run: the loss scale is reduced.
void Trainer::skipStep(const StepResult& result)
{
    ++skipped_;
    if (result.scaledDown || ++skippedInRow_ < MAX_SKIPPED_IN_ROW)
        return;
    fail("the loss (" + std::to_string(result.loss) + ") or its gradient (norm " + std::to_string(result.norm) +
         ") was no finite number in " + std::to_string(skippedInRow_) + " steps in a row, the last is iteration " +
         std::to_string(iteration_) + "; lower solver.learning_rate, set solver.clip_grad_norm or check the weights");
}

void Trainer::writeProgress()
{
    const double seconds = std::max(secondsSince(lastWrite_), 1e-9);
    metrics_.put("images_per_second", static_cast<double>(images_ * group_->size()) / seconds);
    const double waited = loader_->waitSeconds() - waited_;
    metrics_.put("data_share", waited / seconds);
    metrics_.put("data_seconds", waited / static_cast<double>(std::max<int64_t>(steps_, 1)));
    metrics_.put("memory_mib", peakMemoryMiB());
    metrics_.put("skipped", static_cast<double>(skipped_));
    if (type_ == torch::kHalf)
        metrics_.put("loss_scale", scaler_.scale());
    const double perStep = secondsSince(started_) / static_cast<double>(iteration_ - resumedAt_);
    Progress progress{iteration_, total_, epochOf(iteration_), perStep * static_cast<double>(total_ - iteration_)};
    metrics_.write(progress);
    lastWrite_ = Clock::now();
    waited_ += waited;
    images_ = steps_ = 0;
}

//! @param best also link the checkpoint as best.safetensors.
void Trainer::save(bool best)
{
    savedAt_ = iteration_;
    if (!group_->isFirst())
        return;
    TensorFile file;
    for (const auto& item : namedTensors(*model_))
        file.tensors["model." + item.first] = item.second;
    solver_->save(file);
    scaler_.save(file);
    earlyStopping_.save(file);
    file.metadata["format"] = "d2det checkpoint 1";
    file.metadata["iteration"] = std::to_string(iteration_);
    file.metadata["epoch"] = std::to_string(epochOf(iteration_));
    file.metadata["skipped"] = std::to_string(skipped_);
    file.metadata["skipped_in_row"] = std::to_string(skippedInRow_);
    file.metadata["best"] = fixed(best_, 17);  // exact: a resume must not take an equal one for a better one
    file.metadata["best_iteration"] = std::to_string(bestIteration_);
    file.metadata["evaluated_iteration"] = std::to_string(evaluatedAt_);
    file.metadata["config"] = configToJson(config_);
    const std::string name = path(checkpointName(iteration_));
    writeSafetensors(name, file);
    if (best)  // before last.safetensors: if killed in between, a resumed run repeats the evaluation
        linkFile(name, path("best.safetensors"));
    linkFile(name, path("last.safetensors"));
    pruneCheckpoints();
}

//! Removes numbered checkpoints beyond the newest solver.keep_checkpoints; last and best are separate links.
void Trainer::pruneCheckpoints() const
{
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(options_.output))
    {
        const std::string name = entry.path().filename().string();
        if (name.rfind("checkpoint_", 0) == 0 && entry.path().extension() == ".safetensors")
            found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    const size_t keep = static_cast<size_t>(config_.solver.keepCheckpoints);
    for (size_t i = 0; i + keep < found.size(); i++)
    {
        std::error_code error;
        fs::remove(found[i], error);
    }
}

void Trainer::runEvaluation()
{
    if (images_ > 0)
        writeProgress();
    const std::vector<Evaluation> results = [&]
    {
        const AveragedWeights averaged(*solver_);
        return evaluateAll(model_, config_, metrics_, options_.stop, options_.images, group_.get());
    }();
    model_->train();
    lastWrite_ = Clock::now();
    if (results.empty() || !results.back().complete)
        return metrics_.clear();
    metrics_.write({iteration_, total_, epochOf(iteration_), 0});
    const double mean = meanPrecision(results);
    const bool better = mean > best_;
    evaluatedAt_ = iteration_;
    earlyStopping_.add(mean, iteration_);
    std::string before;
    if (better && bestIteration_ > 0)
        before = ", before " + fixed(best_, 4) + " at epoch " + fixed(epochOf(bestIteration_), 2);
    best_ = std::max(best_, mean);
    bestIteration_ = better ? iteration_ : bestIteration_;
    save(better);
    drawCurves();
    if (better)
        metrics_.message("new best: mean AP " + fixed(mean, 4) + before + " -> " + path("best.safetensors"));
}

void Trainer::drawCurves() const
{
    if (!group_->isFirst())
        return;
    const CsvTable evaluations = readCsv(path("eval.csv"));
    writeTextAtomically(path("curves_loss.svg"), lossCurves(readCsv(path("log.csv")), evaluations));
    if (evaluations.rows() > 0)
        writeTextAtomically(path("curves_ap.svg"), precisionCurves(evaluations));
}

std::string Trainer::bestSummary() const
{
    if (bestIteration_ == 0)
        return "";
    std::string text = "epoch " + fixed(epochOf(bestIteration_), 2) + ", iteration " + std::to_string(bestIteration_) +
                       ", mean AP " + fixed(best_, 4);
    const CsvTable table = readCsv(path("eval.csv"));
    const std::vector<double>* const iterations = table.column("iteration");
    for (size_t row = 0; iterations && row < table.rows(); row++)
        if ((*iterations)[row] == static_cast<double>(bestIteration_))
            for (size_t i = 0; i < table.names.size(); i++)
                if (startsWith(table.names[i], "val/") && table.names[i].find("/loss_") == std::string::npos &&
                    std::isfinite(table.columns[i][row]))
                    text += ", " + table.names[i].substr(4) + " " + fixed(table.columns[i][row], 4);
    return text;
}

//! Appends the command line of this run to command.txt; a new run overwrites the file.
void Trainer::writeCommand() const
{
    if (options_.command.empty())
        return;
    std::ostringstream text;
    if (options_.resume)
        text << std::ifstream(path("command.txt"), std::ios::binary).rdbuf();
    text.clear();  // an absent or empty file sets the fail bit
    text << "# " << utcNow() << ", LibTorch " << TORCH_VERSION << ", OpenCV " << cv::getVersionString() << ", "
         << options_.device << ", "
         << (options_.resume ? "continues after iteration " + std::to_string(iteration_) : "starts") << "\n"
         << options_.command << "\n";
    writeTextAtomically(path("command.txt"), text.str());
}

}  // namespace d2det
