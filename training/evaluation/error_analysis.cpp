// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "evaluation/error_analysis.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace d2det
{

namespace
{

using cv::d2det::CocoEvaluator;
using Match = CocoEvaluator::Match;

constexpr double FOREGROUND = 0.5, BACKGROUND = 0.1;
constexpr int RECALL_POINTS = 101;
constexpr int SCORE_POINTS = 101;
const double UNDEFINED = std::numeric_limits<double>::quiet_NaN();

bool isRight(const Match& match)
{
    return match.groundTruthIndex >= 0 && !match.ignored;
}

//! A detection that is not on a crowd region.
struct ScoredDetection
{
    double score;
    bool right;
};

//! Precision at the recall points, and the highest recall.
struct Curve
{
    std::array<double, RECALL_POINTS> precision{};
    double recall = 0;

    double mean() const { return std::accumulate(precision.begin(), precision.end(), 0.0) / RECALL_POINTS; }
};

//! COCO precision-recall curve of one class (operators.md 6); positives > 0.
Curve makeCurve(std::vector<ScoredDetection> detections, int positives)
{
    std::stable_sort(detections.begin(), detections.end(),
                     [](const ScoredDetection& a, const ScoredDetection& b) { return a.score > b.score; });
    std::vector<double> precision, recall;
    double right = 0, wrong = 0;
    for (const ScoredDetection& detection : detections)
    {
        (detection.right ? right : wrong) += 1;
        recall.push_back(right / positives);
        precision.push_back(right / (wrong + right + std::numeric_limits<double>::epsilon()));
    }
    for (size_t i = precision.size(); i-- > 1;)
        precision[i - 1] = std::max(precision[i - 1], precision[i]);
    Curve curve;
    size_t at = 0;
    for (int point = 0; point < RECALL_POINTS; point++)
    {
        while (at < recall.size() && recall[at] < point * 0.01)
            at++;
        curve.precision[point] = at < recall.size() ? precision[at] : 0;
    }
    curve.recall = recall.empty() ? 0 : recall.back();
    return curve;
}

//! A wrong detection and its error type.
struct DetectionError
{
    const Match* match;
    ErrorType type;
    int groundTruth;  //!< object of a localization or classification error, otherwise -1
};

struct ErrorList
{
    std::vector<DetectionError> errors;  //!< in the order of the matches
    std::vector<int> missed;             //!< objects
    std::array<int, NUM_ERROR_TYPES> counts{};
};

//! Objects and detections of an image.
struct ImageEntries
{
    std::vector<int> objects;           //!< without crowds, indices into groundTruths()
    std::vector<const Match*> matches;  //!< all classes, at the foreground IoU
};

class Analyzer
{
public:
    Analyzer(const CocoEvaluator& evaluator, const AnalysisOptions& options);
    Analysis run();

private:
    int classOf(int64_t categoryId) const { return classIndex_.at(categoryId); }
    int classOfObject(int gt) const { return classOf(evaluator_.groundTruths()[gt].categoryId); }
    std::vector<std::vector<ScoredDetection>> scoredByClass(const std::vector<Match>& matches) const;
    void addAveragePrecisions();
    void addScoreCurve();
    double bestScore(int onlyClass, double otherwise) const;
    cv::Mat1d overlaps(const ImageEntries& image) const;
    ImageOutcome outcomeOf(int64_t id, const ImageEntries& image) const;
    void addConfusions(const ImageEntries& image, const cv::Mat1d& iou);
    ErrorList findErrors(double minScore) const;
    void findErrors(const ImageEntries& image, const cv::Mat1d& iou, double minScore, ErrorList& list) const;
    std::map<int, const Match*> corrected(const ErrorList& list, const std::set<int>& fixed) const;
    double meanAP(const std::vector<std::vector<ScoredDetection>>& detections, const std::vector<int>& positives) const;
    double fixedAP(const ErrorList& list, const std::set<int>& fixed) const;
    void addErrors();

    const CocoEvaluator& evaluator_;
    const AnalysisOptions& options_;
    std::map<int64_t, int> classIndex_;
    std::map<int64_t, ImageEntries> images_;
    std::map<int64_t, cv::Mat1d> overlaps_;  //!< [matches, objects] of the images with both
    std::vector<Match> matches_;
    std::vector<int> positives_;  //!< objects by class
    Analysis result_;
};

Analyzer::Analyzer(const CocoEvaluator& evaluator, const AnalysisOptions& options)
    : evaluator_(evaluator), options_(options), matches_(evaluator.matches(FOREGROUND, options.iouType))
{
    for (size_t i = 0; i < options.classes.size(); i++)
        classIndex_[options.classes[i].id] = static_cast<int>(i);
    positives_.resize(options.classes.size());
    for (const int64_t id : options.imageIds)
        images_[id];
    const auto& gts = evaluator.groundTruths();
    for (size_t i = 0; i < gts.size(); i++)
    {
        const auto image = images_.find(gts[i].imageId);
        if (image == images_.end() || !classIndex_.count(gts[i].categoryId) || gts[i].crowd)
            continue;
        image->second.objects.push_back(static_cast<int>(i));
        positives_[classOf(gts[i].categoryId)]++;
    }
    for (const Match& match : matches_)
        images_[match.imageId].matches.push_back(&match);
    for (auto& image : images_)
    {
        std::stable_sort(image.second.matches.begin(), image.second.matches.end(),
                         [](const Match* a, const Match* b) { return a->score > b->score; });
        if (!image.second.objects.empty() && !image.second.matches.empty())
            overlaps_[image.first] = overlaps(image.second);
    }
}

//! IoU of all detections of an image with all its objects.
cv::Mat1d Analyzer::overlaps(const ImageEntries& image) const
{
    const int rows = static_cast<int>(image.matches.size()), columns = static_cast<int>(image.objects.size());
    const auto row = [](const cv::Rect2d& box) { return cv::Vec4d(box.x, box.y, box.width, box.height); };
    std::vector<cv::Vec4d> a, b;
    for (const Match* match : image.matches)
        a.push_back(row(evaluator_.detections()[match->detectionIndex].box));
    for (const int gt : image.objects)
        b.push_back(row(evaluator_.groundTruths()[gt].box));
    cv::Mat1d iou(rows, columns);
    if (options_.iouType == cv::d2det::IOU_BOX)
    {
        cv::d2det::calculateIoU(cv::Mat(a).reshape(1), cv::Mat(b).reshape(1), iou, cv::d2det::BOX_XYWH);
        return iou;
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            iou(i, j) = cv::d2det::rleIoU(evaluator_.detections()[image.matches[i]->detectionIndex].mask,
                                          evaluator_.groundTruths()[image.objects[j]].mask);
    return iou;
}

std::vector<std::vector<ScoredDetection>> Analyzer::scoredByClass(const std::vector<Match>& matches) const
{
    std::vector<std::vector<ScoredDetection>> result(positives_.size());
    for (const Match& match : matches)
        if (!match.ignored)
            result[classOf(match.categoryId)].push_back({match.score, isRight(match)});
    return result;
}

//! Per class and mean over the classes, all IoU thresholds.
void Analyzer::addAveragePrecisions()
{
    const size_t n = iouThresholds().size();
    const auto counted = std::count_if(positives_.begin(), positives_.end(), [](int p) { return p > 0; });
    result_.apByIou.assign(n, counted > 0 ? 0 : -1);
    PrecisionCurves& curves = result_.precision;
    if (counted > 0)
        for (std::vector<double>* curve : {&curves.iou50, &curves.iou75, &curves.iou90, &curves.mean})
            curve->assign(RECALL_POINTS, 0);
    for (size_t t = 0; t < n; t++)
    {
        const auto scored = scoredByClass(t == 0 ? matches_ : evaluator_.matches(iouThresholds()[t], options_.iouType));
        for (size_t c = 0; c < positives_.size(); c++)
        {
            if (positives_[c] == 0)
                continue;
            const Curve curve = makeCurve(scored[c], positives_[c]);
            const double ap = curve.mean();
            ClassNumbers& numbers = result_.classes[c];
            numbers.ap = std::max(numbers.ap, 0.) + ap / static_cast<double>(n);
            numbers.ar100 = std::max(numbers.ar100, 0.) + curve.recall / static_cast<double>(n);
            if (t == 0)
                numbers.ap50 = ap;
            if (t == 5)
                numbers.ap75 = ap;
            if (t == 8)
                numbers.ap90 = ap;
            result_.apByIou[t] += ap / static_cast<double>(counted);
            std::vector<double>* const single = t == 0   ? &curves.iou50
                                                : t == 5 ? &curves.iou75
                                                : t == 8 ? &curves.iou90
                                                         : nullptr;
            for (int i = 0; i < RECALL_POINTS; i++)
            {
                curves.mean[i] += curve.precision[i] / static_cast<double>(counted * n);
                if (single)
                    (*single)[i] += curve.precision[i] / static_cast<double>(counted);
            }
        }
    }
}

/** The (highest) score with the maximum F1.
    @param onlyClass index of a class; negative: all together
    @param otherwise score if no detection is right at any score. */
double Analyzer::bestScore(int onlyClass, double otherwise) const
{
    std::vector<ScoredDetection> all;
    for (const Match& match : matches_)
        if (!match.ignored && (onlyClass < 0 || classOf(match.categoryId) == onlyClass))
            all.push_back({match.score, isRight(match)});
    std::sort(all.begin(), all.end(),
              [](const ScoredDetection& a, const ScoredDetection& b) { return a.score > b.score; });
    const int positives = onlyClass < 0 ? std::accumulate(positives_.begin(), positives_.end(), 0)
                                        : positives_[static_cast<size_t>(onlyClass)];
    double best = 0, score = otherwise;
    int right = 0;
    for (size_t i = 0; i < all.size(); i++)
    {
        right += all[i].right;
        if (i + 1 < all.size() && all[i + 1].score == all[i].score)
            continue;  // a threshold selects all equal scores or none
        const double f1 = 2. * right / static_cast<double>(i + 1 + positives);
        if (f1 > best)
        {
            best = f1;
            score = all[i].score;
        }
    }
    return score;
}

void Analyzer::addScoreCurve()
{
    double low = 0, high = 1;
    for (const Match& match : matches_)
    {
        low = std::min(low, match.score);
        high = std::max(high, match.score);
    }
    const int positives = std::accumulate(positives_.begin(), positives_.end(), 0);
    for (int i = 0; i < SCORE_POINTS; i++)
    {
        const double score = low + (high - low) * i / (SCORE_POINTS - 1);
        Outcomes outcomes;
        for (const Match& match : matches_)
            if (match.score >= score && !match.ignored)
                (isRight(match) ? outcomes.right : outcomes.wrong)++;
        outcomes.missed = positives - outcomes.right;
        result_.byScore.score.push_back(score);
        result_.byScore.precision.push_back(outcomes.precision());
        result_.byScore.recall.push_back(outcomes.recall());
        result_.byScore.f1.push_back(outcomes.f1());
    }
}

ImageOutcome Analyzer::outcomeOf(int64_t id, const ImageEntries& image) const
{
    ImageOutcome outcome;
    outcome.imageId = id;
    std::set<int> found;
    for (const Match* match : image.matches)
    {
        if (match->score < result_.score)
            break;
        (match->ignored    ? outcome.ignored
         : isRight(*match) ? outcome.right
                           : outcome.wrong)
            .push_back(match->detectionIndex);
        if (isRight(*match))
            found.insert(match->groundTruthIndex);
    }
    for (const int gt : image.objects)
        (found.count(gt) ? outcome.found : outcome.missed).push_back(gt);
    outcome.outcomes = {static_cast<int>(outcome.right.size()), static_cast<int>(outcome.wrong.size()),
                        static_cast<int>(outcome.missed.size())};
    return outcome;
}

void Analyzer::addConfusions(const ImageEntries& image, const cv::Mat1d& iou)
{
    const int n = result_.confusion.classes;
    const auto count = [&](int truth, int detected) -> int&
    { return result_.confusion.counts[static_cast<size_t>(truth) * (n + 1) + detected]; };
    std::set<int> taken;
    for (const Match* match : image.matches)
        if (match->score >= result_.score && isRight(*match))
        {
            taken.insert(match->groundTruthIndex);
            count(classOf(match->categoryId), classOf(match->categoryId))++;
        }
    for (size_t m = 0; m < image.matches.size(); m++)
    {
        const Match& match = *image.matches[m];
        if (match.score < result_.score || match.ignored || isRight(match))
            continue;
        double best = FOREGROUND;
        int truth = -1;
        for (size_t g = 0; g < image.objects.size(); g++)
            if (!taken.count(image.objects[g]) && iou(static_cast<int>(m), static_cast<int>(g)) >= best &&
                evaluator_.groundTruths()[image.objects[g]].categoryId != match.categoryId)
            {
                best = iou(static_cast<int>(m), static_cast<int>(g));
                truth = image.objects[g];
            }
        if (truth >= 0)
            taken.insert(truth);
        count(truth >= 0 ? classOfObject(truth) : n, classOf(match.categoryId))++;
    }
    for (const int gt : image.objects)
        if (!taken.count(gt))
            count(classOfObject(gt), n)++;
}

//! Errors of one image (definitions: error_analysis.hpp).
void Analyzer::findErrors(const ImageEntries& image, const cv::Mat1d& iou, double minScore, ErrorList& list) const
{
    const auto& gts = evaluator_.groundTruths();
    std::set<int> covered;  // matched with a detection or object of an error
    for (const Match* match : image.matches)
        if (match->score >= minScore && isRight(*match))
            covered.insert(match->groundTruthIndex);
    for (size_t m = 0; m < image.matches.size(); m++)
    {
        const Match& match = *image.matches[m];
        if (match.score < minScore || match.ignored || isRight(match))
            continue;
        double same = 0, other = 0;
        int sameObject = -1, otherObject = -1;
        for (size_t g = 0; g < image.objects.size(); g++)
        {
            const double value = iou(static_cast<int>(m), static_cast<int>(g));
            const bool ofClass = gts[image.objects[g]].categoryId == match.categoryId;
            if (value > (ofClass ? same : other))
            {
                (ofClass ? same : other) = value;
                (ofClass ? sameObject : otherObject) = image.objects[g];
            }
        }
        DetectionError error{&match, ERROR_BOTH, -1};
        if (same >= BACKGROUND && same < FOREGROUND)
            error = {&match, ERROR_LOCALIZATION, sameObject};
        else if (other >= FOREGROUND)
            error = {&match, ERROR_CLASSIFICATION, otherObject};
        else if (same >= FOREGROUND)
            error.type = ERROR_DUPLICATE;
        else if (std::max(same, other) < BACKGROUND)
            error.type = ERROR_BACKGROUND;
        if (error.groundTruth >= 0)
            covered.insert(error.groundTruth);
        list.errors.push_back(error);
        list.counts[error.type]++;
    }
    for (const int gt : image.objects)
        if (!covered.count(gt))
            list.missed.push_back(gt);
}

ErrorList Analyzer::findErrors(double minScore) const
{
    ErrorList list;
    for (const auto& image : images_)
    {
        const auto iou = overlaps_.find(image.first);
        findErrors(image.second, iou == overlaps_.end() ? cv::Mat1d() : iou->second, minScore, list);
    }
    list.counts[ERROR_MISSED] = static_cast<int>(list.missed.size());
    return list;
}

//! The best fixed error of every unmatched object, by object.
std::map<int, const Match*> Analyzer::corrected(const ErrorList& list, const std::set<int>& fixed) const
{
    std::set<int> found;
    for (const Match& match : matches_)
        if (isRight(match))
            found.insert(match.groundTruthIndex);
    std::map<int, const Match*> best;
    for (const DetectionError& error : list.errors)
    {
        if (!fixed.count(error.type) || error.groundTruth < 0 || found.count(error.groundTruth))
            continue;
        const Match*& match = best[error.groundTruth];
        if (!match || error.match->score > match->score)
            match = error.match;
    }
    return best;
}

//! Mean AP of detections by class; a class without remaining objects has AP 1 if it has no detections either.
double Analyzer::meanAP(const std::vector<std::vector<ScoredDetection>>& detections,
                        const std::vector<int>& positives) const
{
    double sum = 0;
    int counted = 0;
    for (size_t c = 0; c < positives_.size(); c++)
    {
        if (positives_[c] == 0)
            continue;
        counted++;
        sum += positives[c] > 0 ? makeCurve(detections[c], positives[c]).mean() : detections[c].empty() ? 1 : 0;
    }
    return counted > 0 ? sum / counted : -1;
}

//! AP at the foreground's IoU with some kinds of errors fixed; -1 without objects.
double Analyzer::fixedAP(const ErrorList& list, const std::set<int>& fixed) const
{
    std::map<const Match*, const DetectionError*> errors;
    for (const DetectionError& error : list.errors)
        errors[error.match] = &error;
    const std::map<int, const Match*> best = corrected(list, fixed);
    // In the order of the matches, which decides between equal scores.
    std::vector<std::vector<ScoredDetection>> detections(positives_.size());
    for (const Match& match : matches_)
    {
        const auto error = errors.find(&match);
        if (error == errors.end() || !fixed.count(error->second->type))
        {
            if (!match.ignored)
                detections[classOf(match.categoryId)].push_back({match.score, isRight(match)});
            continue;
        }
        const int gt = error->second->groundTruth;
        const auto at = best.find(gt);
        if (at != best.end() && at->second == &match)
            detections[classOfObject(gt)].push_back({match.score, true});
    }
    std::vector<int> positives = positives_;
    if (fixed.count(ERROR_MISSED))
        for (const int gt : list.missed)
            positives[classOfObject(gt)]--;
    return meanAP(detections, positives);
}

void Analyzer::addErrors()
{
    const ErrorList all = findErrors(-std::numeric_limits<double>::infinity());
    ErrorBreakdown& breakdown = result_.errors;
    breakdown.all = all.counts;
    breakdown.counts = findErrors(result_.score).counts;
    breakdown.ap50 = fixedAP(all, {});
    std::set<int> everything;
    for (int type = 0; type < NUM_ERROR_TYPES; type++)
    {
        everything.insert(type);
        breakdown.cost[type] = fixedAP(all, {type}) - breakdown.ap50;
    }
    breakdown.allFixed = fixedAP(all, everything);
}

Analysis Analyzer::run()
{
    result_.iouType = options_.iouType;
    result_.summary = evaluator_.summarize(options_.iouType);
    for (size_t c = 0; c < options_.classes.size(); c++)
    {
        result_.classes.emplace_back();
        result_.classes.back().which = options_.classes[c];
        result_.classes.back().objects = positives_[c];
        result_.classes.back().bestScore = bestScore(static_cast<int>(c), std::numeric_limits<double>::quiet_NaN());
    }
    addAveragePrecisions();
    addScoreCurve();
    result_.score = std::isnan(options_.score) ? bestScore(-1, 0.5) : options_.score;
    result_.confusion.classes = static_cast<int>(positives_.size());
    result_.confusion.counts.resize((positives_.size() + 1) * (positives_.size() + 1));
    for (const auto& image : images_)
    {
        result_.images.push_back(outcomeOf(image.first, image.second));
        const auto iou = overlaps_.find(image.first);
        addConfusions(image.second, iou == overlaps_.end() ? cv::Mat1d() : iou->second);
    }
    for (const Match& match : matches_)
    {
        ClassNumbers& numbers = result_.classes[classOf(match.categoryId)];
        numbers.detections++;
        if (match.score >= result_.score && !match.ignored)
            (isRight(match) ? numbers.outcomes.right : numbers.outcomes.wrong)++;
    }
    for (ClassNumbers& numbers : result_.classes)
    {
        numbers.outcomes.missed = numbers.objects - numbers.outcomes.right;
        result_.outcomes.right += numbers.outcomes.right;
        result_.outcomes.wrong += numbers.outcomes.wrong;
        result_.outcomes.missed += numbers.outcomes.missed;
    }
    addErrors();
    return std::move(result_);
}

double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : UNDEFINED;
}

}  // namespace

double Outcomes::precision() const
{
    return ratio(right, right + wrong);
}

double Outcomes::recall() const
{
    return ratio(right, right + missed);
}

double Outcomes::f1() const
{
    return ratio(2. * right, 2. * right + wrong + missed);
}

const char* errorName(int type)
{
    static const char* const names[NUM_ERROR_TYPES] = {"localization", "classification", "duplicate",
                                                       "background",   "both",           "missed"};
    return names[type];
}

const std::vector<double>& iouThresholds()
{
    static const std::vector<double> thresholds = []
    {
        std::vector<double> t;
        for (int i = 0; i < 9; i++)
            t.push_back(i * ((0.95 - 0.5) / 9) + 0.5);  // numpy.linspace, as in pycocotools
        t.push_back(0.95);
        return t;
    }();
    return thresholds;
}

Analysis analyze(const CocoEvaluator& evaluator, const AnalysisOptions& options)
{
    return Analyzer(evaluator, options).run();
}

std::vector<size_t> worstImages(const Analysis& analysis, size_t count)
{
    std::vector<size_t> order;
    const auto errors = [&](size_t i)
    { return analysis.images[i].outcomes.wrong + analysis.images[i].outcomes.missed; };
    for (size_t i = 0; i < analysis.images.size(); i++)
        if (errors(i) > 0)
            order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b)
                     {
                         return errors(a) != errors(b)
                                    ? errors(a) > errors(b)
                                    : analysis.images[a].outcomes.f1() < analysis.images[b].outcomes.f1();
                     });
    order.resize(std::min(order.size(), count));
    return order;
}

std::vector<size_t> bestImages(const Analysis& analysis, size_t count)
{
    const std::vector<size_t> worst = worstImages(analysis, count);
    std::vector<size_t> order;
    for (size_t i = 0; i < analysis.images.size(); i++)
        if (analysis.images[i].outcomes.right > 0 && !std::count(worst.begin(), worst.end(), i))
            order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b)
                     {
                         const Outcomes &x = analysis.images[a].outcomes, &y = analysis.images[b].outcomes;
                         return x.f1() != y.f1() ? x.f1() > y.f1() : x.right > y.right;
                     });
    order.resize(std::min(order.size(), count));
    return order;
}

}  // namespace d2det
