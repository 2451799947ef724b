// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Gathering of rows against the CPU, bit for bit; indices that are no row, which the CPU refuses, give zeros. */

#include "check.hpp"
#include "random.hpp"

namespace d2det
{
namespace test
{
namespace
{

void testGather(int numRows, size_t rowSize, int count, bool hostile, cv::RNG& rng)
{
    const std::string what = "gather " + std::to_string(count) + " of " + std::to_string(numRows) + " rows of " +
                             std::to_string(rowSize) + (hostile ? ", hostile" : "");
    const Floats X = uniform(numRows * rowSize, -1.f, 1.f, rng);
    const float bad[] = {QUIET_NAN, INFINITE, -INFINITE, -2.f, 3e38f, -3e38f, static_cast<float>(numRows), 3e9f};
    Floats rows, harmless;
    for (int i = 0; i < count; i++)
    {
        rows.push_back(i % 4 == 3 ? -1.f : static_cast<float>(rng.uniform(0, numRows)) + (i % 5 == 0 ? 0.5f : 0.f));
        harmless.push_back(rows.back());
        if (hostile && i % 3 == 0)
        {
            rows.back() = bad[i / 3 % 8];
            harmless.back() = -1.f;
        }
    }
    Floats expected(count * rowSize);
    kernels::gatherRowsRef({X.data(), numRows, rowSize, harmless.data(), count}, expected.data());
    DeviceArray<float> deviceX(X), deviceRows(rows), Y(expected.size());
    requireSuccess(cuda::gatherRows({deviceX.data(), numRows, rowSize, deviceRows.data(), count}, Y.data(), nullptr),
                   what);
    expectSameBits(expected, Y.values(), what);
}

const Case gather("gather_rows/variants",
                  []
                  {
                      cv::RNG rng(nextSeed());
                      for (const bool hostile : {false, true})
                      {
                          testGather(7, 1, 40, hostile, rng);
                          testGather(40, 5, 30, hostile, rng);
                          testGather(1, 255, 12, hostile, rng);
                          testGather(25, 4099, 20, hostile, rng);
                      }
                      testGather(3, 2, 70000, true, rng);  // more rows than a grid has in y
                      testGather(3, 2, 0, false, rng);
                  });

const Case gatherLimits(
    "gather_rows/limits",
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
