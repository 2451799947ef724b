// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Status and devices. */

#include "launch.hpp"

namespace cv
{
namespace d2det
{
namespace cuda
{

const char* statusString(Status status)
{
    return cudaGetErrorString(static_cast<cudaError_t>(status));
}

int deviceCount(const char** reason)
{
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess)
    {
        cudaGetLastError();
        count = 0;
    }
    if (reason)
        *reason = error != cudaSuccess ? cudaGetErrorString(error) : count == 0 ? "the driver lists none" : "";
    return count;
}

}  // namespace cuda
}  // namespace d2det
}  // namespace cv
