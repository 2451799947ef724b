"""Runs YOLOX-Nano over the images of a COCO file and writes its people as COCO results, for d2det_evaluate --results.

usage: yolox_person.py MODEL.onnx ANNOTATIONS.json IMAGES_FOLDER RESULTS.json      (needs Debian's python3-opencv)

Input 416x416, image kept in proportion at the top left, padded with 114, BGR 0..255; output rows (x, y, w, h, objectness,
80 classes) relative to cells of strides 8, 16, 32 (YOLOX, github.com/Megvii-BaseDetection/YOLOX). NMS at IoU 0.65.
"""
import json
import os
import sys

import cv2
import numpy

SIDE, STRIDES, NMS_IOU, MIN_SCORE = 416, (8, 16, 32), 0.65, 0.001


def grid():
    cells, strides = [], []
    for stride in STRIDES:
        n = SIDE // stride
        y, x = numpy.meshgrid(numpy.arange(n), numpy.arange(n), indexing="ij")
        cells.append(numpy.stack((x, y), axis=-1).reshape(-1, 2))
        strides.append(numpy.full((n * n, 1), stride))
    return numpy.concatenate(cells), numpy.concatenate(strides)


def main(model, annotations, folder, results_path):
    net = cv2.dnn.readNetFromONNX(model)
    coco = json.load(open(annotations, encoding="utf-8"))
    person = next(c["id"] for c in coco["categories"] if c["name"] == "person")
    cells, strides = grid()
    results = []
    for image in coco["images"]:
        pixels = cv2.imread(os.path.join(folder, image["file_name"]))
        scale = min(SIDE / pixels.shape[0], SIDE / pixels.shape[1])
        resized = cv2.resize(pixels, (int(pixels.shape[1] * scale), int(pixels.shape[0] * scale)))
        padded = numpy.full((SIDE, SIDE, 3), 114, numpy.uint8)
        padded[:resized.shape[0], :resized.shape[1]] = resized
        net.setInput(cv2.dnn.blobFromImage(padded, 1.0, (SIDE, SIDE), swapRB=False))
        rows = net.forward()[0]
        size = numpy.exp(rows[:, 2:4]) * strides / scale
        corner = (rows[:, :2] + cells) * strides / scale - size / 2
        scores = rows[:, 4] * rows[:, 5]  # class 0 is person
        boxes = numpy.concatenate((corner, size), axis=1)
        keep = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), MIN_SCORE, NMS_IOU)
        for i in numpy.array(keep).flatten()[:100]:
            results.append({"image_id": image["id"], "category_id": person,
                            "bbox": [round(float(v), 2) for v in boxes[i]], "score": round(float(scores[i]), 5)})
    json.dump(results, open(results_path, "w", encoding="utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
