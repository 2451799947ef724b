// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the benchmarks of this folder have in common: options, models, lines of JSON. They are built on GPU servers that
   lack Boost and OpenCV, hence nothing of samples/apps.

   Models, as training/configs have them, with 80 classes:
     d2det         the paper's, R50-FPN (d2det_r50_coco.json; the defaults)
     d2det_masks   the same with the paper's mask head
     faster_rcnn   torchvision's R50-FPN (faster_rcnn_r50_torchvision.json)
     mask_rcnn     the same with its mask head (mask_rcnn_r50_torchvision.json)
   --small yes: the same kinds with ResNet-18 and few channels, to try the programs without a GPU. */

#ifndef D2DET_PERF_GPU_TRAIN_BENCHMARK_HPP
#define D2DET_PERF_GPU_TRAIN_BENCHMARK_HPP

#include "engine/precision.hpp"
#include "model/detector.hpp"

#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace d2det
{
namespace benchmark
{

struct UsageError : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

//! Options --name value, each with a default.
class Options
{
public:
    explicit Options(std::map<std::string, std::string> defaults) : values_(std::move(defaults)) {}

    void parse(int argc, char** argv)
    {
        for (int i = 1; i < argc; i += 2)
        {
            const std::string name = argv[i];
            if (name.rfind("--", 0) != 0 || !values_.count(name.substr(2)) || i + 1 == argc)
                throw UsageError(name + ": unknown, or its value is missing");
            values_[name.substr(2)] = argv[i + 1];
        }
    }
    const std::string& text(const char* name) const { return values_.at(name); }
    bool yes(const char* name) const
    {
        if (text(name) != "yes" && text(name) != "no")
            throw UsageError(std::string("--") + name + " is " + text(name) + ", expected yes or no");
        return text(name) == "yes";
    }
    int count(const char* name, int low, int high) const { return integer(name, text(name), low, high); }
    //! Values separated by commas.
    std::vector<std::string> list(const char* name) const
    {
        std::vector<std::string> parts(1);
        for (const char c : text(name))
            if (c == ',')
                parts.emplace_back();
            else
                parts.back() += c;
        return parts;
    }
    std::vector<int> counts(const char* name, int low, int high) const
    {
        std::vector<int> result;
        for (const std::string& part : list(name))
            result.push_back(integer(name, part, low, high));
        return result;
    }
    std::pair<int, int> size() const
    {
        int height = 0, width = 0;
        if (std::sscanf(text("size").c_str(), "%dx%d", &height, &width) != 2 || height < 64 || width < 64 ||
            height > 4096 || width > 4096)
            throw UsageError("--size is " + text("size") + ", expected HEIGHTxWIDTH, 64 to 4096");
        return {height, width};
    }

private:
    static int integer(const char* name, const std::string& text, int low, int high)
    {
        const bool digits =
            !text.empty() && text.size() <= 6 && text.find_first_not_of("0123456789") == std::string::npos;
        const int value = digits ? std::atoi(text.c_str()) : -1;
        if (value < low || value > high)
            throw UsageError(std::string("--") + name + " is " + text + ", expected " + std::to_string(low) + " to " +
                             std::to_string(high));
        return value;
    }
    std::map<std::string, std::string> values_;
};

//! Few channels, all kinds of layers.
inline void makeSmall(ModelConfig& c)
{
    c.classNames.resize(5);
    c.backbone.type = BackboneType::RESNET18;
    c.fpn.channels = c.rpn.channels = 16;
    c.rpn.preNmsTopNTrain = c.rpn.postNmsTopNTrain = c.rpn.proposalsTrain = 100;
    c.roi.batchPerImage = 32;
    c.roi.classHead.offsetChannels = c.roi.classHead.fcChannels = 32;
    c.roi.boxHead.convs = 2;
    c.roi.boxHead.channels = 16;
    c.roi.boxHead.normGroups = 4;
    c.roi.maskHead.convs = 2;
    c.roi.maskHead.channels = 16;
    c.roi.maskHead.normGroups = std::min(c.roi.maskHead.normGroups, 4);
    c.roi.maskHead.scoreChannels = 32;
    c.test.preDetections = 20;
    c.test.maxDetections = 10;
}

inline ModelConfig modelConfig(const std::string& name, bool small)
{
    ModelConfig c;  // the defaults are those of the paper
    for (int i = 0; i < 80; i++)
        c.classNames.push_back("class " + std::to_string(i));
    const bool faster = name == "faster_rcnn" || name == "mask_rcnn";
    if (faster)
    {
        c.backbone.normEpsilon = 0;
        c.rpn.rescueIou = 0;
        c.rpn.rescueTarget = RescueTarget::BEST;
        c.rpn.minSize = 0.001f;
        c.roi.type = RoIHeadType::FASTER_RCNN;
        c.roi.aligned = false;
        c.roi.classHead.deformable = c.roi.classHead.adaptiveWeighting = false;
        c.roi.classHead.lossWeight = 1;
        c.test.nmsMode = NMSMode::HARD;
    }
    else if (name != "d2det" && name != "d2det_masks")
        throw UsageError("--model is " + name + ", expected d2det, d2det_masks, faster_rcnn or mask_rcnn");
    if (name == "d2det_masks")
        c.roi.maskHead.type = MaskHeadType::D2DET;
    if (name == "mask_rcnn")
    {
        c.roi.maskHead.type = MaskHeadType::FCN;
        c.roi.maskHead.normGroups = 0;
        c.roi.maskHead.scoring = c.roi.maskHead.binaryTargets = false;
    }
    if (small)
        makeSmall(c);
    return c;
}

//! Convolutions read and write maps in channels-last format, as the trainer has it.
inline void useChannelsLast(Detector& model)
{
    for (torch::Tensor& parameter : model->parameters())
        if (parameter.dim() == 4)
            parameter.set_data(parameter.detach().contiguous(torch::MemoryFormat::ChannelsLast));
}

inline void waitFor(const torch::Device& device)
{
    if (device.is_cuda())
        torch::cuda::synchronize(device.index());
}

//! Milliseconds since it was made or asked last.
class Clock
{
public:
    double lap()
    {
        const auto now = std::chrono::steady_clock::now();
        const double ms = std::chrono::duration<double, std::milli>(now - last_).count();
        last_ = now;
        return ms;
    }

private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

inline double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values.at(values.size() / 2);
}

//! One flat JSON object in one line; also printed. A line is written at once: a program that is killed leaves whole
//! lines.
class JsonLine
{
public:
    JsonLine& add(const char* name, const std::string& value)
    {
        std::string clean;
        for (const char c : value)
            clean += c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
        return raw(name, '"' + clean + '"');
    }
    JsonLine& add(const char* name, double value)
    {
        char text[40] = "null";  // JSON has no NaN
        if (std::isfinite(value))
            std::snprintf(text, sizeof(text), "%.6g", value);
        return raw(name, text);
    }
    //! To the file, unless its name is empty, and to the standard output.
    void write(const std::string& path) const
    {
        const std::string line = "{" + text_ + "}\n";
        std::fputs(line.c_str(), stdout);
        std::fflush(stdout);
        if (path.empty())
            return;
        std::FILE* file = std::fopen(path.c_str(), "a");
        if (!file || std::fputs(line.c_str(), file) < 0 || std::fclose(file) != 0)
            throw std::runtime_error("cannot write " + path);
    }

private:
    JsonLine& raw(const char* name, const std::string& value)
    {
        text_ += std::string(text_.empty() ? "" : ", ") + '"' + name + "\": " + value;
        return *this;
    }
    std::string text_;
};

//! Calls run(device) for --device. Status: 0 done, 1 an error, 2 wrong usage, 77 the device cannot be used.
inline int runBenchmark(const char* program, int argc, char** argv, Options& options,
                        const std::function<void(const torch::Device&)>& run)
{
    try
    {
        options.parse(argc, argv);
        torch::Device device(torch::kCPU);
        try
        {
            device = chooseDevice(options.text("device"));
        }
        catch (const std::exception& error)
        {
            std::printf("SKIPPED: no CUDA device: %s\n", error.what());
            return 77;
        }
        run(device);
        return 0;
    }
    catch (const UsageError& error)
    {
        std::fprintf(stderr, "%s: %s\n", program, error.what());
        return 2;
    }
    catch (const std::exception& error)
    {
        std::fprintf(stderr, "%s: %s\n", program, error.what());
        return 1;
    }
}

}  // namespace benchmark
}  // namespace d2det

#endif
