// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* ONNX's own RoiAlign (opset 10, 16, 22), for models of other exporters. Sources: onnx/docs/Operators.md; the reference
   implementation of the onnx package for unspecified details.

     inputs   X [N, C, H, W], rois [R, 4] (x1, y1, x2, y2), batch_indices [R] or [R, 1]; the last two may be constants
     output   Y [R, C, output_height, output_width]

   The opset is not available to a layer. Without coordinate_transformation_mode opset 10 is assumed, whose only rule is
   output_half_pixel; the default of opset 16 is half_pixel, but exporters write the attribute explicitly. */

#include "base_layer.hpp"
#include "kernels/roi_align.hpp"

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

class OnnxRoIAlignLayer CV_FINAL : public BaseLayer
{
public:
    explicit OnnxRoIAlignLayer(const dnn::LayerParams& layerParams) : BaseLayer(layerParams)
    {
        const Attributes attributes(layerParams);
        params_.pooledHeight = attributes.getInt("output_height", 1, 1, MAX_POOLED_SIZE);
        params_.pooledWidth = attributes.getInt("output_width", 1, 1, MAX_POOLED_SIZE);
        params_.samplingRatio = attributes.getInt("sampling_ratio", 0, 0, MAX_SAMPLING_RATIO);
        params_.aligned =
            attributes.getChoice("coordinate_transformation_mode", {"output_half_pixel", "half_pixel"}) == 1;
        max_ = attributes.getChoice("mode", {"avg", "max"}) == 1;
        const float scale = attributes.getPositive("spatial_scale", 1.f, MAX_SCALE);
        stride_ = 1.f / std::max(scale, 1.f / MAX_SCALE);
    }

protected:
    std::vector<MatShape> outputShapes(const std::vector<MatShape>& inputs) const CV_OVERRIDE
    {
        const std::vector<MatShape> all = inThreePlaces(inputs, [](const Mat& m) { return dnn::shape(m); });
        checkShape(*this, "X", all[0], {ANY, ANY, ANY, ANY});
        checkShape(*this, "rois", all[1], {ANY, 4});
        int rows = dimension(all[1], 0);
        if (all[2].size() > 1)  // cv::dnn makes [R] to [R, 1]
            checkShape(*this, "batch_indices", all[2], {rows, 1});
        else
            checkShape(*this, "batch_indices", all[2], {rows});
        rows = std::max(rows, dimension(all[2], 0));
        checkSamples(*this, rows,
                     samplesAlong(2, params_.pooledHeight, all, 0, 1, params_.samplingRatio) +
                         samplesAlong(3, params_.pooledWidth, all, 0, 1, params_.samplingRatio));
        return {outputShape(*this, {rows, dimension(all[0], 1), params_.pooledHeight, params_.pooledWidth})};
    }

    double operations(const std::vector<MatShape>& inputs, const std::vector<MatShape>& outputs) const CV_OVERRIDE
    {
        return poolingOperations(outputs[0], inputs, 0, 1, params_.samplingRatio);
    }

    void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) CV_OVERRIDE
    {
        const std::vector<Mat> constants = layerConstants(*this, {}, 0);
        size_t next = 0;
        const std::vector<Mat> all = inThreePlaces(inputs, [&](const Mat&) { return constants[next++]; });
        const Mat rois = joinBatchIndices(all[1], all[2]);
        const kernels::FeaturePyramid<float> map = makePyramid(all, 0, {stride_});
        if (!max_)
        {
            kernels::roiAlignCpu(params_, {map, rois.ptr<float>(), rois.rows}, outputs[0].ptr<float>());
            return;
        }
        parallel_for_(Range(0, rois.rows),
                      [&](const Range& range)
                      {
                          kernels::roiAlignMaxCpu(params_, {map, rois.ptr<float>(range.start), range.size()},
                                                  outputs[0].ptr<float>(range.start));
                      });
    }

#ifdef D2DET_HAVE_CUDA
    bool hasCuda() const CV_OVERRIDE
    {
        return false;
    }
#endif

private:
    /** X, rois and batch_indices in this order. cv::dnn separates constants from computed tensors without their
        positions: constants are identified by type and shape. */
    template <typename T, typename FromConstant>
    std::vector<T> inThreePlaces(const std::vector<T>& inputs, FromConstant fromConstant) const
    {
        if (inputs.empty() || inputs.size() + blobs.size() != 3)
            layerError(*this, Error::StsBadArg,
                       format("has %d computed and %d constant inputs, it needs X, rois and batch_indices, X computed",
                              static_cast<int>(inputs.size()), static_cast<int>(blobs.size())));
        std::vector<T> all(inputs);
        for (const Mat& constant : blobs)
        {
            const bool isRois = blobs.size() == 2 ? all.size() == 1 : looksLikeRoIs(constant);
            all.insert(isRois ? all.begin() + 1 : all.end(), fromConstant(constant));
        }
        return all;
    }

    static bool looksLikeRoIs(const Mat& m)
    {
        return m.type() == CV_32F && m.dims == 2 && m.size[1] == 4;
    }

    static Mat joinBatchIndices(const Mat& boxes, const Mat& batchIndices)
    {
        const int rows = boxes.size[0];
        Mat rois(rows, 5, CV_32F);
        for (int r = 0; r < rows; r++)
        {
            rois.at<float>(r, 0) = batchIndices.ptr<float>()[r];
            std::copy_n(boxes.ptr<float>() + 4 * static_cast<size_t>(r), 4, rois.ptr<float>(r) + 1);
        }
        return rois;
    }

    kernels::RoIAlignParams params_;
    float stride_ = 1.f;
    bool max_ = false;
};

}  // namespace

Ptr<dnn::Layer> createOnnxRoIAlignLayer(dnn::LayerParams& params)
{
    return makePtr<OnnxRoIAlignLayer>(params);
}

}  // namespace d2det
}  // namespace cv
