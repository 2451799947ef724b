// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2InstanceNorm, naive form. The oracle of instance_norm_cpu.cpp. Contract: operators.md 3.5.

     Y = (X - mean) / sqrt(var + epsilon) * scale[c] + bias[c], mean and biased variance over the plane, in two passes */

#include "instance_norm.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

template <typename T>
void instanceNormRef(const T* X, const T* scale, const T* bias, float epsilon, int rows, int channels, int area, T* Y)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < channels; c++)
        {
            const T* x = X + (size_t(r) * channels + c) * area;
            T* y = Y + (size_t(r) * channels + c) * area;
            double mean = 0, var = 0;
            for (int i = 0; i < area; i++)
                mean += double(x[i]) / area;
            for (int i = 0; i < area; i++)
                var += (x[i] - mean) * (x[i] - mean) / area;
            for (int i = 0; i < area; i++)
                y[i] = T((x[i] - mean) / std::sqrt(var + double(epsilon)) * double(scale[c]) + double(bias[c]));
        }
}

template void instanceNormRef<float>(const float*, const float*, const float*, float, int, int, int, float*);
template void instanceNormRef<double>(const double*, const double*, const double*, float, int, int, int, double*);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
