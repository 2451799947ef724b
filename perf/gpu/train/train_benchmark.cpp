// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Images per second of training steps on synthetic images: pinned batches, copied ahead, through losses, gradients and
   update (engine/step.hpp). No decoding and augmentation: this times the device, the loader is timed by a run's
   data_share. Models: benchmark.hpp; those with masks cannot be trained here (no_masks.cpp).

   d2det_gpu_train_benchmark [--device cuda] [--model d2det|faster_rcnn] [--precision float32|bfloat16|float16]
                             [--batch 4] [--size 800x1344] [--objects 7] [--steps 20] [--warmup 5] [--small yes|no]
                             [--json FILE]
   A line of JSON is added to FILE.
   Status: 0 done, 1 an error, 2 wrong usage, 77 the device cannot be used. */

#include "benchmark.hpp"
#include "engine/batch_feeder.hpp"
#include "engine/step.hpp"

#include <ATen/CPUGeneratorImpl.h>

using namespace d2det;
using namespace d2det::benchmark;

namespace
{

Options options({{"device", "cuda"},
                 {"model", "d2det"},
                 {"precision", "float32"},
                 {"batch", "4"},
                 {"size", "800x1344"},
                 {"objects", "7"},
                 {"steps", "20"},
                 {"warmup", "5"},
                 {"small", "no"},
                 {"json", ""}});

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
Batch makeBatch(int batch, int height, int width, int objects, int64_t classes, bool pinned, torch::Generator generator)
{
    Batch result;
    torch::Tensor images = torch::randn({batch, 3, height, width}, generator) * 0.3;
    for (int64_t b = 0; b < batch; b++)
    {
        std::vector<torch::Tensor> boxes;
        torch::Tensor labels = torch::randint(0, classes, {objects}, generator, torch::kLong);
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
    const std::pair<int, int> size = options.size();
    const int batch = options.count("batch", 1, 256), objects = options.count("objects", 1, 100),
              steps = options.count("steps", 1, 100000), warmup = options.count("warmup", 0, 100000);
    const torch::ScalarType type = chooseType(precisionOf(options.text("precision")), device);

    torch::manual_seed(1);
    Detector model(modelConfig(options.text("model"), options.yes("small")));
    model->to(device);
    useChannelsLast(model);
    model->train();
    SolverConfig solverConfig;
    solverConfig.clipGradNorm = 10;  // random weights
    Solver solver(solverConfig, *model);
    LossScaler scaler(type == torch::kHalf);

    torch::Generator generator = at::detail::createCPUGenerator(2);
    std::vector<Batch> batches;
    for (int i = 0; i < 2; i++)
        batches.push_back(
            makeBatch(batch, size.first, size.second, objects, model->numClasses(), device.is_cuda(), generator));
    size_t at = 0;
    BatchFeeder feeder([&] { return batches[at++ % batches.size()]; }, device);

    StepOptions step;
    step.type = type;
    step.rate = 1e-5;
    step.whileBusy = [&] { feeder.prefetch(); };
    std::vector<double> milliseconds;
    StepResult last;
    for (int i = 0; i < warmup + steps; i++)
    {
        waitFor(device);
        Clock clock;
        last = takeStep(model, solver, scaler, feeder.next(), generator, step);
        waitFor(device);
        if (i >= warmup)
            milliseconds.push_back(clock.lap());
    }
    if (!std::isfinite(last.loss))
        throw std::runtime_error("the loss is no number: the figures would mean nothing");
    JsonLine()
        .add("what", "training")
        .add("model", options.text("model"))
        .add("device", options.text("device"))
        .add("libtorch", TORCH_VERSION)
        .add("size", options.text("size"))
        .add("precision", options.text("precision"))
        .add("batch", batch)
        .add("steps", steps)
        .add("median_ms", median(milliseconds))
        .add("fastest_ms", *std::min_element(milliseconds.begin(), milliseconds.end()))
        .add("images_per_second", 1000 * batch / median(milliseconds))
        .add("loss", last.loss)
        .write(options.text("json"));
}

}  // namespace

int main(int argc, char** argv)
{
    return runBenchmark("d2det_gpu_train_benchmark", argc, argv, options, run);
}
