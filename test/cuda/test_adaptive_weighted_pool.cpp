// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2AdaptiveWeightedPool on CUDA: sizes at the limits. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

const Case adaptiveLimits(
    "adaptive_weighted_pool:limits",
    []
    {
        expect(cuda::adaptiveWeightedPool(12.f, nullptr, nullptr, 0, 3, 3, nullptr, nullptr) == 0, "no planes");
        expect(cuda::adaptiveWeightedPool(NOT_A_NUMBER, nullptr, nullptr, 1, 3, 3, nullptr, nullptr) == 1, "gain NaN");
        expect(cuda::adaptiveWeightedPool(12.f, nullptr, nullptr, 1, 0, 3, nullptr, nullptr) == 1, "no rows");
    });

}  // namespace
}  // namespace test
}  // namespace d2det
