// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Measures the time of every detector stage for one image size (median over several runs after a warm-up) and the peak
   memory. */

#include "base/files.hpp"
#include "base/system.hpp"
#include "cli/detector_options.hpp"
#include "cli/interrupt.hpp"
#include "cli/table.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <iostream>

namespace
{

const char* const PROGRAM = "d2det_benchmark";

//! The given image, or smooth random blobs: structure at every scale, identical in every run.
cv::Mat makeImage(const cli::po::variables_map& args)
{
    cv::Size size;
    const std::string text = args["size"].as<std::string>();
    char rest = 0;
    if (std::sscanf(text.c_str(), "%dx%d%c", &size.width, &size.height, &rest) != 2 || size.width < 1 ||
        size.height < 1 || size.width > 16384 || size.height > 16384)
        throw cli::UsageError("--size is '" + text + "', it must be WIDTHxHEIGHT like 1333x800");
    cv::Mat image;
    if (args.count("image"))
    {
        const std::string path = args["image"].as<std::string>();
        const std::string refused = d2det::refusedImage(path);
        if (!refused.empty())
            throw std::runtime_error(path + " " + refused);
        image = cv::imread(path);
        if (image.empty())
            throw std::runtime_error(path + " cannot be read as an image");
    }
    else
    {
        image.create(48, 80, CV_8UC3);
        cv::RNG(1).fill(image, cv::RNG::UNIFORM, 0, 256);
    }
    cv::resize(image, image, size, 0, 0, cv::INTER_CUBIC);
    return image;
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

int run(const std::vector<std::string>& words)
{
    namespace po = cli::po;
    cli::CommandLine line{PROGRAM,
                          "Times a detector by stage.\n\n"
                          "  d2det_benchmark --model person.onnx --size 640x480 --threads 2\n",
                          cli::detectorOptions("lowest score of a detection, 0..1")};
    po::options_description timing("Timing");
    timing.add_options()("size", po::value<std::string>()->value_name("WxH")->default_value("1333x800"),
                         "size of the image")("image", po::value<std::string>()->value_name("FILE"),
                                              "image to resize to it; default: random blobs")(
        "runs", po::value<int>()->value_name("N")->default_value(5), "timed runs, after one that is not counted")(
        "masks", "time the masks too; the model must make them");
    line.options.add(timing);
    po::variables_map args;
    if (const std::optional<int> code = cli::readCommandLine(line, words, args))
        return *code;
    cli::checkDetectorOptions(args);
    cli::checkRange<int>(args, "runs", 1, 10000);
    const cv::Mat image = makeImage(args);
    const cv::Ptr<cv::d2det::Detector> detector = cli::makeDetector(args);
    const bool withMasks = args.count("masks") > 0;
    if (withMasks && !detector->hasMasks())
        throw std::runtime_error(args["model"].as<std::string>() + " makes no masks: leave out --masks");

    std::vector<cv::String> stages;
    std::vector<std::vector<double>> times;  // by stage, then by run
    std::vector<double> totals;
    cv::Mat detections;
    std::vector<cv::d2det::BoxMask> masks;
    cli::catchInterrupts();
    for (int i = -1; i < args["runs"].as<int>() && !(cli::interrupted() && !totals.empty()); i++)
    {
        if (withMasks)
            detector->segmentInBoxes(image, detections, masks);
        else
            detector->detect(image, detections);
        const std::vector<double> now = detector->getTimings(stages);
        if (i < 0)
            continue;
        times.resize(now.size());
        double total = 0;
        for (size_t s = 0; s < now.size(); s++)
        {
            times[s].push_back(now[s]);
            total += now[s];
        }
        totals.push_back(total);
    }
    std::cout << "model " << args["model"].as<std::string>() << "\nimage " << image.cols << "x" << image.rows
              << ", OpenCV " << CV_VERSION << ", " << cv::getNumThreads() << " threads, median of " << totals.size()
              << " runs, " << detections.rows << " detections\n";
    for (size_t s = 0; s < times.size(); s++)
        if (stages[s] != "masks" || withMasks || median(times[s]) > 0)  // otherwise the stage did not run
            std::cout << "  " << cli::padRight(stages[s], 16) << cv::format("%10.1f ms", median(times[s])) << "\n";
    std::cout << "  " << cli::padRight("total", 16) << cv::format("%10.1f ms", median(totals)) << "\n  "
              << cli::padRight("peak memory", 16) << cv::format("%10.0f MiB", d2det::peakMemoryMiB()) << "\n";
    return cli::interrupted() ? cli::EXIT_INTERRUPTED : 0;
}

}  // namespace

int main(int argc, char** argv)
{
    return cli::runProgram(PROGRAM, [&] { return run(cli::wordsOf(argc, argv)); });
}
