// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Layer d2det.D2DenseBoxDecode: mean of the k x k decoded boxes of a RoI. Contract: operators.md 3.6.

     inputs   rois [R, 5], offsets [R, 4, k, k] (l, r, t, b), overlap [R, 1, k, k] logits, im_info [B, 3]
     output   boxes [R, 4] */

#include "base_layer.hpp"
#include "kernels/dense_box_cell.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class DenseBoxDecodeLayer CV_FINAL : public BaseLayer
{
public:
    explicit DenseBoxDecodeLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        const Attributes attributes(layerParams);
        params_.overlapThreshold = attributes.getFloat("overlap_threshold", 0.5f, -FLT_MAX, FLT_MAX);
        params_.weighted = attributes.getChoice("mode", {"mean", "weighted"}) == 1;
        params_.legacy = attributes.getFlag("legacy", false);
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        checkInputCount(*this, inputs.size(), 4, 4);
        checkShape(*this, "rois", inputs[0], {ANY, 5});
        int rows = dimension(inputs[0], 0);
        checkShape(*this, "offsets", inputs[1], {rows, 4, ANY, dimension(inputs[1], 2)});
        rows = std::max(rows, dimension(inputs[1], 0));
        const int k = dimension(inputs[1], 2);
        checkShape(*this, "overlap", inputs[2], {rows, 1, k, k});
        checkShape(*this, "im_info", inputs[3], {ANY, 3});
        return {outputShape(*this, {std::max(rows, dimension(inputs[2], 0)), 4})};
    }

    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>&) const CV_OVERRIDE
    {
        return 10 * numValues(inputs[1]);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        kernels::denseBoxDecodeCpu(params_, makeInput(inputs), outputs[0].ptr<float>());
    }

    /** rois [R, 5], then [R, k, k, 8] of the cells: box (x1, y1, x2, y2), point
     (x, y), probability of overlap, weight in the mean (0: not in it). Pixels
     of the network's input. */
    void record(const std::vector<Mat>& inputs, const std::vector<Mat>&, std::vector<Mat>& recorded) const CV_OVERRIDE
    {
        const int rows = inputs[0].size[0], k = inputs[1].size[2];
        const int shape[4] = {rows, k, k, 8};
        Mat cells(4, shape, CV_32F);
        float* out = cells.ptr<float>();
        for (int r = 0; r < rows; r++)
            for (int cell = 0; cell < k * k; cell++, out += 8)
            {
                const float* roi = inputs[0].ptr<float>(r);
                const float *offsets = inputs[1].ptr<float>(r), *overlap = inputs[2].ptr<float>(r);
                float unused[4], weight = 0;
                kernels::boxOfCell(roi, offsets, k, cell, out, out + 4);
                out[6] = kernels::sigmoid(overlap[cell]);
                out[7] = kernels::decodeCell(params_, roi, offsets, overlap, k, cell, unused, &weight) ? weight : 0.f;
            }
        recorded.push_back(inputs[0].clone());
        recorded.push_back(cells);
    }

#ifdef D2DET_HAVE_CUDA
    cuda::Status runCuda(CudaPass& pass) CV_OVERRIDE
    {
        return cuda::denseBoxDecode(params_, makeInput(pass.inputs), pass.output(0), pass.stream);
    }
#endif

private:
    static kernels::DenseBoxDecodeInput<float> makeInput(const std::vector<Mat>& inputs)
    {
        return {inputs[0].ptr<float>(), inputs[1].ptr<float>(), inputs[2].ptr<float>(), inputs[3].ptr<float>(),
                inputs[0].size[0],      inputs[1].size[2],      inputs[3].size[0]};
    }

    kernels::DenseBoxDecodeParams params_;
};

}  // namespace

Ptr<dnn::Layer> createDenseBoxDecodeLayer(dnn::LayerParams& params)
{
    return makePtr<DenseBoxDecodeLayer>(params);
}

}  // namespace d2det
}  // namespace cv
