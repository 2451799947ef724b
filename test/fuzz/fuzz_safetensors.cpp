// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Weights and checkpoints. */

#include "common.hpp"

#include "engine/checkpoint.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const fuzz::ScratchFolder folder;
    const std::string path = folder.write("a.safetensors", data, size);
    fuzz::reads(
        [&]
        {
            const d2det::TensorFile file = d2det::readSafetensors(path);
            d2det::modelWeights(file);
            fuzz::reads([&] { d2det::metadataCount(file, "iteration"); });
            d2det::checkpointConfig(file);
        });
    return 0;
}
