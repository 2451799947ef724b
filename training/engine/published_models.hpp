// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The networks that files of other projects belong to: structure and thresholds as their authors publish them, sizes
   and classes from the tensors. */

#ifndef D2DET_TRAINING_PUBLISHED_MODELS_HPP
#define D2DET_TRAINING_PUBLISHED_MODELS_HPP

#include "engine/weight_names.hpp"

#include <string>
#include <vector>

namespace d2det
{

//! Number of rows of the classifier with the background, 0 if the file has none.
int64_t classifierRows(const TensorMap& tensors, WeightFamily family);

/** Names of all classes of a classifier with that many rows, background not among them: those given, else those of COCO
    if their number fits (90 ids, "N/A" where COCO has none, or 80 classes), else "class 1", "class 2", .. */
std::vector<std::string> classNamesOfRows(int64_t rows, const std::vector<std::string>& given);

//! Configuration of the network that a file of weights belongs to, and the names of its classes.
struct ImportedModel
{
    ModelConfig config;
    std::vector<int64_t> classRows;  //!< see NameOptions
    std::vector<std::string> notes;
};

/** The published network of a file, by its family and the shapes of its tensors. A backbone gives the default detector
    with that backbone.
    @param classNames as classNamesOfRows; classes named "" or "N/A" are left out.
    Throws Error if there is no such network here. */
ImportedModel modelOfWeights(const TensorMap& tensors, WeightFamily family, const std::vector<std::string>& classNames);

//! Parts of a network that this project does not have, found by names and shapes; empty if there are none.
std::vector<std::string> foreignParts(const TensorMap& tensors, WeightFamily family);

}  // namespace d2det

#endif
