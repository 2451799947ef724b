// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* An annotation file of Pascal VOC. */

#include "common.hpp"
#include "dataset_options.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const fuzz::ScratchFolder folder;
    static const std::string image = folder.write("JPEGImages/a.png", fuzz::pngHeader());
    folder.write("Annotations/a.xml", data, size);
    fuzz::reads([&] { d2det::readDataset(folder.path(), "", fuzz::datasetOptions()); });
    return 0;
}
