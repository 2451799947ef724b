// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Milliseconds of the trainer's detector in inference, one image at a time, by part: DetectorImpl::infer with random
   weights (export/random_model.hpp) on a random image that lies on the device already.

   "whole" is the time of one pass, the device waited for at its end. For the parts it is waited for after each one,
   which keeps the host from running ahead: their sum is larger than the whole.

   Precisions: float32 (no TF32 anywhere), tf32 (convolutions and matrix products), bfloat16 and float16 by autocast.

   d2det_gpu_network_benchmark [--device cuda] [--model d2det|d2det_masks|faster_rcnn|mask_rcnn] [--precision LIST]
                               [--proposals LIST] [--size 800x1344] [--runs 20] [--warmup 5] [--small yes|no]
                               [--json FILE]
   LIST: values separated by commas. A line of JSON per measurement is added to FILE.
   Status: 0 done, 1 an error, 2 wrong usage, 77 the device cannot be used. */

#include "benchmark.hpp"
#include "export/random_model.hpp"

#include <ATen/Context.h>

using namespace d2det;
using namespace d2det::benchmark;

namespace
{

Options options({{"device", "cuda"},
                 {"model", "d2det"},
                 {"precision", "tf32"},
                 {"proposals", "1000,300"},
                 {"size", "800x1344"},
                 {"runs", "20"},
                 {"warmup", "5"},
                 {"small", "no"},
                 {"json", ""}});

torch::ScalarType setPrecision(const std::string& name, const torch::Device& device)
{
    const std::map<std::string, Precision> known{{"float32", Precision::FLOAT32},
                                                 {"tf32", Precision::FLOAT32},
                                                 {"bfloat16", Precision::BFLOAT16},
                                                 {"float16", Precision::FLOAT16}};
    const auto found = known.find(name);
    if (found == known.end())
        throw UsageError("--precision is " + name + ", expected float32, tf32, bfloat16 or float16");
    at::globalContext().setAllowTF32CuDNN(name == "tf32");
    at::globalContext().setAllowTF32CuBLAS(name == "tf32");
    return chooseType(found->second, device);
}

void report(const std::string& precision, int proposals, const std::string& part, const std::vector<double>& times,
            int64_t detections)
{
    JsonLine()
        .add("what", "inference")
        .add("model", options.text("model"))
        .add("device", options.text("device"))
        .add("libtorch", TORCH_VERSION)
        .add("size", options.text("size"))
        .add("precision", precision)
        .add("proposals", proposals)
        .add("part", part)
        .add("median_ms", median(times))
        .add("fastest_ms", *std::min_element(times.begin(), times.end()))
        .add("runs", static_cast<double>(times.size()))
        .add("detections", static_cast<double>(detections))
        .write(options.text("json"));
}

void measure(Detector& model, const ImageBatch& image, const torch::Device& device, const std::string& precision,
             int proposals)
{
    const torch::ScalarType type = setPrecision(precision, device);
    model->config.rpn.preNmsTopNTest = model->config.rpn.postNmsTopNTest = 1000;
    model->config.rpn.proposalsTest = proposals;
    const int warmup = options.count("warmup", 0, 1000), runs = options.count("runs", 1, 10000);
    std::vector<double> whole;
    int64_t detections = 0;
    for (int i = 0; i < warmup + runs; i++)
    {
        const Autocast autocast(device.type(), type);
        Clock clock;
        const InferenceTrace trace = model->infer(image);
        waitFor(device);
        if (i >= warmup)
            whole.push_back(clock.lap());
        detections = trace.detections.select(1, 1).ge(0).sum().item<int64_t>();
        if (!torch::isfinite(trace.detections).all().item<bool>())
            throw std::runtime_error("detections are no numbers: the figures would mean nothing");
    }
    if (detections == 0)
        throw std::runtime_error("there are no detections: the figures would mean nothing");
    report(precision, proposals, "whole", whole, detections);

    std::vector<std::string> order;
    std::map<std::string, std::vector<double>> parts;
    for (int i = 0; i < runs; i++)
    {
        const Autocast autocast(device.type(), type);
        Clock clock;
        model->infer(image,
                     [&](const char* part)
                     {
                         waitFor(device);
                         if (!parts.count(part))
                             order.push_back(part);
                         parts[part].push_back(clock.lap());
                     });
    }
    for (const std::string& part : order)
        report(precision, proposals, part, parts[part], detections);
}

void run(const torch::Device& device)
{
    const std::pair<int, int> size = options.size();
    const std::vector<int> proposals = options.counts("proposals", 1, 10000);
    Detector model(modelConfig(options.text("model"), options.yes("small")));
    randomizeModel(model, 1);
    // Every class of every proposal competes, as in the paper's model beside the peers (perf/compare_peers.sh).
    model->config.test.scoreThreshold = 0.001f;
    model->eval();
    model->to(device);
    useChannelsLast(model);
    const ImageBatch image(
        torch::randn({1, 3, size.first, size.second}).to(device).contiguous(torch::MemoryFormat::ChannelsLast),
        {{size.first, size.second, 1}});
    int failures = 0;
    for (const std::string& precision : options.list("precision"))
        for (const int count : proposals)
            try
            {
                measure(model, image, device, precision, count);
            }
            catch (const UsageError&)
            {
                throw;
            }
            catch (const std::exception& error)  // the others are worth having
            {
                std::fprintf(stderr, "%s, %d proposals: %s\n", precision.c_str(), count, error.what());
                failures++;
            }
    if (failures > 0)
        throw std::runtime_error(std::to_string(failures) + " measurements failed");
}

}  // namespace

int main(int argc, char** argv)
{
    return runBenchmark("d2det_gpu_network_benchmark", argc, argv, options, run);
}
