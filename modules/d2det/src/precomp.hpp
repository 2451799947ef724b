// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Headers that most files of the module need. */

#ifndef OPENCV_D2DET_PRECOMP_HPP
#define OPENCV_D2DET_PRECOMP_HPP

#include "opencv2/core.hpp"
#include "opencv2/core/utils/trace.hpp"
#include "opencv2/dnn.hpp"
#include "opencv2/dnn/layer.hpp"
#include "opencv2/dnn/shape_utils.hpp"

#include "compat.hpp"

#endif
