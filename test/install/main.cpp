// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The smallest program of a user: reads the model named on the command line and looks at a gray image. */

#include <opencv2/d2det.hpp>

#include <iostream>

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    const cv::Ptr<cv::d2det::Detector> detector = cv::d2det::Detector::create(argv[1]);
    cv::Mat detections;
    detector->detect(cv::Mat(240, 320, CV_8UC3, cv::Scalar::all(127)), detections);
    std::cout << detector->getClassNames().at(0) << ": " << detections.rows << " detections in an empty image\n";
    return detections.rows == 0 ? 0 : 1;
}
