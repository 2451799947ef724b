// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Sampling of RoIs for the second stage (model.md 1.5). All tensors are on the CPU. */

#ifndef D2DET_TRAINING_ROI_SAMPLING_HPP
#define D2DET_TRAINING_ROI_SAMPLING_HPP

#include "model/targets.hpp"
#include "structures/structures.hpp"

namespace d2det
{

//! Positive RoIs (assigned to an object) of all images of a batch.
struct PositiveRoIs
{
    Tensor rois;     //!< [n, 5]
    Tensor gts;      //!< [n, 4], boxes of the assigned objects
    Tensor limits;   //!< [n, 2] = height, width of the image
    Tensor gtIndex;  //!< int64 [n], index of the object within the image
    Tensor labels;   //!< int64 [n]

    int64_t size() const { return rois.size(0); }
    PositiveRoIs select(const Tensor& index) const;
};

//! RoIs of all images of a batch: those that the classifier learns from.
struct SampledRoIs
{
    Tensor rois;          //!< [n, 5]
    Tensor labels;        //!< int64 [n], the number of classes for background
    Tensor positiveRows;  //!< int64 [p], rows of the positives
    PositiveRoIs positives;
};

//! How RoIs are assigned and drawn.
struct SamplingRule
{
    double positiveIou;
    int64_t batchPerImage;
    double positiveFraction;
    bool legacy;
};

/** Assigns the proposals of every image and its ground truths, and draws from them.
    @param proposals [P, 5]; rows with a box of zeros are padding. */
SampledRoIs sampleRoIs(const Batch& batch, const Tensor& proposals, int64_t numClasses, const SamplingRule& rule,
                       torch::Generator& generator);

//! Mask targets of RoIs of several images.
MaskTargets batchMaskTargets(const Batch& batch, const PositiveRoIs& positives, const MaskTargetRule& rule);

}  // namespace d2det

#endif
