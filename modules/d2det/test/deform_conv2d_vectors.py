#!/usr/bin/python3
"""Writes deform_conv2d_vectors.hpp: outputs and gradients of torchvision's deform_conv2d, for the tests of D2DeformConv2d.

usage: /usr/bin/python3 deform_conv2d_vectors.py > deform_conv2d_vectors.hpp

Inputs are not stored: both sides draw them from the random numbers of operators/random.hpp, whose seed and order are
those of DeformConv2d::Problem (operators/deform_conv2d.hpp). torchvision computes in float64 from values that float32
holds exactly. Needs Debian's python3-torchvision (0.14.1 wrote the file).
"""
import struct
import textwrap

import torch
import torchvision
from torchvision.ops import deform_conv2d

HEAD = """// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What torchvision %s computes with deform_conv2d, and its gradients. Inputs and upstream gradient are those of
   DeformConv2d::Problem with the seed of each. Written by deform_conv2d_vectors.py, not by hand. */

#ifndef D2DET_TEST_DEFORM_CONV2D_VECTORS_HPP
#define D2DET_TEST_DEFORM_CONV2D_VECTORS_HPP

#include <cstdint>
#include <vector>

namespace d2det_test
{

struct DeformConv2dVector
{
    const char* name;  //!< of the case
    uint64_t seed;
    std::vector<double> values;  //!< Y; gradients of X, offset, mask where there is one, weight, bias
};

inline std::vector<DeformConv2dVector> deformConv2dVectors()
{
    // clang-format off
    return {"""

TAIL = """    };
    // clang-format on
}

}  // namespace d2det_test

#endif"""

MASK64 = (1 << 64) - 1


class Random:
    """SplitMix64, as in operators/random.hpp."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        return z ^ (z >> 31)

    def reals(self, low, high, *shape):
        # a C++ float holds low + (high - low) * u only rounded
        def one():
            value = low + (high - low) * ((self.next() >> 11) * 2.0**-53)
            return struct.unpack("f", struct.pack("f", value))[0]

        count = 1
        for length in shape:
            count *= length
        return torch.tensor([one() for _ in range(count)], dtype=torch.float64).reshape(shape)


def numbers(tensor):
    return ", ".join("%.6g" % x for x in tensor.flatten().tolist())


def make(name, seed, N, C, h, w, O, kernel, stride, pad, dilation, groups, offset_groups, masked, reach):
    """reach: offsets are from -reach to reach; 0: of a new layer"""
    random = Random(seed)
    kh, kw = kernel
    oh = (h + 2 * pad[0] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (w + 2 * pad[1] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    points = offset_groups * kh * kw
    x = random.reals(-1, 1, N, C, h, w)
    offset = random.reals(-reach, reach, N, 2 * points, oh, ow)
    if reach == 0:
        offset = torch.zeros_like(offset)  # no -0
    mask = random.reals(0, 1, N, points, oh, ow) if masked else None
    weight = random.reals(-1, 1, O, C // groups, kh, kw)
    bias = random.reals(-1, 1, O)
    leaves = [t for t in (x, offset, mask, weight, bias) if t is not None]
    for leaf in leaves:
        leaf.requires_grad_()
    y = deform_conv2d(x, offset, weight, bias, stride, pad, dilation, mask)
    gradients = torch.autograd.grad(y, leaves, random.reals(-1, 1, *y.shape))
    values = textwrap.fill(", ".join(numbers(t) for t in (y, *gradients)), 119, initial_indent=" " * 9,
                           subsequent_indent=" " * 9)
    print('        {"%s", %d,\n         {%s}},' % (name, seed, values.strip()))


print(HEAD % torchvision.__version__)
make("modulated", 1, 1, 3, 4, 5, 2, (3, 3), (1, 1), (1, 1), (1, 1), 1, 1, True, 2)
make("stride 2, two groups of offsets", 2, 2, 4, 4, 5, 3, (3, 3), (2, 2), (1, 1), (1, 1), 1, 2, False, 2)
make("groups, sizes that differ", 3, 1, 6, 7, 9, 4, (2, 3), (2, 3), (1, 2), (2, 1), 2, 3, True, 3)
make("offsets of zero", 4, 1, 2, 3, 4, 2, (3, 3), (1, 1), (1, 1), (1, 1), 1, 1, True, 0)
print(TAIL)
