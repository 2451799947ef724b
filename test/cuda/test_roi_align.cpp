// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIAlign on CUDA: parameters out of range. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

const Case refused("roi_align:parameters out of range",
                   []
                   {
                       const RoIAlign::Problem problem(RoIAlign::Case(MALFORMED_POOLING), caseSeed());
                       OnDevice arrays(problem);
                       const Arguments<float> a = arrays.forward();
                       kernels::FeaturePyramid<float> maps = makePyramid<float>(MALFORMED_POOLING);
                       for (int i = 0; i < maps.levels; i++)
                           maps.data[i] = a.in[size_t(i) + 1];
                       kernels::RoIAlignParams p = problem.params;
                       const auto align = [&] { return cuda::roiAlign(p, {maps, a.in[0], 1}, a.out[0], nullptr); };
                       expect(align() == cuda::Status::SUCCESS, "good parameters");
                       p.samplingRatio = cuda::MAX_SAMPLES + 1;
                       expect(align() == cuda::Status::INVALID, "too many samples");
                       p = problem.params;
                       p.pooledWidth = 0;
                       expect(align() == cuda::Status::INVALID, "no bins");
                       p.pooledWidth = 2;
                       maps.levels = 0;
                       expect(align() == cuda::Status::INVALID, "no levels");
                       maps.levels = kernels::MAX_LEVELS + 1;
                       expect(align() == cuda::Status::INVALID, "too many levels");
                   });

}  // namespace
}  // namespace test
}  // namespace d2det
