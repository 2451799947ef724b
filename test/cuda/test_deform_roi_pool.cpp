// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformRoIPool on CUDA: the optional gradient, and parameters out of range. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

//! Without gradients of the offsets those of the maps are the same but for the order of atomics.
const Case optional("deform_roi_pool:gradient of offsets is optional",
                    []
                    {
                        for (const DeformRoIPool::Case& c : DeformRoIPool::cases())
                        {
                            if (c.large || c.cpuOnly || c.cudaOnly)
                                continue;
                            const DeformRoIPool::Problem p(c, caseSeed());
                            const PoolingShape& s = p.shape();
                            Results expected = runReference(p);
                            OnDevice arrays(p);
                            const Arguments<float> a = arrays.backward();
                            const float* offsets = p.hasOffsets() ? a.in[p.inputs.size() - 1] : nullptr;
                            requireSuccess(cuda::deformRoIPoolBackward(
                                               p.params, {makePyramid<float>(s), a.in[0], s.numRois, offsets},
                                               a.in.back(), a.out.data(), nullptr, nullptr),
                                           c.name);
                            Results got = arrays.results();
                            for (int i = 0; i < s.levels; i++)
                            {
                                const std::string error =
                                    difference(expected.gradients[i], got.gradients[i], p.gradients[i].cuda);
                                expect(error.empty(), c.name + ", map " + std::to_string(i) + ": " + error);
                            }
                        }
                    });

const Case refused("deform_roi_pool:parameters out of range",
                   []
                   {
                       const DeformRoIPool::Problem problem(DeformRoIPool::Case(MALFORMED_POOLING), caseSeed());
                       OnDevice arrays(problem);
                       const Arguments<float> a = arrays.forward();
                       kernels::FeaturePyramid<float> maps = makePyramid<float>(MALFORMED_POOLING);
                       for (int i = 0; i < maps.levels; i++)
                           maps.data[i] = a.in[size_t(i) + 1];
                       kernels::DeformRoIPoolParams p = problem.params;
                       const auto pool = [&] { return cuda::deformRoIPool(p, {maps, a.in[0], 1}, a.out[0], nullptr); };
                       expect(pool() == cuda::Status::SUCCESS, "good parameters");
                       p.offsetSize = 4;
                       expect(pool() == cuda::Status::INVALID, "6 bins, 4 offsets");
                   });

}  // namespace
}  // namespace test
}  // namespace d2det
