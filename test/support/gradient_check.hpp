// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Platform-independent random numbers for tests, and gradient checks by central differences. */

#ifndef D2DET_TEST_GRADIENT_CHECK_HPP
#define D2DET_TEST_GRADIENT_CHECK_HPP

#include "operators/random.hpp"

#include <boost/test/unit_test.hpp>

#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

//! The random numbers of the operator tests, also as tensors.
class Random : public d2det_test::Random
{
public:
    using d2det_test::Random::Random;

    torch::Tensor tensor(at::IntArrayRef sizes, double low, double high)
    {
        torch::Tensor t = torch::empty(sizes, torch::kDouble);
        for (int64_t i = 0; i < t.numel(); i++)
            t.data_ptr<double>()[i] = uniform(low, high);
        return t;
    }
};

/** Checks d(sum of function(inputs) * random weights)/d(inputs) against central differences, element by element. The
    inputs are float64 leaves; those without requires_grad are not checked. */
inline void checkGradient(const std::function<torch::Tensor(const std::vector<torch::Tensor>&)>& function,
                          const std::vector<torch::Tensor>& inputs, double tolerance = 1e-6, double step = 1e-5)
{
    const torch::Tensor first = function(inputs);
    const torch::Tensor weights = Random(99).tensor(first.sizes(), -1, 1);
    for (const torch::Tensor& input : inputs)
        input.mutable_grad() = torch::Tensor();
    (first * weights).sum().backward();

    torch::NoGradGuard noGrad;
    const auto value = [&] { return (function(inputs) * weights).sum().item<double>(); };
    double largest = 0;
    for (size_t k = 0; k < inputs.size(); k++)
    {
        if (!inputs[k].requires_grad())
            continue;
        BOOST_REQUIRE_MESSAGE(inputs[k].grad().defined(), "input " << k << " got no gradient");
        const torch::Tensor grad = inputs[k].grad().contiguous();
        torch::Tensor flat = inputs[k].detach().view(-1);
        for (int64_t i = 0; i < flat.numel(); i++)
        {
            double& x = flat.data_ptr<double>()[i];
            const double before = x;
            x = before + step;
            const double above = value();
            x = before - step;
            const double below = value();
            x = before;
            const double expected = (above - below) / (2 * step), got = grad.data_ptr<double>()[i];
            largest = std::max(largest, std::abs(expected));
            BOOST_CHECK_MESSAGE(
                std::abs(got - expected) <= tolerance * (1 + std::abs(expected)),
                "input " << k << " element " << i << ": gradient " << got << ", differences give " << expected);
        }
    }
    BOOST_CHECK_MESSAGE(largest > 1e-3, "the checked gradients are all nearly zero: the case says nothing");
}

}  // namespace test
}  // namespace d2det

#endif
