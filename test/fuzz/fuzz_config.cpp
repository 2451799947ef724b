// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Configurations of the trainer. */

#include "common.hpp"

#include "config/config.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    const std::string text(reinterpret_cast<const char*>(data), size);
    fuzz::reads([&] { d2det::parseConfig(text, ""); });
    return 0;
}
