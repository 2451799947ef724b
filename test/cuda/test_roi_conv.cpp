// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv on CUDA: what has no workspace. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

const Case convLimits("roi_conv:limits",
                      []
                      {
                          kernels::RoIConvParams p;
                          p.inChannels = 5;
                          p.outChannels = 7;
                          expect(cuda::roiConvWorkspace(p, 1, 7, 7) > 0, "good parameters");
                          expect(
                              cuda::roiConv(p, {nullptr, nullptr, 0, 7, 7, nullptr, nullptr, nullptr, nullptr, nullptr},
                                            nullptr, {nullptr, 0}, nullptr) == cuda::Status::SUCCESS,
                              "no rows");
                          p.normGroups = 4;
                          expect(cuda::roiConvWorkspace(p, 1, 7, 7) == 0, "7 channels in 4 groups");
                          p.normGroups = 0;
                          p.upsample = 2;
                          expect(cuda::roiConvWorkspace(p, 1, 7, 7) == 0, "7 channels in blocks of 4");
                          p.upsample = 1;
                          p.kernelHeight = 10;
                          expect(cuda::roiConvWorkspace(p, 1, 7, 7) == 0, "kernel larger than the map");
                          p.kernelHeight = 3;
                          expect(cuda::roiConvWorkspace(p, 1 << 30, 700, 700) == 0, "more columns than 32 bits");
                      });

}  // namespace
}  // namespace test
}  // namespace d2det
