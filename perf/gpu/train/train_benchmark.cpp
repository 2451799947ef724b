// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Images per second of training steps on synthetic images: pinned batches, copied ahead, through losses, gradients and
   update (engine/step.hpp). No decoding and augmentation: this times the device, the loader is timed by a run's
   data_share.

   d2det    D2Det R50-FPN, 80 classes, as training/configs/d2det_r50_coco.json
   plain    the same trunk and classifier with D2Det's parts switched off as far as the configuration allows: RoIAlign
            7x7 and two FCs (= Faster R-CNN's classifier), no deformable pooling, adaptive weighting or binary overlap.
            The box head stays dense, with 4 convolutions of 256 channels. (--model plain is not Faster R-CNN: that has
            one offset per class and no box convolutions.)

   d2det_gpu_train_benchmark [--device cuda] [--model d2det|plain] [--precision float32|bfloat16|float16] [--batch 4]
                             [--size 800x1344] [--objects 7] [--steps 20] [--warmup 5] [--json FILE]
   Status: 0 done, 1 an error, 2 wrong usage, 77 the device cannot be used. */

#include "engine/batch_feeder.hpp"
#include "engine/step.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

using namespace d2det;

namespace
{

//! Not that of samples/apps/cli: this program is built on GPU servers that lack Boost and OpenCV.
struct UsageError : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

std::map<std::string, std::string> arguments{{"device", "cuda"}, {"model", "d2det"},   {"precision", "float32"},
                                             {"batch", "4"},     {"size", "800x1344"}, {"objects", "7"},
                                             {"steps", "20"},    {"warmup", "5"},      {"json", ""}};

int count(const char* name, int low, int high)
{
    const std::string& text = arguments.at(name);
    const int value =
        text.size() <= 6 && text.find_first_not_of("0123456789") == std::string::npos ? std::atoi(text.c_str()) : -1;
    if (value < low || value > high)
        throw UsageError(std::string("--") + name + " is " + text + ", expected " + std::to_string(low) + " to " +
                         std::to_string(high));
    return value;
}

void parse(int argc, char** argv)
{
    for (int i = 1; i < argc; i += 2)
    {
        const std::string name = argv[i];
        if (name.rfind("--", 0) != 0 || !arguments.count(name.substr(2)) || i + 1 == argc)
            throw UsageError(name + ": unknown, or its value is missing");
        arguments[name.substr(2)] = argv[i + 1];
    }
}

ModelConfig modelConfig(const std::string& name)
{
    ModelConfig c;
    for (int i = 0; i < 80; i++)
        c.classNames.push_back("class " + std::to_string(i));
    if (name == "d2det")
        return c;  // the defaults are those of the paper
    if (name != "plain")
        throw UsageError("--model is " + name + ", expected d2det or plain");
    c.roi.classHead.deformable = c.roi.classHead.adaptiveWeighting = false;
    c.roi.boxHead.binaryOverlap = false;
    c.roi.boxHead.convs = 4;
    c.roi.boxHead.channels = 256;
    c.roi.boxHead.normGroups = 32;
    return c;
}

Precision precisionOf(const std::string& name)
{
    const std::map<std::string, Precision> known{
        {"float32", Precision::FLOAT32}, {"bfloat16", Precision::BFLOAT16}, {"float16", Precision::FLOAT16}};
    const auto found = known.find(name);
    if (found == known.end())
        throw UsageError("--precision is " + name + ", expected float32, bfloat16 or float16");
    return found->second;
}

//! Noise with objects: rectangles of one color, whose class is its shade.
Batch makeBatch(int batch, int height, int width, int objects, bool pinned, torch::Generator generator)
{
    Batch result;
    torch::Tensor images = torch::randn({batch, 3, height, width}, generator) * 0.3;
    for (int64_t b = 0; b < batch; b++)
    {
        std::vector<torch::Tensor> boxes;
        torch::Tensor labels = torch::randint(0, 80, {objects}, generator, torch::kLong);
        for (int64_t i = 0; i < objects; i++)
        {
            const torch::Tensor u = torch::rand({4}, generator);
            const float w = 20 + u[0].item<float>() * u[0].item<float>() * static_cast<float>(width) / 2,
                        h = 20 + u[1].item<float>() * u[1].item<float>() * static_cast<float>(height) / 2;
            const float x = u[2].item<float>() * (static_cast<float>(width) - w),
                        y = u[3].item<float>() * (static_cast<float>(height) - h);
            boxes.push_back(torch::tensor({x, y, x + w, y + h}));
            images[b]
                .slice(1, static_cast<int64_t>(y), static_cast<int64_t>(y + h))
                .slice(2, static_cast<int64_t>(x), static_cast<int64_t>(x + w))
                .add_(labels[i].item<double>() / 40 - 1);
        }
        result.targets.emplace_back(Boxes(torch::stack(boxes)), labels);
        result.imageIds.push_back(b);
    }
    result.images = ImageBatch(pinned ? images.pin_memory() : images,
                               std::vector<ImageInfo>(static_cast<size_t>(batch), {height, width, 1}));
    return result;
}

void run(const torch::Device& device)
{
    int height = 0, width = 0;
    if (std::sscanf(arguments.at("size").c_str(), "%dx%d", &height, &width) != 2 || height < 64 || width < 64 ||
        height > 4096 || width > 4096)
        throw UsageError("--size is " + arguments.at("size") + ", expected HEIGHTxWIDTH, 64 to 4096");
    const int batch = count("batch", 1, 256), objects = count("objects", 1, 100), steps = count("steps", 1, 100000),
              warmup = count("warmup", 0, 100000);
    const torch::ScalarType type = chooseType(precisionOf(arguments.at("precision")), device);

    torch::manual_seed(1);
    Detector model(modelConfig(arguments.at("model")));
    model->to(device);
    for (torch::Tensor& parameter : model->parameters())
        if (parameter.dim() == 4)
            parameter.set_data(parameter.detach().contiguous(torch::MemoryFormat::ChannelsLast));
    model->train();
    SolverConfig solverConfig;
    solverConfig.clipGradNorm = 10;  // random weights
    Solver solver(solverConfig, *model);
    LossScaler scaler(type == torch::kHalf);

    torch::Generator generator = at::detail::createCPUGenerator(2);
    std::vector<Batch> batches;
    for (int i = 0; i < 2; i++)
        batches.push_back(makeBatch(batch, height, width, objects, device.is_cuda(), generator));
    size_t at = 0;
    BatchFeeder feeder([&] { return batches[at++ % batches.size()]; }, device);

    StepOptions options;
    options.type = type;
    options.rate = 1e-5;
    options.whileBusy = [&] { feeder.prefetch(); };
    std::vector<double> milliseconds;
    StepResult last;
    for (int i = 0; i < warmup + steps; i++)
    {
        if (device.is_cuda())
            torch::cuda::synchronize(device.index());
        const auto start = std::chrono::steady_clock::now();
        last = takeStep(model, solver, scaler, feeder.next(), generator, options);
        if (device.is_cuda())
            torch::cuda::synchronize(device.index());
        if (i >= warmup)
            milliseconds.push_back(
                std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    if (!std::isfinite(last.loss))
        throw std::runtime_error("the loss is no number: the figures would mean nothing");

    std::sort(milliseconds.begin(), milliseconds.end());
    const double median = milliseconds[milliseconds.size() / 2];
    char json[512];
    std::snprintf(json, sizeof(json),
                  "{\"model\": \"%s\", \"device\": \"%s\", \"libtorch\": \"%s\", \"precision\": \"%s\", \"batch\": %d, "
                  "\"size\": \"%dx%d\", \"steps\": %d, \"ms_per_step\": %.2f, \"ms_fastest\": %.2f, "
                  "\"images_per_second\": %.2f, \"loss\": %.4f}",
                  arguments.at("model").c_str(), device.str().c_str(), TORCH_VERSION, arguments.at("precision").c_str(),
                  batch, height, width, steps, median, milliseconds.front(), 1000 * batch / median, last.loss);
    std::printf("%s\n", json);
    if (!arguments.at("json").empty())
        std::ofstream(arguments.at("json"), std::ios::app) << json << "\n";
}

}  // namespace

int main(int argc, char** argv)
{
    try
    {
        parse(argc, argv);
        torch::Device device(torch::kCPU);
        try
        {
            device = chooseDevice(arguments.at("device"));
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
        std::fprintf(stderr, "d2det_gpu_train_benchmark: %s\n", error.what());
        return 2;
    }
    catch (const std::exception& error)
    {
        std::fprintf(stderr, "d2det_gpu_train_benchmark: %s\n", error.what());
        return 1;
    }
}
