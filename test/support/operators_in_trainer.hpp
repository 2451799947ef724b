// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Case lists of the operators (modules/d2det/test/operators), run with the operators of the trainer. */

#ifndef D2DET_TEST_OPERATORS_IN_TRAINER_HPP
#define D2DET_TEST_OPERATORS_IN_TRAINER_HPP

#define D2DET_TEST_TORCH
#include "operators/all.hpp"

namespace d2det
{
namespace test
{

/** Inputs of a problem for an operator of the trainer: differentiable inputs have the given type and are leaves with
    requires_grad if the operator has a gradient; other inputs are float64 for type float64, otherwise float32. */
inline std::vector<torch::Tensor> trainerInputs(const d2det_test::Problem& p, const torch::Device& device,
                                                torch::ScalarType type)
{
    std::vector<torch::Tensor> inputs;
    for (const d2det_test::Tensor& input : p.inputs)
    {
        const bool leaf = input.differentiable && !p.gradients.empty();
        const torch::ScalarType exact = type == torch::kDouble ? torch::kDouble : torch::kFloat;
        const torch::Tensor tensor =
            d2det_test::toTorch(input).to(device, leaf && !input.neverHalf ? type : exact).detach();
        inputs.push_back(leaf ? tensor.requires_grad_() : tensor);
    }
    return inputs;
}

}  // namespace test
}  // namespace d2det

#endif
