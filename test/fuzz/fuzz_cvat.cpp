// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* An annotation file of CVAT, and the masks in it. */

#include "common.hpp"
#include "dataset_options.hpp"

#include "dataset/dataset.hpp"
#include "dataset/segmentation.hpp"

//! Of an image whose masks are decoded: larger ones only take time.
constexpr int64_t MAX_PIXELS = 1 << 20;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const fuzz::ScratchFolder folder;
    static const std::string image = folder.write("images/a.png", fuzz::pngHeader());
    folder.write("annotations.xml", data, size);
    fuzz::reads(
        [&]
        {
            const d2det::Dataset dataset =
                d2det::readDataset(folder.path() + "/annotations.xml", "", fuzz::datasetOptions());
            for (const d2det::ImageRecord& record : dataset.images)
                for (const d2det::Annotation& a : record.annotations)
                    if (a.segmentation && int64_t(record.width) * record.height <= MAX_PIXELS)
                        d2det::usableRle(*a.segmentation, record.height, record.width);
        });
    return 0;
}
