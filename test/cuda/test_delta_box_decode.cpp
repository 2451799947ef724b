// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2DeltaBoxDecode on CUDA: counts at the limits, boxes of torchvision. */

#include "check.hpp"

#include "delta_box_vectors.hpp"

namespace d2det
{
namespace test
{
namespace
{

cuda::Status decodeCounts(int numRois, int classes, int batch)
{
    return cuda::deltaBoxDecode({}, {nullptr, nullptr, nullptr, numRois, classes, batch}, nullptr, nullptr);
}

const Case deltaLimits("delta_box_decode:limits",
                       []
                       {
                           expect(decodeCounts(-1, 1, 1) == cuda::Status::INVALID, "rois");
                           expect(decodeCounts(1, 0, 1) == cuda::Status::INVALID, "classes");
                           expect(decodeCounts(1, -1, 1) == cuda::Status::INVALID, "classes");
                           expect(decodeCounts(1, 1, 0) == cuda::Status::INVALID, "batch");
                           expect(decodeCounts(1 << 16, 1 << 15, 1) == cuda::Status::INVALID, "boxes");
                           expect(decodeCounts(0, 1, 1) == cuda::Status::SUCCESS, "no rois");
                       });

//! Within 1e-4 pixels.
void compareWithTorchvision(const DeltaBoxVector& v)
{
    kernels::DeltaBoxDecodeParams p;
    std::copy(v.stds.begin(), v.stds.end(), p.stds);
    DeviceArray<float> rois(v.rois), deltas(v.deltas), imInfo(v.imInfo);
    DeviceArray<float> boxes(v.boxes.size());
    const int count = static_cast<int>(v.rois.size() / 5);
    requireSuccess(cuda::deltaBoxDecode(p, {rois.data(), deltas.data(), imInfo.data(), count, v.classes, 2},
                                        boxes.data(), nullptr),
                   v.name);
    const Floats got = boxes.values();
    for (size_t i = 0; i < got.size(); i++)
        expect(std::abs(v.boxes[i] - got[i]) <= 1e-4, std::string(v.name) + ", value " + std::to_string(i) + " is " +
                                                          std::to_string(got[i]) + ", expected " +
                                                          std::to_string(v.boxes[i]));
}

const Case deltaVectors("delta_box_decode:torchvision",
                        []
                        {
                            for (const DeltaBoxVector& v : deltaBoxVectors())
                                compareWithTorchvision(v);
                        });

}  // namespace
}  // namespace test
}  // namespace d2det
