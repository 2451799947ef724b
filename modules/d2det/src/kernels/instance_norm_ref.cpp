// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2InstanceNorm, naive form. The oracle of instance_norm_cpu.cpp. Contract: operators.md 3.5.

     Y = (X - mean) / sqrt(var + epsilon) * scale[c] + bias[c], mean and biased variance over the plane, in two
     passes */

#include "instance_norm.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

template <typename T>
void instanceNormRef(const InstanceNormParams& p, const T* X, const T* scale, const T* bias, T* Y)
{
    const int area = p.area;
    for (int r = 0; r < p.rows; r++)
        for (int c = 0; c < p.channels; c++)
        {
            const T* x = X + (size_t(r) * p.channels + c) * area;
            T* y = Y + (size_t(r) * p.channels + c) * area;
            double mean = 0, var = 0;
            for (int i = 0; i < area; i++)
                mean += double(x[i]) / area;
            for (int i = 0; i < area; i++)
                var += (x[i] - mean) * (x[i] - mean) / area;
            for (int i = 0; i < area; i++)
                y[i] = T((x[i] - mean) / std::sqrt(var + double(p.epsilon)) * double(scale[c]) + double(bias[c]));
        }
}

#define REFERENCES(T) template void instanceNormRef<T>(const InstanceNormParams&, const T*, const T*, const T*, T*);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
