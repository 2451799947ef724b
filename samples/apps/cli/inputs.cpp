// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Inputs of the programs; see inputs.hpp. */

#include "cli/inputs.hpp"

#include "base/files.hpp"
#include "base/jpeg_file.hpp"
#include "cli/program.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <new>
#include <set>

#include <fnmatch.h>

namespace fs = std::filesystem;

namespace cli
{

namespace
{

//! Known without a look into the file.
const std::set<std::string> VIDEO_EXTENSIONS{
    ".mp4", ".avi",  ".mkv", ".mov",  ".webm", ".m4v", ".mpg",   ".mpeg", ".mpe",  ".wmv", ".asf", ".flv",
    ".f4v", ".3gp",  ".3g2", ".ogv",  ".gif",  ".ts",  ".mts",   ".m2t",  ".m2ts", ".vob", ".y4m", ".dav",
    ".mxf", ".h264", ".264", ".hevc", ".h265", ".265", ".mjpeg", ".mjpg", ".divx", ".rm",  ".rmvb"};
const char* const CAMERA_PREFIX = "camera:";
const char* const DEVICE_PREFIX = "/dev/video";
constexpr size_t MAX_PATH_BYTES = 4096;        //!< maximum length of a line of a list
constexpr size_t MAX_LIST_LINES = 1000000;     //!< bounds an endless list
constexpr size_t MAX_AHEAD_BYTES = 256 << 20;  //!< bytes of decoded images in the queue

std::string extension(const fs::path& path)
{
    std::string result = path.extension().string();
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return result;
}

bool isFolder(const fs::path& path)
{
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

bool isPattern(const std::string& text)
{
    return text.find_first_of("*?[") != std::string::npos;
}

//! Entries of a folder, sorted by name; unreadable ones are omitted.
std::vector<fs::path> entries(const fs::path& folder)
{
    std::vector<fs::path> result;
    std::error_code error;
    for (fs::directory_iterator entry(folder.empty() ? "." : folder, error), end; !error && entry != end;
         entry.increment(error))
        result.push_back(folder / entry->path().filename());
    std::sort(result.begin(), result.end());
    return result;
}

//! The folder and all subfolders; symbolic links to folders are not followed.
void addFoldersBelow(const fs::path& folder, std::vector<fs::path>& result)
{
    result.push_back(folder);
    for (const fs::path& entry : entries(folder))
    {
        std::error_code ignored;
        if (fs::is_directory(fs::symlink_status(entry, ignored)) && entry.filename().string()[0] != '.')
            addFoldersBelow(entry, result);
    }
}

std::vector<fs::path> expandPattern(const fs::path& pattern)
{
    std::vector<fs::path> found{pattern.root_path()};
    for (const fs::path& part : pattern.relative_path())
    {
        std::vector<fs::path> next;
        for (const fs::path& base : found)
        {
            if (part == "**")
                addFoldersBelow(base, next);
            else if (!isPattern(part.string()))
            {
                std::error_code ignored;
                if (fs::exists(base / part, ignored))
                    next.push_back(base / part);
            }
            else
                for (const fs::path& entry : entries(base))
                    if (::fnmatch(part.c_str(), entry.filename().c_str(), FNM_PERIOD | FNM_NOESCAPE) == 0)
                        next.push_back(entry);
        }
        found.swap(next);
    }
    found.erase(std::remove_if(found.begin(), found.end(), isFolder), found.end());
    return found;
}

bool isNumber(const std::string& text)
{
    return !text.empty() && text.size() <= 3 && text.find_first_not_of("0123456789") == std::string::npos;
}

//! Begin of the part after "rtsp://"; 0 if the text is no address.
size_t addressBegin(const std::string& text)
{
    const size_t colon = text.find("://");
    if (colon == std::string::npos || colon < 2 || !std::isalpha(static_cast<unsigned char>(text[0])))
        return 0;
    const bool scheme =
        std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                    [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '-' || c == '.'; });
    return scheme ? colon + 3 : 0;
}

//! The address without user name and password.
std::string withoutPassword(const std::string& address)
{
    const size_t begin = addressBegin(address), end = std::min(address.find('/', begin), address.size());
    const size_t at = address.rfind('@', end);
    return at == std::string::npos || at < begin || at >= end ? address
                                                              : address.substr(0, begin) + address.substr(at + 1);
}

//! A file name for the results of a stream: "rtsp://a.b:554/door/1?x=2" -> "a_b_554_door_1".
std::string streamName(const std::string& address)
{
    std::string name = address.substr(addressBegin(address));
    name = name.substr(0, name.find_first_of("?#"));
    const size_t point = name.rfind('.');
    if (point != std::string::npos && point > name.rfind('/') + 1 && VIDEO_EXTENSIONS.count(extension(name)))
        name.resize(point);
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-')
            c = '_';
    while (!name.empty() && name.back() == '_')
        name.pop_back();
    const size_t first = name.find_first_not_of('_');
    return first == std::string::npos ? "stream" : name.substr(first, 100);
}

/** Whether a file without a known extension is a video: OpenCV has no image decoder for its first bytes and opens it as
    a video. FFmpeg takes texts for images made of letters: they are none. */
bool looksLikeVideo(const fs::path& path)
{
    try
    {
        if (cv::haveImageReader(path.string()))
            return false;
        cv::VideoCapture capture(path.string());
        const int codec = static_cast<int>(capture.get(cv::CAP_PROP_FOURCC));
        std::string name;
        for (int shift = 0; shift < 32; shift += 8)
            name += static_cast<char>(std::tolower((codec >> shift) & 0xff));
        return capture.isOpened() && name != "ansi" && capture.grab();
    }
    catch (const cv::Exception&)
    {
        return false;
    }
}

//! The reason why a file is unusable, or empty.
std::string fileProblem(const fs::path& path)
{
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status))
        return "there is no such file";
    // A pipe or a device might block forever or be endless.
    return fs::is_regular_file(status) ? "" : "it is not a plain file";
}

class SourceList
{
public:
    SourceList(const InputOptions& options, const SkipFunction& skip) : options_(options), skip_(skip) {}

    void add(const std::string& input, std::istream& list)
    {
        const fs::path path = input;
        std::error_code ignored;
        if (input == "-")
            addLines(list);
        else if (input.rfind(CAMERA_PREFIX, 0) == 0)
            addCamera(input, input.substr(std::string(CAMERA_PREFIX).size()));
        else if (input.rfind(DEVICE_PREFIX, 0) == 0)
            addCamera(input, input.substr(std::string(DEVICE_PREFIX).size()));
        else if (isNumber(input) && !fs::exists(path, ignored))
            addCamera(CAMERA_PREFIX + input, input);
        else if (addressBegin(input) > 0 && !fs::exists(path, ignored))
            addStream(input);
        else if (isPattern(input) && !fs::exists(path, ignored))
        {
            const std::vector<fs::path> found = expandPattern(path);
            if (found.empty())
                skip_(input, "no file matches");
            for (const fs::path& file : found)
                addFile(file, file.filename());
        }
        else
            addPath(path);
    }

    std::vector<Source> sources;

private:
    void addPath(const fs::path& path)
    {
        if (isFolder(path))
            addFolder(path);
        else
            addFile(path, path.filename());
    }

    void addFile(const fs::path& path, const fs::path& name)
    {
        const std::string problem = fileProblem(path);
        if (!problem.empty())
            return skip_(path.string(), problem);
        Source source;
        const bool video =
            VIDEO_EXTENSIONS.count(extension(path)) > 0 || (!d2det::isImageName(path.string()) && looksLikeVideo(path));
        source.kind = video ? Source::VIDEO : Source::IMAGE;
        source.path = path;
        source.name = name;
        sources.push_back(source);
    }

    void addFolder(const fs::path& folder)
    {
        const size_t before = sources.size();
        std::error_code error;
        const fs::directory_iterator opened(folder, error);
        if (error)
            return skip_(folder.string(), error.message());
        addImages(folder, "");
        if (sources.size() == before)
            skip_(folder.string(), "the folder has no images");
    }

    void addImages(const fs::path& folder, const fs::path& below)
    {
        for (const fs::path& entry : entries(folder))
        {
            std::error_code ignored;
            const fs::path name = below / entry.filename();
            if (d2det::isImageName(entry.string()) && !isFolder(entry))
                addFile(entry, name);
            else if (options_.recursive && fs::is_directory(fs::symlink_status(entry, ignored)) &&
                     !fs::equivalent(entry, options_.exclude, ignored))
                addImages(entry, name);
        }
    }

    void addStream(const std::string& input)
    {
        Source source;
        source.kind = Source::STREAM;
        source.address = input;
        source.path = withoutPassword(input);
        source.name = streamName(source.path.string());
        sources.push_back(source);
    }

    void addCamera(const std::string& input, const std::string& number)
    {
        if (!isNumber(number))
            throw UsageError("the input '" + input + "' must be a camera's number like camera:0");
        Source source;
        source.kind = Source::CAMERA;
        source.camera = std::stoi(number);
        source.path = input;
        source.name = "camera" + number;
        sources.push_back(source);
    }

    //! Lines are literal paths: no patterns, no cameras. As of other lists, the encoding may be one of Windows.
    void addLines(std::istream& list)
    {
        static const std::string MARK = "\xef\xbb\xbf";  // of UTF-8; also in files that were joined
        std::string line;
        size_t lines = 0;
        const auto finishLine = [&]
        {
            if (!line.empty() && line.back() == '\r')
                line.pop_back();
            if (line.compare(0, MARK.size(), MARK) == 0)
                line.erase(0, MARK.size());
            if (line.size() > MAX_PATH_BYTES)
                skip_(line.substr(0, 60) + "...", "a line of the list is too long for a path");
            else if (!line.empty())
                addPath(line);
            line.clear();
            if (++lines > MAX_LIST_LINES)
                throw std::runtime_error("the list on stdin has more than " + std::to_string(MAX_LIST_LINES) +
                                         " lines");
        };
        size_t total = 0;
        const auto take = [&](const std::string& text)
        {
            for (const char c : text)
                if (c == '\n')
                    finishLine();
                else if (line.size() <= MAX_PATH_BYTES)
                    line += c;
                else if (total > MAX_LIST_LINES * MAX_PATH_BYTES)
                    throw std::runtime_error("the list on stdin is too long");
        };
        std::string bytes(4, '\0'), text;
        list.read(&bytes[0], static_cast<std::streamsize>(bytes.size()));
        bytes.resize(static_cast<size_t>(list.gcount()));
        d2det::TextDecoder decoder(bytes);
        while (!bytes.empty())
        {
            total += bytes.size();
            text.clear();
            decoder.append(bytes.data(), bytes.size(), text);
            take(text);
            char c = 0;
            bytes.clear();
            if (list.get(c))
                bytes += c;
        }
        decoder.finish();
        finishLine();
        if (total == 0)
            skip_("-", "the list on stdin is empty");
    }

    const InputOptions& options_;
    const SkipFunction& skip_;
};

bool openSource(const Source& source, cv::VideoCapture& capture)
{
    try
    {
        if (source.kind == Source::CAMERA)
            return capture.open(source.camera);
        if (source.kind == Source::STREAM)
            return capture.open(source.address);
        // A file that is no video may be taken for the first image of a sequence.
        return d2det::refusedImage(source.path.string()).empty() && capture.open(source.path.string());
    }
    catch (const cv::Exception&)
    {
        return false;
    }
}

}  // namespace

std::vector<Source> listSources(const std::vector<std::string>& inputs, const InputOptions& options, std::istream& list,
                                const SkipFunction& skip)
{
    SourceList result(options, skip);
    for (const std::string& input : inputs)
        result.add(input, list);
    return result.sources;
}

int64 countImages(const std::vector<Source>& sources, const InputOptions& options)
{
    int64 total = 0;
    for (const Source& source : sources)
    {
        const bool live = source.kind == Source::CAMERA || source.kind == Source::STREAM;
        if (live && options.maxFrames == 0)
            return 0;
        double count = source.kind == Source::IMAGE ? 1 : options.maxFrames;
        if (source.kind == Source::VIDEO)
        {
            cv::VideoCapture capture;
            count = openSource(source, capture) ? capture.get(cv::CAP_PROP_FRAME_COUNT) : 0;
            if (!(count >= 0 && count < 1e9))
                return 0;
            count = options.frames.empty() ? std::ceil(count / options.every) : double(options.frames.size());
            if (options.maxFrames > 0)
                count = std::min(count, double(options.maxFrames));
        }
        total += static_cast<int64>(count);
    }
    return total;
}

ImageReader::ImageReader(const std::vector<Source>& sources, const InputOptions& options, size_t ahead)
    : sources_(sources), options_(options), ahead_(ahead), thread_([this] { run(); })
{
}

ImageReader::~ImageReader()
{
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopped_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool ImageReader::next(Item& item, const std::function<bool()>& stop)
{
    std::unique_lock<std::mutex> lock(mutex_);
    while (queue_.empty() && !done_ && !stop())
        changed_.wait_for(lock, std::chrono::milliseconds(50));
    if (stop())
        return false;
    if (queue_.empty())
    {
        if (error_)
            std::rethrow_exception(error_);
        return false;
    }
    item = std::move(queue_.front());
    queue_.pop_front();
    queuedBytes_ -= item.image.total() * item.image.elemSize();
    lock.unlock();
    changed_.notify_all();
    return true;
}

bool ImageReader::push(Item item)
{
    std::unique_lock<std::mutex> lock(mutex_);
    const size_t bytes = item.image.total() * item.image.elemSize();
    changed_.wait(
        lock, [&]
        { return stopped_ || queue_.empty() || (queue_.size() < ahead_ && queuedBytes_ + bytes <= MAX_AHEAD_BYTES); });
    if (stopped_)
        return false;
    queue_.push_back(std::move(item));
    queuedBytes_ += bytes;
    lock.unlock();
    changed_.notify_all();
    return true;
}

bool ImageReader::pushNewest(Item& item)
{
    std::unique_lock<std::mutex> lock(mutex_);
    const auto bytes = [](const Item& of) { return of.image.total() * of.image.elemSize(); };
    bool first = true;
    if (!queue_.empty() && queue_.back().source == item.source && queue_.back().kind == Item::IMAGE)
    {
        queuedBytes_ -= bytes(queue_.back());
        queue_.pop_back();
        first = false;
    }
    queuedBytes_ += bytes(item);
    queue_.push_back(std::move(item));
    lock.unlock();
    changed_.notify_all();
    return first;
}

void ImageReader::fail(size_t index, const std::string& reason)
{
    Item item;
    item.kind = Item::FAILED;
    item.source = index;
    item.reason = reason;
    push(item);
}

void ImageReader::run()
{
    try
    {
        for (size_t i = 0; i < sources_.size() && !stopped_; i++)
        {
            if (sources_[i].kind == Source::IMAGE)
                readImage(i);
            else if (sources_[i].kind != Source::CAMERA && !options_.frames.empty())
                readFrames(i);
            else
                readVideo(i);
        }
    }
    catch (...)
    {
        error_ = std::current_exception();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    changed_.notify_all();
}

void ImageReader::readImage(size_t index)
{
    const std::string path = sources_[index].path.string(), refused = d2det::refusedImage(path);
    if (!refused.empty())
        return fail(index, "it " + refused);
    if (d2det::isTruncatedJpeg(path))  // what is missing would be gray
        return fail(index, std::string("it ") + d2det::TRUNCATED_JPEG);
    Item item;
    item.source = index;
    std::string reason = "it cannot be read as an image";
    try
    {
        item.image = cv::imread(path);
        std::error_code error;
        if (item.image.empty() && fs::file_size(path, error) == 0 && !error)
            reason = "the file is empty";
    }
    catch (const cv::Exception& e)
    {
        reason = e.err.find("CV_IO_MAX_IMAGE") != std::string::npos
                     ? "it has more pixels than OpenCV reads (the environment variables OPENCV_IO_MAX_IMAGE_PIXELS, "
                       "..._WIDTH and ..._HEIGHT set the limits)"
                     : reason + ": " + oneLine(e.err);
    }
    catch (const std::bad_alloc&)
    {
        reason = "there is not enough memory for its pixels";
    }
    if (item.image.empty())
        fail(index, reason);
    else
        push(std::move(item));
}

void ImageReader::readVideo(size_t index)
{
    const bool camera = sources_[index].kind == Source::CAMERA, stream = sources_[index].kind == Source::STREAM;
    cv::VideoCapture capture;
    if (!openSource(sources_[index], capture))
        return fail(index, camera   ? "there is no such camera, or it is in use"
                           : stream ? "nothing that OpenCV can read comes from this address"
                                    : "it cannot be read as a video");
    const bool live = camera || (stream && !(capture.get(cv::CAP_PROP_FRAME_COUNT) > 0));
    double fps = capture.get(cv::CAP_PROP_FPS);
    fps = (fps > 0 && fps <= 1000 ? fps : 25) / options_.every;
    const auto start = std::chrono::steady_clock::now();
    int taken = 0;
    for (int frame = 0; options_.maxFrames == 0 || taken < options_.maxFrames; frame++)
    {
        if (stopped_ || !capture.grab())
            break;
        if (frame % options_.every != 0)
            continue;
        Item item;
        if (!capture.retrieve(item.image) || item.image.empty())
            break;
        item.source = index;
        item.frame = frame;
        item.fps = fps;
        item.live = live;
        item.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (live)
            taken += pushNewest(item);
        else if (++taken; !push(std::move(item)))
            return;
    }
    if (taken == 0)
        return fail(index, camera ? "the camera gives no image" : "it has no frame that can be read");
    Item end;
    end.kind = Item::END;
    end.source = index;
    push(end);
}

//! Frames are read sequentially: seeking is not exact.
void ImageReader::readFrames(size_t index)
{
    cv::VideoCapture capture;
    if (!openSource(sources_[index], capture))
        return fail(index, "it cannot be read as a video");
    size_t next = 0;
    for (int frame = 0; !stopped_ && next < options_.frames.size() && capture.grab(); frame++)
    {
        if (frame != options_.frames[next])
            continue;
        next++;
        Item item;
        item.source = index;
        item.frame = frame;
        if (capture.retrieve(item.image) && !item.image.empty() && !push(std::move(item)))
            return;
    }
    if (next < options_.frames.size())
        fail(index, "it has no frame " + std::to_string(options_.frames[next]));
}

}  // namespace cli
