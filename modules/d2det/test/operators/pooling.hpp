// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The table of shapes of the RoI pooling operators, and their RoIs. A new special case is one more line here. */

#ifndef D2DET_TEST_OPERATORS_POOLING_HPP
#define D2DET_TEST_OPERATORS_POOLING_HPP

#include "problem.hpp"

namespace d2det_test
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
    int mapWidth(int level) const { return std::max((width + (1 << level) - 1) >> level, 1); }
};

const PoolingShape POOLING_SHAPES[] = {
    // name       large  levels batch chan. height width rois  K  k  S
    {"one cell", false, 1, 1, 1, 1, 1, 3, 2, 1, 2},          {"one RoI", false, 4, 1, 5, 40, 56, 1, 7, 7, 2},
    {"odd maps", false, 3, 2, 17, 37, 53, 24, 6, 3, 2},      {"one sample", false, 2, 1, 16, 31, 20, 16, 4, 2, 1},
    {"three samples", false, 2, 1, 33, 31, 20, 40, 3, 3, 3}, {"adaptive", false, 3, 2, 18, 45, 33, 32, 5, 5, 0},
    {"one wide row", false, 1, 1, 3, 1, 90, 12, 7, 7, 2},    {"one tall column", false, 1, 2, 4, 70, 1, 12, 7, 1, 2},
    {"mask size", false, 4, 2, 20, 64, 48, 60, 14, 7, 2},    {"many on one map", false, 1, 1, 16, 16, 16, 50, 7, 7, 2},
    {"7x7", true, 4, 1, 256, 200, 336, 1000, 7, 7, 2},       {"14x14", true, 4, 1, 256, 200, 336, 1000, 14, 7, 2},
    {"mask head", true, 4, 1, 256, 200, 336, 100, 14, 7, 2}, {"training", true, 4, 2, 96, 96, 128, 512, 14, 7, 2},
};

inline PoolingShape poolingShape(const std::string& name)
{
    for (const PoolingShape& s : POOLING_SHAPES)
        if (name == s.name)
            return s;
    throw std::invalid_argument("no pooling shape " + name);
}

inline std::vector<PoolingShape> poolingShapes(bool large)
{
    std::vector<PoolingShape> shapes;
    for (const PoolingShape& s : POOLING_SHAPES)
        if (s.large == large)
            shapes.push_back(s);
    return shapes;
}

//! The pyramid of a shape, without data.
template <typename T>
kernels::FeaturePyramid<T> makePyramid(const PoolingShape& s)
{
    kernels::FeaturePyramid<T> pyramid;
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

/** RoIs [numRois, 5] of all sizes and levels, some partly or entirely outside the image; the last of four or more is a
    padding row. */
inline Floats randomRoIs(const PoolingShape& s, Random& random)
{
    const float width = 4.f * s.width, height = 4.f * s.height, longest = std::max(std::max(width, height), 16.f);
    Floats rois(size_t(s.numRois) * 5, 0.f);
    for (int r = 0; r < s.numRois - (s.numRois >= 4); r++)
    {
        float* roi = &rois[size_t(r) * 5];
        const float x = random.real(-0.1f, 1.1f) * width, y = random.real(-0.1f, 1.1f) * height;
        const float w = longest * std::exp2(-random.real(0.f, 5.f)), h = longest * std::exp2(-random.real(0.f, 5.f));
        roi[0] = static_cast<float>(r % s.batch);
        roi[1] = x - w / 2;
        roi[2] = y - h / 2;
        roi[3] = x + w / 2;
        roi[4] = y + h / 2;
    }
    return rois;
}

//! RoIs of benchmarks: sides of 16 to 800 pixels, uniform in the logarithm, inside the image.
inline Floats benchmarkRoIs(int count, int batch, float width, float height, Random& random)
{
    Floats rois;
    for (int r = 0; r < count; r++)
    {
        const float w = std::exp(random.real(std::log(16.f), std::log(800.f)));
        const float h = std::exp(random.real(std::log(16.f), std::log(800.f)));
        const float x = random.real(0.f, std::max(width - w, 1.f)), y = random.real(0.f, std::max(height - h, 1.f));
        for (const float v : {static_cast<float>(r % batch), x, y, std::min(x + w, width), std::min(y + h, height)})
            rois.push_back(v);
    }
    return rois;
}

//! Boxes inside a 64 x 64 image; the last row is padding.
inline Floats layerRoIs(int rows, int images, Random& random)
{
    Floats rois(size_t(rows) * 5, 0.f);
    for (int r = 0; r + 1 < rows; r++)
    {
        float* roi = &rois[5 * size_t(r)];
        roi[0] = static_cast<float>(r % images);
        roi[1] = random.real(0.f, 30.f);
        roi[2] = random.real(0.f, 30.f);
        roi[3] = roi[1] + random.real(4.f, 34.f);
        roi[4] = roi[2] + random.real(4.f, 34.f);
    }
    return rois;
}

constexpr int UNUSABLE_ROIS = 7;  //!< so many of the first malformed RoIs give zeros in a batch of two

//! RoIs that a broken or malformed network can produce, for shapes of one or two images.
inline std::vector<Floats> malformedRoIs()
{
    return {
        {NOT_A_NUMBER, 1, 1, 9, 9},
        {0, NOT_A_NUMBER, 1, 9, 9},
        {0, 1, 1, INFINITE, 9},
        {0, 1, -INFINITE, 9, 9},
        {-1, 1, 1, 9, 9},
        {2, 1, 1, 9, 9},
        {1e30f, 1, 1, 9, 9},
        // usable from here on
        {-0.5f, 1, 1, 9, 9},
        {0, 20, 20, 4, 4},
        {0, -LARGEST, -LARGEST, LARGEST, LARGEST},
        {0, LARGEST, LARGEST, -LARGEST, -LARGEST},
        {0, LARGEST, 0, LARGEST, 10},
        {0, -LARGEST, 0, -1, 10},
        {0, 0, 0, LARGEST, 1},
        {0, -3e9f, -3e9f, 3e9f, 3e9f},
        {0, 3e9f, 3e9f, 4e9f, 4e9f},
        {0, 5, 5, 5, 5},
        {0, -4, -4, -4, -4},
        {0, 0, 0, 0, 0},
        {0, -100, -100, -50, -50},
        {0, 1, 1, 30, 30},
        {1.9f, 1, 1, 30, 30},  // of the second image, where there is one
        {0, -1e6f, -1e6f, 1e6f, 1e6f},
        {0, -500, 2, 4000, 3},
        {0, 3, -700, 4, 9000},
    };
}

enum class RoIs
{
    RANDOM,
    MALFORMED,
    BENCHMARK,
    LAYER
};

//! What RoIAlign and deformable pooling have in common.
struct PoolingCase : CaseInfo
{
    PoolingShape shape;
    RoIs rois = RoIs::RANDOM;
    bool legacy = false, aligned = true;
    float finestScale = 14.f;

    PoolingCase(const PoolingShape& s, const std::string& what = "") : CaseInfo(s.name + what), shape(s)
    {
        large = s.large;
        if (large)
        {
            rois = RoIs::BENCHMARK;
            finestScale = 56.f;
        }
    }
};

const PoolingShape MALFORMED_POOLING = {"malformed", false, 3, 2, 6, 23, 31, 25, 6, 3, 2};
const PoolingShape GRADIENT_POOLING = {"differences", false, 2, 2, 3, 10, 13, 8, 4, 2, 2};
const PoolingShape TRAINER_POOLING = {"trainer", false, 2, 2, 12, 24, 32, 40, 6, 3, 0};
const PoolingShape NO_ROIS_POOLING = {"no RoIs", false, 3, 2, 6, 23, 31, 0, 6, 3, 2};

/** Cases of one pooling operator: every shape of the table, malformed RoIs and gradients with some numbers of samples,
    the trainer. `variants` names what is made of each: "", ", legacy" or ", unaligned". */
template <typename Case>
std::vector<Case> poolingCases(const std::vector<std::string>& variants, const std::vector<int>& malformedSamples,
                               const std::vector<int>& gradientSamples)
{
    std::vector<Case> cases;
    const auto add = [&cases](const PoolingShape& s, const std::string& variant) -> Case&
    {
        cases.emplace_back(s, variant);
        cases.back().legacy = variant == ", legacy";
        cases.back().aligned = variant != ", unaligned";
        return cases.back();
    };
    const size_t numMalformed = malformedRoIs().size();
    for (const std::string& variant : variants)
    {
        for (PoolingShape s : poolingShapes(false))
        {
            add(s, variant);
            s.numRois = static_cast<int>(numMalformed);
            Case& malformed = add(s, variant);
            malformed.name = std::string(s.name) + ", malformed" + variant;
            malformed.rois = RoIs::MALFORMED;
            malformed.cpuOnly = true;
        }
        for (const int samples : malformedSamples)
        {
            PoolingShape s = MALFORMED_POOLING;
            s.samplingRatio = samples;
            Case& c = add(s, variant);
            c.name = std::string(s.name) + ", " + std::to_string(samples) + " samples" + variant;
            c.rois = RoIs::MALFORMED;
            c.cudaOnly = samples > 8;
        }
        for (const int samples : gradientSamples)
        {
            PoolingShape s = GRADIENT_POOLING;
            s.samplingRatio = samples;
            Case& c = add(s, variant);
            c.name = std::string(s.name) + ", " + std::to_string(samples) + " samples" + variant;
            c.gradient = true;
            c.finestScale = 5.f;
        }
        add(TRAINER_POOLING, variant).trainer = true;
    }
    add(NO_ROIS_POOLING, "").cudaOnly = true;
    for (const PoolingShape& s : poolingShapes(true))
        add(s, "");
    return cases;
}

//! Maps, RoIs and views of them.
class PoolingProblem : public Problem
{
public:
    explicit PoolingProblem(const PoolingCase& c) : case_(c) {}

    const PoolingShape& shape() const { return case_.shape; }
    Floats& rois() { return inputs[0].values; }
    Floats& map(int level) { return inputs[1 + size_t(level)].values; }
    const Floats& map(int level) const { return inputs[1 + size_t(level)].values; }

protected:
    void makeRoIsAndMaps(Random& random)
    {
        const PoolingShape& s = case_.shape;
        Floats rois;
        if (case_.rois == RoIs::MALFORMED)
            for (const Floats& roi : malformedRoIs())
                rois.insert(rois.end(), roi.begin(), roi.end());
        else if (case_.rois == RoIs::BENCHMARK)
            rois = benchmarkRoIs(s.numRois, s.batch, 4.f * s.width, 4.f * s.height, random);
        else
            rois = case_.rois == RoIs::LAYER ? layerRoIs(s.numRois, s.batch, random) : randomRoIs(s, random);
        if (case_.trainer)
            rois[rois.size() - 5] = 7;  // no such image
        if (case_.gradient)             // both levels are in use
        {
            const float large[5] = {0, 2.f, 3.f, 41.f, 32.f}, small[5] = {1, 5.f, 6.f, 9.f, 10.5f};
            std::copy(large, large + 5, rois.begin());
            std::copy(small, small + 5, rois.begin() + 5);
        }
        inputs.push_back({"rois", {s.numRois, 5}, rois});
        for (int i = 0; i < s.levels; i++)
        {
            const Shape shape{s.batch, s.channels, s.mapHeight(i), s.mapWidth(i)};
            inputs.push_back({"feat_" + std::to_string(i), shape, random.reals(elements(shape), -1.f, 1.f), true});
        }
        layer.rois = 0;
        layer.batchIndex = true;
        std::vector<int> strides;
        for (int i = 0; i < s.levels; i++)
            strides.push_back(4 << i);
        layer.attributes = {
            {"feat_strides", strides}, {"finest_scale", double(case_.finestScale)}, {"legacy", int(case_.legacy)}};
        for (int i = 0; i < s.levels; i++)
            for (const int d : {2, 3})
                layer.freeLengths.push_back({i + 1, d});
    }
    template <typename T>
    kernels::FeaturePyramid<T> pyramid(const Arguments<T>& a) const
    {
        kernels::FeaturePyramid<T> maps = makePyramid<T>(case_.shape);
        for (int i = 0; i < maps.levels; i++)
            maps.data[i] = a.in[size_t(i) + 1];
        return maps;
    }
    void addMapGradients(double fast, double cuda)
    {
        for (int i = 0; i < case_.shape.levels; i++)
            gradients.push_back({size_t(i) + 1, fast, cuda, true});
    }

    PoolingCase case_;
};

}  // namespace d2det_test

#endif
