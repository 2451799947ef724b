// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Base anchors of a pyramid level, see box.hpp. */

#include "box.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

std::vector<float> baseAnchors(float stride, const std::vector<float>& scales, const std::vector<float>& ratios,
                               bool legacy)
{
    std::vector<float> anchors(4 * ratios.size());
    for (size_t i = 0; i < ratios.size(); i++)
        baseAnchor(stride, scales.at(scales.size() == 1 ? 0 : i), ratios[i], legacy, &anchors[4 * i]);
    return anchors;
}

std::vector<float> baseAnchors(float stride, float scale, const std::vector<float>& ratios, bool legacy)
{
    return baseAnchors(stride, std::vector<float>{scale}, ratios, legacy);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
