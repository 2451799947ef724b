#!/usr/bin/python3
"""Writes delta_box_vectors.hpp: boxes that torchvision decodes from deltas, for the tests of D2DeltaBoxDecode.

usage: /usr/bin/python3 delta_box_vectors.py > delta_box_vectors.hpp && clang-format -i delta_box_vectors.hpp

The boxes are those of torchvision.models.detection._utils.BoxCoder, clipped by torchvision.ops.boxes.clip_boxes_to_image, in
float64 from inputs that float32 holds exactly. Needs Debian's python3-torchvision (0.14.1 wrote the file).
"""
import torch
import torchvision
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops.boxes import clip_boxes_to_image

SIZES = [(150, 200), (120, 90)]  # height, width of the images of a batch

HEAD = """// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Boxes that torchvision %s decodes from deltas: RoIs inside and outside of two images, some deltas beyond the
   limit of growth. Written by delta_box_vectors.py, not by hand. */

#ifndef D2DET_TEST_DELTA_BOX_VECTORS_HPP
#define D2DET_TEST_DELTA_BOX_VECTORS_HPP

#include <vector>

namespace d2det_test
{

struct DeltaBoxVector
{
    const char* name;
    int classes;
    std::vector<float> stds, imInfo, rois, deltas;  //!< [4], [2, 3], [R, 5], [R, 4 classes]
    std::vector<double> boxes;                      //!< [R, 1 + 4 classes]
};

inline std::vector<DeltaBoxVector> deltaBoxVectors()
{
    return {"""

TAIL = """    };
}

}  // namespace d2det_test

#endif"""


def numbers(tensor):
    return "{" + ", ".join("%.9g" % x for x in tensor.flatten().tolist()) + "}"


def make(name, classes, count, weights, generator):
    def random(*shape):
        return torch.rand(*shape, generator=generator)

    image = torch.arange(count) % 2
    corner = random(count, 2) * 130 - 25
    rois = torch.cat([image[:, None].float(), corner, corner + 2 + random(count, 2) * 90], 1)
    deltas = torch.randn(count, 4 * classes, generator=generator) * 2
    # beyond log(1000 / 16) = 4.135: one side, both, and of a box far from the image
    for row, column, value in ((2, 2, 25), (3, 3, 60), (4, 2, 41.5), (4, 3, 41.5), (5, 0, -95), (6, 3, -70)):
        deltas[row, 4 * (classes - 1) + column] = value
    decoded = BoxCoder(weights).decode(deltas.double(), [rois[:, 1:].double()])  # [R, classes, 4]
    rows = []
    for i in range(count):
        boxes = clip_boxes_to_image(decoded[i], SIZES[int(image[i])])
        rows.append(torch.cat([image[i:i + 1].double(), boxes.flatten()]))
    info = torch.tensor([[height, width, 1.0] for height, width in SIZES])
    stds = 1 / torch.tensor(weights, dtype=torch.float64)
    return '{"%s", %d, %s, %s, %s, %s, %s},' % (
        name, classes, numbers(stds), numbers(info), numbers(rois), numbers(deltas), numbers(torch.stack(rows)))


generator = torch.Generator().manual_seed(1)
print(HEAD % torchvision.__version__)
print(make("one box for all classes", 1, 16, (10.0, 10.0, 5.0, 5.0), generator))
print(make("five classes", 5, 8, (10.0, 10.0, 5.0, 5.0), generator))
print(make("third stage of a cascade", 1, 8, (30.0, 30.0, 15.0, 15.0), generator))
print(TAIL)
