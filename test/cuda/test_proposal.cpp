// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Proposal on CUDA: what has no workspace. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

const Case proposalLimits("proposal:limits",
                          []
                          {
                              kernels::ProposalParams p;
                              kernels::RpnMaps maps;
                              expect(cuda::proposalWorkspace(p, maps) == 0, "no levels");
                              maps.levels = maps.batch = 1;
                              maps.height[0] = maps.width[0] = 1 << 15;
                              maps.stride[0] = 4;
                              expect(cuda::proposalWorkspace(p, maps) == 0, "more anchors than 31 bits");
                              maps.height[0] = maps.width[0] = 8;
                              expect(cuda::proposalWorkspace(p, maps) > 0, "good parameters");
                              p.anchorRatios.assign(cuda::MAX_ANCHOR_RATIOS + 1, 1.f);
                              expect(cuda::proposalWorkspace(p, maps) == 0, "too many ratios");
                          });

}  // namespace
}  // namespace test
}  // namespace d2det
