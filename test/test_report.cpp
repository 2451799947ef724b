// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Plots, error analysis and HTML page of the evaluation. No torch. */

#define BOOST_TEST_MODULE report
#include <boost/test/unit_test.hpp>

#include "report/class_csv.hpp"
#include "report/seeds.hpp"
#include "report/html_report.hpp"
#include "base/text.hpp"
#include "report/markup.hpp"
#include "report/report_images.hpp"
#include "report/svg_plot.hpp"
#include "temp_folder.hpp"

#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <numeric>
#include <random>
#include <sstream>

#include <unistd.h>

using cv::d2det::CocoEvaluator;
namespace tt = boost::test_tools;

namespace
{

const double NAN_VALUE = std::numeric_limits<double>::quiet_NaN();
const double INFINITE = std::numeric_limits<double>::infinity();

//! A file that is removed at the end.
struct TemporaryFile
{
    explicit TemporaryFile(const std::string& content) : path(folder.write("file.json", content)) {}

    d2det::test::TempFolder folder;
    std::string path;
};

//! Empty if every element of the text is closed in order, attributes are quoted and entities are known; else the
//! reason.
std::string markupFault(const std::string& text)
{
    static const std::vector<std::string> voids = {"meta", "br", "img", "link", "hr"};
    std::vector<std::string> open;
    for (size_t i = 0; i < text.size(); i++)
    {
        if (text[i] == '&')
        {
            const std::string entity = text.substr(i, text.find(';', i) - i);
            const bool known = entity == "&amp" || entity == "&lt" || entity == "&gt" || entity == "&quot" ||
                               (entity.size() > 2 && entity.find_first_not_of("0123456789", 2) == std::string::npos &&
                                entity[1] == '#');
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
    BOOST_TEST(count(svg, d2det::plotColor(0)) >= 2u);
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

BOOST_AUTO_TEST_CASE(rows_and_histograms)
{
    d2det::PlotOptions options;
    options.title = "t";
    options.subtitle = "<sub>";
    options.valueDecimals = 0;
    const std::string rows = d2det::rowPlot({"a&b", "half", "none", "undefined"}, {80, 40, 0, NAN_VALUE}, options);
    BOOST_TEST(markupFault(rows) == "");
    for (const char* text : {">a&amp;b<", ">&lt;sub&gt;<", ">80<", ">0<", ">-<"})
        BOOST_TEST(count(rows, text) == 1u, text);
    std::vector<double> widths;
    static const std::regex width("<rect x=\"[0-9.]+\" width=\"([0-9.]+)\"");
    for (std::sregex_iterator match(rows.begin(), rows.end(), width), end; match != end; match++)
        widths.push_back(std::stod((*match)[1]));
    BOOST_REQUIRE(widths.size() == 2u);  // no bar for zero and for what is not defined
    BOOST_TEST(widths[0] == 2 * widths[1], tt::tolerance(0.01));
    BOOST_TEST(count(d2det::rowPlot({}, {}, options), "no data") == 1u);
    BOOST_CHECK_THROW(d2det::rowPlot({"a"}, {}, options), std::invalid_argument);

    // Names of a histogram stay level; those that would overlap are left out.
    options.histogram = true;
    std::vector<std::string> names;
    for (int i = 0; i < 100; i++)
        names.push_back("name" + std::to_string(i));
    const std::string histogram = d2det::barPlot(names, {{"", {}, std::vector<double>(100, 1)}}, options);
    BOOST_TEST(markupFault(histogram) == "");
    BOOST_TEST(count(histogram, "<rect ") == 100u);
    BOOST_TEST(count(histogram, "rotate(-40") == 0u);
    BOOST_TEST(count(histogram, ">name0<") == 1u);
    BOOST_TEST(count(histogram, ">name1<") == 0u);
}

BOOST_AUTO_TEST_CASE(counts_in_words)
{
    BOOST_TEST(d2det::counted(1, "annotated class") == "1 annotated class");
    BOOST_TEST(d2det::counted(79, "annotated class") == "79 annotated classes");
    BOOST_TEST(d2det::counted(0, "box") == "0 boxes");
    BOOST_TEST(d2det::counted(2, "image") == "2 images");
}

BOOST_AUTO_TEST_CASE(wrong_lengths_are_named)
{
    BOOST_CHECK_EXCEPTION(d2det::linePlot({{"odd", {1, 2}, {1}}}, {}), std::invalid_argument,
                          [](const std::invalid_argument& e)
                          { return std::string(e.what()).find("'odd' has 2 x and 1 y") != std::string::npos; });
    BOOST_CHECK_THROW(d2det::barPlot({"a", "b"}, {{"odd", {}, {1}}}, {}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

namespace
{

cv::d2det::Rle rectangleMask(const cv::Rect2d& box, cv::Size size)
{
    cv::Mat1b mask(size, uchar(0));
    mask(cv::Rect(box) & cv::Rect(cv::Point(), size)).setTo(1);
    return cv::d2det::rleEncode(mask);
}

/** Two classes, 1 and 7. Objects of class 1: A1 (found twice), A2 (found poorly), A3 (missed), a crowd; of class 7: B1
    (found as class 1), B2 (missed; a poor box of class 1 is near it). One detection on background. */
struct EveryError
{
    EveryError()
    {
        options.classes = {{1, "a"}, {7, "b"}};
        options.imageIds = {5, 6};  // the second image is empty
        evaluator.setCategories({1, 7});
        evaluator.setImages({5, 6});
        for (const double x : {0., 200., 400.})
            object(1, {x, 0, 100, 100});
        object(7, {0, 300, 100, 100});
        object(7, {200, 300, 100, 100});
        object(1, {600, 0, 100, 100}, true);
        detection({0, 0, 100, 100}, 0.95);
        detection({0, 0, 100, 100}, 0.90);      // duplicate
        detection({250, 0, 100, 100}, 0.85);    // IoU 1/3: localization
        detection({0, 300, 100, 100}, 0.80);    // classification
        detection({800, 300, 50, 50}, 0.70);    // background
        detection({250, 300, 100, 100}, 0.65);  // both
        detection({600, 0, 50, 100}, 0.60);     // part of the crowd
    }

    void object(int64_t category, const cv::Rect2d& box, bool crowd = false)
    {
        evaluator.addGroundTruth({5, category, box, box.area(), crowd, rectangleMask(box, {900, 500})});
    }
    void detection(const cv::Rect2d& box, double score)
    {
        evaluator.addDetection({5, 1, box, score, rectangleMask(box, {900, 500})});
    }

    CocoEvaluator evaluator;
    d2det::AnalysisOptions options;
};

const std::array<int, d2det::NUM_ERROR_TYPES> EXPECTED_COUNTS = {1, 1, 1, 1, 1, 2};

//! Images with objects of three classes; detections are objects moved, renamed, doubled, left out, and noise.
CocoEvaluator randomSet(unsigned seed, const std::vector<int64>& images)
{
    std::mt19937 random(seed);
    const auto uniform = [&] { return std::uniform_real_distribution<double>(0, 1)(random); };
    CocoEvaluator evaluator;
    evaluator.setImages(images);
    evaluator.setCategories({1, 2, 3, 4});  // the last has no objects
    for (const int64 image : images)
        for (int i = 0; i < 8; i++)
        {
            const cv::Rect2d box(uniform() * 300, uniform() * 300, 10 + uniform() * 150, 10 + uniform() * 150);
            const int64 category = 1 + static_cast<int64>(uniform() * 3);
            evaluator.addGroundTruth({image, category, box, box.area(), uniform() < 0.1, {}});
            while (uniform() < 0.6)
            {
                const double noise = uniform() * 0.3;
                const cv::Rect2d moved(box.x + (uniform() - 0.5) * noise * box.width,
                                       box.y + (uniform() - 0.5) * noise * box.height, box.width * (1 + noise),
                                       box.height);
                // Scores with few digits occur several times.
                evaluator.addDetection({image,
                                        uniform() < 0.2 ? 1 + static_cast<int64>(uniform() * 4) : category,
                                        moved,
                                        std::floor(uniform() * 20) / 20,
                                        {}});
            }
        }
    return evaluator;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(analysis)

BOOST_AUTO_TEST_CASE(every_kind_of_error_is_counted)
{
    const EveryError set;
    for (const int iouType : {cv::d2det::IOU_BOX, cv::d2det::IOU_MASK})
    {
        d2det::AnalysisOptions options = set.options;
        options.iouType = iouType;
        options.score = 0;
        const d2det::Analysis analysis = d2det::analyze(set.evaluator, options);
        BOOST_TEST(analysis.errors.all == EXPECTED_COUNTS, tt::per_element());
        BOOST_TEST(analysis.errors.counts == EXPECTED_COUNTS, tt::per_element());
        BOOST_TEST(analysis.outcomes.right == 1);
        BOOST_TEST(analysis.outcomes.wrong == 5);
        BOOST_TEST(analysis.outcomes.missed == 4);
        BOOST_TEST(analysis.classes[0].objects == 3);
        BOOST_TEST(analysis.classes[0].detections == 7);
        BOOST_TEST(analysis.classes[1].detections == 0);
        BOOST_REQUIRE(analysis.images.size() == 2u);
        BOOST_TEST(analysis.images[0].ignored.size() == 1u);
        BOOST_TEST(analysis.images[1].outcomes.missed == 0);
    }
}

BOOST_AUTO_TEST_CASE(costs_by_hand)
{
    // Class a: right at recall 1/3, then wrong ones: 34 of 101 recall points at precision 1. Class b: 0.
    const EveryError set;
    const d2det::ErrorBreakdown errors = d2det::analyze(set.evaluator, set.options).errors;
    const auto near = tt::tolerance(1e-9);
    BOOST_TEST(errors.ap50 == 34. / 2 / 101, near);
    BOOST_TEST(errors.cost[d2det::ERROR_LOCALIZATION] == 33 * (2. / 3) / 2 / 101, near);  // recall 2/3, precision 2/3
    BOOST_TEST(errors.cost[d2det::ERROR_CLASSIFICATION] == 51. / 2 / 101, near);          // half of class b
    BOOST_TEST(errors.cost[d2det::ERROR_MISSED] == (51. - 34) / 2 / 101, near);           // class a: 1 of 2
    for (const int type : {d2det::ERROR_DUPLICATE, d2det::ERROR_BACKGROUND, d2det::ERROR_BOTH})
        BOOST_TEST(errors.cost[type] == 0, near);  // they come after the last right one
    BOOST_TEST(errors.allFixed == 1, near);
}

BOOST_AUTO_TEST_CASE(confusions_by_hand)
{
    EveryError set;
    set.options.score = 0;
    const d2det::Confusion c = d2det::analyze(set.evaluator, set.options).confusion;
    const std::vector<int> expected = {1, 0, 2, 1, 0, 1, 4, 0, 0};  // rows a, b, background; columns a, b, missed
    BOOST_TEST(c.counts == expected, tt::per_element());
}

BOOST_AUTO_TEST_CASE(operating_point)
{
    const EveryError set;
    const d2det::Analysis best = d2det::analyze(set.evaluator, set.options);
    BOOST_TEST(best.score == 0.95);  // F1 2/6, falls with every wrong one
    BOOST_TEST(best.outcomes.wrong == 0);
    BOOST_TEST(best.outcomes.f1() == 1. / 3, tt::tolerance(1e-12));
    // At this point the detection of A2 and B1 are gone: they are missed now.
    const std::array<int, d2det::NUM_ERROR_TYPES> counts = {0, 0, 0, 0, 0, 4};
    BOOST_TEST(best.errors.counts == counts, tt::per_element());
    BOOST_TEST(best.errors.all == EXPECTED_COUNTS, tt::per_element());
    d2det::AnalysisOptions given = set.options;
    given.score = 0.82;
    BOOST_TEST(d2det::analyze(set.evaluator, given).outcomes.wrong == 2);
}

BOOST_AUTO_TEST_CASE(agrees_with_the_evaluator)
{
    const std::vector<int64> images = {3, 1, 4, 15, 9, 2};
    for (unsigned seed = 0; seed < 10; seed++)
    {
        const CocoEvaluator evaluator = randomSet(seed, images);
        d2det::AnalysisOptions options;
        options.classes = {{1, "one"}, {2, "two"}, {3, "three"}, {4, "four"}};
        options.imageIds = {images.begin(), images.end()};
        const d2det::Analysis a = d2det::analyze(evaluator, options);
        const auto near = tt::tolerance(1e-9);
        const std::vector<double> ap = evaluator.perCategoryAP();
        for (size_t c = 0; c < 4; c++)
            BOOST_TEST(a.classes[c].ap == ap[c], near);
        BOOST_TEST(a.classes[3].ap == -1);
        for (size_t t = 0; t < 10; t++)
            BOOST_TEST(a.apByIou[t] == evaluator.averagePrecision(d2det::iouThresholds()[t]), near);
        const double ar = (a.classes[0].ar100 + a.classes[1].ar100 + a.classes[2].ar100) / 3;
        BOOST_TEST(ar == a.summary[8], near);
        BOOST_TEST(a.errors.ap50 == a.summary[1], near);
        BOOST_TEST(std::accumulate(a.precision.mean.begin(), a.precision.mean.end(), 0.) / 101 == a.summary[0], near);
        BOOST_TEST(std::accumulate(a.precision.iou75.begin(), a.precision.iou75.end(), 0.) / 101 == a.summary[2], near);
        BOOST_TEST(a.errors.allFixed == 1, near);
        for (const double cost : a.errors.cost)
            BOOST_TEST(cost >= -1e-12);
    }
}

BOOST_AUTO_TEST_CASE(sums_agree)
{
    const std::vector<int64> images = {1, 2, 3, 4, 5};
    const CocoEvaluator evaluator = randomSet(77, images);
    for (const double score : {0., 0.3, 0.7, 2.})
    {
        d2det::AnalysisOptions options;
        options.classes = {{1, "one"}, {2, "two"}, {3, "three"}, {4, "four"}};
        options.imageIds = {images.begin(), images.end()};
        options.score = score;
        const d2det::Analysis a = d2det::analyze(evaluator, options);
        int wrong = 0, right = 0, missed = 0;
        for (const d2det::ImageOutcome& image : a.images)
        {
            right += image.outcomes.right;
            wrong += image.outcomes.wrong;
            missed += image.outcomes.missed;
        }
        BOOST_TEST(right == a.outcomes.right);
        BOOST_TEST(wrong == a.outcomes.wrong);
        BOOST_TEST(missed == a.outcomes.missed);
        BOOST_TEST(std::accumulate(a.errors.counts.begin(), a.errors.counts.end() - 1, 0) == wrong);
        BOOST_TEST(a.errors.counts[d2det::ERROR_MISSED] <= missed);
        int detections = 0, objects = 0, diagonal = 0;
        for (int i = 0; i <= 4; i++)
            for (int j = 0; j <= 4; j++)
            {
                detections += j < 4 ? a.confusion.at(i, j) : 0;
                objects += i < 4 ? a.confusion.at(i, j) : 0;
                diagonal += i == j && i < 4 ? a.confusion.at(i, j) : 0;
            }
        BOOST_TEST(detections == right + wrong);
        BOOST_TEST(objects == right + missed);
        BOOST_TEST(diagonal == right);
    }
}

BOOST_AUTO_TEST_CASE(nothing_to_measure)
{
    CocoEvaluator evaluator;
    evaluator.setCategories({1});
    evaluator.setImages({1, 2});
    d2det::AnalysisOptions options;
    options.classes = {{1, "a"}};
    options.imageIds = {1, 2};
    const d2det::Analysis nothing = d2det::analyze(evaluator, options);
    BOOST_TEST(nothing.errors.ap50 == -1);
    BOOST_TEST(std::isnan(nothing.outcomes.f1()));
    evaluator.addDetection({1, 1, {0, 0, 10, 10}, 0.5, {}});
    const d2det::Analysis noObjects = d2det::analyze(evaluator, options);
    BOOST_TEST(noObjects.errors.all[d2det::ERROR_BACKGROUND] == 1);
    BOOST_TEST(noObjects.classes[0].ap == -1);
    BOOST_TEST(noObjects.precision.mean.empty());
    CocoEvaluator blind;
    blind.setCategories({1});
    blind.setImages({1, 2});
    blind.addGroundTruth({1, 1, {0, 0, 10, 10}, 100, false, {}});
    const d2det::Analysis noDetections = d2det::analyze(blind, options);
    BOOST_TEST(noDetections.outcomes.missed == 1);
    BOOST_TEST(noDetections.errors.cost[d2det::ERROR_MISSED] == 1);
    BOOST_TEST(noDetections.errors.allFixed == 1);
}

BOOST_AUTO_TEST_CASE(worst_and_best_images)
{
    d2det::Analysis analysis;
    const std::vector<d2det::Outcomes> outcomes = {{0, 0, 0}, {5, 0, 0}, {1, 3, 0}, {3, 1, 2}, {2, 0, 0}, {9, 0, 1}};
    for (const d2det::Outcomes& o : outcomes)
    {
        analysis.images.emplace_back();
        analysis.images.back().outcomes = o;
    }
    const std::vector<size_t> worst = {2, 3, 5}, best = {1, 4, 5};
    BOOST_TEST(d2det::worstImages(analysis, 10) == worst, tt::per_element());
    BOOST_TEST(d2det::worstImages(analysis, 2).size() == 2u);
    // 5 is among the worst of 10, but not among the worst of 2.
    BOOST_TEST(d2det::bestImages(analysis, 10).size() == 2u);
    const std::vector<size_t> bestOfTwo = {1, 4};
    BOOST_TEST(d2det::bestImages(analysis, 2) == bestOfTwo, tt::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(result_files)

BOOST_AUTO_TEST_CASE(what_is_written_is_read)
{
    d2det::CocoResult box, mask, scored;
    box.imageId = 9007199254740993;  // more than a double holds
    box.categoryId = -3;
    box.box = {0.1, 1e-7, 3.5, 1234567.25};
    box.score = box.maskScore = 1. / 3;
    mask = box;
    mask.mask = rectangleMask({2, 3, 5, 4}, {20, 10});
    scored = mask;
    scored.maskScore = 1.25;
    const TemporaryFile file("");
    d2det::writeCocoResults(file.path, {box, mask, scored});
    const std::vector<d2det::CocoResult> read = d2det::readCocoResults(file.path);
    BOOST_REQUIRE(read.size() == 3u);
    for (const d2det::CocoResult& r : read)
    {
        BOOST_TEST(r.imageId == box.imageId);
        BOOST_TEST(r.categoryId == -3);
        BOOST_TEST((r.box == box.box));
        BOOST_TEST(r.score == box.score);
    }
    BOOST_TEST(read[0].mask.empty());
    BOOST_TEST(read[1].mask.counts == mask.mask.counts, tt::per_element());
    BOOST_TEST(read[1].maskScore == box.score);
    BOOST_TEST(read[2].maskScore == 1.25);
    d2det::writeCocoResults(file.path, {});
    BOOST_TEST(d2det::readCocoResults(file.path).empty());
}

BOOST_AUTO_TEST_CASE(other_programs_files)
{
    const TemporaryFile file(
        R"([{"image_id": 1, "category_id": 2, "score": 1, "extra": {"a": [1, {"b": null}]}, "bbox": [1, 2, 3, 4]},
           {"image_id": 1.0, "category_id": 2, "score": 0.5, "segmentation": {"size": [4, 5], "counts": [5, 2, 13]}}])");
    const std::vector<d2det::CocoResult> results = d2det::readCocoResults(file.path);
    BOOST_REQUIRE(results.size() == 2u);
    BOOST_TEST(results[0].box.height == 4);
    BOOST_TEST((results[1].box == cv::Rect2d(1, 1, 1, 2)));  // from the mask: pixels 5 and 6, in columns of 4
}

BOOST_AUTO_TEST_CASE(malformed_files_are_explained)
{
    const std::string good = R"("image_id": 1, "category_id": 2, "score": 1, )";
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "not valid JSON at byte"},
        {"[", "not valid JSON"},
        {"[{]", "not valid JSON"},
        {"{}", "annotations"},
        {"7", "expected a list"},
        {"[7]", "result 0: it is a number"},
        {"[[]]", "result 0: it is a list"},
        {"[null]", "result 0: it is null"},
        {"[{}]", "\"image_id\" is missing"},
        {"[{" + good + "\"x\": 1}]", "\"bbox\" is missing"},
        {"[{" + good + "\"bbox\": [1, 2, 3]}]", "3 numbers"},
        {"[{" + good + "\"bbox\": [1, 2, 3, 4, 5]}]", "more than 4"},
        {"[{" + good + "\"bbox\": [1, 2, -3, 4]}]", "-3.00 wide"},
        {"[{" + good + "\"bbox\": [1, 2, NaN, 4]}]", "not a finite number"},
        {"[{" + good + "\"bbox\": [1, 2, 1e999, 4]}]", ""},
        {"[{" + good + "\"bbox\": [[1], 2, 3, 4]}]", "holds a list"},
        {"[{" + good + "\"bbox\": {}}]", "\"bbox\" is an object"},
        {"[{" + good + "\"bbox\": 5}]", "\"bbox\" is a number"},
        {"[{" + good + "\"bbox\": [1, 2, 3, 4], \"bbox\": [1, 2, 3, 4]}]", "occurs twice"},
        {R"([{"image_id": [1], "category_id": 2, "score": 1, "bbox": [1, 2, 3, 4]}])", "\"image_id\" is a list"},
        {R"([{"image_id": 1.5, "category_id": 2, "score": 1, "bbox": [1, 2, 3, 4]}])", "not an integer"},
        {R"([{"image_id": 1, "category_id": 2, "score": NaN, "bbox": [1, 2, 3, 4]}])", "not a finite number"},
        {R"([{"image_id": 18446744073709551615, "category_id": 2, "score": 1, "bbox": [1, 2, 3, 4]}])",
         "not an integer"},
        {"[{" + good + "\"segmentation\": [[1, 2, 3, NaN, 5, 6]]}]", "run lengths"},
        {"[{" + good + "\"segmentation\": \"5\"}]", "run lengths"},
        {"[{" + good + R"("segmentation": {"counts": "abc"}}])", "\"size\""},
        {"[{" + good + R"("segmentation": {"size": [4, 5, 6], "counts": "abc"}}])", "\"size\""},
        {"[{" + good + R"("segmentation": {"size": [0, 5], "counts": "abc"}}])", "0 pixels"},
        {"[{" + good + R"("segmentation": {"size": [4, 5], "counts": "~~~~"}}])", "segmentation"},
        {"[{" + good + R"("segmentation": {"size": [4, 5], "counts": [5, 2]}}])", "segmentation"},
        {"[{" + good + R"("segmentation": {"size": [4, 5], "counts": [-5]}}])", "integers from 0 on"},
        {"[{" + good + R"("segmentation": {"size": [268435456, 268435456], "counts": [1]}}])", "segmentation"},
        {"[{\"x\": " + std::string(100000, '['), ""},
        {"[{\"x\": \"" + std::string(5 << 20, 'x'), "longer than"},
        {std::string("\0\xff\xfe[]", 5), "not valid JSON"},
    };
    for (const auto& c : cases)
    {
        const TemporaryFile file(c.first);
        BOOST_TEST_CONTEXT(c.first.substr(0, 120))
        BOOST_CHECK_EXCEPTION(d2det::readCocoResults(file.path), std::runtime_error,
                              [&](const std::runtime_error& e)
                              {
                                  const std::string text = e.what();
                                  BOOST_TEST_INFO(text);
                                  BOOST_TEST(text.find(file.path) != std::string::npos);
                                  BOOST_TEST(text.size() < 600u);
                                  return text.find(c.second) != std::string::npos;
                              });
    }
    BOOST_CHECK_THROW(d2det::readCocoResults("/nonexistent.json"), std::runtime_error);
    BOOST_CHECK_THROW(d2det::writeCocoResults("/nonexistent/x.json", {}), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(damaged_files_do_no_harm)
{
    const std::string text =
        R"([{"image_id": 1, "category_id": 2, "score": 0.5, "bbox": [1, 2, 3, 4], "segmentation": {"size": [4, 5], )"
        R"("counts": "52=0"}}, {"image_id": 3, "category_id": 2, "score": 0.5, "bbox": [1, 2, 3, 4]}])";
    std::mt19937 random(5);
    int read = 0, refused = 0;
    for (int round = 0; round < 2000; round++)
    {
        std::string damaged = text;
        for (unsigned i = 0; i < 1 + random() % 3; i++)
            damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
        if (round % 3 == 0)
            damaged.resize(random() % damaged.size());
        const TemporaryFile file(damaged);
        try
        {
            read += d2det::readCocoResults(file.path).size() <= 2u;
        }
        catch (const std::runtime_error& e)
        {
            refused += std::string(e.what()).find(file.path) != std::string::npos;
        }
    }
    BOOST_TEST(read + refused == 2000);
    BOOST_TEST(read > 0);
    BOOST_TEST(refused > 0);
}

BOOST_AUTO_TEST_SUITE_END()

namespace
{

//! Two images, two classes with names that need care, outlines for the first image only.
d2det::Dataset smallDataset()
{
    d2det::Dataset dataset;
    dataset.name = "small";
    dataset.classNames = {"<script>alert(1)</script>", "b & \"c\""};
    dataset.categoryIds = {1, 7};
    for (int i = 0; i < 2; i++)
    {
        d2det::ImageRecord image;
        image.id = 100 + i;
        image.path = "image.jpg";
        image.width = 60;
        image.height = 40;
        d2det::Annotation a;
        a.category = i;
        a.x = a.y = 10;
        a.width = a.height = 20;
        a.area = 400;
        if (i == 0)
        {
            a.segmentation.emplace();
            a.segmentation->polygons = {{10, 10, 30, 10, 30, 30, 10, 30}};
        }
        image.annotations.push_back(a);
        dataset.images.push_back(image);
    }
    return dataset;
}

d2det::EvaluatedData everything(const d2det::Dataset& dataset)
{
    return {&dataset, {0, 1}, {0, 1}};
}

d2det::CocoResult makeResult(int64_t image, int64_t category, const cv::Rect2d& box, double score, bool mask)
{
    d2det::CocoResult result;
    result.imageId = image;
    result.categoryId = category;
    result.box = box;
    result.score = result.maskScore = score;
    if (mask)
        result.mask = rectangleMask(box, {60, 40});
    return result;
}

d2det::ReportResult makeReportResult(const d2det::DetectionSet& set, const d2det::EvaluatedData& data)
{
    d2det::ReportResult result;
    result.name = set.name;
    result.boxes = d2det::analyze(set, data, cv::d2det::IOU_BOX);
    if (!set.maskImageIds.empty())
        result.masks = d2det::analyze(set, data, cv::d2det::IOU_MASK);
    result.notes = set.notes;
    return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(detection_sets)

BOOST_AUTO_TEST_CASE(boxes_and_masks)
{
    const d2det::Dataset dataset = smallDataset();
    const d2det::EvaluatedData data = everything(dataset);
    const cv::Rect2d box(10, 10, 20, 20);
    const d2det::DetectionSet boxes = d2det::makeDetectionSet(data, "boxes", {makeResult(100, 1, box, 0.9, false)});
    BOOST_TEST(boxes.maskImageIds.empty());
    BOOST_TEST(boxes.notes.empty());
    BOOST_TEST(d2det::analyze(boxes, data, cv::d2det::IOU_BOX).summary[0] == 0.5, tt::tolerance(1e-9));

    d2det::CocoResult second = makeResult(101, 7, box, 0.9, true);
    const d2det::DetectionSet masks =
        d2det::makeDetectionSet(data, "masks", {makeResult(100, 1, box, 0.9, true), second});
    BOOST_REQUIRE(masks.maskImageIds.size() == 1u);  // only the first image has outlines
    BOOST_REQUIRE(masks.notes.size() == 1u);
    BOOST_TEST(masks.notes[0].find("1 image whose") != std::string::npos);
    BOOST_TEST(d2det::analyze(masks, data, cv::d2det::IOU_BOX).summary[0] == 1, tt::tolerance(1e-9));
    BOOST_TEST(d2det::analyze(masks, data, cv::d2det::IOU_MASK).summary[0] == 1, tt::tolerance(1e-9));
    BOOST_TEST(d2det::analyze(masks, data, cv::d2det::IOU_MASK).classes[1].objects == 0);
}

BOOST_AUTO_TEST_CASE(masks_are_ranked_by_their_own_score)
{
    const d2det::Dataset dataset = smallDataset();
    const d2det::EvaluatedData data = everything(dataset);
    d2det::CocoResult right = makeResult(100, 1, {10, 10, 20, 20}, 0.5, true);
    d2det::CocoResult wrong = makeResult(100, 1, {40, 10, 10, 10}, 0.9, true);
    wrong.maskScore = 0.1;
    const d2det::DetectionSet set = d2det::makeDetectionSet(data, "x", {right, wrong});
    BOOST_TEST(d2det::analyze(set, data, cv::d2det::IOU_BOX).classes[0].ap == 0.5, tt::tolerance(1e-9));
    BOOST_TEST(d2det::analyze(set, data, cv::d2det::IOU_MASK).classes[0].ap == 1, tt::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(results_of_something_else)
{
    const d2det::Dataset dataset = smallDataset();
    const d2det::EvaluatedData data = everything(dataset);
    const d2det::CocoResult good = makeResult(100, 1, {0, 0, 5, 5}, 0.5, false);
    const d2det::CocoResult otherImage = makeResult(999, 1, {0, 0, 5, 5}, 0.5, false);
    const d2det::CocoResult otherClass = makeResult(100, 999, {0, 0, 5, 5}, 0.5, false);
    const d2det::DetectionSet set = d2det::makeDetectionSet(data, "mixed", {good, otherImage, otherImage, otherClass});
    BOOST_REQUIRE(set.notes.size() == 2u);
    BOOST_TEST(set.notes[0].find("2 results left out") != std::string::npos);
    BOOST_TEST(set.notes[1].find("1 result left out") != std::string::npos);
    BOOST_TEST(set.boxes.detections().size() == 1u);
    for (const d2det::CocoResult& wrong : {otherImage, otherClass})
        BOOST_CHECK_EXCEPTION(d2det::makeDetectionSet(data, "foreign", {wrong}), std::runtime_error,
                              [](const std::runtime_error& e)
                              { return std::string(e.what()).find("foreign: all of its 1 result") == 0; });
    BOOST_TEST(d2det::makeDetectionSet(data, "empty", {}).notes.empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pages)

BOOST_AUTO_TEST_CASE(base64_of_rfc_4648)
{
    const std::vector<std::pair<std::string, std::string>> vectors = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    for (const auto& v : vectors)
        BOOST_TEST(d2det::base64({v.first.begin(), v.first.end()}) == v.second);
    BOOST_TEST(d2det::base64({0xff, 0xfe, 0x00}) == "//4A");
}

BOOST_AUTO_TEST_CASE(page_of_one_and_of_two_detectors)
{
    const d2det::Dataset dataset = smallDataset();
    const d2det::EvaluatedData data = everything(dataset);
    const cv::Rect2d box(10, 10, 20, 20);
    const d2det::DetectionSet good = d2det::makeDetectionSet(
        data, "<good> & \"new\"", {makeResult(100, 1, box, 0.9, true), makeResult(101, 7, box, 0.8, true)});
    const d2det::DetectionSet poor = d2det::makeDetectionSet(data, "poor", {makeResult(101, 1, box, 0.9, false)});
    d2det::Report report;
    report.title = "</title><script>x</script>";
    report.details = {{"command", "a && b < c > 'd'"}};
    report.results = {makeReportResult(good, data)};
    report.results[0].stageTimes = {{"<stage>", 3.5}, {"other", 1.5}};
    const cv::Mat image(40, 60, CV_8UC3, cv::Scalar(90, 120, 60));
    const d2det::ImageOutcome& outcome = report.results[0].boxes.images[0];
    report.best = {d2det::makeReportImage(image, "<file>.jpg", {&good}, {&outcome}, d2det::analyzedClasses(data))};
    BOOST_REQUIRE(report.best[0].views.size() == 2u);
    for (const auto& view : report.best[0].views)
        BOOST_TEST((cv::imdecode(view.jpeg, cv::IMREAD_COLOR).size() == image.size()));

    const std::string one = d2det::htmlReport(report);
    BOOST_TEST(markupFault(one) == "");
    report.results.push_back(makeReportResult(poor, data));
    const std::string two = d2det::htmlReport(report);
    BOOST_TEST(markupFault(two) == "");
    for (const std::string& page : {one, two})
    {
        BOOST_TEST(count(page, "<script") == 0u);  // neither ours nor that of a name
        BOOST_TEST(count(page, "http") == count(page, "http://www.w3.org/2000/svg"));
        BOOST_TEST(count(page, "&lt;script&gt;alert(1)&lt;/script&gt;") > 0u);
        BOOST_TEST(count(page, "&lt;good&gt; &amp; &quot;new&quot;") > 0u);
        BOOST_TEST(count(page, "&lt;file&gt;.jpg") == 1u);
        BOOST_TEST(count(page, "data:image/jpeg;base64,") == 2u);
        BOOST_TEST(count(page, ">nan") == 0u);
    }
    BOOST_TEST(count(one, "difference") == 0u);
    BOOST_TEST(count(two, "&#8722;1.000") > 0u);  // AP 1 against 0
}

BOOST_AUTO_TEST_CASE(page_of_nothing_and_of_many_classes)
{
    for (const int classes : {1, 3, 80, 150})
    {
        d2det::Dataset dataset;
        d2det::EvaluatedData data{&dataset, {}, {}};
        for (int c = 0; c < classes; c++)
        {
            dataset.classNames.push_back("class " + std::to_string(c));
            dataset.categoryIds.push_back(c);
            data.classes.push_back(c);
        }
        dataset.images.resize(1);
        data.images = {0};
        std::vector<d2det::CocoResult> results;
        for (int round = 0; round < 2; round++)
        {
            d2det::Report report;
            report.title = "nothing";
            report.results = {makeReportResult(d2det::makeDetectionSet(data, "x", results), data)};
            const std::string page = d2det::htmlReport(report);
            BOOST_TEST(markupFault(page) == "");
            BOOST_TEST(count(page, "nan") == 0u);
            BOOST_TEST(count(page, ">class " + std::to_string(classes - 1) + "<") > 0u);
            BOOST_TEST(page.size() < 400000u);
            results.push_back(makeResult(0, classes - 1, {0, 0, 5, 5}, 0.5, false));  // then a wrong one
        }
    }
    BOOST_CHECK_THROW(d2det::htmlReport(d2det::Report()), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(means_of_seeds)
{
    d2det::CsvTable first, second, third;
    first.names = {"epoch", "val/a/AP", "val/a/mask_AP"};
    first.columns = {{1, 2}, {0.1, 0.5}, {0.2, 0.4}};
    second.names = {"val/a/AP"};
    second.columns = {{0.8}};
    third.names = {"val/a/AP"};
    third.columns = {{0.2}};
    const std::vector<d2det::MeanOfSeeds> means = d2det::meansOfSeeds({first, second, third});
    BOOST_REQUIRE(means.size() == 2u);  // not the epoch
    BOOST_TEST(means[0].name == "val/a/AP");
    BOOST_TEST(std::abs(means[0].mean - 0.5) < 1e-12);       // of 0.5, 0.8, 0.2: the last rows
    BOOST_TEST(std::abs(means[0].deviation - 0.3) < 1e-12);  // sqrt((0 + 0.09 + 0.09) / 2)
    BOOST_TEST(means[1].mean == 0.4);
    BOOST_TEST(means[1].deviation == 0);
    BOOST_TEST(d2det::seedsText(means) ==
               "  val/a/AP       0.5000 ± 0.3000  (0.5000, 0.8000, 0.2000)\n"
               "  val/a/mask_AP  0.4000 ± 0.0000  (0.4000, -, -)\n");
    BOOST_TEST(d2det::seedsCsv(means, {4, 5, 6}) ==
               "name,mean,deviation,seed_4,seed_5,seed_6\nval/a/AP,0.500000,0.300000,0.500000,0.800000,0.200000\n"
               "val/a/mask_AP,0.400000,0.000000,0.400000,,\n");
    BOOST_TEST(d2det::meansOfSeeds({}).empty());
}

BOOST_AUTO_TEST_CASE(table_of_classes)
{
    const d2det::Dataset dataset = smallDataset();
    const d2det::EvaluatedData data = everything(dataset);
    const d2det::DetectionSet set =
        d2det::makeDetectionSet(data, "a,\"b\"", {makeResult(100, 1, {10, 10, 20, 20}, 0.75, false)});
    std::istringstream csv(d2det::classCsv({makeReportResult(set, data)}));
    std::vector<std::string> lines;
    for (std::string line; std::getline(csv, line);)
        lines.push_back(line);
    BOOST_REQUIRE(lines.size() == 4u);
    BOOST_TEST(std::count(lines[0].begin(), lines[0].end(), ',') == 20);
    BOOST_TEST(lines[1] ==
               "\"a,\"\"b\"\"\",boxes,<script>alert(1)</script>,1,1.000000,1.000000,1.000000,1.000000,1,1,"
               "0.750000,1,0,0,1.000000,1.000000,1.000000,1.000000,,,");
    BOOST_TEST(lines[2] ==
               "\"a,\"\"b\"\"\",boxes,\"b & \"\"c\"\"\",7,0.000000,0.000000,0.000000,0.000000,1,0,"
               "0.750000,0,0,1,,0.000000,0.000000,0.000000,,,");
    BOOST_TEST(lines[3].find(",(all),,0.500000,") != std::string::npos);
    const std::string bySize = ",0.500000,0.500000,,";  // ap90, ap_small; no medium and large objects
    BOOST_REQUIRE(lines[3].size() > bySize.size());
    BOOST_TEST(lines[3].substr(lines[3].size() - bySize.size()) == bySize);
}

BOOST_AUTO_TEST_SUITE_END()
