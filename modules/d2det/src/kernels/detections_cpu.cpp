// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Detections on the CPU. Contract: operators.md 3.7 and E1 (labelled); steps: detections_ref.cpp.

   One pass over the probabilities in memory order notes what passes the threshold; the classes that have candidates are
   suppressed in parallel, and a class is cut at the number of rows the image can show. */

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "detection_rows.hpp"
#include "sort_key.hpp"

#include "opencv2/core/utility.hpp"

#include <numeric>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr int COLUMNS = 7;

void checkShapes(const DetectionsParams& p, int roiColumns, int probColumns)
{
    if (p.labelled ? probColumns != 2 : probColumns < 2)
        CV_Error(Error::StsUnmatchedSizes, format("D2Detections: probs has %d columns, expected %s", probColumns,
                                                  p.labelled ? "2 (class, score)" : "classes + 1 (background last)"));
    if (roiColumns < 5 || (!p.classAgnosticBoxes && !p.labelled && (roiColumns - 1) / 4 < probColumns - 1))
        CV_Error(Error::StsUnmatchedSizes,
                 format("D2Detections: rois has %d columns, expected 5, or 1 + 4 * %d for one box "
                        "per class",
                        roiColumns, probColumns - 1));
}

struct Survivor
{
    int row;
    float score;
};

//! NMS of one class: `rows` ascending with their scores; the result is in order of final score.
std::vector<Survivor> suppress(const DetectionRows& in, int cls, const std::vector<int>& rows,
                               std::vector<float> scores, int limit)
{
    const DetectionsParams& p = in.p;
    const int n = static_cast<int>(rows.size());
    const bool hard = p.nmsMode == NMSMode::HARD;
    std::vector<int> order(rows.size());
    if (hard)
        order = sortDescending(scores.data(), n);
    else
        std::iota(order.begin(), order.end(), 0);
    std::vector<float> boxes;
    boxes.reserve(4 * static_cast<size_t>(n));
    for (const int i : order)
        boxes.insert(boxes.end(), in.box(rows[i], cls), in.box(rows[i], cls) + 4);
    const std::vector<int> kept =
        hard ? hardNmsCpu(boxes.data(), n, p.nmsThreshold, p.legacy, limit)
             : softNmsCpu(boxes.data(), scores.data(), n, p.nmsThreshold, p.softSigma, p.softMinScore,
                          p.nmsMode == NMSMode::SOFT_GAUSSIAN, p.legacy, limit);
    std::vector<Survivor> survivors;
    survivors.reserve(kept.size());
    for (const int i : kept)
        survivors.push_back({rows[order[i]], scores[order[i]]});
    return survivors;
}

//! The outputs, row by row.
struct Output
{
    float* detections;
    float* sourceRows;  //!< may be null

    void writeUnused(size_t at) const
    {
        float* const row = detections + at * COLUMNS;
        std::fill_n(row, COLUMNS, 0.f);
        row[1] = -1.f;
        if (sourceRows)
            sourceRows[at] = -1.f;
    }

    void write(size_t at, const DetectionRows& in, int image, int cls, const Survivor& s) const
    {
        float* const row = detections + at * COLUMNS;
        row[0] = static_cast<float>(image);
        row[1] = static_cast<float>(cls);
        row[2] = s.score;
        std::copy_n(in.box(s.row, cls), 4, row + 3);
        if (sourceRows)
            sourceRows[at] = static_cast<float>(s.row);
    }
};

//! Candidates [begin, end) of one image and class.
struct Group
{
    int image, cls;
    size_t begin, end;
};

struct Candidates
{
    std::vector<int> rows;  //!< ascending inside a group
    std::vector<float> scores;
    std::vector<Group> groups;  //!< by image, then class
};

//! Rows of every image that has any: (image, row) ascending.
std::vector<std::pair<int, int>> rowsByImage(const DetectionRows& in)
{
    std::vector<std::pair<int, int>> result;
    result.reserve(in.count);
    for (int r = 0; r < in.count; r++)
        if (in.image(r) >= 0)
            result.emplace_back(in.image(r), r);
    if (in.p.batchSize > 1)
        std::sort(result.begin(), result.end());
    return result;
}

struct Scored
{
    int cls, row;
    float score;
};

//! What of a row passes the threshold, appended to `out`.
void collectRow(const DetectionRows& in, int row, std::vector<Scored>& out)
{
    const bool shared = in.p.classAgnosticBoxes;
    if (shared && !boxUsable(in.box(row, 0)))
        return;
    const int label = in.p.labelled ? in.label(row) : 0;
    const int first = label, last = in.p.labelled ? label : in.classes() - 1;
    if (label < 0)
        return;
    for (int c = first; c <= last; c++)
    {
        const float score = in.score(row, c);
        if (!(score > in.p.scoreThreshold) || !std::isfinite(score))
            continue;
        const float* box = in.box(row, c);
        if (shared || (box && boxUsable(box)))
            out.push_back({c, row, score});
    }
}

//! Stable sort by class: counting for the columns of probs, comparison for free labels.
std::vector<Scored> sortByClass(const DetectionRows& in, const std::vector<Scored>& scored)
{
    std::vector<Scored> sorted(scored);
    if (in.p.labelled)
    {
        std::stable_sort(sorted.begin(), sorted.end(), [](const Scored& a, const Scored& b) { return a.cls < b.cls; });
        return sorted;
    }
    std::vector<size_t> next(in.classes() + 1, 0);
    for (const Scored& s : scored)
        next[s.cls + 1]++;
    for (int c = 0; c < in.classes(); c++)
        next[c + 1] += next[c];
    for (const Scored& s : scored)
        sorted[next[s.cls]++] = s;
    return sorted;
}

Candidates collect(const DetectionRows& in)
{
    Candidates result;
    const std::vector<std::pair<int, int>> rows = rowsByImage(in);
    for (size_t i = 0; i < rows.size();)
    {
        const int image = rows[i].first;
        std::vector<Scored> scored;
        for (; i < rows.size() && rows[i].first == image; i++)
            collectRow(in, rows[i].second, scored);
        for (const Scored& s : sortByClass(in, scored))
        {
            const size_t at = result.rows.size();
            if (result.groups.empty() || result.groups.back().image != image || result.groups.back().cls != s.cls)
                result.groups.push_back({image, s.cls, at, at});
            result.groups.back().end = at + 1;
            result.rows.push_back(s.row);
            result.scores.push_back(s.score);
        }
    }
    return result;
}

//! The best rows of groups [begin, end), all of one image.
void writeImage(const DetectionRows& in, const std::vector<Group>& groups,
                const std::vector<std::vector<Survivor>>& survivors, size_t begin, size_t end, const Output& output)
{
    std::vector<std::pair<size_t, size_t>> all;  // (group, survivor)
    std::vector<uint64_t> keys;
    for (size_t g = begin; g < end; g++)
        for (size_t i = 0; i < survivors[g].size(); i++)
        {
            keys.push_back(descendingKey(survivors[g][i].score, static_cast<uint32_t>(all.size())));
            all.emplace_back(g, i);
        }
    keepFirst(keys, in.rowsToFill());
    const int image = groups[begin].image;
    const size_t first = static_cast<size_t>(image) * in.rowsPerImage();
    for (size_t i = 0; i < keys.size(); i++)
    {
        const std::pair<size_t, size_t>& at = all[keyIndex(keys[i])];
        output.write(first + i, in, image, groups[at.first].cls, survivors[at.first][at.second]);
    }
}

}  // namespace

void detectionsCpu(const DetectionsParams& p, const float* rois, int roiColumns, const float* probs, int probColumns,
                   int numRois, float* detections, float* sourceRows)
{
    checkShapes(p, roiColumns, probColumns);
    const DetectionRows in{p, rois, probs, roiColumns, probColumns, numRois};
    const Output output{detections, sourceRows};
    if (in.rowsPerImage() == 0)
        return;
    const size_t outputRows = static_cast<size_t>(std::max(p.batchSize, 0)) * in.rowsPerImage();
    for (size_t i = 0; i < outputRows; i++)
        output.writeUnused(i);

    const Candidates candidates = collect(in);
    const std::vector<Group>& groups = candidates.groups;
    // Soft scores only fall, so that a class emits in final order and can be cut; not so with a sigma below zero.
    const bool ordered = p.nmsMode != NMSMode::SOFT_GAUSSIAN || p.softSigma > 0;
    const int limit = ordered ? in.rowsToFill() : 0;
    std::vector<std::vector<Survivor>> survivors(groups.size());
    const auto run = [&](const Range& range)
    {
        for (int g = range.start; g < range.end; g++)
        {
            const size_t begin = groups[g].begin, end = groups[g].end;
            const std::vector<int> rows(candidates.rows.begin() + begin, candidates.rows.begin() + end);
            const std::vector<float> scores(candidates.scores.begin() + begin, candidates.scores.begin() + end);
            survivors[g] = suppress(in, groups[g].cls, rows, scores, limit);
        }
    };
    const Range everything(0, static_cast<int>(groups.size()));
    if (candidates.rows.size() < 256)  // not worth waking a thread
        run(everything);
    else
        parallel_for_(everything, run);
    for (size_t begin = 0, end = 0; begin < groups.size(); begin = end)
    {
        while (end < groups.size() && groups[end].image == groups[begin].image)
            end++;
        writeImage(in, groups, survivors, begin, end, output);
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
