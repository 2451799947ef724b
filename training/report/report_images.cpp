// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "report/report_images.hpp"

#include <opencv2/d2det/drawing.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>

namespace d2det
{

namespace
{

constexpr int JPEG_QUALITY = 82;
const cv::Scalar FOUND(90, 190, 60), MISSED(0, 140, 255), CROWD(160, 160, 160), WRONG(40, 40, 235);  // BGR

std::vector<unsigned char> encode(const cv::Mat& image)
{
    std::vector<unsigned char> jpeg;
    cv::imencode(".jpg", image, jpeg, {cv::IMWRITE_JPEG_QUALITY, JPEG_QUALITY});
    return jpeg;
}

int classIndex(const std::vector<AnalyzedClass>& classes, int64_t id)
{
    const auto at = std::find_if(classes.begin(), classes.end(), [id](const AnalyzedClass& c) { return c.id == id; });
    return static_cast<int>(at - classes.begin());
}

//! A line with a dark border, visible on any background.
void drawFrame(cv::Mat& image, const cv::Rect2d& box, double scale, const cv::Scalar& color, int width)
{
    const cv::Rect frame(cvRound(box.x * scale), cvRound(box.y * scale), std::max(cvRound(box.width * scale), 1),
                         std::max(cvRound(box.height * scale), 1));
    cv::rectangle(image, frame, cv::Scalar(20, 20, 20), width + 2, cv::LINE_AA);
    cv::rectangle(image, frame, color, width, cv::LINE_AA);
}

void drawName(cv::Mat& image, const cv::Rect2d& box, double scale, const std::string& name, const cv::Scalar& color)
{
    int baseline = 0;
    const double size = 0.36;
    const cv::Size text = cv::d2det::measureText(name, size, 1, &baseline);
    const int x = std::clamp(cvRound(box.x * scale), 0, std::max(image.cols - text.width - 4, 0));
    const int y = std::max(cvRound(box.y * scale) - 3, text.height + 3);
    cv::rectangle(image, cv::Rect(x, y - text.height - 3, text.width + 4, text.height + 5), color, cv::FILLED);
    cv::d2det::drawText(image, name, cv::Point(x + 2, y - 1), size, cv::Scalar(20, 20, 20));
}

void drawObjects(cv::Mat& image, double scale, const DetectionSet& set, const ImageOutcome& outcome,
                 const std::vector<AnalyzedClass>& classes)
{
    const auto& objects = set.boxes.groundTruths();
    const auto draw = [&](const cv::d2det::CocoEvaluator::GroundTruth& object, const cv::Scalar& color)
    {
        drawFrame(image, object.box, scale, color, 2);
        if (classes.size() > 1)
            drawName(image, object.box, scale, classes[classIndex(classes, object.categoryId)].name, color);
    };
    for (const auto& object : objects)
        if (object.crowd && object.imageId == outcome.imageId)
            draw(object, CROWD);
    for (const int index : outcome.found)
        draw(objects[index], FOUND);
    for (const int index : outcome.missed)
        draw(objects[index], MISSED);
}

//! A mask in the size of the downscaled image; empty if there is none.
cv::Mat smallMask(const cv::d2det::Rle& rle, cv::Size size)
{
    cv::Mat mask;
    if (rle.empty())
        return mask;
    cv::d2det::rleDecode(rle, mask);
    cv::resize(mask, mask, size, 0, 0, cv::INTER_NEAREST);
    return mask;
}

void drawResults(cv::Mat& image, double scale, const DetectionSet& set, const ImageOutcome& outcome,
                 const std::vector<AnalyzedClass>& classes)
{
    std::vector<cv::String> names;
    for (const AnalyzedClass& c : classes)
        names.push_back(classes.size() > 1 ? c.name : "");  // no names needed for a single class
    const auto& detections = set.boxes.detections();
    cv::Mat1f rows(0, 6);
    std::vector<cv::Mat> masks;
    bool anyMask = false;
    for (const std::vector<int>* list : {&outcome.right, &outcome.ignored, &outcome.wrong})
        for (const int index : *list)
        {
            const cv::Rect2d& box = detections[index].box;
            const cv::Vec<double, 6> row(box.x * scale, box.y * scale, (box.x + box.width) * scale,
                                         (box.y + box.height) * scale, detections[index].score,
                                         classIndex(classes, detections[index].categoryId));
            rows.push_back(cv::Mat1f(cv::Mat(row).t()));
            masks.push_back(smallMask(detections[index].mask, image.size()));
            anyMask = anyMask || !masks.back().empty();
        }
    for (const int index : outcome.wrong)
    {
        const cv::Rect2d& box = detections[index].box;  // the frame surrounds the box of the detection
        const double margin = 4 / scale;
        drawFrame(image, {box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin}, scale,
                  WRONG, 2);
    }
    if (anyMask)
        cv::d2det::drawDetections(image, rows, masks, names);
    else
        cv::d2det::drawDetections(image, rows, names);
}

}  // namespace

ReportImage makeReportImage(const cv::Mat& image, const std::string& caption,
                            const std::vector<const DetectionSet*>& sets,
                            const std::vector<const ImageOutcome*>& outcomes, const std::vector<AnalyzedClass>& classes)
{
    const double scale = std::min(1., double(REPORT_IMAGE_SIDE) / std::max(image.cols, image.rows));
    cv::Mat small;
    cv::resize(image, small,
               cv::Size(std::max(cvRound(image.cols * scale), 1), std::max(cvRound(image.rows * scale), 1)), 0, 0,
               cv::INTER_AREA);
    ReportImage result;
    result.caption = caption;
    cv::Mat view = small.clone();
    drawObjects(view, scale, *sets[0], *outcomes[0], classes);
    result.views.push_back({"annotated", encode(view)});
    for (size_t i = 0; i < sets.size(); i++)
    {
        view = small.clone();
        drawResults(view, scale, *sets[i], *outcomes[i], classes);
        result.views.push_back({sets.size() > 1 ? sets[i]->name : "detected", encode(view)});
    }
    return result;
}

}  // namespace d2det
