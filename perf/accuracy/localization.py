#!/usr/bin/env python3
"""How exactly a model localizes: detections of the tune split of vhr10 beside the objects they belong to.

usage: localization.py MODEL [train|val]        (default val: every fifth training image)

Needs the Python bindings (scripts/build_in_tree.sh --python, PYTHONPATH=build/in-tree-4.6/lib/python3) and the shared
data (D2DET_DATA, default ../shared/data). Detections with a score of 0.3 and above that overlap an object of their
class by an IoU of 0.5 or more. Prints their number, the mean IoU, shares above 0.75 and 0.9, and mean and standard
deviation of the error of each side (left, top, right, bottom; positive: too far out) as a share of the object's side.
For models with dense local regression also that of the proposals.
"""
import json
import os
import sys

import cv2
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DATA = os.path.join(os.environ.get("D2DET_DATA", os.path.join(ROOT, "..", "shared", "data")), "vhr10")


def iou(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def report(name, boxes, objects):
    ious = np.array([iou(b, o) for b, o in zip(boxes, objects)])
    boxes, objects = np.array(boxes), np.array(objects)
    sides = (objects[:, 2:] - objects[:, :2])[:, [0, 1, 0, 1]]
    errors = (boxes - objects) / sides * [-1, -1, 1, 1]
    print(f"{name}: {len(ious)} matched, mean IoU {ious.mean():.4f}, above 0.75 {(ious > 0.75).mean():.3f}, "
          f"above 0.9 {(ious > 0.9).mean():.3f}, sides mean {errors.mean(0).round(3)} deviation {errors.std(0).round(3)}")


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    part = sys.argv[2] if len(sys.argv) > 2 else "val"
    with open(os.path.join(DATA, "instances_train.json")) as file:
        coco = json.load(file)
    names = {c["id"]: c["name"] for c in coco["categories"]}
    objects = {}
    for a in coco["annotations"]:
        x, y, w, h = a["bbox"]
        objects.setdefault((a["image_id"], names[a["category_id"]]), []).append([x, y, x + w, y + h])
    detector = cv2.d2det.Detector_create(sys.argv[1])
    detector.setScoreThreshold(0.3)
    classes = detector.getClassNames()
    found, proposals, matched = [], [], []
    for i, image in enumerate(sorted(coco["images"], key=lambda image: image["file_name"])):
        if (i % 5 == 4) != (part == "val"):
            continue
        pixels = cv2.imread(os.path.join(DATA, "images", image["file_name"]))
        try:
            items = detector.explain(pixels)[-1]
            items = [(e.classId, [e.box[0], e.box[1], e.box[0] + e.box[2], e.box[1] + e.box[3]],
                      [e.proposal[0], e.proposal[1], e.proposal[0] + e.proposal[2], e.proposal[1] + e.proposal[3]])
                     for e in items]
        except cv2.error:  # no dense local regression
            rows = detector.detect(pixels)
            items = [(int(row[5]), [float(v) for v in row[:4]], None) for row in (rows if rows is not None else [])]
        for class_id, box, proposal in items:
            near = max(objects.get((image["id"], classes[class_id]), []), key=lambda o: iou(box, o), default=None)
            if near is not None and iou(box, near) >= 0.5:
                found.append(box)
                proposals.append(proposal)
                matched.append(near)
    if not found:
        sys.exit("no detection matches an object")
    if proposals[0] is not None:
        report("proposals", proposals, matched)
    report("boxes", found, matched)


if __name__ == "__main__":
    main()
