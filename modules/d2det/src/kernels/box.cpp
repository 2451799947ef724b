// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Base anchors of a pyramid level. Source: d2det.md 1.4, operators.md 3.1.

     S = scale * stride,  w = S / sqrt(r),  h = S * sqrt(r)
     modern: round(-w/2, -h/2, w/2, h/2)
     legacy: round(c - (w-1)/2, c - (h-1)/2, c + (w-1)/2, c + (h-1)/2),  c = (stride - 1)/2

   Halves are rounded to even; double, because 22.627416998 / 2 must not meet a half by a float's rounding. */

#include "box.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

//! Nearest integer, halves to even whatever the rounding mode of the process is.
static double roundHalfEven(double x)
{
    const double below = std::floor(x), rest = x - below;
    if (rest != 0.5)
        return rest < 0.5 ? below : below + 1;
    return std::fmod(below, 2.0) == 0 ? below : below + 1;
}

std::vector<float> baseAnchors(float stride, float scale, const std::vector<float>& ratios, bool legacy)
{
    const double size = static_cast<double>(scale) * stride;
    const double centre = legacy ? 0.5 * (stride - 1.0) : 0.0, o = legacy ? 1.0 : 0.0;
    std::vector<float> anchors;
    anchors.reserve(4 * ratios.size());
    for (const float ratio : ratios)
    {
        const double root = std::sqrt(static_cast<double>(ratio));
        const double halfWidth = 0.5 * (size / root - o), halfHeight = 0.5 * (size * root - o);
        for (const double v : {centre - halfWidth, centre - halfHeight, centre + halfWidth, centre + halfHeight})
            anchors.push_back(static_cast<float>(roundHalfEven(v)));
    }
    return anchors;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
