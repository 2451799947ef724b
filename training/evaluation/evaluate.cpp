// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Evaluation of a model; see evaluate.hpp. Boxes go from network-input pixels to image pixels by the image's resize factor. */

#include "evaluation/evaluate.hpp"

#include "data/input_params.hpp"
#include "opencv2/d2det/detector.hpp"
#include "opencv2/d2det/metrics.hpp"

#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <stdexcept>

namespace d2det
{

namespace
{

//! Annotated boxes refer to the pixels as they are stored, hence no rotation by EXIF. Empty if unreadable.
cv::Mat readImage(const std::string& path)
{
    try
    {
        return cv::imread(path, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    }
    catch (const cv::Exception&)
    {
        return cv::Mat();
    }
}

ImageBatch toBatch(const cv::Mat& image, const InputConfig& config)
{
    cv::Mat blob, imInfo;
    cv::d2det::prepareInput(image, toInputParams(config), blob, imInfo);
    const torch::Tensor images =
        torch::from_blob(blob.ptr<float>(), {1, 3, blob.size[2], blob.size[3]}, torch::kFloat).clone();
    ImageInfo info;
    info.height = static_cast<int>(imInfo.at<float>(0, 0));
    info.width = static_cast<int>(imInfo.at<float>(0, 1));
    info.scale = imInfo.at<float>(0, 2);
    return ImageBatch(images.contiguous(torch::MemoryFormat::ChannelsLast), {info});
}

//! Rows (batch, class, score, x1, y1, x2, y2); padding rows have score 0.
int64_t addDetections(const torch::Tensor& rows, double scale, const cv::Mat& image, int64_t imageId,
                      cv::d2det::CocoEvaluator& evaluator)
{
    const torch::Tensor table = rows.to(torch::kDouble).contiguous();
    const auto row = table.accessor<double, 2>();
    int64_t count = 0;
    for (int64_t i = 0; i < table.size(0); ++i)
    {
        if (!(row[i][2] > 0))
            continue;
        const double x1 = std::clamp(row[i][3] / scale, 0.0, static_cast<double>(image.cols));
        const double y1 = std::clamp(row[i][4] / scale, 0.0, static_cast<double>(image.rows));
        const double x2 = std::clamp(row[i][5] / scale, 0.0, static_cast<double>(image.cols));
        const double y2 = std::clamp(row[i][6] / scale, 0.0, static_cast<double>(image.rows));
        evaluator.addDetection(
            {imageId, static_cast<int64_t>(row[i][1]), cv::Rect2d(x1, y1, x2 - x1, y2 - y1), row[i][2]});
        ++count;
    }
    return count;
}

void addGroundTruth(const Dataset& dataset, int64_t numClasses, cv::d2det::CocoEvaluator& evaluator)
{
    std::vector<int64> imageIds, categories;
    for (int64_t category = 0; category < numClasses; ++category)
        categories.push_back(category);
    for (const ImageRecord& image : dataset.images)
    {
        imageIds.push_back(image.id);
        for (const Annotation& a : image.annotations)
            evaluator.addGroundTruth({image.id, a.category, cv::Rect2d(a.x, a.y, a.width, a.height), a.area, a.crowd});
    }
    evaluator.setImages(imageIds);
    evaluator.setCategories(categories);
}

}  // namespace

Evaluation evaluate(Detector& detector, const Dataset& dataset, double maxBadFraction,
                    const std::function<bool()>& stop)
{
    const auto start = std::chrono::steady_clock::now();
    const bool wasTraining = detector->is_training();
    detector->eval();
    cv::d2det::CocoEvaluator evaluator;
    addGroundTruth(dataset, detector->numClasses(), evaluator);

    Evaluation result;
    result.name = dataset.name;
    std::string firstBad;
    for (const ImageRecord& record : dataset.images)
    {
        if (stop && stop())
        {
            result.complete = false;
            break;
        }
        ++result.images;
        const cv::Mat image = readImage(record.path);
        if (image.empty())
        {
            if (result.unreadable++ == 0)
                firstBad = record.path;
            continue;
        }
        const ImageBatch batch = toBatch(image, detector->config.input);
        const InferenceTrace trace = detector->infer(batch);
        result.detections += addDetections(trace.detections, batch.infos[0].scale, image, record.id, evaluator);
    }
    detector->train(wasTraining);
    if (static_cast<double>(result.unreadable) >
        maxBadFraction * static_cast<double>(std::max<int64_t>(result.images, 1)))
        throw std::runtime_error(std::to_string(result.unreadable) + " of " + std::to_string(result.images) +
                                 " images of " + dataset.name + " cannot be read, the first is " + firstBad +
                                 " (data.max_bad_fraction allows fewer)");
    result.summary = evaluator.summarize();
    result.categoryAP = evaluator.perCategoryAP();
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
}

}  // namespace d2det
