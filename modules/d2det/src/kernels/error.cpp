// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* See error.hpp. */

#include "error.hpp"

#include <cstdarg>
#include <cstdio>

#ifdef D2DET_NO_OPENCV
#include <stdexcept>
#else
#include "opencv2/core.hpp"
#include "opencv2/core/utils/logger.hpp"
#endif

namespace cv
{
namespace d2det
{
namespace kernels
{

void raise(Failure failure, const char* pattern, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(text, sizeof(text), pattern, arguments);
    va_end(arguments);
#ifdef D2DET_NO_OPENCV
    (void)failure;
    throw std::invalid_argument(text);
#else
    const Error::Code code = failure == Failure::OUT_OF_RANGE      ? Error::StsOutOfRange
                             : failure == Failure::UNMATCHED_SIZES ? Error::StsUnmatchedSizes
                                                                   : Error::StsAssert;
    CV_Error(code, text);
#endif
}

void logInfo(const std::string& line)
{
#ifdef D2DET_NO_OPENCV
    (void)line;
#else
    CV_LOG_INFO(NULL, line);
#endif
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
