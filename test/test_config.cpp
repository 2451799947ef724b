// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Configuration files: reading, spelling hints, inheritance, variables, overrides, ranges, malformed bytes; the table
   of keys. */

#define BOOST_TEST_MODULE config
#include <boost/test/unit_test.hpp>

#include "base/error.hpp"
#include "base/installed.hpp"
#include "config/config.hpp"
#include "errors.hpp"
#include "temp_folder.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <regex>
#include <set>
#include <sstream>

using namespace d2det;
using namespace d2det::test;
namespace fs = std::filesystem;

namespace
{

std::string parseError(const std::string& json)
{
    return errorOf<Error>([&] { parseConfig(json, ""); });
}

std::string overrideError(const std::string& keyValue)
{
    Config config;
    return errorOf<Error>(
        [&]
        {
            applyOverride(config, keyValue);
            checkConfig(config);
        });
}

}  // namespace

BOOST_AUTO_TEST_CASE(defaults_are_the_paper)
{
    const Config config = parseConfig("{}", "");
    BOOST_TEST(config.model.roi.boxHead.channels == 576);
    BOOST_TEST(config.solver.learningRate == 0.02);
    BOOST_TEST(configToJson(config) == configToJson(Config()));
}

BOOST_AUTO_TEST_CASE(values_reach_their_members)
{
    const Config config = parseConfig(R"({
        // a comment
        "model": {"class_names": ["a", "b"], "rpn": {"pre_nms_top_n_train": 7, "anchor_ratios": [1]},
                  "roi": {"class_head": {"shared_levels": true}, "box_head": {"smooth_l1_beta": 0.25}}},
        "data": {"train": [{"annotations": "/a.json", "images": "/i", "repeat": 3}]},
        "solver": {"steps": [1.5], "seed": 9007199254740991} })",
                                      "");
    BOOST_TEST(config.model.classNames.at(1) == "b");
    BOOST_TEST(config.model.rpn.preNmsTopNTrain == 7);
    BOOST_TEST(config.model.rpn.anchorRatios.size() == 1u);
    BOOST_TEST(config.model.roi.classHead.sharedLevels);
    BOOST_TEST(config.model.roi.boxHead.smoothL1Beta == 0.25f);
    BOOST_TEST(config.data.train.at(0).repeat == 3);
    BOOST_TEST(config.solver.steps.at(0) == 1.5);
    BOOST_TEST(config.solver.seed == 9007199254740991);
}

BOOST_AUTO_TEST_CASE(writing_is_complete_and_exact)
{
    Config config;
    config.model.classNames = {"with \"quotes\"", "\xc3\xa9"};
    config.model.roi.boxHead.jitter = 0.1f;
    config.model.rpn.smoothL1Beta = 1.f / 9;
    config.model.backbone.newStages = {5};
    config.data.val = {{"/x/a.json", "/x/i", "every5th_val", 2}};
    config.solver.warmupFactor = 1.0 / 3;
    const std::string text = configToJson(config);
    const Config again = parseConfig(text, "/elsewhere");
    BOOST_TEST(configToJson(again) == text);
    BOOST_TEST(again.model.rpn.smoothL1Beta == config.model.rpn.smoothL1Beta);
    BOOST_TEST(again.solver.warmupFactor == config.solver.warmupFactor);
    BOOST_TEST(again.model.classNames == config.model.classNames, boost::test_tools::per_element());
    BOOST_TEST(again.data.val.at(0).annotations == "/x/a.json");
    checkContains(text, "\"jitter\": 0.1,");
}

//! The mask head's second pass can be left out only where the first one has the features for masks.
BOOST_AUTO_TEST_CASE(second_pass_of_the_mask_head)
{
    const auto head = [](const std::string& keys) { return "{\"model\": {\"roi\": {\"mask_head\": {" + keys + "}}}}"; };
    BOOST_TEST(parseConfig("{}", "").model.roi.maskHead.secondPass);
    const Config off = parseConfig(head(R"("type": "d2det", "second_pass": false)"), "");
    BOOST_TEST(!off.model.roi.maskHead.secondPass);
    checkContains(configToJson(off), "\"second_pass\": false");
    BOOST_TEST(!parseConfig(configToJson(off), "").model.roi.maskHead.secondPass);
    BOOST_TEST(parseError(head(R"("type": "fcn", "scoring": false)")) == "");
    checkContains(
        parseError(head(R"("type": "fcn", "scoring": false, "second_pass": false)")),
        "model.roi.mask_head.second_pass: false needs the features of type d2det; set it to true for type fcn");
    checkContains(parseError(head(R"("second_pass": "off")")),
                  "model.roi.mask_head.second_pass: expected true or false");
    checkContains(parseError(head(R"("second_pas": false)")), "unknown key, did you mean 'second_pass'?");
}

//! Keys of a training's controls: each end of the range, and one beyond.
BOOST_AUTO_TEST_CASE(controls_of_a_training)
{
    const std::pair<const char*, std::vector<const char*>> good[] = {
        {"solver.accumulate", {"1", "4096"}},
        {"solver.early_stopping", {"0", "100000"}},
        {"solver.early_stopping_delta", {"0", "1"}},
        {"solver.freeze", {"[]", R"(["backbone.*", "?pn.*"])"}},
        {"data.sampling", {"uniform", "repeat_factor"}},
        {"data.repeat_threshold", {"0", "1"}},
        {"validation.loss", {"true", "false"}},
        {"model.rpn.anchors", {"given", "auto"}},
        {"model.roi.class_head.class_weighting", {"given", "auto"}},
        {"model.roi.class_head.class_weights", {"[]", "[0]", "[1000000, 0.5]"}},
        {"model.roi.class_head.background_weight", {"0", "1000000"}}};
    for (const auto& [key, values] : good)
        for (const char* value : values)
        {
            Config config;
            applyOverride(config, std::string(key) + "=" + value);
            BOOST_TEST(configToJson(parseConfig(configToJson(config), "")) == configToJson(config), key);
        }
    const std::pair<const char*, const char*> bad[] = {
        {"solver.accumulate=0", "solver.accumulate: 0 is not in 1 .. 4096"},
        {"solver.accumulate=4097", "solver.accumulate: 4097"},
        {"solver.early_stopping=-1", "solver.early_stopping: -1"},
        {"solver.early_stopping=100001", "solver.early_stopping: 100001"},
        {"solver.early_stopping_delta=1.01", "solver.early_stopping_delta: 1.01"},
        {"solver.freeze=backbone", "solver.freeze: expected an array"},
        {"data.sampling=balanced", "data.sampling: 'balanced' is none of 'uniform', 'repeat_factor'"},
        {"data.repeat_threshold=-0.1", "data.repeat_threshold: -0.1"},
        {"data.repeat_threshold=1.1", "data.repeat_threshold: 1.1"},
        {"validation.loss=1", "validation.loss: expected true or false"},
        {"model.rpn.anchors=fitted", "model.rpn.anchors: 'fitted' is none of 'given', 'auto'"},
        {"model.roi.class_head.class_weights=[-1]", "model.roi.class_head.class_weights[0]: -1"},
        {"model.roi.class_head.background_weight=-1", "model.roi.class_head.background_weight: -1"}};
    for (const auto& [override, message] : bad)
        checkContains(overrideError(override), message);
}

//! Parts of the second stage that do not go together.
BOOST_AUTO_TEST_CASE(kinds_of_second_stages)
{
    const auto roi = [](const std::string& keys) { return "{\"model\": {\"roi\": {" + keys + "}}}"; };
    const std::string plain = R"("class_head": {"deformable": false, "adaptive_weighting": false})";
    BOOST_TEST(parseError(roi(R"("type": "faster_rcnn")")) == "");
    BOOST_TEST(parseError(roi(R"("type": "faster_rcnn", "mask_head": {"type": "fcn", "scoring": false})")) == "");
    checkContains(parseError(roi(R"("type": "faster_rcnn", "mask_head": {"type": "d2det"})")),
                  "model.roi.mask_head.type: d2det needs the features of roi.type d2det; set it to fcn");
    checkContains(parseError(roi(R"("type": "cascade_rcnn")")), "model.roi.delta_head.class_agnostic: must be true");
    const std::string agnostic = R"("type": "cascade_rcnn", "delta_head": {"class_agnostic": true})";
    BOOST_TEST(parseError(roi(agnostic)) == "");
    checkContains(parseError(roi(agnostic + R"(, "cascade": {"positive_ious": [0.5, 0.6]})")),
                  "model.roi.cascade.std_factors: 3 values, but positive_ious has 2 stages");
    checkContains(parseError(roi(R"("class_head": {"all_levels": true})")),
                  "model.roi.class_head.all_levels: needs deformable and adaptive_weighting set to false");
    checkContains(parseError(roi(R"("aligned": false)")), "model.roi.aligned: false needs class_head.deformable");
    BOOST_TEST(parseError(roi(R"("aligned": false, )" + plain)) == "");
    checkContains(parseError(R"({"model": {"legacy": true, "roi": {"aligned": false, )" + plain + "}}}"),
                  "model.roi.aligned");
    checkContains(parseError(roi(R"("mask_head": {"type": "d2det", "all_levels": true})")), "needs type fcn");
    checkContains(parseError(R"({"model": {"backbone": {"activation": "relu6"}}})"), "relu6 needs type mobilenet_v2");
    const auto deformable = [&](const std::string& rest)
    { return parseError(R"({"model": {"backbone": {"deformable_stages": )" + rest + "}}}"); };
    BOOST_TEST(deformable("[3, 4, 5]") == "");
    BOOST_TEST(deformable(R"([5], "type": "resnext50_32x4d")") == "");
    checkContains(deformable("[2]"), "model.backbone.deformable_stages");
    checkContains(deformable("[6]"), "model.backbone.deformable_stages");
    checkContains(deformable("[3, 4, 5, 5]"), "model.backbone.deformable_stages");
    BOOST_TEST(deformable(R"([4], "type": "resnet18")") == "");
    for (const char* type : {"mobilenet_v2", "mobilenet_edgetpu"})
        checkContains(deformable(std::string(R"([4], "type": ")") + type + "\""),
                      "model.backbone.deformable_stages: needs a ResNet or ResNeXt");
    checkContains(deformable(R"([4, 5], "levels": [2, 3, 4])"), "stage 5 is above the last of levels, 4");
    checkContains(parseError(R"({"model": {"rpn": {"anchor_scales": [1, 2, 4, 8, 16],
                                 "anchor_ratios": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]}}})"),
                  "65 anchors per cell (scales x ratios), at most 64");
}

BOOST_AUTO_TEST_CASE(unknown_keys_name_the_nearest)
{
    checkContains(parseError(R"({"model": {"roi": {"box_head": {"chanels": 3}}}})"),
                  "model.roi.box_head.chanels: unknown key, did you mean 'channels'?");
    checkContains(parseError(R"({"sover": {}})"), "sover: unknown key, did you mean 'solver'?");
    checkContains(parseError(R"({"data": {"train": [{"anotations": "x"}]}})"),
                  "data.train[0].anotations: unknown key, did you mean 'annotations'?");
    checkContains(overrideError("solver.learning_rte=1"), "did you mean 'learning_rate'?");
    checkContains(parseError("{\"" + std::string(100000, 'x') + "\": 1}"), "unknown key");
}

BOOST_AUTO_TEST_CASE(wrong_types_and_ranges_name_path_and_value)
{
    const std::pair<const char*, const char*> cases[] = {
        {R"({"model": {"fpn": {"channels": "many"}}})", "model.fpn.channels: expected an integer, got \"many\""},
        {R"({"model": {"fpn": {"channels": 1.5}}})", "expected an integer, got 1.5"},
        {R"({"model": {"fpn": {"channels": 3000000000}}})", "model.fpn.channels"},
        {R"({"model": {"fpn": {"channels": -3000000000}}})", "model.fpn.channels"},
        {R"({"model": {"fpn": {"channels": 18446744073709551615}}})", "model.fpn.channels"},
        {R"({"model": {"fpn": {"channels": 0}}})", "model.fpn.channels: 0 is not in"},
        {R"({"model": {"legacy": 1}})", "model.legacy: expected true or false, got 1"},
        {R"({"model": {"name": 5}})", "model.name: expected a text, got 5"},
        {R"({"model": {"name": null}})", "model.name"},
        {R"({"model": []})", "model: expected an object, got an array"},
        {R"({"model": {"backbone": {"levels": 3}}})", "model.backbone.levels: expected an array, got 3"},
        {R"({"model": {"backbone": {"levels": [2, "x"]}}})", "model.backbone.levels[1]"},
        {R"({"model": {"backbone": {"levels": []}}})", "model.backbone.levels"},
        {R"({"model": {"backbone": {"levels": [3, 2]}}})", "model.backbone.levels"},
        {R"({"model": {"backbone": {"levels": [2, 4]}}})", "model.backbone.levels"},
        {R"({"model": {"backbone": {"levels": [2, 6]}}})", "model.backbone.levels"},
        {R"({"model": {"backbone": {"type": "vgg"}}})", "'vgg' is none of 'resnet18'"},
        {R"({"model": {"roi": {"box_head": {"norm_groups": 35}}}})", "35 does not divide channels = 576"},
        {R"({"model": {"roi": {"box_head": {"pooled_size": 13}}}})", "13 is odd"},
        {R"({"model": {"roi": {"levels": 6}}})", "6 RoI levels, but the pyramid has only 5"},
        {R"({"model": {"rpn": {"negative_iou": 0.8}}})", "model.rpn.negative_iou"},
        {R"({"model": {"rpn": {"anchor_ratios": [0]}}})", "model.rpn.anchor_ratios[0]: 0 is not in 0.001 .. 1000"},
        {R"({"model": {"input": {"mean": [1, 2]}}})", "model.input.mean: 2 values, expected 3"},
        {R"({"model": {"input": {"std": [1, 0, 1]}}})", "model.input.std[1]: 0 is not in"},
        {R"({"data": {"train": [{"images": "x"}]}})", "data.train[0].annotations: is missing or empty"},
        {R"({"data": {"val": [{"annotations": "x", "images": "x", "subset": "odd"}]}})",
         "data.val[0].subset: 'odd' is none of '', 'every5th_val', "},
        {R"({"data": {"short_sides": []}})", "data.short_sides: 0 values, expected 1 .. 1000"},
        {R"({"data": {"short_sides": [800, 0]}})", "data.short_sides[1]: 0 is not in 1 .. 16384"},
        {R"({"data": {"color_jitter": 1}})", "data.color_jitter: 1 is not in 0 .. 0.99"},
        {R"({"data": {"augment": {"affine": 1.5}}})", "data.augment.affine: 1.5 is not in 0 .. 1"},
        {R"({"data": {"augment": {"crop_keep": -0.1}}})", "data.augment.crop_keep: -0.1 is not in 0 .. 1"},
        {R"({"data": {"augment": {"scale": [1]}}})", "data.augment.scale: 1 values, expected 2"},
        {R"({"data": {"augment": {"scale": [0, 1]}}})", "data.augment.scale[0]: 0 is not in 0.1 .. 10"},
        {R"({"data": {"augment": {"zoom_scale": [1.5, 0.5]}}})",
         "data.augment.zoom_scale: the least value 1.5 is above the largest 0.5; exchange them"},
        {R"({"data": {"augment": {"jpeg_quality": [90, 40]}}})", "the least value 90 is above the largest 40"},
        {R"({"data": {"augment": {"jpeg_quality": [0, 40]}}})", "data.augment.jpeg_quality[0]: 0 is not in 1 .. 100"},
        {R"({"data": {"augment": {"noise_sigma": [1, "x"]}}})", "data.augment.noise_sigma[1]: expected a number"},
        {R"({"data": {"augment": {"preset": "areal"}}})",
         "data.augment.preset: 'areal' is none of 'none', 'default', 'aerial', 'photo', 'industrial'; did you mean "
         "'aerial'?"},
        {R"({"data": {"augment": "aerial"}})", "data.augment: expected an object, got \"aerial\""},
        {R"({"data": {"augment": {"rotate": 3}}})", "data.augment.rotate: unknown key, did you mean 'rotation'?"},
        {R"({"data": {"workers": 257}})", "data.workers: 257 is not in 0 .. 256"},
        {R"({"model": {"name": ""}})", "model.name: 0 bytes, expected 1 .. 256"},
        {R"({"model": {"roi": {"class_head": {"sampling_ratio": 0}}}})", "sampling_ratio: 0 is not in 1 .. 16"},
        {R"({"losses": {"mask": "no"}})", "losses.mask: 'no' is none of 'on', 'off'; did you mean 'on'?"},
        {R"({"losses": {"mask": false}})", "losses.mask: expected one of 'on', 'off', got false"},
        {R"({"model": {"backbone": {"type": "resnet5"}}})", "did you mean 'resnet50'?"},
        {R"({"model": {"roi": {"type": "cascade"}}})", "did you mean 'cascade_rcnn'?"},
        {R"({"model": {"roi": {"box_head": {"reduction": "sum"}}}})", "'sum' is none of 'masked', 'broadcast'"},
        {R"({"model": {"roi": {"box_head": {"overlap_rule": "Paper"}}}})", "did you mean 'paper'?"},
        {R"({"model": {"test": {"nms_mode": "soft"}}})", "'soft' is none of 'hard', 'soft_linear', 'soft_gaussian'"},
        {R"({"solver": {"learning_rate": 1e999}})", "number overflow"},
        {R"({"solver": {"ema": 1}})", "solver.ema"},
        {R"({"solver": {"schedule": "poly"}})", "solver.schedule: 'poly' is none of 'step', 'cosine'; did you mean"},
        {R"([1])", "the configuration: expected an object, got an array"},
        {R"({"model": )", "not valid JSON"},
        {"", "not valid JSON"},
        {R"({"base": 3})", "base: expected a file name"},
    };
    for (const auto& item : cases)
        BOOST_TEST_CONTEXT(item.first)
        {
            checkContains(parseError(item.first), item.second);
        }
}

//! A preset sets all keys of augmentation; those beside it and those of later files and overrides win.
BOOST_AUTO_TEST_CASE(presets_of_augmentation)
{
    const auto augment = [](const std::string& data) { return parseConfig("{\"data\": {" + data + "}}", "").data; };
    const DataConfig aerial = augment(R"("augment": {"preset": "aerial"})");
    BOOST_TEST(aerial.flip == 0.5f);
    BOOST_TEST(aerial.augment.verticalFlip == 0.5f);
    BOOST_TEST(aerial.augment.rightAngle == 0.5f);
    BOOST_TEST(aerial.augment.blur == 0);
    // A key beside the preset wins, wherever the two stand.
    for (const char* text : {R"("flip": 0.1, "augment": {"right_angle": 0.2, "preset": "aerial"})",
                             R"("augment": {"preset": "aerial", "right_angle": 0.2}, "flip": 0.1)"})
    {
        const DataConfig data = augment(text);
        BOOST_TEST(data.flip == 0.1f);
        BOOST_TEST(data.augment.rightAngle == 0.2f);
        BOOST_TEST(data.augment.verticalFlip == 0.5f);
    }
    const DataConfig photo = augment(R"("augment": {"preset": "photo"})");
    BOOST_TEST((photo.flip > 0 && photo.augment.affine > 0 && photo.augment.color > 0 && photo.augment.blur > 0 &&
                photo.augment.noise > 0 && photo.augment.jpeg > 0));
    BOOST_TEST((photo.augment.verticalFlip == 0 && photo.augment.rightAngle == 0));
    const DataConfig industrial = augment(R"("augment": {"preset": "industrial"})");
    BOOST_TEST((industrial.augment.rightAngle > 0 && industrial.augment.affine > 0 && industrial.augment.blur > 0 &&
                industrial.augment.noise > 0));
    BOOST_TEST((industrial.flip == 0 && industrial.augment.hue == 0));
    for (const DataConfig* data : {&aerial, &photo, &industrial})
        BOOST_TEST(data->augment.cropKeep == 0.3f);
    const DataConfig none = augment(R"("color_jitter": 0.3, "augment": {"preset": "none"})");
    BOOST_TEST((none.flip == 0 && none.colorJitter == 0.3f));
    BOOST_TEST(configToJson(parseConfig(R"({"data": {"augment": {"preset": "default"}}})", "")) ==
               configToJson(Config()));

    // Base files and overrides: in the order in which they are read.
    const TempFolder folder;
    folder.write("base.json", R"({"data": {"color_jitter": 0.3, "augment": {"preset": "aerial", "blur": 0.4}}})");
    const auto child = [&](const std::string& data)
    { return loadConfig(folder.write("child.json", R"({"base": "base.json", "data": {)" + data + "}}")).data; };
    BOOST_TEST(child(R"("flip": 0.25)").flip == 0.25f);
    BOOST_TEST(child(R"("flip": 0.25)").augment.blur == 0.4f);
    BOOST_TEST(child(R"("flip": 0.25)").augment.rightAngle == 0.5f);
    BOOST_TEST(child(R"("flip": 0.25)").colorJitter == 0.3f);
    const DataConfig other = child(R"("augment": {"preset": "photo", "jpeg": 0.9})");
    BOOST_TEST((other.colorJitter == 0 && other.augment.rightAngle == 0 && other.augment.jpeg == 0.9f));
    BOOST_TEST(other.augment.blur == photo.augment.blur);
    Config config;
    config.data.workers = 7;
    applyOverride(config, "data.augment.preset=industrial");
    applyOverride(config, "data.augment.blur=0.7");
    BOOST_TEST(config.data.augment.rightAngle == industrial.augment.rightAngle);
    BOOST_TEST(config.data.augment.blur == 0.7f);
    BOOST_TEST(config.data.workers == 7);
    // What a run writes is what it reads again.
    BOOST_TEST(configToJson(parseConfig(configToJson(config), "")) == configToJson(config));
}

BOOST_AUTO_TEST_CASE(nesting_and_size_are_bounded)
{
    checkContains(parseError(std::string(1000000, '[')), "nested deeper");
    checkContains(parseError(std::string(17 << 20, ' ')), "larger than");
    std::string deep = "1";
    for (int i = 0; i < 200; i++)
        deep = "{\"model\":" + deep + "}";
    checkContains(parseError(deep), "nested deeper");
}

BOOST_AUTO_TEST_CASE(overrides)
{
    Config config;
    applyOverride(config, "solver.learning_rate=0.5");
    applyOverride(config, "model.name=12");
    applyOverride(config, "model.backbone.type=resnet18");
    applyOverride(config, "model.backbone.levels=[3, 4, 5]");
    applyOverride(config, "model.legacy=true");
    applyOverride(config, "model.backbone.new_stage_norm=");
    applyOverride(config, "data.val=[]");
    BOOST_TEST(config.solver.learningRate == 0.5);
    BOOST_TEST(config.model.name == "12");
    BOOST_TEST((config.model.backbone.type == BackboneType::RESNET18));
    BOOST_TEST(config.model.backbone.levels.size() == 3u);
    BOOST_TEST(config.model.legacy);
    BOOST_TEST(!config.model.backbone.newStageNorm.has_value());
    for (const char* bad :
         {"", "=", "=1", "solver", "solver.learning_rate", "solver..seed=1", ".=1", "solver.=1",
          "solver.learning_rate=fast", "solver=1", "solver.seed.x=1", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1"})
        BOOST_TEST(!overrideError(bad).empty(), "accepted: " << bad);
    const std::string before = configToJson(config);
    BOOST_CHECK_THROW(applyOverride(config, "solver.seed=x"), Error);
    BOOST_TEST(configToJson(config) == before);
}

BOOST_AUTO_TEST_CASE(base_files_and_folders)
{
    const TempFolder folder;
    folder.write("base/root.json", R"({"solver": {"epochs": 7, "batch_size": 3},
                 "data": {"train": [{"annotations": "a.json", "images": "../images"}]}})");
    const std::string child = folder.write("child.json", R"({"base": "base/root.json", "solver": {"epochs": 8}})");
    const Config config = loadConfig(child);
    BOOST_TEST(config.solver.epochs == 8);
    BOOST_TEST(config.solver.batchSize == 3);
    BOOST_TEST(config.data.train.at(0).annotations == folder / "base/a.json");
    BOOST_TEST(config.data.train.at(0).images == folder / "images");
}

//! Installed configurations and models are found by name; a file of that name comes first.
BOOST_AUTO_TEST_CASE(installed_files_by_name)
{
    const TempFolder folder, other;
    folder.write("configs/mine.json", R"({"solver": {"epochs": 5}})");
    folder.write("models/mine.onnx", "x");
    other.write("configs/mine.json", R"({"solver": {"epochs": 6}})");
    other.write("models/second.onnx", "x");
    ::setenv("D2DET_PATH", (folder.path() + ":" + other.path()).c_str(), 1);
    BOOST_TEST(findInstalled("mine", Installed::CONFIG) == folder / "configs/mine.json");
    BOOST_TEST(findInstalled("mine.json", Installed::CONFIG) == folder / "configs/mine.json");
    BOOST_TEST(findInstalled("mine", Installed::MODEL) == folder / "models/mine.onnx");
    BOOST_TEST(findInstalled("second", Installed::MODEL) == other / "models/second.onnx");
    BOOST_TEST(findInstalled("mine", Installed::WEIGHTS) == "mine");
    BOOST_TEST(findInstalled("./mine", Installed::CONFIG) == "./mine");
    const std::vector<std::string> models = installedNames(Installed::MODEL);
    BOOST_TEST((std::count(models.begin(), models.end(), "mine") == 1 &&
                std::count(models.begin(), models.end(), "second") == 1));

    const TempFolder work;
    const std::string child = work.write("child.json", R"({"base": "mine"})");
    BOOST_TEST(loadConfig(child).solver.epochs == 5);
    work.write("mine", R"({"solver": {"epochs": 7}})");
    BOOST_TEST(loadConfig(child).solver.epochs == 7);
    ::unsetenv("D2DET_PATH");
    const std::string orphan = work.write("orphan.json", R"({"base": "mine.json"})");
    BOOST_CHECK_THROW(loadConfig(orphan), Error);
}

BOOST_AUTO_TEST_CASE(base_cycles_and_missing_files)
{
    const TempFolder folder;
    const std::string self = folder.write("self.json", R"({"base": "self.json"})");
    const std::string loop = folder.write("a.json", R"({"base": "b.json"})");
    folder.write("b.json", R"({"base": "./sub/../a.json"})");
    const std::string orphan = folder.write("c.json", R"({"base": "nowhere.json"})");
    for (const std::string& path : {self, loop, orphan, folder.path(), folder / "none"})
        BOOST_CHECK_EXCEPTION(loadConfig(path), Error,
                              [&](const Error& error)
                              { return std::string(error.what()).find(path) != std::string::npos; });
}

BOOST_AUTO_TEST_CASE(variables_in_paths)
{
    ::setenv("D2DET_TEST_ROOT", "/root/of", 1);
    ::unsetenv("D2DET_TEST_ABSENT");
    const auto annotations = [](const std::string& text)
    {
        return parseConfig(R"({"data": {"train": [{"images": "/i", "annotations": ")" + text + "\"}]}}", "/folder")
            .data.train.at(0)
            .annotations;
    };
    BOOST_TEST(annotations("${D2DET_TEST_ROOT}/a.json") == "/root/of/a.json");
    BOOST_TEST(annotations("${D2DET_TEST_ROOT:-x}/a.json") == "/root/of/a.json");
    BOOST_TEST(annotations("${D2DET_TEST_ABSENT:-../x}/a.json") == "/x/a.json");
    BOOST_TEST(annotations("${D2DET_TEST_ABSENT:-}a.json") == "/folder/a.json");
    BOOST_CHECK_THROW(annotations("${D2DET_TEST_ABSENT}/a.json"), Error);
    BOOST_CHECK_THROW(annotations("${D2DET_TEST_ROOT"), Error);
    BOOST_CHECK_THROW(annotations("a\\u0000b"), Error);
}

//! Every name of a choice reaches its value and is written again; the file's spelling of losses.mask is not that of a
//! bool.
BOOST_AUTO_TEST_CASE(choices_survive_writing)
{
    const std::pair<const char*, std::vector<std::string>> choices[] = {
        {"model.backbone.type",
         {"resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
          "mobilenet_v2", "mobilenet_edgetpu"}},
        {"model.backbone.norm", {"frozen_bn", "none", "group_norm"}},
        {"model.backbone.new_stage_norm", {"", "frozen_bn", "none", "group_norm"}},
        {"model.fpn.extra_type", {"maxpool", "conv"}},
        {"model.backbone.activation", {"relu", "relu6"}},
        {"model.fpn.type", {"fpn", "pafpn"}},
        {"model.rpn.rescue_target", {"object", "best"}},
        {"model.rpn.anchors", {"given", "auto"}},
        {"model.roi.class_head.class_weighting", {"given", "auto"}},
        {"data.sampling", {"uniform", "repeat_factor"}},
        {"model.roi.type", {"d2det", "faster_rcnn", "cascade_rcnn"}},
        {"model.roi.box_head.overlap_rule", {"paper", "shrunk"}},
        {"model.roi.box_head.decode_mode", {"mean", "weighted"}},
        {"model.roi.box_head.regression_loss", {"iou", "smooth_l1"}},
        {"model.roi.box_head.reduction", {"masked", "broadcast"}},
        {"model.roi.mask_head.type", {"none", "d2det", "fcn"}},
        {"model.test.nms_mode", {"hard", "soft_linear", "soft_gaussian"}},
        {"model.input.channel_order", {"rgb", "bgr"}},
        {"data.augment.preset", {"none", "default", "aerial", "photo", "industrial"}},
        {"losses.mask", {"on", "off"}},
        {"solver.optimizer", {"sgd", "adam"}},
        {"solver.schedule", {"step", "cosine"}},
        {"solver.precision", {"float32", "bfloat16", "float16"}},
    };
    for (const auto& [path, names] : choices)
    {
        std::string key = path;
        key = key.substr(key.rfind('.') + 1);
        std::set<std::string> texts;
        for (const std::string& name : names)
            BOOST_TEST_CONTEXT(path << "=" << name)
            {
                Config config;
                config.model.roi.maskHead.scoring = false;        // that type fcn is accepted
                config.model.roi.deltaHead.classAgnostic = true;  // that a cascade is
                if (key == "activation")
                    config.model.backbone.type = BackboneType::MOBILENET_V2;
                applyOverride(config, std::string(path) + "=" + name);
                const std::string text = configToJson(config);
                checkContains(text, "\"" + key + "\": \"" + name + "\"");
                BOOST_TEST(configToJson(parseConfig(text, "")) == text);
                texts.insert(text);
            }
        BOOST_TEST(texts.size() == names.size());
    }
    Config config;
    applyOverride(config, "losses.mask=off");
    BOOST_TEST(!config.losses.trainMask);
}

//! A limit belongs to the range, also where the value is a float that rounds beyond it.
BOOST_AUTO_TEST_CASE(limits_are_inclusive)
{
    for (const char* const value :
         {"data.color_jitter=0.99", "model.roi.box_head.jitter=0.49", "solver.ema=0.9999999",
          "data.crop_min_scale=0.01", "model.rpn.anchor_scale=0.001", "data.workers=256", "data.augment.min_visible=1",
          "data.augment.rotation=180", "data.augment.scale=[0.1, 10]", "data.augment.zoom_scale=[0.05, 10]",
          "data.augment.paste_objects=1000", "data.augment.jpeg_quality=[1, 100]",
          "data.augment.blur_sigma=[0.05, 100]", "data.augment.brightness=0.99"})
        BOOST_TEST(overrideError(value) == "", value);
    for (const char* const value :
         {"data.color_jitter=0.9901", "model.roi.box_head.jitter=0.4901", "solver.ema=1", "data.crop_min_scale=0.0099",
          "model.rpn.anchor_scale=0.00099", "data.augment.min_visible=1.001", "data.augment.rotation=181",
          "data.augment.scale=[0.099, 1]", "data.augment.zoom_scale=[1, 11]", "data.augment.paste_objects=0",
          "data.augment.jpeg_quality=[1, 101]", "data.augment.blur_sigma=[0.04, 1]", "data.augment.brightness=1"})
        BOOST_TEST(overrideError(value) != "", value);
}

//! The loader takes parts of a configuration that no file was read for: the same rules.
BOOST_AUTO_TEST_CASE(parts_are_checked_alike)
{
    checkConfig(DataConfig(), InputConfig());
    const auto refused = [](void (*change)(DataConfig&, InputConfig&))
    {
        DataConfig data;
        InputConfig input;
        change(data, input);
        BOOST_CHECK_THROW(checkConfig(data, input), Error);
    };
    refused([](DataConfig& data, InputConfig&) { data.flip = std::nanf(""); });
    refused([](DataConfig& data, InputConfig&) { data.shortSides.clear(); });
    refused([](DataConfig& data, InputConfig&) { data.augment.mosaic = 2; });
    refused([](DataConfig& data, InputConfig&) { data.augment.pasteScale = {2, 1}; });
    refused([](DataConfig& data, InputConfig&) { data.train.emplace_back(); });
    refused([](DataConfig& data, InputConfig&) { data.val = {{"a.json", "", "odd", 1}}; });
    refused([](DataConfig&, InputConfig& input) { input.mean.pop_back(); });
    refused([](DataConfig&, InputConfig& input) { input.shortSide = input.longSide + 1; });
}

//! docs/configuration.md has every key that is written, with its default, and a sentence for it.
BOOST_AUTO_TEST_CASE(table_has_every_key)
{
    const std::string table = configTable();
    Config config;
    config.data.train.resize(1);
    std::istringstream file(configToJson(config));
    int keys = 0;
    const std::regex entry(R"re( *"(\w+)": ([^\[{]*[^\[{,]),?)re");
    for (std::string line; std::getline(file, line);)
    {
        std::smatch found;
        if (!std::regex_match(line, found, entry))
            continue;
        keys++;
        checkContains(table, "| `" + found.str(1) + "` | `" + found.str(2) + "` | ");
    }
    BOOST_TEST(keys > 90);
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);)
        if (line.rfind("| `", 0) == 0)
            BOOST_TEST(std::regex_match(line, std::regex(R"re(\| `\w+` \| `[^`]+` \| [^|]{4,} \| [^|]{8,} \|)re")),
                       line);
}

//! Damaged copies of a complete file: Error, or a configuration that survives writing and reading.
BOOST_AUTO_TEST_CASE(damaged_files)
{
    std::mt19937 random(1);
    const std::string whole = configToJson(Config());
    int accepted = 0;
    for (int round = 0; round < 3000; round++)
    {
        std::string text = whole.substr(0, round % 5 ? whole.size() : random() % whole.size());
        for (unsigned i = 0; i < 1 + random() % 4 && !text.empty(); i++)
            text[random() % text.size()] = static_cast<char>(random());
        try
        {
            const std::string written = configToJson(parseConfig(text, ""));
            BOOST_TEST(configToJson(parseConfig(written, "")) == written);
            accepted++;
        }
        catch (const Error&)
        {
        }
    }
    BOOST_TEST(accepted < 16);  // twice what this seed gives
}

BOOST_AUTO_TEST_CASE(shipped_files_are_valid)
{
    ::setenv("D2DET_DATA", "/data", 1);
    const fs::path folder = fs::path(D2DET_SOURCE_DIR) / "training" / "configs";
    int count = 0;
    for (const auto& entry : fs::directory_iterator(folder))
    {
        if (entry.path().extension() != ".json")
            continue;
        const Config config = loadConfig(entry.path().string());
        // Those that are a base for configurations that name their data.
        const std::string name = entry.path().stem().string();
        const bool base = std::regex_search(name, std::regex("_mnv2(_relu6)?$|_torchvision$"));
        BOOST_TEST(config.data.train.empty() == base, name);
        count++;
    }
    BOOST_TEST(count >= 13);
    // One recipe for the detectors to be compared.
    const Config d2det = loadConfig((folder / "d2det_mnv2_relu6.json").string());
    for (const char* name : {"faster_rcnn", "mask_rcnn", "panet", "cascade_rcnn"})
    {
        Config other = loadConfig((folder / (std::string(name) + "_mnv2.json")).string());
        BOOST_TEST(other.model.name == std::string(name) + "_mnv2");
        BOOST_TEST(!other.model.roi.classHead.deformable);
        other.model.name = d2det.model.name;
        other.model.roi = d2det.model.roi;
        other.model.fpn.type = d2det.model.fpn.type;
        other.model.test.nmsMode = d2det.model.test.nmsMode;
        BOOST_TEST(configToJson(other) == configToJson(d2det), name);
    }
    BOOST_TEST(loadConfig((folder / "d2det_mnv2_person.json").string()).data.train.at(0).images ==
               "/data/pennfudan/images");
    BOOST_TEST(loadConfig((folder / "d2det_r50_coco.json").string()).solver.steps.at(1) == 23);
}
