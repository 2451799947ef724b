// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "structures/structures.hpp"

#include "base/error.hpp"

#include <cmath>
#include <sstream>

namespace d2det
{

namespace
{

std::string describe(const torch::Tensor& tensor)
{
    if (!tensor.defined())
        return "undefined";
    std::ostringstream text;
    text << tensor.scalar_type() << ' ' << tensor.sizes();
    return text.str();
}

}  // namespace

Boxes::Boxes(torch::Tensor tensor) : tensor_(std::move(tensor))
{
    if (!tensor_.defined() || !tensor_.is_floating_point() || tensor_.dim() != 2 || tensor_.size(1) != 4)
        fail("boxes are " + describe(tensor_) + ", expected floating point [n, 4]");
}

torch::Tensor Boxes::area() const
{
    const torch::Tensor sides = (tensor_.slice(1, 2, 4) - tensor_.slice(1, 0, 2)).clamp_min(0);
    return sides.select(1, 0) * sides.select(1, 1);
}

Boxes Boxes::clip(double height, double width) const
{
    const torch::Tensor x = tensor_.slice(1, 0, 4, 2).clamp(0, width), y = tensor_.slice(1, 1, 4, 2).clamp(0, height);
    return Boxes(torch::stack({x.select(1, 0), y.select(1, 0), x.select(1, 1), y.select(1, 1)}, 1));
}

Instances::Instances(Boxes boxes_, torch::Tensor labels_) : boxes(std::move(boxes_)), labels(std::move(labels_))
{
    if (!labels.defined() || labels.scalar_type() != torch::kLong || labels.dim() != 1 ||
        labels.size(0) != boxes.size())
        fail("labels are " + describe(labels) + ", expected int64 [" + std::to_string(boxes.size()) + "], one per box");
    if (labels.device() != boxes.tensor().device())
        fail("labels are on " + labels.device().str() + ", the boxes on " + boxes.tensor().device().str());
}

void Instances::setMasks(torch::Tensor masks_, torch::Tensor hasMask_)
{
    if (!masks_.defined() || masks_.scalar_type() != torch::kByte || masks_.dim() != 3 || masks_.size(0) != size() ||
        !masks_.device().is_cpu())
        fail("masks are " + describe(masks_) + ", expected uint8 [" + std::to_string(size()) + ", h, w] on the CPU");
    if (!hasMask_.defined() || hasMask_.scalar_type() != torch::kBool || hasMask_.sizes() != at::IntArrayRef({size()}))
        fail("hasMask is " + describe(hasMask_) + ", expected bool [" + std::to_string(size()) + "]");
    masks = masks_.contiguous();
    hasMask = std::move(hasMask_);
}

ImageBatch::ImageBatch(torch::Tensor images_, std::vector<ImageInfo> infos_)
    : images(std::move(images_)), infos(std::move(infos_))
{
    if (!images.defined() || !images.is_floating_point() || images.dim() != 4 || images.size(1) != 3)
        fail("images are " + describe(images) + ", expected floating point [n, 3, H, W]");
    if (static_cast<int64_t>(infos.size()) != images.size(0))
        fail(std::to_string(infos.size()) + " sizes for " + std::to_string(images.size(0)) + " images");
    for (const ImageInfo& info : infos)
        if (info.height < 1 || info.height > images.size(2) || info.width < 1 || info.width > images.size(3) ||
            !(info.scale > 0) || !std::isfinite(info.scale))
            fail("an image of height " + std::to_string(info.height) + ", width " + std::to_string(info.width) +
                 " and scale " + std::to_string(info.scale) + " in a batch of " + describe(images));
}

torch::Tensor ImageBatch::imInfo() const
{
    torch::Tensor table = torch::empty({size(), 3});
    float* row = table.data_ptr<float>();
    for (const ImageInfo& info : infos)
    {
        *row++ = static_cast<float>(info.height);
        *row++ = static_cast<float>(info.width);
        *row++ = static_cast<float>(info.scale);
    }
    return table;
}

}  // namespace d2det
