// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What d2det_detect leaves in its output folder: annotated images and videos, detections.json, detections.csv, crops.

   Images and videos are written under a temporary name (x.partial.png) and renamed when they are whole. The lists are
   whole after every image: the JSON array is closed each time and opened again for the next one. So a run that is
   interrupted, or killed, leaves valid files. */

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

//! One image, or frame of a video, and what was found in it.
struct DetectedImage
{
    size_t source = 0;            //!< index into the sources
    int frame = -1;               //!< of a video, from 0
    double fps = 0, seconds = 0;  //!< of videos and cameras, see ImageReader::Item
    cv::Mat image;                //!< 8-bit BGR; the annotations are drawn on it
    cv::Mat detections;           //!< N x 6 CV_32F: x1 y1 x2 y2 score class
    std::vector<cv::Mat> masks;   //!< N of the image's size, CV_8UC1, 0 or 255; none if the model makes none
};

//! Names inside one folder that are not given twice and never name an input.
class OutputNames
{
public:
    OutputNames(const std::filesystem::path& folder, const std::vector<Source>& sources);

    //! Path for a relative name; "_2", "_3" ... is added to the stem if it is taken. Creates the folders inside.
    std::filesystem::path take(const std::filesystem::path& name);

private:
    std::filesystem::path folder_;
    std::set<std::string> used_;              //!< lower case: some file systems know no other
    std::set<std::filesystem::path> inputs_;  //!< canonical
    std::map<std::string, int> next_;         //!< number to try next, by name
};

//! detections.json: an array of COCO results, one a line.
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

//! Annotated video: MPEG-4 or H.264 in .mp4 where OpenCV can write it, else Motion JPEG in .avi.
class VideoOutput
{
public:
    /** @param name relative name of the input, whose extension is replaced.
        @param realTime frames come at their own pace and are repeated until the next one: cameras. */
    VideoOutput(OutputNames& names, const std::filesystem::path& name, double fps, cv::Size size, bool realTime);
    ~VideoOutput();

    void write(const cv::Mat& image, double seconds);
    //! Closes the file and gives it its name.
    void finish();
    const std::filesystem::path& path() const { return path_; }
    //! What the user should know about the format; mostly nothing.
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

    //! Writes everything about an image; draws on it. Returns the annotated image or video; empty if there is none.
    std::filesystem::path add(DetectedImage& result);

    //! After the last frame of a video or camera, or an interrupt: closes the annotated video. Returns its note.
    std::string endVideo();

    int64 images() const { return images_; }

    //! "detections.json, crops/": what lies in the folder besides images.
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
