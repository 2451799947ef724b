// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Head of every benchmark. They are built in OpenCV's tree only: its test module measures and reports.

   Inputs are random with fixed seeds; nothing is checked here, the tests of the module do that. */

#ifndef OPENCV_D2DET_PERF_PRECOMP_HPP
#define OPENCV_D2DET_PERF_PRECOMP_HPP

#include "opencv2/ts.hpp"

#include "opencv2/d2det.hpp"

#include "../test/operators/all.hpp"

namespace opencv_test
{
using namespace perf;

}  // namespace opencv_test

#endif
