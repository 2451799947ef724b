// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO average precision of a model on an annotated set of pictures. */

#include "common.hpp"

#include "data/dataset.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>

#include <chrono>
#include <fstream>

using cv::d2det::CocoEvaluator;
using cv::d2det::Detector;
using nlohmann::json;
using samples::UsageError;

namespace
{

const char* const PROGRAM = "d2det_evaluate";
const float DEFAULT_SCORE = 0.01f;    //!< AP looks at the whole curve, so nearly everything counts
const double MAX_BAD_FRACTION = 0.1;  //!< unreadable pictures beyond which the result would mean little

//! Classes that the model and the annotations share, matched by name.
struct ClassMap
{
    std::vector<int> indexOfModelClass;  //!< class of the model -> index into Dataset::classNames, -1: not annotated
    std::vector<int> evaluated;          //!< indices into Dataset::classNames, ascending
    std::vector<int> unknown;            //!< the others: annotated, but the model does not know them
};

std::string join(const std::vector<std::string>& names, size_t limit)
{
    std::string text;
    for (size_t i = 0; i < names.size() && i < limit; i++)
        text += (i ? ", " : "") + names[i];
    return names.size() > limit ? text + ", ..." : text;
}

ClassMap matchClasses(const std::vector<cv::String>& model, const d2det::Dataset& dataset)
{
    const std::vector<std::string>& annotated = dataset.classNames;
    ClassMap map;
    std::vector<bool> known(annotated.size(), false);
    for (const cv::String& name : model)
    {
        const auto found = std::find(annotated.begin(), annotated.end(), name);
        const int index = found == annotated.end() ? -1 : static_cast<int>(found - annotated.begin());
        map.indexOfModelClass.push_back(index);
        if (index >= 0)
            known[index] = true;
    }
    for (int i = 0; i < static_cast<int>(annotated.size()); i++)
        (known[i] ? map.evaluated : map.unknown).push_back(i);
    if (map.evaluated.empty())
        throw std::runtime_error("the model (" + join(model, 5) + ") and the annotations (" + join(annotated, 5) +
                                 ") have no class name in common");
    return map;
}

class Evaluation
{
public:
    Evaluation(const d2det::Dataset& dataset, Detector& detector)
        : dataset_(dataset), detector_(detector), classes_(matchClasses(detector.getClassNames(), dataset))
    {
        std::vector<int64> ids;
        for (const int index : classes_.evaluated)
            ids.push_back(dataset.categoryIds[index]);
        evaluator_.setCategories(ids);
        objects_.resize(dataset.classNames.size());
    }

    void run(bool progress);
    void print(std::ostream& out) const;
    const json& results() const { return results_; }

private:
    void addPicture(const d2det::ImageRecord& record, const cv::Mat& detections);
    void printSummary(std::ostream& out) const;

    const d2det::Dataset& dataset_;
    Detector& detector_;
    ClassMap classes_;
    CocoEvaluator evaluator_;
    json results_ = json::array();
    samples::StageTimes times_;
    std::vector<int> objects_;  //!< annotated objects by class, without crowds
    int pictures_ = 0, bad_ = 0;
    double seconds_ = 0;
};

void Evaluation::addPicture(const d2det::ImageRecord& record, const cv::Mat& detections)
{
    for (const d2det::Annotation& annotation : record.annotations)
    {
        CocoEvaluator::GroundTruth gt;
        gt.imageId = record.id;
        gt.categoryId = dataset_.categoryIds[annotation.category];
        gt.box = cv::Rect2d(annotation.x, annotation.y, annotation.width, annotation.height);
        gt.area = annotation.area;
        gt.crowd = annotation.crowd;
        evaluator_.addGroundTruth(gt);
        objects_[annotation.category] += !annotation.crowd;
    }
    for (int i = 0; i < detections.rows; i++)
    {
        const float* d = detections.ptr<float>(i);
        const size_t classId = static_cast<size_t>(d[5]);
        if (classId >= classes_.indexOfModelClass.size() || classes_.indexOfModelClass[classId] < 0)
            continue;
        CocoEvaluator::Detection detection;
        detection.imageId = record.id;
        detection.categoryId = dataset_.categoryIds[classes_.indexOfModelClass[classId]];
        detection.box = cv::Rect2d(d[0], d[1], double(d[2]) - d[0], double(d[3]) - d[1]);
        detection.score = d[4];
        evaluator_.addDetection(detection);
        results_.push_back({{"image_id", record.id},
                            {"category_id", detection.categoryId},
                            {"bbox", {detection.box.x, detection.box.y, detection.box.width, detection.box.height}},
                            {"score", detection.score}});
    }
}

void Evaluation::run(bool progress)
{
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    const int total = static_cast<int>(dataset_.images.size());
    std::vector<int64> ids;
    for (const d2det::ImageRecord& record : dataset_.images)
    {
        // Annotations are in the coordinates of the stored pixels, whatever an EXIF tag says.
        const cv::Mat image = cv::imread(record.path, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
        if (image.empty() || (record.width > 0 && (image.cols != record.width || image.rows != record.height)))
        {
            std::cerr << PROGRAM << ": skipped " << record.path << ": "
                      << (image.empty() ? std::string("it cannot be read as a picture")
                                        : cv::format("it is %d x %d, the annotations say %d x %d", image.cols,
                                                     image.rows, record.width, record.height))
                      << "\n";
            if (++bad_ > MAX_BAD_FRACTION * total)
                throw std::runtime_error("more than " + cv::format("%.0f", MAX_BAD_FRACTION * 100) +
                                         " % of the pictures cannot be used; is --images the right folder?");
            continue;
        }
        cv::Mat detections;
        detector_.detect(image, detections);
        times_.add(detector_);
        ids.push_back(record.id);
        addPicture(record, detections);
        pictures_++;
        if (progress)
        {
            const double rate = pictures_ / elapsed();
            std::cerr << cv::format("\r%d of %d pictures, %.2f per second, %.0f s left ", pictures_ + bad_, total, rate,
                                    (total - pictures_ - bad_) / rate)
                      << std::flush;
        }
    }
    if (progress)
        std::cerr << "\r\033[K";
    seconds_ = elapsed();
    if (pictures_ == 0)
        throw std::runtime_error("there are no pictures to evaluate");
    evaluator_.setImages(ids);
}

//! The twelve lines of pycocotools.
void Evaluation::printSummary(std::ostream& out) const
{
    static const char* const areas[12] = {"all", "all", "all", "small", "medium", "large",
                                          "all", "all", "all", "small", "medium", "large"};
    const std::vector<double> numbers = evaluator_.summarize();
    for (size_t i = 0; i < numbers.size() && i < 12; i++)
        out << cv::format(" %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n",
                          i < 6 ? "Average Precision" : "Average Recall", i < 6 ? "(AP)" : "(AR)",
                          i == 1   ? "0.50"
                          : i == 2 ? "0.75"
                                   : "0.50:0.95",
                          areas[i],
                          i == 6   ? 1
                          : i == 7 ? 10
                                   : 100,
                          numbers[i]);
}

void Evaluation::print(std::ostream& out) const
{
    printSummary(out);

    const std::vector<double> ap = evaluator_.perCategoryAP();
    size_t width = 10;
    for (const int index : classes_.evaluated)
        width = std::min<size_t>(std::max(width, samples::textWidth(dataset_.classNames[index])), 40);
    out << "\n" << samples::padRight("class", width) << "      AP  objects\n";
    for (size_t i = 0; i < classes_.evaluated.size() && i < ap.size(); i++)
    {
        const int index = classes_.evaluated[i];
        const std::string value = ap[i] < 0 ? "-" : cv::format("%.3f", ap[i]);
        out << samples::padRight(dataset_.classNames[index], width)
            << cv::format("%8s%9d\n", value.c_str(), objects_[index]);
    }

    out << "\n"
        << cv::format("%d pictures in %.1f s, %.2f pictures/s with reading", pictures_, seconds_, pictures_ / seconds_);
    if (bad_ > 0)
        out << "; " << bad_ << " could not be used and are not part of the result";
    out << "\nmean ms " << samples::StageTimes::header(times_.stages()) << "\n        "
        << samples::StageTimes::row(times_.stages(), times_.mean()) << "\n";
    if (!classes_.unknown.empty())
    {
        std::vector<std::string> names;
        for (const int index : classes_.unknown)
            names.push_back(dataset_.classNames[index]);
        out << classes_.unknown.size()
            << " annotated classes are unknown to the model and left out of all means: " << join(names, 8) << "\n";
    }
}

void writeResults(const std::string& path, const json& results)
{
    std::ofstream file(path, std::ios::binary);
    file << results.dump() << "\n";
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path);
}

int run(int argc, char** argv)
{
    namespace po = samples::po;
    po::options_description options = samples::detectorOptions("lowest score of a detection, 0..1; 0.01 if not given");
    po::options_description data("Data");
    data.add_options()("annotations,a", po::value<std::string>()->value_name("PATH"),
                       "COCO instances file, or the folder of a COCO, Pascal VOC or YOLO data set")(
        "images,i", po::value<std::string>()->value_name("DIR")->default_value("", ""),
        "folder of the pictures; found near the annotations if not given")(
        "subset", po::value<std::string>()->value_name("NAME")->default_value(""),
        "every5th_val or every5th_train: of the pictures sorted by name, index 4, 9, ... is validation; or a part of a "
        "folder: train, val, test, trainval")("output,o", po::value<std::string>()->value_name("FILE"),
                                              "write all detections as COCO results")("quiet,q", "no progress line")(
        "help,h", "this text");
    options.add(data);

    po::variables_map args;
    po::store(
        po::command_line_parser(argc, argv).options(options).positional(po::positional_options_description()).run(),
        args);
    if (args.count("help") || argc == 1)
    {
        (argc == 1 ? std::cerr : std::cout)
            << "Measures a model on annotated pictures: COCO's average precision and recall, by class, and speed.\n\n"
               "  d2det_evaluate --model FILE --annotations PATH [--images DIR] [options]\n\n"
               "Classes are matched by name. Detections beyond the model's capacity do not exist; all other limits "
               "are\n"
               "COCO's (100 detections per picture, IoU 0.50:0.95).\n\n"
               "Example:\n"
               "  d2det_evaluate --model person.onnx --annotations instances_val.json --images val --output "
               "results.json\n"
            << options << "\nExit code: 0 done, 1 it did not work, 2 for a wrong command line.\n";
        return argc == 1 ? 2 : 0;
    }
    po::notify(args);
    samples::checkDetectorOptions(args);
    if (!args.count("annotations"))
        throw UsageError("--annotations is missing");

    d2det::ReadOptions reading;
    reading.clipBoxes = false;
    reading.subset = args["subset"].as<std::string>();
    const d2det::Dataset dataset =
        d2det::readDataset(args["annotations"].as<std::string>(), args["images"].as<std::string>(), reading);
    for (const std::string& warning : dataset.warnings)
        std::cerr << PROGRAM << ": " << warning << "\n";

    const cv::Ptr<Detector> detector = samples::makeDetector(args);
    if (!args.count("score"))
        detector->setScoreThreshold(DEFAULT_SCORE);
    Evaluation evaluation(dataset, *detector);
    evaluation.run(!args.count("quiet") && samples::stderrIsTerminal());
    if (args.count("output"))
        writeResults(args["output"].as<std::string>(), evaluation.results());
    evaluation.print(std::cout);
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    return samples::runProgram(PROGRAM, [&] { return run(argc, argv); });
}
