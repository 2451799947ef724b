// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Elements of an HTML page as text: numbers, table cells, tables, cards. Arguments named `markup` or `content`, headers
   and rows are markup already; only name() escapes. */

#ifndef D2DET_TRAINING_HTML_ELEMENTS_HPP
#define D2DET_TRAINING_HTML_ELEMENTS_HPP

#include "base/text.hpp"
#include "report/markup.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace d2det
{
namespace html
{

constexpr size_t MAX_NAME = 60;  //!< characters of a class or detector

inline std::string name(const std::string& text)
{
    return escapeMarkup(shortened(text, MAX_NAME));
}

//! A metric; undefined values are -1 (COCO) or NaN.
inline std::string metric(double value, int decimals = 3)
{
    return value < 0 ? "-" : formatNumber(value, decimals);
}

inline std::string cell(const std::string& markup)
{
    return "<td class=\"n\">" + markup + "</td>";
}

inline std::string cell(int value)
{
    return cell(std::to_string(value));
}

//! A number in 0 .. 1 with a bar behind it.
inline std::string barCell(double value)
{
    if (!(value >= 0))
        return cell("-");
    return "<td class=\"n bar\" style=\"--v:" + formatNumber(100 * std::min(value, 1.), 1) + "%\">" + metric(value) +
           "</td>";
}

inline std::string differenceCell(double value, double base)
{
    if (!(value >= 0) || !(base >= 0))
        return cell("-");
    const double difference = value - base;
    const std::string text = formatNumber(std::abs(difference), 3);
    if (text == "0.000")
        return cell("0.000");
    return "<td class=\"n " + std::string(difference > 0 ? "up\">+" : "down\">&#8722;") + text + "</td>";
}

inline std::string head(const std::string& text, bool number = true)
{
    return (number ? "<th class=\"n\">" : "<th>") + text + "</th>";
}

inline std::string tableOf(const std::string& headCells, const std::string& rows, const char* style = "wide")
{
    return "<table class=\"" + std::string(style) + "\">\n<thead><tr>" + headCells + "</tr></thead>\n<tbody>\n" + rows +
           "</tbody>\n</table>\n";
}

inline std::string card(const std::string& content)
{
    return "<div class=\"card\">\n" + content + "</div>\n";
}

inline std::string heading(const char* id, const std::string& text)
{
    return "<h2 id=\"" + std::string(id) + "\">" + text + "</h2>\n";
}

inline std::string softText(const std::string& markup)
{
    return "<p class=\"soft small\">" + markup + "</p>\n";
}

}  // namespace html
}  // namespace d2det

#endif
