// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* YOLO's text files: the description data.yaml, a line "----", the labels of an image. */

#include "common.hpp"
#include "dataset_options.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const fuzz::ScratchFolder folder;
    static const std::string image = folder.write("images/train/a.png", fuzz::pngHeader());
    const std::string text(reinterpret_cast<const char*>(data), size), line = "----\n";
    const size_t at = std::min(text.find(line), text.size());
    folder.write("data.yaml", text.substr(0, at));
    folder.write("labels/train/a.txt", text.substr(std::min(at + line.size(), text.size())));
    for (const char* name : {"", "/data.yaml"})
        fuzz::reads([&] { d2det::readDataset(folder.path() + name, "", fuzz::datasetOptions()); });
    return 0;
}
