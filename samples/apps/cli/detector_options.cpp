// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "cli/detector_options.hpp"

#include <algorithm>
#include <map>

namespace cli
{

namespace
{

//! Enumeration values and their command-line names.
using Choices = std::map<std::string, int>;

const Choices& nmsModes()
{
    static const Choices modes{{"hard", cv::d2det::NMS_HARD},
                               {"soft-linear", cv::d2det::NMS_SOFT_LINEAR},
                               {"soft-gaussian", cv::d2det::NMS_SOFT_GAUSSIAN}};
    return modes;
}

const Choices& backends()
{
    static const Choices names{{"opencv", cv::dnn::DNN_BACKEND_OPENCV},
                               {"cuda", cv::dnn::DNN_BACKEND_CUDA},
                               {"openvino", cv::dnn::DNN_BACKEND_INFERENCE_ENGINE},
                               {"vulkan", cv::dnn::DNN_BACKEND_VKCOM}};
    return names;
}

const Choices& targets()
{
    static const Choices names{{"cpu", cv::dnn::DNN_TARGET_CPU},
                               {"opencl", cv::dnn::DNN_TARGET_OPENCL},
                               {"opencl-fp16", cv::dnn::DNN_TARGET_OPENCL_FP16},
                               {"cuda", cv::dnn::DNN_TARGET_CUDA},
                               {"cuda-fp16", cv::dnn::DNN_TARGET_CUDA_FP16},
                               {"vulkan", cv::dnn::DNN_TARGET_VULKAN}};
    return names;
}

//! Value of an option, `otherwise` if not given; an unknown name is a usage error.
int choose(const po::variables_map& args, const char* option, const Choices& choices, int otherwise)
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

}  // namespace

const std::vector<const char*>& detectorOptionNames()
{
    static const std::vector<const char*> names{
        "score",     "nms",  "nms-mode",     "nms-agnostic",    "max-detections", "max-proposals", "short-side",
        "long-side", "tile", "tile-overlap", "no-entire-image", "sigma",          "backend",       "target"};
    return names;
}

po::options_description detectorOptions(const char* scoreHelp)
{
    po::options_description options("Detector");
    options.add_options()("model,m", po::value<std::string>()->value_name("FILE"),
                          "ONNX model made by d2det_export, or the name of an installed one")(
        "score", po::value<float>()->value_name("S"), scoreHelp)(
        "nms", po::value<float>()->value_name("IOU"), "overlap above which two boxes of a class compete, 0..1")(
        "nms-mode", po::value<std::string>()->value_name("MODE"), "hard, soft-linear or soft-gaussian")(
        "nms-agnostic", "boxes of different classes compete, too")(
        "max-detections", po::value<int>()->value_name("N"), "detections per image, at most the model's capacity")(
        "max-proposals", po::value<int>()->value_name("N"),
        "proposals per image, at most the model's capacity; fewer are faster")(
        "short-side", po::value<int>()->value_name("PIXELS"),
        "shorter side of the network's input; larger finds smaller objects and takes longer")(
        "long-side", po::value<int>()->value_name("PIXELS"), "limit of the longer side of the network's input")(
        "tile", po::value<int>()->value_name("PIXELS"),
        "cut images larger than this into square tiles of this side, for small objects in large images")(
        "tile-overlap", po::value<double>()->value_name("SHARE"),
        "common part of neighboring tiles, 0..0.9 of their side; 0.2 if not given")(
        "no-entire-image", "with --tile: look at the tiles only, not at the entire image as well")(
        "threads", po::value<int>()->value_name("N"), "CPU threads, all if not given")(
        "sigma", po::value<float>()->value_name("X"), "width of soft-gaussian NMS")(
        "backend", po::value<std::string>()->value_name("NAME"), "of OpenCV's dnn: opencv, cuda, openvino or vulkan")(
        "target", po::value<std::string>()->value_name("NAME"), "cpu, opencl, opencl-fp16, cuda, cuda-fp16 or vulkan");
    return options;
}

void checkDetectorOptions(const po::variables_map& args)
{
    if (!args.count("model"))
        throw UsageError("--model is missing");
    checkRange<float>(args, "score", 0, 1);
    checkRange<float>(args, "nms", 0, 1);
    checkRange<int>(args, "max-detections", 1, 1000000);
    checkRange<int>(args, "max-proposals", 1, 1000000);
    checkRange<int>(args, "short-side", 1, 16384);
    checkRange<int>(args, "long-side", 1, 16384);
    checkRange<int>(args, "tile", 32, 16384);
    checkRange<double>(args, "tile-overlap", 0, 0.9);
    for (const char* option : {"tile-overlap", "no-entire-image"})
        if (args.count(option) && !args.count("tile"))
            throw UsageError(std::string("--") + option + " needs --tile");
    checkRange<int>(args, "threads", 1, 1024);
    if (args.count("sigma") && !(args["sigma"].as<float>() > 0))
        throw UsageError(cv::format("--sigma is %g, it must be positive", args["sigma"].as<float>()));
    choose(args, "nms-mode", nmsModes(), 0);
    choose(args, "backend", backends(), 0);
    choose(args, "target", targets(), 0);
}

cv::Ptr<cv::d2det::Detector> makeDetector(const po::variables_map& args)
{
    if (args.count("threads"))
        cv::setNumThreads(args["threads"].as<int>());
    const int backend = choose(args, "backend", backends(), cv::dnn::DNN_BACKEND_DEFAULT);
    const int ownTarget = backend == cv::dnn::DNN_BACKEND_CUDA    ? cv::dnn::DNN_TARGET_CUDA
                          : backend == cv::dnn::DNN_BACKEND_VKCOM ? cv::dnn::DNN_TARGET_VULKAN
                                                                  : cv::dnn::DNN_TARGET_CPU;
    const cv::Ptr<cv::d2det::Detector> detector = cv::d2det::Detector::create(
        modelPath(args["model"].as<std::string>()), backend, choose(args, "target", targets(), ownTarget));
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
    detector->setClassAgnosticNMS(args.count("nms-agnostic") > 0);
    cv::d2det::TileParams tiles;
    if (args.count("tile"))
        tiles.size = args["tile"].as<int>();
    if (args.count("tile-overlap"))
        tiles.overlap = args["tile-overlap"].as<double>();
    tiles.wholeImage = !args.count("no-entire-image");
    detector->setTiles(tiles);
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

}  // namespace cli
