// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Blocked integer matrix multiplication C = A B: constant weights A of int8, columns B of uint8 generated on the fly,
   sums of int32. Blocks, tiles and panels are those of gemm.hpp; a step of the depth takes four values, which lie in
   one 32-bit word:

     A panel  [steps of the block, mr] words of 4 int8
     B panel  [steps of the block, nr] words of 4 uint8
     C        row-major, int32

   Sums are exact, so that results are the same on all processors and for any number of threads. Three instructions of
   AVX2 make a step, and the first of them, vpmaddubsw, saturates: u0 w0 + u1 w1 must fit into int16. It does for all u
   if the positive ones of w0, w1 have a sum of at most 128 and the negative ones of at least -128, and the same for w2
   and w3. Filters that do not obey are multiplied in two halves, w = trunc(w / 2) + (w - trunc(w / 2)), which is exact
   again and takes twice as long; whoever chooses the scales of the weights can avoid that (saturatingPairs). The
   alternative, vpmaddwd on values of 16 bits, has half the products per instruction: 1.5 times the peak of float32,
   which is less than Winograd's method reaches there, instead of 2 times. vpdpbusd of AVX-512 VNNI has no such limit.

   A sum has at most MAX_DEPTH products, so that it fits into int32 whatever the values are. */

#ifndef OPENCV_D2DET_KERNELS_INT8_GEMM_HPP
#define OPENCV_D2DET_KERNELS_INT8_GEMM_HPP

#include "aligned_floats.hpp"
#include "common.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

struct Int8Kernel
{
    static constexpr int STEP = 4;             //!< values of the depth in a word
    static constexpr int KC = 256;             //!< steps of a block
    static constexpr int MAX_DEPTH = 1 << 16;  //!< 255 * 128 * 2^16 < 2^31
    static constexpr int MAX_MR = 12, MAX_NR = 32;

    const char* name;  //!< instruction set
    int mr;            //!< rows of an A panel
    int nr;            //!< columns of a B panel
    bool saturates;    //!< needs pairs of weights that cannot saturate
    bool vectors;      //!< has instructions for such products
    /** C[0..rows) [0..nr) = A panel * B panel (+ C if accumulate); rows <= mr; B and C aligned to a cache line, ldc a
        multiple of 16; for columns <= nr / 2 the right half of C may remain unchanged. */
    void (*run)(int rows, int columns, int steps, const int32_t* A, const uint32_t* B, int32_t* C, size_t ldc,
                bool accumulate);
};

//! Kernel of the instruction set in use (instruction_set.hpp).
const Int8Kernel& int8Kernel();

//! Kernels of all supported instruction sets, fastest first; for tests and benchmarks.
std::vector<const Int8Kernel*> int8Kernels();

/** How many pairs (0, 1), (2, 3) and so on of the weights [depth] of a row could saturate. A last single value makes no
    pair. */
int saturatingPairs(const int8_t* row, int depth);

struct PackedInt8
{
    int rows = 0, steps = 0;
    const Int8Kernel* kernel = nullptr;
    int halves = 1;  //!< 2: `data` holds two matrices, whose sum is A
    AlignedArray<int32_t> data;

    //! Words of one half.
    size_t size() const { return paddedRows() * steps; }
    //! Panel that begins at row `row` (a multiple of mr) of the block that begins at step `k` (a multiple of KC).
    const int32_t* panel(int half, int row, int k) const
    {
        const size_t block = std::min(Int8Kernel::KC, steps - k);
        return data.data() + half * size() + paddedRows() * k + block * row;
    }

private:
    size_t paddedRows() const { return (static_cast<size_t>(rows) + kernel->mr - 1) / kernel->mr * kernel->mr; }
};

//! Packs A [rows, 4 steps], row-major; the last panel is padded with zeros.
PackedInt8 packInt8(const int8_t* A, int rows, int steps, const Int8Kernel& kernel = int8Kernel());

/** C [last - first, ldc] = rows [first, last) of A by `columns` columns. `pack(k0, block, B)` writes the panels
    [block, nr] of steps [k0, k0 + block). B: ldc min(KC, steps) words; ldc: the columns rounded up to nr. */
template <typename Pack>
void multiplyInt8(const PackedInt8& A, int first, int last, int columns, Pack&& pack, uint32_t* B, int32_t* C,
                  size_t ldc)
{
    constexpr int TILE_ROWS = 384;  // rows of A per B panel, limited by the cache
    const Int8Kernel& kernel = *A.kernel;
    for (int k0 = 0; k0 < A.steps; k0 += Int8Kernel::KC)
    {
        const int block = std::min(Int8Kernel::KC, A.steps - k0);
        pack(k0, block, B);
        for (int m0 = first; m0 < last; m0 += TILE_ROWS)
            for (int j = 0; j < columns; j += kernel.nr)
                for (int m = m0; m < std::min(m0 + TILE_ROWS, last); m += kernel.mr)
                    for (int half = 0; half < A.halves; half++)
                        kernel.run(std::min(kernel.mr, last - m), columns - j, block, A.panel(half, m, k0),
                                   B + static_cast<size_t>(block) * j, C + (m - first) * ldc + j, ldc,
                                   k0 > 0 || half > 0);
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
