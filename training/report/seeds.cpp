// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "report/seeds.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace d2det
{

namespace
{

MeanOfSeeds meanOf(const std::string& name, std::vector<double> values)
{
    MeanOfSeeds result;
    result.name = name;
    int n = 0;
    double sum = 0, squares = 0;
    for (const double value : values)
        if (std::isfinite(value))
            sum += value, n++;
    result.mean = n > 0 ? sum / n : std::numeric_limits<double>::quiet_NaN();
    for (const double value : values)
        if (std::isfinite(value))
            squares += (value - result.mean) * (value - result.mean);
    result.deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
    result.values = std::move(values);
    return result;
}

}  // namespace

std::vector<MeanOfSeeds> meansOfSeeds(const std::vector<CsvTable>& evaluations)
{
    std::vector<std::string> names;
    for (const CsvTable& table : evaluations)
        for (const std::string& name : table.names)
            if (name.rfind("val/", 0) == 0 && std::find(names.begin(), names.end(), name) == names.end())
                names.push_back(name);
    std::vector<MeanOfSeeds> means;
    for (const std::string& name : names)
    {
        std::vector<double> values;
        for (const CsvTable& table : evaluations)
        {
            const std::vector<double>* column = table.column(name);
            values.push_back(column && !column->empty() ? column->back() : std::numeric_limits<double>::quiet_NaN());
        }
        means.push_back(meanOf(name, std::move(values)));
    }
    return means;
}

std::string seedsText(const std::vector<MeanOfSeeds>& means)
{
    size_t width = 0;
    for (const MeanOfSeeds& m : means)
        width = std::max(width, m.name.size());
    std::string text;
    for (const MeanOfSeeds& m : means)
    {
        std::string values;
        for (const double value : m.values)
            values += (values.empty() ? "" : ", ") + (std::isfinite(value) ? formatNumber(value, 4) : std::string("-"));
        text += "  " + m.name + std::string(width - m.name.size(), ' ') + "  " + formatNumber(m.mean, 4) + " ± " +
                formatNumber(m.deviation, 4) + "  (" + values + ")\n";
    }
    return text;
}

std::string seedsCsv(const std::vector<MeanOfSeeds>& means, const std::vector<int64_t>& seeds)
{
    std::string text = "name,mean,deviation";
    for (const int64_t seed : seeds)
        text += ",seed_" + std::to_string(seed);
    text += "\n";
    for (const MeanOfSeeds& m : means)
    {
        text += csvField(m.name) + "," + formatNumber(m.mean, 6) + "," + formatNumber(m.deviation, 6);
        for (const double value : m.values)
            text += "," + (std::isfinite(value) ? formatNumber(value, 6) : std::string());
        text += "\n";
    }
    return text;
}

}  // namespace d2det
