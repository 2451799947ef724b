#!/usr/bin/env python3
"""The bindings of the module: detector with the bundled model, drawing, masks, metrics.

The model is that of the project; another one is named by the environment variable D2DET_MODEL. An image with people in it
is looked at if D2DET_IMAGE names one.
"""
import os
import unittest

import cv2 as cv
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 5)
MODEL = os.environ.get("D2DET_MODEL", os.path.join(ROOT, "data", "models", "d2det_mnv2_person.onnx"))
IMAGE = os.environ.get("D2DET_IMAGE", "")


def noise(height, width):
    rng = np.random.RandomState(1)
    return cv.resize(rng.randint(0, 256, (height // 32, width // 32, 3)).astype(np.uint8), (width, height))


class DetectorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.detector = cv.d2det.Detector.create(MODEL)

    def setUp(self):
        self.detector.setScoreThreshold(0.001)

    def test_detect(self):
        image = noise(240, 320)
        detections = self.detector.detect(image)
        self.assertEqual(detections.dtype, np.float32)
        self.assertEqual(detections.shape[1], 6)
        self.assertGreater(len(detections), 0)
        self.assertTrue((np.diff(detections[:, 4]) <= 0).all())
        self.assertTrue((detections[:, 0] < detections[:, 2]).all() and (detections[:, 1] < detections[:, 3]).all())
        self.assertTrue((detections[:, :4] >= 0).all() and (detections[:, 2] <= 320).all())
        np.testing.assert_array_equal(detections, self.detector.detect(image))
        batch = self.detector.detectBatch([image, image])
        self.assertEqual(len(batch), 2)
        np.testing.assert_array_equal(detections, batch[1])

    def test_from_memory_and_from_net(self):
        image = noise(96, 128)
        expected = self.detector.detect(image)
        with open(MODEL, "rb") as file:
            buffer = np.frombuffer(file.read(), np.uint8)
        cv.d2det.registerLayers()
        # A network that somebody else has read keeps the convolutions of cv::dnn, which round differently.
        for detector, tolerance in ((cv.d2det.Detector.create(buffer), 0),
                                    (cv.d2det.Detector.create(cv.dnn.readNetFromONNX(MODEL)), 1e-3)):
            detector.setScoreThreshold(0.001)
            np.testing.assert_allclose(expected, detector.detect(image), atol=tolerance, rtol=tolerance)

    def test_settings(self):
        self.assertEqual(self.detector.getClassNames(), ("person",))
        self.detector.setScoreThreshold(0.25)
        self.assertEqual(self.detector.getScoreThreshold(), 0.25)
        mode = self.detector.getNMSMode()
        self.detector.setNMSMode(cv.d2det.NMS_SOFT_GAUSSIAN)
        self.assertEqual(self.detector.getNMSMode(), cv.d2det.NMS_SOFT_GAUSSIAN)
        self.detector.setNMSMode(mode)
        before = self.detector.getInputParams()
        params = self.detector.getInputParams()
        params.shortSide, params.longSide = 64, 96
        self.detector.setInputParams(params)
        self.assertEqual(self.detector.getInputParams().shortSide, 64)
        self.detector.detect(noise(96, 128))
        times, stages = self.detector.getTimings()
        self.assertEqual(len(times), len(stages))
        self.assertGreater(times[list(stages).index("backbone")], 0)
        self.detector.setInputParams(before)

    def test_segment_and_draw(self):
        self.assertTrue(self.detector.hasMasks())
        image = noise(240, 320)
        detections, masks, scores = self.detector.segment(image)
        np.testing.assert_array_equal(detections, self.detector.detect(image))
        self.assertEqual((len(masks), len(scores)), (len(detections), len(detections)))
        self.assertEqual(masks[0].shape, (240, 320))
        again, parts, _ = self.detector.segmentInBoxes(image)
        np.testing.assert_array_equal(again, detections)
        for mask, part in zip(masks, parts):
            np.testing.assert_array_equal(cv.d2det.pasteMask(part), mask)
            self.assertEqual(cv.d2det.rleToString(cv.d2det.rleEncode(part)),
                             cv.d2det.rleToString(cv.d2det.rleEncode(mask)))
        boxes_only = cv.d2det.drawDetections(image.copy(), detections[:1], ["someone"])
        with_masks = cv.d2det.drawDetections(image.copy(), detections[:1], masks[:1], ["someone"], 0.0)
        self.assertTrue((boxes_only != image).any())
        self.assertTrue((with_masks != boxes_only).any())

    def test_tiles(self):
        tiles = cv.d2det.TileParams()
        tiles.size, tiles.overlap = 160, 0.25
        self.assertEqual(len(cv.d2det.calculateTiles((400, 160), tiles)), 3)
        self.detector.setTiles(tiles)
        self.assertEqual(self.detector.getTiles().size, 160)
        self.detector.detect(noise(160, 400))
        self.detector.setTiles(cv.d2det.TileParams())

    def test_errors(self):
        with self.assertRaises(cv.error):
            cv.d2det.Detector.create("no such file.onnx")
        with self.assertRaises(cv.error):
            self.detector.detect(np.zeros((20, 20, 3), np.float32))

    @unittest.skipIf(not IMAGE, "D2DET_IMAGE is not set")
    def test_people(self):
        self.detector.setScoreThreshold(0.6)
        detections = self.detector.detect(cv.imread(IMAGE))
        self.assertGreater(len(detections), 0)
        self.assertTrue((detections[:, 5] == 0).all())


class MasksTest(unittest.TestCase):
    def test_run_lengths(self):
        mask = np.zeros((20, 30), np.uint8)
        mask[5:15, 3:13] = 1
        rle = cv.d2det.rleEncode(mask)
        self.assertEqual((rle.height, rle.width, rle.empty()), (20, 30, False))
        self.assertEqual(cv.d2det.rleArea(rle), 100)
        self.assertEqual(cv.d2det.rleBoundingBox(rle), (3, 5, 10, 10))
        np.testing.assert_array_equal(cv.d2det.rleDecode(rle), mask)
        text = cv.d2det.rleToString(rle)
        np.testing.assert_array_equal(cv.d2det.rleDecode(cv.d2det.rleFromString(text, 20, 30)), mask)
        polygons = cv.d2det.rleToPolygons(rle)
        self.assertEqual(len(polygons), 1)
        again = cv.d2det.rleFromPolygons([list(map(float, p)) for p in polygons], 20, 30)
        self.assertEqual(cv.d2det.rleIoU(rle, again), 1)

    def test_paste(self):
        mask = cv.d2det.pasteMask(np.ones((28, 28), np.float32), (2.0, 3.0, 12.0, 8.0), (20, 10))
        self.assertEqual(mask.shape, (10, 20))
        self.assertEqual(int((mask == 255).sum()), 50)


class MetricsTest(unittest.TestCase):
    def test_iou(self):
        a = np.array([[0, 0, 10, 10]], np.float64)
        b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float64)
        np.testing.assert_allclose(cv.d2det.calculateIoU(a, b), [[1, 1 / 3, 0]])
        np.testing.assert_allclose(cv.d2det.calculateIoU(a, b[1:2], format=cv.d2det.BOX_XYWH), [[50 / 200]])

    def test_coco(self):
        # Two objects, the better detection is right, the other one is wrong: precision 1 up to recall 0.5.
        evaluator = cv.d2det.CocoEvaluator()
        evaluator.setImages([7, 2**40])
        evaluator.setCategories(np.array([3]))
        evaluator.addGroundTruths(np.array([[7, 3, 0, 0, 50, 50, 2500, 0], [2**40, 3, 0, 0, 50, 50, 2500, 0]], float))
        evaluator.addDetections(np.array([[7, 3, 0, 0, 50, 50, 0.9], [2**40, 3, 200, 0, 50, 50, 0.8]], float))
        expected = 51 / 101
        numbers = evaluator.summarize()
        self.assertEqual(len(numbers), 12)
        for i in (0, 1, 2, 4):
            self.assertAlmostEqual(numbers[i], expected)
        self.assertEqual((numbers[3], numbers[8]), (-1, 0.5))
        self.assertAlmostEqual(evaluator.averagePrecision(0.5), expected)
        self.assertAlmostEqual(evaluator.perCategoryAP()[0], expected)
        self.assertAlmostEqual(evaluator.vocAveragePrecision(0.5, cv.d2det.VOC_2010), 0.5)
        self.assertAlmostEqual(evaluator.vocAveragePrecision(0.5, cv.d2det.VOC_2007), 6 / 11)

    def test_coco_masks(self):
        mask = np.zeros((20, 30), np.uint8)
        mask[5:15, 3:13] = 1
        rle = cv.d2det.rleEncode(mask)
        evaluator = cv.d2det.CocoEvaluator()
        evaluator.setImages([1])
        evaluator.setCategories([1])
        evaluator.addGroundTruths(np.array([[1, 1, 0, 0, 1, 1, 100, 0]], float), [rle])
        evaluator.addDetections(np.array([[1, 1, 9, 9, 1, 1, 0.5]], float), [rle])
        self.assertAlmostEqual(evaluator.summarize(cv.d2det.IOU_MASK)[0], 1)
        self.assertEqual(evaluator.summarize(cv.d2det.IOU_BOX)[0], 0)

    def test_errors(self):
        evaluator = cv.d2det.CocoEvaluator()
        with self.assertRaises(cv.error):
            evaluator.setImages([0.5])
        with self.assertRaises(cv.error):
            evaluator.addDetections(np.zeros((2, 6)))


if __name__ == "__main__":
    unittest.main()
