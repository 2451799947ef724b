// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Configuration files: reading, spelling hints, inheritance, variables, overrides, ranges, hostile bytes. */

#define BOOST_TEST_MODULE config
#include <boost/test/unit_test.hpp>

#include "config/config.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include <unistd.h>

using namespace d2det;
namespace fs = std::filesystem;

namespace
{

//! A folder of its own that disappears with the test.
struct Folder
{
    Folder() : path(fs::temp_directory_path() / ("d2det_test_config_" + std::to_string(::getpid())))
    {
        fs::create_directories(path);
    }
    ~Folder() { fs::remove_all(path); }

    std::string write(const std::string& name, const std::string& text) const
    {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name, std::ios::binary) << text;
        return (path / name).string();
    }

    fs::path path;
};

std::string errorOf(const std::string& json)
{
    try
    {
        parseConfig(json, "");
    }
    catch (const std::runtime_error& error)
    {
        return error.what();
    }
    return "";
}

std::string overrideError(const std::string& keyValue)
{
    Config config;
    try
    {
        applyOverride(config, keyValue);
        checkConfig(config);
    }
    catch (const std::runtime_error& error)
    {
        return error.what();
    }
    return "";
}

void checkContains(const std::string& text, const std::string& part)
{
    BOOST_TEST(text.find(part) != std::string::npos, "'" << text << "' does not contain '" << part << "'");
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
    BOOST_TEST(errorOf(head(R"("type": "fcn", "scoring": false)")) == "");
    checkContains(
        errorOf(head(R"("type": "fcn", "scoring": false, "second_pass": false)")),
        "model.roi.mask_head.second_pass: false needs the features of type d2det; set it to true for type fcn");
    checkContains(errorOf(head(R"("second_pass": "off")")), "model.roi.mask_head.second_pass: expected true or false");
    checkContains(errorOf(head(R"("second_pas": false)")), "unknown key, did you mean 'second_pass'?");
}

BOOST_AUTO_TEST_CASE(unknown_keys_name_the_nearest)
{
    checkContains(errorOf(R"({"model": {"roi": {"box_head": {"chanels": 3}}}})"),
                  "model.roi.box_head.chanels: unknown key, did you mean 'channels'?");
    checkContains(errorOf(R"({"sover": {}})"), "sover: unknown key, did you mean 'solver'?");
    checkContains(errorOf(R"({"data": {"train": [{"anotations": "x"}]}})"),
                  "data.train[0].anotations: unknown key, did you mean 'annotations'?");
    checkContains(overrideError("solver.learning_rte=1"), "did you mean 'learning_rate'?");
    checkContains(errorOf("{\"" + std::string(100000, 'x') + "\": 1}"), "unknown key");
}

BOOST_AUTO_TEST_CASE(wrong_types_and_ranges_name_path_and_value)
{
    const std::pair<const char*, const char*> cases[] = {
        {R"({"model": {"fpn": {"channels": "many"}}})", "model.fpn.channels: expected a whole number, got \"many\""},
        {R"({"model": {"fpn": {"channels": 1.5}}})", "expected a whole number, got 1.5"},
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
        {R"({"model": {"rpn": {"anchor_ratios": [0]}}})", "model.rpn.anchor_ratios"},
        {R"({"model": {"input": {"mean": [1, 2]}}})", "model.input.mean: needs three numbers"},
        {R"({"model": {"input": {"std": [1, 0, 1]}}})", "model.input.std"},
        {R"({"data": {"train": [{"images": "x"}]}})", "annotations"},
        {R"({"data": {"val": [{"annotations": "x", "images": "x", "subset": "odd"}]}})", "data.val.subset"},
        {R"({"data": {"short_sides": []}})", "data.short_sides"},
        {R"({"solver": {"learning_rate": 1e999}})", "number overflow"},
        {R"({"solver": {"ema": 1}})", "solver.ema"},
        {R"({"solver": {"schedule": "poly"}})", "solver.schedule: 'poly' is none of 'step', 'cosine'"},
        {R"([1])", "the configuration: expected an object, got an array"},
        {R"({"model": )", "not valid JSON"},
        {"", "not valid JSON"},
        {R"({"base": 3})", "base: expected a file name"},
    };
    for (const auto& item : cases)
        BOOST_TEST_CONTEXT(item.first)
        {
            checkContains(errorOf(item.first), item.second);
        }
}

BOOST_AUTO_TEST_CASE(nesting_and_size_are_bounded)
{
    checkContains(errorOf(std::string(1000000, '[')), "nested deeper");
    checkContains(errorOf(std::string(17 << 20, ' ')), "larger than");
    std::string deep = "1";
    for (int i = 0; i < 200; ++i)
        deep = "{\"model\":" + deep + "}";
    checkContains(errorOf(deep), "nested deeper");
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
    BOOST_TEST(config.model.backbone.type == "resnet18");
    BOOST_TEST(config.model.backbone.levels.size() == 3u);
    BOOST_TEST(config.model.legacy);
    BOOST_TEST(config.model.backbone.newStageNorm == "");
    for (const char* bad :
         {"", "=", "=1", "solver", "solver.learning_rate", "solver..seed=1", ".=1", "solver.=1",
          "solver.learning_rate=fast", "solver=1", "solver.seed.x=1", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1"})
        BOOST_TEST(!overrideError(bad).empty(), "accepted: " << bad);
    const std::string before = configToJson(config);
    BOOST_CHECK_THROW(applyOverride(config, "solver.seed=x"), std::runtime_error);
    BOOST_TEST(configToJson(config) == before);
}

BOOST_AUTO_TEST_CASE(base_files_and_folders)
{
    const Folder folder;
    folder.write("base/root.json", R"({"solver": {"epochs": 7, "batch_size": 3},
                 "data": {"train": [{"annotations": "a.json", "images": "../pictures"}]}})");
    const std::string child = folder.write("child.json", R"({"base": "base/root.json", "solver": {"epochs": 8}})");
    const Config config = loadConfig(child);
    BOOST_TEST(config.solver.epochs == 8);
    BOOST_TEST(config.solver.batchSize == 3);
    BOOST_TEST(config.data.train.at(0).annotations == (folder.path / "base" / "a.json").string());
    BOOST_TEST(config.data.train.at(0).images == (folder.path / "pictures").string());
}

BOOST_AUTO_TEST_CASE(base_cycles_and_missing_files)
{
    const Folder folder;
    const std::string self = folder.write("self.json", R"({"base": "self.json"})");
    const std::string loop = folder.write("a.json", R"({"base": "b.json"})");
    folder.write("b.json", R"({"base": "./sub/../a.json"})");
    const std::string orphan = folder.write("c.json", R"({"base": "nowhere.json"})");
    for (const std::string& path : {self, loop, orphan, folder.path.string(), (folder.path / "none").string()})
        BOOST_CHECK_EXCEPTION(loadConfig(path), std::runtime_error,
                              [&](const std::runtime_error& error)
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
    BOOST_CHECK_THROW(annotations("${D2DET_TEST_ABSENT}/a.json"), std::runtime_error);
    BOOST_CHECK_THROW(annotations("${D2DET_TEST_ROOT"), std::runtime_error);
    BOOST_CHECK_THROW(annotations("a\\u0000b"), std::runtime_error);
}

//! Damaged copies of a complete file: accepted or std::runtime_error, nothing else.
BOOST_AUTO_TEST_CASE(damaged_files)
{
    std::mt19937 random(1);
    const std::string whole = configToJson(Config());
    int accepted = 0;
    for (int round = 0; round < 3000; ++round)
    {
        std::string text = whole.substr(0, round % 5 ? whole.size() : random() % whole.size());
        for (unsigned i = 0; i < 1 + random() % 4 && !text.empty(); ++i)
            text[random() % text.size()] = static_cast<char>(random());
        try
        {
            parseConfig(text, "");
            ++accepted;
        }
        catch (const std::runtime_error&)
        {
        }
    }
    BOOST_TEST(accepted < 3000);
}

BOOST_AUTO_TEST_CASE(shipped_files_are_valid)
{
    ::setenv("D2DET_DATA", "/data", 1);
    const fs::path folder = fs::path(D2DET_SOURCE_DIR) / "training" / "configs";
    int count = 0;
    for (const auto& entry : fs::directory_iterator(folder))
    {
        const Config config = loadConfig(entry.path().string());
        // The small model is a base for configurations that name their data.
        BOOST_TEST(config.data.train.empty() == (entry.path().filename() == "d2det_mnv2.json"));
        ++count;
    }
    BOOST_TEST(count >= 3);
    BOOST_TEST(loadConfig((folder / "d2det_mnv2_person.json").string()).data.train.at(0).images ==
               "/data/pennfudan/images");
    BOOST_TEST(loadConfig((folder / "d2det_r50_coco.json").string()).solver.steps.at(1) == 23);
}
