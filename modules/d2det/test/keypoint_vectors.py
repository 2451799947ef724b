#!/usr/bin/python3
"""Writes keypoint_vectors.hpp: what pycocotools computes for keypoints, for the tests of CocoEvaluator.

usage: PYTHONPATH=FOLDER /usr/bin/python3 keypoint_vectors.py > keypoint_vectors.hpp

FOLDER has pycocotools, also only its Python files (PythonAPI of https://github.com/cocodataset/cocoapi): keypoints do
not need its extension module, nor matplotlib. Annotation ids begin at 1, as pycocotools treats id 0 as "not matched".
"""
import contextlib
import io
import sys
import textwrap
import types

import numpy as np

np.float = float  # removed from NumPy, still used by older pycocotools
try:
    import pycocotools._mask
except ImportError:
    sys.modules["pycocotools.mask"] = types.ModuleType("pycocotools.mask")
for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.collections", "matplotlib.patches"):
    stub = types.ModuleType(name)
    stub.PatchCollection = stub.Polygon = stub.use = None
    sys.modules.setdefault(name, stub)
import pycocotools

pycocotools.mask = sys.modules.get("pycocotools.mask")
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HEAD = """// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What COCOeval of pycocotools computes for keypoints. Written by keypoint_vectors.py, not by hand. */

#ifndef D2DET_TEST_KEYPOINT_VECTORS_HPP
#define D2DET_TEST_KEYPOINT_VECTORS_HPP

#include <vector>

namespace d2det_test
{

struct KeypointVector
{
    const char* name;
    int points;
    std::vector<double> sigmas;  //!< empty: COCO's
    std::vector<int> images, categories;
    //! Per object: image, category, x, y, width, height, area, crowd, num_keypoints, points x (x, y, visibility).
    std::vector<std::vector<double>> objects;
    std::vector<std::vector<double>> detections;  //!< image, category, score, points x (x, y)
    std::vector<double> summary;                  //!< AP, AP50, AP75, APm, APl, AR, AR50, AR75, ARm, ARl
    std::vector<double> categoryAP;
};

inline std::vector<KeypointVector> keypointVectors()
{
    // clang-format off
    return {"""

TAIL = """    };
    // clang-format on
}

}  // namespace d2det_test

#endif"""


def numbers(values):
    return "{" + ", ".join(repr(x.item() if hasattr(x, "item") else x) for x in values) + "}"


def rows(lists):
    return "{" + ",\n".join(numbers(x) for x in lists) + "}"


def evaluate(images, categories, objects, detections, sigmas):
    truth = COCO()
    truth.dataset = {"images": [{"id": i} for i in images], "categories": [{"id": c} for c in categories],
                     "annotations": []}
    for i, o in enumerate(objects):
        truth.dataset["annotations"].append(
            {"id": i + 1, "image_id": o[0], "category_id": o[1], "bbox": o[2:6], "area": o[6], "iscrowd": o[7],
             "num_keypoints": o[8], "keypoints": o[9:]})
    truth.createIndex()
    results = [{"image_id": d[0], "category_id": d[1], "score": d[2],
                "keypoints": [v for x, y in zip(d[3::2], d[4::2]) for v in (x, y, 1)]} for d in detections]
    evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
    if sigmas:
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, 0]  # [thresholds, recall points, categories]
    byCategory = []
    for category in categories:
        k = sorted(categories).index(category)  # pycocotools' order
        valid = precision[:, :, k][precision[:, :, k] > -1]
        byCategory.append(valid.mean() if valid.size else -1)
    return evaluation.stats, byCategory


def make(name, points, sigmas, images, categories, perImage, random, special):
    """Objects of all sizes; most are found once or twice with noise, some not at all; false detections."""
    objects, detections = [], []

    def number(x):
        return float(np.round(x, 1))

    def add(image, category, side, crowd=0, visibility=None, count=None, copies=None):
        x, y = random.uniform(0, 300, 2)
        width, height = side, side * random.uniform(0.6, 1.6)
        shown = random.integers(0, 3, points) if visibility is None else np.full(points, visibility)
        place = np.stack([x + random.uniform(0, 1, points) * width, y + random.uniform(0, 1, points) * height], 1)
        row = [image, category, number(x), number(y), number(width), number(height), number(width * height * 0.6),
               crowd, int((shown > 0).sum()) if count is None else count]
        for p, v in zip(place, shown):
            row += [number(p[0]), number(p[1]), int(v)] if v else [0, 0, 0]
        objects.append(row)
        for _ in range(int(random.integers(0, 3)) if copies is None else copies):
            noise = side * random.choice([0.01, 0.04, 0.12])
            found = place + random.normal(0, noise, place.shape)
            score = number(random.uniform(0, 100)) / 100
            detections.append([image, category, score] + [number(v) for v in found.flatten()])

    for image in images:
        for _ in range(perImage):
            add(image, int(random.choice(categories)), random.uniform(15, 220))
    if special:
        first, category = images[0], categories[0]
        add(first, category, 150, crowd=1, visibility=0, copies=3)  # found inside of a crowd
        add(first, category, 120, visibility=2, count=0, copies=2)  # labeled, but counted as not
        add(first, category, 110, visibility=0, count=4, copies=1)  # not labeled, but counted: box of threefold sides
        add(first, category, 90, visibility=0, copies=1)
        add(images[1], category, 140, visibility=2, copies=24)  # more than 20 detections
        detections.append([images[-1], category, 0.5] + [1000.0] * (2 * points))  # hull without area
        detections.append(list(detections[0]))  # tie
    with contextlib.redirect_stdout(io.StringIO()):
        summary, byCategory = evaluate(images, categories, objects, detections, sigmas)
    text = '{"%s", %d, %s, %s, %s,\n%s,\n%s,\n%s, %s},' % (
        name, points, numbers(sigmas), numbers(images), numbers(categories), rows(objects), rows(detections),
        numbers(summary), numbers(byCategory))
    return "\n".join(textwrap.fill(line, 118) for line in text.split("\n"))


print(HEAD)
print(make("persons", 17, [], [4, 7, 9], [1], 5, np.random.default_rng(1), False))
print(make("two classes", 4, [0.05, 0.1, 0.03, 0.08], [11, 3, 8, 20], [5, 2], 8, np.random.default_rng(2), False))
print(make("special objects", 5, [0.05] * 5, [1, 2, 3], [1, 6], 4, np.random.default_rng(3), True))
print(TAIL)
