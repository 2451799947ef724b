// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Random weights that behave like trained ones: activations of order one, scores that differ, boxes that are refined. A
   freshly initialized detector finds nothing (all scores are alike and low), so that neither its speed nor its numbers
   say much. */

#ifndef D2DET_TRAINING_RANDOM_MODEL_HPP
#define D2DET_TRAINING_RANDOM_MODEL_HPP

#include "model/detector.hpp"

namespace d2det
{

/** Replaces all weights and running statistics. Every part is scaled by what it does to a random image: pyramid maps
    get a standard deviation of 1, RPN and class logits of 2, and so on. Same seed, same weights. */
void randomizeModel(Detector& model, uint64_t seed);

}  // namespace d2det

#endif
