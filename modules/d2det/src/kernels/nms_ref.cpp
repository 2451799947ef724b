// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Non-maximum suppression, naive form. The oracle of nms_cpu.cpp. Contract: operators.md 2 (hard) and 3.7 (soft).

     hard:      a kept box removes every later one with IoU > threshold (strict)
     linear:    s *= 1 - u              for every remaining box with overlap u > threshold
     gaussian:  s *= exp(-u^2 / sigma)  for every remaining box */

#include "nms.hpp"
#include "ref_rules.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

std::vector<int> hardNmsRef(const float* boxes, int n, float threshold, bool legacy, int limit)
{
    std::vector<int> kept;
    for (int i = 0; i < n && (limit <= 0 || static_cast<int>(kept.size()) < limit); i++)
    {
        bool suppressed = false;
        for (const int j : kept)
            suppressed = suppressed || ref::boxIoU(boxes + 4 * j, boxes + 4 * i, legacy) > threshold;
        if (!suppressed)
            kept.push_back(i);
    }
    return kept;
}

std::vector<int> softNmsRef(const float* boxes, float* scores, int n, float threshold, float sigma, float minScore,
                            bool gaussian, bool legacy, int limit)
{
    std::vector<int> remaining(std::max(n, 0)), emitted;
    std::iota(remaining.begin(), remaining.end(), 0);
    while (!remaining.empty() && (limit <= 0 || static_cast<int>(emitted.size()) < limit))
    {
        // `remaining` stays in ascending order, so the first maximum is the one of the lowest index; NaN is never chosen.
        size_t best = remaining.size();
        for (size_t i = 0; i < remaining.size(); i++)
            if (!std::isnan(scores[remaining[i]]) &&
                (best == remaining.size() || scores[remaining[i]] > scores[remaining[best]]))
                best = i;
        if (best == remaining.size() || scores[remaining[best]] < minScore)
            break;
        const int winner = remaining[best];
        emitted.push_back(winner);
        remaining.erase(remaining.begin() + best);
        for (const int i : remaining)
        {
            const float u =
                ref::boxIoU(boxes + 4 * static_cast<size_t>(winner), boxes + 4 * static_cast<size_t>(i), legacy);
            if (gaussian)
                scores[i] *= u > 0 ? std::exp(-u * u / sigma) : 1.f;
            else if (u > threshold)
                scores[i] *= 1.f - u;
        }
    }
    return emitted;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
