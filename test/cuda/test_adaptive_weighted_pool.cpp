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

const Case adaptiveLimits("adaptive_weighted_pool:limits",
                          []
                          {
                              expect(cuda::adaptiveWeightedPool({12.f, 0, 3, 3}, nullptr, nullptr, nullptr, nullptr) ==
                                         cuda::Status::SUCCESS,
                                     "no planes");
                              expect(cuda::adaptiveWeightedPool({NOT_A_NUMBER, 1, 3, 3}, nullptr, nullptr, nullptr,
                                                                nullptr) == cuda::Status::INVALID,
                                     "gain NaN");
                              expect(cuda::adaptiveWeightedPool({12.f, 1, 0, 3}, nullptr, nullptr, nullptr, nullptr) ==
                                         cuda::Status::INVALID,
                                     "no rows");
                          });

}  // namespace
}  // namespace test
}  // namespace d2det
