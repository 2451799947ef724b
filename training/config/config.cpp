// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Configuration file <-> structs. Every struct has one `visit` that lists its members once; reading, writing, overriding and
   the spelling hints all go through it. Limits in checkConfig keep a hostile file from asking for absurd amounts of memory. */

#include "config/config.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace d2det
{

namespace
{

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uintmax_t kMaxConfigBytes = 16 << 20;
constexpr int kMaxDepth = 16;      // nesting of a config file
constexpr int kMaxBaseFiles = 16;  // length of a chain of "base" files

[[noreturn]] void fail(const std::string& what)
{
    throw std::runtime_error(what);
}

//! A path of the file system: variables are replaced, a relative one starts at the folder of its file.
struct PathRef
{
    std::string& value;
};

template <class V>
void visit(V& v, BackboneConfig& c)
{
    v("type", c.type);
    v("levels", c.levels);
    v("norm", c.norm);
    v("new_stage_norm", c.newStageNorm);
    v("new_stages", c.newStages);
    v("frozen_stages", c.frozenStages);
}

template <class V>
void visit(V& v, FpnConfig& c)
{
    v("channels", c.channels);
    v("extra_levels", c.extraLevels);
    v("extra_type", c.extraType);
}

template <class V>
void visit(V& v, RpnConfig& c)
{
    v("anchor_scale", c.anchorScale);
    v("anchor_ratios", c.anchorRatios);
    v("channels", c.channels);
    v("positive_iou", c.positiveIou);
    v("negative_iou", c.negativeIou);
    v("batch_per_image", c.batchPerImage);
    v("positive_fraction", c.positiveFraction);
    v("smooth_l1_beta", c.smoothL1Beta);
    v("nms_threshold", c.nmsThreshold);
    v("pre_nms_top_n_train", c.preNmsTopNTrain);
    v("post_nms_top_n_train", c.postNmsTopNTrain);
    v("proposals_train", c.proposalsTrain);
    v("pre_nms_top_n_test", c.preNmsTopNTest);
    v("post_nms_top_n_test", c.postNmsTopNTest);
    v("proposals_test", c.proposalsTest);
    v("min_size", c.minSize);
}

template <class V>
void visit(V& v, ClassHeadConfig& c)
{
    v("deformable", c.deformable);
    v("adaptive_weighting", c.adaptiveWeighting);
    v("shared_levels", c.sharedLevels);
    v("pooled_size", c.pooledSize);
    v("offset_pooled_size", c.offsetPooledSize);
    v("offset_channels", c.offsetChannels);
    v("sampling_ratio", c.samplingRatio);
    v("gamma", c.gamma);
    v("gain", c.gain);
    v("fc_channels", c.fcChannels);
    v("loss_weight", c.lossWeight);
}

template <class V>
void visit(V& v, BoxHeadConfig& c)
{
    v("convs", c.convs);
    v("channels", c.channels);
    v("norm_groups", c.normGroups);
    v("pooled_size", c.pooledSize);
    v("sampling_ratio", c.samplingRatio);
    v("binary_overlap", c.binaryOverlap);
    v("overlap_rule", c.overlapRule);
    v("overlap_threshold", c.overlapThreshold);
    v("decode_mode", c.decodeMode);
    v("regression_loss", c.regressionLoss);
    v("reduction", c.reduction);
    v("smooth_l1_beta", c.smoothL1Beta);
    v("loss_weight", c.lossWeight);
    v("overlap_loss_weight", c.overlapLossWeight);
    v("jitter", c.jitter);
    v("max_rois", c.maxRois);
}

template <class V>
void visit(V& v, MaskHeadConfig& c)
{
    v("type", c.type);
    v("channels", c.channels);
    v("norm_groups", c.normGroups);
    v("convs", c.convs);
    v("pooled_size", c.pooledSize);
    v("sampling_ratio", c.samplingRatio);
    v("scoring", c.scoring);
    v("score_channels", c.scoreChannels);
    v("score_weight", c.scoreWeight);
    v("second_pass", c.secondPass);
    v("overlap_from_masks", c.overlapFromMasks);
    v("loss_weight", c.lossWeight);
    v("score_loss_weight", c.scoreLossWeight);
}

template <class V>
void visit(V& v, RoiConfig& c)
{
    v("type", c.type);
    v("levels", c.levels);
    v("finest_scale", c.finestScale);
    v("positive_iou", c.positiveIou);
    v("batch_per_image", c.batchPerImage);
    v("positive_fraction", c.positiveFraction);
    v("class_head", c.classHead);
    v("box_head", c.boxHead);
    v("mask_head", c.maskHead);
}

template <class V>
void visit(V& v, TestConfig& c)
{
    v("score_threshold", c.scoreThreshold);
    v("nms_threshold", c.nmsThreshold);
    v("pre_detections", c.preDetections);
    v("nms_mode", c.nmsMode);
    v("final_nms_threshold", c.finalNmsThreshold);
    v("soft_sigma", c.softSigma);
    v("soft_min_score", c.softMinScore);
    v("max_detections", c.maxDetections);
}

template <class V>
void visit(V& v, InputConfig& c)
{
    v("short_side", c.shortSide);
    v("long_side", c.longSide);
    v("divisor", c.divisor);
    v("mean", c.mean);
    v("std", c.std);
    v("channel_order", c.channelOrder);
}

template <class V>
void visit(V& v, ModelConfig& c)
{
    v("name", c.name);
    v("legacy", c.legacy);
    v("class_names", c.classNames);
    v("backbone", c.backbone);
    v("fpn", c.fpn);
    v("rpn", c.rpn);
    v("roi", c.roi);
    v("test", c.test);
    v("input", c.input);
}

template <class V>
void visit(V& v, DatasetConfig& c)
{
    v("annotations", PathRef{c.annotations});
    v("images", PathRef{c.images});
    v("subset", c.subset);
    v("repeat", c.repeat);
}

template <class V>
void visit(V& v, DataConfig& c)
{
    v("train", c.train);
    v("val", c.val);
    v("short_sides", c.shortSides);
    v("long_side", c.longSide);
    v("flip", c.flip);
    v("aspect_grouping", c.aspectGrouping);
    v("color_jitter", c.colorJitter);
    v("random_crop", c.randomCrop);
    v("crop_min_scale", c.cropMinScale);
    v("workers", c.workers);
    v("cache_megabytes", c.cacheMegabytes);
    v("min_side", c.minSide);
    v("max_bad_fraction", c.maxBadFraction);
}

template <class V>
void visit(V& v, LossConfig& c)
{
    v("mask", c.mask);
}

template <class V>
void visit(V& v, SolverConfig& c)
{
    v("optimizer", c.optimizer);
    v("learning_rate", c.learningRate);
    v("momentum", c.momentum);
    v("weight_decay", c.weightDecay);
    v("batch_size", c.batchSize);
    v("epochs", c.epochs);
    v("steps", c.steps);
    v("gamma", c.gamma);
    v("schedule", c.schedule);
    v("warmup_iterations", c.warmupIterations);
    v("warmup_factor", c.warmupFactor);
    v("clip_grad_norm", c.clipGradNorm);
    v("precision", c.precision);
    v("ema", c.ema);
    v("seed", c.seed);
    v("checkpoint_every", c.checkpointEvery);
    v("keep_checkpoints", c.keepCheckpoints);
    v("log_every", c.logEvery);
}

template <class V>
void visit(V& v, Config& c)
{
    v("model", c.model);
    v("data", c.data);
    v("losses", c.losses);
    v("solver", c.solver);
}

// ---- reading ----

std::string shorten(const std::string& text)
{
    return text.size() <= 80 ? text : text.substr(0, 80) + "...";
}

//! The value as an error message shows it; arrays and objects only by their kind.
std::string show(const json& value)
{
    if (value.is_structured())
        return value.is_array() ? "an array" : "an object";
    return shorten(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string checkedText(const std::string& text, const std::string& path)
{
    if (text.find('\0') != std::string::npos)
        fail(path + ": the text contains a zero byte");
    return text;
}

//! Replaces ${NAME} by the environment variable and ${NAME:-default} by it or the default.
std::string expandVariables(const std::string& text, const std::string& path)
{
    std::string out;
    for (size_t position = 0; position < text.size();)
    {
        const size_t begin = text.find("${", position);
        if (begin == std::string::npos)
            return out + text.substr(position);
        const size_t end = text.find('}', begin);
        if (end == std::string::npos)
            fail(path + ": \"" + shorten(text) + "\" has ${ without }");
        std::string name = text.substr(begin + 2, end - begin - 2);
        const size_t dash = name.find(":-");
        const bool hasDefault = dash != std::string::npos;
        const std::string fallback = hasDefault ? name.substr(dash + 2) : std::string();
        name.resize(hasDefault ? dash : name.size());
        const char* const value = std::getenv(name.c_str());
        if (!hasDefault && !value)
            fail(path + ": environment variable " + shorten(name) + " is not set (or write ${" + shorten(name) +
                 ":-default})");
        out += text.substr(position, begin - position);
        out += value && *value ? std::string(value) : fallback;
        position = end + 1;
    }
    return out;
}

class Reader
{
public:
    Reader(const json& object, std::string path, std::string folder, bool rawText = false)
        : object_(object), path_(std::move(path)), folder_(std::move(folder)), rawText_(rawText)
    {
        if (!object_.is_object())
            fail((path_.empty() ? "the configuration" : path_) + ": expected an object, got " + show(object_));
    }

    template <class T>
    void operator()(const char* key, T&& member)
    {
        known_.push_back(key);
        const auto found = object_.find(key);
        if (found != object_.end())
            read(*found, join(key), member);
    }

    //! Call after visit.
    void rejectUnknown() const
    {
        for (const auto& item : object_.items())
        {
            const std::string& key = item.key();
            if (std::find(known_.begin(), known_.end(), key) == known_.end())
                fail(join(shorten(key)) + ": unknown key, " + hint(key));
        }
    }

private:
    std::string join(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

    std::string hint(const std::string& key) const
    {
        return "did you mean '" + nearestNames(key, known_, 1).front() + "'?";
    }

    static void expect(bool ok, const json& value, const std::string& path, const char* what)
    {
        if (!ok)
            fail(path + ": expected " + what + ", got " + show(value));
    }

    void read(const json& value, const std::string& path, bool& out) const
    {
        expect(value.is_boolean(), value, path, "true or false");
        out = value.get<bool>();
    }

    template <class Int>
    void readInteger(const json& value, const std::string& path, Int& out) const
    {
        expect(value.is_number_integer(), value, path, "a whole number");
        const bool fits = value.is_number_unsigned()
                              ? value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<Int>::max())
                              : value.get<int64_t>() >= std::numeric_limits<Int>::min() &&
                                    value.get<int64_t>() <= std::numeric_limits<Int>::max();
        expect(fits, value, path, "a smaller whole number");
        out = static_cast<Int>(value.get<int64_t>());
    }
    void read(const json& value, const std::string& path, int& out) const { readInteger(value, path, out); }
    void read(const json& value, const std::string& path, int64_t& out) const { readInteger(value, path, out); }

    void read(const json& value, const std::string& path, double& out) const
    {
        expect(value.is_number(), value, path, "a number");
        out = value.get<double>();
        expect(std::isfinite(out), value, path, "a finite number");
    }

    void read(const json& value, const std::string& path, float& out) const
    {
        double wide = 0;
        read(value, path, wide);
        expect(std::fabs(wide) <= std::numeric_limits<float>::max(), value, path, "a smaller number");
        out = static_cast<float>(wide);
    }

    void read(const json& value, const std::string& path, std::string& out) const
    {
        expect(value.is_string() || (rawText_ && value.is_primitive()), value, path, "a text");
        out = checkedText(value.is_string() ? value.get<std::string>() : value.dump(), path);
    }

    void read(const json& value, const std::string& path, PathRef& out) const
    {
        std::string text;
        read(value, path, text);
        text = expandVariables(text, path);
        if (!text.empty() && !folder_.empty() && fs::path(text).is_relative())
            text = (fs::path(folder_) / text).lexically_normal().string();
        out.value = text;
    }

    template <class T>
    void read(const json& value, const std::string& path, std::vector<T>& out) const
    {
        expect(value.is_array(), value, path, "an array");
        std::vector<T> items(value.size());
        for (size_t i = 0; i < items.size(); ++i)
            read(value[i], path + "[" + std::to_string(i) + "]", items[i]);
        out = std::move(items);
    }

    template <class T>
    void read(const json& value, const std::string& path, T& out) const
    {
        Reader reader(value, path, folder_, rawText_);
        visit(reader, out);
        reader.rejectUnknown();
    }

    const json& object_;
    std::string path_, folder_;
    bool rawText_;
    std::vector<std::string> known_;
};

// ---- writing ----

class Writer
{
public:
    template <class T>
    void operator()(const char* key, T&& member)
    {
        object_[key] = write(member);
    }

    nlohmann::ordered_json take() { return std::move(object_); }

private:
    using Json = nlohmann::ordered_json;

    static Json write(PathRef& path) { return path.value; }

    template <class T>
    static Json write(std::vector<T>& values)
    {
        Json array = Json::array();
        for (T& value : values)
            array.push_back(write(value));
        return array;
    }

    template <class T>
    static Json write(T& value)
    {
        if constexpr (std::is_same_v<T, float>)
        {
            // The shortest decimal that reads back as the same float: 0.1, not 0.10000000149.
            std::array<char, 64> text{};
            const auto end = std::to_chars(text.data(), text.data() + text.size() - 1, value);
            return end.ec == std::errc() ? std::strtod(text.data(), nullptr) : static_cast<double>(value);
        }
        else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>)
        {
            return value;
        }
        else
        {
            Writer writer;
            visit(writer, value);
            return writer.take();
        }
    }

    Json object_ = Json::object();
};

// ---- files ----

json parseText(const std::string& text, bool comments)
{
    // The parser itself is iterative, but values nested a million deep would still cost memory and destructor time.
    const json::parser_callback_t limitDepth = [](int depth, json::parse_event_t, json&)
    {
        if (depth > kMaxDepth)
            fail("nested deeper than " + std::to_string(kMaxDepth) + " levels");
        return true;
    };
    try
    {
        return json::parse(text, limitDepth, true, comments);
    }
    catch (const json::exception& error)
    {
        fail(std::string("not valid JSON: ") + shorten(error.what()));
    }
}

std::string readText(const fs::path& path)
{
    std::error_code error;
    if (!fs::is_regular_file(path, error))
        fail(fs::exists(path, error) ? "not a regular file" : "no such file");
    const uintmax_t size = fs::file_size(path, error);
    if (error || size > kMaxConfigBytes)
        fail("larger than " + std::to_string(kMaxConfigBytes >> 20) + " MiB");
    std::ifstream file(path, std::ios::binary);
    std::string text(static_cast<size_t>(size), '\0');
    file.read(&text[0], static_cast<std::streamsize>(size));
    if (!file)
        fail("cannot be read");
    return text;
}

void readFile(Config& config, const fs::path& path, std::vector<fs::path>& chain);

//! Applies a text, after the file that it names as its base.
void readInto(Config& config, const std::string& text, const fs::path& folder, std::vector<fs::path>& chain)
{
    json object = parseText(text, true);
    if (object.is_object() && object.contains("base"))
    {
        const json base = object["base"];
        if (!base.is_string())
            fail("base: expected a file name, got " + show(base));
        object.erase("base");
        readFile(config, folder / expandVariables(checkedText(base.get<std::string>(), "base"), "base"), chain);
    }
    Reader reader(object, "", folder.string());
    visit(reader, config);
    reader.rejectUnknown();
}

void readFile(Config& config, const fs::path& path, std::vector<fs::path>& chain)
{
    try
    {
        std::error_code error;
        const fs::path canonical = fs::weakly_canonical(path, error);
        if (std::find(chain.begin(), chain.end(), canonical) != chain.end())
            fail("is its own base");
        chain.push_back(canonical);
        if (chain.size() > kMaxBaseFiles)
            fail("more than " + std::to_string(kMaxBaseFiles) + " base files in a row");
        readInto(config, readText(path), fs::absolute(path).parent_path(), chain);
    }
    catch (const std::exception& error)
    {
        fail(path.string() + ": " + error.what());
    }
}

// ---- checks ----

class Checker
{
public:
    template <class T>
    void range(const char* path, T value, double low, double high) const
    {
        if (!(static_cast<double>(value) >= low && static_cast<double>(value) <= high))
            fail(std::string(path) + ": " + show(json(value)) + " is not in " + show(json(low)) + " .. " +
                 show(json(high)));
    }

    void oneOf(const char* path, const std::string& value, std::initializer_list<const char*> choices) const
    {
        std::string list;
        for (const char* choice : choices)
        {
            if (value == choice)
                return;
            list += (list.empty() ? "'" : ", '") + std::string(choice) + "'";
        }
        fail(std::string(path) + ": '" + shorten(value) + "' is none of " + list);
    }

    void holds(bool condition, const char* path, const std::string& what) const
    {
        if (!condition)
            fail(std::string(path) + ": " + what);
    }
};

bool ascending(const std::vector<int>& values)
{
    return std::adjacent_find(values.begin(), values.end(), [](int a, int b) { return a >= b; }) == values.end();
}

void checkBackbone(const Checker& check, const ModelConfig& model)
{
    const BackboneConfig& c = model.backbone;
    check.oneOf("model.backbone.type", c.type, {"resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2"});
    check.oneOf("model.backbone.norm", c.norm, {"frozen_bn", "none", "group_norm"});
    check.oneOf("model.backbone.new_stage_norm", c.newStageNorm, {"", "frozen_bn", "none", "group_norm"});
    check.range("model.backbone.frozen_stages", c.frozenStages, 0, 5);
    check.holds(!c.levels.empty() && ascending(c.levels), "model.backbone.levels",
                "must be ascending and not empty, for example [2, 3, 4, 5]");
    for (const int level : c.levels)
        check.range("model.backbone.levels", level, 2, 5);
    for (size_t i = 1; i < c.levels.size(); ++i)
        check.holds(c.levels[i] == c.levels[i - 1] + 1, "model.backbone.levels",
                    "must follow each other without a gap");
    for (const int stage : c.newStages)
        check.range("model.backbone.new_stages", stage, 1, 5);
}

void checkRpn(const Checker& check, const ModelConfig& model)
{
    const FpnConfig& fpn = model.fpn;
    check.range("model.fpn.channels", fpn.channels, 1, 4096);
    check.range("model.fpn.extra_levels", fpn.extraLevels, 0, 4);
    check.oneOf("model.fpn.extra_type", fpn.extraType, {"maxpool", "conv"});
    const RpnConfig& c = model.rpn;
    check.range("model.rpn.anchor_scale", c.anchorScale, 1e-3, 1e4);
    check.range("model.rpn.anchor_ratios (count)", c.anchorRatios.size(), 1, 64);
    for (const float ratio : c.anchorRatios)
        check.range("model.rpn.anchor_ratios", ratio, 1e-3, 1e3);
    check.range("model.rpn.channels", c.channels, 1, 4096);
    check.range("model.rpn.positive_iou", c.positiveIou, 0, 1);
    check.range("model.rpn.negative_iou", c.negativeIou, 0, 1);
    check.holds(c.negativeIou <= c.positiveIou, "model.rpn.negative_iou", "must not be above positive_iou");
    check.range("model.rpn.batch_per_image", c.batchPerImage, 1, 100000);
    check.range("model.rpn.positive_fraction", c.positiveFraction, 0, 1);
    check.range("model.rpn.smooth_l1_beta", c.smoothL1Beta, 1e-6, 1e6);
    check.range("model.rpn.nms_threshold", c.nmsThreshold, 0, 1);
    check.range("model.rpn.pre_nms_top_n_train", c.preNmsTopNTrain, 1, 100000);
    check.range("model.rpn.post_nms_top_n_train", c.postNmsTopNTrain, 1, 100000);
    check.range("model.rpn.proposals_train", c.proposalsTrain, 1, 100000);
    check.range("model.rpn.pre_nms_top_n_test", c.preNmsTopNTest, 1, 100000);
    check.range("model.rpn.post_nms_top_n_test", c.postNmsTopNTest, 1, 100000);
    check.range("model.rpn.proposals_test", c.proposalsTest, 1, 100000);
    check.range("model.rpn.min_size", c.minSize, 0, 1e5);
}

void checkClassHead(const Checker& check, const ClassHeadConfig& c)
{
    check.range("model.roi.class_head.pooled_size", c.pooledSize, 1, 64);
    check.range("model.roi.class_head.offset_pooled_size", c.offsetPooledSize, 1, 64);
    check.range("model.roi.class_head.offset_channels", c.offsetChannels, 1, 16384);
    check.range("model.roi.class_head.sampling_ratio", c.samplingRatio, 0, 16);
    check.range("model.roi.class_head.gamma", c.gamma, 0, 1e3);
    check.range("model.roi.class_head.gain", c.gain, 0, 80);  // exp(gain) must stay finite in float32
    check.range("model.roi.class_head.fc_channels", c.fcChannels, 1, 16384);
    check.range("model.roi.class_head.loss_weight", c.lossWeight, 0, 1e6);
}

void checkBoxHead(const Checker& check, const BoxHeadConfig& c)
{
    check.range("model.roi.box_head.convs", c.convs, 1, 64);
    check.range("model.roi.box_head.channels", c.channels, 1, 8192);
    check.range("model.roi.box_head.norm_groups", c.normGroups, 1, 8192);
    check.holds(c.channels % c.normGroups == 0, "model.roi.box_head.norm_groups",
                std::to_string(c.normGroups) + " does not divide channels = " + std::to_string(c.channels));
    check.range("model.roi.box_head.pooled_size", c.pooledSize, 2, 128);
    check.holds(c.pooledSize % 2 == 0, "model.roi.box_head.pooled_size",
                std::to_string(c.pooledSize) + " is odd; the grid is half of it");
    check.range("model.roi.box_head.sampling_ratio", c.samplingRatio, 0, 16);
    check.oneOf("model.roi.box_head.overlap_rule", c.overlapRule, {"paper", "shrunk"});
    check.range("model.roi.box_head.overlap_threshold", c.overlapThreshold, 0, 1);
    check.oneOf("model.roi.box_head.decode_mode", c.decodeMode, {"mean", "weighted"});
    check.oneOf("model.roi.box_head.regression_loss", c.regressionLoss, {"iou", "smooth_l1"});
    check.oneOf("model.roi.box_head.reduction", c.reduction, {"masked", "broadcast"});
    check.range("model.roi.box_head.smooth_l1_beta", c.smoothL1Beta, 1e-6, 1e6);
    check.range("model.roi.box_head.loss_weight", c.lossWeight, 0, 1e6);
    check.range("model.roi.box_head.overlap_loss_weight", c.overlapLossWeight, 0, 1e6);
    check.range("model.roi.box_head.jitter", c.jitter, 0, 0.49);
    check.range("model.roi.box_head.max_rois", c.maxRois, 1, 100000);
}

void checkMaskHead(const Checker& check, const RoiConfig& roi)
{
    const MaskHeadConfig& c = roi.maskHead;
    check.oneOf("model.roi.mask_head.type", c.type, {"none", "d2det", "fcn"});
    check.range("model.roi.mask_head.channels", c.channels, 1, 8192);
    check.range("model.roi.mask_head.norm_groups", c.normGroups, 0, 8192);
    check.holds(c.normGroups == 0 || c.channels % c.normGroups == 0, "model.roi.mask_head.norm_groups",
                std::to_string(c.normGroups) + " does not divide channels = " + std::to_string(c.channels));
    check.range("model.roi.mask_head.convs", c.convs, 1, 64);
    check.range("model.roi.mask_head.sampling_ratio", c.samplingRatio, 0, 16);
    check.range("model.roi.mask_head.score_channels", c.scoreChannels, 1, 16384);
    check.range("model.roi.mask_head.score_weight", c.scoreWeight, 0, 1e3);
    check.range("model.roi.mask_head.loss_weight", c.lossWeight, 0, 1e6);
    check.range("model.roi.mask_head.score_loss_weight", c.scoreLossWeight, 0, 1e6);
    if (c.type == "none")
        return;
    check.holds(c.pooledSize == 14, "model.roi.mask_head.pooled_size",
                std::to_string(c.pooledSize) + " is not 14; masks have 28 x 28 cells");
    check.holds(roi.boxHead.pooledSize == 14, "model.roi.box_head.pooled_size",
                std::to_string(roi.boxHead.pooledSize) + " is not 14, which mask_head needs: masks have 28 x 28 cells");
    check.holds(c.type == "d2det" || !c.scoring, "model.roi.mask_head.scoring",
                "needs the features of type d2det; set it to false for type " + c.type);
    check.holds(c.type == "d2det" || c.secondPass, "model.roi.mask_head.second_pass",
                "false needs the features of type d2det; set it to true for type " + c.type);
}

void checkRoi(const Checker& check, const ModelConfig& model)
{
    const RoiConfig& c = model.roi;
    check.oneOf("model.roi.type", c.type, {"d2det"});
    const int pyramid = static_cast<int>(model.backbone.levels.size()) + model.fpn.extraLevels;
    check.range("model.roi.levels", c.levels, 1, 16);
    check.holds(c.levels <= pyramid, "model.roi.levels",
                std::to_string(c.levels) + " RoI levels, but the pyramid has only " + std::to_string(pyramid));
    check.range("model.roi.finest_scale", c.finestScale, 1, 1e5);
    check.range("model.roi.positive_iou", c.positiveIou, 0, 1);
    check.range("model.roi.batch_per_image", c.batchPerImage, 1, 100000);
    check.range("model.roi.positive_fraction", c.positiveFraction, 0, 1);
    checkClassHead(check, c.classHead);
    checkBoxHead(check, c.boxHead);
    checkMaskHead(check, c);
}

void checkTest(const Checker& check, const TestConfig& c)
{
    check.range("model.test.score_threshold", c.scoreThreshold, 0, 1);
    check.range("model.test.nms_threshold", c.nmsThreshold, 0, 1);
    check.range("model.test.pre_detections", c.preDetections, 1, 100000);
    check.oneOf("model.test.nms_mode", c.nmsMode, {"hard", "soft_linear", "soft_gaussian"});
    check.range("model.test.final_nms_threshold", c.finalNmsThreshold, 0, 1);
    check.range("model.test.soft_sigma", c.softSigma, 1e-6, 1e6);
    check.range("model.test.soft_min_score", c.softMinScore, 0, 1);
    check.range("model.test.max_detections", c.maxDetections, 1, 100000);
}

void checkInput(const Checker& check, const InputConfig& c)
{
    check.range("model.input.short_side", c.shortSide, 1, 16384);
    check.range("model.input.long_side", c.longSide, 1, 16384);
    check.holds(c.shortSide <= c.longSide, "model.input.short_side", "must not be above long_side");
    check.range("model.input.divisor", c.divisor, 1, 1024);
    check.holds(c.mean.size() == 3, "model.input.mean", "needs three numbers");
    check.holds(c.std.size() == 3, "model.input.std", "needs three numbers");
    for (const float mean : c.mean)
        check.range("model.input.mean", mean, -1e6, 1e6);
    for (const float std : c.std)
        check.range("model.input.std", std, 1e-6, 1e6);
    check.oneOf("model.input.channel_order", c.channelOrder, {"rgb", "bgr"});
}

void checkModel(const Checker& check, const ModelConfig& c)
{
    check.holds(!c.name.empty() && c.name.size() <= 256, "model.name", "must have 1 .. 256 bytes");
    check.range("model.class_names (count)", c.classNames.size(), 0, 20000);
    checkBackbone(check, c);
    checkRpn(check, c);
    checkRoi(check, c);
    checkTest(check, c.test);
    checkInput(check, c.input);
}

void checkData(const Checker& check, const DataConfig& c)
{
    for (const auto* list : {&c.train, &c.val})
    {
        const char* const path = list == &c.train ? "data.train" : "data.val";
        for (const DatasetConfig& dataset : *list)
        {
            check.holds(!dataset.annotations.empty(), path, "an entry without \"annotations\"");
            check.oneOf(list == &c.train ? "data.train.subset" : "data.val.subset", dataset.subset,
                        {"", "every5th_val", "every5th_train", "train", "val", "test", "trainval"});
            check.range(list == &c.train ? "data.train.repeat" : "data.val.repeat", dataset.repeat, 1, 10000);
        }
    }
    check.range("data.short_sides (count)", c.shortSides.size(), 1, 1000);
    for (const int side : c.shortSides)
        check.range("data.short_sides", side, 1, 16384);
    check.range("data.long_side", c.longSide, 1, 16384);
    check.range("data.flip", c.flip, 0, 1);
    check.range("data.color_jitter", c.colorJitter, 0, 0.99);
    check.range("data.random_crop", c.randomCrop, 0, 1);
    check.range("data.crop_min_scale", c.cropMinScale, 0.01, 1);
    check.range("data.workers", c.workers, 0, 256);
    check.range("data.cache_megabytes", c.cacheMegabytes, 0, 1 << 20);
    check.range("data.min_side", c.minSide, 0, 100000);
    check.range("data.max_bad_fraction", c.maxBadFraction, 0, 1);
}

void checkSolver(const Checker& check, const SolverConfig& c)
{
    check.oneOf("solver.optimizer", c.optimizer, {"sgd", "adam"});
    check.range("solver.learning_rate", c.learningRate, 0, 1e3);
    check.range("solver.momentum", c.momentum, 0, 0.99999);
    check.range("solver.weight_decay", c.weightDecay, 0, 10);
    check.range("solver.batch_size", c.batchSize, 1, 4096);
    check.range("solver.epochs", c.epochs, 0, 1e6);
    check.range("solver.steps (count)", c.steps.size(), 0, 1000);
    for (const double step : c.steps)
        check.range("solver.steps", step, 0, 1e6);
    check.range("solver.gamma", c.gamma, 0, 10);
    check.oneOf("solver.schedule", c.schedule, {"step", "cosine"});
    check.range("solver.warmup_iterations", c.warmupIterations, 0, 10000000);
    check.range("solver.warmup_factor", c.warmupFactor, 0, 1);
    check.range("solver.clip_grad_norm", c.clipGradNorm, 0, 1e9);
    check.oneOf("solver.precision", c.precision, {"float32", "bfloat16", "float16"});
    check.range("solver.ema", c.ema, 0, 0.9999999);
    check.range("solver.seed", c.seed, 0, 9007199254740991.0);
    check.range("solver.checkpoint_every", c.checkpointEvery, 1, 100000000);
    check.range("solver.keep_checkpoints", c.keepCheckpoints, 0, 100000);
    check.range("solver.log_every", c.logEvery, 1, 1000000);
}

}  // namespace

Config loadConfig(const std::string& path)
{
    Config config;
    std::vector<fs::path> chain;
    readFile(config, path, chain);
    try
    {
        checkConfig(config);
    }
    catch (const std::runtime_error& error)
    {
        fail(path + ": " + error.what());
    }
    return config;
}

Config parseConfig(const std::string& text, const std::string& folder)
{
    Config config;
    std::vector<fs::path> chain;
    if (text.size() > kMaxConfigBytes)
        fail("configuration larger than " + std::to_string(kMaxConfigBytes >> 20) + " MiB");
    try
    {
        readInto(config, text, folder, chain);
    }
    catch (const json::exception& error)
    {
        fail(error.what());
    }
    catch (const fs::filesystem_error& error)
    {
        fail(error.what());
    }
    checkConfig(config);
    return config;
}

std::string configToJson(const Config& config)
{
    Config copy = config;  // visit takes members by reference, so that one list serves reading and writing
    Writer writer;
    visit(writer, copy);
    return writer.take().dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void applyOverride(Config& config, const std::string& keyValue)
{
    const size_t equals = keyValue.find('=');
    if (equals == std::string::npos || equals == 0)
        fail("override '" + shorten(keyValue) + "': expected key=value, for example solver.learning_rate=0.01");
    const std::string key = keyValue.substr(0, equals);
    const std::string text = keyValue.substr(equals + 1);
    if (text.size() > kMaxConfigBytes || std::count(key.begin(), key.end(), '.') >= kMaxDepth)
        fail("override '" + shorten(keyValue) + "': too long");

    json value = json::accept(text) ? parseText(text, false) : json(text);
    for (size_t end = key.size();;)  // a.b.c=v -> {"a": {"b": {"c": v}}}, innermost first
    {
        const size_t dot = key.rfind('.', end - 1);
        const size_t begin = dot == std::string::npos ? 0 : dot + 1;
        if (begin >= end)
            fail("override '" + shorten(keyValue) + "': empty name between two dots");
        json outer = json::object();
        outer[key.substr(begin, end - begin)] = std::move(value);
        value = std::move(outer);
        if (begin == 0)
            break;
        end = dot;
    }
    Config changed = config;
    Reader reader(value, "", "", true);
    visit(reader, changed);
    reader.rejectUnknown();
    config = std::move(changed);
}

void checkConfig(const Config& config)
{
    const Checker check;
    checkModel(check, config.model);
    checkData(check, config.data);
    check.oneOf("losses.mask", config.losses.mask, {"on", "off"});
    checkSolver(check, config.solver);
}

}  // namespace d2det
