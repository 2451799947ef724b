// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2DeltaBoxDecode: boxes of RoIs from the deltas of a box head. Contract: operators.md 3.12.

     inputs   rois [R, 5], deltas [R, 4 C] (dx, dy, dw, dh of each class), im_info [B, 3]
     output   boxes [R, 1 + 4 C]: batch index, then a box for each class */

#include "base_layer.hpp"
#include "kernels/delta_box_decode.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class DeltaBoxDecodeLayer CV_FINAL : public BaseLayer
{
public:
    explicit DeltaBoxDecodeLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        const Attributes attributes(layerParams);
        if (attributes.has("stds"))
        {
            const std::vector<float> stds = attributes.getList("stds", 4, 4, 1e-6, 1e6);
            std::copy(stds.begin(), stds.end(), params_.stds);
        }
        params_.maxLogScale = attributes.getPositive("max_log_scale", params_.maxLogScale, FLT_MAX);
        params_.legacy = attributes.getFlag("legacy", false);
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        checkInputCount(*this, inputs.size(), 3, 3);
        checkShape(*this, "rois", inputs[0], {ANY, 5});
        const int rows = dimension(inputs[0], 0), columns = dimension(inputs[1], 1);
        checkShape(*this, "deltas", inputs[1], {rows, ANY});
        if (columns % 4 != 0)
            layerError(*this, Error::StsBadSize,
                       format("input deltas has %d columns, it needs four for each class: dx, dy, dw, dh", columns));
        checkShape(*this, "im_info", inputs[2], {ANY, 3});
        const int64 boxColumns = columns > 0 ? 1 + static_cast<int64>(columns) : 0;
        return {outputShape(*this, {std::max(rows, dimension(inputs[1], 0)), boxColumns})};
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        kernels::deltaBoxDecodeCpu(params_, makeInput(inputs), outputs[0].ptr<float>());
    }

#ifdef D2DET_HAVE_CUDA
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        return cuda::deltaBoxDecode(params_, makeInput(pass.inputs), pass.output(0), pass.stream);
    }
#endif

private:
    static kernels::DeltaBoxDecodeInput<float> makeInput(const std::vector<Mat>& inputs)
    {
        return {inputs[0].ptr<float>(), inputs[1].ptr<float>(), inputs[2].ptr<float>(),
                inputs[0].size[0],      inputs[1].size[1] / 4,  inputs[2].size[0]};
    }

    kernels::DeltaBoxDecodeParams params_;
};

}  // namespace

Ptr<dnn::Layer> createDeltaBoxDecodeLayer(dnn::LayerParams& params)
{
    return makePtr<DeltaBoxDecodeLayer>(params);
}

}  // namespace d2det
}  // namespace cv
