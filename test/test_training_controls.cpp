// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Controls of a training: accumulated gradients, images and losses weighted by class, early stopping, validation loss,
   anchors from the data, frozen parameters. */

#define BOOST_TEST_MODULE training_controls
#include <boost/test/unit_test.hpp>

#include "base/random.hpp"
#include "base/text.hpp"
#include "dataset/anchor_fit.hpp"
#include "dataset/class_balance.hpp"
#include "dataset/sampler.hpp"
#include "engine/automatic_values.hpp"
#include "engine/loader.hpp"
#include "model/losses.hpp"
#include "report/curves.hpp"
#include "programs.hpp"
#include "training_world.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

using namespace d2det;
using namespace d2det::test;
namespace fs = std::filesystem;
using torch::Tensor;

namespace
{

//! Two objects at the same places of every image; the pixels differ.
Batch sceneBatch(int64_t images, int64_t first = 0)
{
    Batch batch;
    std::vector<ImageInfo> infos;
    std::vector<Tensor> pixels;
    for (int64_t i = first; i < first + images; i++)
    {
        torch::manual_seed(static_cast<uint64_t>(100 + i));
        pixels.push_back(torch::randn({1, 3, 64, 96}));
        ImageInfo info;
        info.height = 64;
        info.width = 96;
        infos.push_back(info);
        Instances objects(Boxes(torch::tensor({{10.f, 8.f, 50.f, 40.f}, {60.f, 20.f, 80.f, 60.f}})),
                          torch::tensor({int64_t{0}, int64_t{1}}));
        Tensor masks = torch::zeros({2, 64, 96}, torch::kByte);
        masks[0].slice(0, 8, 40).slice(1, 10, 50).fill_(1);
        masks[1].slice(0, 20, 60).slice(1, 60, 80).fill_(1);
        objects.setMasks(masks, torch::ones({2}, torch::kBool));
        batch.targets.push_back(objects);
        batch.imageIds.push_back(i);
    }
    batch.images = ImageBatch(torch::cat(pixels), infos);
    return batch;
}

//! A model in which every image of sceneBatch gives the same numbers of anchors, RoIs, cells and masks: all anchors and
//! RoIs are taken, and only the objects themselves are positive RoIs.
ModelConfig countedModel(const World& world, RoIHeadType type)
{
    ModelConfig c = world.config().model;
    c.classNames = {"flat", "tall"};
    c.rpn.batchPerImage = 100000;
    c.rpn.positiveFraction = 1;
    c.rpn.preNmsTopNTrain = 200;
    c.rpn.postNmsTopNTrain = c.rpn.proposalsTrain = 5;
    c.roi.type = type;
    c.roi.positiveIou = 1;
    c.roi.batchPerImage = 1000;
    c.roi.positiveFraction = 1;
    c.roi.boxHead.jitter = 0;
    c.roi.boxHead.maxRois = 1000;
    c.roi.classHead.classWeights = {2, 0.5f};
    c.roi.classHead.backgroundWeight = 0.25f;
    MaskHeadConfig& head = c.roi.maskHead;
    head.type = type == RoIHeadType::D2DET ? MaskHeadType::D2DET : MaskHeadType::FCN;
    head.channels = 8;
    head.normGroups = 2;
    head.convs = 1;
    head.scoring = type == RoIHeadType::D2DET;
    head.scoreChannels = 16;
    return c;
}

TensorMap gradientsOf(const Detector& model)
{
    TensorMap gradients;
    for (const auto& item : model->named_parameters())
        if (item.value().grad().defined())
            gradients[item.key()] = item.value().grad().clone();
    return gradients;
}

double norm(const TensorMap& tensors)
{
    double sum = 0;
    for (const auto& item : tensors)
        sum += item.second.to(torch::kDouble).square().sum().item<double>();
    return std::sqrt(sum);
}

double distance(const TensorMap& a, const TensorMap& b)
{
    BOOST_REQUIRE_EQUAL(a.size(), b.size());
    TensorMap differences;
    for (const auto& item : a)
        differences[item.first] = item.second.to(torch::kDouble) - b.at(item.first).to(torch::kDouble);
    return norm(differences);
}

const char* nameOf(RoIHeadType type)
{
    return type == RoIHeadType::D2DET ? "d2det" : "faster_rcnn";
}

//! The annotations of a world with the category of the i-th image's object; 0: no object.
void annotate(const World& world, const std::vector<int>& categories)
{
    nlohmann::json file = nlohmann::json::parse(std::ifstream(world.path("boxes.json")));
    nlohmann::json kept = nlohmann::json::array();
    for (size_t i = 0; i < categories.size(); i++)
        if (categories[i] != 0)
        {
            kept.push_back(file["annotations"].at(i));
            kept.back()["category_id"] = categories[i];
        }
    file["annotations"] = kept;
    std::ofstream(world.path("boxes.json")) << file;
}

const std::vector<int> ONE_TALL = {3, 3, 3, 5, 3, 3, 3, 3};

}  // namespace

// ------------------------------------------------------------------ accumulated gradients
BOOST_AUTO_TEST_SUITE(accumulation)

//! The gradient of four images at once, of two batches of two and of four of one are the same.
BOOST_AUTO_TEST_CASE(gradients_equal_those_of_one_batch)
{
    const World world;
    for (const RoIHeadType type : {RoIHeadType::D2DET, RoIHeadType::FASTER_RCNN})
        BOOST_TEST_CONTEXT(nameOf(type))
        {
            torch::manual_seed(3);
            Detector model(countedModel(world, type));
            const SolverConfig config;
            std::vector<TensorMap> gradients;
            std::vector<StepResult> results;
            for (const int batches : {1, 2, 4})
            {
                Solver solver(config, *model);
                LossScaler scaler(false);
                StepOptions options;
                options.batches = batches;
                const int64_t size = 4 / batches;
                results.push_back(takeStep(
                    model, solver, scaler, [&](int i) { return sceneBatch(size, i * size); },
                    at::detail::createCPUGenerator(5), options));
                gradients.push_back(gradientsOf(model));
            }
            const double whole = norm(gradients[0]);
            BOOST_TEST(whole > 0.1);
            BOOST_TEST(gradients[0].size() > 40u);
            for (const size_t i : {size_t{1}, size_t{2}})
            {
                BOOST_TEST(distance(gradients[i], gradients[0]) < 1e-6 * whole,
                           distance(gradients[i], gradients[0]) / whole);
                BOOST_TEST(std::abs(results[i].norm - results[0].norm) < 1e-6 * whole);
                BOOST_REQUIRE_EQUAL(results[i].losses.size(), results[0].losses.size());
                for (const auto& item : results[0].losses)
                    BOOST_TEST(std::abs(results[i].losses.at(item.first) - item.second) < 1e-5 * (1e-3 + item.second),
                               item.first);
            }
            // The test sees a gradient that is not divided by the number of batches, or that lacks one of them.
            TensorMap other = gradients[1];
            for (auto& item : other)
                item.second = item.second * 2;
            BOOST_TEST(distance(other, gradients[0]) > 0.5 * whole);
        }
}

//! A number that is not finite in one of the batches skips the whole step; the scale of the loss follows.
BOOST_AUTO_TEST_CASE(a_step_is_taken_or_skipped_as_a_whole)
{
    const World world;
    torch::manual_seed(3);
    Detector model(countedModel(world, RoIHeadType::D2DET));
    SolverConfig config;
    config.ema = 0.9;
    Solver solver(config, *model);
    LossScaler scaler(true, 1024);
    StepOptions options;
    options.rate = 0.1;
    options.batches = 3;
    TensorMap before;
    for (const auto& item : model->named_parameters())
        before[item.key()] = item.value().detach().clone();
    const auto next = [&](int i)
    {
        Batch batch = sceneBatch(1, i);
        if (i == 1)
            batch.images.images[0][0][5][5] = std::numeric_limits<float>::infinity();
        return batch;
    };
    const StepResult skipped = takeStep(model, solver, scaler, next, at::detail::createCPUGenerator(5), options);
    BOOST_TEST(!skipped.taken);
    BOOST_TEST(scaler.scale() == 512);
    BOOST_TEST(solver.steps() == 0);
    for (const auto& item : model->named_parameters())
        BOOST_TEST(torch::equal(item.value(), before.at(item.key())), item.key());

    // The scaled loss gives the same gradient as the plain one.
    options.rate = 0;
    const auto good = [](int i) { return sceneBatch(1, i); };
    BOOST_TEST(takeStep(model, solver, scaler, good, at::detail::createCPUGenerator(5), options).taken);
    const TensorMap scaled = gradientsOf(model);
    LossScaler off(false);
    takeStep(model, solver, off, good, at::detail::createCPUGenerator(5), options);
    BOOST_TEST(distance(scaled, gradientsOf(model)) < 1e-6 * norm(scaled));
    BOOST_TEST(solver.steps() == 2);
}

//! Steps, rates, log and checkpoints count steps; a resumed run ends with the same bits, with all controls on.
BOOST_AUTO_TEST_CASE(a_run_counts_steps_and_resumes_exactly)
{
    const World world;
    annotate(world, ONE_TALL);
    Config config = world.config();
    config.solver.batchSize = 1;
    config.solver.accumulate = 2;
    config.data.sampling = Sampling::REPEAT_FACTOR;
    config.data.repeatThreshold = 0.5;  // the image with the rare class twice: 9 images per epoch
    config.solver.freeze = {"rpn.conv.*"};
    config.solver.earlyStopping = 10;
    config.validation.loss = true;
    config.model.rpn.anchors = ValueSource::AUTO;
    config.model.roi.classHead.classWeighting = ValueSource::AUTO;
    TrainOptions whole = world.options("whole");
    whole.evalEvery = 0.5;
    Trainer first(config, whole);
    BOOST_TEST(first.totalIterations() == 6);  // 1.5 epochs of 9 / 2 = 4 steps
    BOOST_TEST(first.run());
    BOOST_TEST(first.endReason() == "all steps are done");
    const CsvTable log = readCsv(world.path("whole/log.csv"));
    BOOST_REQUIRE_EQUAL(log.rows(), 6u);
    for (size_t i = 0; i < log.rows(); i++)
    {
        BOOST_TEST(log.column("iteration")->at(i) == static_cast<double>(i + 1));
        const double rate = learningRate(config.solver, static_cast<int64_t>(i), 4);
        BOOST_TEST(std::abs(log.column("rate")->at(i) - rate) < 1e-5 * rate);
    }
    for (const int threads : {0, 3})
        for (const int stop : {1, 3, 4})
            BOOST_TEST_CONTEXT("stopped after step " << stop << ", " << threads << " loader threads")
            {
                const std::string run = "stopped" + std::to_string(threads) + std::to_string(stop);
                Config again = config;
                again.data.workers = threads;
                TrainOptions options = world.options(run);
                options.evalEvery = 0.5;
                options.stopAfter = stop;
                Trainer begun(again, options);
                BOOST_TEST(!begun.run());
                BOOST_TEST(begun.endReason() == "interrupted");
                options.stopAfter = 0;
                options.resume = true;
                BOOST_TEST(Trainer(again, options).run());
                TensorFile a = world.last("whole"), b = world.last(run);
                a.metadata.erase("config");  // the number of threads
                b.metadata.erase("config");
                checkEqual(a, b);
                BOOST_TEST(linesOf(world.path("whole/eval.csv")) == linesOf(world.path(run + "/eval.csv")),
                           boost::test_tools::per_element());
            }
    Config single = config;
    single.solver.accumulate = 1;
    single.solver.earlyStopping = 0;  // needs evaluations
    single.solver.epochs = 0.75;
    BOOST_TEST(Trainer(single, world.options("single")).totalIterations() == 7);
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ classes of unequal frequency
BOOST_AUTO_TEST_SUITE(class_balance)

BOOST_AUTO_TEST_CASE(repeat_factors_by_hand)
{
    // f = 4/8, 2/8, 1/8 of the classes 0, 1, 2; threshold 0.5: r = 1, sqrt(2), 2.
    const std::vector<std::vector<int>> classes = {{0, 0}, {0, 1}, {1}, {0, 2, 2}, {0}, {}, {}, {}};
    const std::vector<double> expected = {1, std::sqrt(2.), std::sqrt(2.), 2, 1, 1, 1, 1};
    const std::vector<double> factors = repeatFactors(classes, 0.5);
    BOOST_REQUIRE_EQUAL(factors.size(), expected.size());
    for (size_t i = 0; i < expected.size(); i++)
        BOOST_TEST(std::abs(factors[i] - expected[i]) < 1e-12);
    for (const double factor : repeatFactors(classes, 0.1))
        BOOST_TEST(factor == 1);
    BOOST_TEST(repeatFactors({}, 0.5).empty());
    std::vector<std::vector<int>> rare(1100000);
    rare[7] = {1};
    BOOST_TEST(repeatFactors(rare, 1).at(7) == 1000);  // sqrt(1.1e6) is limited
}

//! Over many epochs every image is drawn as often as its factor says, in each epoch that rounded up or down.
BOOST_AUTO_TEST_CASE(draws_follow_the_factors)
{
    const std::vector<double> factors = {1, 1.25, 2, 3.6, 1, 1.01};
    std::vector<SampleEntry> entries;
    for (size_t i = 0; i < factors.size(); i++)
        entries.push_back({static_cast<int64_t>(i), i % 2 == 0, factors[i]});
    BatchSampler sampler(entries, 3, 11, true), same(entries, 3, 11, true), other(entries, 3, 12, true);
    BOOST_TEST(sampler.entriesPerEpoch() == 10);  // 9.86
    constexpr int64_t EPOCHS = 2000;
    std::map<int64_t, std::map<int64_t, int>> counts;  // by epoch, image
    bool differs = false;
    for (int64_t last = 0; last < EPOCHS + 5;)
    {
        const std::vector<SampleDraw> draws = sampler.next(), again = same.next(), others = other.next();
        BOOST_REQUIRE_EQUAL(draws.size(), 3u);
        for (size_t k = 0; k < draws.size(); k++)
        {
            BOOST_REQUIRE(draws[k].entry.image == again[k].entry.image);
            differs = differs || draws[k].entry.image != others[k].entry.image;
            counts[draws[k].epoch][draws[k].entry.image]++;
            last = std::max(last, draws[k].epoch);
        }
    }
    BOOST_TEST(differs);
    for (size_t i = 0; i < factors.size(); i++)
    {
        double sum = 0;
        for (int64_t epoch = 0; epoch < EPOCHS; epoch++)
        {
            const int n = counts[epoch][static_cast<int64_t>(i)];
            BOOST_REQUIRE((n == std::floor(factors[i]) || n == std::floor(factors[i]) + 1));
            sum += n;
        }
        // Five standard deviations of the mean of 2000 draws of a coin.
        BOOST_TEST(std::abs(sum / EPOCHS - factors[i]) < 5 * 0.5 / std::sqrt(EPOCHS), i);
    }
    // A sampler that jumps draws what the other one draws.
    BatchSampler drawn(entries, 3, 4, true), jumped(entries, 3, 4, true);
    for (int i = 0; i < 57; i++)
        drawn.next();
    jumped.skip(57);
    for (int i = 0; i < 20; i++)
    {
        const auto a = drawn.next(), b = jumped.next();
        for (size_t k = 0; k < a.size(); k++)
            BOOST_REQUIRE((a[k].entry.image == b[k].entry.image && a[k].position == b[k].position));
    }
    entries[1].factor = 0.5;
    BOOST_CHECK_THROW(BatchSampler(entries, 3, 4, true), std::invalid_argument);
    entries[1].factor = std::numeric_limits<double>::quiet_NaN();
    BOOST_CHECK_THROW(BatchSampler(entries, 3, 4, true), std::invalid_argument);
    // A single pass takes every image once.
    entries[1].factor = 7.5;
    BatchSampler pass(entries, 4, 4, false);
    BOOST_TEST(pass.entriesPerEpoch() == 6);
    size_t seen = 0;
    for (auto draws = pass.next(); !draws.empty(); draws = pass.next())
        seen += draws.size();
    BOOST_TEST(seen == 6u);
}

//! The loader draws the rare class more often, whatever the number of threads and wherever it starts.
BOOST_AUTO_TEST_CASE(the_loader_repeats_rare_classes)
{
    const World world;
    std::vector<int> categories = ONE_TALL;
    categories[7] = 0;  // background
    annotate(world, categories);
    Config config = world.config();
    config.data.sampling = Sampling::REPEAT_FACTOR;
    config.data.repeatThreshold = 0.5;  // f = 1/8: r = 2
    config.data.emptyImages = EmptyImages::ANNOTATED;
    const Dataset dataset = loadDatasets(config.data.train);
    std::vector<std::vector<int64_t>> sequences;
    for (const int workers : {0, 1, 3})
        for (const int64_t start : {0, 5})
        {
            config.data.workers = workers;
            DataLoader loader(dataset, config.data, config.model.input, 3, 8, start);
            BOOST_TEST(loader.imagesPerEpoch() == 9);
            checkContains(loader.samplingSummary(), "1 of 8 images drawn more often, at most 2.00 times per epoch");
            std::vector<int64_t> ids;
            for (int64_t i = start; i < 12; i++)
                for (const int64_t id : loader.next().imageIds)
                    ids.push_back(id);
            sequences.push_back(ids);
        }
    for (size_t i = 0; i < sequences.size(); i++)
        BOOST_TEST(std::equal(sequences[i].rbegin(), sequences[i].rend(), sequences[0].rbegin()), i);
    // 36 images are four epochs of 9, in which the image of the rare class comes twice; the last ones may still wait.
    const std::vector<int64_t>& ids = sequences[0];
    BOOST_REQUIRE_EQUAL(ids.size(), 36u);
    BOOST_TEST(std::count(ids.begin(), ids.end(), 4) == 8);
    BOOST_TEST(std::count(ids.begin(), ids.end(), 8) == 4);  // the background too
    config.data.sampling = Sampling::UNIFORM;
    DataLoader uniform(dataset, config.data, config.model.input, 3, 8);
    BOOST_TEST(uniform.imagesPerEpoch() == 8);
    BOOST_TEST(uniform.samplingSummary().empty());
}

BOOST_AUTO_TEST_CASE(weighted_loss_by_hand)
{
    torch::manual_seed(1);
    const Tensor logits = torch::randn({5, 3}, torch::kDouble).requires_grad_();
    const Tensor labels = torch::tensor({0, 1, 2, 2, 0}, torch::kLong);
    const Tensor weights = torch::tensor({2., 0.5, 0.1}, torch::kDouble);
    const Tensor each = -torch::log_softmax(logits, 1).gather(1, labels.unsqueeze(1)).squeeze(1);
    const double expected = (each * weights.index_select(0, labels)).sum().item<double>() / 5;
    BOOST_TEST(std::abs(classificationLoss(logits, labels, weights).item<double>() - expected) < 1e-12);
    BOOST_TEST(std::abs(classificationLoss(logits, labels, Tensor()).item<double>() - each.mean().item<double>()) <
               1e-12);
    const Tensor ones = torch::ones({3}, torch::kDouble);
    BOOST_TEST(std::abs((classificationLoss(logits, labels, ones) - classificationLoss(logits, labels, Tensor()))
                            .item<double>()) < 1e-12);
    // Without RoIs: zero, with a graph.
    const Tensor none = torch::zeros({0, 3}, torch::kDouble).requires_grad_();
    for (const Tensor& w : {Tensor(), weights})
    {
        const Tensor zero = classificationLoss(none, torch::zeros({0}, torch::kLong), w);
        BOOST_TEST(zero.item<double>() == 0);
        zero.backward();
        BOOST_TEST(none.grad().defined());
    }
    checkError("expected [3]", [&] { classificationLoss(logits, labels, torch::ones({4}, torch::kDouble)); });
}

BOOST_AUTO_TEST_CASE(automatic_weights_by_hand)
{
    // Weights as 1 / sqrt(n), mean 1 over the 101 objects: k = 101 / (10 + 1).
    const std::vector<float> weights = classWeights({100, 1, 0});
    BOOST_REQUIRE_EQUAL(weights.size(), 3u);
    BOOST_TEST(std::abs(weights[0] - 101. / 11 / 10) < 1e-5);
    BOOST_TEST(std::abs(weights[1] - 101. / 11) < 1e-5);
    BOOST_TEST(weights[2] == 1);
    BOOST_TEST(std::abs(100 * weights[0] + weights[1] - 101) < 1e-3);
    BOOST_TEST(classWeights({5, 5}) == (std::vector<float>{1, 1}), boost::test_tools::per_element());

    const World world;
    annotate(world, ONE_TALL);
    Config config = world.config();
    config.data.train[0].repeat = 3;
    const Dataset dataset = loadDatasets(config.data.train);
    BOOST_TEST(countObjects(dataset, 1) == (std::vector<int64_t>{21, 3}), boost::test_tools::per_element());
    BOOST_TEST(countObjects(dataset, 50) == (std::vector<int64_t>{0, 0}), boost::test_tools::per_element());
}

//! Weights reach the loss of the detector; wrong numbers of them are named.
BOOST_AUTO_TEST_CASE(weights_in_the_detector)
{
    const World world;
    ModelConfig config = countedModel(world, RoIHeadType::D2DET);
    config.roi.classHead.classWeights.clear();
    config.roi.classHead.backgroundWeight = 1;
    const auto lossOf = [&]
    {
        torch::manual_seed(3);
        Detector model(config);
        LossMap losses = model->losses(sceneBatch(2), at::detail::createCPUGenerator(5));
        return losses.at("cls").item<double>();
    };
    const double plain = lossOf();
    BOOST_TEST(plain > 0);
    config.roi.classHead.classWeights = {3, 3};
    config.roi.classHead.backgroundWeight = 3;
    BOOST_TEST(std::abs(lossOf() - 3 * plain) < 1e-5 * plain);
    config.roi.classHead.classWeights.clear();
    config.roi.classHead.backgroundWeight = 0;
    const double objects = lossOf();
    config.roi.classHead.classWeights = {0, 0};
    config.roi.classHead.backgroundWeight = 1;
    BOOST_TEST(std::abs(objects + lossOf() - plain) < 1e-5 * plain);
    BOOST_TEST(objects > 0.01 * plain);

    Config wrong = world.config();
    wrong.model.roi.classHead.classWeights = {1, 2, 3};
    const std::string message = "model.roi.class_head.class_weights: 3 values for 2 classes (flat, tall)";
    checkContains(trainError(wrong, world.options("run")), message);  // names from the annotations
    wrong.model.classNames = {"flat", "tall"};
    checkContains(errorOf([&] { checkConfig(wrong); }), message);
    wrong.model.roi.classHead.classWeights = {1, -2};
    checkContains(errorOf([&] { checkConfig(wrong); }), "model.roi.class_head.class_weights[1]: -2 is not in");
    wrong.model.roi.classHead.classWeights = {1, 2};
    wrong.model.roi.classHead.classWeighting = ValueSource::AUTO;
    checkContains(errorOf([&] { checkConfig(wrong); }), "must be empty with class_weighting auto");
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ evaluations during a training
BOOST_AUTO_TEST_SUITE(evaluations)

BOOST_AUTO_TEST_CASE(patience_by_hand)
{
    EarlyStopping stopping(3, 0.01);
    int64_t iteration = 0;
    const auto add = [&](EarlyStopping& s, double value) { s.add(value, ++iteration); };
    add(stopping, 0.2);
    add(stopping, 0.205);  // not by more than 0.01
    add(stopping, 0.209);
    BOOST_TEST(!stopping.exhausted());
    add(stopping, 0.22);
    add(stopping, 0.1);
    add(stopping, 0.225);
    BOOST_TEST(!stopping.exhausted());
    // The state survives a checkpoint.
    TensorFile file;
    stopping.save(file);
    EarlyStopping again(3, 0.01), patient(4, 0.01);
    again.load(file);
    patient.load(file);
    for (EarlyStopping* const s : {&stopping, &again, &patient})
        add(*s, 0.2299);
    BOOST_TEST(stopping.exhausted());
    BOOST_TEST(again.exhausted());
    BOOST_TEST(!patient.exhausted());
    BOOST_TEST(stopping.reason() ==
               "early stopping, 3 evaluations in a row without a mean AP above 0.2300 (0.2200 at iteration 4)");
    BOOST_TEST(again.reason() == stopping.reason());

    EarlyStopping off(0, 0);
    for (int i = 0; i < 100; i++)
        off.add(0, i + 1);
    BOOST_TEST(!off.exhausted());
    TensorFile nothing;
    off.save(nothing);
    BOOST_TEST(nothing.metadata.empty());
    EarlyStopping fresh(1, 0);
    fresh.load(nothing);  // an older checkpoint
    fresh.add(-1, 5);     // an undefined AP is the first value
    BOOST_TEST(!fresh.exhausted());
    fresh.add(-1, 6);
    BOOST_TEST(fresh.exhausted());
    file.metadata["early_stopping_best"] = "many";
    checkContains(errorOf([&] { fresh.load(file); }), "early_stopping_best");
}

//! With the learning rate 0 nothing improves: the run ends after the first evaluation and the patience.
BOOST_AUTO_TEST_CASE(a_run_stops_early)
{
    const World world;
    Config config = world.config();
    config.solver.learningRate = 0;
    config.solver.earlyStopping = 2;
    config.solver.epochs = 3;  // 12 steps
    const auto options = [&](const std::string& run)
    {
        TrainOptions o = world.options(run);
        o.evalEvery = 0.5;  // every second step
        return o;
    };
    Trainer trainer(config, options("run"));
    BOOST_TEST(trainer.totalIterations() == 12);
    BOOST_TEST(trainer.run());
    BOOST_TEST(trainer.iteration() == 6);
    checkContains(trainer.endReason(), "early stopping, 2 evaluations in a row");
    BOOST_TEST(linesOf(world.path("run/eval.csv")).size() == 4u);
    BOOST_TEST(readSafetensors(world.path("run/best.safetensors")).metadata.at("iteration") == "2");

    // Interrupted before and continued: the same end.
    TrainOptions part = options("part");
    part.stopAfter = 4;
    BOOST_TEST(!Trainer(config, part).run());
    part.stopAfter = 0;
    part.resume = true;
    Trainer resumed(config, part);
    BOOST_TEST(resumed.run());
    BOOST_TEST(resumed.iteration() == 6);
    checkEqual(world.last("run"), world.last("part"));

    // Resumed again it has ended; with more patience it goes on.
    TrainOptions more = options("run");
    more.resume = true;
    Trainer ended(config, more);
    BOOST_TEST(ended.run());
    BOOST_TEST(ended.iteration() == 6);
    checkContains(ended.endReason(), "early stopping");
    config.solver.earlyStopping = 3;
    Trainer patient(config, more);
    BOOST_TEST(patient.run());
    BOOST_TEST(patient.iteration() == 8);

    config.data.val.clear();
    checkContains(trainError(config, options("none")),
                  "solver.early_stopping is 3, but there is no evaluation: data.val");
    config.data.val = config.data.train;
    TrainOptions never = options("none");
    never.evalEvery = 0;
    checkContains(trainError(config, never), "--eval-every is 0");
}

//! An evaluation that a signal ended is made up for by the resumed run.
BOOST_AUTO_TEST_CASE(an_interrupted_evaluation_is_repeated)
{
    const World world;
    Config config = world.config();
    config.solver.earlyStopping = 5;
    config.solver.checkpointEvery = 2;
    TrainOptions whole = world.options("whole");
    whole.evalEvery = 0.5;
    BOOST_TEST(Trainer(config, whole).run());
    TrainOptions options = world.options("run");
    options.evalEvery = 0.5;
    int calls = 0;
    options.stop = [&]
    { return ++calls > 4; };  // once after step 1, then before the images of the evaluation of step 2
    Trainer interrupted(config, options);
    BOOST_TEST(!interrupted.run());
    BOOST_TEST(interrupted.iteration() == 2);
    BOOST_TEST(world.last("run").metadata.at("evaluated_iteration") == "0");
    options.stop = [] { return false; };
    options.resume = true;
    BOOST_TEST(Trainer(config, options).run());
    checkEqual(world.last("whole"), world.last("run"));
    BOOST_TEST(linesOf(world.path("whole/eval.csv")) == linesOf(world.path("run/eval.csv")),
               boost::test_tools::per_element());
}

//! Rows of an evaluation that the checkpoint does not know are repeated, so they are removed.
BOOST_AUTO_TEST_CASE(rows_of_unknown_evaluations)
{
    const World world;
    {
        CsvSink sink(world.folder.path(), 0);
        sink.write({2, 9, 1, 0}, {{"val/a/AP", 0.5}});
        sink.write({4, 9, 2, 0}, {{"val/a/AP", 0.6}});
        sink.write({4, 9, 2, 0}, {{"loss", 1}});
    }
    CsvSink(world.folder.path(), 4, 2);
    BOOST_TEST(linesOf(world.path("eval.csv")).size() == 2u);
    BOOST_TEST(linesOf(world.path("log.csv")).size() == 2u);
}

//! The same weights have the same loss, the parts sum up, and the training does not notice.
BOOST_AUTO_TEST_CASE(loss_of_the_validation)
{
    const World world;
    Config config = world.config();
    config.solver.learningRate = 0;
    TrainOptions options = world.options("still");
    options.evalEvery = 0.5;
    config.validation.loss = true;
    BOOST_TEST(Trainer(config, options).run());
    const CsvTable still = readCsv(world.path("still/eval.csv"));
    const std::vector<double>* const loss = still.column("val/boxes/loss");
    BOOST_REQUIRE(loss);
    BOOST_REQUIRE_EQUAL(loss->size(), 3u);
    BOOST_TEST(loss->at(0) > 0.1);
    double sum = 0;
    for (const std::string& name : still.names)
        if (startsWith(name, "val/boxes/loss_"))
            sum += still.column(name)->at(0);
    BOOST_TEST(std::abs(sum - loss->at(0)) < 1e-4 * sum);
    BOOST_TEST(still.column("val/boxes/loss_rpn_cls"));
    for (const double value : *loss)
        BOOST_TEST(value == loss->at(0));
    const std::string losses = textOf(world.path("still/curves_loss.svg")),
                      precisions = textOf(world.path("still/curves_ap.svg"));
    checkContains(losses, "validation");
    BOOST_TEST(!contains(precisions, "loss"));

    // Directly, by other numbers of threads of the loader.
    Trainer trainer(config, world.options("other"));
    Config evaluated = trainer.config();
    for (const int workers : {0, 3})
    {
        evaluated.data.workers = workers;
        const auto values = validationLosses(trainer.model(), loadDatasets(config.data.val), evaluated, {});
        BOOST_TEST(std::abs(values.at("") - loss->at(0)) < 1e-5 * values.at(""));
        BOOST_TEST(trainer.model()->is_training());
    }
    for (const auto& item : trainer.model()->named_parameters())
        BOOST_TEST(!item.value().grad().defined());
    evaluated.solver.seed++;  // other anchors and RoIs are drawn
    BOOST_TEST(validationLosses(trainer.model(), loadDatasets(config.data.val), evaluated, {}).at("") != loss->at(0));
    BOOST_TEST(
        validationLosses(trainer.model(), loadDatasets(config.data.val), evaluated, [] { return true; }).empty());

    // Weights do not depend on it.
    config.solver.learningRate = 0.005;
    options = world.options("with");
    options.evalEvery = 0.5;
    BOOST_TEST(Trainer(config, options).run());
    config.validation.loss = false;
    options.output = world.path("without");
    BOOST_TEST(Trainer(config, options).run());
    TensorFile with = world.last("with"), without = world.last("without");
    with.metadata.erase("config");
    without.metadata.erase("config");
    checkEqual(with, without);
    BOOST_TEST(!readCsv(world.path("without/eval.csv")).column("val/boxes/loss"));
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ anchors from the data
BOOST_AUTO_TEST_SUITE(anchors)

namespace
{

RpnConfig rpnWith(const std::vector<float>& scales, const std::vector<float>& ratios)
{
    RpnConfig rpn;
    setAnchors(rpn, {scales, ratios, {}, {}});
    return rpn;
}

//! Boxes with exactly the shapes of these anchors, some more often than others.
std::vector<BoxShape> exactBoxes(const std::vector<int>& strides, const std::vector<double>& scales,
                                 const std::vector<double>& ratios)
{
    std::vector<BoxShape> boxes;
    int i = 0;
    for (const int stride : strides)
        for (const double scale : scales)
            for (const double ratio : ratios)
                boxes.push_back({stride * scale / std::sqrt(ratio), stride * scale * std::sqrt(ratio), 1. + i++ % 3});
    return boxes;
}

void checkClose(const std::vector<float>& values, const std::vector<double>& expected, double tolerance)
{
    BOOST_REQUIRE_EQUAL(values.size(), expected.size());
    for (size_t i = 0; i < values.size(); i++)
        BOOST_TEST(std::abs(values[i] - expected[i]) < tolerance * expected[i], values[i] << " for " << expected[i]);
}

}  // namespace

//! Boxes that some anchors fit exactly: these anchors are found, from anchors that are far from them.
BOOST_AUTO_TEST_CASE(known_anchors_are_found)
{
    const std::vector<int> strides = {4, 8, 16, 32, 64};
    const struct
    {
        std::vector<double> scales, ratios;
        std::vector<float> startScales, startRatios;
    } cases[] = {{{6.4}, {0.5, 1, 2}, {8}, {0.8f, 1, 1.1f}},
                 {{10}, {0.25, 0.7, 3}, {8}, {0.5f, 1, 2}},
                 {{5, 7}, {1, 3}, {8, 11.3f}, {0.5f, 1}},
                 {{8}, {1}, {5}, {4}},
                 {{4.4, 5.5, 7}, {0.4, 0.9, 2.2}, {4, 8, 16}, {0.5f, 1, 2}}};
    for (const auto& c : cases)
        BOOST_TEST_CONTEXT("scale " << c.scales[0] << ", " << c.scales.size() << " x " << c.ratios.size())
        {
            const std::vector<BoxShape> boxes = exactBoxes(strides, c.scales, c.ratios);
            const RpnConfig start = rpnWith(c.startScales, c.startRatios);
            const AnchorFit fit =
                fitAnchors(boxes, strides, start, static_cast<int>(c.scales.size()), static_cast<int>(c.ratios.size()));
            checkClose(fit.scales, c.scales, 0.02);
            checkClose(fit.ratios, c.ratios, 0.03);
            BOOST_TEST(fit.after.meanIou > 0.96);  // sides of anchors are even integers
            BOOST_TEST(fit.after.meanIou > fit.before.meanIou);
            BOOST_TEST(fit.after.recall70 == 1);
            BOOST_TEST(fit.before.recall70 <= fit.before.recall50);
        }
}

//! The order of the boxes, the octave of the present scale and weights.
BOOST_AUTO_TEST_CASE(what_the_result_depends_on)
{
    const std::vector<int> strides = {4, 8, 16, 32, 64};
    Random random(3);
    std::vector<BoxShape> boxes;
    for (int i = 0; i < 1500; i++)
    {
        const double side = std::exp(random.uniform(std::log(24.), std::log(300.))),
                     ratio = std::exp(random.uniform(-0.8, 1.2));
        boxes.push_back({side / std::sqrt(ratio), side * std::sqrt(ratio), 1});
    }
    const RpnConfig present = rpnWith({8}, {0.5f, 1, 2});
    const AnchorFit fit = fitAnchors(boxes, strides, present, 1, 3), again = fitAnchors(boxes, strides, present, 1, 3);
    BOOST_TEST(fit.scales == again.scales);
    BOOST_TEST(fit.ratios == again.ratios);
    BOOST_TEST(fit.after.meanIou > fit.before.meanIou);
    // Anchors are better the more there are.
    const AnchorFit more = fitAnchors(boxes, strides, present, 3, 3);
    BOOST_TEST(more.after.meanIou > fit.after.meanIou + 0.02);
    // Those found fit no worse than any single change of them.
    for (const float factor : {0.93f, 1.07f})
        for (size_t i = 0; i < 4; i++)
        {
            AnchorFit changed = fit;
            (i == 0 ? changed.scales[0] : changed.ratios[i - 1]) *= factor;
            RpnConfig rpn = present;
            setAnchors(rpn, changed);
            BOOST_TEST(anchorQuality(boxes, strides, rpn).meanIou < fit.after.meanIou + 2e-4);
        }

    // All boxes of one size: scales 2, 4, 8, ... are equally good on some level; the nearest to the present one stays.
    const std::vector<BoxShape> same(10, {64, 64, 1});
    for (const float scale : {2.f, 4.f, 8.f, 16.f})
    {
        const AnchorFit one = fitAnchors(same, strides, rpnWith({scale * 1.3f}, {1}), 1, 1);
        checkClose(one.scales, {scale}, 0.01);
        BOOST_TEST(one.after.meanIou > 0.99);
    }
    // Small boxes that only the finest level reaches.
    const AnchorFit small = fitAnchors(std::vector<BoxShape>(10, {8, 8, 1}), strides, rpnWith({8}, {1}), 1, 1);
    checkClose(small.scales, {2}, 0.01);

    // What is perfect stays.
    const RpnConfig perfect = rpnWith({8}, {1});
    const AnchorFit kept = fitAnchors(exactBoxes(strides, {8}, {1}), strides, perfect, 1, 1);
    BOOST_TEST(kept.scales == std::vector<float>{8});
    BOOST_TEST(kept.ratios == std::vector<float>{1});

    // A box that counts a hundred times decides.
    const AnchorFit heavy = fitAnchors({{64, 64, 100}, {96, 96, 1}}, strides, rpnWith({9}, {1}), 1, 1);
    checkClose(heavy.scales, {8}, 0.01);
    checkContains(errorOf([&] { fitAnchors({}, strides, present, 1, 3); }), "no usable box");
}

BOOST_AUTO_TEST_CASE(quality_by_hand)
{
    // Anchors 32 x 32 and 64 x 64; IoU 1, 0.5 (32 x 16 in 32 x 32) and 16 * 16 / 32 / 32.
    const std::vector<BoxShape> boxes = {{64, 64, 1}, {32, 16, 1}, {16, 16, 2}};
    const AnchorQuality quality = anchorQuality(boxes, {4, 8}, rpnWith({8}, {1}));
    BOOST_TEST(std::abs(quality.meanIou - (1 + 0.5 + 2 * 0.25) / 4) < 1e-12);
    BOOST_TEST(quality.recall50 == 0.5);
    BOOST_TEST(quality.recall70 == 0.25);
}

//! Boxes as the network sees them: after resizing, at every training size.
BOOST_AUTO_TEST_CASE(shapes_after_the_resize)
{
    const World world;
    Config config = world.config();
    config.data.shortSides = {32, 64};
    config.data.longSide = 72;  // at 64 pixels the longer side, 96, is the limit
    config.data.train[0].repeat = 2;
    const Dataset dataset = loadDatasets(config.data.train);
    const std::vector<BoxShape> shapes = boxShapes(dataset, config.data, config.model.input);
    BOOST_REQUIRE_EQUAL(shapes.size(), 16u);
    BOOST_TEST(std::abs(shapes[0].width - 25) < 1e-9);  // 50 x 18 in 96 x 64 at half the size
    BOOST_TEST(std::abs(shapes[0].height - 9) < 1e-9);
    BOOST_TEST(std::abs(shapes[1].width - 50 * 0.75) < 1e-9);
    BOOST_TEST(shapes[0].weight == 1);  // two draws, each size in half of them
    config.model.input.keepRatio = false;
    const std::vector<BoxShape> stretched = boxShapes(dataset, config.data, config.model.input);
    BOOST_TEST(std::abs(stretched[0].width - 50 * 0.75) < 1e-9);
    BOOST_TEST(std::abs(stretched[0].height - 9) < 1e-9);
}

//! `auto` is replaced before the model is built, everywhere that the run writes its configuration.
BOOST_AUTO_TEST_CASE(a_run_finds_and_keeps_its_values)
{
    const World world;
    annotate(world, ONE_TALL);
    Config config = world.config();
    config.model.rpn.anchors = ValueSource::AUTO;
    config.model.roi.classHead.classWeighting = ValueSource::AUTO;
    TrainOptions options = world.options("run");
    options.stopAfter = 2;
    Trainer trainer(config, options);
    trainer.run();
    for (const Config& stored : {loadConfig(world.path("run/config.json")), checkpointConfig(world.last("run"))})
    {
        BOOST_TEST((stored.model.rpn.anchors == ValueSource::GIVEN));
        BOOST_TEST((stored.model.roi.classHead.classWeighting == ValueSource::GIVEN));
        BOOST_TEST(stored.model.rpn.anchorScale != config.model.rpn.anchorScale);
        BOOST_TEST(stored.model.rpn.anchorRatios.size() == 3u);
        BOOST_TEST(stored.model.roi.classHead.classWeights.size() == 2u);
        BOOST_TEST(stored.model.roi.classHead.classWeights[1] > 2 * stored.model.roi.classHead.classWeights[0]);
        Detector model(stored.model);
        restoreModel(*model, modelWeights(world.last("run")));
    }
    // The data change, the run goes on with what it began with.
    const Config begun = trainer.config();
    annotate(world, {3, 0, 0, 5, 3, 0, 5, 5});
    options.resume = true;
    options.stopAfter = 4;
    Trainer resumed(config, options);
    BOOST_TEST(configToJson(resumed.config()) == configToJson(begun));
    checkContains(errorOf([&] { Detector model(config.model); }), "model.class_names is empty");
    config.model.classNames = {"flat", "tall"};
    checkContains(errorOf([&] { Detector model(config.model); }), "is auto");
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------ frozen parameters
BOOST_AUTO_TEST_SUITE(freezing)

BOOST_AUTO_TEST_CASE(patterns)
{
    const std::tuple<const char*, const char*, bool> cases[] = {
        {"backbone.x.weight", "backbone.*", true},
        {"backbone.x.weight", "*weight", true},
        {"backbone.x.weight", "backbone.?.w*", true},
        {"backbone.xy.weight", "backbone.?.w*", false},
        {"backbone.x.weight", "backbone", false},
        {"backbone.x.weight", "*", true},
        {"aXbXc", "a*X*c", true},
        {"abcbd", "*bd", true},
        {"abcb", "*bd", false},
        {"", "", true},
        {"", "**", true},
        {"a", "", false},
        {"a+b", "a+b", true},
        {"ab", "a+b", false},
        {"", "?", false},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*a*c", false}};
    for (const auto& [text, pattern, expected] : cases)
        BOOST_TEST(matchesPattern(text, pattern) == expected, text << " " << pattern);
}

//! Frozen parameters keep their bits and have no state; all others move.
BOOST_AUTO_TEST_CASE(frozen_parameters_stay)
{
    const World world;
    for (const Optimizer optimizer : {Optimizer::SGD, Optimizer::ADAM})
    {
        Config config = world.config();
        config.solver.optimizer = optimizer;
        config.solver.learningRate = 0.002;
        config.solver.freeze = {"backbone.*", "rpn.logit.?ias", "*fc1.weight"};
        const std::string run = optimizer == Optimizer::SGD ? "sgd" : "adam";
        TrainOptions options = world.options(run);
        options.stopAfter = 3;
        Trainer trainer(config, options);
        TensorMap before;
        for (const auto& item : namedTensors(*trainer.model()))
            before[item.first] = item.second.detach().clone();
        trainer.run();
        const TensorFile file = world.last(run);
        int moved = 0;
        for (const auto& item : trainer.model()->named_parameters())
        {
            const std::string& name = item.key();
            const bool frozen =
                startsWith(name, "backbone.") || name == "rpn.logit.bias" || name == "class_head.fc1.weight";
            BOOST_TEST(item.value().requires_grad() == !frozen, name);
            BOOST_TEST(torch::equal(item.value(), before.at(name)) == frozen, name);
            const std::string state = "optimizer." + name + (optimizer == Optimizer::SGD ? ".momentum" : ".mean");
            BOOST_TEST(file.tensors.count(state) == (frozen ? 0u : 1u), name);
            BOOST_TEST(file.tensors.count("ema." + name) == (frozen ? 0u : 1u), name);
            moved += !frozen;
        }
        BOOST_TEST(moved > 20);
        // What is exported takes the frozen weights too.
        Detector exported(checkpointConfig(file).model);
        restoreModel(*exported, modelWeights(file));

        options.resume = true;
        options.stopAfter = 0;
        Config other = config;
        other.solver.freeze = {"backbone.*"};
        const std::string error = trainError(other, options);
        checkContains(error,
                      "the run was begun with solver.freeze [\"backbone.*\", \"rpn.logit.?ias\", \"*fc1.weight\"]");
        checkContains(error, "--init");
        other.solver.freeze = {"class_head.fc1.weight", "rpn.logit.b*",
                               "backbone.*"};  // other patterns, same parameters
        BOOST_TEST(Trainer(other, options).run());
    }
}

BOOST_AUTO_TEST_CASE(patterns_that_cannot_be)
{
    const World world;
    Config config = world.config();
    config.solver.freeze = {"backbone.*", "bakbone.features.*"};
    const std::string error = trainError(config, world.options("run"));
    checkContains(error, "solver.freeze: 'bakbone.features.*' matches no parameter; near are backbone.features.*");
    config.solver.freeze = {"rpn.logt.weight"};
    checkContains(trainError(config, world.options("run")), "near are rpn.logit.weight");
    config.solver.freeze = {"*"};
    checkContains(trainError(config, world.options("run")), "no parameter is left");
}

//! Only a head that the objects of a batch do not reach is trained: the losses have no graph then.
BOOST_AUTO_TEST_CASE(nothing_to_learn_in_a_step)
{
    const World world;
    annotate(world, {3, 5, 3, 5, 3, 5, 3, 0});
    Config config = world.config();
    config.model.roi.maskHead.type = MaskHeadType::FCN;
    config.model.roi.maskHead.channels = 8;
    config.model.roi.maskHead.normGroups = 2;
    config.model.roi.maskHead.convs = 1;
    config.model.roi.maskHead.scoring = false;
    config.data.emptyImages = EmptyImages::ANNOTATED;
    config.solver.batchSize = 1;
    config.solver.epochs = 1;
    config.solver.freeze = {"backbone.*", "fpn.*", "rpn.*", "class_head.*", "box_head.*"};
    for (const int accumulate : {1, 2})
    {
        config.solver.accumulate = accumulate;
        TrainOptions options = world.options("run" + std::to_string(accumulate));
        Trainer trainer(config, options);
        BOOST_TEST(trainer.run());
        const TensorFile file = readSafetensors(options.output + "/last.safetensors");
        BOOST_TEST(file.metadata.at("skipped") == "0");
        bool moved = false;
        for (const auto& item : file.tensors)
            moved = moved || startsWith(item.first, "optimizer.mask_head.");
        BOOST_TEST(moved);
    }
}

BOOST_AUTO_TEST_SUITE_END()

//! Every control with images that are mostly background, one at a time.
BOOST_AUTO_TEST_CASE(all_controls_with_background)
{
    const World world;
    annotate(world, {3, 0, 0, 0, 0, 5, 0, 0});
    for (const RoIHeadType type : {RoIHeadType::D2DET, RoIHeadType::FASTER_RCNN})
    {
        Config config = world.config();
        config.model.roi.type = type;
        config.model.rpn.anchors = ValueSource::AUTO;
        config.model.roi.classHead.classWeighting = ValueSource::AUTO;
        config.model.roi.classHead.backgroundWeight = 0.5f;
        config.data.emptyImages = EmptyImages::ANNOTATED;
        config.data.sampling = Sampling::REPEAT_FACTOR;
        config.data.repeatThreshold = 0.5;
        config.solver.batchSize = 1;
        config.solver.accumulate = 2;
        config.solver.earlyStopping = 5;
        config.solver.freeze = {"backbone.*"};
        config.validation.loss = true;
        TrainOptions options = world.options(nameOf(type));
        options.evalEvery = 1;
        BOOST_TEST(Trainer(config, options).run());
        for (const char* file : {"log.csv", "eval.csv"})
        {
            const std::vector<std::string> lines = linesOf(options.output + "/" + file);
            BOOST_REQUIRE(lines.size() > 1u);
            for (const std::string& line : lines)
                BOOST_TEST((!contains(line, "nan") && !contains(line, "inf")), line);
        }
        BOOST_TEST(readCsv(options.output + "/eval.csv").column("val/boxes/loss")->back() > 0);
    }
}

// ------------------------------------------------------------------ the program
BOOST_AUTO_TEST_SUITE(command_line, *boost::unit_test::precondition(ProgramIsThere{"d2det_train"}))

//! What is trained, on which anchors and images, and why it ended.
BOOST_AUTO_TEST_CASE(the_program_says_what_it_does)
{
    const World world;
    annotate(world, ONE_TALL);
    Config config = world.config();
    config.solver.learningRate = 0;
    config.solver.earlyStopping = 1;
    config.solver.accumulate = 2;
    config.solver.freeze = {"backbone.*"};
    config.solver.epochs = 4;
    config.data.sampling = Sampling::REPEAT_FACTOR;
    config.data.repeatThreshold = 0.5;
    config.model.rpn.anchors = ValueSource::AUTO;
    config.model.roi.classHead.classWeighting = ValueSource::AUTO;
    config.validation.loss = true;
    std::ofstream(world.path("c.json")) << configToJson(config);
    const auto run = [&](const std::string& arguments)
    { return runProgram(world.folder, "d2det_train", "--threads 1 " + arguments); };
    const std::string base = "--config " + world.path("c.json") + " --output " + world.path("run");
    const Outcome outcome = run(base + " --eval-every 1");
    BOOST_TEST(outcome.code == 0, outcome.text);
    // Before the first step, names of losses once.
    for (const char* part :
         {"data        ", "validation  on 1 data set, every 1", "model       ", " million of them trained; ",
          "machine     cpu, 1 thread, float32", "losses      the sum of ", "dlr: dense local regression, the box"})
    {
        checkContains(outcome.text, part);
        BOOST_TEST(outcome.text.find(part) == outcome.text.rfind(part), part << " twice");
    }
    for (const char* part :
         {"anchors     of the scales ", "weights     of the classes: flat ", "sampling    repeat_factor: 1 of 8 images",
          "2 per epoch of 9 images, 4.00 epochs: 8 steps of 4 images (2 batches of 2)",
          "solver.freeze: ", "boxes/loss ", "end         early stopping, 1 evaluation in a row",
          "finished after iteration 4 of 8 (early stopping, 1 evaluation in a row without a mean AP above "})
        checkContains(outcome.text, part);
    BOOST_TEST(!contains(outcome.text, "boxes/loss_cls"));
    // The values that were found, with the configuration that says auto.
    const Outcome evaluated =
        run("--config " + world.path("c.json") + " --eval-only " + world.path("run/last.safetensors"));
    BOOST_TEST(evaluated.code == 0, evaluated.text);
    checkContains(evaluated.text, "  loss rpn_cls ");
    const Outcome wrong = run(base + "2 --set 'solver.freeze=[\"bakbone.*\"]'");
    BOOST_TEST(wrong.code == 1);
    checkContains(wrong.text, "near are backbone.*");
}

BOOST_AUTO_TEST_SUITE_END()
