// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO average precision of a model, or of result files of any detectors, on an annotated set of pictures; as text, CSV and
   one HTML page. */

#include "cli/progress.hpp"

#include "base/system.hpp"
#include "base/text.hpp"
#include "dataset/dataset.hpp"
#include "report/html_report.hpp"
#include "report/report_images.hpp"

#include <opencv2/core/utility.hpp>
#include <opencv2/imgcodecs.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>

using cli::UsageError;
using cv::d2det::Detector;

namespace
{

const char* const PROGRAM = "d2det_evaluate";
const float DEFAULT_SCORE = 0.01f;    //!< AP looks at the whole curve, so nearly everything counts
const double MAX_BAD_FRACTION = 0.1;  //!< unreadable pictures beyond which the result would mean little
const int MAX_PICTURES = 12;          //!< of each kind in a report
const size_t MAX_NAME = 60;           //!< bytes of a detector's name

//! Where the numbers of one detector come from.
struct Source
{
    std::string name;
    std::string file;  //!< model or results
    std::vector<d2det::CocoResult> results;
    d2det::NamedTexts details;
    std::vector<std::pair<std::string, double>> stageTimes;
};

//! A measured detector.
struct Measured
{
    d2det::DetectionSet set;
    d2det::ReportResult result;
};

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

std::string plural(int count, const std::string& what)
{
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

//! Annotations are in the coordinates of the stored pixels, whatever an EXIF tag says.
cv::Mat readPicture(const std::string& path)
{
    return cv::imread(path, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
}

//! Runs the model over a data set.
class ModelRun
{
public:
    ModelRun(const d2det::Dataset& dataset, Detector& detector)
        : dataset_(dataset), detector_(detector), classes_(matchClasses(detector.getClassNames(), dataset))
    {
    }

    void run(bool showProgress);
    void describe(Source& source) const;
    void printTimes(std::ostream& out) const;
    const ClassMap& classes() const { return classes_; }
    const std::vector<size_t>& images() const { return images_; }
    std::vector<d2det::CocoResult>& results() { return results_; }

private:
    cv::Mat read(const d2det::ImageRecord& record);
    void detect(const d2det::ImageRecord& record, const cv::Mat& image);

    const d2det::Dataset& dataset_;
    Detector& detector_;
    ClassMap classes_;
    std::vector<d2det::CocoResult> results_;
    std::vector<size_t> images_;  //!< those that could be used
    cli::StageTimes times_;
    int bad_ = 0;
    double seconds_ = 0;
};

//! Empty if the picture cannot be used.
cv::Mat ModelRun::read(const d2det::ImageRecord& record)
{
    const cv::Mat image = readPicture(record.path);
    if (!image.empty() && (record.width <= 0 || (image.cols == record.width && image.rows == record.height)))
        return image;
    std::cerr << PROGRAM << ": skipped " << record.path << ": "
              << (image.empty() ? std::string("it cannot be read as a picture")
                                : cv::format("it is %d x %d, the annotations say %d x %d", image.cols, image.rows,
                                             record.width, record.height))
              << "\n";
    if (++bad_ > MAX_BAD_FRACTION * static_cast<double>(dataset_.images.size()))
        throw std::runtime_error("more than " + cv::format("%.0f", MAX_BAD_FRACTION * 100) +
                                 " % of the pictures cannot be used; is --images the right folder?");
    return cv::Mat();
}

//! The one place where the detector runs, with masks if it makes them.
void ModelRun::detect(const d2det::ImageRecord& record, const cv::Mat& image)
{
    cv::Mat detections, maskScores;
    std::vector<cv::Mat> masks;
    if (detector_.hasMasks())
        detector_.segment(image, detections, masks, maskScores);
    else
        detector_.detect(image, detections);
    times_.add(detector_);
    for (int i = 0; i < detections.rows; i++)
    {
        const float* d = detections.ptr<float>(i);
        const size_t classId = static_cast<size_t>(d[5]);
        if (classId >= classes_.indexOfModelClass.size() || classes_.indexOfModelClass[classId] < 0)
            continue;
        d2det::CocoResult result;
        result.imageId = record.id;
        result.categoryId = dataset_.categoryIds[classes_.indexOfModelClass[classId]];
        result.box = cv::Rect2d(d[0], d[1], double(d[2]) - d[0], double(d[3]) - d[1]);
        result.score = d[4];
        result.maskScore = masks.empty() ? result.score : maskScores.at<float>(i);
        if (!masks.empty())
            result.mask = cv::d2det::rleEncode(masks[i]);
        results_.push_back(result);
    }
}

void ModelRun::run(bool showProgress)
{
    const auto start = std::chrono::steady_clock::now();
    cli::Progress progress(showProgress, "pictures", static_cast<int64>(dataset_.images.size()));
    for (size_t i = 0; i < dataset_.images.size(); i++)
    {
        const cv::Mat image = read(dataset_.images[i]);
        if (image.empty())
            continue;
        detect(dataset_.images[i], image);
        images_.push_back(i);
        progress.update(static_cast<int64>(i) + 1, std::filesystem::path(dataset_.images[i].path).filename().string());
    }
    progress.clear();
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (images_.empty())
        throw std::runtime_error("there are no pictures to evaluate");
}

void ModelRun::describe(Source& source) const
{
    const cv::d2det::InputParams input = detector_.getInputParams();
    source.details = {
        {"model", source.file},
        {"input", cv::format("short side %d, long side at most %d pixels", input.shortSide, input.longSide)},
        {"score threshold", cv::format("%g", detector_.getScoreThreshold())},
        {"NMS", cv::format("%s, IoU %g, at most %d detections",
                           detector_.getNMSMode() == cv::d2det::NMS_HARD          ? "hard"
                           : detector_.getNMSMode() == cv::d2det::NMS_SOFT_LINEAR ? "soft, linear"
                                                                                  : "soft, gaussian",
                           detector_.getNMSThreshold(), detector_.getMaxDetections())},
        {"threads", std::to_string(cv::getNumThreads())},
        {"speed", cv::format("%d pictures in %.1f s, %.2f pictures/s with reading", static_cast<int>(images_.size()),
                             seconds_, static_cast<double>(images_.size()) / seconds_)}};
    if (bad_ > 0)
        source.details.emplace_back("left out", plural(bad_, "picture") + " that could not be used");
    if (!classes_.unknown.empty())
        source.details.emplace_back(
            "unknown classes",
            plural(static_cast<int>(classes_.unknown.size()), "annotated class") + " unknown to the model");
    const std::vector<double> times = times_.mean();
    for (size_t i = 0; i < times.size(); i++)
        source.stageTimes.emplace_back(times_.stages()[i], times[i]);
}

void ModelRun::printTimes(std::ostream& out) const
{
    out << "\n"
        << cv::format("%d pictures in %.1f s, %.2f pictures/s with reading", static_cast<int>(images_.size()), seconds_,
                      static_cast<double>(images_.size()) / seconds_);
    if (bad_ > 0)
        out << "; " << bad_ << " could not be used and are not part of the result";
    out << "\nmean ms " << cli::StageTimes::header(times_.stages()) << "\n        "
        << cli::StageTimes::row(times_.stages(), times_.mean()) << "\n";
    if (!classes_.unknown.empty())
    {
        std::vector<std::string> names;
        for (const int index : classes_.unknown)
            names.push_back(dataset_.classNames[index]);
        out << classes_.unknown.size()
            << " annotated classes are unknown to the model and left out of all means: " << join(names, 8) << "\n";
    }
}

//! The twelve lines of pycocotools.
void printSummary(std::ostream& out, const std::vector<double>& numbers)
{
    static const char* const areas[12] = {"all", "all", "all", "small", "medium", "large",
                                          "all", "all", "all", "small", "medium", "large"};
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

void printClasses(std::ostream& out, const d2det::Analysis& analysis)
{
    size_t width = 10;
    for (const d2det::ClassNumbers& c : analysis.classes)
        width = std::min<size_t>(std::max(width, cli::textWidth(c.which.name)), 40);
    out << "\n" << cli::padRight("class", width) << "      AP  objects\n";
    for (const d2det::ClassNumbers& c : analysis.classes)
    {
        const std::string value = c.ap < 0 ? "-" : cv::format("%.3f", c.ap);
        out << cli::padRight(c.which.name, width) << cv::format("%8s%9d\n", value.c_str(), c.objects);
    }
}

void print(std::ostream& out, const Measured& measured, bool named)
{
    const d2det::ReportResult& result = measured.result;
    if (named)
        out << result.name << "\n";
    if (result.masks)
        out << "Boxes\n";
    printSummary(out, result.boxes.summary);
    if (result.masks)
    {
        out << "Masks\n";
        printSummary(out, result.masks->summary);
    }
    printClasses(out, result.boxes);
    for (const std::string& note : result.notes)
        out << "note: " << note << "\n";
}

void writeText(const std::string& path, const std::string& text)
{
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path);
}

//! FILE=NAME, or FILE, whose name is then that of the file. A '=' may also be part of a file's name.
Source readResultFile(const std::string& argument)
{
    Source source;
    source.file = argument;
    const size_t equals = argument.rfind('=');
    std::error_code error;
    if (equals != std::string::npos && !std::filesystem::exists(argument, error))
    {
        source.file = argument.substr(0, equals);
        source.name = argument.substr(equals + 1);
    }
    if (source.name.empty())
        source.name = std::filesystem::path(source.file).stem().string();
    source.results = d2det::readCocoResults(source.file);
    source.details = {{"results", source.file}, {"number of results", std::to_string(source.results.size())}};
    return source;
}

//! Names that can be told apart.
void makeNamesUnique(std::vector<Source>& sources)
{
    std::map<std::string, int> used;
    for (Source& source : sources)
    {
        source.name = source.name.substr(0, MAX_NAME);
        const int before = used[source.name]++;
        if (before > 0)
            source.name += " (" + std::to_string(before + 1) + ")";
    }
}

Measured measure(const Source& source, const d2det::EvaluatedData& data, double operatingScore)
{
    Measured measured;
    measured.set = d2det::makeDetectionSet(data, source.name, source.results);
    d2det::ReportResult& result = measured.result;
    result.name = source.name;
    result.boxes = d2det::analyse(measured.set, data, cv::d2det::IOU_BOX, operatingScore);
    if (!measured.set.maskImageIds.empty())
        result.masks = d2det::analyse(measured.set, data, cv::d2det::IOU_MASK, operatingScore);
    result.details = source.details;
    result.stageTimes = source.stageTimes;
    result.notes = measured.set.notes;
    return measured;
}

std::string percent(double value)
{
    return std::isnan(value) ? "-" : cv::format("%.0f %%", 100 * value);
}

/** Pictures of a report. A picture that cannot be read is left out. The images of all analyses are the same and in the same
    order. */
std::vector<d2det::ReportPicture> makePictures(const std::vector<size_t>& chosen, const std::vector<Measured>& measured,
                                               const d2det::EvaluatedData& data)
{
    std::map<int64_t, const d2det::ImageRecord*> records;
    for (const size_t index : data.images)
        records[data.dataset->images[index].id] = &data.dataset->images[index];
    std::vector<d2det::ReportPicture> pictures;
    for (const size_t index : chosen)
    {
        std::vector<const d2det::DetectionSet*> sets;
        std::vector<const d2det::ImageOutcome*> outcomes;
        for (size_t i = 0; i < measured.size() && i < 2; i++)  // more would be too small to see
        {
            sets.push_back(&measured[i].set);
            outcomes.push_back(&measured[i].result.boxes.images[index]);
        }
        const d2det::ImageRecord& record = *records.at(outcomes[0]->imageId);
        const cv::Mat image = readPicture(record.path);
        if (image.empty())
            continue;
        std::string caption = std::filesystem::path(record.path).filename().string();
        for (size_t i = 0; i < sets.size(); i++)
        {
            const d2det::Outcomes& o = outcomes[i]->outcomes;
            caption += (sets.size() > 1 ? "; " + sets[i]->name : std::string()) +
                       cv::format(": %d right, %d wrong, %d missed, F1 ", o.right, o.wrong, o.missed) + percent(o.f1());
        }
        pictures.push_back(d2det::makeReportPicture(image, caption, sets, outcomes, data.analysedClasses()));
    }
    return pictures;
}

//! "pennfudan/instances": the annotation file's own name often says little.
std::string nameOfData(const std::string& annotations)
{
    const std::filesystem::path path = std::filesystem::absolute(annotations).lexically_normal();
    const std::string folder = path.parent_path().filename().string();
    return (folder.empty() ? "" : folder + "/") + path.stem().string();
}

d2det::Report makeReport(const std::vector<Measured>& measured, const d2det::EvaluatedData& data,
                         const cli::po::variables_map& args, const std::string& commandLine)
{
    d2det::Report report;
    std::string names;
    for (const Measured& m : measured)
    {
        report.results.push_back(m.result);
        names += (names.empty() ? "" : " and ") + m.result.name;
    }
    const d2det::Analysis& first = measured[0].result.boxes;
    const std::string subset = args["subset"].as<std::string>();
    int objects = 0;
    for (const d2det::ClassNumbers& c : first.classes)
        objects += c.objects;
    report.title = args.count("title")
                       ? args["title"].as<std::string>()
                       : (measured.size() > 2 ? plural(static_cast<int>(measured.size()), "detector") : names) +
                             " on " + nameOfData(args["annotations"].as<std::string>());
    report.details = {
        {"annotations", args["annotations"].as<std::string>() + (subset.empty() ? "" : ", subset " + subset)},
        {"measured", plural(static_cast<int>(data.images.size()), "picture") + ", " + plural(objects, "object") + ", " +
                         std::to_string(data.classes.size()) + (data.classes.size() == 1 ? " class" : " classes")},
        {"command", commandLine},
        {"date", d2det::utcNow()},
        {"OpenCV", cv::getVersionString()}};
    const size_t pictures = static_cast<size_t>(args["pictures"].as<int>());
    report.worst = makePictures(d2det::worstImages(first, pictures), measured, data);
    report.best = makePictures(d2det::bestImages(first, pictures), measured, data);
    return report;
}

cli::po::options_description makeOptions()
{
    namespace po = cli::po;
    po::options_description options = cli::detectorOptions("lowest score of a detection, 0..1; 0.01 if not given");
    po::options_description data("Data");
    data.add_options()("annotations,a", po::value<std::string>()->value_name("PATH"),
                       "COCO instances file, or the folder of a COCO, Pascal VOC or YOLO data set")(
        "images,i", po::value<std::string>()->value_name("DIR")->default_value("", ""),
        "folder of the pictures; found near the annotations if not given")(
        "subset", po::value<std::string>()->value_name("NAME")->default_value(""),
        "every5th_val or every5th_train: of the pictures sorted by name, index 4, 9, ... is validation; or a part of a "
        "folder: train, val, test, trainval")(
        "results,r", po::value<std::vector<std::string>>()->value_name("FILE[=NAME]")->composing(),
        "measure the COCO results of any detector, too or instead of a model; can be repeated");
    po::options_description output("Output");
    output.add_options()("output,o", po::value<std::string>()->value_name("FILE"),
                         "write all detections of the model as COCO results")(
        "csv", po::value<std::string>()->value_name("FILE"), "write the numbers of every class as a table")(
        "report", po::value<std::string>()->value_name("FILE"),
        "write an HTML page: curves, errors, worst and best pictures, comparison")(
        "title", po::value<std::string>()->value_name("TEXT"), "of the report")(
        "pictures", po::value<int>()->value_name("N")->default_value(8),
        "worst and best pictures in the report, 0..12 of each")(
        "operating-score", po::value<double>()->value_name("X"),
        "score from which right, wrong and missed are counted; that of the highest F1 if not given")(
        "quiet,q", "no progress line")("help,h", "this text");
    return options.add(data).add(output);
}

void checkArguments(const cli::po::variables_map& args)
{
    const size_t files = args.count("results") ? args["results"].as<std::vector<std::string>>().size() : 0;
    if (files == 0 || args.count("model"))
        cli::checkDetectorOptions(args);
    else
        for (const char* option : {"score", "nms", "nms-mode", "max-detections", "max-proposals", "short-side",
                                   "long-side", "sigma", "backend", "target", "output"})
            if (args.count(option))
                throw UsageError(std::string("--") + option + " needs --model");
    if (files + args.count("model") > d2det::MAX_REPORT_RESULTS)
        throw UsageError(cv::format("%d detectors are too many to compare, at most %d", static_cast<int>(files) + 1,
                                    static_cast<int>(d2det::MAX_REPORT_RESULTS)));
    if (!args.count("annotations"))
        throw UsageError("--annotations is missing");
    cli::checkRange<int>(args, "pictures", 0, MAX_PICTURES);
    cli::checkRange<double>(args, "operating-score", -1e6, 1e6);
}

d2det::Dataset readAnnotations(const cli::po::variables_map& args)
{
    d2det::ReadOptions reading;
    reading.clipBoxes = false;
    reading.keepSegmentation = true;  // a model or result file may have masks
    reading.checkImages = args.count("model") > 0;
    reading.subset = args["subset"].as<std::string>();
    const std::string path = args["annotations"].as<std::string>();
    d2det::Dataset dataset;
    try
    {
        dataset = d2det::readDataset(path, args["images"].as<std::string>(), reading);
    }
    catch (const std::runtime_error&)
    {
        if (args.count("model") || !std::filesystem::is_regular_file(path))
            throw;
        // Result files can be measured where the pictures are not at hand. What else is wrong throws again.
        dataset = d2det::readDataset(path, (std::filesystem::path(path).parent_path() / ".").string(), reading);
    }
    for (const std::string& warning : dataset.warnings)
        std::cerr << PROGRAM << ": " << warning << "\n";
    return dataset;
}

//! All annotated classes and pictures, where no model narrows them.
d2det::EvaluatedData everything(const d2det::Dataset& dataset)
{
    d2det::EvaluatedData data;
    data.dataset = &dataset;
    data.classes.resize(dataset.classNames.size());
    std::iota(data.classes.begin(), data.classes.end(), 0);
    data.images.resize(dataset.images.size());
    std::iota(data.images.begin(), data.images.end(), size_t{0});
    if (data.images.empty())
        throw std::runtime_error("there are no pictures to evaluate");
    return data;
}

void evaluate(const cli::po::variables_map& args, const std::string& commandLine)
{
    const d2det::Dataset dataset = readAnnotations(args);
    std::vector<Source> sources;
    if (args.count("results"))  // before the model runs: a wrong file is found at once
        for (const std::string& file : args["results"].as<std::vector<std::string>>())
            sources.push_back(readResultFile(file));

    d2det::EvaluatedData data = everything(dataset);
    cv::Ptr<Detector> detector;
    std::unique_ptr<ModelRun> model;
    if (args.count("model"))
    {
        detector = cli::makeDetector(args);
        if (!args.count("score"))
            detector->setScoreThreshold(DEFAULT_SCORE);
        model = std::make_unique<ModelRun>(dataset, *detector);
        model->run(!args.count("quiet") && cli::stderrIsTerminal());
        if (args.count("output"))
            d2det::writeCocoResults(args["output"].as<std::string>(), model->results());
        data.classes = model->classes().evaluated;
        data.images = model->images();
        Source source;
        source.file = args["model"].as<std::string>();
        source.name = std::filesystem::path(source.file).stem().string();
        source.results.swap(model->results());
        model->describe(source);
        sources.insert(sources.begin(), std::move(source));
    }

    makeNamesUnique(sources);
    const double score =
        args.count("operating-score") ? args["operating-score"].as<double>() : std::numeric_limits<double>::quiet_NaN();
    std::vector<Measured> measured;
    for (Source& source : sources)
    {
        measured.push_back(measure(source, data, score));
        source.results = {};
        print(std::cout, measured.back(), sources.size() > 1);
        if (model && measured.size() == 1)
            model->printTimes(std::cout);
        if (measured.size() < sources.size())
            std::cout << "\n";
    }
    std::vector<d2det::ReportResult> results;
    for (const Measured& m : measured)
        results.push_back(m.result);
    if (args.count("csv"))
        writeText(args["csv"].as<std::string>(), d2det::classCsv(results));
    if (args.count("report"))
        writeText(args["report"].as<std::string>(), d2det::htmlReport(makeReport(measured, data, args, commandLine)));
}

int run(int argc, char** argv)
{
    namespace po = cli::po;
    const po::options_description options = makeOptions();
    po::variables_map args;
    po::store(
        po::command_line_parser(argc, argv).options(options).positional(po::positional_options_description()).run(),
        args);
    if (args.count("help") || argc == 1)
    {
        (argc == 1 ? std::cerr : std::cout)
            << "Measures a model on annotated pictures: COCO's average precision and recall of boxes and masks, by "
               "class, "
               "and speed.\n\n"
               "  d2det_evaluate --model FILE --annotations PATH [--images DIR] [options]\n"
               "  d2det_evaluate --results FILE[=NAME] ... --annotations PATH [--images DIR] [options]\n\n"
               "Classes are matched by name, those of result files by category id. Detections beyond the model's "
               "capacity "
               "do\n"
               "not exist; all other limits are COCO's (100 detections per picture, IoU 0.50:0.95). With --model and "
               "--results\n"
               "all detectors are measured on the model's classes and compared with the model.\n\n"
               "Examples:\n"
               "  d2det_evaluate --model person.onnx --annotations instances_val.json --images val --output "
               "results.json\n"
               "  d2det_evaluate --model new.onnx --results old.json=before --annotations instances_val.json --images "
               "val "
               "\\\n"
               "      --report comparison.html --csv classes.csv\n"
            << options << "\nExit code: 0 done, 1 it did not work, 2 for a wrong command line.\n";
        return argc == 1 ? 2 : 0;
    }
    po::notify(args);
    checkArguments(args);
    std::string commandLine;
    for (int i = 0; i < argc; i++)
        commandLine += (i ? " " : "") + std::string(argv[i]);
    evaluate(args, commandLine);
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    return cli::runProgram(PROGRAM, [&] { return run(argc, argv); });
}
