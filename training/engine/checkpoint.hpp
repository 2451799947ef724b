// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Weight files and checkpoints in the safetensors layout: 8 bytes little-endian header length, JSON header
   {"<name>": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {text: text}}, raw little-endian
   tensors. Such a file holds no code, and every number in it is checked against the file's size before it is used.

   Names in a training checkpoint: model.<name> (parameters and buffers), ema.<name> (their moving averages, trained
   parameters only), optimizer.<name>.<state>. Metadata: format, iteration, epoch, config (the resolved one, JSON). */

#ifndef D2DET_TRAINING_CHECKPOINT_HPP
#define D2DET_TRAINING_CHECKPOINT_HPP

#include "config/config.hpp"

#include <torch/torch.h>

#include <map>
#include <string>
#include <vector>

namespace d2det
{

using TensorMap = std::map<std::string, torch::Tensor>;

struct TensorFile
{
    TensorMap tensors;
    std::map<std::string, std::string> metadata;
};

//! Tensors in the file's own types (F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL). Throws Error.
TensorFile readSafetensors(const std::string& path);

//! Written atomically: base/atomic_file.hpp.
void writeSafetensors(const std::string& path, const TensorFile& file);

//! Parameters and buffers by name, without the counters that batch norm does not need here.
TensorMap namedTensors(const torch::nn::Module& module);

//! The tensors of a file by the module's names: those of a checkpoint (averaged ones first if wanted) or of a plain
//! file.
TensorMap modelWeights(const TensorFile& file, bool preferEma = true);

//! The configuration a checkpoint was trained with; throws if the file is not a checkpoint.
Config checkpointConfig(const TensorFile& file);

//! What became of the tensors when a file was copied into a model.
struct LoadReport
{
    std::vector<std::string> matched, missing, unused, mismatched;
    std::string summary() const;  //!< one line with counts and the first names of each list
};

//! Copies what fits by name, with or without the prefix "backbone."; throws if nothing does.
LoadReport initializeModel(torch::nn::Module& module, const TensorMap& weights);

//! Copies all; throws unless every tensor of the module is there with the right shape.
void restoreModel(torch::nn::Module& module, const TensorMap& weights);

}  // namespace d2det

#endif
