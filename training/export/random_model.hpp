// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Random weights with the statistics of trained weights: activations of order one, distinct scores, refined boxes. A
   detector with the usual initialization gives no detections (all scores are nearly equal and low), so that neither its
   speed nor its output is representative. */

#ifndef D2DET_TRAINING_RANDOM_MODEL_HPP
#define D2DET_TRAINING_RANDOM_MODEL_HPP

#include "model/detector.hpp"

namespace d2det
{

/** Replaces all weights and running statistics. Every layer group is scaled by its measured response to a random image:
    standard deviation 1 for pyramid maps, 2 for RPN and class logits, and so on. Equal seeds give equal weights. */
void randomizeModel(Detector& model, uint64_t seed);

}  // namespace d2det

#endif
