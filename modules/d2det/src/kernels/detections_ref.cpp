// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Detections, naive form: every class of every image on its own. The oracle of detections_cpu.cpp.
   Contract: operators.md 3.7 and E1 (labelled). Per image and class:

     1. candidates: finite box that is not all zero (padding), finite score > scoreThreshold
     2. hard or soft NMS of the class, ties by lower row
     3. all classes by final score, ties by lower class, then lower row; the first K rows */

#include "detections.hpp"
#include "ref_rules.hpp"
#include "error.hpp"

#include <set>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr int COLUMNS = 7;

struct Detection
{
    int cls, row;
    float score;
    const float* box;
};

//! Is `row` a candidate for this image and class? Then `found` is filled in.
bool candidate(const DetectionsParams& p, const DetectionsInput& in, int image, int cls, int row, Detection& found)
{
    const float* roi = in.rois + static_cast<size_t>(row) * in.roiColumns;
    const float* probs = in.probs + static_cast<size_t>(row) * in.probColumns;
    // Fractions of the image index and of a label are cut off: above -1 is 0.
    if (!(roi[0] > -1) || static_cast<double>(roi[0]) >= p.batchSize || static_cast<int>(roi[0]) != image)
        return false;
    if (p.labelled && (!(probs[0] > -1) || std::trunc(static_cast<double>(probs[0])) != cls))
        return false;
    const int64_t column = 1 + (p.classAgnosticBoxes ? 0 : 4 * static_cast<int64_t>(cls));
    if (column + 4 > in.roiColumns)  // a label beyond the boxes
        return false;
    const float* box = roi + column;
    const float score = p.labelled ? probs[1] : probs[cls];
    const bool finite = std::all_of(box, box + 4, [](float x) { return std::isfinite(x); });
    const bool padding = std::all_of(box, box + 4, [](float x) { return x == 0; });
    found = {cls, row, score, box};
    return finite && !padding && std::isfinite(score) && score > p.scoreThreshold;
}

//! Steps 1 and 2: in order of final score.
std::vector<Detection> detectionsOfClass(const DetectionsParams& p, const DetectionsInput& in, int image, int cls)
{
    std::vector<Detection> candidates;
    std::vector<float> scores;
    Detection found{};
    for (int row = 0; row < in.numRois; row++)
        if (candidate(p, in, image, cls, row, found))
        {
            candidates.push_back(found);
            scores.push_back(found.score);
        }
    const bool hard = p.nmsMode == NMSMode::HARD;
    if (hard)  // hard NMS requires descending scores
    {
        std::vector<Detection> sorted;
        for (const int i : ref::sortDescending(scores))
            sorted.push_back(candidates[i]);
        candidates = sorted;
    }
    std::vector<float> boxes;
    for (const Detection& d : candidates)
        boxes.insert(boxes.end(), d.box, d.box + 4);
    const int n = static_cast<int>(candidates.size());
    const std::vector<int> kept = hard ? hardNMSRef({p.nmsThreshold, p.legacy}, boxes.data(), n)
                                       : softNMSRef({p.nmsThreshold, p.softSigma, p.softMinScore, p.nmsMode, p.legacy},
                                                    boxes.data(), scores.data(), n);
    std::vector<Detection> result;
    for (const int i : kept)
    {
        result.push_back(candidates[i]);
        if (!hard)
            result.back().score = scores[i];
    }
    return result;
}

//! All class ids that can occur, ascending.
std::set<int> classIds(const DetectionsParams& p, const DetectionsInput& in)
{
    std::set<int> ids;
    for (int c = 0; !p.labelled && c < in.probColumns - 1; c++)
        ids.insert(c);
    for (int row = 0; p.labelled && row < in.numRois; row++)
    {
        const float label = in.probs[static_cast<size_t>(row) * 2];
        if (label > -1 && label < 2147483648.f)
            ids.insert(static_cast<int>(label));
    }
    return ids;
}

void checkColumns(const DetectionsParams& p, const DetectionsInput& in)
{
    const int classes = in.probColumns - 1;
    if (classes < 1 || (p.labelled && classes != 1) || in.roiColumns < 5 ||
        (!p.labelled && !p.classAgnosticBoxes && in.roiColumns < 1 + 4 * classes))
        raise(Failure::UNMATCHED_SIZES, "D2Detections: rois with %d columns do not fit probs with %d", in.roiColumns,
              in.probColumns);
}

}  // namespace

void detectionsRef(const DetectionsParams& p, const DetectionsInput& in, const DetectionsOutput& out)
{
    checkColumns(p, in);
    float *detections = out.detections, *sourceRows = out.sourceRows;
    const int rows = std::max(p.maxDetections, 0);
    for (int image = 0; image < p.batchSize; image++)
    {
        std::vector<Detection> all;
        for (const int cls : classIds(p, in))
            for (const Detection& d : detectionsOfClass(p, in, image, cls))
                all.push_back(d);
        std::vector<float> scores;
        scores.reserve(all.size());
        for (const Detection& d : all)
            scores.push_back(d.score);
        const std::vector<int> order = ref::sortDescending(scores);
        for (int i = 0; i < rows; i++, detections += COLUMNS)
        {
            std::fill_n(detections, COLUMNS, 0.f);
            detections[1] = -1.f;
            const bool used = i < static_cast<int>(order.size()) && (p.limit <= 0 || i < p.limit);
            if (sourceRows)
                *sourceRows++ = used ? static_cast<float>(all[order[i]].row) : -1.f;
            if (!used)
                continue;
            const Detection& d = all[order[i]];
            detections[0] = static_cast<float>(image);
            detections[1] = static_cast<float>(d.cls);
            detections[2] = d.score;
            std::copy_n(d.box, 4, detections + 3);
        }
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
