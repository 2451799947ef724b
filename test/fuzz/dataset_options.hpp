// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef D2DET_TEST_FUZZ_DATASET_OPTIONS_HPP
#define D2DET_TEST_FUZZ_DATASET_OPTIONS_HPP

#include "dataset/dataset.hpp"

namespace fuzz
{

//! How targets read a data set: everything in its files, no image, and as many unusable entries as there are.
inline d2det::ReadOptions datasetOptions()
{
    d2det::ReadOptions options;
    options.keepSegmentation = true;
    options.keepKeypoints = true;
    options.checkImages = false;
    options.maxBadFraction = 1;
    return options;
}

}  // namespace fuzz

#endif
