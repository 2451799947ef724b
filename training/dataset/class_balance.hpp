// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Remedies for classes of unequal frequency: images drawn more often, factors in the loss. */

#ifndef D2DET_TRAINING_CLASS_BALANCE_HPP
#define D2DET_TRAINING_CLASS_BALANCE_HPP

#include "dataset/dataset.hpp"

#include <vector>

namespace d2det
{

/** Repeat factor sampling (Gupta et al. 2019, LVIS): images with rare classes are drawn more often.
    r(c) = max(1, sqrt(threshold / f(c))), f(c) = share of the images that have the class c; the factor of an image is
    the largest r of its classes, at most 1000, and 1 without objects.
    @param classes class indices in every image, in any order and with repetition. */
std::vector<double> repeatFactors(const std::vector<std::vector<int>>& classes, double threshold);

/** Weights of classes by their number of objects n(c): k / sqrt(n(c)), with k such that the mean over all objects is 1:
    the loss keeps its size. 1 for classes without objects. */
std::vector<float> classWeights(const std::vector<int64_t>& objects);

//! Objects of every class that a training learns from: no crowds, sides of at least minSide, times
//! ImageRecord::repeat.
std::vector<int64_t> countObjects(const Dataset& dataset, double minSide);

}  // namespace d2det

#endif
