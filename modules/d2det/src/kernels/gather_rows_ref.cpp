// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2GatherRows, naive form: value by value. The oracle of gather_rows_cpu.cpp. Contract: gather_rows.hpp. */

#include "gather_rows.hpp"

#include "opencv2/core/utility.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

template <typename T>
void gatherRowsRef(const T* X, int numRows, size_t rowSize, const T* rows, int count, T* Y)
{
    for (int i = 0; i < count; i++)
        if (rows[i] != T(-1) && !(rows[i] > T(-1) && rows[i] < T(numRows)))
            CV_Error(Error::StsOutOfRange, format("D2GatherRows: rows[%d] is %g, not one of %d rows", i,
                                                  static_cast<double>(rows[i]), numRows));
    for (int i = 0; i < count; i++)
        for (size_t j = 0; j < rowSize; j++)
            Y[i * rowSize + j] = rows[i] == T(-1) ? T(0) : X[static_cast<size_t>(std::trunc(rows[i])) * rowSize + j];
}

template void gatherRowsRef<float>(const float*, int, size_t, const float*, int, float*);
template void gatherRowsRef<double>(const double*, int, size_t, const double*, int, double*);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
