// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Data types of the trainer: boxes, annotated objects of an image, batches of images.
   Constructors check the invariants, so that no other code needs to. */

#ifndef D2DET_TRAINING_STRUCTURES_HPP
#define D2DET_TRAINING_STRUCTURES_HPP

#include <torch/torch.h>

#include <vector>

namespace d2det
{

//! Boxes (x1, y1, x2, y2) in network-input pixels: float [n, 4] on any device, n may be 0.
class Boxes
{
public:
    Boxes() : tensor_(torch::zeros({0, 4})) {}
    explicit Boxes(torch::Tensor tensor);  //!< throws Error unless floating-point [n, 4]

    const torch::Tensor& tensor() const { return tensor_; }
    int64_t size() const { return tensor_.size(0); }
    torch::Tensor area() const;                     //!< [n], 0 for empty or inverted boxes
    Boxes clip(double height, double width) const;  //!< to [0, width] x [0, height]

private:
    torch::Tensor tensor_;
};

//! Annotated objects of one image, in network-input coordinates.
struct Instances
{
    Instances() : labels(torch::zeros({0}, torch::kLong)) {}
    Instances(Boxes boxes, torch::Tensor labels);  //!< labels int64 [n], class index from 0

    /** Adds masks. @param masks_ uint8 [n, h, w] on the CPU, 0 or 1, in network-input pixels (h, w: valid size); zeros
        for objects without a mask.
        @param hasMask_ bool [n]. Throws Error for other shapes. */
    void setMasks(torch::Tensor masks_, torch::Tensor hasMask_);

    int64_t size() const { return boxes.size(); }

    Boxes boxes;
    torch::Tensor labels;
    torch::Tensor masks, hasMask;  //!< see setMasks; undefined if no object has a mask
};

//! Valid (unpadded) size of an image in the batch and its resize factor.
struct ImageInfo
{
    int height = 0;
    int width = 0;
    double scale = 1;  //!< network pixels per original pixel
};

//! Normalized images padded to a common size.
struct ImageBatch
{
    ImageBatch() = default;
    ImageBatch(torch::Tensor images, std::vector<ImageInfo> infos);  //!< images float [B, 3, H, W]

    int64_t size() const { return images.defined() ? images.size(0) : 0; }
    torch::Tensor imInfo() const;  //!< float [B, 3] = (valid height, valid width, scale), on the CPU

    torch::Tensor images;
    std::vector<ImageInfo> infos;
};

//! Output of the data loader: one entry of `targets` and `imageIds` per image.
struct Batch
{
    ImageBatch images;
    std::vector<Instances> targets;
    std::vector<int64_t> imageIds;
};

}  // namespace d2det

#endif
