// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "report/bar_chart.hpp"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

namespace d2det
{

namespace
{

// Everything is drawn at twice its size and averaged, which makes text and edges smooth. Pixels of the final picture:
constexpr int FINE = 2;
constexpr int WIDTH = 900, MARGIN = 28, HEAD = 80, PLOT_HEIGHT = 320, ROW = 24;
constexpr int FONT = cv::FONT_HERSHEY_SIMPLEX;
constexpr double TEXT = 0.42, TITLE = 0.68;
const cv::Scalar PAPER(255, 255, 255), INK(60, 52, 45), FAINT(140, 132, 125), GRID(232, 229, 226), BAR(178, 119, 48);

enum class Align
{
    LEFT,
    CENTRE,
    RIGHT
};

class Canvas
{
public:
    explicit Canvas(int height) : image_(height * FINE, WIDTH * FINE, CV_8UC3, PAPER) {}

    static int textWidth(const std::string& text, double scale)
    {
        return cv::getTextSize(text, FONT, scale * FINE, FINE, nullptr).width / FINE;
    }

    //! (x, y) is on the base line.
    void text(const std::string& text, double x, double y, double scale, const cv::Scalar& colour, Align align)
    {
        if (align != Align::LEFT)
            x -= textWidth(text, scale) / (align == Align::CENTRE ? 2. : 1.);
        const int thickness = scale > TEXT ? FINE + 1 : FINE;
        cv::putText(image_, text, {cvRound(x * FINE), cvRound(y * FINE)}, FONT, scale * FINE, colour, thickness,
                    cv::LINE_AA);
    }

    void rectangle(double x, double y, double width, double height, const cv::Scalar& colour)
    {
        const cv::Rect box(cvRound(x * FINE), cvRound(y * FINE), std::max(cvRound(width * FINE), 1),
                           std::max(cvRound(height * FINE), 1));
        cv::rectangle(image_, box, colour, cv::FILLED);
    }

    cv::Mat finish() const
    {
        cv::Mat result;
        cv::resize(image_, result, cv::Size(), 1. / FINE, 1. / FINE, cv::INTER_AREA);
        return result;
    }

private:
    cv::Mat image_;
};

//! 1, 2 or 5 times a power of ten, so that about `count` steps reach `highest`.
double niceStep(double highest, int count)
{
    const double rough = std::max(highest, 1.) / count;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1., 2., 5.})
        if (factor * power >= rough)
            return std::max(factor * power, 1.);
    return std::max(10 * power, 1.);
}

double highestOf(const std::vector<Bar>& bars)
{
    double highest = 0;
    for (const Bar& bar : bars)
        highest = std::max(highest, bar.value);
    return highest;
}

void drawHead(Canvas& canvas, const BarChart& chart)
{
    canvas.text(plainText(chart.title), MARGIN, 32, TITLE, INK, Align::LEFT);
    canvas.text(plainText(chart.subtitle), MARGIN, 54, TEXT, FAINT, Align::LEFT);
}

cv::Mat drawLying(const BarChart& chart)
{
    const int rows = static_cast<int>(chart.bars.size());
    Canvas canvas(HEAD + rows * ROW + MARGIN);
    drawHead(canvas, chart);
    int labels = 40;
    for (const Bar& bar : chart.bars)
        labels = std::min(std::max(labels, Canvas::textWidth(plainText(bar.label), TEXT)), WIDTH / 3);
    const double left = MARGIN + labels + 12, room = WIDTH - MARGIN - 70 - left;
    const double highest = std::max(highestOf(chart.bars), 1.);
    for (int i = 0; i < rows; i++)
    {
        const Bar& bar = chart.bars[static_cast<size_t>(i)];
        const double y = HEAD + i * ROW;
        std::string label = plainText(bar.label);
        while (label.size() > 4 && Canvas::textWidth(label, TEXT) > labels)
            label = label.substr(0, label.size() - 4) + "...";
        canvas.text(label, left - 12, y + 16, TEXT, INK, Align::RIGHT);
        canvas.rectangle(left, y + 4, room * bar.value / highest, ROW - 8, BAR);
        canvas.text(cv::format("%g", bar.value), left + room * bar.value / highest + 7, y + 16, TEXT, FAINT,
                    Align::LEFT);
    }
    return canvas.finish();
}

cv::Mat drawStanding(const BarChart& chart)
{
    Canvas canvas(HEAD + PLOT_HEIGHT + 64);
    drawHead(canvas, chart);
    const double highest = highestOf(chart.bars), step = niceStep(highest, 5);
    const double top = std::max(std::ceil(highest / step) * step, step), base = HEAD + PLOT_HEIGHT;
    const double left = MARGIN + 16 + Canvas::textWidth(cv::format("%g", top), TEXT), width = WIDTH - MARGIN - left;
    for (double value = 0; value <= top * 1.0001; value += step)
    {
        const double y = base - PLOT_HEIGHT * value / top;
        canvas.rectangle(left, y, width, 1, value > 0 ? GRID : FAINT);
        canvas.text(cv::format("%g", value), left - 8, y + 4, TEXT, FAINT, Align::RIGHT);
    }
    const double pitch = width / static_cast<double>(std::max<size_t>(chart.bars.size(), 1));
    double free = 0;  // where the next label may begin
    for (size_t i = 0; i < chart.bars.size(); i++)
    {
        const Bar& bar = chart.bars[i];
        const double x = left + pitch * static_cast<double>(i), height = PLOT_HEIGHT * bar.value / top;
        if (bar.value > 0)
            canvas.rectangle(x + pitch * 0.08, base - height, pitch * 0.84, height, BAR);
        const std::string label = plainText(bar.label);
        const double half = Canvas::textWidth(label, TEXT) / 2., centre = x + pitch / 2;
        if (centre - half < free)
            continue;
        canvas.text(label, centre, base + 18, TEXT, FAINT, Align::CENTRE);
        free = centre + half + 8;
    }
    canvas.text(plainText(chart.axis), left + width / 2, base + 44, TEXT, INK, Align::CENTRE);
    return canvas.finish();
}

}  // namespace

std::string plainText(const std::string& utf8)
{
    std::string result;
    for (const char c : utf8)
    {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f)
            result += c;
        else if ((byte & 0xc0) != 0x80)  // not the continuation of a character
            result += '?';
    }
    return result;
}

std::vector<Bar> histogram(const std::vector<double>& values, const std::vector<double>& edges,
                           const std::vector<std::string>& labels)
{
    CV_Assert(edges.size() >= 2 && labels.size() + 1 == edges.size());
    std::vector<Bar> bars(labels.size());
    for (size_t i = 0; i < labels.size(); i++)
        bars[i].label = labels[i];
    for (const double value : values)
    {
        const auto above = std::upper_bound(edges.begin() + 1, edges.end() - 1, value);
        bars[static_cast<size_t>(above - edges.begin() - 1)].value++;
    }
    return bars;
}

cv::Mat drawBars(const BarChart& chart)
{
    return chart.horizontal ? drawLying(chart) : drawStanding(chart);
}

}  // namespace d2det
