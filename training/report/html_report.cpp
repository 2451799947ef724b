// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The page of an evaluation, section by section. */

#include "report/html_report.hpp"

#include "base/text.hpp"
#include "report/confusion_markup.hpp"
#include "report/html_elements.hpp"
#include "report/markup.hpp"
#include "report/svg_plot.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace d2det
{

using namespace html;

namespace
{

constexpr size_t MAX_TEXT = 2000;  //!< characters of a detail
const double UNDEFINED = std::numeric_limits<double>::quiet_NaN();

const char* const STYLE =
#include "html_report_css.inc"
    ;

double orGap(double value)
{
    return value < 0 ? UNDEFINED : value;
}

struct SummaryNumber
{
    const char* name;
    const char* meaning;
};

const SummaryNumber SUMMARY[12] = {{"AP", "IoU 0.50 to 0.95"},
                                   {"AP50", "IoU 0.50"},
                                   {"AP75", "IoU 0.75"},
                                   {"AP small", "objects up to 32 x 32 pixels"},
                                   {"AP medium", "up to 96 x 96 pixels"},
                                   {"AP large", "larger"},
                                   {"AR 1", "recall with 1 detection per image and class"},
                                   {"AR 10", "with 10"},
                                   {"AR 100", "with 100"},
                                   {"AR small", "with 100, small objects"},
                                   {"AR medium", "medium"},
                                   {"AR large", "large"}};

//! Evaluation of one detector by boxes or masks.
struct ResultView
{
    std::string label;
    const Analysis* analysis;
    const ResultView* base;  //!< baseline of the comparison, nullptr: none
    int color;
    bool masks;
};

class PageWriter
{
public:
    explicit PageWriter(const Report& report);
    std::string write();

private:
    bool several() const { return report_.results.size() > 1; }
    void addHeadline();
    std::string summaryTable(size_t first, size_t last) const;
    std::string keypointTable() const;
    void addSummaryTable();
    void addRunDetails();
    void addStageTimes();
    void addQuality();
    void addClasses();
    std::string classTable(const ReportResult& result) const;
    std::string classComparison() const;
    void addCurves();
    void addErrors();
    void addConfusions();
    void addImages(const char* id, const std::string& title, const std::string& text,
                   const std::vector<ReportImage>& images);
    std::string plots(const std::vector<std::string>& svgs) const;
    std::vector<const ResultView*> boxViews() const;

    const Report& report_;
    std::vector<ResultView> views_;
    std::string body_;
};

PageWriter::PageWriter(const Report& report) : report_(report)
{
    views_.reserve(2 * report.results.size());  // views contain pointers to each other
    bool anyMasks = false;
    for (const ReportResult& result : report.results)
        anyMasks = anyMasks || result.masks;
    const ResultView *firstBoxes = nullptr, *firstMasks = nullptr;
    for (size_t i = 0; i < report.results.size(); i++)
    {
        const ReportResult& result = report.results[i];
        const std::string own = shortened(result.name, 40);
        const int color = static_cast<int>(i);
        views_.push_back({anyMasks ? own + ", boxes" : own, &result.boxes, firstBoxes, color, false});
        firstBoxes = firstBoxes ? firstBoxes : &views_.back();
        if (!result.masks)
            continue;
        views_.push_back({own + ", masks", &*result.masks, firstMasks, color, true});
        firstMasks = firstMasks ? firstMasks : &views_.back();
    }
}

std::vector<const ResultView*> PageWriter::boxViews() const
{
    std::vector<const ResultView*> result;
    for (const ResultView& view : views_)
        if (!view.masks)
            result.push_back(&view);
    return result;
}

std::string PageWriter::plots(const std::vector<std::string>& svgs) const
{
    std::string text = "<div class=\"plots\">\n";
    for (const std::string& svg : svgs)
        text += card(svg);
    return text + "</div>\n";
}

void PageWriter::addHeadline()
{
    body_ += heading("numbers", "Result");
    for (const ResultView& view : views_)
    {
        if (views_.size() > 1)
            body_ += "<h3>" + escapeMarkup(view.label) + "</h3>\n";
        body_ += "<div class=\"tiles\">\n";
        const auto tile = [&](const std::string& value, const std::string& what)
        { body_ += "<div class=\"tile\"><b>" + value + "</b><span>" + what + "</span></div>\n"; };
        const std::vector<double>& s = view.analysis->summary;
        tile(metric(s[0]), "AP, IoU 0.50 to 0.95");
        tile(metric(s[1]), "AP50");
        tile(metric(s[2]), "AP75");
        tile(metric(view.analysis->outcomes.precision(), 2), "precision at score " + metric(view.analysis->score, 2));
        tile(metric(view.analysis->outcomes.recall(), 2), "recall at that score");
        body_ += "</div>\n";
    }
    addSummaryTable();
}

//! Rows [first, last) of the twelve numbers.
std::string PageWriter::summaryTable(size_t first, size_t last) const
{
    std::string header = head("COCO metric", false) + head("", false);
    for (const ResultView& view : views_)
        header += head(views_.size() > 1 ? escapeMarkup(view.label) : "value") + (view.base ? head("difference") : "");
    std::string rows;
    for (size_t i = first; i < last; i++)
    {
        rows +=
            "<tr><td>" + std::string(SUMMARY[i].name) + "</td><td class=\"soft small\">" + SUMMARY[i].meaning + "</td>";
        for (const ResultView& view : views_)
        {
            rows += views_.size() > 1 ? cell(metric(view.analysis->summary[i])) : barCell(view.analysis->summary[i]);
            if (view.base)
                rows += differenceCell(view.analysis->summary[i], view.base->analysis->summary[i]);
        }
        rows += "</tr>\n";
    }
    return card(tableOf(header, rows));
}

//! The ten numbers of the detectors whose keypoints were measured; empty: of none.
std::string PageWriter::keypointTable() const
{
    static const char* const names[] = {"AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"};
    std::string header = head("keypoints (OKS)", false), rows;
    for (const char* name : names)
        header += head(name);
    for (const ReportResult& result : report_.results)
    {
        if (result.keypoints.empty())
            continue;
        rows += "<tr><td>" + name(result.name) + "</td>";
        for (const double value : result.keypoints)
            rows += cell(metric(value));
        rows += "</tr>\n";
    }
    return rows.empty() ? std::string() : card(tableOf(header, rows));
}

void PageWriter::addSummaryTable()
{
    body_ += views_.size() > 1 ? summaryTable(0, 12)
                               : "<div class=\"plots\">\n" + summaryTable(0, 6) + summaryTable(6, 12) + "</div>\n";
    body_ += keypointTable();
    body_ += softText(
        "Average precision (AP) and recall (AR) as pycocotools computes them: mean over the classes that have objects; "
        "\"-\": there is nothing to measure. " +
        std::string(several() ? "Differences are to the first detector." : ""));
}

void PageWriter::addRunDetails()
{
    body_ += heading("run", "Run");
    const auto rows = [](const NamedTexts& details)
    {
        std::string text;
        for (const auto& entry : details)
            text += "<tr><td class=\"key\">" + escapeMarkup(entry.first) + "</td><td class=\"text\"><code>" +
                    escapeMarkup(shortened(entry.second, MAX_TEXT)) + "</code></td></tr>\n";
        return text;
    };
    body_ += card("<table class=\"wide\">\n" + rows(report_.details) + "</table>\n");
    for (const ReportResult& result : report_.results)
    {
        NamedTexts details = result.details;
        for (const std::string& note : result.notes)
            details.emplace_back("note", note);
        if (details.empty())
            continue;
        if (several())
            body_ += "<h3>" + name(result.name) + "</h3>\n";
        body_ += card("<table class=\"wide\">\n" + rows(details) + "</table>\n");
    }
    addStageTimes();
}

void PageWriter::addStageTimes()
{
    for (const ReportResult& result : report_.results)
    {
        double total = 0;
        for (const auto& stage : result.stageTimes)
            total += stage.second;
        if (!(total > 0))
            continue;
        std::string rows;
        for (const auto& stage : result.stageTimes)
            rows += "<tr><td>" + escapeMarkup(stage.first) + "</td>" + cell(formatNumber(stage.second, 1)) +
                    "<td class=\"n bar\" style=\"--v:" + formatNumber(100 * stage.second / total, 1) + "%\">" +
                    formatNumber(100 * stage.second / total, 1) + " %</td></tr>\n";
        rows += "<tr class=\"total\"><td>total</td>" + cell(formatNumber(total, 1)) + cell("") + "</tr>\n";
        body_ += "<h3>Time per image" + (several() ? ": " + name(result.name) : std::string()) + "</h3>\n";
        body_ += card(tableOf(head("stage", false) + head("mean ms") + head("share"), rows));
    }
}

void PageWriter::addQuality()
{
    body_ += heading("quality", "Localization and size");
    std::vector<Series> byIou, bySize;
    for (const ResultView& view : views_)
    {
        const std::string label = views_.size() > 1 ? view.label : "";
        Series line{label, iouThresholds(), {}, view.masks, view.color};
        for (const double ap : view.analysis->apByIou)
            line.y.push_back(orGap(ap));
        byIou.push_back(line);
        const std::vector<double>& s = view.analysis->summary;
        bySize.push_back(
            {label, {}, {orGap(s[3]), orGap(s[4]), orGap(s[5])}, false, view.masks ? view.color + 4 : view.color});
    }
    PlotOptions iou;
    iou.title = "AP by IoU threshold";
    iou.xLabel = "IoU that a box must reach";
    iou.markers = true;
    iou.yMin = 0;
    iou.yMax = 1;
    iou.xMin = 0.5;
    iou.xMax = 0.95;
    PlotOptions size;
    size.title = "AP by object size";
    size.yMin = 0;
    size.yMax = 1;
    body_ += plots({linePlot(byIou, iou), barPlot({"small", "medium", "large"}, bySize, size)});
    body_ += softText(
        "A detector that places its boxes well keeps its AP far to the right in the first chart. Sizes are "
        "COCO's: area up to 32 x 32, up to 96 x 96, larger.");
}

//! Header and cells of the operating point.
std::string outcomeCells(const Outcomes& outcomes)
{
    return cell(outcomes.right) + cell(outcomes.wrong) + cell(outcomes.missed) + cell(metric(outcomes.precision(), 2)) +
           cell(metric(outcomes.recall(), 2)) + cell(metric(outcomes.f1(), 2));
}

std::string PageWriter::classTable(const ReportResult& result) const
{
    std::string header = head("class", false) + head("AP") + head("AP50") + head("AP75") + head("AR100") +
                         (result.masks ? head("mask AP") : "") + head("objects") + head("detections");
    for (const char* column : {"right", "wrong", "missed", "precision", "recall", "F1"})
        header += head(column);
    std::string rows;
    for (size_t i = 0; i < result.boxes.classes.size(); i++)
    {
        const ClassNumbers& c = result.boxes.classes[i];
        rows += "<tr><td>" + name(c.which.name) + "</td>" + barCell(c.ap) + barCell(c.ap50) + barCell(c.ap75) +
                barCell(c.ar100) + (result.masks ? barCell(result.masks->classes[i].ap) : "") + cell(c.objects) +
                cell(c.detections) + outcomeCells(c.outcomes) + "</tr>\n";
    }
    if (result.boxes.classes.size() > 1)
    {
        const std::vector<double>& s = result.boxes.summary;
        int objects = 0, detections = 0;
        for (const ClassNumbers& c : result.boxes.classes)
        {
            objects += c.objects;
            detections += c.detections;
        }
        rows += "<tr class=\"total\"><td>all</td>" + barCell(s[0]) + barCell(s[1]) + barCell(s[2]) + barCell(s[8]) +
                (result.masks ? barCell(result.masks->summary[0]) : "") + cell(objects) + cell(detections) +
                outcomeCells(result.boxes.outcomes) + "</tr>\n";
    }
    return tableOf(header, rows);
}

std::string PageWriter::classComparison() const
{
    const std::vector<const ResultView*> views = boxViews();
    std::string header = head("class", false) + head("objects");
    for (const ResultView* view : views)
        header += head("AP " + escapeMarkup(view->label)) + (view->base ? head("difference") : "");
    std::string rows;
    for (size_t i = 0; i < views[0]->analysis->classes.size(); i++)
    {
        const ClassNumbers& first = views[0]->analysis->classes[i];
        rows += "<tr><td>" + name(first.which.name) + "</td>" + cell(first.objects);
        for (const ResultView* view : views)
            rows += barCell(view->analysis->classes[i].ap) +
                    (view->base ? differenceCell(view->analysis->classes[i].ap, first.ap) : "");
        rows += "</tr>\n";
    }
    return tableOf(header, rows);
}

void PageWriter::addClasses()
{
    body_ += heading("classes", "Classes");
    if (several())
        body_ += card(classComparison());
    for (const ReportResult& result : report_.results)
    {
        const std::string table = card(classTable(result));
        body_ += several()
                     ? "<details><summary>All numbers: " + name(result.name) + "</summary>\n" + table + "</details>\n"
                     : table;
    }
    std::string scores;
    for (const ReportResult& result : report_.results)
        scores += (scores.empty() ? "" : ", ") + metric(result.boxes.score, 2) +
                  (several() ? " (" + name(result.name) + ")" : "");
    body_ += softText(
        "Right, wrong, missed, precision, recall and F1 are counted at IoU 0.5 among detections with a score "
        "of at least " +
        scores +
        ", unless chosen otherwise the score of the highest F1; detections are counted at any score, at "
        "most 100 per image and class. Crowd regions are not counted.");
}

void PageWriter::addCurves()
{
    body_ += heading("curves", "Precision, recall and score");
    struct Kind
    {
        const char* name;
        std::vector<double> PrecisionCurves::*curve;
    };
    static const Kind kinds[] = {{"IoU 0.50", &PrecisionCurves::iou50},
                                 {"IoU 0.75", &PrecisionCurves::iou75},
                                 {"IoU 0.90", &PrecisionCurves::iou90},
                                 {"mean of IoU 0.50 to 0.95", &PrecisionCurves::mean}};
    std::vector<double> recall;
    for (int i = 0; i <= 100; i++)
        recall.push_back(i * 0.01);
    PlotOptions options;
    options.xLabel = "recall";
    options.yLabel = "precision";
    options.xMin = options.yMin = 0;
    options.xMax = options.yMax = 1;
    const auto line = [&](const ResultView& view, const Kind& kind, const std::string& label, int color)
    {
        const std::vector<double>& y = view.analysis->precision.*kind.curve;
        return Series{label, y.empty() ? std::vector<double>() : recall, y, view.masks, color};
    };
    std::vector<std::string> charts;
    if (views_.size() == 1)
    {
        std::vector<Series> series;
        for (int k = 0; k < 4; k++)
            series.push_back(line(views_[0], kinds[k], kinds[k].name, k));
        options.title = "Precision over recall";
        charts.push_back(linePlot(series, options));
    }
    else
        for (const Kind& kind : kinds)
        {
            std::vector<Series> series;
            for (const ResultView& view : views_)
                series.push_back(line(view, kind, view.label, view.color));
            options.title = std::string("Precision over recall, ") + kind.name;
            charts.push_back(linePlot(series, options));
        }

    options.xLabel = "score threshold";
    options.yLabel = "";
    options.xMin = options.xMax = UNDEFINED;
    if (views_.size() == 1)
    {
        const ScoreCurve& c = views_[0].analysis->byScore;
        options.title = "At IoU 0.5, by score threshold";
        charts.push_back(linePlot(
            {{"precision", c.score, c.precision}, {"recall", c.score, c.recall}, {"F1", c.score, c.f1}}, options));
    }
    else
        for (const auto& kind : {std::make_pair("Precision", &ScoreCurve::precision),
                                 std::make_pair("Recall", &ScoreCurve::recall), std::make_pair("F1", &ScoreCurve::f1)})
        {
            std::vector<Series> series;
            for (const ResultView& view : views_)
                series.push_back({view.label, view.analysis->byScore.score, view.analysis->byScore.*kind.second,
                                  view.masks, view.color});
            options.title = std::string(kind.first) + " at IoU 0.5, by score threshold";
            charts.push_back(linePlot(series, options));
        }
    body_ += plots(charts);
    body_ += softText(
        "Precision over recall: mean over the classes of COCO's interpolated curve; the area below a curve "
        "is its AP. By score: all classes together, at most 100 detections per image and class.");
}

void PageWriter::addErrors()
{
    body_ += heading("errors", "What goes wrong");
    std::vector<std::string> names;
    for (int type = 0; type < NUM_ERROR_TYPES; type++)
        names.push_back(errorName(type));
    std::vector<Series> costs, counts;
    for (const ResultView& view : views_)
    {
        const ErrorBreakdown& e = view.analysis->errors;
        const int color = view.masks ? view.color + 4 : view.color;
        costs.push_back({views_.size() > 1 ? view.label : "", {}, {e.cost.begin(), e.cost.end()}, false, color});
        counts.push_back({views_.size() > 1 ? view.label : "", {}, {e.counts.begin(), e.counts.end()}, false, color});
    }
    PlotOptions cost;
    cost.title = "AP50 that each kind of error costs";
    PlotOptions count;
    count.title = "Number of errors at the operating point";
    count.valueDecimals = 0;
    body_ += plots({barPlot(names, costs, cost), barPlot(names, counts, count)});

    static const char* const meanings[NUM_ERROR_TYPES] = {
        "right class, IoU with an object from 0.1 to 0.5",
        "IoU of at least 0.5 with an object of another class",
        "IoU of at least 0.5 with an object that a better detection has",
        "no object has an IoU of 0.1 or more",
        "wrong class and too little overlap",
        "object that no detection has found, nor one of the first two kinds points at"};
    std::string header = head("kind", false);
    for (const ResultView& view : views_)
    {
        const std::string label = views_.size() > 1 ? escapeMarkup(view.label) + ": " : "";
        header += head(label + "cost in AP50") + head("number") + head("at any score");
    }
    std::string rows;
    for (int type = 0; type < NUM_ERROR_TYPES; type++)
    {
        rows += "<tr><td class=\"kind\">" + names[type] + "<div class=\"soft small\">" + meanings[type] + "</div></td>";
        for (const ResultView& view : views_)
            rows += barCell(std::max(view.analysis->errors.cost[type], 0.)) + cell(view.analysis->errors.counts[type]) +
                    cell(view.analysis->errors.all[type]);
        rows += "</tr>\n";
    }
    body_ += card(tableOf(header, rows));
    body_ += softText(
        "Kinds of errors as defined by TIDE (Bolya et al., ECCV 2020). A wrong detection is of the first kind that "
        "holds, "
        "in the order localization, classification, duplicate, background, both. The cost is the AP50 gained if all "
        "errors "
        "of this kind were fixed: a box or class put right where its object was not found otherwise, any other wrong "
        "detection removed, missed objects left out of the count. Costs need not add up to 1 &#8722; AP50, because "
        "errors "
        "hide each other; with all kinds fixed AP50 is 1. The cost looks at detections of any score, the number at "
        "those "
        "of the operating point.");
}

void PageWriter::addConfusions()
{
    body_ += heading("confusion", "Confusion");
    body_ += softText(
        "IoU of at least 0.5, detections at the operating point. A detection is first matched with objects "
        "of its class; what is left over then with unfound objects of other classes, best score first. "
        "Rows: what is annotated, the last row is background; columns: what was detected, the last column "
        "is objects not found. Colors by share of the row.");
    for (const ReportResult& result : report_.results)
    {
        if (several())
            body_ += "<h3>" + name(result.name) + ", score " + metric(result.boxes.score, 2) + "</h3>\n";
        body_ += confusionMarkup(result.boxes);
    }
}

void PageWriter::addImages(const char* id, const std::string& title, const std::string& text,
                           const std::vector<ReportImage>& images)
{
    if (images.empty())
        return;
    body_ += heading(id, title) + softText(text);
    body_ +=
        "<p class=\"small\"><span class=\"key-found\">object, found</span><span class=\"key-missed\">object, "
        "missed</span><span class=\"key-wrong\">detection, wrong</span></p>\n<div class=\"images\">\n";
    for (const ReportImage& image : images)
    {
        body_ += "<figure>\n<figcaption>" + escapeMarkup(shortened(image.caption, 300)) +
                 "</figcaption>\n<div class=\"views\">\n";
        for (const ReportImage::View& view : image.views)
            body_ += "<div><img alt=\"" + name(view.label) + "\" src=\"data:image/jpeg;base64," + base64(view.jpeg) +
                     "\"><span>" + name(view.label) + "</span></div>\n";
        body_ += "</div>\n</figure>\n";
    }
    body_ += "</div>\n";
}

std::string PageWriter::write()
{
    addHeadline();
    addRunDetails();
    addQuality();
    addClasses();
    addCurves();
    addErrors();
    addConfusions();
    const std::string first = several() ? " of " + name(report_.results[0].name) : std::string();
    addImages("worst", "Worst images" + first,
              "The images with the most errors, wrong plus missed, at the operating point; among equals the one with "
              "the lower F1 first. Detections below the operating point are not drawn.",
              report_.worst);
    addImages("best", "Best images" + first,
              "The images with the highest F1 at the operating point; among equals the one with more objects first.",
              report_.best);

    static const std::pair<const char*, const char*> links[] = {
        {"numbers", "Result"},      {"run", "Run"},       {"quality", "Localization"},
        {"classes", "Classes"},     {"curves", "Curves"}, {"errors", "Errors"},
        {"confusion", "Confusion"}, {"worst", "Worst"},   {"best", "Best"}};
    std::string nav = "<nav>";
    for (const auto& link : links)
        if (body_.find("<h2 id=\"" + std::string(link.first) + "\"") != std::string::npos)
            nav += "<a href=\"#" + std::string(link.first) + "\">" + link.second + "</a>";
    const std::string title = escapeMarkup(shortened(report_.title, 200));
    std::string names;
    for (const ReportResult& result : report_.results)
        names += (names.empty() ? "" : " &#183; ") + name(result.name);
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
           "content=\"width=device-width, initial-scale=1\">\n<title>" +
           title + "</title>\n<style>" + STYLE + "</style>\n</head>\n<body>\n<main>\n<h1>" + title +
           "</h1>\n<div class=\"soft\">" + names + "</div>\n" + nav + "</nav>\n" + body_ +
           "</main>\n</body>\n</html>\n";
}

}  // namespace

std::string htmlReport(const Report& report)
{
    if (report.results.empty() || report.results.size() > MAX_REPORT_RESULTS)
        throw std::invalid_argument("htmlReport: " + std::to_string(report.results.size()) +
                                    " results, expected 1 to " + std::to_string(MAX_REPORT_RESULTS));
    return PageWriter(report).write();
}

}  // namespace d2det
