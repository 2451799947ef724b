// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Runs a model with cv::dnn::readNet, without the class Detector: for programs with their own image preparation or with
   several models.

   usage: sample_read_net MODEL.onnx IMAGE [SIDE]        network input of SIDE x SIDE pixels, default 320 */

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/d2det.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgcodecs.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv)
{
    if (argc < 3)
    {
        std::cerr << "usage: " << argv[0] << " MODEL.onnx IMAGE [SIDE]\n";
        return 2;
    }
    const int side = argc > 3 ? std::atoi(argv[3]) : 320;  // a multiple of the model's divisor, usually 32
    const cv::Mat image = cv::imread(argv[2]);
    if (image.empty())
    {
        std::cerr << "cannot read " << argv[2] << "\n";
        return 1;
    }

    // OpenCV 4 warns of each node outside ONNX's own domain while it reads a model.
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_ERROR);
    cv::d2det::registerLayers();  // once per program
    cv::dnn::Net net = cv::dnn::readNet(argv[1]);

    // Input of the bundled model: RGB in -1 .. 1; Detector reads these parameters from the file (getInputParams).
    const cv::Mat blob =
        cv::dnn::blobFromImage(image, 1 / 127.5, cv::Size(side, side), cv::Scalar::all(127.5), /* swapRB */ true);
    const float size = static_cast<float>(side);
    const cv::Mat info(cv::Matx13f(size, size, 1.f));  // valid height and width of the input, scale
    net.setInput(blob, "image");
    net.setInput(info, "im_info");

    const cv::Mat found = net.forward("detections");  // K x 7: image, class, score, x1, y1, x2, y2 in input pixels
    const double scaleX = static_cast<double>(image.cols) / side, scaleY = static_cast<double>(image.rows) / side;
    for (int i = 0; i < found.size[0]; i++)
    {
        const float* d = found.ptr<float>(i);
        if (d[2] >= 0.5f)
            std::cout << "class " << d[1] << " " << d[2] << "  (" << d[3] * scaleX << ", " << d[4] * scaleY << ") - ("
                      << d[5] * scaleX << ", " << d[6] * scaleY << ")\n";
    }
    return 0;
}
