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

namespace
{

//! Is there room for one more?
bool below(int limit, const std::vector<int>& list)
{
    return limit <= 0 || static_cast<int>(list.size()) < limit;
}

float factor(const SoftNMSParams& p, float overlap)
{
    if (p.mode == NMSMode::SOFT_GAUSSIAN)
        return overlap > 0 ? std::exp(-overlap * overlap / p.sigma) : 1.f;
    return overlap > p.threshold ? 1.f - overlap : 1.f;
}

}  // namespace

std::vector<int> hardNMSRef(const HardNMSParams& p, const float* boxes, int n)
{
    std::vector<int> kept;
    for (int i = 0; i < n && below(p.limit, kept); i++)
    {
        bool suppressed = false;
        for (const int j : kept)
            suppressed = suppressed || ref::boxIoU(boxes + 4 * j, boxes + 4 * i, p.legacy) > p.threshold;
        if (!suppressed)
            kept.push_back(i);
    }
    return kept;
}

std::vector<int> softNMSRef(const SoftNMSParams& p, const float* boxes, float* scores, int n)
{
    std::vector<bool> done(std::max(n, 0), false);
    std::vector<int> emitted;
    while (below(p.limit, emitted))
    {
        int best = -1;  // the first maximum: the one of the lowest index; NaN is never chosen
        for (int i = 0; i < n; i++)
            if (!done[i] && !std::isnan(scores[i]) && (best < 0 || scores[i] > scores[best]))
                best = i;
        if (best < 0 || scores[best] < p.minScore)
            break;
        emitted.push_back(best);
        done[best] = true;
        for (int i = 0; i < n; i++)
            if (!done[i])
                scores[i] *= factor(p, ref::boxIoU(boxes + 4 * best, boxes + 4 * i, p.legacy));
    }
    return emitted;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
