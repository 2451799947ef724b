// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Errors and messages of the kernels: cv::Exception and OpenCV's log, or std::invalid_argument and nothing in a build
   without OpenCV (macro D2DET_NO_OPENCV, GPU servers). The choice is local to error.cpp. */

#ifndef OPENCV_D2DET_KERNELS_ERROR_HPP
#define OPENCV_D2DET_KERNELS_ERROR_HPP

#include <string>

#if defined(__GNUC__)
#define D2DET_PRINTF(pattern, arguments) __attribute__((format(printf, pattern, arguments)))
#else
#define D2DET_PRINTF(pattern, arguments)
#endif

namespace cv
{
namespace d2det
{
namespace kernels
{

enum class Failure
{
    OUT_OF_RANGE,     //!< Error::StsOutOfRange
    UNMATCHED_SIZES,  //!< Error::StsUnmatchedSizes
    ASSERTION         //!< Error::StsAssert: programming error
};

//! Raises an exception with a printf-formatted message.
[[noreturn]] void raise(Failure failure, const char* pattern, ...) D2DET_PRINTF(2, 3);

//! Logs a line at level INFO.
void logInfo(const std::string& line);

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
