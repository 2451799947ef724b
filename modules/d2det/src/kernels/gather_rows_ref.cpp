// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows, naive form: value by value. The oracle of gather_rows_cpu.cpp. Contract: gather_rows.hpp. */

#include "gather_rows.hpp"
#include "error.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

template <typename T>
void gatherRowsRef(const GatherRowsInput<T>& in, T* Y)
{
    for (int i = 0; i < in.count; i++)
        if (in.rows[i] != T(-1) && !(in.rows[i] > T(-1) && in.rows[i] < double(in.numRows)))
            raise(Failure::OUT_OF_RANGE, "D2GatherRows: rows[%d] is %g, not one of %d rows", i, double(in.rows[i]),
                  in.numRows);
    for (int i = 0; i < in.count; i++)
        for (size_t j = 0; j < in.rowSize; j++, Y++)
            *Y = in.rows[i] == T(-1) ? T(0) : in.X[static_cast<size_t>(std::trunc(in.rows[i])) * in.rowSize + j];
}

#define REFERENCES(T) template void gatherRowsRef<T>(const GatherRowsInput<T>&, T*);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
