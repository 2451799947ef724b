// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_LAYERS_PROPOSAL_LAYER_HPP
#define OPENCV_D2DET_LAYERS_PROPOSAL_LAYER_HPP

#include "base_layer.hpp"
#include "kernels/proposal.hpp"

namespace cv
{
namespace d2det
{

class ProposalLayer CV_FINAL : public BaseLayer
{
public:
    explicit ProposalLayer(const dnn::LayerParams& params);

    kernels::ProposalParams settings;  //!< may be changed between two forward passes (not maxProposals: use limit)

protected:
    std::vector<dnn::MatShape> outputShapes(const std::vector<dnn::MatShape>& inputs) const CV_OVERRIDE;
    double operations(const std::vector<dnn::MatShape>& inputs,
                      const std::vector<dnn::MatShape>& outputs) const CV_OVERRIDE;
    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE;
#ifdef D2DET_HAVE_CUDA
    size_t cudaWorkspace(const std::vector<Mat>& inputs) const CV_OVERRIDE;
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE;
#endif

private:
    kernels::RpnMaps makeMaps(const std::vector<Mat>& inputs) const;

    std::vector<float> strides_;
};

}  // namespace d2det
}  // namespace cv

#endif
