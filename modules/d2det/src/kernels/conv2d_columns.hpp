// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What convolutions of entire maps by a matrix product have in common, whatever the type of the values: the columns of
   a task and the range of the output. Internal: of conv2d_cpu.cpp and quantized_conv2d_cpu.cpp. */

#ifndef OPENCV_D2DET_KERNELS_CONV2D_COLUMNS_HPP
#define OPENCV_D2DET_KERNELS_CONV2D_COLUMNS_HPP

#include "conv2d.hpp"
#include "conv_tasks.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

//! Neighboring output pixels of one row, neighboring columns of one panel.
struct PixelRun
{
    int panel, column, length;
    int v, u;  //!< input cell of the first pixel and first kernel cell; may be outside the map
};

/** Gathers the columns of the output pixels of a task.
    @tparam Cell value of a plane at a pixel, 4 bytes */
template <typename Cell>
class ConvolutionColumns
{
public:
    //! X: planes of the group; outside: of cells beyond the map; runs: memory that outlives this object.
    ConvolutionColumns(const Conv2dParams& p, const Conv2dShape& s, const Cell* X, Cell outside, const ConvTask& task,
                       int nr, std::vector<PixelRun>& runs)
        : p_(p), s_(s), X_(X), outside_(outside), nr_(nr), runs_(runs)
    {
        runs_.clear();
        for (int j = task.begin; j < task.end;)
        {
            const int y = j / s.outWidth, x = j % s.outWidth, column = (j - task.begin) % nr;
            const int length = std::min(std::min(s.outWidth - x, task.end - j), nr - column);
            runs_.push_back(
                {(j - task.begin) / nr, column, length, y * p.strideY - p.padTop, x * p.strideX - p.padLeft});
            j += length;
        }
    }

    //! Depth [k0, k0 + block) -> panels [block, nr]. Columns beyond the last remain unchanged.
    void operator()(int k0, int block, Cell* B) const
    {
        const int area = p_.kernelHeight * p_.kernelWidth;
        int c = k0 / area, i = k0 % area / p_.kernelWidth, j = k0 % p_.kernelWidth;
        for (int k = 0; k < block; k++)
        {
            const Cell* plane = X_ + static_cast<size_t>(c) * s_.height * s_.width;
            for (const PixelRun& run : runs_)
                gather(plane, run, i, j, B + (static_cast<size_t>(run.panel) * block + k) * nr_ + run.column);
            if (++j == p_.kernelWidth)
            {
                j = 0;
                if (++i == p_.kernelHeight)
                {
                    i = 0;
                    c++;
                }
            }
        }
    }

private:
    void gather(const Cell* plane, const PixelRun& run, int i, int j, Cell* out) const
    {
        const int v = run.v + i * p_.dilationY, u = run.u + j * p_.dilationX;
        if (v < 0 || v >= s_.height)
        {
            std::fill(out, out + run.length, outside_);
            return;
        }
        const Cell* row = plane + static_cast<size_t>(v) * s_.width;
        const int last = u + (run.length - 1) * p_.strideX;
        if (u >= 0 && last < s_.width)
            copyInside(row + u, run.length, out);
        else
            for (int x = 0; x < run.length; x++)
            {
                const int at = u + x * p_.strideX;
                out[x] = at >= 0 && at < s_.width ? row[at] : outside_;
            }
    }

    void copyInside(const Cell* in, int length, Cell* out) const
    {
        constexpr int WHOLE = GemmKernel::MAX_NR;
        if (p_.strideX == 1 && length == WHOLE)
            std::memcpy(out, in, WHOLE * sizeof(Cell));  // constant size: a few vector moves
        else if (p_.strideX == 1)
            for (int x = 0; x < length; x++)
                out[x] = in[x];
        else
            for (int x = 0; x < length; x++)
                out[x] = in[static_cast<size_t>(x) * p_.strideX];
    }

    const Conv2dParams& p_;
    const Conv2dShape& s_;
    const Cell* X_;
    const Cell outside_;
    const int nr_;
    std::vector<PixelRun>& runs_;
};

//! Output range of the activation.
inline float lowestOutput(const Conv2dParams& p)
{
    return p.relu ? 0.f : -std::numeric_limits<float>::infinity();
}

inline float highestOutput(const Conv2dParams& p)
{
    return p.relu && p.ceiling > 0 ? p.ceiling : std::numeric_limits<float>::infinity();
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
