// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Mask targets of RoIs (model.md 4.2). A separate file because no other part of the model depends on OpenCV: builds
   without OpenCV omit it (perf/gpu/train). */

#include "model/targets.hpp"
#include "ops/ops.hpp"

#include <opencv2/imgproc.hpp>

#include <algorithm>

namespace d2det
{

namespace
{

constexpr int64_t MASK_SIZE = 28;

//! Part of a mask covered by a box, cropped at integer pixels as in the released code; never empty.
cv::Rect wholePixels(const float* box, const cv::Size& image)
{
    const auto pixel = [](float v, int limit) { return std::min(std::max(static_cast<int>(v), 0), limit - 1); };
    const int x1 = pixel(box[0], image.width), y1 = pixel(box[1], image.height);
    return cv::Rect(cv::Point(x1, y1), cv::Point(std::max(pixel(box[2], image.width), x1) + 1,
                                                 std::max(pixel(box[3], image.height), y1) + 1));
}

}  // namespace

MaskTargets maskTargets(const Tensor& masks, const Tensor& present, const Tensor& boxes, const Tensor& gtIndex,
                        const MaskTargetRule& rule)
{
    TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 4 && boxes.device().is_cpu(), "maskTargets: boxes has shape ",
                boxes.sizes(), " and is on ", boxes.device(), "; expected [n, 4] on the CPU");
    const Tensor b = boxes.detach().to(torch::kFloat).contiguous();
    const int64_t n = b.size(0);
    MaskTargets out{torch::zeros({n}, torch::kBool), torch::zeros({n, 1, MASK_SIZE, MASK_SIZE}), torch::zeros({n})};
    if (!masks.defined() || n == 0)
        return out;
    TORCH_CHECK(masks.dim() == 3 && masks.scalar_type() == torch::kByte && masks.is_contiguous(),
                "maskTargets: masks must be contiguous uint8 [m, h, w], they are ", masks.sizes());
    out.present = present.index_select(0, gtIndex);
    const cv::Size size(static_cast<int>(masks.size(2)), static_cast<int>(masks.size(1)));
    for (int64_t i = 0; i < n; i++)
    {
        if (!out.present[i].item<bool>())
            continue;
        const Tensor mask = masks[gtIndex[i].item<int64_t>()];
        const cv::Mat whole(size, CV_8U, mask.data_ptr<uint8_t>());
        const cv::Rect part = wholePixels(b[i].data_ptr<float>(), size);
        const int inside = cv::countNonZero(whole(part)), all = cv::countNonZero(whole);
        out.fraction[i] = all > 0 ? static_cast<double>(inside) / all : 0.;
        if (!rule.legacy)
            continue;
        cv::Mat small;
        cv::resize(whole(part), small, cv::Size(MASK_SIZE, MASK_SIZE), 0, 0, cv::INTER_LINEAR);
        out.masks[i][0] = torch::from_blob(small.data, {MASK_SIZE, MASK_SIZE}, torch::kByte).to(torch::kFloat);
    }
    if (rule.legacy)
        return out;
    ops::kernels::RoIAlignParams pool;
    pool.pooledHeight = pool.pooledWidth = MASK_SIZE;
    pool.samplingRatio = 0;  // as many samples as the RoI has pixels
    pool.aligned = rule.aligned;
    const Tensor rois = torch::cat({gtIndex.to(torch::kFloat).unsqueeze(1), b}, 1).contiguous();
    const Tensor mean = ops::roiAlign({masks.to(torch::kFloat).unsqueeze(1)}, {1.f}, rois, pool);
    out.masks =
        (rule.binary ? mean.ge(0.5).to(torch::kFloat) : mean) * out.present.to(torch::kFloat).view({-1, 1, 1, 1});
    return out;
}

}  // namespace d2det
