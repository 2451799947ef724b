// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2GatherRows: selects rows of a tensor by index (kernels/gather_rows.hpp). Use: features of the detected
   candidates for a mask head without a second pass, with the second output of D2Detections as `rows`.

     inputs   X [D, ...] of any rank, rows [K, 1]: indices into the first dimension of X, over all images of a batch;
              -1: padding
     output   Y [K, ...]: Y[i] = X[rows[i]], zeros where rows[i] is -1

   No attributes. Indices are truncated. An invalid index (below -1, D or more, not finite) raises
   cv::Exception with position and value; on a CUDA device, without synchronization, the output row is zero. Indices are
   float32, exact up to 2^24. */

#include "base_layer.hpp"
#include "kernels/gather_rows.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

kernels::GatherRowsInput<float> makeInput(const std::vector<Mat>& inputs)
{
    const Mat &X = inputs[0], &rows = inputs[1];
    return {X.ptr<float>(), X.size[0], X.total() / static_cast<size_t>(X.size[0]), rows.ptr<float>(), rows.size[0]};
}

class GatherRowsLayer CV_FINAL : public BaseLayer
{
public:
    explicit GatherRowsLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams) {}

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        checkInputCount(*this, inputs.size(), 2, 2);
        checkShape(*this, "rows", inputs[1], {ANY, 1});
        std::vector<int64> lengths{dimension(inputs[1], 0)};
        for (int i = 1; i < static_cast<int>(inputs[0].size()); i++)
            lengths.push_back(dimension(inputs[0], i));
        return {outputShape(*this, lengths)};
    }

    double operations(const std::vector<MatShape>&, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        return numValues(outputs[0]);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        kernels::gatherRowsCpu(makeInput(inputs), outputs[0].ptr<float>());
    }

#ifdef D2DET_HAVE_CUDA
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        return cuda::gatherRows(makeInput(pass.inputs), pass.output(0), pass.stream);
    }
#endif
};

}  // namespace

Ptr<dnn::Layer> createGatherRowsLayer(dnn::LayerParams& params)
{
    return makePtr<GatherRowsLayer>(params);
}

}  // namespace d2det
}  // namespace cv
