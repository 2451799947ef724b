// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Blocked single-precision matrix multiplication C = A B with constant weights A and columns B generated on the fly.

   A [rows, depth] is packed once into panels of `mr` rows; B into panels of `nr` columns, KC of depth at a time; the
   micro-kernel multiplies one panel by the other with the accumulators in registers (Goto and van de Geijn, "Anatomy of
   High-Performance Matrix Multiplication", 2008). Why not cv::gemm: its speed depends on the BLAS that OpenCV was
   linked with, from 4 to 180 GFLOP/s on one machine (opencv_notes.md 6.5).

     A panel  [depth of the block, mr]   blocks of KC along the depth, one after the other
     B panel  [depth of the block, nr]
     C        row-major

   Every element of C is one chain of additions in the order of the depth, whatever the partition into tiles and
   threads: results are the same bit for bit for any number of threads and for any other columns. They differ in the
   last bits between instruction sets. */

#ifndef OPENCV_D2DET_KERNELS_GEMM_HPP
#define OPENCV_D2DET_KERNELS_GEMM_HPP

#include "aligned_floats.hpp"
#include "common.hpp"

#include <memory>

namespace cv
{
namespace d2det
{
namespace kernels
{

struct GemmKernel
{
    static constexpr int KC = 256;  //!< depth of a block
    static constexpr int MAX_MR = 12, MAX_NR = 32;

    const char* name;  //!< instruction set
    int mr;            //!< rows of an A panel
    int nr;            //!< columns of a B panel
    /** C[0..rows) [0..nr) = A panel * B panel (+ C if accumulate); rows <= mr; B and C aligned to a cache line, ldc a
        multiple of 16; for columns <= nr / 2 the right half of C may remain unchanged. */
    void (*run)(int rows, int columns, int depth, const float* A, const float* B, float* C, size_t ldc,
                bool accumulate);
};

//! Kernel of the instruction set in use (instruction_set.hpp).
const GemmKernel& gemmKernel();

//! Kernels of all supported instruction sets, fastest first; for tests and benchmarks.
int gemmKernels(const GemmKernel* kernels[3]);

class WinogradFilters;

struct PackedMatrix
{
    int rows = 0, depth = 0;
    const GemmKernel* kernel = nullptr;
    AlignedFloats data;
    bool constant = true;  //!< multiplied many times, so that what is derived from it is worth keeping
    mutable std::shared_ptr<const WinogradFilters> winograd;  //!< set by keepWinogradFilters

    //! Panel that begins at row `row` (a multiple of mr) of the block that begins at depth `k` (a multiple of KC).
    const float* panel(int row, int k) const
    {
        const size_t paddedRows = (static_cast<size_t>(rows) + kernel->mr - 1) / kernel->mr * kernel->mr;
        const size_t block = std::min(GemmKernel::KC, depth - k);
        return data.data() + paddedRows * k + block * row;
    }
};

//! Packs A [rows, depth], row-major; the last panel is padded with zeros.
PackedMatrix packMatrix(const float* A, int rows, int depth, const GemmKernel& kernel = gemmKernel());
//! Inverse of packMatrix: A [rows, depth].
void unpackMatrix(const PackedMatrix& packed, float* A);

/** C [last - first, ldc] = rows [first, last) of A by `columns` columns. `pack(k0, block, B)` writes the panels
    [block, nr] of depth [k0, k0 + block). B: ldc min(KC, depth) values; ldc: the columns rounded up to nr. */
template <typename Pack>
void multiplyBlocked(const PackedMatrix& A, int first, int last, int columns, Pack&& pack, float* B, float* C,
                     size_t ldc)
{
    constexpr int TILE_ROWS = 384;  // rows of A per B panel, limited by the cache
    const GemmKernel& kernel = *A.kernel;
    for (int k0 = 0; k0 < A.depth; k0 += GemmKernel::KC)
    {
        const int block = std::min(GemmKernel::KC, A.depth - k0);
        pack(k0, block, B);
        for (int m0 = first; m0 < last; m0 += TILE_ROWS)
            for (int j = 0; j < columns; j += kernel.nr)
                for (int m = m0; m < std::min(m0 + TILE_ROWS, last); m += kernel.mr)
                    kernel.run(std::min(kernel.mr, last - m), columns - j, block, A.panel(m, k0),
                               B + static_cast<size_t>(block) * j, C + (m - first) * ldc + j, ldc, k0 > 0);
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
