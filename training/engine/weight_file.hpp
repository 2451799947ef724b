// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Files of weights of any origin that is known, recognized by their first bytes:

     safetensors                  of this project or of others (checkpoint.hpp)
     safetensors.index.json       several such files: {"weight_map": {"<tensor>": "<file in the same folder>"}}
     .pth, .pt                    checkpoints of PyTorch (weights/pytorch_file.hpp) */

#ifndef D2DET_TRAINING_WEIGHT_FILE_HPP
#define D2DET_TRAINING_WEIGHT_FILE_HPP

#include "engine/checkpoint.hpp"

#include <string>

namespace d2det
{

//! Key of the metadata under which class names are found that a file of PyTorch has, one per line.
constexpr const char* CLASS_NAMES_KEY = "class_names";

//! Reads the tensors with the names and data types of the file. Throws Error that names the file.
TensorFile readWeightFile(const std::string& path);

}  // namespace d2det

#endif
