// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformConv2d, naive form: output by output. The oracle of deform_conv2d_cpu.cpp. Formula: deform_conv2d.hpp;
   gradients: operators.md 5. All sums are in double. */

#include "deform_conv2d.hpp"

#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

//! One of the cells of a map that a sampling point touches.
template <typename T>
struct TouchedCell
{
    size_t at;         //!< in the plane
    T weight;          //!< (1 - |v - y|) (1 - |u - x|)
    T slopeV, slopeU;  //!< derivatives of the weight, from the right
};

//! Up to four of them: those that lie on the map.
template <typename T>
struct TouchedCells
{
    TouchedCell<T> cells[4];
    int count = 0;

    const TouchedCell<T>* begin() const { return cells; }
    const TouchedCell<T>* end() const { return cells + count; }
};

//! The cells around (v, u); none for a point that is not finite.
template <typename T>
TouchedCells<T> touchedCells(T v, T u, int height, int width)
{
    TouchedCells<T> found;
    if (!std::isfinite(v) || !std::isfinite(u) || std::abs(v) > 1e9 || std::abs(u) > 1e9)
        return found;
    const int y0 = static_cast<int>(std::floor(v)), x0 = static_cast<int>(std::floor(u));
    for (int y = y0; y <= y0 + 1; y++)
        for (int x = x0; x <= x0 + 1; x++)
        {
            if (y < 0 || y >= height || x < 0 || x >= width)
                continue;
            const T tentV = T(1) - std::abs(v - T(y)), tentU = T(1) - std::abs(u - T(x));
            found.cells[found.count++] = {static_cast<size_t>(y) * width + x, tentV * tentU, y == y0 ? -tentU : tentU,
                                          x == x0 ? -tentV : tentV};
        }
    return found;
}

//! What one output sums over.
template <typename T>
struct Term
{
    int n, o, y, x;
    size_t output, weight, plane, mask, offsetV, offsetU;  //!< indices into the tensors
    T m;                                                   //!< value of the mask
    TouchedCells<T> cells;

    T value(const T* X) const
    {
        T sum = 0;
        for (const TouchedCell<T>& cell : cells)
            sum += cell.weight * X[plane + cell.at];
        return sum;
    }
};

//! Calls visit(term) for every product of every output, outputs in the order of Y.
template <typename T, typename Visit>
void forEachTerm(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<T>& args, Visit visit)
{
    const int perGroup = p.inChannels / p.groups, taps = p.kernelHeight * p.kernelWidth;
    const size_t area = static_cast<size_t>(s.outHeight) * s.outWidth;
    Term<T> t;
    t.output = 0;
    for (t.n = 0; t.n < s.batch; t.n++)
        for (t.o = 0; t.o < p.outChannels; t.o++)
            for (t.y = 0; t.y < s.outHeight; t.y++)
                for (t.x = 0; t.x < s.outWidth; t.x++, t.output++)
                    for (int i = 0; i < perGroup * taps; i++)
                    {
                        const int c = t.o / (p.outChannels / p.groups) * perGroup + i / taps;
                        const int ky = i % taps / p.kernelWidth, kx = i % p.kernelWidth;
                        const int offsetGroup = c / (p.inChannels / p.offsetGroups);
                        const size_t k = (static_cast<size_t>(t.n) * p.offsetGroups + offsetGroup) * taps + i % taps;
                        const size_t pixel = static_cast<size_t>(t.y) * s.outWidth + t.x;
                        t.weight = static_cast<size_t>(t.o) * perGroup * taps + i;
                        t.plane = (static_cast<size_t>(t.n) * p.inChannels + c) * s.height * s.width;
                        t.mask = k * area + pixel;
                        t.offsetV = 2 * k * area + pixel;
                        t.offsetU = (2 * k + 1) * area + pixel;
                        t.m = args.mask ? args.mask[t.mask] : T(1);
                        const T v = T(t.y * p.strideY - p.padTop + ky * p.dilationY) + args.offset[t.offsetV];
                        const T u = T(t.x * p.strideX - p.padLeft + kx * p.dilationX) + args.offset[t.offsetU];
                        t.cells = touchedCells(v, u, s.height, s.width);
                        visit(t);
                    }
}

template <typename T>
void round(const std::vector<double>& sums, T* out)
{
    for (size_t i = 0; out && i < sums.size(); i++)
        out[i] = static_cast<T>(sums[i]);
}

}  // namespace

template <typename T>
void deformConv2dRef(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<T>& args, T* Y)
{
    const size_t area = static_cast<size_t>(s.outHeight) * s.outWidth;
    std::vector<double> sums(s.batch * p.outChannels * area);
    for (size_t i = 0; args.bias && i < sums.size(); i++)
        sums[i] = double(args.bias[i / area % p.outChannels]);
    forEachTerm(p, s, args,
                [&](const Term<T>& t)
                { sums[t.output] += double(args.weight[t.weight]) * double(t.m) * double(t.value(args.X)); });
    round(sums, Y);
}

template <typename T>
void deformConv2dBackwardRef(const DeformConv2dParams& p, const Conv2dShape& s, const DeformConv2dArgs<T>& args,
                             const T* gradY, const DeformConv2dGradients<T>& grad)
{
    const size_t area = static_cast<size_t>(s.outHeight) * s.outWidth;
    const size_t masks = static_cast<size_t>(s.batch) * p.offsetGroups * p.kernelHeight * p.kernelWidth * area;
    std::vector<double> gradX(static_cast<size_t>(s.batch) * p.inChannels * s.height * s.width);
    std::vector<double> gradOffset(2 * masks), gradMask(masks), gradBias(p.outChannels);
    std::vector<double> gradWeight(static_cast<size_t>(p.outChannels) * p.inChannels / p.groups * p.kernelHeight *
                                   p.kernelWidth);
    for (size_t i = 0; i < s.batch * p.outChannels * area; i++)
        gradBias[i / area % p.outChannels] += double(gradY[i]);
    forEachTerm(p, s, args,
                [&](const Term<T>& t)
                {
                    const double g = double(gradY[t.output]), w = double(args.weight[t.weight]), m = double(t.m);
                    const double value = double(t.value(args.X));
                    gradWeight[t.weight] += g * m * value;
                    gradMask[t.mask] += g * w * value;
                    for (const TouchedCell<T>& cell : t.cells)
                    {
                        const double x = double(args.X[t.plane + cell.at]);
                        gradX[t.plane + cell.at] += g * w * m * double(cell.weight);
                        gradOffset[t.offsetV] += g * w * m * double(cell.slopeV) * x;
                        gradOffset[t.offsetU] += g * w * m * double(cell.slopeU) * x;
                    }
                });
    round(gradX, grad.X);
    round(gradOffset, grad.offset);
    round(gradMask, grad.mask);
    round(gradWeight, grad.weight);
    round(gradBias, grad.bias);
}

#define REFERENCES(T)                                                                                                \
    template void deformConv2dRef<T>(const DeformConv2dParams&, const Conv2dShape&, const DeformConv2dArgs<T>&, T*); \
    template void deformConv2dBackwardRef<T>(const DeformConv2dParams&, const Conv2dShape&,                          \
                                             const DeformConv2dArgs<T>&, const T*, const DeformConv2dGradients<T>&);
D2DET_INSTANTIATE(REFERENCES)

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
