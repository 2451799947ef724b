// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Weight files and checkpoints in the safetensors layout: 8 bytes little-endian header length, JSON header
   {"<name>": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {text: text}}, raw little-endian
   tensors. The format contains no code, and every number is checked against the file size before use.

   Names in a training checkpoint: model.<name> (parameters and buffers), ema.<name> (their moving averages, trained
   parameters only), optimizer.<name>.<state>. Metadata: format, iteration, epoch, config (resolved, as JSON). */

#ifndef D2DET_TRAINING_CHECKPOINT_HPP
#define D2DET_TRAINING_CHECKPOINT_HPP

#include "base/error.hpp"
#include "config/config.hpp"

#include <torch/torch.h>

#include <cstdint>
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

//! Reads the tensors with the data types of the file (F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL). Throws Error.
TensorFile readSafetensors(const std::string& path);

//! Writes a file atomically (base/atomic_file.hpp).
void writeSafetensors(const std::string& path, const TensorFile& file);

//! Parameters and buffers by name, without the batch counters of batch norm (unused here).
TensorMap namedTensors(const torch::nn::Module& module);

//! Model tensors of a checkpoint or of a plain weight file, by parameter name of the module.
//! @param preferEma use the moving averages of a checkpoint where available.
TensorMap modelWeights(const TensorFile& file, bool preferEma = true);

//! Count in the metadata of a checkpoint: 1 to 15 digits. Throws Error if it is missing or anything else.
inline int64_t metadataCount(const TensorFile& file, const std::string& key)
{
    const auto found = file.metadata.find(key);
    const bool digits = found != file.metadata.end() && !found->second.empty() && found->second.size() <= 15 &&
                        found->second.find_first_not_of("0123456789") == std::string::npos;
    if (!digits)
        fail("the metadata has no valid '" + key + "'; is it a checkpoint of d2det_train?");
    return std::stoll(found->second);
}

//! Training configuration of a checkpoint; throws if the file is not a checkpoint.
Config checkpointConfig(const TensorFile& file);

//! Result of copying the tensors of a file into a model.
struct LoadReport
{
    std::vector<std::string> matched, missing, unused, mismatched;
    std::string summary() const;  //!< one line with counts and the first names of each list
};

//! Copies tensors with matching names, with or without the prefix "backbone."; throws if none matches.
LoadReport initializeModel(torch::nn::Module& module, const TensorMap& weights);

//! Copies all tensors; throws if a tensor of the module is missing or differs in shape.
void restoreModel(torch::nn::Module& module, const TensorMap& weights);

}  // namespace d2det

#endif
