// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* See quantization.hpp. */

#include "quantization.hpp"
#include "error.hpp"

#include <cmath>
#include <limits>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr double SMALLEST_LIMIT = 1. / 1024;
constexpr int CANDIDATES = 48;  //!< ends of the range that are tried, down to a quarter of the largest value
constexpr double LEAST_SHARE = 0.25;
constexpr float MIN_SCALE = 1e-12f;

}  // namespace

ValueHistogram::ValueHistogram() : data_(COUNTS + BINS, 0.)
{
    data_[LEAST] = std::numeric_limits<double>::infinity();
    data_[MOST] = -data_[LEAST];
    data_[LIMIT] = SMALLEST_LIMIT;
}

ValueHistogram::ValueHistogram(const std::vector<double>& data) : data_(data)
{
    if (data.size() != COUNTS + BINS)
        raise(Failure::UNMATCHED_SIZES, "a histogram of %d numbers, expected %d", static_cast<int>(data.size()),
              COUNTS + BINS);
}

//! Two bins become one as often as necessary.
void ValueHistogram::grow(double limit)
{
    while (data_[LIMIT] < limit)
    {
        std::vector<double> counts(BINS, 0.);
        for (int i = 0; i < BINS; i++)
            counts[BINS / 4 + i / 2] += count(i);
        std::copy(counts.begin(), counts.end(), data_.begin() + COUNTS);
        data_[LIMIT] *= 2;
    }
}

void ValueHistogram::add(const float* values, size_t count)
{
    double low = 0, high = 0;
    for (size_t i = 0; i < count; i++)
        if (std::isfinite(values[i]) && values[i] != 0.f)
        {
            low = std::min(low, double(values[i]));
            high = std::max(high, double(values[i]));
            data_[LEAST] = std::min(data_[LEAST], double(values[i]));
            data_[MOST] = std::max(data_[MOST], double(values[i]));
        }
    double limit = data_[LIMIT];
    while (!(-low < limit && high < limit))
        limit *= 2;
    grow(limit);
    const double scale = BINS / 2 / data_[LIMIT];
    for (size_t i = 0; i < count; i++)
        if (std::isfinite(values[i]) && values[i] != 0.f)
            data_[COUNTS + static_cast<size_t>((values[i] + data_[LIMIT]) * scale)]++;
}

void ValueHistogram::add(const ValueHistogram& other)
{
    ValueHistogram wide = other;
    wide.grow(limit());
    grow(wide.limit());
    data_[LEAST] = std::min(least(), wide.least());
    data_[MOST] = std::max(most(), wide.most());
    for (int i = 0; i < BINS; i++)
        data_[COUNTS + i] += wide.count(i);
}

double quantizationError(const ValueHistogram& values, const InputQuantization& input)
{
    const double scale = input.scale, low = -input.zero * scale, high = (255 - input.zero) * scale;
    double sum = 0, count = 0;
    for (int i = 0; i < ValueHistogram::BINS; i++)
    {
        if (values.count(i) == 0)
            continue;
        const double x = values.center(i), beyond = std::max(std::max(low - x, x - high), 0.);
        sum += values.count(i) * std::max(beyond * beyond, scale * scale / 12);
        count += values.count(i);
    }
    return count > 0 ? sum / count : 0;
}

InputQuantization chooseInput(const ValueHistogram& values)
{
    InputQuantization best;
    if (values.empty())
        return best;
    const double low = std::min(values.least(), 0.), high = std::max(values.most(), 0.);
    double least = std::numeric_limits<double>::infinity();
    const auto share = [](int i) { return 1 - (1 - LEAST_SHARE) * i / CANDIDATES; };
    for (int i = 0; i < (low < 0 ? CANDIDATES : 1); i++)
        for (int j = 0; j < (high > 0 ? CANDIDATES : 1); j++)
        {
            const double from = low * share(i), to = high * share(j);
            InputQuantization q;
            q.scale = std::max(static_cast<float>((to - from) / 255), MIN_SCALE);
            q.zero = std::min(std::max(static_cast<int>(std::lround(-from / q.scale)), 0), 255);
            const double error = quantizationError(values, q);
            if (error < least)
            {
                least = error;
                best = q;
            }
        }
    return best;
}

std::vector<float> chooseWeightScales(const Conv2dParams& p, const float* weight)
{
    constexpr int STEP = Int8Kernel::STEP;
    const int channels = p.inChannels / p.groups, area = p.kernelHeight * p.kernelWidth;
    std::vector<float> scales;
    std::vector<int8_t> row(static_cast<size_t>((channels + STEP - 1) / STEP * STEP) * area, int8_t(0));
    for (int o = 0; o < p.outChannels; o++)
    {
        const float* w = weight + static_cast<size_t>(o) * channels * area;
        float largest = 0;
        for (int i = 0; i < channels * area; i++)
            largest = std::max(largest, std::abs(w[i]));
        float scale = std::max(largest / 127, MIN_SCALE);
        for (;; scale *= 1.01f)  // ends: halved weights cannot saturate
        {
            for (int c = 0; c < channels; c++)
                for (int cell = 0; cell < area; cell++)
                    row[(static_cast<size_t>(c / STEP) * area + cell) * STEP + c % STEP] =
                        quantizedWeight(w[c * area + cell], scale);
            if (saturatingPairs(row.data(), static_cast<int>(row.size())) == 0)
                break;
        }
        scales.push_back(scale);
    }
    return scales;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
