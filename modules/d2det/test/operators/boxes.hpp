// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Boxes of all kinds for the operators that decide by them. */

#ifndef D2DET_TEST_OPERATORS_BOXES_HPP
#define D2DET_TEST_OPERATORS_BOXES_HPP

#include "problem.hpp"

namespace d2det_test
{

enum BoxKind
{
    SCATTERED,   //!< real coordinates
    ON_GRID,     //!< small integers: many equal boxes and exact IoUs
    DEGENERATE,  //!< empty and inverted boxes among others
    MALFORMED,
    BOX_KINDS
};

inline void randomBox(Random& random, int kind, float* box)
{
    if (kind == MALFORMED && random.once(2))
    {
        for (int i = 0; i < 4; i++)
            box[i] = malformedNumber(random);
        return;
    }
    const bool grid = kind == ON_GRID;
    const float low = kind == DEGENERATE ? -4.f : 1.f;
    for (int i = 0; i < 2; i++)
    {
        box[i] = grid ? random.whole(0, 5) : random.real(0.f, 60.f);
        box[i + 2] = box[i] + (grid ? random.whole(1, 4) : std::max(random.real(low, 30.f), low / 2));
        if (kind == DEGENERATE && random.once(4))
            box[i + 2] = box[i];
    }
}

inline Floats randomBoxes(Random& random, int n, int kind)
{
    Floats boxes(size_t(n) * 4);
    for (int i = 0; i < n; i++)
        randomBox(random, kind, &boxes[size_t(i) * 4]);
    return boxes;
}

//! Boxes [n, 4] of all sizes, many of which overlap; on a grid of halves so that ties and exact borders occur.
inline Floats boxesOnHalves(Random& random, int n, float extent)
{
    Floats boxes;
    for (int i = 0; i < n; i++)
    {
        const float x = random.real(0.f, extent), y = random.real(0.f, extent);
        const float w = random.real(-1.f, extent / 3), h = random.real(-1.f, extent / 3);
        for (const float v : {x, y, x + w, y + h})
            boxes.push_back(static_cast<float>(static_cast<int>(2 * v)) / 2);
    }
    return boxes;
}

//! Boxes [n, 4] that overlap as those of a detector do: a few hundred objects, each found many times.
inline Floats detectorLikeBoxes(Random& random, int n, float width = 1344.f, float height = 800.f)
{
    Floats boxes;
    const uint64_t world = random.next();
    for (int i = 0; i < n; i++)
    {
        Random object(world + uint64_t(random.integer(0, 299)));
        const float w = object.real(20.f, 300.f), h = object.real(20.f, 300.f);
        const float x = object.real(0.f, width - w) + random.real(-0.2f, 0.2f) * w;
        const float y = object.real(0.f, height - h) + random.real(-0.2f, 0.2f) * h;
        for (const float v : {x, y, x + w, y + h})
            boxes.push_back(v);
    }
    return boxes;
}

}  // namespace d2det_test

#endif
