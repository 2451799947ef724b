// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* OpenCV's functions of contours and polygons (approxPolyDP, boundingRect, ...): in imgproc until OpenCV 4, in geometry
   since OpenCV 5. */

#ifndef D2DET_TRAINING_CONTOURS_HPP
#define D2DET_TRAINING_CONTOURS_HPP

#include <opencv2/imgproc.hpp>
#if __has_include(<opencv2/geometry.hpp>)
#include <opencv2/geometry.hpp>
#endif

#endif
