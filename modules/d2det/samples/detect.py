#!/usr/bin/env python3
"""Finds objects in an image with a D2Det model, draws them and saves the image.

usage: detect.py MODEL.onnx IMAGE RESULT [SCORE]
"""
import sys

import cv2 as cv

model, image, result = sys.argv[1:4]
detector = cv.d2det.Detector.create(model)
detector.setScoreThreshold(float(sys.argv[4]) if len(sys.argv) > 4 else 0.5)
image = cv.imread(image)
if image is None:
    sys.exit("cannot read " + image)
names = detector.getClassNames()
if detector.hasMasks():
    detections, masks, mask_scores = detector.segment(image)
    cv.d2det.drawDetections(image, detections, masks, names)
else:
    detections = detector.detect(image)
    cv.d2det.drawDetections(image, detections, names)
for x1, y1, x2, y2, score, label in detections if detections is not None else []:
    print("%-12s %.3f  (%.1f, %.1f) - (%.1f, %.1f)" % (names[int(label)], score, x1, y1, x2, y2))
if not cv.imwrite(result, image):
    sys.exit("cannot write " + result)
