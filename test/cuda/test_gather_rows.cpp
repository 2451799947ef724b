// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows on CUDA: lengths and counts at the limits. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

const Case gatherLimits(
    "gather_rows:limits",
    []
    {
        const size_t tooLong = size_t(1) << 31;
        expect(cuda::gatherRows({nullptr, -1, 1, nullptr, 1}, nullptr, nullptr) == cuda::Status::INVALID, "rows");
        expect(cuda::gatherRows({nullptr, 1, 1, nullptr, -1}, nullptr, nullptr) == cuda::Status::INVALID, "count");
        expect(cuda::gatherRows({nullptr, 1, tooLong, nullptr, 1}, nullptr, nullptr) == cuda::Status::INVALID,
               "length");
        expect(cuda::gatherRows({nullptr, 1, 0, nullptr, 1}, nullptr, nullptr) == cuda::Status::SUCCESS, "empty rows");
        expect(cuda::gatherRows({nullptr, 1, 1, nullptr, 0}, nullptr, nullptr) == cuda::Status::SUCCESS, "no rows");
    });

}  // namespace
}  // namespace test
}  // namespace d2det
