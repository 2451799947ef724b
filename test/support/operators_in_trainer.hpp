// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Case lists of the operators (modules/d2det/test/operators), run with the operators of the trainer.

   One function `inTrainer` per operator of kernels/operators.inc maps a problem and the tensors of its inputs, in the
   order of the ONNX node, to the outputs of the trainer's operator. An operator without one does not compile. */

#ifndef D2DET_TEST_OPERATORS_IN_TRAINER_HPP
#define D2DET_TEST_OPERATORS_IN_TRAINER_HPP

#include "operators/all.hpp"

#include "ops/ops.hpp"

#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace d2det
{
namespace test
{

using Tensors = std::vector<torch::Tensor>;

// ------------------------------------------------------------------ one function per operator

inline std::vector<float> stridesOf(const float* strides, int levels)
{
    return std::vector<float>(strides, strides + levels);
}

inline Tensors inTrainer(const d2det_test::Proposal::Problem& p, const Tensors& in)
{
    const cv::d2det::kernels::RpnMaps maps = p.shapes();
    const auto boxes = in.begin() + maps.levels;
    const auto result = ops::proposal({in.begin(), boxes}, {boxes, boxes + maps.levels},
                                      stridesOf(maps.stride, maps.levels), in.back(), p.params());
    return {result.first, result.second};
}

//! Maps and strides of a pooling operator; input 0 are the RoIs.
inline std::pair<Tensors, std::vector<float>> pyramidOf(const d2det_test::PoolingProblem& p, const Tensors& in)
{
    const auto pyramid = d2det_test::makePyramid<float>(p.shape());
    return {Tensors(in.begin() + 1, in.begin() + 1 + pyramid.levels), stridesOf(pyramid.stride, pyramid.levels)};
}

inline Tensors inTrainer(const d2det_test::RoIAlign::Problem& p, const Tensors& in)
{
    const auto pyramid = pyramidOf(p, in);
    return {ops::roiAlign(pyramid.first, pyramid.second, in[0], p.params)};
}

inline Tensors inTrainer(const d2det_test::DeformRoIPool::Problem& p, const Tensors& in)
{
    const auto pyramid = pyramidOf(p, in);
    const torch::Tensor offsets = p.hasOffsets() ? in.back() : torch::Tensor();
    return {ops::deformRoIPool(pyramid.first, pyramid.second, in[0], offsets, p.params)};
}

inline Tensors inTrainer(const d2det_test::DeformConv2d::Problem& p, const Tensors& in)
{
    const size_t weight = p.hasMask ? 3 : 2;
    return {ops::deformConv2d(in[0], in[1], p.hasMask ? in[2] : torch::Tensor(), in[weight],
                              p.hasBias ? in[weight + 1] : torch::Tensor(), p.p)};
}

inline Tensors inTrainer(const d2det_test::AdaptiveWeightedPool::Problem& p, const Tensors& in)
{
    return {ops::adaptiveWeightedPool(in[0], in[1], double(p.params().gain))};
}

inline Tensors inTrainer(const d2det_test::DenseBoxDecode::Problem& p, const Tensors& in)
{
    return {ops::denseBoxDecode(in[0], in[1], in[2], in[3], p.params())};
}

inline Tensors inTrainer(const d2det_test::DeltaBoxDecode::Problem& p, const Tensors& in)
{
    return {ops::deltaBoxDecode(in[0], in[1], in[2], p.params())};
}

inline Tensors inTrainer(const d2det_test::Detections::Problem& p, const Tensors& in)
{
    torch::Tensor rows;
    const bool withRows = p.outputs.size() > 1;
    const torch::Tensor found = ops::detections(in[0], in[1], p.params(), withRows ? &rows : nullptr);
    return withRows ? Tensors{found, rows} : Tensors{found};
}

inline Tensors inTrainer(const d2det_test::GatherRows::Problem&, const Tensors& in)
{
    return {ops::gatherRows(in[0], in[1])};
}

//! Operators of a network only: the trainer computes the same with functions of LibTorch.
struct NotInTrainer
{
};
inline NotInTrainer inTrainer(const d2det_test::Conv2d::Problem&, const Tensors&)
{
    return {};
}
inline NotInTrainer inTrainer(const d2det_test::InstanceNorm::Problem&, const Tensors&)
{
    return {};
}
inline NotInTrainer inTrainer(const d2det_test::RoIConv::Problem&, const Tensors&)
{
    return {};
}

// ------------------------------------------------------------------ any operator

//! Whether the trainer has the operator of a case list.
template <typename Op>
constexpr bool IS_IN_TRAINER =
    !std::is_same<decltype(inTrainer(std::declval<const typename Op::Problem&>(), Tensors())), NotInTrainer>::value;

template <typename Op>
Tensors runOperator(const typename Op::Problem& p, const Tensors& in)
{
    if constexpr (IS_IN_TRAINER<Op>)
        return inTrainer(p, in);
    else
        throw std::logic_error("a case of an operator that the trainer does not have");
}

//! The trainer's operator on all inputs of a problem.
inline Tensors runInTrainer(const d2det_test::Problem& problem, const Tensors& in)
{
#define D2DET_OPERATOR(name, stem)                                                \
    if (const auto* p = dynamic_cast<const d2det_test::name::Problem*>(&problem)) \
        return runOperator<d2det_test::name>(*p, in);
#include "kernels/operators.inc"
    throw std::logic_error("a case of a kernel that is no operator");
}

inline torch::Tensor toTorch(const d2det_test::Tensor& tensor)
{
    const std::vector<int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
    return torch::from_blob(const_cast<float*>(tensor.values.data()), sizes, torch::kFloat).clone();
}

/** Inputs of a problem for an operator of the trainer: differentiable inputs have the given type and are leaves with
    requires_grad if the operator has a gradient; other inputs are float64 for type float64, otherwise float32. */
inline Tensors trainerInputs(const d2det_test::Problem& p, const torch::Device& device, torch::ScalarType type)
{
    Tensors inputs;
    for (const d2det_test::Tensor& input : p.inputs)
    {
        const bool leaf = input.differentiable && !p.gradients.empty();
        const torch::ScalarType exact = type == torch::kDouble ? torch::kDouble : torch::kFloat;
        const torch::Tensor tensor = toTorch(input).to(device, leaf && !input.neverHalf ? type : exact).detach();
        inputs.push_back(leaf ? tensor.requires_grad_() : tensor);
    }
    return inputs;
}

}  // namespace test
}  // namespace d2det

#endif
