// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Partition of a convolution of entire maps as a matrix product: tasks of output pixels by output channels. For
   conv2d_cpu.cpp, deform_conv2d_cpu.cpp and quantized_conv2d_cpu.cpp. */

#ifndef OPENCV_D2DET_KERNELS_CONV_TASKS_HPP
#define OPENCV_D2DET_KERNELS_CONV_TASKS_HPP

#include "parallel.hpp"

#include <algorithm>
#include <vector>

namespace cv
{
namespace d2det
{
namespace kernels
{

inline int divideUp(int a, int b)
{
    return (a + b - 1) / b;
}

//! Pixels [begin, end) of an image by output channels [first, last) of a group.
struct ConvTask
{
    int image, group, begin, end, first, last;
};

/** Tasks in the order of images, groups, pixels and channels. Their sizes depend on the number of threads, results do
    not (gemm.hpp).
    @param area output pixels of an image
    @param filters output channels of a group
    @param mr, nr sizes of the panels of the product */
inline std::vector<ConvTask> makeConvTasks(int batch, int groups, int area, int filters, int mr, int nr)
{
    constexpr int MAX_PANELS = 8;        // B panels of a task: limited by the second-level cache
    constexpr int TASKS_PER_THREAD = 4;  // minimum; below, tasks are split for load balance
    constexpr int MIN_SPLIT = 4;         // A panels, so that gathering B is cheaper than the product
    const int panels = divideUp(area, nr), wanted = TASKS_PER_THREAD * numThreads();
    const int perTask = std::max(1, std::min(MAX_PANELS, divideUp(panels * batch * groups, wanted)));
    const int blocks = divideUp(panels, perTask) * batch * groups;
    const int aPanels = divideUp(filters, mr);
    const int splits = std::max(1, std::min(divideUp(wanted, blocks), aPanels / MIN_SPLIT));
    const int channels = divideUp(aPanels, splits) * mr, columns = perTask * nr;
    std::vector<ConvTask> tasks;
    for (int image = 0; image < batch; image++)
        for (int group = 0; group < groups; group++)
            for (int begin = 0; begin < area; begin += columns)
                for (int first = 0; first < filters; first += channels)
                    tasks.push_back({image, group, begin, std::min(begin + columns, area), first,
                                     std::min(first + channels, filters)});
    return tasks;
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv

#endif
