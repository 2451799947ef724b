// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "report/svg_plot.hpp"

#include "base/text.hpp"
#include "report/markup.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace d2det
{

namespace
{

constexpr double FONT = 12;              //!< pixels
constexpr double CHARACTER = 0.56;       //!< mean width of a character relative to the font size
constexpr double LARGEST = 1e300;        //!< beyond it a difference of two values may overflow
constexpr size_t LONGEST_LABEL = 28;     //!< characters of a bar name
constexpr double TINY_POSITIVE = 1e-30;  //!< below it a logarithmic axis would be unreadable

const char* const PALETTE[8] = {"#3f86dc", "#e07b24", "#1f9d74", "#c8529c", "#8a67d6", "#1a98ab", "#a58a1a", "#db5050"};

double textWidth(const std::string& text)
{
    return FONT * CHARACTER * static_cast<double>(countCharacters(text));
}

bool drawable(double value)
{
    return std::abs(value) < LARGEST;  // false for NaN
}

//! A coordinate.
std::string at(double value)
{
    return formatNumber(value, 1);
}

std::string attribute(const char* name, double value)
{
    return std::string(" ") + name + "=\"" + at(value) + "\"";
}

//! Interval of an axis and its position in the image.
class Axis
{
public:
    Axis(double low, double high, double from, double to, bool logarithmic)
        : low_(low), high_(high), from_(from), to_(to), logarithmic_(logarithmic)
    {
    }

    double position(double value) const
    {
        const double t = logarithmic_ ? std::log(value / low_) / std::log(high_ / low_)
                                      : (value / high0() - low_ / high0()) / (high_ / high0() - low_ / high0());
        return from_ + (to_ - from_) * std::min(std::max(t, 0.), 1.);
    }

    std::vector<double> ticks(int count) const { return logarithmic_ ? logTicks() : niceTicks(low_, high_, count); }

    //! Texts of ticks, all with the same number of decimals.
    std::string text(double value, const std::vector<double>& all) const
    {
        const double largest = std::max(std::abs(low_), std::abs(high_));
        if (logarithmic_)
            return value >= 1e5 || value < 1e-4 ? power(value) : formatNumber(value, decimalsOf(value));
        const double step = all.size() > 1 ? all[1] - all[0] : largest;
        if (largest >= 1e6 || largest < 1e-4)
            return power(value);
        return formatNumber(value, decimalsOf(step));
    }

    double low() const { return low_; }
    double high() const { return high_; }

private:
    //! Scale that keeps differences of huge values finite.
    double high0() const { return std::max({std::abs(low_), std::abs(high_), 1e-300}); }

    static int decimalsOf(double step)
    {
        return step > 0 ? std::min(std::max(-static_cast<int>(std::floor(std::log10(step) + 1e-9)), 0), 9) : 0;
    }

    static std::string power(double value)
    {
        if (value == 0)
            return "0";
        const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
        std::string digits = formatNumber(value / std::pow(10., exponent), 2);
        digits.erase(digits.find_last_not_of('0') + 1);
        if (digits.back() == '.')
            digits.pop_back();
        return digits + "e" + std::to_string(exponent);
    }

    //! Powers of ten, with 2 and 5 times them if there are few.
    std::vector<double> logTicks() const
    {
        const int first = static_cast<int>(std::floor(std::log10(low_))),
                  last = static_cast<int>(std::log10(high_)) + 1;
        const int stride = std::max((last - first) / 6, 1);
        std::vector<double> ticks;
        for (int e = first; e <= last; e += stride)
            for (const double factor : {1., 2., 5.})
            {
                const double value = factor * std::pow(10., e);
                if ((factor == 1 || last - first <= 3) && value >= low_ * (1 - 1e-9) && value <= high_ * (1 + 1e-9))
                    ticks.push_back(value);
            }
        return ticks;
    }

    double low_, high_, from_, to_;
    bool logarithmic_;
};

struct Range
{
    double low = std::numeric_limits<double>::infinity(), high = -low;

    void add(double value)
    {
        low = std::min(low, value);
        high = std::max(high, value);
    }
    bool empty() const { return low > high; }
};

//! Approximate number of ticks of the value axis.
int tickCount(const PlotOptions& options)
{
    return std::max((options.height - 90) / 46, 3);
}

//! Rounds the ends outwards to ticks; widens an interval without length.
Range niceRange(Range range, bool logarithmic, int count)
{
    if (range.empty())
        return {logarithmic ? 0.1 : 0., 1.};
    if (logarithmic)
    {
        const double low = std::pow(10., std::floor(std::log10(range.low) + 1e-9));
        double high = std::pow(10., std::ceil(std::log10(range.high) - 1e-9));
        // Avoids an axis longer than the data by up to a decade.
        for (const double factor : {2., 5.})
            if (high / 10 * factor >= range.high)
            {
                high = high / 10 * factor;
                break;
            }
        return {low, high > low ? high : low * 10};
    }
    const double scale = std::max(std::abs(range.low), std::abs(range.high));
    if (range.high / 2 - range.low / 2 <= 1e-12 * scale || scale == 0)
    {
        const double margin = scale == 0 ? 0.5 : scale * 0.1;
        range = {range.low - margin, range.high + margin};
    }
    const std::vector<double> ticks = niceTicks(range.low, range.high, count);
    if (ticks.size() < 2)
        return range;
    const double step = ticks[1] - ticks[0];
    return {std::floor(range.low / step + 1e-9) * step, std::ceil(range.high / step - 1e-9) * step};
}

//! Axis limits given by the caller.
void fix(Range& range, double low, double high, bool logarithmic = false)
{
    const auto usable = [logarithmic](double v) { return drawable(v) && (!logarithmic || v > TINY_POSITIVE); };
    if (usable(low))
        range.low = low;
    if (usable(high))
        range.high = high;
    if (!(range.low < range.high))
        range.high = range.low + std::max(std::abs(range.low), 1.);
}

//! Common parts of both chart types: frame, title, legend, value axis.
class Canvas
{
public:
    Canvas(const std::vector<Series>& series, const PlotOptions& options) : options_(options)
    {
        width_ = std::min(std::max(options.width, 160), 4000);
        height_ = std::min(std::max(options.height, 120), 4000);
        top_ = (options.title.empty() ? 12 : 34) + (options.subtitle.empty() ? 0 : 18);
        layOutLegend(series);
        top_ += 20. * legendRows_;
        bottom_ = height_ - 26 - (options.xLabel.empty() ? 0 : 18);
        left_ = 20;
        right_ = width_ - 16;
    }

    double left() const { return left_; }
    double right() const { return right_; }
    double top() const { return top_; }
    double bottom() const { return bottom_; }
    void raiseBottom(double by) { bottom_ = std::max(bottom_ - by, top_ + 40); }
    void add(const std::string& markup) { body_ += markup; }

    void text(double x, double y, const std::string& content, const char* anchor, const std::string& more = "")
    {
        body_ += "<text" + attribute("x", x) + attribute("y", y) + " text-anchor=\"" + anchor + "\"" + more + ">" +
                 escapeMarkup(content) + "</text>\n";
    }

    void horizontalLine(double y, const char* opacity)
    {
        body_ += "<line" + attribute("x1", left_) + attribute("x2", right_) + attribute("y1", y) + attribute("y2", y) +
                 " stroke=\"currentColor\" stroke-opacity=\"" + opacity + "\"/>\n";
    }

    //! Makes room for the tick texts, draws them and the grid.
    Axis valueAxis(Range range)
    {
        const auto axis = [&] { return Axis(range.low, range.high, bottom_, top_, options_.logY); };
        const std::vector<double> ticks = axis().ticks(tickCount(options_));
        double widest = 0;
        for (const double tick : ticks)
            widest = std::max(widest, textWidth(axis().text(tick, ticks)));
        left_ = 10 + widest + 6 + (options_.yLabel.empty() ? 0 : 18);
        for (const double tick : ticks)
        {
            const double y = axis().position(tick);
            horizontalLine(y, "0.13");
            text(left_ - 6, y + 4, axis().text(tick, ticks), "end", " fill-opacity=\"0.75\"");
        }
        if (!options_.yLabel.empty())
        {
            const double middle = (top_ + bottom_) / 2;
            text(14, middle, options_.yLabel, "middle",
                 " fill-opacity=\"0.75\" transform=\"rotate(-90 14 " + at(middle) + ")\"");
        }
        return axis();
    }

    void noData() { text((left_ + right_) / 2, (top_ + bottom_) / 2, "no data", "middle", " fill-opacity=\"0.6\""); }

    void setLeft(double left) { left_ = left; }

    std::string finish(bool axis = true)
    {
        if (axis)
            horizontalLine(bottom_, "0.55");
        if (!options_.xLabel.empty())
            text((left_ + right_) / 2, height_ - 8., options_.xLabel, "middle", " fill-opacity=\"0.75\"");
        if (!options_.title.empty())
            text(10, 20, options_.title, "start", " font-size=\"14\" font-weight=\"600\"");
        if (!options_.subtitle.empty())
            text(10, options_.title.empty() ? 18 : 38, options_.subtitle, "start", " fill-opacity=\"0.75\"");
        const std::string w = std::to_string(width_), h = std::to_string(height_);
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 " + w + " " + h + "\" width=\"" +
               w + "\" height=\"" + h + "\" role=\"img\" aria-label=\"" + escapeMarkup(options_.title) +
               "\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\" "
               "font-size=\"12\" fill=\"currentColor\">\n" +
               body_ + "</svg>\n";
    }

private:
    void layOutLegend(const std::vector<Series>& series)
    {
        double x = 10;
        for (size_t i = 0; i < series.size(); i++)
        {
            if (series[i].name.empty())
                continue;
            const std::string name = shortened(series[i].name, 40);
            const double needed = 24 + textWidth(name) + 14;
            if (legendRows_ == 0 || x + needed > width_)
            {
                x = 10;
                legendRows_++;
            }
            const double y = top_ + 20. * (legendRows_ - 1) + 4;
            body_ += "<line" + attribute("x1", x) + attribute("x2", x + 18) + attribute("y1", y) + attribute("y2", y) +
                     strokeOf(series[i], i) + " stroke-width=\"3\"/>\n";
            text(x + 24, y + 4, name, "start");
            x += needed;
        }
    }

public:
    static std::string colorOf(const Series& series, size_t index)
    {
        return plotColor(series.color >= 0 ? series.color : static_cast<int>(index % 8));
    }

    static std::string strokeOf(const Series& series, size_t index)
    {
        return " stroke=\"" + colorOf(series, index) + "\"" + (series.dashed ? " stroke-dasharray=\"6 4\"" : "") +
               (series.opacity < 1 ? " stroke-opacity=\"" + formatNumber(series.opacity, 2) + "\"" : "");
    }

private:
    const PlotOptions& options_;
    std::string body_;
    int width_, height_, legendRows_ = 0;
    double left_, right_, top_, bottom_;
};

//! True for a value that can be drawn on the axes.
bool drawable(const PlotOptions& options, double x, double y)
{
    return drawable(x) && drawable(y) && (!options.logY || y > TINY_POSITIVE);
}

struct Point
{
    double x, y;
};

//! Visible subset of the points in one pixel column: first, lowest, highest, last.
std::vector<Point> thinned(const std::vector<Point>& points)
{
    std::vector<Point> result;
    for (size_t begin = 0; begin < points.size();)
    {
        size_t end = begin + 1, lowest = begin, highest = begin;
        for (; end < points.size() && std::floor(points[end].x) == std::floor(points[begin].x); end++)
        {
            lowest = points[end].y < points[lowest].y ? end : lowest;
            highest = points[end].y > points[highest].y ? end : highest;
        }
        std::vector<size_t> kept = {begin, lowest, highest, end - 1};
        std::sort(kept.begin(), kept.end());
        kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
        for (const size_t i : kept)
            result.push_back(points[i]);
        begin = end;
    }
    return result;
}

void addSegment(Canvas& canvas, const std::vector<Point>& segment, const std::string& stroke, const std::string& fill)
{
    if (segment.size() == 1)
        canvas.add("<circle" + attribute("cx", segment[0].x) + attribute("cy", segment[0].y) + " r=\"3.5\" fill=\"" +
                   fill + "\"/>\n");
    if (segment.size() < 2)
        return;
    std::string points;
    for (const Point& point : thinned(segment))
        points += (points.empty() ? "" : " ") + at(point.x) + "," + at(point.y);
    canvas.add("<polyline points=\"" + points + "\" fill=\"none\"" + stroke +
               " stroke-width=\"2\" stroke-linejoin=\"round\"/>\n");
}

void addLine(Canvas& canvas, const Series& series, size_t index, const PlotOptions& options, const Axis& xAxis,
             const Axis& yAxis)
{
    const std::string stroke = Canvas::strokeOf(series, index), fill = Canvas::colorOf(series, index);
    std::vector<Point> segment;
    std::string markers;
    for (size_t i = 0; i < series.x.size(); i++)
    {
        if (!drawable(options, series.x[i], series.y[i]))
        {
            addSegment(canvas, segment, stroke, fill);
            segment.clear();
            continue;
        }
        segment.push_back({xAxis.position(series.x[i]), yAxis.position(series.y[i])});
        if (options.markers)
            markers += "<circle" + attribute("cx", segment.back().x) + attribute("cy", segment.back().y) +
                       " r=\"3.5\" fill=\"" + fill + "\"><title>" + escapeMarkup(series.name) + ": " +
                       formatNumber(series.y[i], options.valueDecimals) + "</title></circle>\n";
    }
    addSegment(canvas, segment, stroke, fill);
    canvas.add(markers);
}

void addXAxis(Canvas& canvas, const Axis& axis)
{
    const std::vector<double> ticks = axis.ticks(static_cast<int>((canvas.right() - canvas.left()) / 60));
    for (const double tick : ticks)
    {
        const double x = axis.position(tick);
        canvas.add("<line" + attribute("x1", x) + attribute("x2", x) + attribute("y1", canvas.bottom()) +
                   attribute("y2", canvas.bottom() + 5) + " stroke=\"currentColor\" stroke-opacity=\"0.55\"/>\n");
        canvas.text(x, canvas.bottom() + 18, axis.text(tick, ticks), "middle", " fill-opacity=\"0.75\"");
    }
}

//! Placement of the group names: horizontal if they fit, otherwise inclined.
void addGroupNames(Canvas& canvas, const std::vector<std::string>& names, double step, bool inclined)
{
    double free = 0;  // start of the next horizontal name
    for (size_t i = 0; i < names.size(); i++)
    {
        const double x = canvas.left() + step * (static_cast<double>(i) + 0.5), y = canvas.bottom() + 16;
        const std::string name = shortened(names[i], LONGEST_LABEL);
        if (name.empty() || (!inclined && x - textWidth(name) / 2 < free))
            continue;
        free = x + textWidth(name) / 2 + 3;
        if (inclined)
            canvas.text(x + 4, y - 2, name, "end",
                        " fill-opacity=\"0.75\" transform=\"rotate(-40 " + at(x + 4) + " " + at(y - 2) + ")\"");
        else
            canvas.text(x, y, name, "middle", " fill-opacity=\"0.75\"");
    }
}

void addBars(Canvas& canvas, const std::vector<std::string>& groups, const std::vector<Series>& series,
             const PlotOptions& options, const Axis& axis)
{
    const double step = (canvas.right() - canvas.left()) / static_cast<double>(groups.size());
    const double width = options.histogram ? step : std::min(step * 0.78 / static_cast<double>(series.size()), 48.);
    const double zero = axis.position(options.logY ? axis.low() : std::max(axis.low(), 0.));
    for (size_t s = 0; s < series.size(); s++)
        for (size_t g = 0; g < groups.size(); g++)
        {
            const double value = series[s].y[g];
            if (!drawable(options, 0, value))
                continue;
            const double middle = canvas.left() + step * (static_cast<double>(g) + 0.5);
            const double x = middle + (static_cast<double>(s) - static_cast<double>(series.size()) / 2) * width;
            const double y = axis.position(value), gap = width > 6 ? 1 : 0;
            const std::string text = formatNumber(value, options.valueDecimals);
            canvas.add("<rect" + attribute("x", x + gap) + attribute("width", std::max(width - 2 * gap, 0.5)) +
                       attribute("y", std::min(y, zero)) + attribute("height", std::abs(zero - y)) + " fill=\"" +
                       Canvas::colorOf(series[s], s) + "\"><title>" + escapeMarkup(groups[g]) +
                       (series[s].name.empty() ? "" : ", " + escapeMarkup(series[s].name)) +
                       (groups[g].empty() && series[s].name.empty() ? "" : ": ") + text + "</title></rect>\n");
            if (options.barValues && textWidth(text) * 0.85 <= width + (series.size() == 1 ? step * 0.2 : -2))
                canvas.text(x + width / 2, value < 0 ? y + 13 : y - 4, text, "middle", " font-size=\"10.5\"");
        }
    if (zero < canvas.bottom() - 0.5)
        canvas.horizontalLine(zero, "0.55");
}

}  // namespace

std::string plotColor(int index)
{
    return PALETTE[static_cast<unsigned>(index) % 8];
}

std::vector<double> niceTicks(double low, double high, int count)
{
    std::vector<double> ticks;
    if (!drawable(low) || !drawable(high) || !(low < high))
        return ticks;
    const double raw = (high / 2 - low / 2) / std::min(std::max(count, 2), 50) * 2;
    const double power = std::pow(10., std::floor(std::log10(raw)));
    const double ratio = raw / power;
    const double step = (ratio < 1.5 ? 1 : ratio < 3 ? 2 : ratio < 7 ? 5 : 10) * power;
    if (!(step > 0) || !drawable(step))
        return ticks;
    const double first = std::ceil(low / step - 1e-9);
    for (int i = 0; i < 200; i++)  // far more than can occur
    {
        const double tick = (first + i) * step;
        if (tick > high + step * 1e-9 || (!ticks.empty() && tick <= ticks.back()))
            break;
        ticks.push_back(tick);
    }
    return ticks;
}

std::string linePlot(const std::vector<Series>& series, const PlotOptions& options)
{
    Range xRange, yRange;
    for (const Series& line : series)
    {
        if (line.x.size() != line.y.size())
            throw std::invalid_argument("linePlot: series '" + line.name + "' has " + std::to_string(line.x.size()) +
                                        " x and " + std::to_string(line.y.size()) + " y, expected equal numbers");
        for (size_t i = 0; i < line.x.size(); i++)
            if (drawable(options, line.x[i], line.y[i]))
            {
                xRange.add(line.x[i]);
                yRange.add(line.y[i]);
            }
    }
    const bool empty = xRange.empty();
    // Along x the data cover the width; only y is rounded outwards.
    if (empty || xRange.low == xRange.high)
        xRange = niceRange(xRange, false, 5);
    yRange = niceRange(yRange, options.logY, tickCount(options));
    fix(xRange, options.xMin, options.xMax);
    fix(yRange, options.yMin, options.yMax, options.logY);

    Canvas canvas(series, options);
    const Axis yAxis = canvas.valueAxis(yRange);
    const Axis xAxis(xRange.low, xRange.high, canvas.left(), canvas.right(), false);
    addXAxis(canvas, xAxis);
    for (size_t i = 0; i < series.size(); i++)
        addLine(canvas, series[i], i, options, xAxis, yAxis);
    if (empty)
        canvas.noData();
    return canvas.finish();
}

std::string barPlot(const std::vector<std::string>& groups, const std::vector<Series>& series,
                    const PlotOptions& options)
{
    Range range;
    for (const Series& bars : series)
    {
        if (bars.y.size() != groups.size())
            throw std::invalid_argument("barPlot: series '" + bars.name + "' has " + std::to_string(bars.y.size()) +
                                        " values, expected one for each of " + std::to_string(groups.size()) +
                                        " groups");
        for (const double value : bars.y)
            if (drawable(options, 0, value))
                range.add(value);
    }
    const bool empty = range.empty();
    if (!options.logY && !empty)
        range.add(0);
    if (range.low == 0 && range.high == 0)
        range.high = 1;
    range = niceRange(range, options.logY, tickCount(options));
    fix(range, options.yMin, options.yMax, options.logY);

    Canvas canvas(series, options);
    double longest = 0;
    for (const std::string& name : groups)
        longest = std::max(longest, textWidth(shortened(name, LONGEST_LABEL)));
    const double roughStep = (canvas.right() - 50) / std::max<double>(1, static_cast<double>(groups.size()));
    const bool inclined = !options.histogram && longest + 4 > roughStep;
    if (inclined)
        canvas.raiseBottom(longest * 0.65 - 8);
    const Axis axis = canvas.valueAxis(range);
    if (!groups.empty() && !series.empty())
        addBars(canvas, groups, series, options, axis);
    addGroupNames(canvas, groups,
                  (canvas.right() - canvas.left()) / std::max<double>(1, static_cast<double>(groups.size())), inclined);
    if (empty)
        canvas.noData();
    return canvas.finish();
}

std::string rowPlot(const std::vector<std::string>& names, const std::vector<double>& values,
                    const PlotOptions& options)
{
    if (values.size() != names.size())
        throw std::invalid_argument("rowPlot: " + std::to_string(values.size()) + " values for " +
                                    std::to_string(names.size()) + " names");
    constexpr double ROW = 22;
    PlotOptions tall = options;
    const double rows = ROW * static_cast<double>(names.size());
    tall.height = static_cast<int>(std::min((options.subtitle.empty() ? 60 : 78) + rows, 4000.));
    tall.xLabel.clear();
    Canvas canvas({}, tall);
    double widest = 0, highest = 0, numbers = 0;
    for (size_t i = 0; i < names.size(); i++)
    {
        if (drawable(values[i]))
            highest = std::max(highest, values[i]);
        widest = std::max(widest, textWidth(shortened(names[i], LONGEST_LABEL)));
        numbers = std::max(numbers, textWidth(formatNumber(values[i], options.valueDecimals)));
    }
    canvas.setLeft(10 + widest + 8);
    const double room = canvas.right() - canvas.left() - numbers - 8;
    for (size_t i = 0; i < names.size(); i++)
    {
        const double y = canvas.top() + ROW * static_cast<double>(i);
        const bool bar = drawable(values[i]) && values[i] > 0;
        const double length = bar ? std::max(room * (values[i] / highest), 1.) : 0;
        canvas.text(canvas.left() - 8, y + 15, shortened(names[i], LONGEST_LABEL), "end");
        if (bar)
            canvas.add("<rect" + attribute("x", canvas.left()) + attribute("width", length) + attribute("y", y + 3) +
                       attribute("height", ROW - 6) + " fill=\"" + plotColor(0) + "\"/>\n");
        canvas.text(canvas.left() + length + 6, y + 15, formatNumber(values[i], options.valueDecimals), "start",
                    " fill-opacity=\"0.75\"");
    }
    if (names.empty())
        canvas.noData();
    return canvas.finish(false);
}

}  // namespace d2det
