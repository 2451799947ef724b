// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The whole detector with the bundled model, an image of 640 x 480 that the network sees in that size: image to boxes,
   to masks, and drawn. */

#include "perf_precomp.hpp"

namespace opencv_test
{
namespace
{

using cv::d2det::Detector;

//! An image with something everywhere; the time of a pass depends on what is found only a little.
Mat paintedImage()
{
    Mat coarse(15, 20, CV_8UC3), image;
    RNG rng(1);
    rng.fill(coarse, RNG::UNIFORM, 0, 256);
    cv::resize(coarse, image, Size(640, 480), 0, 0, INTER_CUBIC);
    return image;
}

Ptr<Detector> bundledModel()
{
    const Ptr<Detector> detector = Detector::create(D2DET_SOURCE_DIR "/data/models/d2det_mnv2_person.onnx");
    cv::d2det::InputParams params = detector->getInputParams();
    params.shortSide = 480;
    params.longSide = 640;
    detector->setInputParams(params);
    detector->setScoreThreshold(0.01f);  // something is found in any image: all stages have work
    return detector;
}

PERF_TEST(Detector640x480, detect)
{
    const Ptr<Detector> detector = bundledModel();
    const Mat image = paintedImage();
    Mat detections;
    detector->detect(image, detections);  // weights are packed in the first pass
    TEST_CYCLE() detector->detect(image, detections);
    ASSERT_FALSE(detections.empty());
    SANITY_CHECK_NOTHING();
}

PERF_TEST(Detector640x480, segment)
{
    const Ptr<Detector> detector = bundledModel();
    const Mat image = paintedImage();
    Mat detections;
    std::vector<Mat> masks;
    detector->segment(image, detections, masks);
    TEST_CYCLE() detector->segment(image, detections, masks);
    ASSERT_FALSE(masks.empty());
    SANITY_CHECK_NOTHING();
}

PERF_TEST(Detector640x480, draw)
{
    const Ptr<Detector> detector = bundledModel();
    const Mat image = paintedImage();
    Mat detections, drawn;
    std::vector<Mat> masks;
    detector->segment(image, detections, masks);
    const std::vector<String> names = detector->getClassNames();
    TEST_CYCLE()
    {
        image.copyTo(drawn);
        cv::d2det::drawDetections(drawn, detections, masks, names);
    }
    SANITY_CHECK_NOTHING();
}

}  // namespace
}  // namespace opencv_test
