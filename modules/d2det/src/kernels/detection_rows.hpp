// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Input rows of D2Detections and the rules for candidates (operators.md 3.7, E1). */

#ifndef OPENCV_D2DET_KERNELS_DETECTION_ROWS_HPP
#define OPENCV_D2DET_KERNELS_DETECTION_ROWS_HPP

#include "detections.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

//! Inputs with the rules for image, class, box and score of a row.
struct DetectionRows
{
    DetectionsParams p;
    DetectionsInput in;

    //! Image of a row, -1 if invalid. Truncation: -0.5 is image 0 (operators.md 2, usable RoI).
    D2DET_HOST_DEVICE int image(int row) const
    {
        const float index = in.rois[static_cast<size_t>(row) * in.roiColumns];
        return index > -1.f && index < static_cast<double>(p.batchSize) ? static_cast<int>(index) : -1;
    }

    //! labelled: class of a row, -1 for padding and for values outside the range of int.
    D2DET_HOST_DEVICE int label(int row) const
    {
        const float value = in.probs[static_cast<size_t>(row) * in.probColumns];
        return value > -1.f && value < 2147483648.f ? static_cast<int>(value) : -1;
    }

    D2DET_HOST_DEVICE const float* scores(int row) const
    {
        return in.probs + static_cast<size_t>(row) * in.probColumns + (p.labelled ? 1 : 0);
    }

    D2DET_HOST_DEVICE float score(int row, int cls) const { return scores(row)[p.labelled ? 0 : cls]; }

    //! Box of a row for a class; null if there is no such column.
    D2DET_HOST_DEVICE const float* box(int row, int cls) const
    {
        const size_t column = p.classAgnosticBoxes ? 1 : 1 + 4 * static_cast<size_t>(cls);
        return column + 4 <= static_cast<size_t>(in.roiColumns)
                   ? in.rois + static_cast<size_t>(row) * in.roiColumns + column
                   : nullptr;
    }

    D2DET_HOST_DEVICE int classes() const { return in.probColumns - 1; }
    D2DET_HOST_DEVICE int rowsPerImage() const { return max2(p.maxDetections, 0); }
    D2DET_HOST_DEVICE int rowsToFill() const { return p.limit > 0 ? min2(p.limit, rowsPerImage()) : rowsPerImage(); }
};

//! Whether a box can be a detection: finite and not padding.
D2DET_HOST_DEVICE inline bool boxUsable(const float* box)
{
    const bool finite =
        std::isfinite(box[0]) && std::isfinite(box[1]) && std::isfinite(box[2]) && std::isfinite(box[3]);
    return finite && (box[0] != 0 || box[1] != 0 || box[2] != 0 || box[3] != 0);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
