// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* 3x3 convolution with stride 1 by Winograd's minimal filtering F(4x4, 3x3): Lavin and Gray, "Fast Algorithms for
   Convolutional Neural Networks", CVPR 2016. A tile of 4x4 output pixels of one channel pair costs 36 multiplications
   instead of 144:

     Y = A^T [ (G g G^T) . (B^T d B) ] A       d: the 6x6 input window of the tile, g: the 3x3 filter, Y: 4x4

   Summed over the input channels this is 36 matrix products [O, C] x [C, tiles], one for each point of the transformed
   window, on the micro-kernels of gemm.hpp.

   The points of the interpolation are 0, +-3/4, +-3/2 and infinity. With the usual 0, +-1, +-2 the error is about twice
   as large (Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural
   Networks", 2020); with these it is about 2.5 times that of the direct sum: rms 1.5e-6 of the output's at 256
   channels.

   Weights stay as packMatrix made them, for the direct product: a task transforms what it multiplies with, a block of
   output channels at a time. That costs a few percent where there are enough tiles, and saves four times their memory
   (half a gigabyte more for the paper's model).

   An output depends on its own 6x6 window and the weights alone: the same bits for any partition into tasks. */

#ifndef OPENCV_D2DET_KERNELS_WINOGRAD_HPP
#define OPENCV_D2DET_KERNELS_WINOGRAD_HPP

#include "gemm.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

enum class ConvolutionMethod
{
    AUTO,     //!< the faster one; with environment OPENCV_D2DET_WINOGRAD=0 always DIRECT
    DIRECT,   //!< one matrix product over input channels and kernel cells
    WINOGRAD  //!< wherever the kernel is 3x3 with stride 1 and no dilation
};

/** Where the tiles of a task are read and written. */
class WinogradTiles
{
public:
    static constexpr int SIDE = 4;           //!< output pixels of a tile along an axis
    static constexpr int WINDOW = SIDE + 2;  //!< input cells
    static constexpr int GROUP = 16;         //!< tiles that are transformed at once
    static constexpr int PIXELS = SIDE * SIDE;

    virtual ~WinogradTiles() = default;

    //! Input of one channel, with a border of zeros, that the windows below lie in.
    virtual void load(int channel, float* planes) const = 0;
    //! values [count, 4, 4]: output pixels of the tiles from `first`, of one channel.
    virtual void store(int channel, int first, int count, const float* values) const = 0;

    //! Output pixels of one tile into a plane, without those beyond its end. out: the tile's first.
    static void storeTile(const float* values, int height, int width, float* out, int outStride)
    {
        for (int i = 0; i < std::min(height, SIDE); i++, values += SIDE, out += outStride)
            if (width >= SIDE)
                std::copy(values, values + SIDE, out);
            else
                for (int j = 0; j < width; j++)
                    out[j] = values[j];
    }

    int count = 0;                 //!< tiles
    size_t planesSize = 0;         //!< floats that load() fills
    int rowStride = 0;             //!< of the planes
    const int* offsets = nullptr;  //!< first cell of the window of each tile in the planes
    const float* bias = nullptr;   //!< of all output channels, or none
    float low = 0, high = 0;       //!< what is stored is cut to this range
};

/** Output channels [first, last) of all tiles. weight: packMatrix(weight, O, C 9), channels = C. */
void winogradMultiply(const PackedMatrix& weight, int channels, int first, int last, const WinogradTiles& tiles);

//! Tiles along an axis.
inline int winogradTiles(int pixels)
{
    return (pixels + WinogradTiles::SIDE - 1) / WinogradTiles::SIDE;
}

/** Whether to compute `tiles` tiles of `pixels` output pixels in all so: with AUTO, if it costs less than the direct
    product. The same answer for any number of threads. */
bool useWinograd(ConvolutionMethod method, int inChannels, int outChannels, int64_t tiles, int64_t pixels,
                 const GemmKernel& kernel);

//! Tiles [begin, end) by output channels [first, last).
struct WinogradTask
{
    int begin, end, first, last;
};

/** How `tiles` tiles are divided into tasks: as many tiles together as a block of transformed weights is worth, as few
    as keep all threads busy. repeats: as many partitions are worked on at a time. */
class WinogradPartition
{
public:
    WinogradPartition(int inChannels, int outChannels, int tiles, int repeats, const GemmKernel& kernel);
    int tasks() const { return blocks_ * splits_; }
    WinogradTask task(int i) const;

private:
    int tiles_, perTask_, blocks_, outChannels_, channels_, splits_;
};

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
