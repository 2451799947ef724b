// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Detects objects in pictures, folders of pictures or a video: annotated pictures and detections.json. */

#include "common.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

namespace fs = std::filesystem;
using cv::d2det::Detector;
using nlohmann::json;
using samples::UsageError;

namespace
{

const char* const PROGRAM = "d2det_detect";
const std::set<std::string> IMAGE_EXTENSIONS{".jpg",  ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".tif",
                                             ".tiff", ".webp", ".ppm", ".pgm", ".pnm", ".jp2"};
const std::set<std::string> VIDEO_EXTENSIONS{".mp4", ".avi",  ".mkv", ".mov", ".webm", ".m4v",
                                             ".mpg", ".mpeg", ".wmv", ".ts",  ".mts"};

struct Arguments
{
    samples::po::variables_map values;
    std::vector<fs::path> inputs;
    fs::path output;
    std::vector<int> frames;  //!< of videos, ascending; empty: whole videos
    bool quiet = false;
};

std::string extension(const fs::path& path)
{
    std::string result = path.extension().string();
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return result;
}

void skip(const fs::path& path, const std::string& reason)
{
    std::cerr << PROGRAM << ": skipped " << path.string() << ": " << reason << "\n";
}

//! Inputs of the command line -> pictures, folders opened and sorted by name.
std::vector<fs::path> listPictures(const std::vector<fs::path>& inputs)
{
    std::vector<fs::path> pictures;
    for (const fs::path& input : inputs)
    {
        std::error_code error;
        if (!fs::is_directory(input, error))
        {
            pictures.push_back(input);
            continue;
        }
        std::vector<fs::path> found;
        for (fs::directory_iterator entry(input, error), end; !error && entry != end; entry.increment(error))
            if (IMAGE_EXTENSIONS.count(extension(entry->path())) && !fs::is_directory(entry->path(), error))
                found.push_back(entry->path());
        if (error)
            skip(input, error.message());
        else if (found.empty())
            skip(input, "the folder has no pictures");
        std::sort(found.begin(), found.end());
        pictures.insert(pictures.end(), found.begin(), found.end());
    }
    return pictures;
}

//! To 1 / steps: hundredths of a pixel and 4 digits of a score say all that is known.
double rounded(double value, int steps)
{
    return std::round(value * steps) / steps;
}

//! detections.json: an array of COCO results, one per line, written as they come.
class ResultWriter
{
public:
    explicit ResultWriter(const fs::path& path) : path_(path), file_(path, std::ios::binary)
    {
        if (!file_)
            throw std::runtime_error("cannot write " + path.string());
        file_ << "[";
    }

    //! `fields` are the same for all detections of the picture.
    void add(const json& fields, const cv::Mat& detections, const std::vector<cv::String>& names)
    {
        for (int i = 0; i < detections.rows; i++)
        {
            const float* d = detections.ptr<float>(i);
            json entry = fields;
            entry["category_id"] = static_cast<int>(d[5]);
            entry["category_name"] = samples::className(names, static_cast<int>(d[5]));
            entry["bbox"] = {rounded(d[0], 100), rounded(d[1], 100), rounded(d[2] - d[0], 100),
                             rounded(d[3] - d[1], 100)};
            entry["score"] = rounded(d[4], 10000);
            // Names that are no valid UTF-8 get replacement characters, the rest is escaped as JSON wants it.
            file_ << (count_++ ? ",\n" : "\n") << entry.dump(-1, ' ', false, json::error_handler_t::replace);
        }
    }

    void finish()
    {
        file_ << (count_ ? "\n]\n" : "]\n");
        file_.close();
        if (!file_)
            throw std::runtime_error("cannot write " + path_.string() + "; is the disk full?");
    }

    int count() const { return count_; }

private:
    fs::path path_;
    std::ofstream file_;
    int count_ = 0;
};

//! "2 person, 1 dog", most frequent first.
std::string countClasses(const std::map<int, int>& counts, const std::vector<cv::String>& names)
{
    std::vector<std::pair<int, int>> order(counts.begin(), counts.end());
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text;
    for (const auto& entry : order)
        text +=
            (text.empty() ? "" : ", ") + std::to_string(entry.second) + " " + samples::className(names, entry.first);
    return text.empty() ? "-" : text;
}

void countInto(const cv::Mat& detections, std::map<int, int>& counts)
{
    for (int i = 0; i < detections.rows; i++)
        counts[static_cast<int>(detections.at<float>(i, 5))]++;
}

void printHeader(const std::vector<cv::String>& stages, size_t nameWidth, const char* first)
{
    std::cout << samples::padRight(first, nameWidth) << "       size" << samples::StageTimes::header(stages)
              << "  detections\n";
}

void printRow(const std::string& name, size_t nameWidth, const std::string& size, const std::vector<cv::String>& stages,
              const std::vector<double>& times, const std::string& detections)
{
    std::cout << samples::padRight(name, nameWidth) << cv::format("%11s", size.c_str())
              << samples::StageTimes::row(stages, times) << "  " << detections << std::endl;
}

std::string sizeText(cv::Size size)
{
    return std::to_string(size.width) + "x" + std::to_string(size.height);
}

//! Where the annotated picture goes: the input's name, made unique among those of this run.
fs::path outputPath(const fs::path& folder, const fs::path& input, std::set<std::string>& used)
{
    std::string ext = input.extension().string();
    if (ext.empty() || !cv::haveImageWriter("x" + ext))
        ext = ".png";
    std::string name = input.stem().string() + ext;
    for (int i = 2; !used.insert(name).second; i++)
        name = input.stem().string() + "_" + std::to_string(i) + ext;
    return folder / name;
}

//! A picture on its way through the detector: a file, or one frame of a video.
using PictureVisitor = std::function<void(const fs::path& name, cv::Mat& image)>;

void visitFile(const fs::path& path, const PictureVisitor& visit)
{
    cv::Mat image;
    try
    {
        image = cv::imread(path.string());
    }
    catch (const cv::Exception&)  // e.g. larger than OpenCV's limit
    {
    }
    if (image.empty())
        skip(path, "it cannot be read as a picture");
    else
        visit(path, image);
}

//! The frames asked for, named like vtest_000200.png. Frames are read one after the other: seeking is not exact.
void visitFrames(const fs::path& path, const std::vector<int>& frames, const PictureVisitor& visit)
{
    cv::VideoCapture capture;
    if (!capture.open(path.string()))
    {
        skip(path, "it cannot be read as a video");
        return;
    }
    cv::Mat image;
    size_t next = 0;
    for (int index = 0; next < frames.size() && capture.grab(); index++)
    {
        if (index != frames[next])
            continue;
        next++;
        if (capture.retrieve(image) && !image.empty())
            visit(path.stem().string() + cv::format("_%06d.png", index), image);
    }
    if (next < frames.size())
        skip(path, "it has no frame " + std::to_string(frames[next]));
}

int detectPictures(const Arguments& args, Detector& detector)
{
    const std::vector<fs::path> pictures = listPictures(args.inputs);
    const std::vector<cv::String> names = detector.getClassNames();
    ResultWriter results(args.output / "detections.json");
    std::set<std::string> used;
    samples::StageTimes times;
    std::map<int, int> totals;
    size_t nameWidth = 16;
    for (const fs::path& path : pictures)
        nameWidth = std::min<size_t>(std::max(nameWidth, samples::textWidth(path.filename().string())), 40);

    int processed = 0;
    const auto detectOne = [&](const fs::path& name, cv::Mat& image)
    {
        cv::Mat detections;
        detector.detect(image, detections);
        const std::vector<double> stageTimes = times.add(detector);

        const cv::Size size = image.size();
        cv::d2det::drawDetections(image, detections, names);
        const fs::path target = outputPath(args.output, name, used);
        if (!cv::imwrite(target.string(), image))
            throw std::runtime_error("cannot write " + target.string());
        processed++;
        json fields;
        fields["image_id"] = processed;
        fields["file_name"] = name.filename().string();
        results.add(fields, detections, names);

        std::map<int, int> counts;
        countInto(detections, counts);
        countInto(detections, totals);
        if (args.quiet)
            return;
        if (processed == 1)
            printHeader(times.stages(), nameWidth, "picture");
        printRow(name.filename().string(), nameWidth, sizeText(size), times.stages(), stageTimes,
                 countClasses(counts, names));
    };
    for (const fs::path& path : pictures)
    {
        if (!fs::exists(path))
            skip(path, "there is no such file");
        else if (VIDEO_EXTENSIONS.count(extension(path)))
            visitFrames(path, args.frames, detectOne);
        else
            visitFile(path, detectOne);
    }
    results.finish();
    if (processed == 0)
        throw std::runtime_error("none of the inputs could be processed");
    if (!args.quiet)
    {
        printRow("mean", nameWidth, "", times.stages(), times.mean(), "total: " + countClasses(totals, names));
        std::cout << "\n"
                  << processed << (processed == 1 ? " picture, " : " pictures, ") << results.count()
                  << (results.count() == 1 ? " detection" : " detections")
                  << ". Annotated pictures and detections.json are in " << args.output.string() << "\n";
    }
    return 0;
}

//! "100,200" -> ascending frame numbers.
std::vector<int> parseFrames(const std::string& text)
{
    std::set<int> frames;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');)
    {
        if (part.empty() || part.size() > 9 || part.find_first_not_of("0123456789") != std::string::npos)
            throw UsageError("--frames is '" + text + "', it must be numbers like 100,200,300");
        frames.insert(std::stoi(part));
    }
    return {frames.begin(), frames.end()};
}

//! MPEG-4 where OpenCV can write it, else Motion JPEG, which OpenCV brings itself.
cv::VideoWriter openVideo(const fs::path& folder, const fs::path& input, double fps, cv::Size size, fs::path& target)
{
    struct Format
    {
        const char* extension;
        int fourcc;
    };
    const Format formats[] = {{".mp4", cv::VideoWriter::fourcc('m', 'p', '4', 'v')},
                              {".avi", cv::VideoWriter::fourcc('M', 'J', 'P', 'G')}};
    cv::VideoWriter writer;
    for (const Format& format : formats)
    {
        target = folder / (input.stem().string() + format.extension);
        if (writer.open(target.string(), format.fourcc, fps, size))
            return writer;
    }
    throw std::runtime_error("cannot write a video to " + folder.string());
}

int detectVideo(const Arguments& args, Detector& detector)
{
    const fs::path input = args.inputs[0];
    cv::VideoCapture capture;
    if (!fs::exists(input))
        throw std::runtime_error(input.string() + ": there is no such file");
    if (!capture.open(input.string()))
        throw std::runtime_error(input.string() + " cannot be read as a video");
    double fps = capture.get(cv::CAP_PROP_FPS);
    if (!(fps > 0 && fps <= 1000))
        fps = 25;
    const double expected = capture.get(cv::CAP_PROP_FRAME_COUNT);
    const std::vector<cv::String> names = detector.getClassNames();
    const bool progress = !args.quiet && samples::stderrIsTerminal();

    ResultWriter results(args.output / "detections.json");
    cv::VideoWriter writer;
    fs::path target;
    samples::StageTimes times;
    std::map<int, int> totals;
    cv::Mat frame, detections;
    cv::Size size;
    int frames = 0;
    for (; capture.read(frame) && !frame.empty(); frames++)
    {
        if (frames == 0)
        {
            size = frame.size();
            writer = openVideo(args.output, input, fps, size, target);
        }
        detector.detect(frame, detections);
        times.add(detector);
        countInto(detections, totals);
        json fields;
        fields["image_id"] = frames;
        fields["frame"] = frames;
        fields["file_name"] = input.filename().string();
        results.add(fields, detections, names);
        cv::d2det::drawDetections(frame, detections, names);
        writer.write(frame);
        if (progress)
            std::cerr << "\rframe " << frames + 1 << (expected > 0 ? cv::format(" of %.0f ", expected) : " ")
                      << std::flush;
    }
    if (progress)
        std::cerr << "\r\033[K";
    results.finish();
    if (frames == 0)
        throw std::runtime_error(input.string() + " has no frame that can be read");
    writer.release();
    if (!args.quiet)
    {
        const size_t nameWidth =
            std::min<size_t>(std::max<size_t>(12, samples::textWidth(input.filename().string())), 40);
        printHeader(times.stages(), nameWidth, "video (mean)");
        printRow(input.filename().string(), nameWidth, sizeText(size), times.stages(), times.mean(),
                 "total: " + countClasses(totals, names));
        std::cout << "\n"
                  << frames << " frames, " << results.count() << " detections. Annotated video: " << target.string()
                  << ", all boxes: " << (args.output / "detections.json").string() << "\n";
    }
    return 0;
}

//! Creates the folder; refuses one that holds inputs, whose pictures would be overwritten.
void prepareOutput(const Arguments& args)
{
    std::error_code error;
    fs::create_directories(args.output, error);
    if (error || !fs::is_directory(args.output))
        throw std::runtime_error("cannot create the folder " + args.output.string() +
                                 (error ? ": " + error.message() : ""));
    for (const fs::path& input : args.inputs)
    {
        fs::path folder = fs::is_directory(input) ? input : input.parent_path();
        if (folder.empty())
            folder = ".";
        std::error_code ignored;
        if (fs::exists(folder) && fs::equivalent(folder, args.output, ignored))
            throw UsageError("--output " + args.output.string() + " is a folder of inputs, which would be overwritten");
    }
}

int run(int argc, char** argv)
{
    namespace po = samples::po;
    po::options_description visible = samples::detectorOptions("lowest score of a detection, 0..1"), hidden, all;
    po::options_description outputs("Output");
    outputs.add_options()("output,o", po::value<std::string>()->value_name("DIR")->default_value("out/detect"),
                          "folder for annotated pictures and detections.json")(
        "frames", po::value<std::string>()->value_name("LIST"),
        "treat these frames of a video (from 0, like 100,200) as pictures")("quiet,q", "print errors only")(
        "help,h", "this text");
    visible.add(outputs);
    hidden.add_options()("input", po::value<std::vector<std::string>>());
    all.add(visible).add(hidden);
    po::positional_options_description positional;
    positional.add("input", -1);

    Arguments args;
    po::store(po::command_line_parser(argc, argv).options(all).positional(positional).run(), args.values);
    if (args.values.count("help") || argc == 1)
    {
        std::ostream& out = argc == 1 ? std::cerr : std::cout;
        out << "Detects objects in pictures or in a video and shows where they are.\n\n"
               "  d2det_detect --model FILE [options] INPUT...\n\n"
               "INPUT is a picture, a folder of pictures, or one video. For every picture the output folder gets a "
               "copy\n"
               "with boxes; detections.json there lists all boxes as COCO results: image_id (number of the picture "
               "from\n"
               "1, or of the frame from 0), file_name, category_id (class of the model from 0), category_name,\n"
               "bbox [x, y, width, height] in pixels, score.\n\n"
               "Example:\n"
               "  d2det_detect --model person.onnx --score 0.5 --output out/street street/*.jpg\n\n"
            << visible << "\nExit code: 0 if something was processed, 1 if not, 2 for a wrong command line.\n";
        return argc == 1 ? 2 : 0;
    }
    po::notify(args.values);
    samples::checkDetectorOptions(args.values);
    if (!args.values.count("input"))
        throw UsageError("no INPUT is given");
    for (const std::string& input : args.values["input"].as<std::vector<std::string>>())
        args.inputs.push_back(input);
    args.output = args.values["output"].as<std::string>();
    args.quiet = args.values.count("quiet") > 0;
    if (args.values.count("frames"))
        args.frames = parseFrames(args.values["frames"].as<std::string>());

    const bool anyVideo = std::any_of(args.inputs.begin(), args.inputs.end(),
                                      [](const fs::path& path)
                                      { return VIDEO_EXTENSIONS.count(extension(path)) && !fs::is_directory(path); });
    if (!args.frames.empty() && !anyVideo)
        throw UsageError("--frames needs a video among the INPUTs");
    const bool video = anyVideo && args.frames.empty();
    if (video && args.inputs.size() > 1)
        throw UsageError("a video must be the only INPUT, unless --frames says which of its frames are pictures");
    const cv::Ptr<Detector> detector = samples::makeDetector(args.values);
    prepareOutput(args);
    return video ? detectVideo(args, *detector) : detectPictures(args, *detector);
}

}  // namespace

int main(int argc, char** argv)
{
    return samples::runProgram(PROGRAM, [&] { return run(argc, argv); });
}
