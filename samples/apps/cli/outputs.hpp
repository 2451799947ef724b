// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Output files of d2det_detect: annotated images and videos, detections.json, detections.csv, crops.

   Images and videos are written under a temporary name (x.partial.png) and renamed when complete. The lists are
   complete after every image: the closing bracket of the JSON array is written each time and overwritten by the next
   entry. An interrupted or killed run therefore leaves valid files. */

#ifndef D2DET_CLI_OUTPUTS_HPP
#define D2DET_CLI_OUTPUTS_HPP

#include "cli/inputs.hpp"

#include <opencv2/videoio.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace cli
{

//! An image or video frame with its detections.
struct DetectedImage
{
    size_t source = 0;            //!< index into the sources
    int frame = -1;               //!< frame index in the video, from 0
    double fps = 0, seconds = 0;  //!< for videos and cameras, see ImageReader::Item
    cv::Mat image;                //!< 8-bit BGR; modified by drawing the detections
    cv::Mat detections;           //!< N x 6 CV_32F: x1 y1 x2 y2 score class
    std::vector<cv::Mat> masks;   //!< N masks of the image size, CV_8UC1, 0 or 255; none for a model without masks
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

//! detections.json: an array of COCO results, one per line.
class JsonWriter
{
public:
    explicit JsonWriter(const std::filesystem::path& path);
    void add(int64 imageId, const std::string& file, const DetectedImage& result, const std::vector<cv::String>& names);

private:
    std::filesystem::path path_;
    std::ofstream file_;
    bool empty_ = true;
};

//! detections.csv: file,frame,class,score,x1,y1,x2,y2; frame is empty for images.
class CsvWriter
{
public:
    explicit CsvWriter(const std::filesystem::path& path);
    void add(const std::string& file, const DetectedImage& result, const std::vector<cv::String>& names);

private:
    std::filesystem::path path_;
    std::ofstream file_;
};

//! Annotated video: MPEG-4 or H.264 in .mp4 if supported by OpenCV, otherwise Motion JPEG in .avi.
class VideoOutput
{
public:
    /** @param name relative name of the input; the extension is replaced.
        @param realTime true for cameras: frames arrive at irregular times and are repeated until the next frame. */
    VideoOutput(OutputNames& names, const std::filesystem::path& name, double fps, cv::Size size, bool realTime);
    ~VideoOutput();

    void write(const cv::Mat& image, double seconds);
    //! Closes the temporary file and renames it to path().
    void finish();
    const std::filesystem::path& path() const { return path_; }
    //! Note about the video format for the user; usually empty.
    const std::string& note() const { return note_; }

private:
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
};

//! All outputs of a run.
class Outputs
{
public:
    Outputs(const OutputOptions& options, const std::vector<Source>& sources, const std::vector<cv::String>& names);

    //! Writes all outputs of an image; draws on the image. Returns the path of the annotated image or video, or "".
    std::filesystem::path add(DetectedImage& result);

    //! After the last frame of a video or camera, or an interrupt: closes the annotated video. Returns its note.
    std::string endVideo();

    int64 images() const { return images_; }

    //! List of the outputs besides images, such as "detections.json, crops/".
    std::string describe() const;

private:
    std::filesystem::path addFrame(const DetectedImage& result);
    std::filesystem::path addImage(const DetectedImage& result);
    void addCrops(const DetectedImage& result);
    std::filesystem::path classFolder(int classId);

    OutputOptions options_;
    const std::vector<Source>& sources_;
    std::vector<cv::String> classNames_;
    OutputNames names_;
    std::unique_ptr<JsonWriter> json_;
    std::unique_ptr<CsvWriter> csv_;
    std::unique_ptr<VideoOutput> video_;
    std::map<int, std::filesystem::path> classFolders_;
    int64 images_ = 0;
};

}  // namespace cli

#endif
