// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Adaptive weighted pooling, instance norm and RoI convolution against the naive CPU kernels in double precision.
   Bounds relative to max(1, |x|): 2e-5 for pooling and norm, 1e-4 for gradients and for convolutions. */

#include "check.hpp"
#include "random.hpp"

namespace d2det
{
namespace test
{
namespace
{

typedef std::vector<double> Doubles;

Doubles toDouble(const Floats& x)
{
    return Doubles(x.begin(), x.end());
}

Floats toFloat(const Doubles& x)
{
    return Floats(x.begin(), x.end());
}

// ------------------------------------------------------------------ adaptive weighted pooling

void testAdaptive(float gain, int planes, int height, int width, cv::RNG& rng)
{
    const std::string what = "gain " + std::to_string(gain) + ", " + std::to_string(planes) + " x " +
                             std::to_string(height) + " x " + std::to_string(width);
    const size_t cells = size_t(planes) * height * width, n = size_t(planes) * ((height + 1) / 2) * ((width + 1) / 2);
    const Floats F = uniform(cells, -2.f, 2.f, rng), grad = uniform(n, -1.f, 1.f, rng);
    Floats N = uniform(cells, -4.f, 4.f, rng);
    for (size_t i = 0; i < cells; i += 11)
        N[i] = i % 2 ? INFINITE : -INFINITE;
    DeviceArray<float> deviceF(F), deviceN(N), deviceGrad(grad), output(n), gradF(cells), gradN(cells);
    Doubles expected(n), expectedF(cells), expectedN(cells);
    kernels::adaptiveWeightedPoolRef<double>({gain, planes, height, width}, toDouble(F).data(), toDouble(N).data(),
                                             expected.data());
    kernels::adaptiveWeightedPoolBackwardRef<double>({gain, planes, height, width}, toDouble(F).data(),
                                                     toDouble(N).data(), toDouble(grad).data(),
                                                     {expectedF.data(), expectedN.data()});
    requireSuccess(cuda::adaptiveWeightedPool({gain, planes, height, width}, deviceF.data(), deviceN.data(),
                                              output.data(), nullptr),
                   what);
    requireSuccess(cuda::adaptiveWeightedPoolBackward({gain, planes, height, width}, deviceF.data(), deviceN.data(),
                                                      deviceGrad.data(), {gradF.data(), gradN.data()}, nullptr),
                   what);
    // The exponent gain * s has the relative error of a float, so the weights have |gain| times that.
    const double scale = std::max(1., std::abs(gain) / 12.);
    expectNear(toFloat(expected), output.values(), 2e-5 * scale, what);
    expectNear(toFloat(expectedF), gradF.values(), 1e-4 * scale, what + ", gradient of F");
    expectNear(toFloat(expectedN), gradN.values(), 1e-4 * scale, what + ", gradient of N");
}

const Case adaptive("adaptive_weighted_pool/shapes",
                    []
                    {
                        cv::RNG rng(nextSeed());
                        for (const float gain : {12.f, 0.f, -5.f, 80.f, 200.f, -300.f})
                        {
                            testAdaptive(gain, 5, 1, 1, rng);
                            testAdaptive(gain, 37, 14, 14, rng);
                            testAdaptive(gain, 3, 7, 9, rng);
                            testAdaptive(gain, 9, 1, 20, rng);
                            testAdaptive(gain, 2, 28, 28, rng);
                            testAdaptive(gain, 2, 41, 40, rng);  // more cells than a block keeps in shared memory
                        }
                    });

const Case adaptiveLimits("adaptive_weighted_pool/limits",
                          []
                          {
                              expect(cuda::adaptiveWeightedPool({12.f, 0, 3, 3}, nullptr, nullptr, nullptr, nullptr) ==
                                         cuda::Status::SUCCESS,
                                     "no planes");
                              expect(cuda::adaptiveWeightedPool({QUIET_NAN, 1, 3, 3}, nullptr, nullptr, nullptr,
                                                                nullptr) == cuda::Status::INVALID,
                                     "gain NaN");
                              expect(cuda::adaptiveWeightedPool({12.f, 1, 0, 3}, nullptr, nullptr, nullptr, nullptr) ==
                                         cuda::Status::INVALID,
                                     "no rows");
                          });

// ------------------------------------------------------------------ instance norm

void testNorm(int rows, int channels, int area, float mean, cv::RNG& rng)
{
    const std::string what = "area " + std::to_string(area) + ", mean " + std::to_string(mean);
    const Floats X = uniform(size_t(rows) * channels * area, mean - 1.f, mean + 1.f, rng);
    const Floats scale = uniform(channels, -2.f, 2.f, rng), bias = uniform(channels, -2.f, 2.f, rng);
    Doubles expected(X.size());
    kernels::instanceNormRef<double>({1e-5f, rows, channels, area}, toDouble(X).data(), toDouble(scale).data(),
                                     toDouble(bias).data(), expected.data());
    DeviceArray<float> deviceX(X), deviceScale(scale), deviceBias(bias), Y(X.size());
    requireSuccess(cuda::instanceNorm({1e-5f, rows, channels, area}, deviceX.data(), deviceScale.data(),
                                      deviceBias.data(), Y.data(), nullptr),
                   what);
    expectNear(toFloat(expected), Y.values(), 2e-5, what);
    requireSuccess(cuda::instanceNorm({1e-5f, rows, channels, area}, deviceX.data(), deviceScale.data(),
                                      deviceBias.data(), deviceX.data(), nullptr),
                   what);
    expectSameBits(Y.values(), deviceX.values(), what + ", in place");
}

const Case norm("instance_norm/shapes",
                []
                {
                    cv::RNG rng(nextSeed());
                    for (const float mean : {0.f, 1000.f})
                        for (const int area : {1, 2, 31, 49, 196, 2048, 2049, 5000})
                            testNorm(area > 2000 ? 2 : 7, 5, area, mean, rng);
                    expect(cuda::instanceNorm({1e-5f, 0, 4, 9}, nullptr, nullptr, nullptr, nullptr, nullptr) ==
                               cuda::Status::SUCCESS,
                           "no rows");
                });

// ------------------------------------------------------------------ RoI convolution

struct ConvCase
{
    const char* name;
    int numRois, height, width;
    kernels::RoIConvParams p;
};

std::vector<ConvCase> convCases()
{
    kernels::RoIConvParams p;
    p.inChannels = 5;
    p.outChannels = 7;
    std::vector<ConvCase> cases;
    cases.push_back({"3x3", 9, 7, 7, p});
    p.stride = 2;
    p.relu = true;
    cases.push_back({"3x3, stride 2, ReLU", 9, 8, 5, p});
    p.stride = 1;
    p.weightSets = 3;
    p.outChannels = 12;
    p.normGroups = 4;
    cases.push_back({"3x3, a set per level, group norm", 20, 6, 7, p});
    p.normGroups = 12;
    p.relu = false;
    p.sigmoid = true;
    cases.push_back({"3x3, instance norm, sigmoid", 20, 6, 7, p});
    p = kernels::RoIConvParams();
    p.inChannels = 9;
    p.outChannels = 70;
    p.kernelHeight = p.kernelWidth = 7;
    p.pad = 0;
    cases.push_back({"fully connected", 130, 7, 7, p});
    p.kernelHeight = p.kernelWidth = 1;
    p.outChannels = 12;
    p.upsample = 2;
    p.relu = true;
    cases.push_back({"transposed 2x2", 11, 5, 6, p});
    p.normGroups = 3;
    cases.push_back({"transposed 2x2, group norm", 11, 5, 6, p});
    p = kernels::RoIConvParams();
    p.inChannels = 6;
    p.outChannels = 1;
    p.kernelHeight = p.kernelWidth = 1;
    p.pad = 0;
    p.weightSets = 6;
    p.byClass = true;
    p.sigmoid = true;
    cases.push_back({"a set per class", 40, 9, 9, p});
    p = kernels::RoIConvParams();
    p.inChannels = 2;
    p.outChannels = 130;
    p.weightSets = 2;
    cases.push_back({"large tiles", 120, 14, 14, p});
    return cases;
}

//! Some rows are padding, some hold values that are not finite; classes outside the sets occur.
Floats convRois(int numRois, cv::RNG& rng)
{
    Floats rois;
    for (int r = 0; r < numRois; r++)
    {
        const float size = std::exp2(rng.uniform(3.f, 9.f));
        const bool padding = r % 5 == 3;
        rois.push_back(static_cast<float>(r % 3));
        for (const float v : {4.f, 4.f, 4.f + size, 4.f + size})
            rois.push_back(padding ? 0.f : v);
    }
    if (numRois > 8)
        rois[7 * 5 + 2] = QUIET_NAN;
    if (numRois > 10)
        rois[10 * 5] = INFINITE;
    return rois;
}

void testConv(const ConvCase& c, bool constants, cv::RNG& rng)
{
    const kernels::RoIConvParams& p = c.p;
    const std::string what = std::string(c.name) + (constants ? ", constants" : "");
    const size_t sets = size_t(p.weightSets) * p.outChannels;
    const int oh = kernels::outputLength(c.height, p.pad, p.kernelHeight, p.stride);
    const int ow = kernels::outputLength(c.width, p.pad, p.kernelWidth, p.stride);
    const Floats X = uniform(size_t(c.numRois) * p.inChannels * c.height * c.width, -1.f, 1.f, rng);
    const Floats weight = uniform(sets * p.inChannels * p.kernelHeight * p.kernelWidth, -1.f, 1.f, rng);
    const Floats bias = uniform(sets, -1.f, 1.f, rng), gamma = uniform(sets, -2.f, 2.f, rng),
                 beta = uniform(sets, -1.f, 1.f, rng), rois = convRois(c.numRois, rng);
    Floats classes(c.numRois);
    for (float& v : classes)
        v = static_cast<float>(rng.uniform(-1, p.weightSets + 1));
    classes[0] = QUIET_NAN;
    Doubles expected(size_t(c.numRois) * p.outChannels * oh * ow);
    const Doubles wideBias = toDouble(bias), wideGamma = toDouble(gamma), wideBeta = toDouble(beta);
    kernels::roiConvRef<double>(
        p,
        {toDouble(X).data(), toDouble(rois).data(), c.numRois, c.height, c.width, toDouble(weight).data(),
         constants ? wideBias.data() : nullptr, constants ? wideGamma.data() : nullptr,
         constants ? wideBeta.data() : nullptr, toDouble(classes).data()},
        expected.data());
    DeviceArray<float> deviceX(X), deviceWeight(weight), deviceBias(bias), deviceGamma(gamma), deviceBeta(beta),
        deviceRois(rois), deviceClasses(classes);
    const size_t bytes = cuda::roiConvWorkspace(p, c.numRois, c.height, c.width);
    Floats first;
    for (int run = 0; run < 2; run++)
    {
        DeviceArray<float> Y(expected.size());
        DeviceArray<char> workspace(bytes);
        const auto call = [&](size_t given)
        {
            return cuda::roiConv(p,
                                 {deviceX.data(), deviceRois.data(), c.numRois, c.height, c.width, deviceWeight.data(),
                                  constants ? deviceBias.data() : nullptr, constants ? deviceGamma.data() : nullptr,
                                  constants ? deviceBeta.data() : nullptr, deviceClasses.data()},
                                 Y.data(), {workspace.data(), given}, nullptr);
        };
        expect(call(bytes - 1) == cuda::Status::INVALID, what + ": workspace too small");
        requireSuccess(call(bytes), what);
        if (run == 0)
            first = Y.values();
        else
            expectSameBits(first, Y.values(), what + ", second run");
    }
    expectNear(toFloat(expected), first, 1e-4, what);
}

const Case conv("roi_conv/variants",
                []
                {
                    cv::RNG rng(nextSeed());
                    for (const ConvCase& c : convCases())
                    {
                        testConv(c, true, rng);
                        testConv(c, false, rng);
                    }
                });

const Case convLimits("roi_conv/limits",
                      []
                      {
                          kernels::RoIConvParams p = convCases()[0].p;
                          expect(cuda::roiConvWorkspace(p, 1, 7, 7) > 0, "good parameters");
                          expect(
                              cuda::roiConv(p, {nullptr, nullptr, 0, 7, 7, nullptr, nullptr, nullptr, nullptr, nullptr},
                                            nullptr, {nullptr, 0}, nullptr) == cuda::Status::SUCCESS,
                              "no rows");
                          p.normGroups = 4;
                          expect(cuda::roiConvWorkspace(p, 1, 7, 7) == 0, "7 channels in 4 groups");
                          p.normGroups = 0;
                          p.upsample = 2;
                          expect(cuda::roiConvWorkspace(p, 1, 7, 7) == 0, "7 channels in blocks of 4");
                          p.upsample = 1;
                          p.kernelHeight = 10;
                          expect(cuda::roiConvWorkspace(p, 1, 7, 7) == 0, "kernel larger than the map");
                          p.kernelHeight = 3;
                          expect(cuda::roiConvWorkspace(p, 1 << 30, 700, 700) == 0, "more columns than 32 bits");
                      });

}  // namespace
}  // namespace test
}  // namespace d2det
