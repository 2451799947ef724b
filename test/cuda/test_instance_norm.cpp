// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2InstanceNorm on CUDA: in place. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

const Case inPlace("instance_norm:in place",
                   []
                   {
                       forAllCases("instance_norm",
                                   [](const Problem& p, const std::string& what)
                                   {
                                       OnDevice apart(p), inside(p);
                                       const Results expected = apart.run();
                                       Arguments<float> a = inside.forward();
                                       a.out[0] = inside.input(0).data();
                                       requireSuccess(p.onDevice(a, {nullptr, 0}), what);
                                       expectSameBits(expected.outputs[0], inside.input(0).values(), what);
                                   });
                   });

const Case limits("instance_norm:limits",
                  []
                  {
                      expect(cuda::instanceNorm({1e-5f, 0, 4, 9}, nullptr, nullptr, nullptr, nullptr, nullptr) ==
                                 cuda::Status::SUCCESS,
                             "no rows");
                  });

}  // namespace
}  // namespace test
}  // namespace d2det
