// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Outputs of d2det_detect; see outputs.hpp. */

#include "cli/outputs.hpp"

#include "base/text.hpp"
#include "cli/table.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <cmath>
#include <cstring>

namespace fs = std::filesystem;
using nlohmann::json;

namespace cli
{

namespace
{

constexpr int MAX_CLASS_FOLDER = 100;     //!< maximum bytes of a class name in a folder name
constexpr double MAX_PAUSE_SECONDS = 60;  //!< between camera frames; longer pauses are shortened

//! Rounds to 1 / steps: hundredths of a pixel and 4 digits of a score exceed the accuracy of the detector.
double rounded(double value, int steps)
{
    return std::round(value * steps) / steps;
}

fs::path temporaryName(const fs::path& path)
{
    fs::path name = path;
    return name.replace_filename(path.stem().string() + ".partial" + path.extension().string());
}

void writeImage(const fs::path& path, const cv::Mat& image)
{
    const fs::path temporary = temporaryName(path);
    std::error_code error;
    bool written = false;
    try
    {
        written = cv::imwrite(temporary.string(), image);
    }
    catch (const cv::Exception&)
    {
    }
    if (written)
        fs::rename(temporary, path, error);
    if (!written || error)
        throw std::runtime_error("cannot write " + path.string() + "; is the disk full?");
}

void createFolder(const fs::path& folder)
{
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        throw std::runtime_error("cannot create the folder " + folder.string() + ": " + error.message());
}

std::ofstream openList(const fs::path& path)
{
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    if (!file)
        throw std::runtime_error("cannot write " + path.string());
    return file;
}

void writeList(std::ofstream& file, const std::string& text, const fs::path& path)
{
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.flush();
    if (!file)
        throw std::runtime_error("cannot write " + path.string() + "; is the disk full?");
}

//! A class name as a safe folder name: a model file may contain class names such as "../x" or "a/b".
std::string folderName(const std::string& name)
{
    std::string result = name.substr(0, MAX_CLASS_FOLDER);
    for (char& c : result)
        if (!std::isalnum(static_cast<unsigned char>(c)) && !std::strchr(" -_.+()", c) && (c & 0x80) == 0)
            c = '_';
    if (result.empty() || result[0] == '.' || result[0] == ' ')
        result = "_" + result;
    return result;
}

}  // namespace

OutputNames::OutputNames(const fs::path& folder, const std::vector<Source>& sources) : folder_(folder)
{
    for (const Source& source : sources)
    {
        std::error_code error;
        const fs::path canonical = fs::canonical(source.path, error);
        if (!error)
            inputs_.insert(canonical);
    }
}

fs::path OutputNames::take(const fs::path& name)
{
    const std::string stem = name.stem().string(), extension = name.extension().string();
    fs::path candidate = name;
    const auto key = [](const fs::path& path)
    {
        std::string text = path.generic_string();
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
        return text;
    };
    int& number = next_.emplace(key(name), 1).first->second;
    for (;; number++)
    {
        if (number > 1)
            candidate.replace_filename(stem + "_" + std::to_string(number) + extension);
        std::error_code ignored;
        if (!inputs_.count(fs::weakly_canonical(folder_ / candidate, ignored)) && used_.insert(key(candidate)).second)
            break;
    }
    createFolder((folder_ / candidate).parent_path());
    return folder_ / candidate;
}

JsonWriter::JsonWriter(const fs::path& path) : path_(path), file_(openList(path))
{
    writeList(file_, "[]\n", path_);
}

void JsonWriter::add(int64 imageId, const std::string& fileName, const DetectedImage& result,
                     const std::vector<cv::String>& names)
{
    std::string text;
    for (int i = 0; i < result.detections.rows; i++)
    {
        const float* d = result.detections.ptr<float>(i);
        json entry;
        entry["image_id"] = imageId;
        entry["file_name"] = fileName;
        if (result.frame >= 0)
            entry["frame"] = result.frame;
        entry["category_id"] = static_cast<int>(d[5]);
        entry["category_name"] = className(names, static_cast<int>(d[5]));
        entry["bbox"] = {rounded(d[0], 100), rounded(d[1], 100), rounded(d[2] - d[0], 100), rounded(d[3] - d[1], 100)};
        entry["score"] = rounded(d[4], 10000);
        if (!result.masks.empty() && !result.masks[i].empty())
            entry["segmentation"] = {{"size", {result.image.rows, result.image.cols}},
                                     {"counts", cv::d2det::rleToString(cv::d2det::rleEncode(result.masks[i]))}};
        // Invalid UTF-8 becomes replacement characters, other characters are escaped as required by JSON.
        text += (empty_ && text.empty() ? "\n" : ",\n") + entry.dump(-1, ' ', false, json::error_handler_t::replace);
    }
    if (text.empty())
        return;
    file_.seekp(empty_ ? -2 : -3, std::ios::end);  // overwrites the "]\n" or "\n]\n" at the end of the array
    empty_ = false;
    writeList(file_, text + "\n]\n", path_);
}

CsvWriter::CsvWriter(const fs::path& path) : path_(path), file_(openList(path))
{
    writeList(file_, "file,frame,class,score,x1,y1,x2,y2\n", path_);
}

void CsvWriter::add(const std::string& fileName, const DetectedImage& result, const std::vector<cv::String>& names)
{
    std::string text;
    for (int i = 0; i < result.detections.rows; i++)
    {
        const float* d = result.detections.ptr<float>(i);
        text += d2det::csvField(fileName) + "," + (result.frame >= 0 ? std::to_string(result.frame) : "") + "," +
                d2det::csvField(className(names, static_cast<int>(d[5]))) +
                cv::format(",%.4f,%.2f,%.2f,%.2f,%.2f\n", d[4], d[0], d[1], d[2], d[3]);
    }
    if (!text.empty())
        writeList(file_, text, path_);
}

VideoOutput::VideoOutput(OutputNames& names, const fs::path& name, double fps, cv::Size size, bool realTime)
    : fps_(fps), size_(size), realTime_(realTime)
{
    struct Format
    {
        const char* extension;
        int fourcc, api;
        const char* note;
    };
    // MPEG-4 and H.264 halve the color resolution, so that sides must be even.
    const bool odd = size.width % 2 != 0 || size.height % 2 != 0;
    const char* const why = odd ? "Motion JPEG, since MPEG-4 needs even sides"
                                : "Motion JPEG, since this OpenCV cannot write MPEG-4 or H.264";
    const Format formats[] = {{".mp4", cv::VideoWriter::fourcc('m', 'p', '4', 'v'), cv::CAP_FFMPEG, ""},
                              {".mp4", cv::VideoWriter::fourcc('a', 'v', 'c', '1'), cv::CAP_ANY, ""},
                              {".avi", cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), cv::CAP_OPENCV_MJPEG, why}};
    for (const Format& format : formats)
    {
        if (odd && format.api != cv::CAP_OPENCV_MJPEG)
            continue;
        fs::path wanted = name;
        if (path_.extension() != format.extension)
            path_ = names.take(wanted.replace_extension(format.extension));
        temporary_ = temporaryName(path_);
        note_ = format.note;
        if (writer_.open(temporary_.string(), format.api, format.fourcc, fps, size))
            return;
        std::error_code ignored;
        fs::remove(temporary_, ignored);
    }
    throw std::runtime_error("this OpenCV cannot write a video of " + std::to_string(size.width) + "x" +
                             std::to_string(size.height) + " as " + path_.string());
}

VideoOutput::~VideoOutput()
{
    try
    {
        finish();
    }
    catch (const std::exception&)  // the original error has the better message
    {
    }
}

void VideoOutput::write(const cv::Mat& image, double seconds)
{
    if (realTime_ && !last_.empty())
    {
        const double pause = seconds * fps_ - static_cast<double>(written_);
        for (double missing = std::min(pause, MAX_PAUSE_SECONDS * fps_); missing >= 1; missing--, written_++)
            writer_.write(last_);
    }
    cv::Mat fitting = image;
    if (image.size() != size_)  // the frame size of a stream may change
        cv::resize(image, fitting, size_, 0, 0, cv::INTER_AREA);
    writer_.write(fitting);
    written_++;
    if (realTime_)
        last_ = fitting;
}

void VideoOutput::finish()
{
    if (!writer_.isOpened())
        return;
    writer_.release();
    std::error_code error;
    fs::rename(temporary_, path_, error);
    if (error)
        throw std::runtime_error("cannot write " + path_.string() + ": " + error.message());
}

Outputs::Outputs(const OutputOptions& options, const std::vector<Source>& sources,
                 const std::vector<cv::String>& classNames)
    : options_(options), sources_(sources), classNames_(classNames), names_(options.folder, sources)
{
    createFolder(options.folder);
    if (options.json)
        json_ = std::make_unique<JsonWriter>(names_.take("detections.json"));
    if (options.csv)
        csv_ = std::make_unique<CsvWriter>(names_.take("detections.csv"));
}

fs::path Outputs::add(DetectedImage& result)
{
    images_++;
    const std::string file = sources_[result.source].path.string();
    if (json_)
        json_->add(images_, file, result, classNames_);
    if (csv_)
        csv_->add(file, result, classNames_);
    if (options_.crops)
        addCrops(result);
    if (!options_.images)
        return {};
    cv::d2det::drawDetections(result.image, result.detections, result.masks, classNames_);
    return result.fps > 0 ? addFrame(result) : addImage(result);
}

fs::path Outputs::addFrame(const DetectedImage& result)
{
    const Source& source = sources_[result.source];
    if (!video_)
        video_ = std::make_unique<VideoOutput>(names_, source.name, result.fps, result.image.size(),
                                               source.kind == Source::CAMERA);
    video_->write(result.image, result.seconds);
    return video_->path();
}

fs::path Outputs::addImage(const DetectedImage& result)
{
    fs::path name = sources_[result.source].name;
    if (result.frame >= 0)  // selected frame of a video
        name.replace_filename(name.stem().string() + cv::format("_%06d.png", result.frame));
    const std::string extension = name.extension().string();
    if (extension.empty() || !cv::haveImageWriter("x" + extension))
        name.replace_extension(".png");
    const fs::path target = names_.take(name);
    writeImage(target, result.image);
    return target;
}

//! Folder for the crops of a class; class names with equal folder names are distinguished by class number.
fs::path Outputs::classFolder(int classId)
{
    const auto known = classFolders_.find(classId);
    if (known != classFolders_.end())
        return known->second;
    fs::path folder = fs::path("crops") / folderName(className(classNames_, classId));
    for (const auto& other : classFolders_)
        if (other.second == folder)
            folder += "_" + std::to_string(classId);
    return classFolders_[classId] = folder;
}

void Outputs::addCrops(const DetectedImage& result)
{
    const fs::path stem = sources_[result.source].name.stem();
    const std::string frame = result.frame >= 0 ? cv::format("_%06d", result.frame) : "";
    for (int i = 0; i < result.detections.rows; i++)
    {
        const float* d = result.detections.ptr<float>(i);
        const cv::Point topLeft(cvFloor(d[0]), cvFloor(d[1])), bottomRight(cvCeil(d[2]), cvCeil(d[3]));
        const cv::Rect box = cv::Rect(topLeft, bottomRight) & cv::Rect(cv::Point(), result.image.size());
        if (box.empty())
            continue;
        const fs::path name = classFolder(static_cast<int>(d[5])) / (stem.string() + frame + cv::format("_%d.png", i));
        writeImage(names_.take(name), result.image(box));
    }
}

std::string Outputs::endVideo()
{
    if (!video_)
        return "";
    video_->finish();
    const std::string note = video_->note().empty() ? "" : video_->path().string() + " is " + video_->note();
    video_.reset();
    return note;
}

std::string Outputs::describe() const
{
    std::string text;
    const auto add = [&](bool there, const char* what)
    {
        if (there)
            text += (text.empty() ? "" : ", ") + std::string(what);
    };
    add(options_.json, "detections.json");
    add(options_.csv, "detections.csv");
    add(options_.crops && !classFolders_.empty(), "crops/");
    return text;
}

}  // namespace cli
