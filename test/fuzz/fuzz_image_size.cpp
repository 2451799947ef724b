// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Sizes of images from their headers. */

#include "common.hpp"

#include "dataset/image_size.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const fuzz::ScratchFolder folder;
    const std::string path = folder.write("image", data, size);
    const cv::Size found = d2det::imageSize(path);
    if (found.width < 0 || found.height < 0)
        std::abort();
    return 0;
}
