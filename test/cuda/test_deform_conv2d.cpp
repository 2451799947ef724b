// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeformConv2d on CUDA: limits of its launchers, gradients that are not wanted, no images. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

using Gradients = kernels::DeformConv2dGradients<float>;

kernels::DeformConv2dParams smallParams()
{
    kernels::DeformConv2dParams p;
    p.inChannels = 6;
    p.outChannels = 4;
    p.padTop = p.padLeft = 1;
    return p;
}

const kernels::Conv2dShape SHAPE{1, 7, 9, 7, 9};

const Case deformLimits("deform_conv2d:limits",
                        []
                        {
                            const auto accepted = [](const kernels::DeformConv2dParams& p, kernels::Conv2dShape s)
                            { return cuda::deformConv2dWorkspace(p, s) > 0; };
                            expect(accepted(smallParams(), SHAPE), "good parameters");
                            kernels::DeformConv2dParams p = smallParams();
                            p.groups = 3;
                            expect(!accepted(p, SHAPE), "4 rows in 3 groups");
                            p.groups = 1;
                            p.offsetGroups = 4;
                            expect(!accepted(p, SHAPE), "6 channels in 4 groups of offsets");
                            p.offsetGroups = 0;
                            expect(!accepted(p, SHAPE), "no group of offsets");
                            p = smallParams();
                            p.strideX = 0;
                            expect(!accepted(p, SHAPE), "stride 0");
                            p = smallParams();
                            p.kernelHeight = p.kernelWidth = 1 << 20;
                            expect(!accepted(p, SHAPE), "a depth beyond 32 bits");
                            expect(!accepted(smallParams(), {1, 1 << 16, 1 << 16, 7, 9}), "more pixels than 32 bits");
                            expect(!accepted(smallParams(), {1, 7, 9, 0, 9}), "no output");
                        });

const Case deformNoImages(
    "deform_conv2d:no images",
    []
    {
        const kernels::DeformConv2dParams p = smallParams();
        kernels::Conv2dShape none = SHAPE;
        none.batch = 0;
        DeviceArray<float> weight(size_t(4) * 6 * 9), gradWeight(size_t(4) * 6 * 9), gradBias(4);
        const kernels::DeformConv2dArgs<float> args{nullptr, nullptr, nullptr, weight.data(), nullptr};
        requireSuccess(cuda::deformConv2d(p, none, args, nullptr, {nullptr, 0}, nullptr), "forward");
        requireSuccess(
            cuda::deformConv2dBackward(p, none, args, nullptr,
                                       Gradients{nullptr, nullptr, nullptr, gradWeight.data(), gradBias.data()},
                                       {nullptr, 0}, nullptr),
            "backward");
        expect(gradWeight.values() == Floats(gradWeight.size(), 0.f), "gradient of the weight");
        expect(gradBias.values() == Floats(gradBias.size(), 0.f), "gradient of the bias");
    });

//! A gradient alone is what it is among all. That of X (the first one) is a sum of atomics.
const Case deformAlone("deform_conv2d:gradients alone",
                       []
                       {
                           forAllCases("deform_conv2d",
                                       [](const Problem& p, const std::string& name)
                                       {
                                           OnDevice all(p);
                                           const Results expected = all.run();
                                           for (size_t only = 0; only < p.gradients.size(); only++)
                                           {
                                               OnDevice alone(p);
                                               Arguments<float> a = alone.backward();
                                               for (size_t i = 0; i < a.out.size(); i++)
                                                   if (i != only)
                                                       a.out[i] = nullptr;
                                               requireSuccess(p.onDeviceBackward(a, alone.backwardWorkspace()), name);
                                               const Floats got = alone.results().gradients[only];
                                               const double tolerance = p.gradients[only].atomics ? 1e-5 : SAME_BITS;
                                               const std::string error =
                                                   difference(expected.gradients[only], got, tolerance);
                                               expect(error.empty(), name + ", " + p.inputs[only].name + ": " + error);
                                           }
                                       });
                       });

}  // namespace
}  // namespace test
}  // namespace d2det
