// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2Detections on the CPU. Contract: operators.md 3.7 and E1 (labelled); steps: detections_ref.cpp.

   One pass over the probabilities in memory order collects candidates above the threshold; classes with candidates are
   suppressed in parallel, and each class is cut at the number of output rows of an image. */

#include "detection_rows.hpp"
#include "sort_key.hpp"
#include "error.hpp"
#include "parallel.hpp"

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

void checkShapes(const DetectionsParams& p, const DetectionsInput& in)
{
    const int classes = in.probColumns - 1;
    if (p.labelled ? classes != 1 : classes < 1)
        raise(Failure::UNMATCHED_SIZES, "D2Detections: probs has %d columns, expected %s", in.probColumns,
              p.labelled ? "2 (class, score)" : "classes + 1 (background last)");
    if (in.roiColumns < 5 || (!p.classAgnosticBoxes && !p.labelled && (in.roiColumns - 1) / 4 < classes))
        raise(Failure::UNMATCHED_SIZES,
              "D2Detections: rois has %d columns, expected 5, or 1 + 4 * %d for one box per class", in.roiColumns,
              classes);
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
        hard ? hardNMSCpu({p.nmsThreshold, p.legacy, limit}, boxes.data(), n)
             : softNMSCpu({p.nmsThreshold, p.softSigma, p.softMinScore, p.nmsMode, p.legacy, limit}, boxes.data(),
                          scores.data(), n);
    std::vector<Survivor> survivors;
    survivors.reserve(kept.size());
    for (const int i : kept)
        survivors.push_back({rows[order[i]], scores[order[i]]});
    return survivors;
}

//! Candidates [begin, end) of one image and class.
struct Group
{
    int image, cls;
    size_t begin, end;
};

void writeUnused(const DetectionsOutput& out, size_t at)
{
    float* const row = out.detections + at * COLUMNS;
    std::fill_n(row, COLUMNS, 0.f);
    row[1] = -1.f;
    if (out.sourceRows)
        out.sourceRows[at] = -1.f;
}

//! Writes row `at` of the output: a survivor of a class of an image.
void write(const DetectionsOutput& out, size_t at, const DetectionRows& rows, const Group& group, const Survivor& s)
{
    float* const row = out.detections + at * COLUMNS;
    row[0] = static_cast<float>(group.image);
    row[1] = static_cast<float>(group.cls);
    row[2] = s.score;
    std::copy_n(rows.box(s.row, group.cls), 4, row + 3);
    if (out.sourceRows)
        out.sourceRows[at] = static_cast<float>(s.row);
}

struct Candidates
{
    std::vector<int> rows;  //!< ascending inside a group
    std::vector<float> scores;
    std::vector<Group> groups;  //!< by image, then class
};

//! Rows of every nonempty image: (image, row) ascending.
std::vector<std::pair<int, int>> rowsByImage(const DetectionRows& in)
{
    std::vector<std::pair<int, int>> result;
    result.reserve(in.in.numRois);
    for (int r = 0; r < in.in.numRois; r++)
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

//! Appends the candidates of a row to `out`.
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

//! Stable sort by class: counting sort for columns of probs, comparison sort for labels.
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

struct ClassResult
{
    Group group;
    std::vector<Survivor> survivors;
};

//! The best rows of classes [begin, end), all of one image.
void writeImage(const DetectionRows& rows, const ClassResult* begin, const ClassResult* end,
                const DetectionsOutput& out)
{
    std::vector<std::pair<const ClassResult*, const Survivor*>> all;
    std::vector<uint64_t> keys;
    for (const ClassResult* result = begin; result != end; result++)
        for (const Survivor& s : result->survivors)
        {
            keys.push_back(descendingKey(s.score, static_cast<uint32_t>(all.size())));
            all.emplace_back(result, &s);
        }
    keepFirst(keys, rows.rowsToFill());
    size_t at = static_cast<size_t>(begin->group.image) * rows.rowsPerImage();
    for (const uint64_t key : keys)
    {
        const auto& [result, survivor] = all[keyIndex(key)];
        write(out, at++, rows, result->group, *survivor);
    }
}

}  // namespace

void detectionsCpu(const DetectionsParams& p, const DetectionsInput& in, const DetectionsOutput& out)
{
    checkShapes(p, in);
    const DetectionRows rows{p, in};
    if (rows.rowsPerImage() == 0)
        return;
    const size_t outputRows = static_cast<size_t>(std::max(p.batchSize, 0)) * rows.rowsPerImage();
    for (size_t i = 0; i < outputRows; i++)
        writeUnused(out, i);

    const Candidates candidates = collect(rows);
    std::vector<ClassResult> results;
    for (const Group& group : candidates.groups)
        results.push_back({group, {}});
    // Soft NMS only lowers scores (unless sigma < 0), so a class is emitted in final order and can be cut.
    const bool ordered = p.nmsMode != NMSMode::SOFT_GAUSSIAN || p.softSigma > 0;
    const int limit = ordered ? rows.rowsToFill() : 0;
    const auto run = [&](int begin, int end)
    {
        for (int i = begin; i < end; i++)
        {
            const Group& group = results[i].group;
            const auto firstRow = candidates.rows.begin(), lastRow = firstRow + group.end;
            const auto firstScore = candidates.scores.begin(), lastScore = firstScore + group.end;
            results[i].survivors = suppress(rows, group.cls, {firstRow + group.begin, lastRow},
                                            {firstScore + group.begin, lastScore}, limit);
        }
    };
    const int count = static_cast<int>(results.size());
    if (candidates.rows.size() < 256)  // not worth waking a thread
        run(0, count);
    else
        parallelFor(count, run);
    for (int begin = 0, end = 0; begin < count; begin = end)
    {
        while (end < count && results[end].group.image == results[begin].group.image)
            end++;
        writeImage(rows, results.data() + begin, results.data() + end, out);
    }
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
