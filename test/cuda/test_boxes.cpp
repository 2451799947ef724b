// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Dense box decode, NMS, proposals and detections against the CPU. Boxes and scores that no exponential touches must be
   the same bits, others within 1e-4 relative to max(1, |x|) (1e-5 for scores); the order must be the same. */

#include "check.hpp"
#include "random.hpp"

namespace d2det
{
namespace test
{
namespace
{

using kernels::NMSMode;

// ------------------------------------------------------------------ dense box decode

void testDecode(bool weighted, bool legacy, int k, cv::RNG& rng)
{
    const int numRois = 67, batch = 2, cells = k * k;
    const std::string what = "decode, k " + std::to_string(k);
    Floats rois, offsets = uniform(size_t(numRois) * 4 * cells, 0.f, 1.f, rng);
    Floats overlap = uniform(size_t(numRois) * cells, -2.f, 2.f, rng);
    for (int r = 0; r < numRois; r++)
    {
        const float x = rng.uniform(-20.f, 90.f), y = rng.uniform(-20.f, 90.f);
        const float box[] = {static_cast<float>(r % 3 - (r % 7 == 0)), x, y, x + rng.uniform(-5.f, 60.f),
                             y + rng.uniform(-5.f, 60.f)};
        rois.insert(rois.end(), box, box + 5);
    }
    std::fill(rois.begin() + 5, rois.begin() + 10, 0.f);
    rois[2 * 5 + 3] = QUIET_NAN;
    for (int i = 0; i < cells; i++)
        overlap[3 * cells + i] = -1.f;  // an empty set
    for (size_t i = 0; i < offsets.size(); i += 13)
        offsets[i] = i % 2 ? QUIET_NAN : INFINITE;
    for (size_t i = 0; i < overlap.size(); i += 17)
        overlap[i] = i % 2 ? INFINITE : 0.f;
    const Floats imInfo{80.f, 100.f, 1.f, 64.f, 70.f, 2.f};
    kernels::DenseBoxDecodeParams p;
    p.weighted = weighted;
    p.legacy = legacy;
    Floats expected(size_t(numRois) * 4);
    kernels::denseBoxDecodeRef<float>(
        p, {rois.data(), offsets.data(), overlap.data(), imInfo.data(), numRois, k, batch}, expected.data());
    DeviceArray<float> deviceRois(rois), deviceOffsets(offsets), deviceOverlap(overlap), deviceInfo(imInfo),
        boxes(expected.size());
    requireSuccess(
        cuda::denseBoxDecode(
            p, {deviceRois.data(), deviceOffsets.data(), deviceOverlap.data(), deviceInfo.data(), numRois, k, batch},
            boxes.data(), nullptr),
        what);
    expectNear(expected, boxes.values(), 1e-4, what);
}

const Case decode("dense_box_decode",
                  []
                  {
                      cv::RNG rng(nextSeed());
                      for (const int k : {1, 3, 7, 14})
                          for (int variant = 0; variant < 4; variant++)
                              testDecode(variant % 2 == 1, variant / 2 == 1, k, rng);
                  });

// ------------------------------------------------------------------ NMS

std::vector<int> keptList(DeviceArray<int>& kept, DeviceArray<int>& count, const std::string& what)
{
    std::vector<int> list = kept.values();
    const int n = count.values()[0];
    expect(n >= 0 && n <= static_cast<int>(list.size()), what + ": count " + std::to_string(n));
    for (size_t i = n; i < list.size(); i++)
        expect(list[i] == -1, what + ": an entry behind the last one is not -1");
    list.resize(std::min(static_cast<size_t>(std::max(n, 0)), list.size()));
    return list;
}

void testHard(int n, float threshold, bool legacy, int limit, cv::RNG& rng)
{
    const std::string what = "hard NMS, n " + std::to_string(n) + ", threshold " + std::to_string(threshold) +
                             ", limit " + std::to_string(limit);
    Floats boxes = randomBoxes(n, 60.f + n / 10.f, rng);
    if (n > 4)
        boxes[9] = QUIET_NAN;
    DeviceArray<float> device(boxes);
    DeviceArray<int> kept(n), count(1);
    requireSuccess(cuda::hardNms({threshold, legacy, limit}, device.data(), n, {kept.data(), count.data()}, nullptr),
                   what);
    expect(keptList(kept, count, what) == kernels::hardNmsRef({threshold, legacy, limit}, boxes.data(), n), what);
}

const Case hard("nms/hard",
                []
                {
                    cv::RNG rng(nextSeed());
                    for (const int n : {0, 1, 2, 255, 256, 257, 900})
                        for (const float threshold : {0.5f, 0.f, 0.9f, -1.f})
                            testHard(n, threshold, n % 2 == 1, 0, rng);
                    testHard(2600, 0.8f, false, 0, rng);  // more kept boxes than are staged at a time
                    for (const int limit : {1, 10, 300})
                        testHard(900, 0.6f, false, limit, rng);
                });

void testSoft(int n, bool gaussian, bool legacy, int limit, float sigma, cv::RNG& rng)
{
    const std::string what = "soft NMS, n " + std::to_string(n) + (gaussian ? ", gaussian" : ", linear") + ", limit " +
                             std::to_string(limit);
    const Floats boxes = randomBoxes(n, 40.f, rng);
    Floats scores = uniform(n, 0.f, 1.f, rng);
    for (int i = 0; i < n; i += 9)
        scores[i] = i % 2 ? 0.5f : QUIET_NAN;  // ties, and what is never emitted
    DeviceArray<float> deviceBoxes(boxes), deviceScores(scores);
    DeviceArray<int> kept(n), count(1);
    requireSuccess(
        cuda::softNms({0.3f, sigma, 0.05f, gaussian ? kernels::NMSMode::SOFT_GAUSSIAN : kernels::NMSMode::SOFT_LINEAR,
                       legacy, limit},
                      deviceBoxes.data(), deviceScores.data(), n, {kept.data(), count.data()}, nullptr),
        what);
    const std::vector<int> expected = kernels::softNmsRef(
        {0.3f, sigma, 0.05f, gaussian ? kernels::NMSMode::SOFT_GAUSSIAN : kernels::NMSMode::SOFT_LINEAR, legacy, limit},
        boxes.data(), scores.data(), n);
    const std::vector<int> got = keptList(kept, count, what);
    expect(got == expected, what);
    Floats expectedScores, gotScores;
    const Floats all = deviceScores.values();
    for (size_t i = 0; i < std::min(got.size(), expected.size()); i++)
    {
        expectedScores.push_back(scores[expected[i]]);
        gotScores.push_back(all[got[i]]);
    }
    expectNear(expectedScores, gotScores, gaussian ? 1e-6 : 0., what + ", scores");
}

const Case soft("nms/soft",
                []
                {
                    cv::RNG rng(nextSeed());
                    for (const int n : {0, 1, 70})
                        for (const bool gaussian : {false, true})
                            testSoft(n, gaussian, n % 2 == 1, 0, 0.5f, rng);
                    testSoft(1200, true, false, 12, 0.5f, rng);
                    testSoft(1200, false, true, 12, 0.5f, rng);
                    testSoft(40, true, false, 0, -0.5f, rng);  // scores rise
                });

// ------------------------------------------------------------------ proposals

struct ProposalCase
{
    const char* name;
    int batch, preTop, postTop, rows;
    float minSize;
    bool legacy, ties, hostile;
};

//! Maps of three levels with odd sizes.
struct ProposalInput
{
    std::vector<Floats> cls, box;
    std::vector<std::unique_ptr<DeviceArray<float>>> device;
    kernels::RpnMaps host, onDevice;
    Floats imInfo;

    ProposalInput(const ProposalCase& c, int anchors, cv::RNG& rng)
    {
        host.levels = 3;
        host.batch = c.batch;
        for (int i = 0; i < host.levels; i++)
        {
            host.height[i] = (19 >> i) + 1;
            host.width[i] = (27 >> i) + 1;
            host.stride[i] = static_cast<float>(4 << i);
            const size_t cells = size_t(c.batch) * anchors * host.height[i] * host.width[i];
            cls.push_back(uniform(cells, -3.f, 3.f, rng));
            box.push_back(uniform(4 * cells, -0.5f, 0.5f, rng));
            spoil(c, cls.back(), box.back());
        }
        onDevice = host;
        for (int i = 0; i < host.levels; i++)
        {
            host.cls[i] = cls[i].data();
            host.box[i] = box[i].data();
            device.push_back(std::make_unique<DeviceArray<float>>(cls[i]));
            onDevice.cls[i] = device.back()->data();
            device.push_back(std::make_unique<DeviceArray<float>>(box[i]));
            onDevice.box[i] = device.back()->data();
        }
        for (int b = 0; b < c.batch; b++)
            for (const float v : {76.f - 8 * b, 108.f - 4 * b, 1.f})
                imInfo.push_back(v);
    }

private:
    //! Ties: a few different logits, among them 0 and -0. Hostile: values that are not finite, and a level without any.
    void spoil(const ProposalCase& c, Floats& logits, Floats& deltas) const
    {
        for (size_t i = 0; c.ties && i < logits.size(); i++)
        {
            logits[i] = static_cast<float>(static_cast<int>(logits[i]));
            if (logits[i] == 0 && i % 2)
                logits[i] = -0.f;
        }
        if (!c.hostile)
            return;
        const float bad[] = {QUIET_NAN, INFINITE, -INFINITE};
        for (size_t i = 0; i < logits.size(); i += 5)
            logits[i] = bad[i / 5 % 3];
        for (size_t i = 0; i < deltas.size(); i += 7)
            deltas[i] = bad[i / 7 % 3];
        for (size_t i = 1; i < deltas.size(); i += 31)
            deltas[i] = i % 2 ? 1e30f : -1e30f;
        if (cls.size() == 2)
            std::fill(logits.begin(), logits.end(), QUIET_NAN);
    }
};

void testProposal(const ProposalCase& c, cv::RNG& rng)
{
    kernels::ProposalParams p;
    p.anchorScale = 4.f;
    p.preNmsTopN = c.preTop;
    p.postNmsTopN = c.postTop;
    p.maxProposals = c.rows;
    p.minSize = c.minSize;
    p.legacy = c.legacy;
    const ProposalInput in(c, static_cast<int>(p.anchorRatios.size()), rng);
    const size_t rows = size_t(c.batch) * c.rows;
    Floats rois(rows * 5), scores(rows);
    kernels::proposalRef(p, in.host, in.imInfo.data(), {rois.data(), scores.data()});
    DeviceArray<float> info(in.imInfo), gotRois(rows * 5), gotScores(rows);
    const size_t bytes = cuda::proposalWorkspace(p, in.onDevice);
    DeviceArray<char> workspace(bytes);
    expect(cuda::proposal(p, in.onDevice, info.data(), {gotRois.data(), gotScores.data()},
                          {workspace.data(), bytes - 1}, nullptr) == cuda::Status::INVALID,
           std::string(c.name) + ": workspace too small");
    requireSuccess(cuda::proposal(p, in.onDevice, info.data(), {gotRois.data(), gotScores.data()},
                                  {workspace.data(), bytes}, nullptr),
                   c.name);
    expectNear(rois, gotRois.values(), 1e-4, std::string(c.name) + ", rois");
    expectNear(scores, gotScores.values(), 1e-5, std::string(c.name) + ", scores");
}

const Case proposals("proposal/variants",
                     []
                     {
                         cv::RNG rng(nextSeed());
                         const ProposalCase cases[] = {
                             // name        batch pre  post rows min  legacy ties hostile
                             {"plain", 1, 200, 60, 100, 0.f, false, false, false},
                             {"two images", 2, 300, 0, 150, 0.f, false, false, false},
                             {"no limits", 2, 0, 0, 2000, 0.f, false, false, false},
                             {"legacy", 1, 300, 100, 100, 4.f, true, false, false},
                             {"ties", 2, 100, 50, 80, 0.f, false, true, false},
                             {"hostile", 2, 150, 100, 300, 6.f, false, false, true},
                             {"hostile, no limits", 3, 0, 0, 700, 0.f, true, true, true},
                             {"one row", 1, 1, 1, 1, 0.f, false, false, false},
                         };
                         for (const ProposalCase& c : cases)
                             testProposal(c, rng);
                     });

const Case proposalLimits("proposal/limits",
                          []
                          {
                              kernels::ProposalParams p;
                              kernels::RpnMaps maps;
                              expect(cuda::proposalWorkspace(p, maps) == 0, "no levels");
                              maps.levels = maps.batch = 1;
                              maps.height[0] = maps.width[0] = 1 << 15;
                              maps.stride[0] = 4;
                              expect(cuda::proposalWorkspace(p, maps) == 0, "more anchors than 31 bits");
                              maps.height[0] = maps.width[0] = 8;
                              expect(cuda::proposalWorkspace(p, maps) > 0, "good parameters");
                              p.anchorRatios.assign(cuda::MAX_ANCHOR_RATIOS + 1, 1.f);
                              expect(cuda::proposalWorkspace(p, maps) == 0, "too many ratios");
                          });

// ------------------------------------------------------------------ detections

void testDetections(kernels::DetectionsParams p, int numRois, int classes, bool hostile, cv::RNG& rng)
{
    const int roiColumns = p.classAgnosticBoxes || p.labelled ? 5 : 1 + 4 * classes;
    const int probColumns = p.labelled ? 2 : classes + 1;
    const std::string what = "detections, mode " + std::to_string(static_cast<int>(p.nmsMode)) +
                             (p.labelled ? ", labelled" : "") + ", " + std::to_string(numRois) + " rows";
    Floats rois, probs = uniform(size_t(numRois) * probColumns, 0.f, 1.f, rng);
    for (int r = 0; r < numRois; r++)
    {
        rois.push_back(static_cast<float>(r % (p.batchSize + 1)));
        const Floats boxes = randomBoxes((roiColumns - 1) / 4, 50.f, rng);
        rois.insert(rois.end(), boxes.begin(), boxes.end());
        if (r % 6 == 1)
            std::fill(rois.end() - (roiColumns - 1), rois.end(), 0.f);
        if (p.labelled)
            probs[2 * r] = r % 8 == 0 ? -1.f : r % 9 == 0 ? 1e9f : static_cast<float>(r % classes);
    }
    for (size_t i = 0; i < probs.size(); i++)  // ties
        if (!p.labelled || i % 2 == 1)
            probs[i] = static_cast<float>(static_cast<int>(probs[i] * 64)) / 64;
    for (size_t i = 0; hostile && i < probs.size(); i += 7)
        probs[i] = i % 2 ? QUIET_NAN : i % 3 ? INFINITE : -INFINITE;
    for (size_t i = 3; hostile && i < rois.size(); i += 37)
        rois[i] = i % 2 ? QUIET_NAN : INFINITE;
    const size_t rows = size_t(p.batchSize) * p.maxDetections;
    Floats expected(rows * 7), expectedSources(rows);
    kernels::detectionsRef(p, {rois.data(), roiColumns, probs.data(), probColumns, numRois},
                           {expected.data(), expectedSources.data()});
    DeviceArray<float> deviceRois(rois), deviceProbs(probs), got(rows * 7), again(rows * 7), sources(rows);
    const size_t bytes = cuda::detectionsWorkspace(p, {nullptr, roiColumns, nullptr, probColumns, numRois});
    DeviceArray<char> workspace(bytes);
    const auto call = [&](size_t given)
    {
        return cuda::detections(p, {deviceRois.data(), roiColumns, deviceProbs.data(), probColumns, numRois},
                                {got.data()}, {workspace.data(), given}, nullptr);
    };
    if (numRois > 0)
        expect(call(bytes - 1) == cuda::Status::INVALID, what + ": workspace too small");
    requireSuccess(call(bytes), what);
    expectNear(expected, got.values(), p.nmsMode == NMSMode::SOFT_GAUSSIAN ? 1e-6 : 0., what);
    requireSuccess(cuda::detections(p, {deviceRois.data(), roiColumns, deviceProbs.data(), probColumns, numRois},
                                    {again.data(), sources.data()}, {workspace.data(), bytes}, nullptr),
                   what + ", with rows");
    expectSameBits(got.values(), again.values(), what + ", with rows");
    expectSameBits(expectedSources, sources.values(), what + ", rows");
}

const Case detections("detections/variants",
                      []
                      {
                          cv::RNG rng(nextSeed());
                          for (const NMSMode mode : {NMSMode::HARD, NMSMode::SOFT_LINEAR, NMSMode::SOFT_GAUSSIAN})
                              for (int variant = 0; variant < 8; variant++)
                              {
                                  kernels::DetectionsParams p;
                                  p.nmsMode = mode;
                                  p.batchSize = 1 + variant % 2 * 2;
                                  p.classAgnosticBoxes = variant / 2 % 2 == 0;
                                  p.labelled = variant / 4 == 1;
                                  p.legacy = variant % 3 == 0;
                                  p.maxDetections = 20;
                                  p.limit = variant == 3 ? 7 : 0;
                                  p.scoreThreshold = 0.3f;
                                  testDetections(p, variant == 5 ? 0 : 61, 4, variant % 2 == 1, rng);
                              }
                      });

const Case detectionsMany("detections/many rows of one class",
                          []
                          {
                              cv::RNG rng(nextSeed());
                              kernels::DetectionsParams p;
                              p.maxDetections = 100;
                              testDetections(p, 1500, 1, false, rng);
                              p.nmsMode = NMSMode::SOFT_LINEAR;
                              p.maxDetections = 10;
                              testDetections(p, 700, 2, false, rng);
                          });

const Case detectionsLimits(
    "detections/limits",
    []
    {
        kernels::DetectionsParams p;
        expect(cuda::detectionsWorkspace(p, {nullptr, 5, nullptr, 3, 10}) > 0, "good parameters");
        expect(cuda::detectionsWorkspace(p, {nullptr, 4, nullptr, 3, 10}) == 0, "boxes of three numbers");
        expect(cuda::detectionsWorkspace(p, {nullptr, 5, nullptr, 1, 10}) == 0, "no class");
        expect(cuda::detectionsWorkspace(p, {nullptr, 5, nullptr, 1 << 30, 10}) == 0, "more scores than 31 bits");
        p.classAgnosticBoxes = false;
        expect(cuda::detectionsWorkspace(p, {nullptr, 5, nullptr, 3, 10}) == 0, "one box for two classes");
    });

}  // namespace
}  // namespace test
}  // namespace d2det
