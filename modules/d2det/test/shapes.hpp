// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* One table of shapes for the RoI pooling kernels and layers: tests use the small ones, benchmarks the large ones; and one
   of the RoI convolutions that benchmarks measure. A new special case is one more line here. */

#ifndef OPENCV_D2DET_TEST_SHAPES_HPP
#define OPENCV_D2DET_TEST_SHAPES_HPP

#include "kernels/common.hpp"
#include "opencv2/core.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

namespace opencv_test
{

struct PoolingShape
{
    const char* name;
    bool large;  //!< for benchmarks only
    int levels;  //!< strides 4, 8, 16, ..
    int batch;
    int channels;
    int height, width;  //!< of the finest map; every further map is half as large, rounded up
    int numRois;
    int pooledSize;     //!< K
    int offsetSize;     //!< k, K a multiple of k
    int samplingRatio;  //!< 0: adaptive (RoIAlign only; 2 elsewhere)

    int mapHeight(int level) const { return std::max((height + (1 << level) - 1) >> level, 1); }
    size_t mapCount(int level) const { return size_t(batch) * channels * mapHeight(level) * mapWidth(level); }
    int mapWidth(int level) const { return std::max((width + (1 << level) - 1) >> level, 1); }
};

inline std::ostream& operator<<(std::ostream& out, const PoolingShape& s)
{
    return out << s.name;
}

inline std::vector<PoolingShape> poolingShapes(bool large)
{
    static const PoolingShape table[] = {
        // name              large  levels batch chan. height width rois  K  k  S
        {"one cell", false, 1, 1, 1, 1, 1, 3, 2, 1, 2},
        {"one RoI", false, 4, 1, 5, 40, 56, 1, 7, 7, 2},
        {"odd maps", false, 3, 2, 17, 37, 53, 24, 6, 3, 2},
        {"one sample", false, 2, 1, 16, 31, 20, 16, 4, 2, 1},
        {"three samples", false, 2, 1, 33, 31, 20, 40, 3, 3, 3},
        {"adaptive", false, 3, 2, 18, 45, 33, 32, 5, 5, 0},
        {"one wide row", false, 1, 1, 3, 1, 90, 12, 7, 7, 2},
        {"one tall column", false, 1, 2, 4, 70, 1, 12, 7, 1, 2},
        {"mask size", false, 4, 2, 20, 64, 48, 60, 14, 7, 2},
        {"many on one map", false, 1, 1, 16, 16, 16, 50, 7, 7, 2},
        {"box head", true, 4, 1, 256, 200, 336, 1000, 7, 7, 2},
        {"d2det head", true, 4, 1, 256, 200, 336, 1000, 14, 7, 2},
        {"mask head", true, 4, 1, 256, 200, 336, 100, 14, 7, 2},
        {"training", true, 4, 2, 96, 96, 128, 512, 14, 7, 2},
    };
    std::vector<PoolingShape> shapes;
    for (const PoolingShape& s : table)
        if (s.large == large)
            shapes.push_back(s);
    return shapes;
}

//! The pyramid of a shape, without data.
template <typename T>
cv::d2det::kernels::FeaturePyramid<T> makePyramid(const PoolingShape& s)
{
    cv::d2det::kernels::FeaturePyramid<T> pyramid;
    pyramid.levels = s.levels;
    pyramid.batch = s.batch;
    pyramid.channels = s.channels;
    for (int i = 0; i < s.levels; i++)
    {
        pyramid.height[i] = s.mapHeight(i);
        pyramid.width[i] = s.mapWidth(i);
        pyramid.stride[i] = static_cast<float>(4 << i);
    }
    return pyramid;
}

//! A convolution of the heads: numRois x channels x size x size with a square kernel.
struct RoIConvShape
{
    const char* name;
    int numRois;
    int channels;
    int outChannels;
    int size;
    int kernel;
    int pad;
    int levels;      //!< weight sets
    int normGroups;  //!< 0: no norm
};

inline std::ostream& operator<<(std::ostream& out, const RoIConvShape& s)
{
    return out << s.name;
}

inline std::vector<RoIConvShape> roiConvShapes()
{
    return {
        // name                rois  in   out  size kernel pad levels groups
        {"fully connected", 1000, 256, 1024, 7, 7, 0, 1, 0},
        {"weights by level", 1000, 256, 256, 7, 1, 0, 4, 0},
        {"regression head", 125, 256, 256, 14, 3, 1, 1, 32},
        {"small model", 300, 64, 64, 7, 3, 1, 1, 8},
    };
}

/** RoIs [numRois, 5] of all sizes and levels, some partly or wholly outside the image; the last of four or more is a
    padding row. */
inline std::vector<float> randomRois(const PoolingShape& s, cv::RNG& rng)
{
    const float width = 4.f * s.width, height = 4.f * s.height, longest = std::max(std::max(width, height), 16.f);
    std::vector<float> rois(size_t(s.numRois) * 5, 0.f);
    for (int r = 0; r < s.numRois - (s.numRois >= 4); r++)
    {
        float* roi = &rois[size_t(r) * 5];
        const float x = rng.uniform(-0.1f, 1.1f) * width, y = rng.uniform(-0.1f, 1.1f) * height;
        const float w = longest * std::exp2(-rng.uniform(0.f, 5.f)), h = longest * std::exp2(-rng.uniform(0.f, 5.f));
        roi[0] = static_cast<float>(r % s.batch);
        roi[1] = x - w / 2;
        roi[2] = y - h / 2;
        roi[3] = x + w / 2;
        roi[4] = y + h / 2;
    }
    return rois;
}

}  // namespace opencv_test

#endif
