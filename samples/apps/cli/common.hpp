// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the sample programs share: command line of the detector, error messages, tables.

   Exit codes: 0 done, 1 it did not work (one line on stderr says why), 2 the command line is wrong. */

#ifndef D2DET_CLI_COMMON_HPP
#define D2DET_CLI_COMMON_HPP

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/d2det.hpp>

#include <boost/program_options.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

namespace cli
{

namespace po = boost::program_options;

//! The command line is wrong: exit code 2.
struct UsageError : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

//! True if stderr is a terminal: then progress lines make sense.
inline bool stderrIsTerminal()
{
#ifdef _WIN32
    return _isatty(_fileno(stderr)) != 0;
#else
    return isatty(STDERR_FILENO) != 0;
#endif
}

//! OpenCV's messages may have several lines that begin with "> "; one line is left.
inline std::string oneLine(const std::string& message)
{
    std::string result;
    for (size_t i = 0; i < message.size(); i++)
    {
        const char c = message[i];
        const bool lineStart = i == 0 || message[i - 1] == '\n';
        if (c == '\n' || (lineStart && c == '>') || (c == ' ' && (result.empty() || result.back() == ' ')))
        {
            if (!result.empty() && result.back() != ' ')
                result += ' ';
        }
        else
            result += c;
    }
    while (!result.empty() && result.back() == ' ')
        result.pop_back();
    return result;
}

//! Runs a program's body and turns exceptions into one line on stderr and an exit code.
inline int runProgram(const char* name, const std::function<int()>& body)
{
    // The ONNX importer warns about every node of our operators' domain; errors reach us as exceptions.
    if (!std::getenv("OPENCV_LOG_LEVEL"))
        cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    try
    {
        return body();
    }
    catch (const UsageError& e)
    {
        std::cerr << name << ": " << e.what() << " (see " << name << " --help)\n";
        return 2;
    }
    catch (const po::error& e)
    {
        std::cerr << name << ": " << e.what() << " (see " << name << " --help)\n";
        return 2;
    }
    catch (const cv::Exception& e)
    {
        std::cerr << name << ": " << oneLine(e.err) << "\n";
    }
    catch (const std::exception& e)
    {
        std::cerr << name << ": " << oneLine(e.what()) << "\n";
    }
    return 1;
}

//! Options of every program that runs a Detector. What is not given stays as the model has it.
inline po::options_description detectorOptions(const char* scoreHelp)
{
    po::options_description options("Detector");
    options.add_options()("model,m", po::value<std::string>()->value_name("FILE"), "ONNX model made by d2det_export")(
        "score", po::value<float>()->value_name("S"), scoreHelp)(
        "nms", po::value<float>()->value_name("IOU"), "overlap above which two boxes of a class compete, 0..1")(
        "nms-mode", po::value<std::string>()->value_name("MODE"), "hard, soft-linear or soft-gaussian")(
        "max-detections", po::value<int>()->value_name("N"), "detections per picture, at most the model's capacity")(
        "max-proposals", po::value<int>()->value_name("N"),
        "proposals per picture, at most the model's capacity; fewer are faster")(
        "short-side", po::value<int>()->value_name("PIXELS"),
        "shorter side of the network's input; larger finds smaller objects and takes longer")(
        "long-side", po::value<int>()->value_name("PIXELS"), "limit of the longer side of the network's input")(
        "threads", po::value<int>()->value_name("N"), "CPU threads, all if not given")(
        "sigma", po::value<float>()->value_name("X"), "width of soft-gaussian NMS")(
        "backend", po::value<std::string>()->value_name("NAME"), "of OpenCV's dnn: opencv, cuda, openvino or vulkan")(
        "target", po::value<std::string>()->value_name("NAME"), "cpu, opencl, opencl-fp16, cuda, cuda-fp16 or vulkan");
    return options;
}

template <typename T>
void checkRange(const po::variables_map& args, const char* option, T low, T high)
{
    if (!args.count(option))
        return;
    const T value = args[option].as<T>();
    if (!(value >= low && value <= high))
        throw UsageError(cv::format("--%s is %s, it must be between %s and %s", option,
                                    cv::format("%g", double(value)).c_str(), cv::format("%g", double(low)).c_str(),
                                    cv::format("%g", double(high)).c_str()));
}

//! Values that have a name on the command line.
using Choices = std::map<std::string, int>;

inline const Choices& nmsModes()
{
    static const Choices modes{{"hard", cv::d2det::NMS_HARD},
                               {"soft-linear", cv::d2det::NMS_SOFT_LINEAR},
                               {"soft-gaussian", cv::d2det::NMS_SOFT_GAUSSIAN}};
    return modes;
}

inline const Choices& backends()
{
    static const Choices names{{"opencv", cv::dnn::DNN_BACKEND_OPENCV},
                               {"cuda", cv::dnn::DNN_BACKEND_CUDA},
                               {"openvino", cv::dnn::DNN_BACKEND_INFERENCE_ENGINE},
                               {"vulkan", cv::dnn::DNN_BACKEND_VKCOM}};
    return names;
}

inline const Choices& targets()
{
    static const Choices names{{"cpu", cv::dnn::DNN_TARGET_CPU},
                               {"opencl", cv::dnn::DNN_TARGET_OPENCL},
                               {"opencl-fp16", cv::dnn::DNN_TARGET_OPENCL_FP16},
                               {"cuda", cv::dnn::DNN_TARGET_CUDA},
                               {"cuda-fp16", cv::dnn::DNN_TARGET_CUDA_FP16},
                               {"vulkan", cv::dnn::DNN_TARGET_VULKAN}};
    return names;
}

//! The option's value, `otherwise` if it is not given; a name that is no choice is a usage error.
inline int choose(const po::variables_map& args, const char* option, const Choices& choices, int otherwise)
{
    if (!args.count(option))
        return otherwise;
    const std::string value = args[option].as<std::string>();
    const auto found = choices.find(value);
    if (found != choices.end())
        return found->second;
    std::string all;
    for (const auto& choice : choices)
        all += (all.empty() ? "" : choice.first == choices.rbegin()->first ? " or " : ", ") + choice.first;
    throw UsageError(std::string("--") + option + " is '" + value + "', it must be " + all);
}

//! Checks the command line before anything is read.
inline void checkDetectorOptions(const po::variables_map& args)
{
    if (!args.count("model"))
        throw UsageError("--model is missing");
    checkRange<float>(args, "score", 0, 1);
    checkRange<float>(args, "nms", 0, 1);
    checkRange<int>(args, "max-detections", 1, 1000000);
    checkRange<int>(args, "max-proposals", 1, 1000000);
    checkRange<int>(args, "short-side", 1, 16384);
    checkRange<int>(args, "long-side", 1, 16384);
    checkRange<int>(args, "threads", 1, 1024);
    if (args.count("sigma") && !(args["sigma"].as<float>() > 0))
        throw UsageError(cv::format("--sigma is %g, it must be positive", args["sigma"].as<float>()));
    choose(args, "nms-mode", nmsModes(), 0);
    choose(args, "backend", backends(), 0);
    choose(args, "target", targets(), 0);
}

inline cv::Ptr<cv::d2det::Detector> makeDetector(const po::variables_map& args)
{
    if (args.count("threads"))
        cv::setNumThreads(args["threads"].as<int>());
    const int backend = choose(args, "backend", backends(), cv::dnn::DNN_BACKEND_DEFAULT);
    const int ownTarget = backend == cv::dnn::DNN_BACKEND_CUDA    ? cv::dnn::DNN_TARGET_CUDA
                          : backend == cv::dnn::DNN_BACKEND_VKCOM ? cv::dnn::DNN_TARGET_VULKAN
                                                                  : cv::dnn::DNN_TARGET_CPU;
    const cv::Ptr<cv::d2det::Detector> detector = cv::d2det::Detector::create(
        args["model"].as<std::string>(), backend, choose(args, "target", targets(), ownTarget));
    if (args.count("score"))
        detector->setScoreThreshold(args["score"].as<float>());
    if (args.count("nms"))
        detector->setNMSThreshold(args["nms"].as<float>());
    if (args.count("nms-mode"))
        detector->setNMSMode(choose(args, "nms-mode", nmsModes(), 0));
    if (args.count("sigma"))
        detector->setSoftNMSSigma(args["sigma"].as<float>());
    if (args.count("max-detections"))
        detector->setMaxDetections(args["max-detections"].as<int>());
    if (args.count("max-proposals"))
        detector->setMaxProposals(args["max-proposals"].as<int>());
    cv::d2det::InputParams input = detector->getInputParams();
    if (args.count("short-side"))
        input.shortSide = args["short-side"].as<int>();
    if (args.count("long-side"))
        input.longSide = args["long-side"].as<int>();
    else
        input.longSide = std::max(input.longSide, input.shortSide);
    detector->setInputParams(input);
    return detector;
}

//! Name of a class; models may lack names.
inline std::string className(const std::vector<cv::String>& names, int id)
{
    return id >= 0 && id < static_cast<int>(names.size()) ? names[id] : cv::format("class %d", id);
}

//! Characters of a UTF-8 text.
inline size_t textWidth(const std::string& text)
{
    return std::count_if(text.begin(), text.end(),
                         [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

//! Left aligned in `width` columns; a longer text loses its beginning.
inline std::string padRight(const std::string& text, size_t width)
{
    const size_t length = textWidth(text);
    if (length <= width)
        return text + std::string(width - length, ' ');
    size_t begin = 0;
    for (size_t drop = length - (width - 3); drop > 0; begin++)
        drop -= (static_cast<unsigned char>(text[begin]) & 0xc0) != 0x80;
    while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80)
        begin++;
    return "..." + text.substr(begin);
}

//! Sums of Detector::getTimings over many calls.
class StageTimes
{
public:
    //! Adds the last call of the detector and returns its times.
    std::vector<double> add(const cv::d2det::Detector& detector)
    {
        std::vector<cv::String> stages;
        const std::vector<double> times = detector.getTimings(stages);
        add(stages, times);
        return times;
    }

    void add(const std::vector<cv::String>& stages, const std::vector<double>& times)
    {
        stages_ = stages;
        sums_.resize(times.size());
        for (size_t i = 0; i < times.size(); i++)
            sums_[i] += times[i];
        count_++;
    }

    std::vector<double> mean() const
    {
        std::vector<double> result(sums_);
        for (double& v : result)
            v /= std::max(count_, 1);
        return result;
    }

    //! "   prepare  backbone ..." with the total last; one column is columnWidth wide.
    static std::string header(const std::vector<cv::String>& stages)
    {
        std::string line;
        for (const cv::String& stage : stages)
            line += cv::format("%*s", columnWidth(stage), stage.c_str());
        return line + cv::format("%10s", "total ms");
    }

    static std::string row(const std::vector<cv::String>& stages, const std::vector<double>& times)
    {
        std::string line;
        double total = 0;
        for (size_t i = 0; i < times.size(); i++)
        {
            line += cv::format("%*.1f", columnWidth(stages[i]), times[i]);
            total += times[i];
        }
        return line + cv::format("%10.1f", total);
    }

    const std::vector<cv::String>& stages() const { return stages_; }

private:
    static int columnWidth(const cv::String& stage) { return std::max(static_cast<int>(stage.size()) + 2, 9); }

    std::vector<cv::String> stages_;
    std::vector<double> sums_;
    int count_ = 0;
};

}  // namespace cli

#endif
