// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows on the CPU, see gather_rows.hpp: copies entire rows, several at a time. */

#include "gather_rows.hpp"

#include "opencv2/core/utility.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

void checkRows(const float* rows, int count, int numRows)
{
    for (int i = 0; i < count; i++)
        if (gatheredRow(rows[i], numRows) == BAD_ROW)
            CV_Error(Error::StsOutOfRange,
                     format("D2GatherRows: rows[%d] is %g, it must be -1 (padding) or the index of one of %d rows", i,
                            static_cast<double>(rows[i]), numRows));
}

}  // namespace

void gatherRowsCpu(const float* X, int numRows, size_t rowSize, const float* rows, int count, float* Y)
{
    checkRows(rows, count, numRows);
    const auto run = [&](const Range& range)
    {
        for (int i = range.start; i < range.end; i++)
        {
            const int row = gatheredRow(rows[i], numRows);
            float* const y = Y + i * rowSize;
            if (row == PADDING_ROW)
                std::fill_n(y, rowSize, 0.f);
            else
                std::copy_n(X + row * rowSize, rowSize, y);
        }
    };
    const Range everything(0, count);
    if (count * rowSize < 32768)  // not worth waking a thread
        run(everything);
    else
        parallel_for_(everything, run);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
