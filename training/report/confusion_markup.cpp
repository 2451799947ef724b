// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "report/confusion_markup.hpp"

#include "report/html_elements.hpp"

#include <algorithm>

namespace d2det
{

using namespace html;

namespace
{

constexpr int MAX_TABLE_CLASSES = 20;  //!< a matrix of more is drawn as a map of colors
constexpr int MAX_MAP_CLASSES = 120;   //!< of more only the list is shown
constexpr size_t MAX_CONFUSIONS = 15;  //!< in the list

std::string confusionName(const Analysis& analysis, int index, const char* last)
{
    return index < analysis.confusion.classes ? name(analysis.classes[index].which.name) : std::string(last);
}

int rowSum(const Confusion& c, int truth)
{
    int sum = 0;
    for (int detected = 0; detected <= c.classes; detected++)
        sum += c.at(truth, detected);
    return sum;
}

std::string confusionTable(const Analysis& analysis)
{
    const Confusion& c = analysis.confusion;
    std::string header = head("annotated as \\ detected as", false), rows;
    for (int i = 0; i <= c.classes; i++)
        header += head(confusionName(analysis, i, "(missed)"));
    for (int truth = 0; truth <= c.classes; truth++)
    {
        rows += "<tr><th>" + confusionName(analysis, truth, "(background)") + "</th>";
        const int sum = rowSum(c, truth);
        for (int detected = 0; detected <= c.classes; detected++)
        {
            const int n = c.at(truth, detected);
            const char* const color = truth == detected ? "31,157,116" : "224,123,36";
            rows += truth == c.classes && detected == c.classes ? "<td></td>"
                    : n == 0                                    ? "<td class=\"soft\">0</td>"
                             : "<td style=\"background:rgba(" + std::string(color) + "," +
                                   formatNumber(0.08 + 0.6 * n / sum, 2) + ")\">" + std::to_string(n) + "</td>";
        }
        rows += "</tr>\n";
    }
    return tableOf(header, rows, "matrix");
}

//! A color map with names at the side and numbers in tooltips.
std::string confusionMap(const Analysis& analysis)
{
    const Confusion& c = analysis.confusion;
    const double side = 10, margin = 118;
    const double size = margin + side * (c.classes + 1) + 4;
    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + formatNumber(size, 0) + " " +
                      formatNumber(size, 0) + "\" width=\"" + formatNumber(size, 0) + "\" height=\"" +
                      formatNumber(size, 0) +
                      "\" font-size=\"8.5\" fill=\"currentColor\" role=\"img\" "
                      "aria-label=\"confusion matrix\">\n";
    for (int i = 0; i <= c.classes; i++)
    {
        const std::string at = formatNumber(margin + side * (i + 0.8), 1);
        const std::string row =
            i < c.classes ? escapeMarkup(shortened(analysis.classes[i].which.name, 24)) : "(background)";
        const std::string column = i < c.classes ? row : "(missed)";
        svg += "<text x=\"" + formatNumber(margin - 4, 0) + "\" y=\"" + at + "\" text-anchor=\"end\">" + row +
               "</text>\n<text transform=\"translate(" + at + " " + formatNumber(margin - 4, 0) + ") rotate(-90)\">" +
               column + "</text>\n";
        const int sum = rowSum(c, i);
        for (int j = 0; j <= c.classes; j++)
            if (c.at(i, j) > 0)
                svg += "<rect x=\"" + formatNumber(margin + side * j, 0) + "\" y=\"" +
                       formatNumber(margin + side * i, 0) + "\" width=\"9\" height=\"9\" fill=\"" +
                       (i == j ? "#1f9d74" : "#e07b24") + "\" fill-opacity=\"" +
                       formatNumber(0.15 + 0.85 * c.at(i, j) / sum, 2) + "\"><title>" +
                       confusionName(analysis, i, "(background)") + ", detected as " +
                       confusionName(analysis, j, "(missed)") + ": " + std::to_string(c.at(i, j)) + "</title></rect>\n";
    }
    return svg + "<rect x=\"" + formatNumber(margin - 1, 0) + "\" y=\"" + formatNumber(margin - 1, 0) + "\" width=\"" +
           formatNumber(side * (c.classes + 1) + 1, 0) + "\" height=\"" + formatNumber(side * (c.classes + 1) + 1, 0) +
           "\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.3\"/>\n</svg>\n";
}

std::string confusionList(const Analysis& analysis)
{
    struct Pair
    {
        int count, truth, detected;
    };
    const Confusion& c = analysis.confusion;
    std::vector<Pair> pairs;
    for (int truth = 0; truth < c.classes; truth++)
        for (int detected = 0; detected < c.classes; detected++)
            if (truth != detected && c.at(truth, detected) > 0)
                pairs.push_back({c.at(truth, detected), truth, detected});
    if (pairs.empty())
        return softText("No object was found with the wrong class.");
    std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.count > b.count; });
    pairs.resize(std::min(pairs.size(), MAX_CONFUSIONS));
    std::string rows;
    for (const Pair& pair : pairs)
        rows += "<tr><td>" + confusionName(analysis, pair.truth, "") + "</td><td>" +
                confusionName(analysis, pair.detected, "") + "</td>" + cell(pair.count) +
                cell(formatNumber(100. * pair.count / rowSum(c, pair.truth), 1) + " %") + "</tr>\n";
    return "<h3>Most frequent confusions</h3>\n" +
           card(tableOf(
               head("annotated as", false) + head("detected as", false) + head("number") + head("of the objects"),
               rows));
}

}  // namespace

std::string confusionMarkup(const Analysis& analysis)
{
    const int classes = analysis.confusion.classes;
    std::string content;
    if (classes <= MAX_TABLE_CLASSES)
        content = card(confusionTable(analysis));
    else if (classes <= MAX_MAP_CLASSES)
        content = card(confusionMap(analysis));
    return content + (classes > 1 ? confusionList(analysis) : "");
}

}  // namespace d2det
