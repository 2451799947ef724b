#!/usr/bin/python3
"""Writes coco_keypoints_vectors.hpp: what COCO's own code computes for keypoints, for the tests of CocoEvaluator.

usage: PYTHONPATH=FOLDER /usr/bin/python3 coco_keypoints_vectors.py > coco_keypoints_vectors.hpp

FOLDER has pycocotools; its Python files are enough (PythonAPI of https://github.com/cocodataset/cocoapi, commit 8c9bcc3
wrote the file): keypoints need neither the extension module nor matplotlib. NumPy is needed. Ids of annotations begin
at 1, as pycocotools takes a match with id 0 for none.
"""
import contextlib
import copy
import io
import random
import sys
import textwrap
import types

import numpy

numpy.float = float  # removed from NumPy, still used by pycocotools
for name in ("pycocotools.mask", "matplotlib", "matplotlib.pyplot", "matplotlib.collections", "matplotlib.patches"):
    stub = types.ModuleType(name)
    stub.PatchCollection = stub.Polygon = stub.use = None
    sys.modules[name] = stub
import pycocotools  # noqa: E402

pycocotools.mask = sys.modules["pycocotools.mask"]
from pycocotools.coco import COCO  # noqa: E402
from pycocotools.cocoeval import COCOeval  # noqa: E402

HEAD = """// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What COCO's own code computes for keypoints. Written by coco_keypoints_vectors.py, not by hand. */

#ifndef D2DET_TEST_COCO_KEYPOINTS_VECTORS_HPP
#define D2DET_TEST_COCO_KEYPOINTS_VECTORS_HPP

#include <vector>

namespace d2det_test
{

struct CocoKeypointsVector
{
    const char* name;
    int points;
    std::vector<double> sigmas;  //!< empty: COCO's
    std::vector<int> images, categories;
    //! image, category, x, y, width, height, area, crowd, num_keypoints, then x, y, visibility of each point
    std::vector<std::vector<double>> objects;
    //! image, category, score, x, y, width, height (0 0 0 0: the result has no box), then x, y of each point
    std::vector<std::vector<double>> detections;
    std::vector<double> summary;     //!< AP, AP50, AP75, APm, APl, AR, AR50, AR75, ARm, ARl
    std::vector<double> categoryAP;  //!< in the order of `categories`
};

// clang-format off
inline std::vector<CocoKeypointsVector> cocoKeypointsVectors()
{
    return {"""

TAIL = """    };
}
// clang-format on

}  // namespace d2det_test

#endif"""


class Case:
    """Random objects of all sizes; most are found, with noise, once or more."""

    def __init__(self, name, points, sigmas, images, categories, seed):
        self.name, self.points, self.sigmas = name, points, sigmas
        self.images, self.categories = images, categories
        self.random = random.Random(seed)
        self.objects, self.detections = [], []

    def place(self, side):
        """Points of an object of this size, and the box around its middle."""
        x, y = self.random.randint(0, 300), self.random.randint(0, 300)
        spots = [(x + self.random.randint(0, side), y + self.random.randint(0, side)) for _ in range(self.points)]
        return spots, [x, y, side, side]

    def find(self, image, category, spots, noise, box=None, score=None):
        score = self.random.randint(1, 99) / 100 if score is None else score
        row = [image, category, score] + (box or [0, 0, 0, 0])
        for x, y in spots:
            row += [round(x + self.random.gauss(0, noise), 1), round(y + self.random.gauss(0, noise), 1)]
        self.detections.append(row)

    def add(self, image, category, side, crowd=0, visible=None, count=None, copies=None, boxed=False):
        spots, box = self.place(side)
        seen = [self.random.choice([0, 1, 2, 2]) if visible is None else visible for _ in spots]
        row = [image, category] + box + [side * side * 0.6, crowd]
        row += [sum(v > 0 for v in seen) if count is None else count]
        for (x, y), v in zip(spots, seen):
            row += [x, y, v] if v else [0, 0, 0]
        self.objects.append(row)
        for _ in range(self.random.choice([0, 1, 1, 2]) if copies is None else copies):
            self.find(image, category, spots, side * self.random.choice([0.01, 0.04, 0.1]), box if boxed else None)

    def evaluate(self):
        truth = COCO()
        truth.dataset = {"images": [{"id": i} for i in self.images],
                         "categories": [{"id": c} for c in self.categories],
                         "annotations": [{"id": i + 1, "image_id": o[0], "category_id": o[1], "bbox": o[2:6],
                                          "area": o[6], "iscrowd": o[7], "num_keypoints": o[8], "keypoints": o[9:]}
                                         for i, o in enumerate(self.objects)]}
        truth.createIndex()
        results = []
        for d in self.detections:
            result = {"image_id": d[0], "category_id": d[1], "score": d[2], "keypoints": []}
            for x, y in zip(d[7::2], d[8::2]):
                result["keypoints"] += [x, y, 1]
            if any(d[3:7]):
                result["bbox"] = d[3:7]
            results.append(result)
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "keypoints")
        if self.sigmas:
            evaluation.params.kpt_oks_sigmas = numpy.array(self.sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        byCategory = []
        for category in self.categories:  # pycocotools sorts them
            values = evaluation.eval["precision"][:, :, sorted(self.categories).index(category), 0, 0]
            byCategory.append(values[values > -1].mean() if (values > -1).any() else -1.0)
        return list(evaluation.stats), byCategory

    def text(self):
        with contextlib.redirect_stdout(io.StringIO()):
            summary, byCategory = self.evaluate()

        def numbers(values):
            return "{" + ", ".join(repr(float(v)) if isinstance(v, numpy.floating) else repr(v) for v in values) + "}"

        lines = ['{"%s", %d, %s, %s, %s,' % (self.name, self.points, numbers(self.sigmas), numbers(self.images),
                                            numbers(self.categories))]
        for rows in (self.objects, self.detections):
            lines += ["{"] + [numbers(row) + "," for row in rows] + ["},"]
        lines += [numbers(summary) + ",", numbers(byCategory) + "},"]
        return "\n".join(textwrap.fill(line, 118) for line in lines)


def persons():
    case = Case("persons", 17, [], [4, 7, 9], [1], 1)
    for image in case.images:
        for _ in range(4):
            case.add(image, 1, case.random.randint(15, 220))
    return case


def special():
    """Every rule of its own, in two classes with sigmas given."""
    case = Case("special objects", 5, [0.05, 0.1, 0.03, 0.08, 0.06], [1, 2, 30], [6, 2], 2)
    for image in case.images:
        for category in case.categories:
            for _ in range(3):
                case.add(image, category, case.random.randint(20, 200))
    case.add(1, 6, 150, crowd=1, visible=0, copies=3)  # found inside of a crowd, more than once
    case.add(1, 6, 150, crowd=1, visible=2, copies=2)
    case.add(1, 6, 120, visible=2, count=0, copies=2)  # labeled, but counted as not
    case.add(1, 6, 110, visible=0, count=4, copies=2)  # not labeled, but counted: distances from the box
    case.add(30, 2, 60, visible=0, copies=1)
    spots, _ = case.place(140)
    for i in range(24):  # the 20 best count; the right one is among the others
        case.find(2, 6, spots, 30, score=0.9)
    case.add(2, 6, 90, visible=2, copies=0)
    case.find(2, 6, [case.objects[-1][9 + 3 * i:11 + 3 * i] for i in range(5)], 0, score=0.005)
    case.find(30, 2, [(1000, 1000)] * 5, 0)  # no area
    case.detections.append(list(case.detections[0]))  # a tie
    return case


def boxed():
    """Results with boxes much larger than their points: the box says whether a wrong one is medium or large."""
    case = Case("results with boxes", 3, [0.05] * 3, [1, 2], [1], 3)
    for image in case.images:
        for side in (40, 60, 80, 120, 150, 200):
            case.add(image, 1, side, visible=2, copies=1, boxed=True)
        for _ in range(3):
            spots, box = case.place(50)
            case.find(image, 1, spots, 0, box[:2] + [150, 150])
    return case


if __name__ == "__main__":
    print(HEAD)
    for make in (persons, special, boxed):
        print(make().text())
    print(TAIL)
