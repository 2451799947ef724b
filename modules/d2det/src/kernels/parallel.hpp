// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Threads of the kernels: cv::parallel_for_, or std::thread in a build without OpenCV (macro D2DET_NO_OPENCV, GPU
   servers). The choice is local to parallel.cpp. */

#ifndef OPENCV_D2DET_KERNELS_PARALLEL_HPP
#define OPENCV_D2DET_KERNELS_PARALLEL_HPP

#include <functional>

namespace cv
{
namespace d2det
{
namespace kernels
{

/** Calls body(begin, end) for disjoint parts that together are [0, count), on several threads, and returns when all
    have ended. An exception of a part is raised again here.
    @param parts how many parts to make at most; <= 0: as the pool likes */
void parallelFor(int count, const std::function<void(int begin, int end)>& body, double parts = -1.);

//! Number of threads of parallelFor, at least 1.
int numThreads();

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
