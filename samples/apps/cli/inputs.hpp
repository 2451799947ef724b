// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Program inputs: images, patterns, folders, videos, cameras, lists; images are decoded in advance by a background
   thread. */

#ifndef D2DET_CLI_INPUTS_HPP
#define D2DET_CLI_INPUTS_HPP

#include <opencv2/core.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cli
{

//! An image, a video, a camera or a stream of the network.
struct Source
{
    enum Kind
    {
        IMAGE,
        VIDEO,
        CAMERA,
        STREAM
    };
    Kind kind = IMAGE;
    std::filesystem::path path;  //!< path as given or found; "camera:0" for a camera; a stream without its password
    std::filesystem::path name;  //!< relative path for outputs: file name, including subfolders for folder inputs
    int camera = 0;
    std::string address;  //!< of a stream
};

struct InputOptions
{
    bool recursive = false;         //!< include subfolders
    std::filesystem::path exclude;  //!< excluded folder: the output folder
    std::vector<int> frames;        //!< selected video frames, ascending, handled as images; empty: entire videos
    int every = 1;                  //!< step between video frames
    int maxFrames = 0;              //!< maximum number of frames per video or camera; 0: all
};

//! Callback for unusable inputs, with the reason.
using SkipFunction = std::function<void(const std::string& input, const std::string& reason)>;

/** @brief Sources of the inputs on a command line, in the given order.

An input is "camera:N", a camera's number or device (/dev/video0), an address like rtsp://..., a file, a folder (images
sorted by name), a pattern with * ? [a-z] in any part of the path (matches sorted by name; ** matches any number of
folders) or "-": paths read from `list`, one per line. The name of an existing file is never interpreted as a pattern.
A file is a video if its name or its content says so: what OpenCV has no image decoder for is tried as a video. */
std::vector<Source> listSources(const std::vector<std::string>& inputs, const InputOptions& options, std::istream& list,
                                const SkipFunction& skip);

//! Expected number of images and frames; 0 if unknown (cameras). Opens the videos.
int64 countImages(const std::vector<Source>& sources, const InputOptions& options);

//! Decodes the sources sequentially and in advance, in a background thread.
class ImageReader
{
public:
    struct Item
    {
        enum Kind
        {
            IMAGE,
            FAILED,  //!< the source or its remainder is unreadable: `reason`
            END      //!< end of a video or camera after at least one frame
        };
        Kind kind = IMAGE;
        size_t source = 0;
        cv::Mat image;       //!< 8-bit BGR
        int frame = -1;      //!< frame index in the video, from 0
        double fps = 0;      //!< rate of the frames read from the video
        double seconds = 0;  //!< time since the source was opened; meaningful for live sources
        bool live = false;   //!< from a camera or a stream without an end
        std::string reason;
    };

    /** Of live sources only the newest frame waits: what comes faster than it is processed is left out.
        @param sources must outlive the reader.
        @param options must outlive the reader.
        @param ahead maximum number of images decoded in advance; fewer for large images. */
    ImageReader(const std::vector<Source>& sources, const InputOptions& options, size_t ahead);
    ~ImageReader();

    /** Waits for the next item; false at the end, or soon after `stop` returns true. Rethrows exceptions of the
        background thread. */
    bool next(Item& item, const std::function<bool()>& stop);

private:
    void run();
    void readImage(size_t index);
    void readVideo(size_t index);
    void readFrames(size_t index);
    bool push(Item item);         //!< false: the reader was stopped
    bool pushNewest(Item& item);  //!< of a live source: replaces its waiting frame. false: that one was left out
    void fail(size_t index, const std::string& reason);

    const std::vector<Source>& sources_;
    const InputOptions& options_;
    const size_t ahead_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Item> queue_;
    size_t queuedBytes_ = 0;
    bool done_ = false;
    std::atomic<bool> stopped_{false};
    std::exception_ptr error_;
    std::thread thread_;  // last member: the thread uses the others
};

}  // namespace cli

#endif
