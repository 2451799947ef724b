// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The training loop on a data set of colored rectangles that every test paints for itself: resuming, checkpoints,
   skipped steps, evaluation, logs and the program d2det_train. */

#define BOOST_TEST_MODULE engine
#include <boost/test/unit_test.hpp>

#include "config/input_params.hpp"
#include "report/curves.hpp"
#include "engine/trainer.hpp"
#include "event_reader.hpp"
#include "errors.hpp"
#include "programs.hpp"
#include "pytorch_bytes.hpp"
#include "training_world.hpp"

#include "opencv2/d2det/detector.hpp"
#include "opencv2/d2det/masks.hpp"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <tuple>
#include <stdexcept>

#include <sys/wait.h>

using namespace d2det;
using namespace d2det::test;
namespace fs = std::filesystem;
namespace utf = boost::unit_test;

namespace
{

//! Event files of a run folder in the order in which TensorBoard reads them.
std::vector<std::string> eventFiles(const std::string& run)
{
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(run))
        if (entry.path().filename().string().rfind("events.out.tfevents.", 0) == 0)
            files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    return files;
}

//! Lines that a curve file draws; throws if it is no XML.
size_t curvesIn(const std::string& path)
{
    boost::property_tree::ptree tree;
    boost::property_tree::read_xml(path, tree);
    return tree.get_child("svg").count("polyline");
}

}  // namespace

//! Six iterations in one go; stopped after three; killed after five with the checkpoint of the third: all end the same.
BOOST_AUTO_TEST_CASE(resuming_changes_nothing)
{
    const World world;
    for (const Optimizer optimizer : {Optimizer::SGD, Optimizer::ADAM})
    {
        Config config = world.config();
        config.solver.optimizer = optimizer;
        config.solver.learningRate = config.solver.optimizer == Optimizer::SGD ? 0.005 : 0.0005;
        const std::string prefix = optimizer == Optimizer::SGD ? "sgd" : "adam";

        TrainOptions whole = world.options(prefix + "_whole");
        Trainer first(config, whole);
        BOOST_TEST(first.totalIterations() == 6);
        BOOST_TEST(first.run());

        TrainOptions stopped = world.options(prefix + "_stopped");
        stopped.stopAfter = 3;
        BOOST_TEST(!Trainer(config, stopped).run());
        stopped.stopAfter = 0;
        stopped.resume = true;
        BOOST_TEST(Trainer(config, stopped).run());
        checkEqual(world.last(prefix + "_whole"), world.last(prefix + "_stopped"));

        TrainOptions killed = world.options(prefix + "_killed");
        killed.stopAfter = 5;
        BOOST_TEST(!Trainer(config, killed).run());
        fs::remove(world.path(prefix + "_killed/last.safetensors"));
        fs::copy(world.path(prefix + "_killed/checkpoint_00000003.safetensors"),
                 world.path(prefix + "_killed/last.safetensors"));
        killed.stopAfter = 0;
        killed.resume = true;
        BOOST_TEST(Trainer(config, killed).run());
        checkEqual(world.last(prefix + "_whole"), world.last(prefix + "_killed"));

        // The log has every iteration once.
        const std::vector<std::string> log = linesOf(world.path(prefix + "_killed/log.csv"));
        BOOST_REQUIRE_EQUAL(log.size(), 7u);
        for (size_t i = 1; i < log.size(); i++)
            BOOST_TEST(std::atoi(log[i].c_str()) == static_cast<int>(i));
    }
}

//! A checkpoint of one precision goes on in another one; the weights stay float32.
BOOST_AUTO_TEST_CASE(resuming_in_another_precision)
{
    const World world;
    Config config = world.config();
    const std::tuple<const char*, Precision, Precision> ways[] = {{"down", Precision::FLOAT32, Precision::BFLOAT16},
                                                                  {"up", Precision::BFLOAT16, Precision::FLOAT32}};
    for (const auto& [name, first, second] : ways)
    {
        TrainOptions options = world.options(name);
        options.stopAfter = 3;
        config.solver.precision = first;
        BOOST_TEST(!Trainer(config, options).run());
        const TensorFile before = world.last(name);
        options.stopAfter = 0;
        options.resume = true;
        config.solver.precision = second;
        Trainer trainer(config, options);
        BOOST_TEST(trainer.iteration() == 3);
        BOOST_TEST(trainer.run());
        const TensorFile after = world.last(name);
        BOOST_TEST((checkpointConfig(after).solver.precision == second));
        BOOST_TEST(after.metadata.at("skipped") == "0");
        BOOST_REQUIRE_EQUAL(after.tensors.size(), before.tensors.size());
        bool moved = false;
        for (const auto& item : after.tensors)
        {
            BOOST_TEST((item.second.scalar_type() == torch::kFloat), item.first);
            BOOST_TEST(item.second.isfinite().all().item<bool>(), item.first);
            moved = moved || !torch::equal(item.second, before.tensors.at(item.first));
        }
        BOOST_TEST(moved);
    }
}

BOOST_AUTO_TEST_CASE(training_moves_what_it_should)
{
    const World world;
    const Config config = world.config();
    TrainOptions options = world.options("run");
    options.stopAfter = 2;
    torch::manual_seed(0);
    Trainer trainer(config, options);
    TensorMap before;
    for (const auto& item : namedTensors(*trainer.model()))
        before[item.first] = item.second.detach().clone();
    trainer.run();
    int moved = 0;
    for (const auto& item : trainer.model()->named_parameters())
    {
        const bool changed = !torch::equal(item.value(), before.at(item.key()));
        BOOST_TEST(changed == item.value().requires_grad(), item.key());
        moved += changed;
    }
    BOOST_TEST(moved > 20);
}

//! A few dozen steps on eight images: the loss falls and the boxes are found.
BOOST_AUTO_TEST_CASE(it_learns)
{
    const World world;
    Config config = world.config();
    config.solver.epochs = 15;
    config.solver.optimizer = Optimizer::ADAM;
    config.solver.learningRate = 0.002;
    config.solver.warmupIterations = 5;
    config.solver.ema = 0;
    config.solver.logEvery = 10;
    config.solver.checkpointEvery = 1000;
    config.data.flip = 0;
    TrainOptions options = world.options("run");
    BOOST_TEST(Trainer(config, options).run());
    const std::vector<std::string> log = linesOf(world.path("run/log.csv"));
    BOOST_REQUIRE_EQUAL(log.size(), 7u);
    const std::string header = log[0];
    const auto column = std::count(header.begin(), header.begin() + static_cast<long>(header.find(",loss,")) + 1, ',');
    const auto loss = [&](const std::string& line)
    {
        std::istringstream stream(line);
        std::string cell;
        for (long i = 0; i <= column; i++)
            std::getline(stream, cell, ',');
        return std::atof(cell.c_str());
    };
    BOOST_TEST(loss(log[1]) > 0);
    BOOST_TEST(loss(log[6]) < 0.8 * loss(log[1]), "first " << loss(log[1]) << ", last " << loss(log[6]));
}

Config masksConfig(const World& world, MaskHeadType type)
{
    Config config = world.config();
    MaskHeadConfig& head = config.model.roi.maskHead;
    head.type = type;
    head.channels = 8;
    head.normGroups = 2;
    head.convs = 1;
    head.scoring = type == MaskHeadType::D2DET;
    head.scoreChannels = 16;
    return config;
}

//! Mean of a column of log.csv over its first and last quarter.
std::pair<double, double> beginningAndEnd(const std::string& path, const std::string& name)
{
    const std::vector<std::string> log = linesOf(path);
    const auto cells = [](const std::string& line)
    {
        std::vector<std::string> result;
        std::istringstream stream(line);
        for (std::string cell; std::getline(stream, cell, ',');)
            result.push_back(cell);
        return result;
    };
    const std::vector<std::string> header = cells(log.at(0));
    const size_t column = std::find(header.begin(), header.end(), name) - header.begin();
    BOOST_REQUIRE_MESSAGE(column < header.size(), "no column " << name);
    const size_t rows = log.size() - 1, part = std::max<size_t>(rows / 4, 1);
    std::pair<double, double> sums{0, 0};
    for (size_t i = 0; i < part; i++)
    {
        sums.first += std::atof(cells(log[1 + i]).at(column).c_str()) / double(part);
        sums.second += std::atof(cells(log[rows - i]).at(column).c_str()) / double(part);
    }
    return sums;
}

//! Both kinds of mask head learn rectangles, and validation judges their masks, of the first pass too.
BOOST_AUTO_TEST_CASE(masks_are_learned)
{
    const std::pair<MaskHeadType, bool> cases[] = {
        {MaskHeadType::D2DET, true}, {MaskHeadType::D2DET, false}, {MaskHeadType::FCN, true}};
    for (const auto& [type, secondPass] : cases)
        BOOST_TEST_CONTEXT((type == MaskHeadType::FCN ? "fcn" : "d2det") << ", second pass " << secondPass)
        {
            const World world;
            Config config = masksConfig(world, type);
            config.model.roi.maskHead.secondPass = secondPass;
            config.solver.epochs = 20;
            config.solver.optimizer = Optimizer::ADAM;
            config.solver.learningRate = 0.002;
            config.solver.warmupIterations = 5;
            config.solver.ema = 0;
            config.solver.logEvery = 5;
            TrainOptions options = world.options("run");
            options.evalEvery = 20;
            Trainer trainer(config, options);
            BOOST_TEST(trainer.run());
            const auto [first, last] = beginningAndEnd(world.path("run/log.csv"), "loss/mask");
            BOOST_TEST(first > 0);
            BOOST_TEST(last < 0.9 * first, "first " << first << ", last " << last);
            BOOST_TEST(linesOf(world.path("run/eval.csv")).at(0).find("mask_AP50") != std::string::npos);
        }
}

//! Faster R-CNN with masks, a cascade and PANet learn rectangles: losses fall, and boxes and masks are found.
BOOST_AUTO_TEST_CASE(the_family_learns)
{
    for (const char* name : {"faster", "cascade", "panet"})
        BOOST_TEST_CONTEXT(name)
        {
            const std::string kind = name;
            const World world;
            Config config = masksConfig(world, MaskHeadType::FCN);
            RoIConfig& roi = config.model.roi;
            roi.type = kind == "cascade" ? RoIHeadType::CASCADE_RCNN : RoIHeadType::FASTER_RCNN;
            roi.classHead.deformable = roi.classHead.adaptiveWeighting = false;
            roi.classHead.lossWeight = 1;
            roi.deltaHead.classAgnostic = kind == "cascade";
            if (kind == "panet")
            {
                config.model.fpn.type = NeckType::PAFPN;
                roi.classHead.allLevels = roi.maskHead.allLevels = true;
            }
            config.model.test.nmsMode = NMSMode::HARD;
            config.solver.epochs = 30;
            config.solver.optimizer = Optimizer::ADAM;
            config.solver.learningRate = 0.004;
            config.solver.warmupIterations = 5;
            config.solver.ema = 0;
            config.solver.logEvery = 5;
            TrainOptions options = world.options("run");
            options.evalEvery = 30;
            Trainer trainer(config, options);
            BOOST_TEST(trainer.run());
            for (const std::string loss : {"cls", "rpn_cls", "mask"})
            {
                const auto [first, last] = beginningAndEnd(world.path("run/log.csv"), "loss/" + loss);
                BOOST_TEST(first > 0);
                BOOST_TEST(last < (loss == "mask" ? 1 : 0.9) * first, loss << ": first " << first << ", last " << last);
            }
            // The box loss is divided by all sampled RoIs. It rises while the RPN learns to propose objects: more of
            // the RoIs are positive. What counts is that objects are found; here 0.31, 0.50 and 0.58 (masks 0.18, 0.49
            // and 0.61) after 120 steps from random weights.
            const CsvTable evaluations = readCsv(world.path("run/eval.csv"));
            BOOST_TEST(evaluations.column("val/boxes/AP50")->back() > 0.15);
            BOOST_TEST(evaluations.column("val/boxes/mask_AP50")->back() > 0.05);
        }
}

//! losses.mask = off: the mask head keeps its weights, everything else trains, and the model still makes masks.
BOOST_AUTO_TEST_CASE(mask_loss_left_out)
{
    const World world;
    Config config = masksConfig(world, MaskHeadType::D2DET);
    config.losses.trainMask = false;
    TrainOptions options = world.options("run");
    Trainer trainer(config, options);
    TensorMap before;
    for (const auto& item : namedTensors(*trainer.model()))
        before[item.first] = item.second.detach().clone();
    BOOST_TEST(trainer.run());
    int kept = 0;
    for (const auto& item : trainer.model()->named_parameters())
    {
        const bool head = item.key().rfind("mask_head.", 0) == 0;
        kept += head;
        if (item.value().requires_grad())
            BOOST_TEST(torch::equal(item.value(), before.at(item.key())) == head, item.key());
    }
    BOOST_TEST(kept > 5);
    trainer.model()->eval();
    ImageInfo info;
    info.height = 64;
    info.width = 96;
    const InferenceTrace trace = trainer.model()->infer(ImageBatch(torch::rand({1, 3, 64, 96}), {info}));
    BOOST_TEST(trace.masks.sizes() == at::IntArrayRef({10, 1, 28, 28}));
}

//! Without any outline in the annotations the boxes train and the mask loss is zero.
BOOST_AUTO_TEST_CASE(annotations_without_outlines)
{
    const World world;
    nlohmann::json file = nlohmann::json::parse(std::ifstream(world.path("boxes.json")));
    for (auto& annotation : file["annotations"])
        annotation.erase("segmentation");
    std::ofstream(world.path("boxes.json")) << file;
    TrainOptions options = world.options("run");
    BOOST_TEST(Trainer(masksConfig(world, MaskHeadType::D2DET), options).run());
    const auto masks = beginningAndEnd(world.path("run/log.csv"), "loss/mask");
    BOOST_TEST(masks.first == 0);
    BOOST_TEST(masks.second == 0);
    BOOST_TEST(beginningAndEnd(world.path("run/log.csv"), "loss/dlr").first > 0);
}

//! Images without objects, alone in their batch too, give finite losses and only background.
BOOST_AUTO_TEST_CASE(images_without_objects_are_background)
{
    const World world;
    nlohmann::json file = nlohmann::json::parse(std::ifstream(world.path("boxes.json")));
    nlohmann::json kept = nlohmann::json::array({file["annotations"][0]});
    file["annotations"] = kept;
    std::ofstream(world.path("boxes.json")) << file;
    Config config = masksConfig(world, MaskHeadType::D2DET);
    config.data.emptyImages = EmptyImages::ANNOTATED;
    config.solver.batchSize = 1;
    TrainOptions options = world.options("run");
    BOOST_TEST(Trainer(config, options).run());
    const std::vector<std::string> lines = linesOf(world.path("run/log.csv"));
    BOOST_REQUIRE(lines.size() > 2u);
    for (const std::string& line : lines)
        BOOST_TEST((line.find("nan") == std::string::npos && line.find("inf") == std::string::npos), line);
    BOOST_TEST(beginningAndEnd(world.path("run/log.csv"), "loss/cls").first > 0);
}

BOOST_AUTO_TEST_CASE(checkpoints_are_complete_and_pruned)
{
    const World world;
    Config config = world.config();
    config.solver.checkpointEvery = 1;
    config.solver.keepCheckpoints = 2;
    TrainOptions options = world.options("run");
    options.evalEvery = 0.75;  // after iterations 3 and 6
    Trainer trainer(config, options);
    BOOST_TEST(trainer.run());
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(world.path("run")))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    const std::vector<std::string> expected = {"best.safetensors",
                                               "checkpoint_00000005.safetensors",
                                               "checkpoint_00000006.safetensors",
                                               "config.json",
                                               "curves_ap.svg",
                                               "curves_loss.svg",
                                               "eval.csv",
                                               fs::path(eventFiles(world.path("run")).at(0)).filename().string(),
                                               "last.safetensors",
                                               "log.csv"};
    BOOST_TEST(names == expected, boost::test_tools::per_element());

    const TensorFile file = world.last("run");
    BOOST_TEST(file.metadata.at("iteration") == "6");
    const Config stored = checkpointConfig(file);
    BOOST_TEST(stored.model.classNames == (std::vector<std::string>{"flat", "tall"}), boost::test_tools::per_element());
    BOOST_TEST(configToJson(loadConfig(world.path("run/config.json"))) == configToJson(stored));
    Detector other(stored.model);
    restoreModel(*other, modelWeights(file, false));
    for (const auto& item : namedTensors(*trainer.model()))
        BOOST_TEST(torch::equal(item.second, namedTensors(*other).at(item.first)), item.first);

    const std::vector<std::string> evaluations = linesOf(world.path("run/eval.csv"));
    BOOST_REQUIRE_EQUAL(evaluations.size(), 3u);
    checkContains(evaluations[0], "val/boxes/AP,val/boxes/AP50,val/boxes/AP75");
    BOOST_TEST(evaluations[1].rfind("3,", 0) == 0u);
    BOOST_TEST(evaluations[2].rfind("6,", 0) == 0u);
}

namespace
{

//! The last value of every number, as TensorBoard has it when all files are read, by (name, step).
std::map<std::pair<std::string, int64_t>, float> mergedScalars(const std::vector<std::string>& files)
{
    std::map<std::pair<std::string, int64_t>, float> merged;
    for (const std::string& file : files)
        for (const d2det::test::Event& event : d2det::test::readEvents(file))
        {
            for (auto i = merged.begin(); event.start && i != merged.end();)
                i = i->first.second >= event.step ? merged.erase(i) : std::next(i);
            for (const auto& item : event.scalars)
            {
                BOOST_TEST(merged.count({item.first, event.step}) == 0u, item.first << " twice");
                merged[{item.first, event.step}] = item.second;
            }
        }
    return merged;
}

}  // namespace

//! What can be watched is whole after a run that was killed behind its last checkpoint and continued.
BOOST_AUTO_TEST_CASE(a_run_can_be_watched)
{
    const World world;
    TrainOptions options = world.options("run");
    options.evalEvery = 0.5;  // after iterations 2, 4, 6
    options.images = 3;
    options.command = "first --epochs 1.5";
    options.stopAfter = 5;
    Trainer(world.config(), options).run();
    const fs::path last = world.path("run/last.safetensors");
    fs::remove(last);
    fs::copy(world.path("run/checkpoint_00000004.safetensors"), last);
    options.stopAfter = 0;
    options.resume = true;
    options.command = "second --resume";
    Trainer second(world.config(), options);
    BOOST_TEST(second.run());

    const std::vector<std::string> files = eventFiles(world.path("run"));
    BOOST_REQUIRE_EQUAL(files.size(), 2u);
    const auto scalars = mergedScalars(files);
    for (const char* file : {"log.csv", "eval.csv"})
    {
        const CsvTable table = readCsv(world.path(std::string("run/") + file));
        BOOST_REQUIRE_EQUAL(table.rows(), file[0] == 'l' ? 6u : 3u);
        for (size_t column = 2; column < table.names.size(); column++)
            for (size_t row = 0; row < table.rows(); row++)
            {
                const double value = table.columns[column][row];
                const auto found =
                    scalars.find({table.names[column], static_cast<int64_t>(table.column("iteration")->at(row))});
                BOOST_REQUIRE(found != scalars.end());
                BOOST_TEST(std::abs(value - found->second) <= 1e-4 * std::abs(value), table.names[column]);
            }
    }
    const CsvTable log = readCsv(world.path("run/log.csv"));
    for (const char* name : {"loss", "memory_mib", "data_seconds", "data_share", "rate"})
        BOOST_TEST(log.column(name), name);
    BOOST_TEST(log.column("memory_mib")->at(0) > 20);
    BOOST_TEST(log.column("data_seconds")->at(0) >= 0);

    std::map<std::string, int> images;
    for (const std::string& file : files)
        for (const d2det::test::Event& event : d2det::test::readEvents(file))
            for (const auto& item : event.images)
            {
                ++images[item.first];
                const std::vector<uchar> bytes(item.second.bytes.begin(), item.second.bytes.end());
                BOOST_TEST(cv::imdecode(bytes, cv::IMREAD_COLOR).size() == cv::Size(96, 64));
            }
    const std::map<std::string, int> expected = {
        {"val/boxes/1.png", 3}, {"val/boxes/4.png", 3}, {"val/boxes/6.png", 3}};
    BOOST_TEST((images == expected));

    BOOST_TEST(curvesIn(world.path("run/curves_ap.svg")) == 3u);
    BOOST_TEST(curvesIn(world.path("run/curves_loss.svg")) >= 8u);

    const std::vector<std::string> command = linesOf(world.path("run/command.txt"));
    BOOST_REQUIRE_EQUAL(command.size(), 4u);
    checkContains(command[0], "OpenCV " CV_VERSION);
    checkContains(command[0], "starts");
    BOOST_TEST(command[1] == "first --epochs 1.5");
    checkContains(command[2], "LibTorch " TORCH_VERSION);
    checkContains(command[2], "continues after iteration 4");
    BOOST_TEST(command[3] == "second --resume");

    // The best evaluation is the first that has the highest AP.
    const CsvTable evaluations = readCsv(world.path("run/eval.csv"));
    const std::vector<double>& precision = *evaluations.column("val/boxes/AP");
    const auto best = std::max_element(precision.begin(), precision.end()) - precision.begin();
    const std::string iteration = std::to_string(2 * (best + 1));
    checkContains(second.bestSummary(), "iteration " + iteration + ",");
    checkContains(second.bestSummary(), "boxes/AP75 ");
    BOOST_TEST(readSafetensors(world.path("run/best.safetensors")).metadata.at("iteration") == iteration);
    BOOST_TEST(world.last("run").metadata.at("best_iteration") == iteration);
}

//! Rows of other names than the first ones: nothing moves into a wrong column.
BOOST_AUTO_TEST_CASE(tables_take_new_names)
{
    const World world;
    const std::string folder = world.folder.path();
    CsvSink sink(folder, 0);
    sink.write({1, 9, 0.5, 0}, {{"loss", 1}, {"rate", 2}});
    sink.write({2, 9, 1, 0}, {{"memory_mib", 5}, {"rate", 3}});
    sink.write({2, 9, 1, 0}, {{"val/a,b/AP", 0.5}});
    CsvSink(folder, 2).write({3, 9, 1.5, 0}, {{"a", 7}, {"loss", 4}});
    const std::vector<std::string> log = {"iteration,epoch,loss,rate,memory_mib,a", "1,0.5000,1,2,,", "2,1.0000,,3,5,",
                                          "3,1.5000,4,,,7"};
    BOOST_TEST(linesOf(world.path("log.csv")) == log, boost::test_tools::per_element());
    const std::vector<std::string> evaluations = {"iteration,epoch,val/a_b/AP", "2,1.0000,0.5"};
    BOOST_TEST(linesOf(world.path("eval.csv")) == evaluations, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_line_fits)
{
    const Values values = {{"data_share", 0.25}, {"grad_norm", 1},     {"images_per_second", 12.345}, {"loss", 1.25},
                           {"loss/cls", 0.5},    {"loss/dlr", 0.125},  {"memory_mib", 1234.5},        {"rate", 0.001},
                           {"skipped", 0},       {"data_seconds", 0.1}};
    const Progress progress{120, 4800, 0.25, 3700};
    BOOST_TEST(progressLine(progress, values, 500) ==
               "epoch 0.25 iter 120/4800 loss 1.2500 cls 0.500 dlr 0.125 data 25% 12.35 images/s memory 1234 MiB rate "
               "1.00e-03 left 1h01m");
    BOOST_TEST(progressLine(progress, values, 79) ==
               "epoch 0.25 iter 120/4800 loss 1.2500 data 25% 12.35 images/s left 1h01m");
    for (size_t columns = 63; columns < 130; columns++)
        BOOST_TEST(progressLine(progress, values, columns).size() <= columns, columns);
}

//! The evaluation during training must not leave a trace in the weights.
BOOST_AUTO_TEST_CASE(evaluation_changes_nothing)
{
    const World world;
    TrainOptions options = world.options("plain");
    Trainer(world.config(), options).run();
    options = world.options("evaluated");
    options.evalEvery = 0.5;
    Trainer(world.config(), options).run();
    TensorFile plain = world.last("plain"), evaluated = world.last("evaluated");
    for (const char* key : {"best", "best_iteration", "evaluated_iteration"})
    {
        plain.metadata.erase(key);
        evaluated.metadata.erase(key);
    }
    checkEqual(plain, evaluated);
}

namespace
{

//! A data set whose annotations are what the detector finds, mapped to image pixels by hand.
Dataset annotatedByDetector(Detector& model, const Dataset& dataset)
{
    Dataset found = dataset;
    cv::d2det::InputParams params;
    params.shortSide = model->config.input.shortSide;
    params.longSide = model->config.input.longSide;
    params.keepRatio = model->config.input.keepRatio;
    for (ImageRecord& record : found.images)
    {
        record.annotations.clear();
        cv::Mat blob, info;
        cv::d2det::prepareInput(cv::imread(record.path), params, blob, info);
        ImageInfo size;
        size.height = static_cast<int>(info.at<float>(0));
        size.width = static_cast<int>(info.at<float>(1));
        size.scale = info.at<float>(2);
        const torch::Tensor images = torch::from_blob(blob.data, {1, 3, blob.size[2], blob.size[3]}, torch::kFloat);
        const torch::Tensor rows = model->infer(ImageBatch(images, {size})).detections;
        for (int64_t i = 0; i < rows.size(0); i++)
        {
            const cv::Size image = cv::imread(record.path).size();
            const float x = static_cast<float>(size.width) / static_cast<float>(image.width),
                        y = static_cast<float>(size.height) / static_cast<float>(image.height);
            const torch::Tensor box = rows[i].slice(0, 3, 7) / torch::tensor({x, y, x, y});
            Annotation a;
            a.category = rows[i][1].item<int>();
            a.x = box[0].item<double>();
            a.y = box[1].item<double>();
            a.width = box[2].item<double>() - a.x;
            a.height = box[3].item<double>() - a.y;
            a.area = a.width * a.height;
            a.id = static_cast<int64_t>(100 * record.id + i);
            if (rows[i][2].item<double>() > 0 && a.area > 4)
                record.annotations.push_back(a);
        }
    }
    return found;
}

}  // namespace

//! Against annotations in image pixels that are the detections themselves: every one is found.
BOOST_AUTO_TEST_CASE(evaluation_uses_image_pixels)
{
    const World world;
    Config config = world.config();
    config.model.classNames = {"tall", "flat"};  // another order than the file's
    config.model.input.shortSide = 128;          // scale 2
    config.model.input.longSide = 192;
    torch::manual_seed(5);
    Detector model(config.model);
    ReadOptions options;
    options.classNames = config.model.classNames;
    const Dataset dataset = loadDatasets(config.data.val, options);
    const Evaluation result = evaluate(model, dataset, 0.1, {});
    BOOST_TEST(result.complete);
    BOOST_TEST(result.images == World::IMAGES);
    BOOST_TEST(result.unreadable == 0);
    BOOST_REQUIRE_EQUAL(result.summary.size(), 12u);
    BOOST_REQUIRE_EQUAL(result.categoryAP.size(), 2u);
    for (const double value : result.summary)
        BOOST_TEST((value >= -1 && value <= 1));
    BOOST_TEST(result.detections > 0);
    BOOST_TEST(result.detections <= World::IMAGES * config.model.test.maxDetections);

    BOOST_TEST(result.summary[0] < 0.9);
    for (const bool keepRatio : {true, false})
    {
        model->config.input.keepRatio = keepRatio;
        model->config.input.longSide = keepRatio ? 192 : 160;  // narrower than the images
        const Dataset own = annotatedByDetector(model, dataset);
        BOOST_TEST(own.numAnnotations() > World::IMAGES);
        const Evaluation perfect = evaluate(model, own, 0.1, {});
        BOOST_TEST(perfect.summary[0] > 0.99);
        BOOST_TEST(perfect.summary[8] > 0.99);  // AR100
    }
    model->config.input.keepRatio = true;

    int asked = 0;
    BOOST_TEST(!evaluate(model, dataset, 0.1, [&] { return ++asked > 2; }).complete);

    std::ofstream(world.path("images/3.png")) << "no image";
    BOOST_TEST(evaluate(model, dataset, 0.2, {}).unreadable == 1);
    BOOST_CHECK_THROW(evaluate(model, dataset, 0.1, {}), std::runtime_error);
}

//! A small model with masks for the world's two classes.
Config maskConfig(const World& world)
{
    Config config = world.config();
    config.model.classNames = {"flat", "tall"};
    config.model.roi.maskHead.type = MaskHeadType::D2DET;
    config.model.roi.maskHead.channels = 8;
    config.model.roi.maskHead.normGroups = 2;
    config.model.roi.maskHead.scoreChannels = 8;
    return config;
}

//! Images get what is counted, on the images that were asked for; masks also where none are annotated.
BOOST_AUTO_TEST_CASE(evaluation_shows_images)
{
    const World world;
    Config config = maskConfig(world);
    torch::manual_seed(5);
    Detector model(config.model);
    const Dataset dataset = loadDatasets(config.data.val, {});
    BOOST_TEST(chooseImages(dataset, 3) == (std::vector<size_t>{1, 4, 6}), boost::test_tools::per_element());
    BOOST_TEST(chooseImages(dataset, 100).size() == size_t(World::IMAGES));
    BOOST_TEST(chooseImages(dataset, 0).empty());

    int64_t shown = 0;
    std::vector<int64_t> ids;
    const auto show = [&](const ImageRecord& record, const ImageResult& result)
    {
        ids.push_back(record.id);
        shown += result.detections.rows;
        BOOST_TEST(cv::norm(result.image, cv::imread(record.path), cv::NORM_INF) == 0);
        BOOST_REQUIRE_EQUAL(result.masks.size(), static_cast<size_t>(result.detections.rows));
        for (int i = 0; i < result.detections.rows; i++)
        {
            const float* const row = result.detections.ptr<float>(i);
            BOOST_TEST((0 <= row[0] && row[0] <= row[2] && row[2] <= 96));
            BOOST_TEST((0 <= row[1] && row[1] <= row[3] && row[3] <= 64));
            BOOST_TEST((row[4] > 0 && row[4] <= 1 && (row[5] == 0 || row[5] == 1)));
            BOOST_TEST(result.masks[static_cast<size_t>(i)].size() == result.image.size());
        }
    };
    const Evaluation some = evaluate(model, dataset, 0, {}, {{2, 5}, show});
    BOOST_TEST(ids == (std::vector<int64_t>{3, 6}), boost::test_tools::per_element());
    shown = 0;
    const Evaluation all = evaluate(model, dataset, 0, {}, {chooseImages(dataset, 100), show});
    BOOST_TEST(shown > 0);
    BOOST_TEST(shown == all.detections);
    BOOST_TEST(some.summary == all.summary, boost::test_tools::per_element());
    BOOST_TEST(all.maskSummary.empty());
}

//! Masks of the first pass go into the boxes of the candidates, as those of cv::d2det::Detector do.
BOOST_AUTO_TEST_CASE(evaluation_without_a_second_pass)
{
    const World world;
    Config config = maskConfig(world);
    config.model.roi.maskHead.secondPass = false;
    torch::manual_seed(5);
    Detector model(config.model);
    const Dataset dataset = loadDatasets(config.data.val, {});
    int moved = 0, compared = 0;
    const auto show = [&](const ImageRecord& record, const ImageResult& result)
    {
        model->eval();
        cv::Mat blob, info;
        cv::d2det::prepareInput(cv::imread(record.path), toInputParams(config.model.input), blob, info);
        ImageInfo valid;
        valid.height = static_cast<int>(info.at<float>(0));
        valid.width = static_cast<int>(info.at<float>(1));
        valid.scale = info.at<float>(2);
        const InferenceTrace trace = model->infer(
            ImageBatch(torch::from_blob(blob.ptr<float>(), {1, 3, blob.size[2], blob.size[3]}).clone(), {valid}));
        BOOST_REQUIRE_EQUAL(trace.masks.size(0), trace.maskBoxes.size(0));
        for (int i = 0; i < result.detections.rows; i++)
        {
            const torch::Tensor box = trace.maskBoxes[i].to(torch::kDouble) / double(valid.scale);
            moved += (trace.maskBoxes[i] - trace.detections[i].slice(0, 3, 7)).abs().max().item<float>() > 1;
            const torch::Tensor probability = trace.masks[i][0].contiguous();
            const cv::Mat map(28, 28, CV_32F, probability.data_ptr<float>());
            cv::Mat expected;
            cv::d2det::pasteMask(
                map,
                cv::Vec4d(box[0].item<double>(), box[1].item<double>(), box[2].item<double>(), box[3].item<double>()),
                result.image.size(), expected);
            const cv::Mat& mask = result.masks.at(static_cast<size_t>(i));
            BOOST_TEST(cv::countNonZero(expected != mask) <= 2);
            ++compared;
        }
    };
    evaluate(model, dataset, 0, {}, {chooseImages(dataset, 3), show});
    BOOST_TEST(compared > 5);
    BOOST_TEST(moved > compared / 4);
}

BOOST_AUTO_TEST_CASE(losses_that_are_no_number)
{
    const World world;
    const Config config = world.config();
    TrainOptions options = world.options("run");
    options.stopAfter = 1;
    Trainer(config, options).run();
    TensorFile file = world.last("run");
    for (auto& item : file.tensors)
        if (item.first.find("rpn") != std::string::npos)
            item.second.fill_(std::numeric_limits<float>::quiet_NaN());
    writeSafetensors(world.path("nan.safetensors"), file);
    Config longer = config;
    longer.solver.epochs = 10;
    options = world.options("nan");
    options.init = world.path("nan.safetensors");
    checkContains(trainError(longer, options), "10 steps in a row");
}

BOOST_AUTO_TEST_CASE(a_request_stops_after_the_step)
{
    const World world;
    const Config config = world.config();
    TrainOptions options = world.options("run");
    options.stop = [] { return true; };
    Trainer trainer(config, options);
    BOOST_TEST(!trainer.run());
    BOOST_TEST(trainer.iteration() == 1);
    BOOST_TEST(world.last("run").metadata.at("iteration") == "1");
}

BOOST_AUTO_TEST_CASE(errors_are_clear)
{
    const World world;
    const Config good = world.config();
    const TrainOptions options = world.options("run");
    Config config = good;
    config.data.train.clear();
    checkContains(trainError(config, options), "data.train is empty");
    config = good;
    config.data.train[0].images = world.path("nowhere");
    checkContains(trainError(config, options), "nowhere");
    config = good;
    config.data.train[0].annotations = world.path("none.json");
    checkContains(trainError(config, options), "none.json");
    std::ofstream(world.path("empty.json"))
        << R"({"images": [], "annotations": [], "categories": [{"id": 1, "name": "x"}]})";
    config.data.train[0].annotations = world.path("empty.json");
    BOOST_TEST(!trainError(config, options).empty());
    config = good;
    config.model.classNames = {"zebra"};
    BOOST_TEST(!trainError(config, options).empty());
    config = good;
    config.solver.batchSize = 0;
    checkContains(trainError(config, options), "solver.batch_size");

    TrainOptions other = options;
    other.resume = true;
    checkContains(trainError(good, other), "last.safetensors");
    other.resume = false;
    other.init = world.path("images/0.png");
    checkContains(trainError(good, other), "images/0.png");
}

//! Weights as torch.save writes them.
std::string pytorchFile(const TensorMap& tensors)
{
    std::vector<std::pair<std::string, std::string>> entries, storages;
    for (const auto& item : tensors)
    {
        const Tensor values = item.second.to(torch::kFloat).contiguous();
        std::vector<uint32_t> shape, strides;
        for (int64_t d = 0; d < values.dim(); d++)
        {
            shape.push_back(static_cast<uint32_t>(values.size(d)));
            strides.push_back(static_cast<uint32_t>(values.stride(d)));
        }
        const std::string key = std::to_string(storages.size());
        entries.emplace_back(item.first, pickled::tensor(pickled::storage(key, static_cast<uint32_t>(values.numel())),
                                                         0, shape, strides));
        storages.emplace_back(key, std::string(static_cast<const char*>(values.data_ptr()), values.nbytes()));
    }
    return zipCheckpoint(pickled::program(pickled::dict({{"state_dict", pickled::dict(entries)}})), storages);
}

//! Starts from a checkpoint of PyTorch; batch norms that no file fills end the run before it begins.
BOOST_AUTO_TEST_CASE(starting_from_a_checkpoint_of_pytorch)
{
    const World world;
    Config config = world.config();
    config.model.backbone.norm = BackboneNorm::FROZEN_BN;
    TrainOptions options = world.options("run");
    options.stopAfter = 1;
    const std::string unfilled = trainError(config, options);
    checkContains(unfilled, "without --init the statistics of 39 frozen batch norms stay 0 and 1");
    checkContains(unfilled, "model.backbone.norm=group_norm");

    Backbone trunk(config.model.backbone);
    TensorMap weights = namedTensors(*trunk), part = weights;
    for (auto& item : weights)
        item.second = item.second.dim() == 1 ? torch::rand_like(item.second) + 0.5 : item.second.detach();
    for (const auto& item : weights)
        if (item.first.find("features.13.") == 0)
            part.erase(item.first);
    options.init = world.folder.write("part.pth", pytorchFile(part));
    const std::string partly = trainError(config, options);
    checkContains(partly,
                  "part.pth: the statistics of 3 frozen batch norms stay 0 and 1, the first is backbone.features.13");

    options.init = world.folder.write("whole.pth", pytorchFile(weights));
    Trainer kept(config, options);
    BOOST_TEST(torch::equal(kept.model()->backbone->named_buffers()["features.0.1.running_var"],
                            weights.at("features.0.1.running_var")));
    // The same file for a model without norms: folded.
    config.model.backbone.norm = BackboneNorm::NONE;
    Trainer folded(config, options);
    const torch::NoGradGuard noGrad;
    const Tensor image = torch::randn({1, 3, 64, 64});
    const Tensor a = kept.model()->backbone(image).back(), b = folded.model()->backbone(image).back();
    BOOST_TEST((a - b).abs().max().item<double>() < 1e-4 * a.abs().max().item<double>());
}

//! A checkpoint of another model must not be resumed.
BOOST_AUTO_TEST_CASE(resuming_another_model_fails)
{
    const World world;
    Config config = world.config();
    TrainOptions options = world.options("run");
    options.stopAfter = 1;
    Trainer(config, options).run();
    options.resume = true;
    config.model.fpn.channels = 16;
    checkContains(trainError(config, options), "another shape");
}

// ---- the program ----

namespace
{

std::string program()
{
    return programPath("d2det_train");
}

Outcome runProgram(const World& world, const std::string& arguments)
{
    return runProgram(world.folder, "d2det_train", arguments);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(command_line, *utf::precondition(ProgramIsThere{"d2det_train"}))

BOOST_AUTO_TEST_CASE(usage)
{
    const World world;
    const Outcome help = runProgram(world, "--help");
    BOOST_TEST(help.code == 0);
    checkContains(help.text, "--config");
    const Outcome nothing = runProgram(world, "");
    BOOST_TEST(nothing.code == 2);
    checkContains(nothing.text, "--config");
    for (const char* arguments : {"--nonsense", "--config", "--config x.json", "--output x", "--threads x --output y",
                                  "--threads -1 --output y --config z"})
    {
        const Outcome outcome = runProgram(world, arguments);
        BOOST_TEST(outcome.code == 2, arguments << ": " << outcome.text);
        BOOST_TEST(std::count(outcome.text.begin(), outcome.text.end(), '\n') == 1, outcome.text);
    }
}

//! One line that says what is missing, before any data is read.
BOOST_AUTO_TEST_CASE(devices)
{
    const World world;
    std::ofstream(world.path("config.json")) << configToJson(world.config());
    const std::string base = "--config " + world.path("config.json") + " --output " + world.path("run") + " --device ";
    std::vector<std::pair<std::string, std::string>> cases{
        {"cuda:99", "device cuda:99: "}, {"gpu", "device gpu: unknown, expected cpu, cuda or cuda:N"}};
    const CudaSupport support = cudaSupport();
    if (!support.kernels)
        cases.emplace_back("cuda", "device cuda: this build has no CUDA kernels");
    else if (!support.torch)
        cases.emplace_back("cuda", "was built without CUDA");
    else if (support.devices == 0)
        cases.emplace_back("cuda", "device cuda: no CUDA device can be used");
    for (const auto& [device, message] : cases)
    {
        const Outcome outcome = runProgram(world, base + device);
        BOOST_TEST(outcome.code == 1, outcome.text);
        checkContains(outcome.text, message);
        BOOST_TEST(std::count(outcome.text.begin(), outcome.text.end(), '\n') == 1, outcome.text);
        BOOST_TEST(!fs::exists(world.path("run")));
    }
    const Outcome half = runProgram(world, base + "cpu --set solver.precision=float16");
    BOOST_TEST(half.code == 1);
    checkContains(half.text, "float16 needs a CUDA device");
}

BOOST_AUTO_TEST_CASE(train_resume_evaluate)
{
    const World world;
    std::ofstream(world.path("c.json")) << configToJson(world.config());
    const std::string run = " --output " + world.path("run");
    const std::string base = "--threads 1 --config " + world.path("c.json") + run;

    Outcome outcome = runProgram(world, base + " --set solver.learning_rte=1");
    BOOST_TEST(outcome.code == 1);
    checkContains(outcome.text, "did you mean 'learning_rate'?");
    BOOST_TEST(std::count(outcome.text.begin(), outcome.text.end(), '\n') == 1);

    outcome = runProgram(world, base + " --epochs 0.5 --eval-every 0");
    BOOST_TEST(outcome.code == 0, outcome.text);
    checkContains(outcome.text, "finished after iteration 2 of 2");
    outcome = runProgram(world, base);
    BOOST_TEST(outcome.code == 1);
    checkContains(outcome.text, "--resume");
    outcome = runProgram(world, "--threads 1 --resume --epochs 1" + run);
    BOOST_TEST(outcome.code == 0, outcome.text);
    checkContains(outcome.text, "finished after iteration 4 of 4");
    BOOST_TEST(fs::exists(world.path("run/best.safetensors")));
    checkContains(outcome.text, "new best: mean AP ");
    checkContains(outcome.text, "best: epoch 1.00, iteration 4, mean AP ");
    const std::vector<std::string> commands = linesOf(world.path("run/command.txt"));
    BOOST_REQUIRE_EQUAL(commands.size(), 4u);
    BOOST_TEST(commands[1] == program() + " " + base + " --epochs 0.5 --eval-every 0");
    BOOST_TEST(commands[3] == program() + " --threads 1 --resume --epochs 1" + run);
    outcome = runProgram(world, "--threads 1 --eval-only " + world.path("run/best.safetensors"));
    BOOST_TEST(outcome.code == 0, outcome.text);
    checkContains(outcome.text, "AP50");
    outcome = runProgram(world, "--eval-only " + world.path("images/0.png"));
    BOOST_TEST(outcome.code == 1);
    BOOST_TEST(std::count(outcome.text.begin(), outcome.text.end(), '\n') == 1);
}

/* SIGKILL at random instants of a training by the program, its start, its evaluations and the writing of its files
   among them; D2DET_KILLS of them for each number of threads. Every training that comes to its end so is, bit by bit,
   the one that was left alone. */
BOOST_AUTO_TEST_CASE(killed_at_random_instants)
{
    const char* const wanted = std::getenv("D2DET_KILLS");
    const int kills = wanted ? std::stoi(wanted) : 4;
    constexpr double LATEST = 3;  // seconds; a start takes most of the first
    for (const int threads : {1, 2})
    {
        const World world;
        Config config = world.config();
        config.solver.epochs = 10;  // 40 iterations
        std::ofstream(world.path("c.json")) << configToJson(config);
        const std::string begin = "--config " + world.path("c.json") + " ";
        const std::string common = "--eval-every 1.5 --threads " + std::to_string(threads) + " --output ";
        const Outcome alone = runProgram(world, begin + common + world.path("alone"));
        BOOST_REQUIRE_MESSAGE(alone.code == 0, alone.text);

        const std::string run = world.path("run");
        cv::RNG random(static_cast<uint64_t>(threads));
        int killed = 0, finished = 0;
        while (killed < kills || finished == 0)
        {
            const bool resume = fs::exists(run + "/last.safetensors");
            if (!resume)
                fs::remove_all(run);
            const double seconds = killed < kills ? random.uniform(0., LATEST) : 600.;
            const Outcome part =
                runShell(world.folder.path(), "timeout --signal=KILL " + std::to_string(seconds) + " '" + program() +
                                                  "' " + (resume ? "--resume " : begin) + common + run);
            if (part.code != 0)
            {
                BOOST_REQUIRE_MESSAGE(part.code == 128 + SIGKILL, part.text);
                killed++;
                continue;
            }
            finished++;
            checkEqual(world.last("alone"), world.last("run"));
            BOOST_TEST(linesOf(run + "/log.csv").size() == linesOf(world.path("alone/log.csv")).size());
            BOOST_TEST(linesOf(run + "/eval.csv") == linesOf(world.path("alone/eval.csv")),
                       boost::test_tools::per_element());
            for (const auto& entry : fs::directory_iterator(run))
                BOOST_TEST(entry.path().filename().string().find(".tmp") == std::string::npos, entry.path());
            fs::remove_all(run);
        }
        BOOST_TEST_MESSAGE(threads << " threads: killed " << killed << " times, finished " << finished << " times");
    }
}

//! The second run of the same command line with --resume finds everything done and prints the same table.
BOOST_AUTO_TEST_CASE(repeated_with_other_seeds)
{
    const World world;
    std::ofstream(world.path("c.json")) << configToJson(world.config());
    const std::string base =
        "--threads 1 --epochs 0.5 --set solver.seed=7 --repeat-seeds 2 --config " + world.path("c.json") + " --output ";
    const std::string run = world.path("run");
    BOOST_TEST(runProgram(world, base + run + " --eval-every 0").code == 2);
    Outcome outcome = runProgram(world, base + run);
    BOOST_TEST(outcome.code == 0, outcome.text);
    checkContains(outcome.text, "mean and standard deviation over 2 seeds:");
    const std::vector<std::string> table = linesOf(run + "/seeds.csv");
    BOOST_TEST(table.at(0) == "name,mean,deviation,seed_7,seed_8");
    const std::vector<double> seven = *readCsv(run + "/seed_7/eval.csv").column("val/boxes/AP75");
    const std::vector<double> eight = *readCsv(run + "/seed_8/eval.csv").column("val/boxes/AP75");
    const auto row = std::find_if(table.begin(), table.end(),
                                  [](const std::string& line) { return line.rfind("val/boxes/AP75,", 0) == 0; });
    BOOST_REQUIRE(row != table.end());
    BOOST_TEST(std::abs(std::stod(row->substr(15)) - (seven.back() + eight.back()) / 2) < 1e-5);
    const auto differs = [](const TensorFile& a, const TensorFile& b)
    {
        return std::any_of(a.tensors.begin(), a.tensors.end(),
                           [&](const auto& item) { return !torch::equal(item.second, b.tensors.at(item.first)); });
    };
    BOOST_TEST(differs(world.last("run/seed_7"), world.last("run/seed_8")));

    outcome = runProgram(world, base + run);
    BOOST_TEST(outcome.code == 1);
    checkContains(outcome.text, "add --resume");
    const auto written = fs::last_write_time(run + "/seed_7/last.safetensors");
    outcome = runProgram(world, "--threads 1 --resume --repeat-seeds 2 --output " + run);
    BOOST_TEST(outcome.code == 0, outcome.text);
    BOOST_TEST(linesOf(run + "/seeds.csv") == table, boost::test_tools::per_element());
    BOOST_TEST((written == fs::last_write_time(run + "/seed_7/last.safetensors")));
    outcome = runProgram(world, "--resume --repeat-seeds 2 --output " + world.path("nothing"));
    BOOST_TEST(outcome.code == 1);
    checkContains(outcome.text, "no run to resume");
}

//! A polite stop saves; a kill at any moment leaves a whole checkpoint to continue from.
BOOST_AUTO_TEST_CASE(signals)
{
    const World world;
    Config config = world.config();
    config.solver.checkpointEvery = 1;
    config.solver.epochs = 3;
    std::ofstream(world.path("c.json")) << configToJson(config);
    const std::string base = " --threads 1 --eval-every 0 --config " + world.path("c.json") + " --output ";
    BOOST_TEST(runProgram(world, base + world.path("whole")).code == 0);

    // $1: signal, $2: run folder, $3: arguments. Waits for the first checkpoint, then signals.
    std::ofstream(world.path("interrupt.sh"))
        << program() << " $3 & pid=$!\n"
        << "while [ ! -e $2/last.safetensors ] && kill -0 $pid; do sleep 0.02; done\n"
        << "kill -$1 $pid; wait $pid\n";
    for (const std::string signal : {"TERM", "INT", "KILL"})
    {
        const std::string run = world.path(signal);
        const int status = std::system(("sh " + world.path("interrupt.sh") + " " + signal + " " + run + " '" + base +
                                        run + "' > " + world.path("signal.txt") + " 2>&1")
                                           .c_str());
        BOOST_TEST(WEXITSTATUS(status) == 128 + (signal == "KILL" ? SIGKILL : SIGINT), signal);  // TERM ends like INT
        BOOST_TEST(std::stoi(world.last(signal).metadata.at("iteration")) < 12,
                   signal << " came too late to test anything");
        const Outcome outcome = runProgram(world, "--threads 1 --eval-every 0 --resume --output " + run);
        BOOST_TEST(outcome.code == 0, outcome.text);
        checkEqual(world.last("whole"), world.last(signal));
    }
}

BOOST_AUTO_TEST_SUITE_END()
