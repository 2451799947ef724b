// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Detects objects in images, folders, videos and cameras: annotated images and videos, lists of all boxes, crops.

   A background thread decodes in advance (inputs.hpp), the detector processes batches of images, and all output files
   (outputs.hpp) are complete after each image, so that no result is lost on Ctrl-C. An image that cannot be processed
   is named and left out. */

#include "base/files.hpp"
#include "base/text.hpp"
#include "cli/detector_options.hpp"
#include "cli/inputs.hpp"
#include "cli/interrupt.hpp"
#include "cli/outputs.hpp"
#include "cli/progress.hpp"
#include "cli/table.hpp"
#include "cli/tracker.hpp"
#include "cli/window.hpp"
#include "base/atomic_file.hpp"
#include "d2det_detect/annotated_ids.hpp"
#include "d2det_detect/explain_picture.hpp"
#include "d2det_detect/labels.hpp"

#include <opencv2/imgcodecs.hpp>

#include <filesystem>
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <sstream>

namespace fs = std::filesystem;
using cli::DetectedImage;
using cli::ImageReader;
using cli::Outputs;
using cli::printable;
using cli::Source;
using cli::UsageError;
using cv::d2det::Detector;
using d2det::counted;

namespace
{

const char* const PROGRAM = "d2det_detect";
const float DEFAULT_SCORE = 0.5f;  //!< of a model without an operating score
const int MAX_FIRST_FAILURES = 3;  //!< images that cannot be processed before the first that can
const double TRACK_SECONDS = 1;    //!< for which an object that is not seen keeps its number

struct Arguments
{
    cli::po::variables_map values;
    std::vector<std::string> inputs;
    cli::InputOptions input;
    cli::OutputOptions output;
    detect_program::LabelOptions labels;
    int explain = 0;  //!< objects of each image of which there is a picture
    int batch = 1;
    bool quiet = false;
};

//! "2 person, 1 dog", most frequent first.
std::string countClasses(const std::map<int, int>& counts, const std::vector<cv::String>& names)
{
    std::vector<std::pair<int, int>> order(counts.begin(), counts.end());
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text;
    for (const auto& entry : order)
        text += (text.empty() ? "" : ", ") + std::to_string(entry.second) + " " +
                printable(cli::className(names, entry.first));
    return text.empty() ? "-" : text;
}

//! The selected classes, by id; empty: all.
std::vector<bool> parseClasses(const std::string& text, const std::vector<cv::String>& names)
{
    if (text.empty())
        throw UsageError("--classes is empty, it must be names or ids like person,car");
    std::vector<bool> wanted(names.size(), false);
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');)
    {
        const auto named = std::find(names.begin(), names.end(), part);
        const bool number =
            !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
        if (named != names.end())
            wanted[named - names.begin()] = true;
        else if (number && std::stoul(part) < names.size())
            wanted[std::stoul(part)] = true;
        else
        {
            std::string near;
            for (const std::string& name : d2det::nearestNames(part, names, 3))
                near += (near.empty() ? "" : ", ") + printable(name);
            throw UsageError("--classes: the model has no class '" + part + "'; near names: " + near +
                             "; ids are 0 to " + std::to_string(names.size() - 1));
        }
    }
    return wanted;
}

//! Keeps only the detections of the selected classes and their masks.
void keepClasses(DetectedImage& result, const std::vector<bool>& wanted)
{
    if (wanted.empty())
        return;
    cv::Mat kept(0, result.detections.cols, CV_32F);
    std::vector<cv::d2det::BoxMask> masks;
    for (int i = 0; i < result.detections.rows; i++)
    {
        const size_t id = static_cast<size_t>(result.detections.at<float>(i, 5));
        if (id >= wanted.size() || !wanted[id])
            continue;
        kept.push_back(result.detections.row(i));
        if (!result.masks.empty())
            masks.push_back(result.masks[i]);
    }
    result.detections = kept;
    result.masks.swap(masks);
}

//! Single call site of the detector: images in, detections (and masks, if supported by the model) out.
void detectBatch(Detector& detector, std::vector<DetectedImage>& batch, bool withMasks)
{
    std::vector<cv::Mat> images, detections;
    for (const DetectedImage& image : batch)
        images.push_back(image.image);
    if (!withMasks)
        detector.detectBatch(images, detections);
    std::vector<std::vector<cv::d2det::BoxMask>> masks(images.size());
    if (withMasks)
        detector.segmentInBoxesBatch(images, detections, masks);
    for (size_t i = 0; i < batch.size(); i++)
    {
        batch[i].detections = detections[i];
        batch[i].masks = masks[i];
    }
}

//! Times and counts of all images or of the frames of one video.
struct Statistics
{
    cli::StageTimes times;
    std::map<int, int> classes;
    int64 images = 0, detections = 0;
    cv::Size size;

    void add(const DetectedImage& result, const std::vector<cv::String>& stages, const std::vector<double>& stageTimes)
    {
        times.add(stages, stageTimes);
        images++;
        size = result.image.size();
        detections += result.detections.rows;
        for (int i = 0; i < result.detections.rows; i++)
            classes[static_cast<int>(result.detections.at<float>(i, 5))]++;
    }
};

//! One run over all sources.
class DetectionRun
{
public:
    //! @param ids of annotations, or null; must outlive the run.
    DetectionRun(const Arguments& args, Detector& detector, const std::vector<Source>& sources, int64 skipped,
                 const cli::ResultIds* ids);
    int process();

private:
    void handle(ImageReader::Item& item);
    void detect();
    bool tryBatch(std::vector<DetectedImage>& batch);
    void report(DetectedImage& result, const std::vector<double>& times);
    bool ended() const { return closed_ || cli::interrupted(); }
    std::string nameOf(const DetectedImage& result) const;
    void note(const std::string& text);
    void explain(const DetectedImage& result);
    void endVideo();
    void skip(size_t source, const std::string& reason);
    void printRow(const std::string& name, cv::Size size, const std::vector<double>& times,
                  const std::string& detections);
    int finish();

    const Arguments& args_;
    Detector& detector_;
    const std::vector<Source>& sources_;
    std::vector<cv::String> names_;
    std::vector<bool> wanted_;
    const bool withMasks_;
    Outputs outputs_;
    std::optional<detect_program::Labels> labels_;
    cli::Progress progress_;
    std::unique_ptr<cli::Window> window_;
    bool closed_ = false;  //!< the user closed the window
    std::optional<cli::Tracker> tracker_;
    int failures_ = 0;  //!< images in a row that could not be processed
    bool notedLimit_ = false;
    std::vector<DetectedImage> batch_;
    std::vector<cv::String> stages_;
    Statistics all_, video_;  //!< of the run, of the current video
    size_t videoSource_ = 0;
    int64 frames_ = 0;  //!< part of all_.images: frames of entire videos
    int64 skipped_, explained_ = 0;
    cli::OutputNames explainNames_;
    size_t nameWidth_ = 16;
    int rows_ = 0;
};

DetectionRun::DetectionRun(const Arguments& args, Detector& detector, const std::vector<Source>& sources, int64 skipped,
                           const cli::ResultIds* ids)
    : args_(args),
      detector_(detector),
      sources_(sources),
      names_(detector.getClassNames()),
      wanted_(args.values.count("classes") ? parseClasses(args.values["classes"].as<std::string>(), names_)
                                           : std::vector<bool>()),
      withMasks_(detector.hasMasks() && args.values.count("boxes-only") == 0),
      outputs_(args.output, sources, names_, ids),
      progress_(!args.quiet, "images", args.quiet ? 0 : cli::countImages(sources, args.input)),
      skipped_(skipped),
      explainNames_(args.output.folder / "explain", sources)
{
    if (!args.labels.formats.empty())
        labels_.emplace(args.labels, args.output.folder, sources, names_);
    for (const Source& source : sources)
        nameWidth_ = std::min<size_t>(std::max(nameWidth_, d2det::countCharacters(source.name.string()) + 4), 40);
}

int DetectionRun::process()
{
    cli::catchInterrupts();
    if (args_.values.count("show"))
        window_ = std::make_unique<cli::Window>(PROGRAM);
    ImageReader reader(sources_, args_.input, std::max(2 * args_.batch, 4));
    for (ImageReader::Item item; reader.next(item, [this] { return ended(); });)
        handle(item);
    // Only few images wait for their batch to fill; after Ctrl-C they are not processed.
    if (!ended())
        detect();
    endVideo();
    return finish();
}

void DetectionRun::handle(ImageReader::Item& item)
{
    if (item.kind == ImageReader::Item::FAILED)
        return skip(item.source, item.reason);
    if (item.kind == ImageReader::Item::END)
    {
        detect();
        return endVideo();
    }
    DetectedImage result;
    result.source = item.source;
    result.frame = item.frame;
    result.fps = item.fps;
    result.seconds = item.seconds;
    result.live = item.live;
    result.image = item.image;
    batch_.push_back(result);
    // Frames of a live source do not wait for others.
    if (batch_.size() >= static_cast<size_t>(args_.batch) || item.live)
        detect();
}

//! "walk.mp4 12"
std::string DetectionRun::nameOf(const DetectedImage& result) const
{
    return sources_[result.source].name.string() + (result.frame >= 0 ? cv::format(" %d", result.frame) : "");
}

//! A line for the user on stderr.
void DetectionRun::note(const std::string& text)
{
    progress_.clear();
    std::cerr << PROGRAM << ": " << text << "\n";
}

//! False if an image cannot be processed, for instance for want of memory; a single one then is named.
bool DetectionRun::tryBatch(std::vector<DetectedImage>& batch)
{
    std::string reason;
    try
    {
        detectBatch(detector_, batch, withMasks_);
        failures_ = 0;
        return true;
    }
    catch (const cv::Exception& e)
    {
        reason = e.code == cv::Error::StsNoMem ? "there is not enough memory for it: " + cli::oneLine(e.err)
                                               : cli::oneLine(e.err);
    }
    catch (const std::bad_alloc&)
    {
        reason = "there is not enough memory for it";
    }
    if (batch.size() > 1)
        return false;
    if (all_.images == 0 && ++failures_ >= MAX_FIRST_FAILURES)  // of the model then, not of the images
        throw std::runtime_error(reason);
    skipped_++;
    note("skipped " + printable(nameOf(batch[0])) + ": " + reason);
    return false;
}

void DetectionRun::detect()
{
    std::vector<std::vector<DetectedImage>> groups;
    if (!batch_.empty())
        groups.emplace_back(std::move(batch_));
    batch_.clear();
    for (size_t g = 0; g < groups.size(); g++)
    {
        std::vector<DetectedImage> group = std::move(groups[g]);
        if (!tryBatch(group))
        {
            for (size_t i = 0; group.size() > 1 && i < group.size(); i++)
                groups.emplace_back(1, group[i]);
            continue;
        }
        std::vector<double> times = detector_.getTimings(stages_);
        for (double& time : times)
            time /= static_cast<double>(group.size());
        if (detector_.reachedMaxDetections() && !notedLimit_)
        {
            notedLimit_ = true;
            note(cv::format(
                "an image has %d detections, the most that are kept (the first: %s or in its batch); "
                "--score is %g",
                detector_.getMaxDetections(), printable(nameOf(group[0])).c_str(), detector_.getScoreThreshold()));
        }
        for (DetectedImage& result : group)
        {
            keepClasses(result, wanted_);
            if (args_.output.tracks && result.fps > 0)
            {
                if (!tracker_)
                    tracker_.emplace(std::max(cvRound(result.fps * TRACK_SECONDS), 1));
                result.tracks = tracker_->update(result.detections);
            }
            report(result, times);
        }
    }
}

//! Processes an image with its detections: outputs, statistics, messages.
void DetectionRun::report(DetectedImage& result, const std::vector<double>& times)
{
    const bool frame = result.fps > 0;
    const Source& source = sources_[result.source];
    Statistics one;
    one.add(result, stages_, times);
    all_.add(result, stages_, times);
    if (frame)
        video_.add(result, stages_, times);
    frames_ += frame;
    videoSource_ = result.source;
    if (labels_)
        labels_->add(result);
    if (args_.explain > 0)
        explain(result);
    const fs::path target = outputs_.add(result);
    const std::string name = nameOf(result);
    if (window_ && !closed_)
    {
        if (!args_.output.images)  // otherwise it is drawn
            outputs_.draw(result);
        closed_ = !window_->show(result.image, !frame);
    }
    if (!frame)
    {
        // Output names that differ from the input name are printed.
        const bool renamed = result.frame < 0 && !target.empty() && target.filename() != source.name.filename();
        printRow(name, one.size, times,
                 countClasses(one.classes, names_) + (renamed ? "  -> " + printable(target.filename().string()) : ""));
    }
    progress_.update(all_.images, printable(name));
}

//! Pictures of how the best objects of the image were found: explain/NAME_0.png, by descending score.
void DetectionRun::explain(const DetectedImage& result)
{
    cv::Mat detections;
    std::vector<cv::d2det::DetectionExplanation> explanations;
    detector_.explain(result.image, detections, explanations);
    const fs::path name = sources_[result.source].name;
    int count = 0;
    for (const cv::d2det::DetectionExplanation& e : explanations)
    {
        const size_t id = static_cast<size_t>(e.classId);
        if (!wanted_.empty() && (id >= wanted_.size() || !wanted_[id]))
            continue;
        if (count == args_.explain)
            break;
        const cv::Mat picture = detect_program::explainPicture(
            result.image, e,
            cv::format("%s %.2f", cli::className(names_, e.classId).c_str(), e.score) + "   in " + nameOf(result));
        std::vector<uchar> bytes;
        if (!cv::imencode(".png", picture, bytes))
            throw std::runtime_error("a picture of --explain cannot be written as PNG");
        std::string stem = name.filename().string();
        std::replace(stem.begin(), stem.end(), '.', '_');
        if (result.frame >= 0)
            stem += cv::format("_%06d", result.frame);
        stem += "_" + std::to_string(count++) + ".png";
        d2det::AtomicFile file(explainNames_.take(name.parent_path() / stem).string());
        file.write(bytes.data(), bytes.size());
        file.commit();
        explained_++;
    }
}

//! Called after the last processed frame of a video.
void DetectionRun::endVideo()
{
    tracker_.reset();
    if (video_.images == 0)
        return;
    const std::string name = sources_[videoSource_].name.string();
    printRow(cv::format("%s, mean", name.c_str()), video_.size, video_.times.mean(),
             counted(video_.images, "frame") + ": " + countClasses(video_.classes, names_));
    video_ = Statistics();
    const std::string about = outputs_.endVideo();
    if (!about.empty())
        note(about);
}

void DetectionRun::skip(size_t source, const std::string& reason)
{
    progress_.clear();
    skipped_++;
    std::cerr << PROGRAM << ": skipped " << printable(sources_[source].path.string()) << ": " << reason << "\n";
}

void DetectionRun::printRow(const std::string& name, cv::Size size, const std::vector<double>& times,
                            const std::string& detections)
{
    if (args_.quiet)
        return;
    progress_.clear();
    if (rows_++ == 0)
        std::cout << cli::padRight("image", nameWidth_) << "       size" << cli::StageTimes::header(stages_)
                  << "  detections\n";
    const std::string sizeText = size.empty() ? "" : cv::format("%dx%d", size.width, size.height);
    std::cout << cli::padRight(printable(name), nameWidth_) << cv::format("%11s", sizeText.c_str())
              << cli::StageTimes::row(stages_, times) << "  " << detections << std::endl;
}

//! The last lines and the exit code.
int DetectionRun::finish()
{
    progress_.clear();
    if (all_.images > 0 && !args_.quiet)
    {
        if (rows_ > 1)
            printRow("mean", cv::Size(), all_.times.mean(), "total: " + countClasses(all_.classes, names_));
        const int64 images = all_.images - frames_;
        std::string done = images > 0 ? counted(images, "image") : "";
        if (frames_ > 0)
            done += (done.empty() ? "" : " and ") + counted(frames_, "frame");
        std::cout << "\n" << done << ", " << counted(all_.detections, "detection");
        std::string what = args_.output.images ? frames_ == 0 ? "annotated images"
                                                 : images > 0 ? "annotated images and videos"
                                                              : "annotated video"
                                               : "";
        std::string lists = outputs_.describe();
        if (explained_ > 0)
            lists += (lists.empty() ? "" : ", ") + std::string("explain/");
        what += (what.empty() || lists.empty() ? "" : ", ") + lists;
        if (!what.empty())
            std::cout << ". In " << args_.output.folder.string() << ": " << what;
        std::cout << std::endl;
    }
    if (labels_)
        for (const std::string& line : labels_->write())
            if (!args_.quiet)
                std::cout << printable(line) << std::endl;
    if (skipped_ > 0 && all_.images > 0)
        std::cerr << PROGRAM << ": " << counted(skipped_, "input") << " skipped\n";
    if (outputs_.notAnnotated() > 0)
        note(counted(outputs_.notAnnotated(), "image") + " not in the annotations, left out of detections.json");
    if (outputs_.withoutOutlines() > 0)
        note(counted(outputs_.withoutOutlines(), "image") +
             " of more than 2^28 pixels, the limit of run lengths: boxes without outlines in detections.json");
    if (cli::interrupted())
    {
        std::cerr << PROGRAM << ": interrupted; what was found in " << counted(all_.images, "image") << " is saved\n";
        return cli::EXIT_INTERRUPTED;
    }
    if (all_.images == 0)
        throw std::runtime_error("none of the inputs could be processed");
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
    if (frames.empty())
        throw UsageError("--frames is empty, it must be numbers like 100,200,300");
    return {frames.begin(), frames.end()};
}

//! Rejects an output folder that contains inputs, which would be overwritten.
void checkOutput(const fs::path& output, const std::vector<Source>& sources)
{
    std::set<fs::path> folders;
    for (const Source& source : sources)
        if (source.kind == Source::IMAGE || source.kind == Source::VIDEO)
            folders.insert(source.path.has_parent_path() ? source.path.parent_path() : ".");
    for (const fs::path& folder : folders)
    {
        std::error_code ignored;
        if (fs::equivalent(folder, output, ignored))
            throw UsageError("--output " + output.string() + " is a folder of inputs, which would be overwritten");
    }
}

const char* const HELP =
    "Detects objects in images, videos and camera streams and shows where they are.\n\n"
    "  d2det_detect --model FILE [options] INPUT...\n\n"
    "INPUT, any number and mix of:\n"
    "  FILE       an image or a video, by its content if its name does not say it\n"
    "  FOLDER     its images, with --recursive those of the folders inside\n"
    "  'PATTERN'  files that match; * ? [a-z] as in the shell, ** for any folders\n"
    "  camera:N   the camera with this number (also N or /dev/videoN), until Ctrl-C or --max-frames\n"
    "  ADDRESS    a stream of the network: rtsp://..., http://..., udp://...; a password is not written anywhere\n"
    "  -          paths from the standard input, one a line\n"
    "Of cameras and live streams the newest frame is looked at: what comes faster than it is processed is left out.\n\n"
    "The output folder gets:\n"
    "  * every image with boxes drawn, under its own name; a second image of the same name gets _2 and so on;\n"
    "    images of folders inside folders lie in the same folders\n"
    "  * for every video NAME.mp4 with boxes and the same size and rate (NAME.avi where MPEG-4 cannot be written,\n"
    "    and for sides that are odd numbers); sound is not copied\n"
    "  * detections.json, all boxes as COCO results: image_id (images and frames counted from 1), file_name, frame\n"
    "    (of videos, from 0), category_id (class of the model from 0), category_name, bbox [x, y, width, height] in\n"
    "    pixels, score, with masks segmentation (run lengths), with --track track_id. With --annotations image_id and\n"
    "    category_id are those of the annotated data set, for programs that evaluate results\n"
    "  * with --csv detections.csv: file,frame,class,score,x1,y1,x2,y2 and, with --track, track\n"
    "  * with --crops crops/CLASS/: the inside of every box as an image\n"
    "  * with --explain explain/NAME_0.png and so on: how the best objects were found\n"
    "  * with --labels dataset_FORMAT/: what was found as a data set, to be corrected and trained on\n\n"
    "Inputs that cannot be read or processed are named and left out. Ctrl-C finishes the images in work and keeps "
    "what\n"
    "was found. Only one run at a time writes to an output folder.\n\n"
    "Examples:\n"
    "  d2det_detect --model person.onnx --score 0.5 --output out/street street/ 'more/2024-*/*.jpg'\n"
    "  d2det_detect --model person.onnx --batch 4 --csv --track --output out/walk walk.mp4\n"
    "  d2det_detect --model person.onnx --tile 640 --output out/city aerial.tif\n"
    "  d2det_detect --model person.onnx --labels cvat,coco --label-score 0.6 --no-pictures --output out/new new/\n"
    "  d2det_detect --model person.onnx --show --no-pictures camera:0\n"
    "  find . -name '*.png' | d2det_detect --model person.onnx --no-pictures -\n";

cli::po::options_description outputOptions()
{
    namespace po = cli::po;
    po::options_description options("Output");
    options.add_options()("output,o", po::value<std::string>()->value_name("DIR")->default_value("out/detect"),
                          "folder for all results")("classes", po::value<std::string>()->value_name("LIST"),
                                                    "only these: names or ids, like person,car")(
        "boxes-only", "leave out the masks that the model makes: faster, smaller files")("csv", "write detections.csv")(
        "crops", "save the inside of every box")(
        "annotations,a", cli::po::value<std::string>()->value_name("PATH"),
        "data set (COCO, Pascal VOC or YOLO) whose ids detections.json gets, by file name and class name")(
        "track", "number the objects of videos, the same number from frame to frame")(
        "color-by", cli::po::value<std::string>()->value_name("WHAT")->default_value("class"),
        "class, or instance: every object has a color of its own, with --track every number")(
        "explain", cli::po::value<std::string>()->value_name("N"),
        "pictures of how the N best objects of each image were found, or all: dense boxes, overlap and sampling points "
        "of D2Det; takes a second pass of the network")(
        "show", "show results in a window; Esc or q ends, other keys show the next image")(
        "no-pictures", "no annotated images and videos")("no-json", "no detections.json")("quiet,q",
                                                                                          "print errors only");
    cli::addFontOption(options);
    return options;
}

cli::po::options_description labelOptions()
{
    namespace po = cli::po;
    po::options_description options("Labels");
    options.add_options()("labels", po::value<std::string>()->value_name("LIST"),
                          "write what was found as data sets: coco, voc, yolo, labelme, cvat, or several like "
                          "coco,cvat; frames of videos are saved in frames/")(
        "label-score", po::value<double>()->value_name("S"),
        "lowest score of a label; if not given that of a detection")(
        "simplify", po::value<double>()->value_name("PIXELS")->default_value(1, "1"),
        "how far outlines of labels may be from the border of the mask; 0: exact, and run lengths in coco")(
        "copy-images", "copy the images into the data sets");
    return options;
}

//! "coco,cvat" -> names of formats, each once.
std::vector<std::string> parseFormats(const std::string& text)
{
    std::vector<std::string> formats;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');)
        try
        {
            d2det::writtenFormat(part);
            if (std::find(formats.begin(), formats.end(), part) == formats.end())
                formats.push_back(part);
        }
        catch (const std::runtime_error& error)
        {
            throw UsageError(std::string("--labels: ") + error.what());
        }
    if (formats.empty())
        throw UsageError("--labels is empty, it must be formats like coco,cvat");
    return formats;
}

//! "3" or "all"
int parseExplain(const std::string& text)
{
    constexpr int MOST = 1000000;
    if (text == "all")
        return MOST;
    int64_t count = 0;
    if (!d2det::parseInteger(text, count) || count < 1 || count > MOST)
        throw UsageError("--explain is '" + text + "', it must be a number from 1 on, or all");
    return static_cast<int>(count);
}

void readLabelArguments(const cli::po::variables_map& values, detect_program::LabelOptions& labels)
{
    cli::checkRange<double>(values, "label-score", 0, 1);
    cli::checkRange<double>(values, "simplify", 0, 100);
    if (values.count("labels"))
        labels.formats = parseFormats(values["labels"].as<std::string>());
    for (const char* option : {"label-score", "copy-images"})
        if (values.count(option) && !values.count("labels"))
            throw UsageError(std::string("--") + option + " needs --labels");
    if (values.count("label-score"))
        labels.score = values["label-score"].as<double>();
    labels.tolerance = values["simplify"].as<double>();
    labels.copyImages = values.count("copy-images") > 0;
}

cli::po::options_description inputOptions()
{
    namespace po = cli::po;
    po::options_description options("Input");
    options.add_options()("recursive,r", "also folders inside folders")(
        "batch", po::value<int>()->value_name("N")->default_value(1),
        "images that go through the network together; the results are the same")(
        "frames", po::value<std::string>()->value_name("LIST"),
        "treat these frames of the videos (from 0, like 100,200) as images")(
        "every", po::value<int>()->value_name("N"), "every N-th frame of videos; the annotated video has only those")(
        "max-frames", po::value<int>()->value_name("N"), "frames of each video or camera that are looked at");
    return options;
}

//! Command-line values -> Arguments, with all checks that do not require opening a file.
void readArguments(Arguments& args)
{
    const cli::po::variables_map& values = args.values;
    cli::checkDetectorOptions(values);
    cli::checkRange<int>(values, "batch", 1, 64);
    cli::checkRange<int>(values, "every", 1, 1000000);
    cli::checkRange<int>(values, "max-frames", 1, 1000000000);
    if (!values.count("input"))
        throw UsageError("no INPUT is given");
    args.inputs = values["input"].as<std::vector<std::string>>();
    args.output.folder = values["output"].as<std::string>();
    args.output.images = !values.count("no-pictures");
    args.output.json = !values.count("no-json");
    args.output.csv = values.count("csv") > 0;
    args.output.crops = values.count("crops") > 0;
    args.output.tracks = values.count("track") > 0;
    const std::string colors = values["color-by"].as<std::string>();
    if (colors != "class" && colors != "instance")
        throw UsageError("--color-by is '" + colors + "', it must be class or instance");
    args.output.instances = colors == "instance";
    if (values.count("annotations") && values.count("no-json"))
        throw UsageError("--annotations gives ids to detections.json, which --no-json leaves out");
    readLabelArguments(values, args.labels);
    if (values.count("explain"))
        args.explain = parseExplain(values["explain"].as<std::string>());
    if (values.count("explain") && values.count("tile"))
        throw UsageError("--explain shows what the network finds in the entire image: leave out --tile");
    args.batch = values["batch"].as<int>();
    args.quiet = values.count("quiet") > 0;
    args.input.recursive = values.count("recursive") > 0;
    args.input.exclude = args.output.folder;
    if (values.count("frames"))
        args.input.frames = parseFrames(values["frames"].as<std::string>());
    if (values.count("every"))
        args.input.every = values["every"].as<int>();
    if (values.count("max-frames"))
        args.input.maxFrames = values["max-frames"].as<int>();
    if (values.count("frames") && (values.count("every") || values.count("max-frames")))
        throw UsageError("--frames already says which frames are wanted: leave out --every and --max-frames");
}

int run(const std::vector<std::string>& words)
{
    cli::CommandLine line{PROGRAM, HELP,
                          cli::detectorOptions("lowest score of a detection, 0..1; if not given the "
                                               "model's operating scores of the classes or of all, or else 0.5")};
    line.options.add(inputOptions()).add(outputOptions()).add(labelOptions());
    line.epilogue =
        "\nExit code: 0 if something was processed, 1 if not, 2 for a wrong command line, 130 after Ctrl-C.\n";
    line.hidden.add_options()("input", cli::po::value<std::vector<std::string>>());
    line.inputs.add("input", -1);
    Arguments args;
    if (const std::optional<int> code = cli::readCommandLine(line, words, args.values))
        return *code;
    readArguments(args);
    cli::useFont(args.values);

    int64 skipped = 0;
    const auto skip = [&](const std::string& input, const std::string& reason)
    {
        skipped++;
        std::cerr << PROGRAM << ": skipped " << printable(input) << ": " << reason << "\n";
    };
    const std::vector<Source> sources = cli::listSources(args.inputs, args.input, std::cin, skip);
    const auto isMoving = [](const Source& source) { return source.kind != Source::IMAGE; };
    const bool moving = std::any_of(sources.begin(), sources.end(), isMoving);
    for (const char* option : {"frames", "every", "max-frames"})
        if (args.values.count(option) && !moving && !sources.empty())
            throw UsageError(std::string("--") + option + " needs a video among the INPUTs");
    checkOutput(args.output.folder, sources);
    if (sources.empty())
        throw std::runtime_error("none of the inputs could be processed");
    const cv::Ptr<Detector> detector = cli::makeDetector(args.values);
    // The threshold of the model itself is meant for evaluation: far too low for a person to look at.
    if (!args.values.count("score") && detector->getClassScoreThresholds().empty())
        detector->setScoreThreshold(detector->getOperatingScore() >= 0 ? detector->getOperatingScore() : DEFAULT_SCORE);
    std::optional<cli::ResultIds> ids;
    if (args.values.count("annotations"))
    {
        std::vector<std::string> missing;
        ids = detect_program::readAnnotatedIds(args.values["annotations"].as<std::string>(), detector->getClassNames(),
                                               missing);
        for (const std::string& name : missing)
            std::cerr << PROGRAM << ": the annotations have no class " << printable(name)
                      << ", its detections are left out of detections.json\n";
    }
    return DetectionRun(args, *detector, sources, skipped, ids ? &*ids : nullptr).process();
}

}  // namespace

int main(int argc, char** argv)
{
#ifndef _WIN32
    // Disables FFmpeg messages about damaged videos (-8: none); the program reports the file itself.
    setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);
#endif
    return cli::runProgram(PROGRAM, [&] { return run(cli::wordsOf(argc, argv)); });
}
