// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Plots, error analysis and HTML page of the evaluation. No torch. */

#define BOOST_TEST_MODULE report
#include <boost/test/unit_test.hpp>

#include "report/markup.hpp"
#include "report/svg_plot.hpp"

#include <cmath>
#include <limits>

namespace
{

const double NAN_VALUE = std::numeric_limits<double>::quiet_NaN();
const double INFINITE = std::numeric_limits<double>::infinity();

//! Empty if every element of the text is closed in order, attributes are quoted and entities are known; else the reason.
std::string markupFault(const std::string& text)
{
    static const std::vector<std::string> voids = {"meta", "br", "img", "link", "hr"};
    std::vector<std::string> open;
    for (size_t i = 0; i < text.size(); i++)
    {
        if (text[i] == '&')
        {
            const std::string entity = text.substr(i, text.find(';', i) - i);
            const bool known =
                entity == "&amp" || entity == "&lt" || entity == "&gt" || entity == "&quot" || entity == "&#39";
            if (!known)
                return "unknown entity " + text.substr(i, 12);
        }
        if (text[i] == '>')
            return "stray > near " + text.substr(i > 20 ? i - 20 : 0, 40);
        if (text[i] != '<')
            continue;
        size_t end = i + 1;
        for (bool quoted = false; end < text.size() && (quoted || text[end] != '>'); end++)
        {
            if (text[end] == '"')
                quoted = !quoted;
            if (text[end] == '<')
                return "< inside a tag near " + text.substr(i, 60);
        }
        if (end >= text.size())
            return "tag without end: " + text.substr(i, 60);
        const std::string tag = text.substr(i + 1, end - i - 1);
        const size_t nameBegin = tag[0] == '/' ? 1 : 0;
        const std::string name = tag.substr(nameBegin, tag.find_first_of(" /\n", nameBegin) - nameBegin);
        i = end;
        if (tag[0] == '!' || tag.back() == '/' || std::count(voids.begin(), voids.end(), name))
            continue;
        if (tag[0] != '/')
            open.push_back(name);
        else if (open.empty() || open.back() != name)
            return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
        else
            open.pop_back();
        if (name == "style" && tag[0] != '/')  // CSS is not markup
            i = text.find("</style", i) - 1;
    }
    return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

size_t count(const std::string& text, const std::string& part)
{
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
        n++;
    return n;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(markup)

BOOST_AUTO_TEST_CASE(escapes_what_html_gives_a_meaning)
{
    BOOST_TEST(d2det::escapeMarkup("<b a=\"1\" c='2'>&amp;</b>") ==
               "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;");
    BOOST_TEST(d2det::escapeMarkup("a\nb\tc") == "a b c");
}

BOOST_AUTO_TEST_CASE(keeps_utf8_and_replaces_everything_else)
{
    const std::string bad = "\xef\xbf\xbd";
    BOOST_TEST(d2det::escapeMarkup("Fu\xc3\x9fg\xc3\xa4nger \xe4\xba\xba \xf0\x9f\x9a\xb6") ==
               "Fu\xc3\x9fg\xc3\xa4nger \xe4\xba\xba \xf0\x9f\x9a\xb6");
    BOOST_TEST(d2det::escapeMarkup(std::string("a\0b", 3)) == "a" + bad + "b");
    BOOST_TEST(d2det::escapeMarkup("\xc3") == bad);                      // cut short
    BOOST_TEST(d2det::escapeMarkup("\xc0\xbc") == bad + bad);            // an overlong '<'
    BOOST_TEST(d2det::escapeMarkup("\xed\xa0\x80") == bad + bad + bad);  // a surrogate
}

BOOST_AUTO_TEST_CASE(shortens_by_characters)
{
    BOOST_TEST(d2det::shortened("abc", 3) == "abc");
    BOOST_TEST(d2det::shortened("abcd", 3) == "ab\xe2\x80\xa6");
    BOOST_TEST(d2det::shortened("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 3) == "\xc3\xa4\xc3\xb6\xe2\x80\xa6");
    BOOST_TEST(d2det::countCharacters("\xc3\xa4\xe4\xba\xba x") == 4u);
}

BOOST_AUTO_TEST_CASE(numbers)
{
    BOOST_TEST(d2det::formatNumber(0.12345, 3) == "0.123");
    BOOST_TEST(d2det::formatNumber(-0.0001, 2) == "0.00");
    BOOST_TEST(d2det::formatNumber(-0.2, 1) == "-0.2");
    BOOST_TEST(d2det::formatNumber(NAN_VALUE, 2) == "-");
    BOOST_TEST(d2det::formatNumber(1e12, 2) == "1.00e+12");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(plots)

BOOST_AUTO_TEST_CASE(ticks_are_nice_and_inside)
{
    const std::vector<double> unit = d2det::niceTicks(0, 1, 5);
    BOOST_REQUIRE(unit.size() == 6u);
    for (size_t i = 0; i < unit.size(); i++)
        BOOST_TEST(unit[i] == 0.2 * static_cast<double>(i), boost::test_tools::tolerance(1e-12));
    for (const auto& range : std::vector<std::pair<double, double>>{
             {-3, 17}, {0.001, 0.0042}, {1e9, 1e9 + 7}, {-1e299, 1e299}, {1e-200, 3e-200}})
    {
        const std::vector<double> ticks = d2det::niceTicks(range.first, range.second, 5);
        BOOST_TEST(ticks.size() >= 2u);
        BOOST_TEST(ticks.size() <= 12u);
        for (size_t i = 0; i < ticks.size(); i++)
        {
            BOOST_TEST(ticks[i] >= range.first - 1e-9 * std::abs(range.first));
            BOOST_TEST(ticks[i] <= range.second + 1e-9 * std::abs(range.second));
            BOOST_TEST((i == 0 || ticks[i] > ticks[i - 1]));
        }
    }
    BOOST_TEST(d2det::niceTicks(1, 1, 5).empty());
    BOOST_TEST(d2det::niceTicks(NAN_VALUE, 1, 5).empty());
}

BOOST_AUTO_TEST_CASE(line_plot_has_its_parts)
{
    d2det::PlotOptions options;
    options.title = "Loss <of> \"all\"";
    options.xLabel = "step & epoch";
    options.yLabel = "loss";
    const std::string svg = d2det::linePlot({{"a&b", {0, 1, 2}, {3, 1, 2}}, {"<c>", {0, 2}, {1, 1}}}, options);
    BOOST_TEST(markupFault(svg) == "");
    BOOST_TEST(count(svg, "<svg ") == 1u);
    BOOST_TEST(count(svg, "<polyline") == 2u);
    BOOST_TEST(count(svg, "Loss &lt;of&gt; &quot;all&quot;") == 2u);  // title and label for screen readers
    BOOST_TEST(count(svg, ">a&amp;b<") == 1u);
    BOOST_TEST(count(svg, ">&lt;c&gt;<") == 1u);
    BOOST_TEST(count(svg, "step &amp; epoch") == 1u);
    BOOST_TEST(count(svg, "href") == 0u);
    BOOST_TEST(count(svg, d2det::plotColour(0)) >= 2u);
}

BOOST_AUTO_TEST_CASE(gaps_single_points_and_nothing)
{
    const d2det::PlotOptions options;
    const std::string gap = d2det::linePlot({{"", {0, 1, 2, 3, 4}, {1, 2, NAN_VALUE, 2, 1}}}, options);
    BOOST_TEST(count(gap, "<polyline") == 2u);
    BOOST_TEST(count(gap, "nan") == 0u);
    const std::string isolated = d2det::linePlot({{"", {0, 1, 2}, {INFINITE, 2, -INFINITE}}}, options);
    BOOST_TEST(count(isolated, "<polyline") == 0u);
    BOOST_TEST(count(isolated, "<circle") == 1u);
    BOOST_TEST(count(isolated, "no data") == 0u);
    for (const std::string& empty :
         {d2det::linePlot({}, options), d2det::linePlot({{"x", {}, {}}}, options),
          d2det::linePlot({{"x", {NAN_VALUE}, {1}}}, options), d2det::barPlot({}, {}, options),
          d2det::barPlot({"a"}, {{"x", {}, {NAN_VALUE}}}, options)})
    {
        BOOST_TEST(markupFault(empty) == "");
        BOOST_TEST(count(empty, "no data") == 1u);
        BOOST_TEST(count(empty, "nan") == 0u);
    }
}

BOOST_AUTO_TEST_CASE(coordinates_stay_inside)
{
    d2det::PlotOptions options;
    options.width = 400;
    options.height = 300;
    const std::vector<std::vector<double>> values = {{1e-300, 2e-300, 0},   {-1e299, 1e299, 3},    {5, 5, 5}, {0, 0, 0},
                                                     {-7e-5, -2e-5, -3e-5}, {1e15, 1e15 + 1, 1e15}};
    for (const std::vector<double>& y : values)
        for (const bool logarithmic : {false, true})
        {
            options.logY = logarithmic;
            const std::string svg = d2det::linePlot({{"s", {1, 2, 3}, y}}, options);
            BOOST_TEST(markupFault(svg) == "");
            BOOST_TEST(count(svg, "inf") == 0u);
            BOOST_TEST(count(svg, "nan") == 0u);
            const size_t at = svg.find("points=\"");
            if (at == std::string::npos)
                continue;
            std::istringstream points(svg.substr(at + 8, svg.find('"', at + 8) - at - 8));
            double x = 0, height = 0;
            char comma = 0;
            while (points >> x >> comma >> height)
            {
                BOOST_TEST((x >= 0 && x <= 400));
                BOOST_TEST((height >= 0 && height <= 300));
            }
        }
}

BOOST_AUTO_TEST_CASE(logarithmic_axis_is_logarithmic)
{
    d2det::PlotOptions options;
    options.logY = true;
    options.markers = true;
    const std::string svg = d2det::linePlot({{"s", {0, 1, 2, 3}, {0.01, 0.1, 1, 0}}}, options);
    std::vector<double> heights;
    for (size_t at = svg.find("cy=\""); at != std::string::npos; at = svg.find("cy=\"", at + 4))
        heights.push_back(std::stod(svg.substr(at + 4)));
    BOOST_REQUIRE(heights.size() == 3u);  // 0 has no place
    BOOST_TEST(std::abs((heights[0] - heights[1]) - (heights[1] - heights[2])) < 0.11);
    BOOST_TEST(heights[0] > heights[1]);
}

BOOST_AUTO_TEST_CASE(long_series_are_thinned_without_losing_peaks)
{
    d2det::Series series{"s", {}, {}};
    for (int i = 0; i < 200000; i++)
    {
        series.x.push_back(i);
        series.y.push_back(i == 123456 ? 100 : std::sin(i * 0.7));
    }
    d2det::PlotOptions options;
    const std::string svg = d2det::linePlot({series}, options);
    BOOST_TEST(svg.size() < 60000u);
    const std::string inside = svg.substr(svg.find("points=\""));
    double top = 1e9;
    std::istringstream points(inside.substr(8, inside.find('"', 8) - 8));
    double x = 0, y = 0;
    char comma = 0;
    while (points >> x >> comma >> y)
        top = std::min(top, y);
    BOOST_TEST(top < 40);  // the peak reaches the top of the frame
}

BOOST_AUTO_TEST_CASE(bars)
{
    d2det::PlotOptions options;
    const std::string svg = d2det::barPlot({"small", "<medium>", "large"},
                                           {{"a", {}, {0.1, 0.2, NAN_VALUE}}, {"b", {}, {-0.1, 0, 0.3}}}, options);
    BOOST_TEST(markupFault(svg) == "");
    BOOST_TEST(count(svg, "<rect") == 5u);
    BOOST_TEST(count(svg, "height=\"-") == 0u);
    BOOST_TEST(count(svg, "&lt;medium&gt;, b: 0.000") == 1u);
    std::vector<std::string> names;
    std::vector<double> values;
    for (int i = 0; i < 80; i++)
    {
        names.push_back("a rather long class name, number " + std::to_string(i));
        values.push_back(i);
    }
    const std::string many = d2det::barPlot(names, {{"", {}, values}}, options);
    BOOST_TEST(markupFault(many) == "");
    BOOST_TEST(count(many, "<rect") == 80u);
}

BOOST_AUTO_TEST_CASE(wrong_lengths_are_named)
{
    BOOST_CHECK_EXCEPTION(d2det::linePlot({{"odd", {1, 2}, {1}}}, {}), std::invalid_argument,
                          [](const std::invalid_argument& e)
                          { return std::string(e.what()).find("'odd' has 2 x and 1 y") != std::string::npos; });
    BOOST_CHECK_THROW(d2det::barPlot({"a", "b"}, {{"odd", {}, {1}}}, {}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
