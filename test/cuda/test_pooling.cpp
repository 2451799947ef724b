// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* RoIAlign and deformable pooling against the naive CPU kernels: the table of shapes, hostile RoIs and offsets, gradients,
   the same bits from run to run where that is promised. Bounds: 1e-4 forward and for offsets relative to max(1, |x|) with
   maps in [-1, 1]; 1e-4 for map gradients. Outputs are poisoned with NaN. */

#include "check.hpp"
#include "random.hpp"

#include "../../modules/d2det/test/shapes.hpp"

namespace d2det
{
namespace test
{
namespace
{

using opencv_test::PoolingShape;

constexpr double TOLERANCE = 1e-4;

//! Maps on the host and on the device.
struct Maps
{
    std::vector<Floats> host;
    std::vector<std::unique_ptr<DeviceArray<float>>> device;
    kernels::FeaturePyramid<float> hostView, deviceView;

    Maps(const PoolingShape& s, cv::RNG& rng)
    {
        hostView = opencv_test::makePyramid<float>(s);
        for (int i = 0; i < s.levels; i++)
        {
            host.push_back(uniform(s.mapCount(i), -1.f, 1.f, rng));
            device.push_back(std::make_unique<DeviceArray<float>>(host.back()));
        }
        deviceView = hostView;
        for (int i = 0; i < s.levels; i++)
        {
            hostView.data[i] = host[i].data();
            deviceView.data[i] = device[i]->data();
        }
    }
};

//! Gradients of the maps, poisoned: {host, device}.
struct GradMaps
{
    std::vector<Floats> host;
    std::vector<std::unique_ptr<DeviceArray<float>>> device;
    float *hostData[kernels::MAX_LEVELS] = {}, *deviceData[kernels::MAX_LEVELS] = {};

    explicit GradMaps(const Maps& maps)
    {
        for (size_t i = 0; i < maps.host.size(); i++)
        {
            host.emplace_back(maps.host[i].size(), QUIET_NAN);
            device.push_back(std::make_unique<DeviceArray<float>>(maps.host[i].size()));
        }
        for (size_t i = 0; i < host.size(); i++)
        {
            hostData[i] = host[i].data();
            deviceData[i] = device[i]->data();
        }
    }
    void compare(const std::string& what) const
    {
        for (size_t i = 0; i < host.size(); i++)
            expectNear(host[i], device[i]->values(), TOLERANCE, what + ", gradient of map " + std::to_string(i));
    }
};

struct Problem
{
    PoolingShape shape;
    std::string what;
    Floats rois;
    Maps maps;
    DeviceArray<float> deviceRois;
    int count;

    Problem(const PoolingShape& s, const Floats& r, const std::string& name, cv::RNG& rng)
        : shape(s), what(name), rois(r), maps(s, rng), deviceRois(r), count(static_cast<int>(r.size() / 5))
    {
    }
};

//! The naive kernels add up samples one by one in float: with tens of thousands per bin their own error is above the
//! bound. There the fast CPU kernels, which merge samples first, are the reference.
bool manySamples(int samplingRatio)
{
    return samplingRatio > 8;
}

void testAlign(Problem& in, const kernels::RoIAlignParams& p, cv::RNG& rng)
{
    const size_t n = in.rois.size() / 5 * in.shape.channels * p.pooledHeight * p.pooledWidth;
    Floats expected(n, QUIET_NAN);
    DeviceArray<float> output(n);
    const bool many = manySamples(p.samplingRatio);
    (many ? kernels::roiAlignCpu : kernels::roiAlignRef<float>)(p, {in.maps.hostView, in.rois.data(), in.count},
                                                                expected.data());
    requireSuccess(cuda::roiAlign(p, {in.maps.deviceView, in.deviceRois.data(), in.count}, output.data(), nullptr),
                   in.what);
    expectNear(expected, output.values(), TOLERANCE, in.what);
    DeviceArray<float> again(n);
    requireSuccess(cuda::roiAlign(p, {in.maps.deviceView, in.deviceRois.data(), in.count}, again.data(), nullptr),
                   in.what);
    expectSameBits(output.values(), again.values(), in.what + ", second run");

    const Floats grad = uniform(n, -1.f, 1.f, rng);
    DeviceArray<float> deviceGrad(grad);
    GradMaps gradMaps(in.maps);
    (many ? kernels::roiAlignBackwardCpu
          : kernels::roiAlignBackwardRef<float>)(p, {in.maps.hostView, in.rois.data(), in.count}, grad.data(),
                                                 gradMaps.hostData);
    requireSuccess(cuda::roiAlignBackward(p, {in.maps.deviceView, in.deviceRois.data(), in.count}, deviceGrad.data(),
                                          gradMaps.deviceData, nullptr),
                   in.what);
    gradMaps.compare(in.what);
}

void testDeform(Problem& in, const kernels::DeformRoIPoolParams& p, const Floats* offsets, cv::RNG& rng)
{
    const size_t n = in.rois.size() / 5 * in.shape.channels * p.pooledSize * p.pooledSize;
    const size_t numOffsets = in.rois.size() / 5 * 2 * p.offsetSize * p.offsetSize;
    const Floats none;
    DeviceArray<float> deviceOffsets(offsets ? *offsets : none), output(n);
    const float* hostOffsets = offsets ? offsets->data() : nullptr;
    const float* device = offsets ? deviceOffsets.data() : nullptr;
    Floats expected(n, QUIET_NAN);
    const bool many = manySamples(p.samplingRatio);
    (many ? kernels::deformRoIPoolCpu
          : kernels::deformRoIPoolRef<float>)(p, {in.maps.hostView, in.rois.data(), in.count, hostOffsets},
                                              expected.data());
    requireSuccess(
        cuda::deformRoIPool(p, {in.maps.deviceView, in.deviceRois.data(), in.count, device}, output.data(), nullptr),
        in.what);
    expectNear(expected, output.values(), TOLERANCE, in.what);

    const Floats grad = uniform(n, -1.f, 1.f, rng);
    Floats expectedOffsets(numOffsets, QUIET_NAN), firstRun;
    DeviceArray<float> deviceGrad(grad);
    GradMaps gradMaps(in.maps);
    (many ? kernels::deformRoIPoolBackwardCpu
          : kernels::deformRoIPoolBackwardRef<float>)(p, {in.maps.hostView, in.rois.data(), in.count, hostOffsets},
                                                      grad.data(), gradMaps.hostData, expectedOffsets.data());
    for (int run = 0; run < 3; run++)  // the last one without gradients of offsets
    {
        GradMaps fresh(in.maps);
        fresh.host = gradMaps.host;
        DeviceArray<float> gradOffsets(numOffsets);
        requireSuccess(cuda::deformRoIPoolBackward(p, {in.maps.deviceView, in.deviceRois.data(), in.count, device},
                                                   deviceGrad.data(), fresh.deviceData,
                                                   run < 2 ? gradOffsets.data() : nullptr, nullptr),
                       in.what);
        fresh.compare(in.what);
        if (run == 0)
            firstRun = gradOffsets.values();
        if (run == 0)
            expectNear(expectedOffsets, firstRun, TOLERANCE, in.what + ", gradient of offsets");
        if (run == 1)
            expectSameBits(firstRun, gradOffsets.values(), in.what + ", gradient of offsets, second run");
    }
}

kernels::RoIAlignParams alignParams(const PoolingShape& s, bool legacy, bool aligned)
{
    kernels::RoIAlignParams p;
    p.pooledHeight = p.pooledWidth = s.pooledSize;
    p.samplingRatio = s.samplingRatio;
    p.finestScale = 14.f;
    p.aligned = aligned;
    p.legacy = legacy;
    return p;
}

kernels::DeformRoIPoolParams deformParams(const PoolingShape& s, bool legacy)
{
    kernels::DeformRoIPoolParams p;
    p.pooledSize = s.pooledSize;
    p.offsetSize = s.offsetSize;
    p.samplingRatio = s.samplingRatio > 0 ? s.samplingRatio : 2;
    p.finestScale = 14.f;
    p.legacy = legacy;
    return p;
}

void allAlign(const PoolingShape& s, const Floats& rois, const std::string& name, cv::RNG& rng)
{
    for (int variant = 0; variant < 3; variant++)
    {
        Problem problem(s, rois, name + ", variant " + std::to_string(variant), rng);
        testAlign(problem, alignParams(s, variant == 1, variant != 2), rng);
    }
}

void allDeform(const PoolingShape& s, const Floats& rois, const std::string& name, cv::RNG& rng)
{
    for (const bool legacy : {false, true})
    {
        Problem problem(s, rois, name + (legacy ? ", legacy" : ", modern"), rng);
        const Floats offsets = uniform(rois.size() / 5 * 2 * s.offsetSize * s.offsetSize, -2.f, 2.f, rng);
        testDeform(problem, deformParams(s, legacy), &offsets, rng);
    }
}

//! RoIs that must be zero, empty or harmless.
Floats hostileRois()
{
    const float big = std::numeric_limits<float>::max();
    const float rows[][5] = {{0, 1, 1, 30, 30},         {-1, 1, 1, 30, 30},
                             {2, 1, 1, 30, 30},         {QUIET_NAN, 1, 1, 30, 30},
                             {0, QUIET_NAN, 1, 30, 30}, {1, 1, INFINITE, 30, 30},
                             {1, 1, 1, 30, -INFINITE},  {1e30f, 1, 1, 30, 30},
                             {-0.5f, 1, 1, 30, 30},     {1.9f, 1, 1, 30, 30},
                             {0, 30, 30, 1, 1},         {0, 5, 5, 5, 5},
                             {0, 0, 0, 0, 0},           {1, -1e6f, -1e6f, 1e6f, 1e6f},
                             {1, -big, -big, big, big}, {0, 1e9f, 1e9f, 2e9f, 2e9f},
                             {1, -500, 2, 4000, 3},     {0, 3, -700, 4, 9000}};
    Floats rois;
    for (const auto& row : rows)
        rois.insert(rois.end(), row, row + 5);
    return rois;
}

const PoolingShape HOSTILE{"hostile", false, 3, 2, 6, 23, 31, 18, 6, 3, 2};

typedef void (*Variants)(const PoolingShape&, const Floats&, const std::string&, cv::RNG&);

void allShapes(Variants variants)
{
    cv::RNG rng(nextSeed());
    for (const PoolingShape& s : opencv_test::poolingShapes(false))
        variants(s, opencv_test::randomRois(s, rng), s.name, rng);
}

void hostile(Variants variants, const std::vector<int>& samplingRatios)
{
    cv::RNG rng(nextSeed());
    for (const int samples : samplingRatios)
    {
        PoolingShape s = HOSTILE;
        s.samplingRatio = samples;
        variants(s, hostileRois(), "samples " + std::to_string(samples), rng);
    }
}

const Case roiAlign("roi_align/shapes", [] { allShapes(allAlign); });
const Case roiAlignHostile("roi_align/hostile", [] { hostile(allAlign, {0, 1, 2, 256}); });
const Case deform("deform_roi_pool/shapes", [] { allShapes(allDeform); });
const Case deformHostile("deform_roi_pool/hostile", [] { hostile(allDeform, {1, 2, 40, 256}); });

//! A bin with an offset that is not finite is 0; enormous offsets leave the map.
const Case deformOffsets("deform_roi_pool/hostile offsets",
                         []
                         {
                             cv::RNG rng(nextSeed());
                             PoolingShape s = HOSTILE;
                             const Floats rois = opencv_test::randomRois(s, rng);
                             Problem problem(s, rois, "hostile offsets", rng);
                             Floats offsets = uniform(rois.size() / 5 * 18, -1.f, 1.f, rng);
                             const float bad[] = {QUIET_NAN, INFINITE, -INFINITE, 1e30f, -1e30f};
                             for (size_t i = 0; i < offsets.size(); i += 7)
                                 offsets[i] = bad[i / 7 % 5];
                             testDeform(problem, deformParams(s, false), &offsets, rng);
                             testDeform(problem, deformParams(s, true), &offsets, rng);
                             testDeform(problem, deformParams(s, false), nullptr, rng);
                         });

const Case empty("pooling/no RoIs",
                 []
                 {
                     cv::RNG rng(nextSeed());
                     Problem problem(HOSTILE, Floats(), "no RoIs", rng);
                     testAlign(problem, alignParams(HOSTILE, false, true), rng);
                     testDeform(problem, deformParams(HOSTILE, false), nullptr, rng);
                 });

const Case refused(
    "pooling/parameters out of range",
    []
    {
        cv::RNG rng(nextSeed());
        Problem in(HOSTILE, hostileRois(), "refused", rng);
        DeviceArray<float> output(1);
        kernels::RoIAlignParams p = alignParams(HOSTILE, false, true);
        const auto align = [&] {
            return cuda::roiAlign(p, {in.maps.deviceView, in.deviceRois.data(), 1}, output.data(), nullptr);
        };
        p.samplingRatio = cuda::MAX_SAMPLES + 1;
        expect(align() == cuda::Status::INVALID, "too many samples");
        p = alignParams(HOSTILE, false, true);
        p.pooledWidth = 0;
        expect(align() == cuda::Status::INVALID, "no bins");
        p.pooledWidth = 2;
        in.maps.deviceView.levels = 0;
        expect(align() == cuda::Status::INVALID, "no levels");
        in.maps.deviceView.levels = kernels::MAX_LEVELS + 1;
        expect(align() == cuda::Status::INVALID, "too many levels");
        in.maps.deviceView.levels = 1;
        kernels::DeformRoIPoolParams d = deformParams(HOSTILE, false);
        d.offsetSize = 4;
        expect(cuda::deformRoIPool(d, {in.maps.deviceView, in.deviceRois.data(), 1, nullptr}, output.data(), nullptr) ==
                   cuda::Status::INVALID,
               "6 bins, 4 offsets");
    });

}  // namespace
}  // namespace test
}  // namespace d2det
