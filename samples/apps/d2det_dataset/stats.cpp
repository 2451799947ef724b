// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* d2det_dataset stats: tables, a CSV file and charts. */

#include "base/atomic_file.hpp"
#include "base/text.hpp"
#include "cli/table.hpp"
#include "d2det_dataset/commands.hpp"
#include "dataset/statistics.hpp"
#include "report/svg_plot.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

namespace fs = std::filesystem;
using d2det::counted;

namespace dataset_program
{

namespace
{

const size_t MAX_CHART_ROWS = 80;

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
        width = std::min<size_t>(std::max(width, d2det::countCharacters(c.name)), 30);
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

//! One number per line: table, row, column, value.
void writeCsv(const fs::path& path, const d2det::DatasetStatistics& s)
{
    std::string text = "table,row,column,value\n";
    const auto line = [&](const char* table, const std::string& row, const char* column, double value)
    { text += std::string(table) + "," + d2det::csvField(row) + "," + column + cv::format(",%.10g\n", value); };
    line("images", "all", "images", double(s.images));
    line("images", "all", "without_annotations", double(s.emptyImages));
    line("images", "all", "annotated_as_empty", double(s.annotatedEmptyImages));
    line("images", "all", "without_label_file", double(s.unlabeledImages));
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
    d2det::writeTextAtomically(path.string(), text);
}

d2det::PlotOptions chartOptions(const std::string& title, const std::string& subtitle, const std::string& axis)
{
    d2det::PlotOptions options;
    options.title = title;
    options.subtitle = subtitle;
    options.xLabel = axis;
    options.width = 900;
    options.height = 420;
    options.valueDecimals = 0;
    options.barValues = false;
    options.histogram = true;
    return options;
}

//! Classes, most frequent first.
std::string classChart(const d2det::DatasetStatistics& s, std::string subtitle)
{
    std::vector<const d2det::ClassStatistics*> classes;
    for (const d2det::ClassStatistics& c : s.classes)
        classes.push_back(&c);
    std::stable_sort(classes.begin(), classes.end(),
                     [](const auto* a, const auto* b) { return a->instances > b->instances; });
    if (classes.size() > MAX_CHART_ROWS)
    {
        subtitle += cv::format("; the %d most frequent of %d classes", int(MAX_CHART_ROWS), int(classes.size()));
        classes.resize(MAX_CHART_ROWS);
    }
    std::vector<std::string> names;
    std::vector<double> values;
    for (const d2det::ClassStatistics* c : classes)
    {
        names.push_back(c->name);
        values.push_back(double(c->instances));
    }
    return d2det::rowPlot(names, values, chartOptions("Instances by class", subtitle, ""));
}

//! A histogram over edges of equal ratio.
std::string ratioChart(const char* title, const std::string& subtitle, const char* axis,
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
    return d2det::barPlot(labels, {{"", {}, d2det::histogram(values, edges)}}, chartOptions(title, subtitle, axis));
}

std::string countChart(const d2det::DatasetStatistics& s, const std::string& subtitle)
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
    return d2det::barPlot(labels, {{"", {}, d2det::histogram(s.instancesPerImage, edges)}},
                          chartOptions("Instances per image", subtitle, "instances in an image"));
}

int runStats(const po::variables_map& args)
{
    const d2det::Dataset dataset = checkedDataset(readRaw(args), args);
    if (args.count("output"))  // report errors before any output
        fs::create_directories(args["output"].as<std::string>());
    const d2det::DatasetStatistics s = d2det::computeStatistics(dataset);
    const std::string subtitle =
        dataset.name + ": " + counted(s.images, "image") + ", " + counted(s.all.instances, "instance");
    std::cout << subtitle << ", " << counted(int64_t(s.classes.size()), "class") << "; "
              << counted(s.emptyImages, "image") << " without annotations"
              << (s.unlabeledImages > 0 ? ", " + std::to_string(s.unlabeledImages) + " of them without a label file"
                                        : "")
              << "\n\n";
    printClasses(s);
    printMeasures(s);
    if (!args.count("output"))
        return 0;
    const fs::path folder = args["output"].as<std::string>();
    writeCsv(folder / "stats.csv", s);
    const std::string sizes =
        subtitle + cv::format("; %d small, %d medium, %d large (COCO's limits: area 32^2 and 96^2)",
                              int(s.all.sizes[0]), int(s.all.sizes[1]), int(s.all.sizes[2]));
    const std::vector<std::pair<const char*, std::string>> charts{
        {"classes.svg", classChart(s, subtitle)},
        {"instances.svg", countChart(s, subtitle)},
        {"box_sizes.svg",
         ratioChart("Size of boxes", sizes, "side: square root of the area, pixels, from", s.all.sides, 4, 1024, 3)},
        {"aspect_ratios.svg",
         ratioChart("Shape of boxes", subtitle, "width / height, from", s.aspects, 1. / 16, 16, 3)}};
    std::cout << "\nwrote stats.csv";
    for (const auto& chart : charts)
    {
        d2det::writeTextAtomically((folder / chart.first).string(), chart.second);
        std::cout << ", " << chart.first;
    }
    std::cout << " to " << folder.string() << "\n";
    return 0;
}

po::options_description statsOptions()
{
    po::options_description options("Statistics");
    options.add_options()("output,o", po::value<std::string>()->value_name("DIR"),
                          "write stats.csv and charts (SVG) into this folder");
    return options;
}

}  // namespace

const Command STATS{"stats", "classes, instances, sizes and shapes of boxes, as tables and charts", statsOptions,
                    runStats};

}  // namespace dataset_program
