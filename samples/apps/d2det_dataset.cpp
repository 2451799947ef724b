// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Looks at data sets for training: what is in them, what is wrong with them, other formats, pictures. */

#include "cli/common.hpp"

#include "report/bar_chart.hpp"
#include "report/contact_sheet.hpp"
#include "dataset/dataset_writer.hpp"
#include "dataset/image_source.hpp"
#include "dataset/lint.hpp"
#include "base/random.hpp"
#include "dataset/statistics.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

namespace fs = std::filesystem;
namespace po = cli::po;
using cli::UsageError;
using nlohmann::json;

namespace
{

const char* const PROGRAM = "d2det_dataset";
const size_t MAX_CHART_ROWS = 80;

// ------------------------------------------------------------------ command line
//! Options of every command.
po::options_description commonOptions()
{
    po::options_description options("Data set");
    options.add_options()("images,i", po::value<std::string>()->value_name("DIR")->default_value("", ""),
                          "folder that file names are relative to; found if not given")(
        "subset", po::value<std::string>()->value_name("NAME")->default_value("", ""),
        "train, val, test or trainval: that part of a folder; every5th_val or every5th_train: of the pictures sorted "
        "by "
        "name, index 4, 9, ... is validation")("help,h", "this text");
    return options;
}

struct Command
{
    const char* name;
    const char* summary;
    po::options_description (*options)();
    int (*run)(const po::variables_map& args);
};

d2det::ReadOptions readOptions(const po::variables_map& args)
{
    d2det::ReadOptions options;
    options.keepSegmentation = true;
    options.subset = args["subset"].as<std::string>();
    return options;
}

d2det::RawDataset readRaw(const po::variables_map& args)
{
    return d2det::readRaw(args["dataset"].as<std::string>(), args["images"].as<std::string>(), readOptions(args));
}

d2det::Dataset checkedDataset(d2det::RawDataset raw, const po::variables_map& args)
{
    d2det::Dataset dataset = d2det::toDataset(std::move(raw), readOptions(args));
    for (const std::string& warning : dataset.warnings)
        std::cerr << PROGRAM << ": " << warning << "\n";
    return dataset;
}

std::string requiredOutput(const po::variables_map& args)
{
    if (!args.count("output"))
        throw UsageError("--output is missing");
    return args["output"].as<std::string>();
}

void writeImage(const fs::path& path, const cv::Mat& image)
{
    if (!cv::haveImageWriter(path.string()))
        throw UsageError("'" + path.string() +
                         "' has no extension of a picture that can be written; take .png or .jpg");
    if (!cv::imwrite(path.string(), image))
        throw std::runtime_error("cannot write " + path.string());
}

// ------------------------------------------------------------------ stats
struct Measure
{
    const char* name;
    const std::vector<double>* values;
    const char* format;
};

std::vector<Measure> measuresOf(const d2det::DatasetStatistics& s)
{
    return {{"image width", &s.imageWidths, "%.0f"},
            {"image height", &s.imageHeights, "%.0f"},
            {"instances per image", &s.instancesPerImage, "%.1f"},
            {"box width", &s.boxWidths, "%.1f"},
            {"box height", &s.boxHeights, "%.1f"},
            {"box side (sqrt of area)", &s.all.sides, "%.1f"},
            {"box width / height", &s.aspects, "%.2f"}};
}

const std::vector<std::pair<const char*, double>> QUANTILES{{"min", 0},    {"5%", 0.05},  {"25%", 0.25}, {"50%", 0.5},
                                                            {"75%", 0.75}, {"95%", 0.95}, {"max", 1}};

void printClasses(const d2det::DatasetStatistics& s)
{
    size_t width = 10;
    for (const d2det::ClassStatistics& c : s.classes)
        width = std::min<size_t>(std::max(width, cli::textWidth(c.name)), 30);
    std::cout << cli::padRight("class", width)
              << " instances  share  images crowds   masks  small medium  large   side 5%   50%   95%\n";
    std::vector<const d2det::ClassStatistics*> rows;
    for (const d2det::ClassStatistics& c : s.classes)
        rows.push_back(&c);
    if (rows.size() > 1)
        rows.push_back(&s.all);
    for (const d2det::ClassStatistics* c : rows)
    {
        const auto percent = [](int64_t part, int64_t whole)
        { return whole > 0 ? 100. * static_cast<double>(part) / static_cast<double>(whole) : 0.; };
        std::cout << cli::padRight(c->name, width)
                  << cv::format("%10d%6.1f%%%8d%7d%7.1f%%%7d%7d%7d%10.0f%6.0f%6.0f\n", int(c->instances),
                                percent(c->instances, s.all.instances), int(c->images), int(c->crowds),
                                percent(c->masks, c->instances), int(c->sizes[0]), int(c->sizes[1]), int(c->sizes[2]),
                                d2det::quantile(c->sides, 0.05), d2det::quantile(c->sides, 0.5),
                                d2det::quantile(c->sides, 0.95));
    }
}

void printMeasures(const d2det::DatasetStatistics& s)
{
    std::cout << "\n" << cli::padRight("", 24);
    for (const auto& q : QUANTILES)
        std::cout << cv::format("%8s", q.first);
    std::cout << "\n";
    for (const Measure& measure : measuresOf(s))
    {
        std::cout << cli::padRight(measure.name, 24);
        for (const auto& q : QUANTILES)
            std::cout << cv::format("%8s",
                                    cv::format(measure.format, d2det::quantile(*measure.values, q.second)).c_str());
        std::cout << "\n";
    }
}

std::string csvText(const std::string& text)
{
    if (text.find_first_of(",\"\n\r") == std::string::npos)
        return text;
    std::string quoted = "\"";
    for (const char c : text)
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

//! One number a line: table, row, column, value.
void writeCsv(const fs::path& path, const d2det::DatasetStatistics& s)
{
    std::ofstream file(path, std::ios::binary);
    file << "table,row,column,value\n";
    const auto line = [&](const char* table, const std::string& row, const char* column, double value)
    { file << table << "," << csvText(row) << "," << column << "," << cv::format("%.10g", value) << "\n"; };
    line("images", "all", "images", double(s.images));
    line("images", "all", "without_annotations", double(s.emptyImages));
    for (const d2det::ClassStatistics& c : s.classes)
    {
        line("class", c.name, "instances", double(c.instances));
        line("class", c.name, "images", double(c.images));
        line("class", c.name, "crowds", double(c.crowds));
        line("class", c.name, "masks", double(c.masks));
        line("class", c.name, "small", double(c.sizes[0]));
        line("class", c.name, "medium", double(c.sizes[1]));
        line("class", c.name, "large", double(c.sizes[2]));
        for (const auto& q : QUANTILES)
            line("side", c.name, q.first, d2det::quantile(c.sides, q.second));
    }
    for (const Measure& measure : measuresOf(s))
        for (const auto& q : QUANTILES)
            line("quantile", measure.name, q.first, d2det::quantile(*measure.values, q.second));
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path.string());
}

//! Classes, most frequent first.
d2det::BarChart classChart(const d2det::DatasetStatistics& s, const std::string& subtitle)
{
    d2det::BarChart chart{"Instances by class", subtitle, {}, "", true};
    for (const d2det::ClassStatistics& c : s.classes)
        chart.bars.push_back({c.name, double(c.instances)});
    std::stable_sort(chart.bars.begin(), chart.bars.end(),
                     [](const d2det::Bar& a, const d2det::Bar& b) { return a.value > b.value; });
    if (chart.bars.size() > MAX_CHART_ROWS)
    {
        chart.subtitle +=
            cv::format("; the %d most frequent of %d classes", int(MAX_CHART_ROWS), int(s.classes.size()));
        chart.bars.resize(MAX_CHART_ROWS);
    }
    return chart;
}

//! A histogram over edges of equal ratio.
d2det::BarChart ratioChart(const char* title, const std::string& subtitle, const char* axis,
                           const std::vector<double>& values, double first, double last, int perDoubling)
{
    std::vector<double> edges;
    std::vector<std::string> labels;
    const double ratio = std::pow(2., 1. / perDoubling);
    for (double edge = first; edge <= last * 1.0001; edge *= ratio)
        edges.push_back(edge);
    for (size_t i = 0; i + 1 < edges.size(); i++)
        labels.push_back(i % size_t(perDoubling) != 0 ? ""
                         : edges[i] < 0.99            ? cv::format("1/%.0f", 1 / edges[i])
                                                      : cv::format("%.0f", edges[i]));
    return {title, subtitle, d2det::histogram(values, edges, labels), axis, false};
}

d2det::BarChart countChart(const d2det::DatasetStatistics& s, const std::string& subtitle)
{
    const int most = std::max(std::min(int(d2det::quantile(s.instancesPerImage, 1)), 40), 1);
    std::vector<double> edges;
    std::vector<std::string> labels;
    for (int i = 0; i <= most; i++)
    {
        edges.push_back(i);
        labels.push_back(cv::format(i == 40 ? "%d+" : "%d", i));
    }
    edges.push_back(most + 1);
    return {"Instances per image", subtitle, d2det::histogram(s.instancesPerImage, edges, labels),
            "instances in an image", false};
}

int runStats(const po::variables_map& args)
{
    const d2det::Dataset dataset = checkedDataset(readRaw(args), args);
    if (args.count("output"))  // an error before any output
        fs::create_directories(args["output"].as<std::string>());
    const d2det::DatasetStatistics s = d2det::computeStatistics(dataset);
    const std::string subtitle =
        cv::format("%s: %d images, %d instances", dataset.name.c_str(), int(s.images), int(s.all.instances));
    std::cout << subtitle << ", " << s.classes.size() << " classes; " << s.emptyImages
              << " images without annotations\n\n";
    printClasses(s);
    printMeasures(s);
    if (!args.count("output"))
        return 0;
    const fs::path folder = args["output"].as<std::string>();
    writeCsv(folder / "stats.csv", s);
    writeImage(folder / "classes.png", d2det::drawBars(classChart(s, subtitle)));
    writeImage(folder / "instances.png", d2det::drawBars(countChart(s, subtitle)));
    const std::string sizes =
        subtitle + cv::format("; %d small, %d medium, %d large (COCO's limits: area 32^2 and 96^2)",
                              int(s.all.sizes[0]), int(s.all.sizes[1]), int(s.all.sizes[2]));
    writeImage(folder / "box_sizes.png",
               d2det::drawBars(ratioChart("Size of boxes", sizes, "side: square root of the area, pixels, from",
                                          s.all.sides, 4, 1024, 3)));
    writeImage(
        folder / "aspect_ratios.png",
        d2det::drawBars(ratioChart("Shape of boxes", subtitle, "width / height, from", s.aspects, 1. / 16, 16, 3)));
    std::cout << "\nwrote stats.csv, classes.png, instances.png, box_sizes.png, aspect_ratios.png to "
              << folder.string() << "\n";
    return 0;
}

po::options_description statsOptions()
{
    po::options_description options("Statistics");
    options.add_options()("output,o", po::value<std::string>()->value_name("DIR"),
                          "write stats.csv and charts (PNG) into this folder");
    return options;
}

// ------------------------------------------------------------------ lint
std::string idsOf(const d2det::Finding& finding)
{
    std::string text = finding.imageId ? "image " + std::to_string(*finding.imageId) : "";
    if (finding.annotationId)
        text += (text.empty() ? "" : ", ") + std::string("annotation ") + std::to_string(*finding.annotationId);
    return text;
}

//! "2 errors (bad-box 1, missing-image 1)"
std::string countsText(const d2det::LintReport& report, bool errors)
{
    std::map<std::string, int> counts;
    for (const d2det::Finding& finding : report.findings)
        if (finding.error == errors)
            counts[finding.code]++;
    const int64_t total = errors ? report.errors : report.warnings;
    std::string text = std::to_string(total) + (errors ? " error" : " warning") + (total == 1 ? "" : "s");
    for (const auto& count : counts)
        text += (&count == &*counts.begin() ? " (" : ", ") + count.first + " " + std::to_string(count.second);
    return counts.empty() ? text : text + ")";
}

void printJson(const d2det::LintReport& report)
{
    json findings = json::array();
    for (const d2det::Finding& finding : report.findings)
    {
        json value = {{"severity", finding.error ? "error" : "warning"},
                      {"code", finding.code},
                      {"place", finding.place},
                      {"message", finding.message}};
        if (finding.imageId)
            value["image_id"] = *finding.imageId;
        if (finding.annotationId)
            value["annotation_id"] = *finding.annotationId;
        findings.push_back(std::move(value));
    }
    const json result = {{"images", report.images},
                         {"annotations", report.annotations},
                         {"errors", report.errors},
                         {"warnings", report.warnings},
                         {"findings", findings}};
    std::cout << result.dump(1, ' ', false, json::error_handler_t::replace) << "\n";
}

int runLint(const po::variables_map& args)
{
    d2det::LintOptions options;
    options.decode = !args.count("headers-only");
    const d2det::RawDataset raw = readRaw(args);
    const d2det::LintReport report = d2det::lint(raw, options);
    if (args.count("json"))
    {
        printJson(report);
        return report.errors > 0 ? 1 : 0;
    }
    for (const d2det::Finding& finding : report.findings)
    {
        const std::string ids = idsOf(finding);
        std::cout << (finding.error ? "error   " : "warning ") << cli::padRight(finding.code, 20)
                  << (ids.empty() ? "" : ids + ": ") << cli::oneLine(finding.message)
                  << (finding.place == raw.path ? "" : " (" + finding.place + ")") << "\n";
    }
    std::cout << report.images << " images, " << report.annotations << " annotations: " << countsText(report, true)
              << ", " << countsText(report, false) << "\n";
    return report.errors > 0 ? 1 : 0;
}

po::options_description lintOptions()
{
    po::options_description options("Checks");
    options.add_options()("json", "write the findings as JSON")(
        "headers-only", "read sizes from the headers of the pictures; faster, but broken pictures are not found");
    return options;
}

// ------------------------------------------------------------------ convert
d2det::DatasetFormat formatOf(const std::string& name)
{
    static const std::map<std::string, d2det::DatasetFormat> formats{
        {"coco", d2det::DatasetFormat::COCO}, {"voc", d2det::DatasetFormat::VOC}, {"yolo", d2det::DatasetFormat::YOLO}};
    const auto found = formats.find(name);
    if (found == formats.end())
        throw UsageError("--to is '" + name + "', it must be coco, voc or yolo");
    return found->second;
}

int runConvert(const po::variables_map& args)
{
    if (!args.count("to"))
        throw UsageError("--to is missing");
    d2det::WriteOptions writing;
    writing.format = formatOf(args["to"].as<std::string>());
    writing.output = requiredOutput(args);
    writing.copyImages = args.count("copy-images") > 0;
    d2det::RawDataset raw = readRaw(args);
    writing.imageFolder = raw.imageFolder;
    const d2det::Dataset dataset = checkedDataset(std::move(raw), args);
    const std::vector<std::string> lost = d2det::writeDataset(dataset, writing);
    std::cout << dataset.images.size() << " images with " << dataset.numAnnotations() << " annotations of "
              << dataset.classNames.size() << " classes written to " << writing.output << " as "
              << d2det::formatName(writing.format) << "\n";
    for (const std::string& what : lost)
        std::cout << "note: " << what << "\n";
    if (!writing.copyImages)
        std::cout << "note: the pictures stay in " << writing.imageFolder << "; read the new files with --images "
                  << writing.imageFolder << "\n";
    return 0;
}

po::options_description convertOptions()
{
    po::options_description options("Conversion");
    options.add_options()("to", po::value<std::string>()->value_name("FORMAT"), "coco, voc or yolo")(
        "output,o", po::value<std::string>()->value_name("DIR"), "new or empty folder")("copy-images",
                                                                                        "copy the pictures too");
    return options;
}

// ------------------------------------------------------------------ show
//! Different indices below `total`, ascending.
std::vector<size_t> drawIndices(size_t total, size_t count, d2det::Random& random)
{
    std::vector<size_t> indices(total);
    std::iota(indices.begin(), indices.end(), size_t(0));
    random.shuffle(indices);
    indices.resize(std::min(count, total));
    std::sort(indices.begin(), indices.end());
    return indices;
}

std::vector<d2det::SheetItem> sheetItems(const po::variables_map& args, const d2det::Dataset& dataset)
{
    const bool augmented = args.count("augmented") > 0;
    d2det::DataConfig config;
    if (args.count("config"))
        config = d2det::loadConfig(args["config"].as<std::string>()).data;
    const auto seed = static_cast<uint64_t>(args["seed"].as<int>());
    d2det::Random random(seed);
    d2det::ImageSource source(dataset.images, 0, int64_t(dataset.images.size()), 1);
    std::vector<d2det::SheetItem> items;
    const size_t count = static_cast<size_t>(args["count"].as<int>());
    for (const size_t index : drawIndices(dataset.images.size(), count, random))
    {
        const d2det::ImageRecord& record = dataset.images[index];
        const cv::Mat image = source.read(int64_t(index));
        if (image.empty())
            continue;
        items.push_back(d2det::sheetItem(record, image));
        if (!augmented)
            continue;
        d2det::Sample sample;
        sample.image = image.clone();
        sample.boxes = d2det::usableBoxesWithMasks(record, config.minSide);
        d2det::fitMasks(sample);
        d2det::Random draws(seed, 1, index);
        d2det::augment(sample, config, draws);
        items.push_back(d2det::sheetItem(sample, "augmented " + fs::path(record.path).filename().string()));
    }
    for (const std::string& warning : source.warnings())
        std::cerr << PROGRAM << ": " << warning << "\n";
    if (items.empty())
        throw std::runtime_error("none of the pictures can be read");
    return items;
}

int runShow(const po::variables_map& args)
{
    const std::string output = requiredOutput(args);
    cli::checkRange<int>(args, "count", 1, 400);
    cli::checkRange<int>(args, "columns", 1, 40);
    cli::checkRange<int>(args, "cell", 32, 2048);
    cli::checkRange<int>(args, "seed", 0, 1000000000);
    if (args.count("config") && !args.count("augmented"))
        throw UsageError("--config is for --augmented");
    const d2det::Dataset dataset = checkedDataset(readRaw(args), args);
    const std::vector<d2det::SheetItem> items = sheetItems(args, dataset);
    const cv::Mat sheet =
        d2det::drawSheet(items, dataset.classNames, args["columns"].as<int>(), args["cell"].as<int>());
    if (fs::path(output).has_parent_path())
        fs::create_directories(fs::path(output).parent_path());
    writeImage(output, sheet);
    std::cout << items.size() << " pictures drawn into " << output << " (" << sheet.cols << " x " << sheet.rows
              << ")\n";
    return 0;
}

po::options_description showOptions()
{
    po::options_description options("Contact sheet");
    options.add_options()("output,o", po::value<std::string>()->value_name("FILE"), "picture to write, .png or .jpg")(
        "count,n", po::value<int>()->value_name("N")->default_value(12), "pictures, drawn at random")(
        "columns", po::value<int>()->value_name("N")->default_value(4), "pictures in a row")(
        "cell", po::value<int>()->value_name("PIXELS")->default_value(320), "longer side of a picture")(
        "seed", po::value<int>()->value_name("N")->default_value(1), "another seed draws other pictures")(
        "augmented", "beside each picture one as the trainer sees it: cropped, flipped, coloured")(
        "config,c", po::value<std::string>()->value_name("FILE"),
        "training configuration whose \"data\" says how to augment; the defaults if not given");
    return options;
}

// ------------------------------------------------------------------ main
const Command COMMANDS[] = {
    {"stats", "classes, instances, sizes and shapes of boxes, as tables and charts", statsOptions, runStats},
    {"lint", "finds faults: pictures, boxes, masks, ids, classes; exit code 1 if there are errors", lintOptions,
     runLint},
    {"convert", "writes another format: coco, voc or yolo", convertOptions, runConvert},
    {"show", "pictures with their annotations on one sheet", showOptions, runShow}};

void printHelp(std::ostream& out)
{
    out << "Looks at a data set for training.\n\n  d2det_dataset COMMAND DATASET [options]\n\n";
    for (const Command& command : COMMANDS)
        out << cv::format("  %-8s  ", command.name) << command.summary << "\n";
    out << "\nDATASET is a COCO .json file, or the folder of a COCO, Pascal VOC or YOLO data set.\n"
           "d2det_dataset COMMAND --help lists the options.\n\n"
           "Examples:\n"
           "  d2det_dataset stats VOCdevkit/VOC2007 --subset trainval --output out/stats\n"
           "  d2det_dataset lint my/instances_train.json --images my/train\n"
           "  d2det_dataset convert my/data.yaml --subset train --to coco --output out/coco\n"
           "  d2det_dataset show my/voc --augmented --config my.json --output out/sheet.jpg\n"
           "\nExit code: 0 done, 1 it did not work or lint found errors, 2 for a wrong command line.\n";
}

int runCommand(const Command& command, const std::vector<std::string>& words)
{
    po::options_description visible = command.options();
    visible.add(commonOptions());
    po::options_description all;
    all.add(visible).add_options()("dataset", po::value<std::string>());
    po::positional_options_description positional;
    positional.add("dataset", 1);
    po::variables_map args;
    po::store(po::command_line_parser(words).options(all).positional(positional).run(), args);
    if (args.count("help"))
    {
        std::cout << "d2det_dataset " << command.name << " DATASET: " << command.summary << "\n\n" << visible;
        return 0;
    }
    po::notify(args);
    if (!args.count("dataset"))
        throw UsageError("the data set is missing");
    return command.run(args);
}

int run(int argc, char** argv)
{
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty() || words[0] == "--help" || words[0] == "-h")
    {
        printHelp(words.empty() ? std::cerr : std::cout);
        return words.empty() ? 2 : 0;
    }
    for (const Command& command : COMMANDS)
        if (words[0] == command.name)
            return runCommand(command, {words.begin() + 1, words.end()});
    throw UsageError("'" + words[0] + "' is no command; known are stats, lint, convert and show");
}

}  // namespace

int main(int argc, char** argv)
{
    return cli::runProgram(PROGRAM, [&] { return run(argc, argv); });
}
