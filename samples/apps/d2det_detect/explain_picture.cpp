// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "d2det_detect/explain_picture.hpp"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using cv::d2det::DetectionExplanation;

namespace detect_program
{

namespace
{

constexpr int SIDE = 480, GAP = 20, TITLE = 56, LINE = 22;  // pixels of the picture
constexpr int LEGEND_LINES = 5;
constexpr double MARGIN = 0.25;  // around the object, share of its larger side

const cv::Scalar WHITE(255, 255, 255), INK(40, 40, 40), FINAL(40, 40, 235), PROPOSAL(0, 215, 255), USED(80, 205, 60),
    UNUSED(190, 190, 190);

void write(cv::Mat& canvas, const std::string& text, cv::Point at, double size = 0.46, int thickness = 1,
           const cv::Scalar& color = INK)
{
    cv::d2det::drawText(canvas, text, at, size, color, thickness);
}

//! Color of a value from 0 to 1.
cv::Scalar heat(double value)
{
    cv::Mat table(1, 256, CV_8U);
    for (int i = 0; i < 256; i++)
        table.at<uchar>(i) = static_cast<uchar>(i);
    cv::applyColorMap(table, table, cv::COLORMAP_VIRIDIS);
    const cv::Vec3b c = table.at<cv::Vec3b>(cvRound(std::min(std::max(value, 0.), 1.) * 255));
    return cv::Scalar(c[0], c[1], c[2]);
}

//! The object with its surroundings, pale and enlarged, and where pixels of the image are in it.
class View
{
public:
    View(const cv::Mat& image, const DetectionExplanation& e)
    {
        cv::Rect2d wanted = e.box | e.proposal;
        const double margin = MARGIN * std::max(wanted.width, wanted.height) + 4;
        wanted -= cv::Point2d(margin, margin);
        wanted += cv::Size2d(2 * margin, 2 * margin);
        const cv::Rect part = cv::Rect(cv::Point(cvFloor(wanted.x), cvFloor(wanted.y)),
                                       cv::Point(cvCeil(wanted.br().x), cvCeil(wanted.br().y))) &
                              cv::Rect(cv::Point(), image.size());
        origin_ = part.tl();
        scale_ = static_cast<double>(SIDE) / std::max(part.width, part.height);
        const cv::Size size(std::max(cvRound(part.width * scale_), 1), std::max(cvRound(part.height * scale_), 1));
        cv::Mat gray;
        cv::resize(image(part), pixels, size, 0, 0, scale_ > 1 ? cv::INTER_CUBIC : cv::INTER_AREA);
        cv::cvtColor(pixels, gray, cv::COLOR_BGR2GRAY);
        cv::cvtColor(gray, gray, cv::COLOR_GRAY2BGR);
        cv::addWeighted(pixels, 0.35, gray, 0.5, 30, pixels);
    }

    cv::Point2d at(double x, double y) const { return cv::Point2d((x - origin_.x) * scale_, (y - origin_.y) * scale_); }
    cv::Rect at(const cv::Rect2d& box) const
    {
        return cv::Rect(cv::Point(at(box.x, box.y)), cv::Point(at(box.br().x, box.br().y)));
    }

    cv::Mat pixels;

private:
    cv::Point2d origin_;
    double scale_;
};

void dashed(cv::Mat& canvas, const cv::Rect& box, const cv::Scalar& color)
{
    const cv::Point corners[5] = {
        box.tl(), {box.x + box.width, box.y}, box.br(), {box.x, box.y + box.height}, box.tl()};
    for (int side = 0; side < 4; side++)
    {
        const cv::Point2d from = corners[side], to = corners[side + 1];
        const double length = cv::norm(to - from);
        for (double d = 0; d < length; d += 12)
            cv::line(canvas, from + (to - from) * (d / length), from + (to - from) * (std::min(d + 7, length) / length),
                     color, 2, cv::LINE_AA);
    }
}

//! Paints with a share of opacity.
template <typename Paint>
void translucent(cv::Mat& canvas, double opacity, Paint paint)
{
    cv::Mat layer = canvas.clone();
    paint(layer);
    cv::addWeighted(layer, opacity, canvas, 1 - opacity, 0, canvas);
}

cv::Mat denseBoxes(const View& view, const DetectionExplanation& e)
{
    cv::Mat canvas = view.pixels.clone();
    for (const bool used : {false, true})
        translucent(canvas, used ? 0.75 : 0.5,
                    [&](cv::Mat& layer)
                    {
                        for (int i = 0; i < e.cellBoxes.rows; i++)
                        {
                            const float* b = e.cellBoxes.ptr<float>(i);
                            const bool own = e.cellWeights.ptr<float>()[i] > 0;
                            if (own == used)
                                cv::rectangle(layer, view.at(cv::Rect2d(b[0], b[1], b[2] - b[0], b[3] - b[1])),
                                              used ? USED : UNUSED, 1, cv::LINE_AA);
                        }
                    });
    for (int i = 0; i < e.cellPoints.rows; i++)
    {
        const bool used = e.cellWeights.ptr<float>()[i] > 0;
        cv::circle(canvas, view.at(e.cellPoints.at<float>(i, 0), e.cellPoints.at<float>(i, 1)), used ? 4 : 3,
                   used ? USED : UNUSED, -1, cv::LINE_AA);
    }
    dashed(canvas, view.at(e.proposal), PROPOSAL);
    cv::rectangle(canvas, view.at(e.box), FINAL, 2, cv::LINE_AA);
    return canvas;
}

cv::Mat overlap(const View& view, const DetectionExplanation& e)
{
    cv::Mat canvas = view.pixels.clone();
    const int k = e.overlap.rows;
    const auto cell = [&](int row, int column)
    {
        const double w = e.proposal.width / k, h = e.proposal.height / k;
        return view.at(cv::Rect2d(e.proposal.x + column * w, e.proposal.y + row * h, w, h));
    };
    translucent(canvas, 0.6,
                [&](cv::Mat& layer)
                {
                    for (int i = 0; i < k * k; i++)
                        cv::rectangle(layer, cell(i / k, i % k), heat(e.overlap.ptr<float>()[i]), -1);
                });
    const cv::Size widest = cv::d2det::measureText("100", 0.4, 1, nullptr);
    const bool numbered = widest.width + 4 <= cell(0, 0).width && widest.height + 4 <= cell(0, 0).height;
    for (int i = 0; i < k * k; i++)
    {
        const cv::Rect place = cell(i / k, i % k);
        if (e.cellWeights.ptr<float>()[i] > 0)
            cv::rectangle(canvas, place, USED, 2, cv::LINE_AA);
        if (!numbered)
            continue;
        const std::string text = cv::format("%.0f", 100 * e.overlap.ptr<float>()[i]);
        const cv::Size size = cv::d2det::measureText(text, 0.4, 1, nullptr);
        const cv::Point at(place.x + (place.width - size.width) / 2, place.y + (place.height + size.height) / 2);
        write(canvas, text, at, 0.4, 3, INK);
        write(canvas, text, at, 0.4, 1, WHITE);
    }
    dashed(canvas, view.at(e.proposal), PROPOSAL);
    cv::rectangle(canvas, view.at(e.box), FINAL, 2, cv::LINE_AA);
    return canvas;
}

//! Heat of a weight, 1 in the middle: halves and doubles at the ends.
double warmth(double weight)
{
    return 0.5 + 0.5 * std::log2(std::max(weight, 1e-3));
}

//! @param size radius of a point that counts as much as in a plain average, pixels.
int radius(double weight, double size)
{
    return std::max(cvRound(size * std::sqrt(weight)), 1);
}

cv::Mat sampling(const View& view, const DetectionExplanation& e)
{
    cv::Mat canvas = view.pixels.clone();
    const int bins = e.samplingPoints.rows, K = cvRound(std::sqrt(static_cast<double>(bins)));
    const auto regular = [&](int bin)
    {
        return view.at(e.proposal.x + (bin % K + 0.5) * e.proposal.width / K,
                       e.proposal.y + (bin / K + 0.5) * e.proposal.height / K);
    };
    const auto moved = [&](int bin)
    { return view.at(e.samplingPoints.at<float>(bin, 0), e.samplingPoints.at<float>(bin, 1)); };
    for (int bin = 0; bin < bins; bin++)
    {
        cv::line(canvas, regular(bin), moved(bin), WHITE, 1, cv::LINE_AA);
        cv::circle(canvas, regular(bin), 2, UNUSED, 1, cv::LINE_AA);
    }
    const cv::Rect object = view.at(e.proposal);  // points of a small grid are smaller
    const double size = std::min(std::max(0.3 * std::min(object.width, object.height) / K, 2.5), 5.);
    for (int bin = 0; bin < bins; bin++)
    {
        const double weight = e.samplingWeights.empty() ? 1 : e.samplingWeights.ptr<float>()[bin];
        cv::circle(canvas, moved(bin), radius(weight, size) + 1, INK, -1, cv::LINE_AA);
        cv::circle(canvas, moved(bin), radius(weight, size), heat(warmth(weight)), -1, cv::LINE_AA);
    }
    dashed(canvas, view.at(e.proposal), PROPOSAL);
    return canvas;
}

//! A picture with its heading and legend.
class Column
{
public:
    Column(cv::Mat& canvas, int number) : canvas_(canvas), x_(GAP + number * (SIDE + GAP)), y_(TITLE + SIDE + 2 * LINE)
    {
    }

    void place(const std::string& heading, const cv::Mat& picture)
    {
        write(canvas_, heading, {x_, TITLE + 4}, 0.55, 1);
        const cv::Point at(x_ + (SIDE - picture.cols) / 2, TITLE + 16 + (SIDE - picture.rows) / 2);
        picture.copyTo(canvas_(cv::Rect(at, picture.size())));
    }
    void text(const std::string& words)
    {
        write(canvas_, words, {x_ + SYMBOL, y_ + 5});
        y_ += LINE;
    }
    void box(const cv::Scalar& color, int thickness, const std::string& words)
    {
        const cv::Rect place(x_ + 3, y_ - 6, 24, 13);
        if (thickness > 0)
            cv::rectangle(canvas_, place, color, thickness, cv::LINE_AA);
        else
            dashed(canvas_, place, color);
        text(words);
    }
    void points(const std::vector<std::pair<int, cv::Scalar>>& symbols, const std::string& words)
    {
        int x = x_ + 4;
        for (const auto& symbol : symbols)
        {
            x += symbol.first;
            cv::circle(canvas_, {x, y_}, symbol.first + 1, INK, -1, cv::LINE_AA);
            cv::circle(canvas_, {x, y_}, symbol.first, symbol.second, -1, cv::LINE_AA);
            x += symbol.first + 4;
        }
        text(words);
    }
    void bar(const std::string& words)
    {
        for (int i = 0; i < 28; i++)
            cv::line(canvas_, {x_ + 2 + i, y_ - 6}, {x_ + 2 + i, y_ + 6}, heat(i / 27.), 1);
        text(words);
    }

private:
    static constexpr int SYMBOL = 56;
    cv::Mat& canvas_;
    int x_, y_;
};

}  // namespace

cv::Mat explainPicture(const cv::Mat& image, const DetectionExplanation& e, const std::string& title)
{
    cv::Mat canvas(TITLE + SIDE + LINE * (LEGEND_LINES + 2), 3 * (SIDE + GAP) + GAP, CV_8UC3, WHITE);
    write(canvas, title, {GAP, 28}, 0.7, 1);
    const View view(image, e);
    const int used = cv::countNonZero(e.cellWeights), cells = static_cast<int>(e.cellWeights.total());

    Column boxes(canvas, 0);
    boxes.place("1  Dense local regression: every cell predicts a box", denseBoxes(view, e));
    boxes.box(PROPOSAL, 0, "proposal, cut into " + cv::format("%d x %d cells (dots)", e.overlap.rows, e.overlap.cols));
    boxes.box(USED, 1, cv::format("boxes of the %d cells that overlap the object", used));
    boxes.box(UNUSED, 1, cv::format("boxes of the other %d cells, not used", cells - used));
    boxes.box(FINAL, 3, "the detection: mean of the green boxes");
    if (used == 0)
        boxes.text("(no cell overlaps: the proposal is the box)");

    Column map(canvas, 1);
    map.place("2  Binary overlap: which cells lie on the object", overlap(view, e));
    map.bar("probability, 0 (dark) to 100 percent (bright)");
    map.box(USED, 2, "overlaps: this cell's box goes into the mean");
    map.box(PROPOSAL, 0, "proposal");
    map.box(FINAL, 3, "the detection");

    Column points(canvas, 2);
    if (e.samplingPoints.empty())
        points.place("3  Sampling points: this model has none", view.pixels);
    else
    {
        points.place("3  Discriminative RoI pooling: sampling points", sampling(view, e));
        points.points(
            {{radius(0.5, 5), heat(warmth(0.5))}, {radius(1, 5), heat(warmth(1))}, {radius(2, 5), heat(warmth(2))}},
            "sampling points, which count half, as much or");
        points.text("twice as much as in a plain average");
        points.points({{2, UNUSED}}, "its place in the regular grid; line: learned offset");
        points.box(PROPOSAL, 0, "proposal");
    }
    return canvas;
}

}  // namespace detect_program
