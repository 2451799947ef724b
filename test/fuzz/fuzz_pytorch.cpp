// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A checkpoint of PyTorch, of either format. The older one has no checksums, so that changed bytes reach the pickle. */

#include "common.hpp"

#include "weights/pytorch_file.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const fuzz::ScratchFolder folder;
    const std::string path = folder.write("weights.pth", data, size);
    fuzz::reads(
        [&]
        {
            if (d2det::isPyTorchFile(path))
                d2det::readPyTorchFile(path);
        });
    return 0;
}
