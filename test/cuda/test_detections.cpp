// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Detections on CUDA: the second output, and what has no workspace. */

#include "check.hpp"

namespace d2det
{
namespace test
{
namespace
{

//! Whether the rows of detections are asked for changes no detection.
const Case rows("detections:rows change nothing",
                []
                {
                    for (Detections::Case c : Detections::cases())
                    {
                        if (c.large || c.cpuOnly)
                            continue;
                        const Detections::Problem with(c, caseSeed());
                        c.sourceRows = false;
                        const Detections::Problem without(c, caseSeed());
                        OnDevice a(with), b(without);
                        expectSameBits(a.run().outputs[0], b.run().outputs[0], c.name);
                    }
                });

const Case detectionsLimits(
    "detections:limits",
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
