// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What a program is given to look at: images, patterns, folders, videos, cameras, lists; and their pixels, decoded by a
   thread that runs ahead. */

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

//! An image, a video or a camera.
struct Source
{
    enum Kind
    {
        IMAGE,
        VIDEO,
        CAMERA
    };
    Kind kind = IMAGE;
    std::filesystem::path path;  //!< as given or found, "camera:0"
    std::filesystem::path
        name;  //!< relative path for what is made from it: file name, for folders with the folders inside
    int camera = 0;
};

struct InputOptions
{
    bool recursive = false;         //!< folders inside folders
    std::filesystem::path exclude;  //!< folder that is not opened: the output folder
    std::vector<int> frames;        //!< of videos, ascending; they count as images. Empty: whole videos
    int every = 1;                  //!< of a video's frames
    int maxFrames = 0;              //!< frames of each video or camera, 0: all
};

//! Called with an input that cannot be used and the reason.
using SkipFunction = std::function<void(const std::string& input, const std::string& reason)>;

/** @brief Inputs of a command line in their order.

An input is "camera:N", a file, a folder (its images by name), a pattern with * ? [a-z] in any part of the path (its
matches by name; ** stands for any number of folders) or "-": paths on `list`, one a line. An existing file is never
taken for a pattern. */
std::vector<Source> listSources(const std::vector<std::string>& inputs, const InputOptions& options, std::istream& list,
                                const SkipFunction& skip);

//! Images and frames to expect; 0 if it cannot be known (cameras). Opens the videos.
int64 countImages(const std::vector<Source>& sources, const InputOptions& options);

//! Decodes the sources one after the other, in a thread of its own, a little ahead of the reader.
class ImageReader
{
public:
    struct Item
    {
        enum Kind
        {
            IMAGE,
            FAILED,  //!< the source, or the rest of it, cannot be read: `reason`
            END      //!< of a video or camera of which at least one frame came
        };
        Kind kind = IMAGE;
        size_t source = 0;
        cv::Mat image;       //!< 8-bit BGR
        int frame = -1;      //!< of a video, from 0
        double fps = 0;      //!< of the video, the part of it that is read
        double seconds = 0;  //!< since the source was opened; meaningful for cameras
        std::string reason;
    };

    /** @param ahead images decoded in advance, at most; fewer if they are large.
        Both references must outlive the reader. */
    ImageReader(const std::vector<Source>& sources, const InputOptions& options, size_t ahead);
    ~ImageReader();

    /** Waits for the next item; false at the end, or soon after `stop` returns true. Errors of the thread come out
        here. */
    bool next(Item& item, const std::function<bool()>& stop);

private:
    void run();
    void readImage(size_t index);
    void readVideo(size_t index);
    void readFrames(size_t index);
    bool push(Item item);  //!< false: nobody wants more
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
    std::thread thread_;  // last: it uses the others
};

}  // namespace cli

#endif
