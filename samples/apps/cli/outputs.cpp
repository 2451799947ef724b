// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Outputs of d2det_detect; see outputs.hpp. */

#include "cli/outputs.hpp"

#include "base/atomic_file.hpp"
#include "base/text.hpp"
#include "cli/table.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace fs = std::filesystem;
using nlohmann::json;

namespace cli
{

namespace
{

constexpr int MAX_CLASS_FOLDER = 100;        //!< maximum bytes of a class name in a folder name
constexpr double MAX_PAUSE_SECONDS = 60;     //!< between camera frames; longer pauses are shortened
constexpr size_t MAX_NAME_BYTES = 255;       //!< of a file name, in the usual file systems
constexpr size_t MAX_MASK_PIXELS = 1 << 28;  //!< of run lengths (cv::d2det::Rle)
constexpr int FRAMES_PER_CHECK = 16;         //!< of a video, between two looks at the free space

//! Rounds to 1 / steps: hundredths of a pixel and 4 digits of a score exceed the accuracy of the detector.
double rounded(double value, int steps)
{
    return std::round(value * steps) / steps;
}

//! Name of a file from its parts; the stem is cut if the name would be longer than file systems allow.
std::string fileName(std::string stem, const std::string& end)
{
    if (stem.size() + end.size() > MAX_NAME_BYTES && end.size() < MAX_NAME_BYTES)
    {
        stem.resize(MAX_NAME_BYTES - end.size());
        while (!stem.empty() && (stem.back() & 0xc0) == 0x80)  // no half of a character (UTF-8)
            stem.pop_back();
        if (!stem.empty() && (stem.back() & 0x80) != 0)
            stem.pop_back();
    }
    return stem + end;
}

fs::path temporaryName(const fs::path& path)
{
    fs::path name = path;
    return name.replace_filename(fileName(path.stem().string(), ".partial" + path.extension().string()));
}

[[noreturn]] void failToWrite(const fs::path& path, int reason)
{
    throw std::runtime_error(
        "cannot write " + path.string() +
        (reason == ENOSPC || reason == EDQUOT ? "; is the disk full?" : ": " + std::string(std::strerror(reason))));
}

//! Encodes an image; false if the format cannot hold it, such as a JPEG of more than 65535 pixels a side.
bool encode(const std::string& extension, const cv::Mat& image, std::vector<uchar>& bytes)
{
    try
    {
        return cv::imencode(extension, image, bytes);
    }
    catch (const cv::Exception&)
    {
        return false;
    }
}

void writeImage(const fs::path& path, const std::vector<uchar>& bytes)
{
    const fs::path temporary = temporaryName(path);
    const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        failToWrite(path, errno);
    int reason = 0;
    for (size_t at = 0; at < bytes.size() && reason == 0;)
    {
        const ssize_t written = ::write(file, bytes.data() + at, std::min<size_t>(bytes.size() - at, 1u << 30));
        if (written < 0 && errno != EINTR)
            reason = errno;
        at += written > 0 ? static_cast<size_t>(written) : 0;
    }
    if (::close(file) != 0 && reason == 0)  // network file systems report a full disk here
        reason = errno;
    if (reason == 0 && ::rename(temporary.c_str(), path.c_str()) != 0)
        reason = errno;
    if (reason == 0)
        return;
    ::unlink(temporary.c_str());
    failToWrite(path, reason);
}

void createFolder(const fs::path& folder)
{
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        throw std::runtime_error("cannot create the folder " + folder.string() + ": " + error.message());
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
    candidate.replace_filename(fileName(stem, extension));
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
            candidate.replace_filename(fileName(stem, "_" + std::to_string(number) + extension));
        std::error_code ignored;
        if (!inputs_.count(fs::weakly_canonical(folder_ / candidate, ignored)) && used_.insert(key(candidate)).second)
            break;
    }
    createFolder((folder_ / candidate).parent_path());
    return folder_ / candidate;
}

ListFile::ListFile(const fs::path& path, const std::string& begin, const std::string& end)
    : path_(path), end_(end), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666))
{
    if (file_ < 0)
        failToWrite(path_, errno);
    add(begin);
}

ListFile::~ListFile()
{
    if (file_ >= 0)
        ::close(file_);
}

bool ListFile::write(const std::string& text, size_t at)
{
    for (size_t done = 0; done < text.size();)
    {
        const ssize_t written = ::pwrite(file_, text.data() + done, text.size() - done, static_cast<off_t>(at + done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        done += static_cast<size_t>(written);
    }
    return true;
}

void ListFile::add(const std::string& text)
{
    if (write(text + end_, length_))
    {
        length_ += text.size();
        return;
    }
    const int reason = errno;
    // The end was there before: its place on the disk is still the file's.
    if (::ftruncate(file_, static_cast<off_t>(length_ + end_.size())) != 0 || !write(end_, length_))
        failToWrite(path_, errno);
    failToWrite(path_, reason);
}

JsonWriter::JsonWriter(const fs::path& path) : file_(path, "[", "\n]\n") {}

void JsonWriter::add(int64 imageId, const std::string& fileName, const DetectedImage& result,
                     const std::vector<cv::String>& names, const ResultIds* ids)
{
    std::string text;
    bool first = empty_;
    const bool outlines = result.image.total() <= MAX_MASK_PIXELS;
    for (int i = 0; i < result.detections.rows; i++)
    {
        const float* d = result.detections.ptr<float>(i);
        const size_t classId = static_cast<size_t>(d[5]);
        int64 category = static_cast<int64>(classId);
        if (ids)
        {
            if (classId >= ids->categories.size() || !ids->categories[classId])
                continue;
            category = *ids->categories[classId];
        }
        json entry;
        entry["image_id"] = imageId;
        entry["file_name"] = fileName;
        if (result.frame >= 0)
            entry["frame"] = result.frame;
        entry["category_id"] = category;
        entry["category_name"] = className(names, static_cast<int>(d[5]));
        entry["bbox"] = {rounded(d[0], 100), rounded(d[1], 100), rounded(d[2] - d[0], 100), rounded(d[3] - d[1], 100)};
        entry["score"] = rounded(d[4], 10000);
        if (!result.tracks.empty())
            entry["track_id"] = result.tracks[i];
        if (outlines && !result.masks.empty())
            entry["segmentation"] = {{"size", {result.image.rows, result.image.cols}},
                                     {"counts", cv::d2det::rleToString(cv::d2det::rleEncode(result.masks[i]))}};
        // Invalid UTF-8 becomes replacement characters, other characters are escaped as required by JSON.
        text += (first ? "\n" : ",\n") + entry.dump(-1, ' ', false, json::error_handler_t::replace);
        first = false;
    }
    if (text.empty())
        return;
    file_.add(text);
    empty_ = false;
}

CsvWriter::CsvWriter(const fs::path& path, bool tracks)
    : tracks_(tracks), file_(path, std::string("file,frame,class,score,x1,y1,x2,y2") + (tracks ? ",track\n" : "\n"), "")
{
}

void CsvWriter::add(const std::string& fileName, const DetectedImage& result, const std::vector<cv::String>& names)
{
    std::string text;
    for (int i = 0; i < result.detections.rows; i++)
    {
        const float* d = result.detections.ptr<float>(i);
        text += d2det::csvField(fileName) + "," + (result.frame >= 0 ? std::to_string(result.frame) : "") + "," +
                d2det::csvField(className(names, static_cast<int>(d[5]))) +
                cv::format(",%.4f,%.2f,%.2f,%.2f,%.2f", d[4], d[0], d[1], d[2], d[3]);
        if (tracks_)
            text += "," + (result.tracks.empty() ? std::string() : std::to_string(result.tracks[i]));
        text += "\n";
    }
    if (!text.empty())
        file_.add(text);
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

//! Ends a video early that would have no end: the writer goes on in silence where the disk is full.
void VideoOutput::checkSpace()
{
    std::error_code error;
    const fs::space_info space = fs::space(temporary_.parent_path().empty() ? "." : temporary_.parent_path(), error);
    if (error || space.available > 0)
        return;
    writer_.release();
    fs::remove(temporary_, error);
    failToWrite(path_, ENOSPC);
}

//! Whether the closed file has all frames: their number in the file, and the last one can be read.
bool VideoOutput::isWhole() const
{
    try
    {
        cv::VideoCapture capture(temporary_.string());
        cv::Mat last;
        const double count = capture.get(cv::CAP_PROP_FRAME_COUNT);
        return capture.isOpened() && count >= static_cast<double>(written_) &&
               capture.set(cv::CAP_PROP_POS_FRAMES, static_cast<double>(written_ - 1)) && capture.read(last) &&
               !last.empty();
    }
    catch (const cv::Exception&)
    {
        return false;
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
    if (written_ % FRAMES_PER_CHECK == 0)
        checkSpace();
    if (realTime_)
        last_ = fitting;
}

void VideoOutput::finish()
{
    if (!writer_.isOpened())
        return;
    writer_.release();
    std::error_code error;
    if (!isWhole())
    {
        fs::remove(temporary_, error);
        throw std::runtime_error("cannot write " + path_.string() + "; is the disk full?");
    }
    fs::rename(temporary_, path_, error);
    if (error)
        throw std::runtime_error("cannot write " + path_.string() + ": " + error.message());
}

Outputs::Outputs(const OutputOptions& options, const std::vector<Source>& sources,
                 const std::vector<cv::String>& classNames, const ResultIds* ids)
    : options_(options), sources_(sources), classNames_(classNames), ids_(ids), names_(options.folder, sources)
{
    createFolder(options.folder);
    lock_ = std::make_unique<d2det::FolderLock>(options.folder.string());
    d2det::checkWritable((options.folder / "detections").string());
    if (options.json)
        json_ = std::make_unique<JsonWriter>(names_.take("detections.json"));
    if (options.csv)
        csv_ = std::make_unique<CsvWriter>(names_.take("detections.csv"), options.tracks);
}

void Outputs::draw(DetectedImage& result) const
{
    cv::d2det::DrawParams params;
    params.classNames = classNames_;
    for (int i = 0; i < result.detections.rows; i++)
    {
        const int classId = static_cast<int>(result.detections.at<float>(i, 5));
        if (!result.tracks.empty())
            params.labels.push_back(className(classNames_, classId) + " #" + std::to_string(result.tracks[i]));
        if (options_.instances || !result.tracks.empty())
            params.colors.push_back(cv::d2det::instanceColor(result.tracks.empty() ? i : result.tracks[i]));
    }
    cv::d2det::drawDetections(result.image, result.detections, result.masks, params);
}

void Outputs::addToList(const std::string& file, const DetectedImage& result)
{
    if (!result.masks.empty() && result.image.total() > MAX_MASK_PIXELS)
        withoutOutlines_++;
    if (!ids_)
        return json_->add(images_, file, result, classNames_, nullptr);
    const std::optional<int64> id = result.frame < 0 ? ids_->image(file) : std::nullopt;
    if (id)
        json_->add(*id, file, result, classNames_, ids_);
    else
        notAnnotated_++;
}

fs::path Outputs::add(DetectedImage& result)
{
    images_++;
    const std::string file = sources_[result.source].path.string();
    if (json_)
        addToList(file, result);
    if (csv_)
        csv_->add(file, result, classNames_);
    if (options_.crops)
        addCrops(result);
    if (!options_.images)
        return {};
    draw(result);
    return result.fps > 0 ? addFrame(result) : addImage(result);
}

fs::path Outputs::addFrame(const DetectedImage& result)
{
    const Source& source = sources_[result.source];
    if (!video_)
        video_ = std::make_unique<VideoOutput>(names_, source.name, result.fps, result.image.size(), result.live);
    video_->write(result.image, result.seconds);
    return video_->path();
}

fs::path Outputs::addImage(const DetectedImage& result)
{
    fs::path name = sources_[result.source].name;
    if (result.frame >= 0)  // selected frame of a video
        name.replace_filename(fileName(name.stem().string(), cv::format("_%06d.png", result.frame)));
    const std::string extension = name.extension().string();
    std::vector<uchar> bytes;
    if (extension.empty() || !cv::haveImageWriter("x" + extension) || !encode(extension, result.image, bytes))
    {
        name.replace_extension(".png");
        if (!encode(".png", result.image, bytes))
            throw std::runtime_error("an image of " + std::to_string(result.image.cols) + " x " +
                                     std::to_string(result.image.rows) + " pixels cannot be written as " +
                                     name.string());
    }
    const fs::path target = names_.take(name);
    writeImage(target, bytes);
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
        const std::string name = fileName(stem.string(), frame + cv::format("_%d.png", i));
        std::vector<uchar> bytes;
        if (!encode(".png", result.image(box), bytes))
            throw std::runtime_error("the crop " + name + " cannot be written as PNG");
        writeImage(names_.take(classFolder(static_cast<int>(d[5])) / name), bytes);
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
