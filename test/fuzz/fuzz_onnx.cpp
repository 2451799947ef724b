// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The checks of a model file, without OpenCV's importer, and the changes before it. */

#include "common.hpp"
#include "onnx_mutator.hpp"

#include "onnx/check.hpp"
#include "onnx/half_weights.hpp"
#include "onnx/model_check.hpp"
#include "onnx/quantization.hpp"
#include "onnx/rewrite.hpp"

#include <opencv2/d2det/layers.hpp>

#include <vector>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const bool registered = (cv::d2det::registerLayers(), true);
    (void)registered;
    const std::vector<uchar> file(data, data + size);
    fuzz::reads([&] { cv::d2det::checkKindOfModel(file, "model"); });
    fuzz::reads(
        [&]
        {
            cv::d2det::checkOnnx(file.data(), file.size(), "model");
            const std::vector<uchar> model = cv::d2det::widenHalfWeights(file, "model");
            cv::d2det::checkOnnx(model.data(), model.size(), "widened");
            cv::d2det::OnnxQuantization quantization;
            const std::vector<uchar> plain = cv::d2det::takeQuantization(model, "model", quantization);
            cv::d2det::checkOnnx(plain.data(), plain.size(), "without quantization");
            cv::d2det::OnnxRewrite changes;
            changes.quantization = &quantization;
            changes.convolutions = changes.constantsAsAttributes = true;
            const std::vector<uchar> changed = cv::d2det::rewriteOnnx(plain, "model", changes);
            cv::d2det::checkOnnx(changed.data(), changed.size(), "changed");
            const cv::d2det::ModelCheck check(plain, "model");
            check.checkPass(2, 96, 64);
        });
    return 0;
}
