// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* K-means and search of anchors (anchor_fit.hpp). */

#include "dataset/anchor_fit.hpp"

#include "base/error.hpp"
#include "base/random.hpp"
#include "dataset/augment.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace d2det
{

namespace
{

constexpr uint64_t SEED = 0x616e63686f72ull;  // of the subset and the starts
constexpr int STARTS = 8;
constexpr int ROUNDS = 30;                       // of k-means
constexpr size_t FEW = 2000;                     // boxes of the starts
constexpr size_t MANY = 20000;                   // boxes of the last search
constexpr size_t ALL_SIZES = 200000;             // boxes that are taken at every training size
constexpr double OCTAVE_COST = 1e-3;             // mean IoU given up for a scale nearer to the present one
constexpr double OCTAVE = 0.693147180559945309;  // ln 2

//! Logarithms of the scales and ratios.
struct Shapes
{
    std::vector<double> scales, ratios;
};

//! A box with the logarithms of its side and ratio.
struct Point
{
    double side, ratio, width, height, weight;
};

double centeredIoU(double w, double h, double otherW, double otherH)
{
    const double inter = std::min(w, otherW) * std::min(h, otherH);
    return inter / (w * h + otherW * otherH - inter);
}

struct Nearest
{
    double iou = -1;
    size_t level = 0, scale = 0, ratio = 0;
};

class Search
{
public:
    Search(std::vector<Point> points, const std::vector<int>& strides) : points_(std::move(points))
    {
        for (const int stride : strides)
            strides_.push_back(std::log(static_cast<double>(stride)));
        for (const Point& p : points_)
            weight_ += p.weight;
    }

    double meanIoU(const Shapes& shapes) const
    {
        const std::vector<Side> anchors = sides(shapes);
        double sum = 0;
        for (const Point& p : points_)
            sum += p.weight * nearest(p, anchors).iou;
        return sum / weight_;
    }

    //! Step 1 of anchor_fit.hpp.
    void kMeans(Shapes& shapes) const
    {
        double best = meanIoU(shapes);
        for (int round = 0; round < ROUNDS; round++)
        {
            const Shapes next = centers(shapes);
            const double quality = meanIoU(next);
            if (!(quality > best))
                return;
            best = quality;
            shapes = next;
        }
    }

    //! Step 2; from the step `first` down to `last`, logarithms.
    void refine(Shapes& shapes, double first, double last) const
    {
        double best = meanIoU(shapes);
        for (double step = first; step >= last; step /= 2)
            for (bool improved = true; improved;)
            {
                improved = false;
                for (double& value : shapes.scales)
                    improved = vary(shapes, value, {step, -step, OCTAVE, -OCTAVE}, best) || improved;
                for (double& value : shapes.ratios)
                    improved = vary(shapes, value, {step, -step}, best) || improved;
            }
    }

    //! Step 3.
    void keepOctaves(Shapes& shapes, double present) const
    {
        const double least = meanIoU(shapes) - OCTAVE_COST;
        for (double& value : shapes.scales)
        {
            const double found = value;
            double chosen = value;
            for (int octave = -8; octave <= 8; octave++)
            {
                value = found + octave * OCTAVE;
                if (std::fabs(value - present) < std::fabs(chosen - present) && meanIoU(shapes) >= least)
                    chosen = value;
            }
            value = chosen;
        }
    }

    //! A start from boxes, far ones being more probable (k-means++).
    Shapes drawStart(size_t scales, size_t ratios, double present, Random& random) const
    {
        Shapes shapes;
        const auto draw = [&](std::vector<double>& values, size_t count, const auto& valueOf, const auto& distance)
        {
            while (values.size() < count)
            {
                std::vector<double> sums;
                double sum = 0;
                for (const Point& p : points_)
                {
                    double least = values.empty() ? 1 : 1e9;
                    for (const double value : values)
                        least = std::min(least, distance(valueOf(p), value));
                    sum += p.weight * least * least;
                    sums.push_back(sum);
                }
                const double target = random.uniform() * sum;
                const auto found = std::upper_bound(sums.begin(), sums.end(), target);
                const size_t index = std::min(static_cast<size_t>(found - sums.begin()), points_.size() - 1);
                values.push_back(valueOf(points_[index]));
            }
        };
        // Sides an octave apart are anchors of one scale on two levels: here all scales are near the present one.
        const auto phase = [&](const Point& p)
        { return present + std::remainder(p.side - strides_.front() - present, OCTAVE); };
        draw(shapes.scales, scales, phase, [](double a, double b) { return std::fabs(std::remainder(a - b, OCTAVE)); });
        draw(
            shapes.ratios, ratios, [](const Point& p) { return p.ratio; },
            [](double a, double b) { return std::fabs(a - b); });
        return shapes;
    }

private:
    struct Side
    {
        double width, height;
        size_t level, scale, ratio;
    };

    std::vector<Side> sides(const Shapes& shapes) const
    {
        std::vector<Side> anchors;
        for (size_t level = 0; level < strides_.size(); level++)
            for (size_t scale = 0; scale < shapes.scales.size(); scale++)
                for (size_t ratio = 0; ratio < shapes.ratios.size(); ratio++)
                {
                    const double side = shapes.scales[scale] + strides_[level], half = shapes.ratios[ratio] / 2;
                    anchors.push_back({std::exp(side - half), std::exp(side + half), level, scale, ratio});
                }
        return anchors;
    }

    static Nearest nearest(const Point& p, const std::vector<Side>& anchors)
    {
        Nearest best;
        for (const Side& anchor : anchors)
        {
            const double iou = centeredIoU(p.width, p.height, anchor.width, anchor.height);
            if (iou > best.iou)
                best = {iou, anchor.level, anchor.scale, anchor.ratio};
        }
        return best;
    }

    Shapes centers(const Shapes& shapes) const
    {
        const std::vector<Side> anchors = sides(shapes);
        Shapes sums{std::vector<double>(shapes.scales.size()), std::vector<double>(shapes.ratios.size())};
        std::vector<double> scaleWeights(shapes.scales.size()), ratioWeights(shapes.ratios.size());
        for (const Point& p : points_)
        {
            const Nearest best = nearest(p, anchors);
            sums.scales[best.scale] += p.weight * (p.side - strides_[best.level]);
            scaleWeights[best.scale] += p.weight;
            sums.ratios[best.ratio] += p.weight * p.ratio;
            ratioWeights[best.ratio] += p.weight;
        }
        for (size_t i = 0; i < sums.scales.size(); i++)
            sums.scales[i] = scaleWeights[i] > 0 ? sums.scales[i] / scaleWeights[i] : shapes.scales[i];
        for (size_t i = 0; i < sums.ratios.size(); i++)
            sums.ratios[i] = ratioWeights[i] > 0 ? sums.ratios[i] / ratioWeights[i] : shapes.ratios[i];
        return sums;
    }

    //! Changes one value by the first of the differences that raises the mean IoU noticeably.
    bool vary(const Shapes& shapes, double& value, std::initializer_list<double> differences, double& best) const
    {
        const double before = value;
        for (const double difference : differences)
        {
            value = before + difference;
            const double quality = meanIoU(shapes);
            if (quality > best + 1e-6)
            {
                best = quality;
                return true;
            }
        }
        value = before;
        return false;
    }

    std::vector<Point> points_;
    std::vector<double> strides_;  // logarithms
    double weight_ = 0;
};

std::vector<Point> toPoints(const std::vector<BoxShape>& boxes, const std::vector<size_t>& order, size_t count)
{
    std::vector<Point> points;
    for (size_t i = 0; i < std::min(count, order.size()); i++)
    {
        const BoxShape& b = boxes[order[i]];
        points.push_back(
            {0.5 * std::log(b.width * b.height), std::log(b.height / b.width), b.width, b.height, b.weight});
    }
    return points;
}

std::vector<double> logarithms(const std::vector<float>& values)
{
    std::vector<double> result;
    for (const float value : values)
        result.push_back(std::log(static_cast<double>(value)));
    return result;
}

//! Rounded to three digits, ascending.
std::vector<float> roundedExp(const std::vector<double>& values)
{
    std::vector<float> result;
    for (const double value : values)
    {
        char text[64];
        std::snprintf(text, sizeof(text), "%.3g", std::exp(value));
        result.push_back(std::strtof(text, nullptr));
    }
    std::sort(result.begin(), result.end());
    return result;
}

std::vector<float> presentScales(const RpnConfig& rpn)
{
    return rpn.anchorScales.empty() ? std::vector<float>{rpn.anchorScale} : rpn.anchorScales;
}

}  // namespace

std::vector<BoxShape> boxShapes(const Dataset& dataset, const DataConfig& data, const InputConfig& input)
{
    std::vector<BoxShape> shapes;
    size_t total = 0;
    for (const ImageRecord& image : dataset.images)
        total += image.annotations.size();
    const bool everySize = total <= ALL_SIZES;
    size_t turn = 0;
    for (const ImageRecord& image : dataset.images)
        for (const LabeledBox& box : usableBoxes(image, data.minSide))
        {
            const size_t sizes = everySize ? data.shortSides.size() : 1;
            for (size_t i = 0; i < sizes; i++, turn++)
            {
                const double shortSide = data.shortSides[turn % data.shortSides.size()];
                // The factors of prepareInput without its rounding of the image's sides.
                const double longer = std::max(image.width, image.height),
                             shorter = std::min(image.width, image.height);
                const double scale = std::min(data.longSide / longer, shortSide / shorter);
                const double scaleX = input.keepRatio ? scale : data.longSide / static_cast<double>(image.width);
                const double scaleY = input.keepRatio ? scale : shortSide / image.height;
                shapes.push_back({(box.x2 - box.x1) * scaleX, (box.y2 - box.y1) * scaleY,
                                  static_cast<double>(std::max(image.repeat, 1)) / static_cast<double>(sizes)});
            }
        }
    return shapes;
}

AnchorQuality anchorQuality(const std::vector<BoxShape>& boxes, const std::vector<int>& strides, const RpnConfig& rpn)
{
    std::vector<std::pair<double, double>> anchors;
    const AnchorShapes shapes = rpn.anchorShapes();
    const auto even = [](double side) { return std::max(2 * std::nearbyint(side / 2), 1.0); };
    for (const int stride : strides)
        for (size_t i = 0; i < shapes.scales.size(); i++)
        {
            const double side = static_cast<double>(shapes.scales[i]) * stride;
            const double root = std::sqrt(static_cast<double>(shapes.ratios[i]));
            anchors.emplace_back(even(side / root), even(side * root));
        }
    AnchorQuality quality;
    double weight = 0;
    for (const BoxShape& box : boxes)
    {
        double best = 0;
        for (const auto& [width, height] : anchors)
            best = std::max(best, centeredIoU(box.width, box.height, width, height));
        weight += box.weight;
        quality.meanIou += box.weight * best;
        quality.recall50 += best >= 0.5 ? box.weight : 0;
        quality.recall70 += best >= 0.7 ? box.weight : 0;
    }
    for (double* const value : {&quality.meanIou, &quality.recall50, &quality.recall70})
        *value /= std::max(weight, 1e-300);
    return quality;
}

AnchorFit fitAnchors(const std::vector<BoxShape>& boxes, const std::vector<int>& strides, const RpnConfig& present,
                     int scales, int ratios)
{
    if (boxes.empty())
        fail("there is no usable box to fit anchors to");
    // In a fixed random order: the first ones are a fair sample.
    std::vector<size_t> order(boxes.size());
    std::iota(order.begin(), order.end(), size_t(0));
    Random(SEED).shuffle(order);
    const Search few(toPoints(boxes, order, FEW), strides), many(toPoints(boxes, order, MANY), strides);
    const std::vector<double> presentLogs = logarithms(presentScales(present));
    const double middle =
        std::accumulate(presentLogs.begin(), presentLogs.end(), 0.0) / static_cast<double>(presentLogs.size());
    Shapes best;
    double bestQuality = -1;
    for (int start = 0; start <= STARTS; start++)
    {
        Random random(SEED, static_cast<uint64_t>(start));
        Shapes shapes = few.drawStart(static_cast<size_t>(scales), static_cast<size_t>(ratios), middle, random);
        if (start == 0 && presentLogs.size() == static_cast<size_t>(scales))
            shapes.scales = presentLogs;
        if (start == 0 && present.anchorRatios.size() == static_cast<size_t>(ratios))
            shapes.ratios = logarithms(present.anchorRatios);
        few.kMeans(shapes);
        few.refine(shapes, 0.2, 0.02);
        const double quality = few.meanIoU(shapes);
        if (quality <= bestQuality + 1e-6)
            continue;
        bestQuality = quality;
        best = shapes;
    }
    many.refine(best, 0.05, 0.003);
    many.keepOctaves(best, middle);

    AnchorFit fit;
    fit.scales = roundedExp(best.scales);
    fit.ratios = roundedExp(best.ratios);
    fit.before = anchorQuality(boxes, strides, present);
    RpnConfig fitted = present;
    setAnchors(fitted, fit);
    fit.after = anchorQuality(boxes, strides, fitted);
    if (fit.after.meanIou > fit.before.meanIou || scales != scalesOf(present) ||
        static_cast<size_t>(ratios) != present.anchorRatios.size())
        return fit;
    fit.scales = presentScales(present);
    fit.ratios = present.anchorRatios;
    fit.after = fit.before;
    return fit;
}

int scalesOf(const RpnConfig& rpn)
{
    return static_cast<int>(presentScales(rpn).size());
}

void setAnchors(RpnConfig& rpn, const AnchorFit& fit)
{
    rpn.anchors = ValueSource::GIVEN;
    rpn.anchorScales = fit.scales;
    rpn.anchorRatios = fit.ratios;
    if (fit.scales.size() > 1)
        return;
    rpn.anchorScale = fit.scales.at(0);
    rpn.anchorScales.clear();
}

}  // namespace d2det
