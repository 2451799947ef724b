// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Times any ONNX model with one image input inside cv::dnn::Net, as OpenCV runs it by itself.

   usage: d2det_net_benchmark NAME FILE.onnx HEIGHT WIDTH THREADS RUNS      prints NAME,threads,median ms */

#include <opencv2/dnn.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv)
try
{
    if (argc != 7)
    {
        std::fprintf(stderr, "usage: d2det_net_benchmark NAME FILE.onnx HEIGHT WIDTH THREADS RUNS\n");
        return 2;
    }
    cv::setNumThreads(std::atoi(argv[5]));
    cv::dnn::Net net = cv::dnn::readNetFromONNX(argv[2]);
    const int shape[] = {1, 3, std::atoi(argv[3]), std::atoi(argv[4])}, runs = std::max(std::atoi(argv[6]), 1);
    cv::Mat input(4, shape, CV_32F);
    cv::RNG(1).fill(input, cv::RNG::UNIFORM, 0., 1.);
    std::vector<double> times;
    for (int i = -1; i < runs; i++)
    {
        net.setInput(input);
        std::vector<cv::Mat> outputs;
        const int64 start = cv::getTickCount();
        net.forward(outputs, net.getUnconnectedOutLayersNames());
        if (i >= 0)
            times.push_back(static_cast<double>(cv::getTickCount() - start) * 1000. / cv::getTickFrequency());
    }
    std::sort(times.begin(), times.end());
    std::printf("%s,%d,%.3f\n", argv[1], cv::getNumThreads(), times[times.size() / 2]);
    return 0;
}
catch (const std::exception& e)
{
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
}
