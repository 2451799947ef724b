// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Keys of the model with the value `auto`: the trainer derives the values from the training data before the first step.
   From then on they are given: in config.json, in checkpoints, for a resumed run and for the export. */

#ifndef D2DET_TRAINING_AUTOMATIC_VALUES_HPP
#define D2DET_TRAINING_AUTOMATIC_VALUES_HPP

#include "dataset/dataset.hpp"

#include <string>
#include <vector>

namespace d2det
{

//! Whether a value has to be found: model.rpn.anchors, model.roi.class_head.class_weighting.
bool hasAutomaticValues(const ModelConfig& model);

/** Finds them from the training data.
    @param dataset data.train, with the classes of the model.
    @return what was found, one line for each. */
std::vector<std::string> findAutomaticValues(Config& config, const Dataset& dataset);

//! Takes them from the configuration of a checkpoint.
void takeAutomaticValues(ModelConfig& model, const ModelConfig& checkpoint);

}  // namespace d2det

#endif
