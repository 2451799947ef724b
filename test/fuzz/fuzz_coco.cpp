// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Annotations in COCO's JSON. */

#include "common.hpp"
#include "dataset_options.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const fuzz::ScratchFolder folder;
    const std::string path = folder.write("instances.json", data, size);
    fuzz::reads([&] { d2det::readDataset(path, folder.path(), fuzz::datasetOptions()); });
    return 0;
}
