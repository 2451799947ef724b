// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Results in COCO's JSON. */

#include "common.hpp"

#include "evaluation/coco_results.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const fuzz::ScratchFolder folder;
    const std::string path = folder.write("results.json", data, size);
    fuzz::reads([&] { d2det::readCocoResults(path); });
    return 0;
}
