// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* How the numbers of a quantized convolution (quantized_conv2d.hpp) are chosen: the range of its input from values of
   many images, the scales of its weights from the weights. */

#ifndef OPENCV_D2DET_KERNELS_QUANTIZATION_HPP
#define OPENCV_D2DET_KERNELS_QUANTIZATION_HPP

#include "quantized_conv2d.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

/** How often values occur. The range grows by powers of two, and with it the bins, so that the histograms of two sets
    of values add up to that of both, whatever their order. Zeros, which every quantization hits, and values that are
    not finite are not counted. */
class ValueHistogram
{
public:
    static constexpr int BINS = 2048;

    ValueHistogram();
    //! From data() of another one.
    explicit ValueHistogram(const std::vector<double>& data);

    void add(const float* values, size_t count);
    void add(const ValueHistogram& other);

    bool empty() const { return !(least() <= most()); }
    double least() const { return data_[LEAST]; }  //!< of the counted values; infinite if there are none
    double most() const { return data_[MOST]; }
    double limit() const { return data_[LIMIT]; }  //!< bins cover [-limit, limit), a power of two
    double count(int bin) const { return data_[COUNTS + bin]; }
    double center(int bin) const { return (bin + 0.5 - BINS / 2) * limit() / (BINS / 2); }

    const std::vector<double>& data() const { return data_; }

private:
    enum
    {
        LEAST,
        MOST,
        LIMIT,
        COUNTS
    };
    void grow(double limit);

    std::vector<double> data_;
};

/** The scale and zero with the least mean square error: rounding inside of the range, cutting off outside. Without
    values: scale 1, zero 0. */
InputQuantization chooseInput(const ValueHistogram& values);

//! Mean square error of the counted values, what chooseInput minimizes.
double quantizationError(const ValueHistogram& values, const InputQuantization& input);

/** Scales for which the largest weight of a row becomes 127, or a little less where a pair of weights could saturate
    (int8_gemm.hpp). weight [O, C / G, kh, kw], finite */
std::vector<float> chooseWeightScales(const Conv2dParams& p, const float* weight);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
