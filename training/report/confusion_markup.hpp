// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The confusion of classes in the page of an evaluation. */

#ifndef D2DET_TRAINING_CONFUSION_MARKUP_HPP
#define D2DET_TRAINING_CONFUSION_MARKUP_HPP

#include "evaluation/error_analysis.hpp"

#include <string>

namespace d2det
{

/** Matrix of annotated against detected classes, as a table or, for many classes, as a map of colors; then a list of
    the most frequent confusions. Of very many classes there is only the list. */
std::string confusionMarkup(const Analysis& analysis);

}  // namespace d2det

#endif
