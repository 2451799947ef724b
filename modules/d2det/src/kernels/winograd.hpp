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

   Weights are stored in the layout of packMatrix for the direct product; the transformed ones are four times as large
   (0.5 GB for the model of the paper). Those of layers with constant weights are kept, up to a total of
   WINOGRAD_KEPT_BYTES in the process, which holds ResNet-50 with its pyramid and RPN; beyond, each task transforms them
   anew per block of output channels. That costs a tenth of the time for maps of many tiles, and more than the products
   for those of less than a hundred.

   An output depends on its own 6x6 window and the weights only: identical bits for any partition into tasks. */

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
    AUTO,     //!< the faster method; DIRECT if environment variable OPENCV_D2DET_WINOGRAD is 0
    DIRECT,   //!< one matrix product over input channels and kernel cells
    WINOGRAD  //!< wherever the kernel is 3x3 with stride 1 and no dilation
};

/** Input and output of the tiles of a task. */
class WinogradTiles
{
public:
    static constexpr int SIDE = 4;           //!< output pixels of a tile along an axis
    static constexpr int WINDOW = SIDE + 2;  //!< input cells
    static constexpr int GROUP = 16;         //!< tiles per transform
    static constexpr int PIXELS = SIDE * SIDE;

    virtual ~WinogradTiles() = default;

    //! Loads one input channel with a zero border, which contains all windows.
    virtual void load(int channel, float* planes) const = 0;
    //! Stores one output channel of tiles [first, first + count). values [count, 4, 4].
    virtual void store(int channel, int first, int count, const float* values) const = 0;

    //! Stores one tile, clipped to height x width, in a plane. out: first pixel of the tile.
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
    size_t planesSize = 0;         //!< floats written by load()
    int rowStride = 0;             //!< row stride of the planes, floats
    const int* offsets = nullptr;  //!< first cell of the window of each tile in the planes
    const float* bias = nullptr;   //!< [output channels] or null
    float low = 0, high = 0;       //!< output values are clamped to this range
};

constexpr size_t WINOGRAD_KEPT_BYTES = size_t(192) << 20;

/** Transforms the filters of a constant weight once for all following calls of winogradMultiply, the same bits. Does
    nothing for other weights, and where it would need more than `limit` bytes together with those kept before. Not
    inside a parallel loop; several threads may call it at a time. weight: packMatrix(weight, O, C 9), channels = C. */
void keepWinogradFilters(const PackedMatrix& weight, int channels, size_t limit = WINOGRAD_KEPT_BYTES);

/** Output channels [first, last) of all tiles. weight: packMatrix(weight, O, C 9), channels = C. */
void winogradMultiply(const PackedMatrix& weight, int channels, int first, int last, const WinogradTiles& tiles);

//! Tiles along an axis.
inline int winogradTiles(int pixels)
{
    return (pixels + WinogradTiles::SIDE - 1) / WinogradTiles::SIDE;
}

/** Whether Winograd's method is used for `tiles` tiles with `pixels` output pixels in total; with AUTO: if the
    estimated cost is below that of the direct product. Independent of the number of threads. */
bool useWinograd(ConvolutionMethod method, int inChannels, int outChannels, int64_t tiles, int64_t pixels,
                 const GemmKernel& kernel);

//! Tiles [begin, end) by output channels [first, last).
struct WinogradTask
{
    int begin, end, first, last;
};

/** Partition of `tiles` tiles into tasks: enough tiles per task to amortize the transform of the weights, enough tasks
    to occupy all threads. repeats: number of partitions processed in parallel. */
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
