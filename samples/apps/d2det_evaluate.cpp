// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO average precision of a model, or of result files of any detectors, on an annotated set of images; as text, CSV
   and one HTML page. */

#include "base/atomic_file.hpp"
#include "base/text.hpp"
#include "base/files.hpp"
#include "cli/detector_options.hpp"
#include "d2det_evaluate/measured.hpp"
#include "report/class_csv.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <sstream>

using cli::UsageError;
using cv::d2det::Detector;
using evaluate_program::DetectorResults;
using evaluate_program::Measured;
using evaluate_program::ModelRun;
using evaluate_program::PROGRAM;

namespace
{

const float DEFAULT_SCORE = 0.01f;  //!< low, because AP depends on the entire precision-recall curve
const double HIGH_CUT = 0.1;        //!< complete results of a detector reach below this score
constexpr int MIN_OBJECTS = 10;     //!< of a class, for an operating score of its own
const int MAX_IMAGES = 12;          //!< worst and best images in a report, each
const size_t MAX_NAME = 60;         //!< bytes of a detector name

//! FILE, or several files that are parts of one detector's results: FILE,FILE. A file name may also contain ','.
std::vector<std::string> filesOf(const std::string& argument)
{
    std::error_code error;
    if (std::filesystem::exists(argument, error))
        return {argument};
    std::vector<std::string> files;
    std::istringstream parts(argument);
    for (std::string file; std::getline(parts, file, ',');)
        files.push_back(file);
    return files.empty() ? std::vector<std::string>{argument} : files;
}

/** Notes that results end at a high score, as lists made for people do: average precision counts what a detector finds
    down to low scores. */
void noteCut(DetectorResults& source)
{
    const auto lowest = std::min_element(source.results.begin(), source.results.end(),
                                         [](const auto& a, const auto& b) { return a.score < b.score; });
    if (lowest != source.results.end() && lowest->score > HIGH_CUT)
        source.notes.push_back(
            cv::format("no result has a score below %.4g: a list without such a cut (d2det_detect "
                       "--score 0.01) has a higher average precision",
                       lowest->score));
}

//! FILES=NAME, or FILES with the name of the first. A file name may also contain '='.
DetectorResults readResultFiles(const std::string& argument)
{
    DetectorResults source;
    source.file = argument;
    const size_t equals = argument.rfind('=');
    std::error_code error;
    if (equals != std::string::npos && !std::filesystem::exists(argument, error))
    {
        source.file = argument.substr(0, equals);
        source.name = argument.substr(equals + 1);
    }
    const std::vector<std::string> files = filesOf(source.file);
    if (source.name.empty())
        source.name = std::filesystem::path(files[0]).stem().string();
    for (const std::string& file : files)
    {
        std::vector<d2det::CocoResult> part = d2det::readCocoResults(file, &source.notes);
        std::move(part.begin(), part.end(), std::back_inserter(source.results));
    }
    noteCut(source);
    source.details = {{"results", source.file}, {"number of results", std::to_string(source.results.size())}};
    return source;
}

//! Part `index` of `count`, counted from 1.
struct Part
{
    int index = 1, count = 1;
};

//! "2/8"; without the option the whole.
Part readPart(const cli::po::variables_map& args)
{
    Part part;
    if (!args.count("part"))
        return part;
    const std::string text = args["part"].as<std::string>();
    int read = 0;
    if (std::sscanf(text.c_str(), "%d/%d%n", &part.index, &part.count, &read) != 2 ||
        static_cast<size_t>(read) != text.size() || part.index < 1 || part.index > part.count)
        throw UsageError("--part is '" + text + "', it must be I/N with I from 1 to N, like 1/4");
    return part;
}

//! "0.03,0.05"; empty: not given.
std::vector<double> readSigmas(const cli::po::variables_map& args)
{
    std::vector<double> sigmas;
    std::istringstream parts(args["keypoint-sigmas"].as<std::string>());
    for (std::string part; std::getline(parts, part, ',');)
    {
        double sigma = 0;
        if (!d2det::parseNumber(part, sigma) || !(sigma > 0 && sigma <= 1))
            throw UsageError("--keypoint-sigmas has '" + part +
                             "', expected numbers above 0 and up to 1, like 0.03,0.05");
        sigmas.push_back(sigma);
    }
    return sigmas;
}

//! Keeps every N-th image, so that the parts are alike even when similar images follow each other.
void keepPart(const Part& part, d2det::Dataset& dataset)
{
    if (part.count == 1)
        return;
    std::vector<d2det::ImageRecord> kept;
    for (size_t i = static_cast<size_t>(part.index) - 1; i < dataset.images.size();
         i += static_cast<size_t>(part.count))
        kept.push_back(std::move(dataset.images[i]));
    dataset.images.swap(kept);
    std::cout << "part " << part.index << " of " << part.count << ": " << dataset.images.size() << " images\n";
}

//! Makes the names unique.
void makeNamesUnique(std::vector<DetectorResults>& sources)
{
    std::map<std::string, int> used;
    for (DetectorResults& source : sources)
    {
        source.name = source.name.substr(0, MAX_NAME);
        const int before = used[source.name]++;
        if (before > 0)
            source.name += " (" + std::to_string(before + 1) + ")";
    }
}

const char* const HELP =
    "Measures a model on annotated images: COCO's average precision and recall of boxes and masks, by class, and "
    "speed; of result files keypoints, too.\n\n"
    "  d2det_evaluate --model FILE --annotations PATH [--images DIR] [options]\n"
    "  d2det_evaluate --results FILE[,FILE...][=NAME] ... --annotations PATH [--images DIR] [options]\n\n"
    "Classes are matched by name; those of result files by category_name, or else by category_id, and their images by\n"
    "file_name, or else by image_id. Detections beyond the model's capacity do not\n"
    "exist; all other limits are COCO's (100 detections per image, IoU 0.50:0.95). With --model and --results all\n"
    "detectors are measured on the model's classes and compared with the model.\n\n"
    "Examples:\n"
    "  d2det_evaluate --model person.onnx --annotations instances_val.json --images val --output results.json\n"
    "  d2det_evaluate --model new.onnx --results old.json=before --annotations instances_val.json --images val \\\n"
    "      --report comparison.html --csv classes.csv\n"
    "  d2det_evaluate --model person.onnx --annotations instances_val.json --images val --part 1/2 --output 1.json\n"
    "  d2det_evaluate --model person.onnx --annotations instances_val.json --images val --part 2/2 --output 2.json\n"
    "  d2det_evaluate --results 1.json,2.json --annotations instances_val.json --images val\n";

cli::po::options_description makeOptions()
{
    namespace po = cli::po;
    po::options_description options = cli::detectorOptions("lowest score of a detection, 0..1; 0.01 if not given");
    po::options_description data("Data");
    data.add_options()("annotations,a", po::value<std::string>()->value_name("PATH"),
                       "COCO instances file, or the folder of a COCO, Pascal VOC, YOLO, labelme or CVAT data set")(
        "images,i", po::value<std::string>()->value_name("DIR")->default_value("", ""),
        "folder of the images; found near the annotations if not given")(
        "subset", po::value<std::string>()->value_name("NAME")->default_value(""),
        "every5th_val or every5th_train: of the images sorted by name, index 4, 9, ... is validation; or a part of a "
        "folder: train, val, test, trainval")(
        "results,r", po::value<std::vector<std::string>>()->value_name("FILE[,FILE...][=NAME]")->composing(),
        "measure the COCO results of any detector, too or instead of a model; several files with commas are parts of "
        "one "
        "detector's results; can be repeated")(
        "part", po::value<std::string>()->value_name("I/N"),
        "only every N-th image from the I-th, 1..N: processes on one or several machines share the images, each with "
        "--output, and --results measures their files together");
    po::options_description output("Output");
    output.add_options()("output,o", po::value<std::string>()->value_name("FILE"),
                         "write all detections of the model as COCO results")(
        "csv", po::value<std::string>()->value_name("FILE"), "write the numbers of every class as a table")(
        "report", po::value<std::string>()->value_name("FILE"),
        "write an HTML page: curves, errors, worst and best images, comparison")(
        "title", po::value<std::string>()->value_name("TEXT"), "of the report")(
        "pictures", po::value<int>()->value_name("N")->default_value(8),
        "worst and best images in the report, 0..12 of each")(
        "keypoint-sigmas", po::value<std::string>()->value_name("S,S,...")->default_value("", ""),
        "tolerances of keypoints, one for each point, relative to the square root of an object's area; if not given "
        "those of COCO for 17 points, else 0.05 each")(
        "operating-score", po::value<double>()->value_name("X"),
        "score from which right, wrong and missed are counted; that of the highest F1 if not given")(
        "write-operating-score", po::value<std::string>()->value_name("FILE"),
        "write the model with that score inside, from which d2det_detect then shows detections; may be the model "
        "itself")(
        "per-class",
        "with --write-operating-score: also the score of the highest F1 of each class; classes of fewer than 10 "
        "objects get that of all")("quiet,q", "no progress line");
    cli::addFontOption(output);
    return options.add(data).add(output);
}

void checkArguments(const cli::po::variables_map& args)
{
    const size_t files = args.count("results") ? args["results"].as<std::vector<std::string>>().size() : 0;
    if (files == 0 || args.count("model"))
        cli::checkDetectorOptions(args);
    else
    {
        std::vector<const char*> options = cli::detectorOptionNames();
        options.insert(options.end(), {"output", "part", "write-operating-score"});
        for (const char* option : options)
            if (args.count(option))
                throw UsageError(std::string("--") + option + " needs --model");
    }
    if (files + args.count("model") > d2det::MAX_REPORT_RESULTS)
        throw UsageError(cv::format("%d detectors are too many to compare, at most %d", static_cast<int>(files) + 1,
                                    static_cast<int>(d2det::MAX_REPORT_RESULTS)));
    if (!args.count("annotations"))
        throw UsageError("--annotations is missing");
    readPart(args);
    readSigmas(args);
    cli::checkRange<int>(args, "pictures", 0, MAX_IMAGES);
    cli::checkRange<double>(args, "operating-score", -1e6, 1e6);
    if (args.count("per-class") && !args.count("write-operating-score"))
        throw UsageError("--per-class needs --write-operating-score");
}

d2det::Dataset readAnnotations(const cli::po::variables_map& args)
{
    d2det::ReadOptions reading;
    reading.clipBoxes = false;
    reading.keepSegmentation = true;  // a model or result file may contain masks
    reading.keepKeypoints = args.count("results") > 0;
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
        // Result files can be evaluated without images. Any other error is thrown again.
        dataset = d2det::readDataset(path, (std::filesystem::path(path).parent_path() / ".").string(), reading);
    }
    for (const std::string& warning : dataset.warnings)
        std::cerr << PROGRAM << ": " << warning << "\n";
    return dataset;
}

//! Whether any object has an outline that masks can be compared with.
bool hasOutlines(const d2det::Dataset& dataset)
{
    for (const d2det::ImageRecord& image : dataset.images)
        for (const d2det::Annotation& annotation : image.annotations)
            if (annotation.segmentation)
                return true;
    return false;
}

//! Writes the files of a run; an error of one does not keep the others from being written.
class FileWriter
{
public:
    void write(const std::function<void()>& writeOne)
    {
        try
        {
            writeOne();
        }
        catch (const std::exception& e)
        {
            errors_ += (errors_.empty() ? "" : "; ") + std::string(e.what());
        }
    }
    //! Throws the errors, if there were any.
    void finish() const
    {
        if (!errors_.empty())
            throw std::runtime_error(errors_);
    }

private:
    std::string errors_;
};

//! For each class of the model the score of the highest F1; that of all classes where there are too few objects.
std::vector<float> scoresOfClasses(const std::vector<cv::String>& names, const d2det::Analysis& boxes)
{
    std::vector<float> scores(names.size(), static_cast<float>(boxes.score));
    for (const d2det::ClassNumbers& c : boxes.classes)
        for (size_t i = 0; i < names.size(); i++)
            if (names[i] == c.which.name && c.objects >= MIN_OBJECTS && std::isfinite(c.bestScore))
                scores[i] = static_cast<float>(c.bestScore);
    return scores;
}

/** The model of --model with operating scores in its description, as another file or in its place.
    @param classNames of the model, for scores by class; empty: without. */
void writeOperatingScore(const std::string& model, const std::string& path, const d2det::Analysis& boxes,
                         const std::vector<cv::String>& classNames)
{
    const std::string file = d2det::readBytes(model, std::numeric_limits<int>::max());
    std::vector<uchar> bytes =
        cv::d2det::storeOperatingScore(std::vector<uchar>(file.begin(), file.end()), static_cast<float>(boxes.score));
    const std::vector<float> scores = classNames.empty() ? std::vector<float>() : scoresOfClasses(classNames, boxes);
    if (!scores.empty())
        bytes = cv::d2det::storeOperatingScores(bytes, scores);
    d2det::writeTextAtomically(path, std::string(bytes.begin(), bytes.end()));
    std::cout << "operating score " << cv::format("%.4f", boxes.score) << ", written to " << path << "\n";
    for (size_t i = 0; i < scores.size(); i++)
        std::cout << "  " << cli::printable(classNames[i]) << " " << cv::format("%.4f", scores[i]) << "\n";
}

void evaluate(const cli::po::variables_map& args, const std::string& commandLine)
{
    for (const char* option : {"output", "csv", "report", "write-operating-score"})  // before hours of work
        if (args.count(option))
            d2det::checkWritable(args[option].as<std::string>());
    FileWriter files;
    d2det::Dataset dataset = readAnnotations(args);
    keepPart(readPart(args), dataset);
    std::vector<DetectorResults> sources;
    if (args.count("results"))  // before the model runs, to report a wrong file immediately
        for (const std::string& file : args["results"].as<std::vector<std::string>>())
            sources.push_back(readResultFiles(file));

    d2det::EvaluatedData data = d2det::EvaluatedData::all(dataset);
    data.keypointSigmas = readSigmas(args);
    if (data.images.empty())
        throw std::runtime_error("there are no images to evaluate");
    cv::Ptr<Detector> detector;
    std::unique_ptr<ModelRun> model;
    if (args.count("model"))
    {
        detector = cli::makeDetector(args);
        if (!args.count("score"))
            detector->setScoreThreshold(DEFAULT_SCORE);
        // Masks cost time and memory: only where they are compared or written.
        const bool withMasks = detector->hasMasks() && (args.count("output") > 0 || hasOutlines(dataset));
        model = std::make_unique<ModelRun>(dataset, *detector, withMasks);
        model->run(!args.count("quiet"));
        if (args.count("output"))
            files.write([&] { d2det::writeCocoResults(args["output"].as<std::string>(), model->results()); });
        data.classes = model->classes().evaluated;
        data.images = model->images();
        DetectorResults source;
        source.file = args["model"].as<std::string>();
        source.name = std::filesystem::path(source.file).stem().string();
        source.results.swap(model->results());
        model->describe(source);
        sources.insert(sources.begin(), std::move(source));
    }

    makeNamesUnique(sources);
    if (sources.size() == 1)
        restrictToRun(sources.front(), data);
    const double score =
        args.count("operating-score") ? args["operating-score"].as<double>() : std::numeric_limits<double>::quiet_NaN();
    std::vector<Measured> measured;
    for (DetectorResults& source : sources)
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
    results.reserve(measured.size());
    for (const Measured& m : measured)
        results.push_back(m.result);
    if (args.count("write-operating-score"))
        files.write(
            [&]
            {
                writeOperatingScore(cli::modelPath(args["model"].as<std::string>()),
                                    args["write-operating-score"].as<std::string>(), measured[0].result.boxes,
                                    args.count("per-class") ? detector->getClassNames() : std::vector<cv::String>());
            });
    if (args.count("csv"))
        files.write([&] { d2det::writeTextAtomically(args["csv"].as<std::string>(), d2det::classCsv(results)); });
    if (args.count("report"))
        files.write(
            [&]
            {
                d2det::writeTextAtomically(args["report"].as<std::string>(),
                                           d2det::htmlReport(makeReport(measured, data, args, commandLine)));
            });
    files.finish();
}

int run(int argc, char** argv)
{
    cli::CommandLine line{PROGRAM, HELP, makeOptions()};
    line.epilogue = "\nExit code: 0 done, 1 it did not work, 2 for a wrong command line, 130 after Ctrl-C.\n";
    cli::po::variables_map args;
    if (const std::optional<int> code = cli::readCommandLine(line, cli::wordsOf(argc, argv), args))
        return *code;
    checkArguments(args);
    cli::useFont(args);
    evaluate(args, d2det::shellCommand({argv, argv + argc}));
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    return cli::runProgram(PROGRAM, [&] { return run(argc, argv); });
}
