// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Detects objects in an image; prints and draws the detections.

   usage: sample_detect_image MODEL.onnx IMAGE RESULT [SCORE] */

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/d2det.hpp>
#include <opencv2/imgcodecs.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv)
{
    if (argc < 4)
    {
        std::cerr << "usage: " << argv[0] << " MODEL.onnx IMAGE RESULT [SCORE]\n";
        return 2;
    }
    // OpenCV 4 warns of each node outside ONNX's own domain while it reads a model.
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_ERROR);
    const cv::Ptr<cv::d2det::Detector> detector = cv::d2det::Detector::create(argv[1]);
    detector->setScoreThreshold(argc > 4 ? static_cast<float>(std::atof(argv[4])) : 0.5f);

    cv::Mat image = cv::imread(argv[2]);
    if (image.empty())
    {
        std::cerr << "cannot read " << argv[2] << "\n";
        return 1;
    }
    cv::Mat detections;  // N x 6 float: x1 y1 x2 y2 score class, in image pixels
    std::vector<cv::Mat> masks;
    if (detector->hasMasks())
        detector->segment(image, detections, masks);
    else
        detector->detect(image, detections);

    const std::vector<cv::String> names = detector->getClassNames();
    for (int i = 0; i < detections.rows; i++)
    {
        const float* d = detections.ptr<float>(i);
        std::cout << names.at(static_cast<size_t>(d[5])) << " " << d[4] << "  (" << d[0] << ", " << d[1] << ") - ("
                  << d[2] << ", " << d[3] << ")\n";
    }
    cv::d2det::drawDetections(image, detections, masks, names);
    return cv::imwrite(argv[3], image) ? 0 : 1;
}
