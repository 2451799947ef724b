// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows on the CPU, see gather_rows.hpp: copies entire rows in parallel. */

#include "gather_rows.hpp"
#include "error.hpp"
#include "parallel.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

void checkRows(const GatherRowsInput<float>& in)
{
    for (int i = 0; i < in.count; i++)
        if (gatheredRow(in.rows[i], in.numRows) == BAD_ROW)
            raise(Failure::OUT_OF_RANGE,
                  "D2GatherRows: rows[%d] is %g, it must be -1 (padding) or the index of one of %d rows", i,
                  static_cast<double>(in.rows[i]), in.numRows);
}

}  // namespace

void gatherRowsCpu(const GatherRowsInput<float>& in, float* Y)
{
    checkRows(in);
    const auto run = [&](int begin, int end)
    {
        for (int i = begin; i < end; i++)
        {
            const int row = gatheredRow(in.rows[i], in.numRows);
            float* const y = Y + i * in.rowSize;
            if (row == PADDING_ROW)
                std::fill_n(y, in.rowSize, 0.f);
            else
                std::copy_n(in.X + row * in.rowSize, in.rowSize, y);
        }
    };
    if (in.count * in.rowSize < 32768)  // not worth waking a thread
        run(0, in.count);
    else
        parallelFor(in.count, run);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
