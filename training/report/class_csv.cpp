// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "report/class_csv.hpp"

#include "base/text.hpp"

namespace d2det
{

namespace
{

std::string csvNumber(double value)
{
    return value >= 0 ? formatNumber(value, 6) : std::string();
}

std::string csvLine(const std::string& result, const Analysis& analysis, const std::string& className,
                    const std::string& categoryId, const std::vector<double>& averages, int objects, int detections,
                    const Outcomes& o, const std::vector<double>& more)
{
    std::string line = csvField(result) + "," + (analysis.iouType == cv::d2det::IOU_MASK ? "masks" : "boxes") + "," +
                       csvField(className) + "," + categoryId;
    for (const double value : averages)
        line += "," + csvNumber(value);
    for (const int value : {objects, detections})
        line += "," + std::to_string(value);
    line += "," + formatNumber(analysis.score, 6);
    for (const int value : {o.right, o.wrong, o.missed})
        line += "," + std::to_string(value);
    for (const double value : {o.precision(), o.recall(), o.f1()})
        line += "," + csvNumber(value);
    for (const double value : more)
        line += "," + csvNumber(value);
    return line + "\n";
}

std::string csvLines(const std::string& result, const Analysis& analysis)
{
    std::string text;
    int objects = 0, detections = 0;
    for (const ClassNumbers& c : analysis.classes)
    {
        objects += c.objects;
        detections += c.detections;
        text += csvLine(result, analysis, c.which.name, std::to_string(c.which.id), {c.ap, c.ap50, c.ap75, c.ar100},
                        c.objects, c.detections, c.outcomes, {c.ap90, -1, -1, -1});
    }
    const std::vector<double>& s = analysis.summary;
    return text + csvLine(result, analysis, "(all)", "", {s[0], s[1], s[2], s[8]}, objects, detections,
                          analysis.outcomes, {analysis.apByIou[8], s[3], s[4], s[5]});
}

}  // namespace

std::string classCsv(const std::vector<ReportResult>& results)
{
    std::string text =
        "result,iou,class,category_id,ap,ap50,ap75,ar100,objects,detections,score,right,wrong,missed,precision,recall,"
        "f1,ap90,ap_small,ap_medium,ap_large\n";
    for (const ReportResult& result : results)
        text += csvLines(result.name, result.boxes) + (result.masks ? csvLines(result.name, *result.masks) : "");
    return text;
}

}  // namespace d2det
