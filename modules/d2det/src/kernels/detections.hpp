// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Detections: class-wise NMS of the scored boxes of a batch, best K rows per image. Contract: operators.md 3.7 and
   E1. */

#ifndef OPENCV_D2DET_KERNELS_DETECTIONS_HPP
#define OPENCV_D2DET_KERNELS_DETECTIONS_HPP

#include "nms.hpp"

namespace cv
{
namespace d2det
{
namespace kernels
{

struct DetectionsParams
{
    int batchSize = 1;
    float scoreThreshold = 0.05f;
    float nmsThreshold = 0.5f;
    NMSMode nmsMode = NMSMode::HARD;
    float softSigma = 0.5f;
    float softMinScore = 0.001f;
    int maxDetections = 100;  //!< K rows per image in the output
    int limit = 0;            //!< rows actually filled per image, 0: maxDetections
    bool classAgnosticBoxes = true;
    bool labelled = false;  //!< probs are [numRois, 2] = (class, score)
    bool legacy = false;
};

struct DetectionsInput
{
    const float* rois;   //!< [numRois, roiColumns]
    int roiColumns;      //!< 5, or 1 + 4 C
    const float* probs;  //!< [numRois, probColumns]
    int probColumns;     //!< C + 1 with the background last, or 2 = (class, score) if labelled
    int numRois;
};

struct DetectionsOutput
{
    float* detections;  //!< [batchSize * K, 7] = (batch, class, score, x1, y1, x2, y2); unused (0, -1, 0, ...)
    float* sourceRows = nullptr;  //!< [batchSize * K] or null: row of rois of each detection, -1 in unused rows
};

void detectionsRef(const DetectionsParams& p, const DetectionsInput& in, const DetectionsOutput& out);
void detectionsCpu(const DetectionsParams& p, const DetectionsInput& in, const DetectionsOutput& out);

}  // namespace kernels

namespace cuda
{

//! Bytes of workspace of detections(): about 80 bytes per (row, class). 0 if out of range or without a device.
size_t detectionsWorkspace(const kernels::DetectionsParams& p, const kernels::DetectionsInput& in);

Status detections(const kernels::DetectionsParams& p, const kernels::DetectionsInput& in,
                  const kernels::DetectionsOutput& out, const Workspace& workspace, Stream stream);

}  // namespace cuda
}  // namespace d2det
}  // namespace cv

#endif
