// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Training curves from log.csv and eval.csv. */

#include "report/curves.hpp"

#include "base/text.hpp"
#include "report/svg_plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

namespace d2det
{

namespace
{

constexpr int WIDTH = 860, HEIGHT = 420;  // CSS pixels
constexpr double FAINT = 0.22;            // opacity of single values behind a smooth line
constexpr size_t SMOOTH_SHARE = 60;       // smoothing window: 1/60 of the run on each side
constexpr double NOT_A_NUMBER = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> cellsOf(const std::string& line)
{
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');)
        cells.push_back(cell);
    return cells;
}

double numberIn(const std::string& cell)
{
    char* end = nullptr;
    const double value = std::strtod(cell.c_str(), &end);
    return cell.empty() || *end != '\0' ? NOT_A_NUMBER : value;
}

//! Epochs of the rows; row numbers if the table has no epoch column.
std::vector<double> epochsOf(const CsvTable& table)
{
    if (const std::vector<double>* const epochs = table.column("epoch"))
        return *epochs;
    std::vector<double> numbers(table.rows());
    for (size_t i = 0; i < numbers.size(); i++)
        numbers[i] = static_cast<double>(i);
    return numbers;
}

PlotOptions plotOptions(const std::string& title, const std::string& yLabel)
{
    PlotOptions options;
    options.title = title;
    options.xLabel = "epoch";
    options.yLabel = yLabel;
    options.width = WIDTH;
    options.height = HEIGHT;
    options.xMin = options.yMin = 0;
    return options;
}

//! "val/boxes/mask_AP50": data set "boxes", measure "mask AP50".
struct Measure
{
    std::string dataset, name;
    bool masks = false;
    bool loss = false;  //!< "loss" or a part of it, no precision
};

Measure parseMeasure(const std::string& column)
{
    const size_t first = column.find('/'), last = column.rfind('/');
    Measure measure;
    measure.dataset = first < last ? column.substr(first + 1, last - first - 1) : std::string();
    measure.name = column.substr(last + 1);
    measure.masks = startsWith(measure.name, "mask_");
    measure.loss = measure.name == "loss" || startsWith(measure.name, "loss_");
    if (measure.masks)
        measure.name = "mask " + measure.name.substr(5);
    return measure;
}

}  // namespace

const std::vector<double>* CsvTable::column(const std::string& name) const
{
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? nullptr : &columns[static_cast<size_t>(found - names.begin())];
}

CsvTable readCsv(const std::string& path)
{
    std::ifstream file(path);
    std::string line;
    CsvTable table;
    if (!std::getline(file, line))
        return table;
    table.names = cellsOf(line);
    table.columns.resize(table.names.size());
    while (std::getline(file, line))
    {
        if (line.empty())
            continue;
        std::vector<std::string> cells = cellsOf(line);
        cells.resize(table.names.size());
        for (size_t i = 0; i < cells.size(); i++)
            table.columns[i].push_back(numberIn(cells[i]));
    }
    return table;
}

std::vector<double> smoothed(const std::vector<double>& values, size_t reach)
{
    std::vector<double> sums(values.size() + 1, 0.), counts(values.size() + 1, 0.);
    for (size_t i = 0; i < values.size(); i++)
    {
        const bool usable = std::isfinite(values[i]);
        sums[i + 1] = sums[i] + (usable ? values[i] : 0);
        counts[i + 1] = counts[i] + (usable ? 1 : 0);
    }
    std::vector<double> result(values.size());
    for (size_t i = 0; i < values.size(); i++)
    {
        const size_t side = std::min({reach, i, values.size() - 1 - i});
        const double count = counts[i + side + 1] - counts[i - side];
        result[i] = count > 0 ? (sums[i + side + 1] - sums[i - side]) / count : NOT_A_NUMBER;
    }
    return result;
}

std::string lossCurves(const CsvTable& log, const CsvTable& evaluations)
{
    const std::vector<double> epochs = epochsOf(log);
    std::vector<Series> faint, lines;
    double highest = 0;
    const auto add = [&](const std::string& name, const std::vector<double>& values)
    {
        Series raw;
        raw.x = epochs;
        raw.y = values;
        raw.opacity = FAINT;
        raw.color = static_cast<int>(lines.size());
        faint.push_back(raw);
        Series line = raw;
        line.name = name;
        line.opacity = 1;
        line.y = smoothed(values, values.size() / SMOOTH_SHARE);
        for (const double value : line.y)
            highest = std::isfinite(value) ? std::max(highest, value) : highest;
        lines.push_back(line);
    };
    if (const std::vector<double>* const total = log.column("loss"))
        add("total", *total);
    for (size_t i = 0; i < log.names.size(); i++)
        if (startsWith(log.names[i], "loss/"))
            add(log.names[i].substr(5), log.columns[i]);
    std::vector<const std::string*> measured;  // columns of val/<data set>/loss
    for (const std::string& name : evaluations.names)
        if (startsWith(name, "val/") && parseMeasure(name).name == "loss")
            measured.push_back(&name);
    for (const std::string* const name : measured)
    {
        Series line;
        line.name = "validation" + (measured.size() > 1 ? " " + parseMeasure(*name).dataset : std::string());
        line.x = epochsOf(evaluations);
        line.y = *evaluations.column(*name);
        line.dashed = true;
        line.color = static_cast<int>(lines.size());
        for (const double value : line.y)
            highest = std::isfinite(value) ? std::max(highest, value) : highest;
        lines.push_back(line);
    }
    PlotOptions options = plotOptions("Loss", "loss");
    if (highest > 0)
        options.yMax = 1.15 * highest;  // single outliers do not compress the curves
    faint.insert(faint.end(), lines.begin(), lines.end());
    return linePlot(faint, options);
}

std::string precisionCurves(const CsvTable& evaluations)
{
    const std::vector<double> epochs = epochsOf(evaluations);
    std::vector<Series> lines;
    std::set<std::string> datasets;
    for (const std::string& name : evaluations.names)
        if (startsWith(name, "val/"))
            datasets.insert(parseMeasure(name).dataset);
    for (size_t i = 0; i < evaluations.names.size(); i++)
    {
        const Measure measure = parseMeasure(evaluations.names[i]);
        if (!startsWith(evaluations.names[i], "val/") || measure.loss)
            continue;
        Series line;
        line.name = datasets.size() > 1 ? measure.dataset + " " + measure.name : measure.name;
        line.x = epochs;
        line.y = evaluations.columns[i];
        for (double& value : line.y)
            value = value < 0 ? NOT_A_NUMBER : value;  // -1: undefined
        line.dashed = measure.masks;
        lines.push_back(line);
    }
    const std::string title = "Average precision" + (datasets.size() == 1 ? " on " + *datasets.begin() : std::string());
    PlotOptions options = plotOptions(title, "AP");
    options.markers = true;
    return linePlot(lines, options);
}

}  // namespace d2det
