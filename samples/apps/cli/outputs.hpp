// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Output files of d2det_detect: annotated images and videos, detections.json, detections.csv, crops.

   Images and videos are written under a temporary name (x.partial.png) and renamed when complete; a video is read again
   before, since cv::VideoWriter reports no errors. The lists are complete after every image: the closing bracket of the
   JSON array is written each time and overwritten by the next entry; an entry that the disk has no space for is taken
   back. So an interrupted or killed run and a full disk leave valid files. The folder is locked during the run. */

#ifndef D2DET_CLI_OUTPUTS_HPP
#define D2DET_CLI_OUTPUTS_HPP

#include "base/folder_lock.hpp"
#include "cli/inputs.hpp"

#include <opencv2/d2det.hpp>
#include <opencv2/videoio.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cli
{

//! An image or video frame with its detections.
struct DetectedImage
{
    size_t source = 0;                      //!< index into the sources
    int frame = -1;                         //!< frame index in the video, from 0
    double fps = 0, seconds = 0;            //!< for videos and cameras, see ImageReader::Item
    bool live = false;                      //!< see ImageReader::Item
    cv::Mat image;                          //!< 8-bit BGR; modified by drawing the detections
    cv::Mat detections;                     //!< N x 6 CV_32F: x1 y1 x2 y2 score class
    std::vector<cv::d2det::BoxMask> masks;  //!< N masks; none for a model without masks
    std::vector<int> tracks;                //!< N numbers of tracks, from 1; none without tracking
};

//! Ids of an annotation file that results get instead of counters.
struct ResultIds
{
    //! Id of an image; none: the image is not annotated.
    std::function<std::optional<int64>(const std::filesystem::path& file)> image;
    std::vector<std::optional<int64>> categories;  //!< by class of the model; none: the class is not annotated
};

//! Unique output names inside one folder that never coincide with an input file.
class OutputNames
{
public:
    OutputNames(const std::filesystem::path& folder, const std::vector<Source>& sources);

    //! Unused path for a relative name, with "_2", "_3" ... appended to the stem if necessary. Creates subfolders.
    std::filesystem::path take(const std::filesystem::path& name);

private:
    std::filesystem::path folder_;
    std::set<std::string> used_;              //!< in lower case, for case-insensitive file systems
    std::set<std::filesystem::path> inputs_;  //!< canonical
    std::map<std::string, int> next_;         //!< next number to try, by name
};

//! A text file that grows and is whole after each step, also where a step fails.
class ListFile
{
public:
    //! Writes the begin of the file and an end that stays its end.
    ListFile(const std::filesystem::path& path, const std::string& begin, const std::string& end);
    ~ListFile();
    ListFile(const ListFile&) = delete;
    ListFile& operator=(const ListFile&) = delete;

    //! Puts a text before the end. Throws if the disk is full; then the file is the same as before.
    void add(const std::string& text);

private:
    bool write(const std::string& text, size_t at);

    std::filesystem::path path_;
    std::string end_;
    int file_ = -1;
    size_t length_ = 0;  //!< bytes before the end
};

//! detections.json: an array of COCO results, one per line.
class JsonWriter
{
public:
    explicit JsonWriter(const std::filesystem::path& path);
    void add(int64 imageId, const std::string& file, const DetectedImage& result, const std::vector<cv::String>& names,
             const ResultIds* ids);

private:
    ListFile file_;
    bool empty_ = true;
};

//! detections.csv: file,frame,class,score,x1,y1,x2,y2 and, with tracking, track; frame is empty for images.
class CsvWriter
{
public:
    CsvWriter(const std::filesystem::path& path, bool tracks);
    void add(const std::string& file, const DetectedImage& result, const std::vector<cv::String>& names);

private:
    bool tracks_;
    ListFile file_;
};

//! Annotated video: MPEG-4 or H.264 in .mp4 if supported by OpenCV, otherwise Motion JPEG in .avi.
class VideoOutput
{
public:
    /** @param name relative name of the input; the extension is replaced.
        @param realTime true for live sources: frames arrive at irregular times, each is repeated until the next. */
    VideoOutput(OutputNames& names, const std::filesystem::path& name, double fps, cv::Size size, bool realTime);
    ~VideoOutput();

    void write(const cv::Mat& image, double seconds);
    /** Closes the temporary file and renames it to path(). Throws if it cannot be read as a video of all frames: the
        writer says nothing of a full disk. */
    void finish();
    const std::filesystem::path& path() const { return path_; }
    //! Note about the video format for the user; usually empty.
    const std::string& note() const { return note_; }

private:
    void checkSpace();
    bool isWhole() const;

    double fps_;
    cv::Size size_;
    bool realTime_;
    cv::VideoWriter writer_;
    std::filesystem::path path_, temporary_;
    std::string note_;
    cv::Mat last_;
    int64 written_ = 0;
};

struct OutputOptions
{
    std::filesystem::path folder;
    bool images = true;  //!< annotated images and videos
    bool json = true, csv = false, crops = false;
    bool tracks = false;     //!< tracks have numbers
    bool instances = false;  //!< a color for each object instead of each class
};

//! All outputs of a run.
class Outputs
{
public:
    //! @param ids must outlive the outputs; null: counters.
    Outputs(const OutputOptions& options, const std::vector<Source>& sources, const std::vector<cv::String>& names,
            const ResultIds* ids);

    //! Draws the detections on the image.
    void draw(DetectedImage& result) const;

    /** Writes all outputs of an image, with `draw` before that of the image. Returns the path of the annotated image or
        video, or "". */
    std::filesystem::path add(DetectedImage& result);

    //! After the last frame of a video or camera, or an interrupt: closes the annotated video. Returns its note.
    std::string endVideo();

    int64 images() const { return images_; }

    //! Images without an id in the annotations; they are not in detections.json.
    int64 notAnnotated() const { return notAnnotated_; }

    //! Images above the size of run lengths; their masks are not in detections.json.
    int64 withoutOutlines() const { return withoutOutlines_; }

    //! List of the outputs besides images, such as "detections.json, crops/".
    std::string describe() const;

private:
    void addToList(const std::string& file, const DetectedImage& result);
    std::filesystem::path addFrame(const DetectedImage& result);
    std::filesystem::path addImage(const DetectedImage& result);
    void addCrops(const DetectedImage& result);
    std::filesystem::path classFolder(int classId);

    OutputOptions options_;
    const std::vector<Source>& sources_;
    std::vector<cv::String> classNames_;
    const ResultIds* ids_;
    std::unique_ptr<d2det::FolderLock> lock_;
    OutputNames names_;
    std::unique_ptr<JsonWriter> json_;
    std::unique_ptr<CsvWriter> csv_;
    std::unique_ptr<VideoOutput> video_;
    std::map<int, std::filesystem::path> classFolders_;
    int64 images_ = 0, notAnnotated_ = 0, withoutOutlines_ = 0;
};

}  // namespace cli

#endif
