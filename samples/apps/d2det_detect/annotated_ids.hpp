// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Ids of an annotated data set for the results of d2det_detect, so that other programs can evaluate them. */

#ifndef D2DET_DETECT_ANNOTATED_IDS_HPP
#define D2DET_DETECT_ANNOTATED_IDS_HPP

#include "cli/outputs.hpp"

#include <string>
#include <vector>

namespace detect_program
{

/** Images are matched by their file, otherwise by their name where only one annotated image has it; classes by name.
    Throws std::runtime_error if the annotations cannot be read or have no class of the model.
    @param missing gets the classes of the model that are not annotated. */
cli::ResultIds readAnnotatedIds(const std::string& annotations, const std::vector<cv::String>& classNames,
                                std::vector<std::string>& missing);

}  // namespace detect_program

#endif
