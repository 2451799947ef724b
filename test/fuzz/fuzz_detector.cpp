// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A model file as a program takes it: Detector::create, then a pass. */

#include "common.hpp"
#include "onnx_mutator.hpp"

#include "onnx/check.hpp"
#include "onnx/half_weights.hpp"
#include "onnx/model_check.hpp"

#include <opencv2/d2det.hpp>

#include <vector>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    constexpr double MAX_OPERATIONS = 1e8, MAX_BYTES = 64 << 20;  // of a pass; more only costs time
    cv::setNumThreads(1);
    const std::vector<uchar> model(data, data + size);
    fuzz::reads(
        [&]
        {
            cv::Ptr<cv::d2det::Detector> detector = cv::d2det::Detector::create(model);
            const cv::d2det::PassCost cost =
                cv::d2det::ModelCheck(cv::d2det::widenHalfWeights(model, "model"), "model").cost();
            if (cost.operations > MAX_OPERATIONS || cost.bytes > MAX_BYTES)
                return;
            cv::Mat image(48, 64, CV_8UC3);
            cv::RNG(7).fill(image, cv::RNG::UNIFORM, 0, 256);
            cv::Mat found;
            detector->setScoreThreshold(0);
            detector->detect(image, found);
            if (detector->hasMasks())
            {
                std::vector<cv::Mat> masks;
                detector->segment(image, found, masks);
            }
        });
    return 0;
}
