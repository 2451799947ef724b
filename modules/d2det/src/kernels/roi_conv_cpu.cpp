// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv on the CPU, see roi_conv.hpp.

   A matrix multiplication of the weights [O, C kh kw] by columns: one column per output pixel of a row
   that holds a RoI, grouped by level. Columns are never stored as a whole: a task takes a few panels of columns, gathers
   a block of their depth from X into a cache-sized buffer, and multiplies. Kernels of 3x3 with stride 1 go by Winograd's
   method (winograd.hpp) where a level has enough rows. Bias and ReLU are applied when the tile is written; group norm,
   which needs all channels of a row, follows row by row. A row that repeats an earlier one is copied from it. */

#include "roi_conv.hpp"
#include "simd.hpp"

#include "opencv2/core/hal/intrin.hpp"
#include "opencv2/core/utility.hpp"

#include <cstring>
#include <limits>

namespace cv
{
namespace d2det
{
namespace kernels
{

namespace
{

constexpr int MAX_PANELS = 6;        //!< B panels of a task: what stays in the second-level cache beside the weights
constexpr int TASKS_PER_THREAD = 3;  //!< fewer tasks: split the output channels too
constexpr int MIN_SPLIT = 8;         //!< A panels, so that gathering B does not cost more than multiplying

struct Shape
{
    int height, width, oh, ow;
    int depth;   //!< C kh kw
    int area;    //!< oh ow
    bool whole;  //!< the kernel is the map: a column is a row of X
};

Shape makeShape(const RoIConvParams& p, int height, int width)
{
    Shape s;
    s.height = height;
    s.width = width;
    s.oh = outputLength(height, p.pad, p.kernelHeight, p.stride);
    s.ow = outputLength(width, p.pad, p.kernelWidth, p.stride);
    s.depth = p.inChannels * p.kernelHeight * p.kernelWidth;
    s.area = s.oh * s.ow;
    s.whole = p.pad == 0 && p.kernelHeight == height && p.kernelWidth == width;
    return s;
}

//! A column of the product: output pixel of a row.
struct Column
{
    int row, pixel;
};

//! Gathers blocks of depth of a few columns into B panels.
class Gather
{
public:
    Gather(const RoIConvParams& p, const Shape& s, const float* X, std::vector<Column> columns, int nr)
        : p_(p),
          s_(s),
          X_(X),
          columns_(std::move(columns)),
          nr_(nr),
          paddedHeight_(s.height + 2 * p.pad),
          paddedWidth_(s.width + 2 * p.pad)
    {
        if (s_.whole)
            return;
        for (int j = 0; j < static_cast<int>(columns_.size()); j++)
            addColumn(j);
        planes_.assign(rows_.size() * paddedHeight_ * paddedWidth_ + RUN, 0.f);  // the border stays zero
    }

    //! Depth [k0, k0 + block) of all columns -> panels [block, nr]; columns beyond the end are of no use to anybody.
    void pack(int k0, int block, float* B)
    {
        if (s_.whole)
            packWhole(k0, block, B);
        else
            packPatches(k0, block, B);
    }

private:
    static constexpr int RUN = 8;  //!< floats copied at once

    //! Neighbours in a row of pixels: they come from neighbouring cells and go to neighbouring columns of one panel.
    struct Run
    {
        int target, column;  //!< first column of the panel; column in the panel
        int source, length;  //!< in planes_
        bool exact;          //!< nothing beyond the end may be written
    };

    void addColumn(int j)
    {
        const Column& c = columns_[j];
        if (rows_.empty() || rows_.back() != c.row)
            rows_.push_back(c.row);
        const int plane = static_cast<int>(rows_.size()) - 1;
        const int y = c.pixel / s_.ow * p_.stride, x = c.pixel % s_.ow * p_.stride;
        const int source = (plane * paddedHeight_ + y) * paddedWidth_ + x, target = j / nr_ * nr_;
        const bool samePanel = !runs_.empty() && runs_.back().target == target;
        if (samePanel && runs_.back().source + runs_.back().length == source)
        {
            runs_.back().length++;
            return;
        }
        // A run's surplus is less than RUN: only the runs that begin in the last RUN columns could leave the panel.
        if (samePanel)
            runs_.back().exact = p_.stride > 1 || runs_.back().column + roundUp(runs_.back().length) > nr_;
        runs_.push_back({target, j - target, source, 1, true});  // the last run of a panel stays exact
    }

    static int roundUp(int length) { return (length + RUN - 1) / RUN * RUN; }
    int panelColumns(int panel) const { return std::min(nr_, static_cast<int>(columns_.size()) - panel * nr_); }
    int panels() const { return (static_cast<int>(columns_.size()) + nr_ - 1) / nr_; }

    //! Columns are rows of X: a transposition, four by four.
    void packWhole(int k0, int block, float* B) const
    {
        for (int panel = 0; panel < panels(); panel++, B += static_cast<size_t>(block) * nr_)
            for (int j = 0; j < nr_; j += 4)
            {
                const float* in[4];
                for (int i = 0; i < 4; i++)
                    in[i] = j + i < panelColumns(panel)
                                ? X_ + static_cast<size_t>(columns_[panel * nr_ + j + i].row) * s_.depth + k0
                                : nullptr;
                transpose4(in, block, B + j);
            }
    }

    void transpose4(const float* const in[4], int block, float* out) const
    {
        int k = 0;
#if CV_SIMD128
        for (; in[3] && k + 4 <= block; k += 4)
        {
            v_float32x4 a[4];
            v_transpose4x4(v_load(in[0] + k), v_load(in[1] + k), v_load(in[2] + k), v_load(in[3] + k), a[0], a[1], a[2],
                           a[3]);
            for (int i = 0; i < 4; i++)
                v_store(out + static_cast<size_t>(k + i) * nr_, a[i]);
        }
#endif
        for (; k < block; k++)
            for (int i = 0; i < 4; i++)
                out[static_cast<size_t>(k) * nr_ + i] = in[i] ? in[i][k] : 0.f;
    }

    //! Channel by channel: the planes of all rows with their zero border, then every kernel cell of every column.
    void packPatches(int k0, int block, float* B)
    {
        const int area = p_.kernelHeight * p_.kernelWidth;
        for (int c = k0 / area; c * area < k0 + block; c++)
        {
            loadPlanes(c);
            const int from = std::max(c * area, k0), to = std::min((c + 1) * area, k0 + block);
            for (int k = from; k < to; k++)
            {
                const int cell = k - c * area;
                const int shift = cell / p_.kernelWidth * paddedWidth_ + cell % p_.kernelWidth;
                float* out = B + static_cast<size_t>(k - k0) * nr_;
                for (const Run& run : runs_)
                    copyRun(planes_.data() + run.source + shift, run, out + run.target * static_cast<size_t>(block));
            }
        }
    }

    //! Whole vectors where the surplus is overwritten by the next run of the panel.
    static void copyRun(const float* in, const Run& run, float* out)
    {
        out += run.column;
        if (run.exact)
            for (int i = 0; i < run.length; i++)
                out[i] = in[i];
        else
            for (int i = 0; i < run.length; i += RUN)
                std::memcpy(out + i, in + i, RUN * sizeof(float));
    }

    void loadPlanes(int channel)
    {
        float* out = planes_.data() + p_.pad * paddedWidth_ + p_.pad;
        for (size_t i = 0; i < rows_.size(); i++, out += paddedHeight_ * paddedWidth_)
        {
            const float* in = X_ + (static_cast<size_t>(rows_[i]) * p_.inChannels + channel) * s_.height * s_.width;
            for (int y = 0; y < s_.height; y++)
                for (int x = 0; x < s_.width; x++)
                    out[y * paddedWidth_ + x] = in[y * s_.width + x];
        }
    }

    const RoIConvParams& p_;
    const Shape& s_;
    const float* X_;
    const std::vector<Column> columns_;
    const int nr_, paddedHeight_, paddedWidth_;
    std::vector<int> rows_;      //!< of X that the columns come from
    std::vector<Run> runs_;      //!< in order of the columns
    std::vector<float> planes_;  //!< one channel of rows_ with a border of zeros
};

//! Columns (Winograd: tiles) [begin, end) of a level by output channels [first, last): one task.
struct Task
{
    int level;
    bool winograd;
    int begin, end, first, last;
};

//! Rows of each level.
typedef std::vector<std::vector<int>> LevelRows;

void addDirectTasks(const RoIConvParams& p, const GemmKernel& kernel, const LevelRows& rowsOfLevel,
                    const std::vector<bool>& winograd, int area, std::vector<Task>& tasks)
{
    int panels = 0;
    for (size_t level = 0; level < rowsOfLevel.size(); level++)
        if (!winograd[level])
            panels += (static_cast<int>(rowsOfLevel[level].size()) * area + kernel.nr - 1) / kernel.nr;
    const int aPanels = (p.outChannels + kernel.mr - 1) / kernel.mr;
    const int wanted = TASKS_PER_THREAD * std::max(getNumThreads(), 1);
    const int blocks = std::max(1, panels / MAX_PANELS);
    const int splits = std::max(1, std::min((wanted + blocks - 1) / blocks, aPanels / MIN_SPLIT));
    const int channels = (aPanels + splits - 1) / splits * kernel.mr, columns = MAX_PANELS * kernel.nr;
    for (int level = 0; level < static_cast<int>(rowsOfLevel.size()); level++)
    {
        const int count = winograd[level] ? 0 : static_cast<int>(rowsOfLevel[level].size()) * area;
        for (int begin = 0; begin < count; begin += columns)
            for (int first = 0; first < p.outChannels; first += channels)
                tasks.push_back({level, false, begin, std::min(begin + columns, count), first,
                                 std::min(first + channels, p.outChannels)});
    }
}

std::vector<Task> makeTasks(const RoIConvParams& p, const Shape& s, const GemmKernel& kernel,
                            const LevelRows& rowsOfLevel)
{
    const int tilesPerRow = winogradTiles(s.oh) * winogradTiles(s.ow);
    const bool fits = p.kernelHeight == 3 && p.kernelWidth == 3 && p.stride == 1;
    std::vector<Task> tasks;
    std::vector<bool> winograd;
    for (int level = 0; level < static_cast<int>(rowsOfLevel.size()); level++)
    {
        const int rows = static_cast<int>(rowsOfLevel[level].size()), tiles = rows * tilesPerRow;
        winograd.push_back(
            fits && rows > 0 &&
            useWinograd(p.method, p.inChannels, p.outChannels, tiles, static_cast<int64_t>(rows) * s.area, kernel));
        if (!winograd.back())
            continue;
        const WinogradPartition partition(p.inChannels, p.outChannels, tiles, 1, kernel);
        for (int i = 0; i < partition.tasks(); i++)
        {
            const WinogradTask task = partition.task(i);
            tasks.push_back({level, true, task.begin, task.end, task.first, task.last});
        }
    }
    addDirectTasks(p, kernel, rowsOfLevel, winograd, s.area, tasks);
    return tasks;
}

//! Tiles of the rows of a level, one row's after the other's.
class RowTiles CV_FINAL : public WinogradTiles
{
public:
    //! Tiles [task.begin, task.end). biasValues: of this level's channels, or null. `memory` is filled and must live on.
    RowTiles(const RoIConvParams& p, const Shape& s, const Task& task, const std::vector<int>& rows, const float* X,
             const float* biasValues, float* Y, std::vector<int>& memory)
        : p_(p),
          s_(s),
          X_(X),
          Y_(Y),
          rows_(rows),
          begin_(task.begin),
          perLine_(winogradTiles(s.ow)),
          perRow_(winogradTiles(s.oh) * perLine_),
          firstRow_(task.begin / perRow_),
          lastRow_((task.end - 1) / perRow_),
          planeHeight_(winogradTiles(s.oh) * SIDE + 2)
    {
        count = task.end - task.begin;
        rowStride = perLine_ * SIDE + 2;
        planesSize = static_cast<size_t>(lastRow_ - firstRow_ + 1) * planeHeight_ * rowStride;
        bias = biasValues;
        low = p.relu && p.normGroups == 0 ? 0.f : -std::numeric_limits<float>::infinity();
        high = std::numeric_limits<float>::infinity();
        memory.resize(count);
        for (int t = 0; t < count; t++)
        {
            const int tile = task.begin + t, y = tile % perRow_ / perLine_ * SIDE, x = tile % perLine_ * SIDE;
            memory[t] = ((tile / perRow_ - firstRow_) * planeHeight_ + y) * rowStride + x;
        }
        offsets = memory.data();
    }

    void load(int channel, float* planes) const CV_OVERRIDE
    {
        std::fill(planes, planes + planesSize, 0.f);
        const int width = std::min(s_.width, rowStride - p_.pad), height = std::min(s_.height, planeHeight_ - p_.pad);
        for (int i = firstRow_; i <= lastRow_; i++, planes += planeHeight_ * rowStride)
        {
            const float* in = X_ + (static_cast<size_t>(rows_[i]) * p_.inChannels + channel) * s_.height * s_.width;
            float* out = planes + p_.pad * rowStride + p_.pad;
            for (int y = 0; y < height; y++, in += s_.width, out += rowStride)
                for (int x = 0; x < width; x++)
                    out[x] = in[x];
        }
    }

    void store(int channel, int first, int n, const float* values) const CV_OVERRIDE
    {
        for (int t = 0; t < n; t++, values += PIXELS)
        {
            const int tile = begin_ + first + t, y = tile % perRow_ / perLine_ * SIDE, x = tile % perLine_ * SIDE;
            float* plane = Y_ + (static_cast<size_t>(rows_[tile / perRow_]) * p_.outChannels + channel) * s_.area;
            storeTile(values, s_.oh - y, s_.ow - x, plane + y * s_.ow + x, s_.ow);
        }
    }

private:
    const RoIConvParams& p_;
    const Shape& s_;
    const float* X_;
    float* Y_;
    const std::vector<int>& rows_;
    const int begin_;
    const int perLine_, perRow_;  //!< tiles of a line of pixels and of a row of X
    const int firstRow_, lastRow_, planeHeight_;
};

//! C -> rows of Y, plus bias, and ReLU where no norm follows. bias: of this level's channels, or null.
void writeTile(const RoIConvParams& p, const Task& task, const std::vector<Column>& columns, int area, const float* C,
               size_t ldc, const float* bias, float* Y)
{
    const bool relu = p.relu && p.normGroups == 0;
    for (size_t j = 0; j < columns.size();)
    {
        const Column& c = columns[j];
        const size_t run = std::min(static_cast<size_t>(area - c.pixel), columns.size() - j);
        float* out = Y + (static_cast<size_t>(c.row) * p.outChannels + task.first) * area + c.pixel;
        for (int m = task.first; m < task.last; m++, out += area)
        {
            const float* in = C + (m - task.first) * ldc + j;
            const float b = bias ? bias[m] : 0.f;
            for (size_t i = 0; i < run; i++)
            {
                const float value = in[i] + b;
                out[i] = relu && value < 0.f ? 0.f : value;
            }
        }
        j += run;
    }
}

constexpr int LANES = 8;  //!< partial sums: the same order of additions for every instruction set

//! Sum of (x - shift)^power, power 1 or 2.
template <int POWER>
D2DET_INLINE double sumOfPowers(const float* x, int count, double shift)
{
    double lanes[LANES] = {};
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
        {
            const double d = x[i + l] - shift;
            lanes[l] += POWER == 1 ? d : d * d;
        }
    double sum = 0;
    for (; i < count; i++)
    {
        const double d = x[i] - shift;
        sum += POWER == 1 ? d : d * d;
    }
    for (double lane : lanes)
        sum += lane;
    return sum;
}

//! Group norm and ReLU of one row [outChannels, area] in place; two passes, sums in double.
D2DET_TARGET_CLONES
void groupNormRow(const RoIConvParams& p, const float* gamma, const float* beta, int area, float* Y)
{
    const int channels = p.outChannels / p.normGroups, count = channels * area;
    for (int o = 0; o < p.outChannels; o += channels)
    {
        float* group = Y + static_cast<size_t>(o) * area;
        const double mean = sumOfPowers<1>(group, count, 0.) / count;
        const double var = sumOfPowers<2>(group, count, mean) / count;
        const double scale = 1. / std::sqrt(var + static_cast<double>(p.epsilon));
        for (int c = 0; c < channels; c++)
        {
            const float a = static_cast<float>(scale * (gamma ? gamma[o + c] : 1.f)), b = beta ? beta[o + c] : 0.f;
            const float centre = static_cast<float>(mean);
            float* y = group + static_cast<size_t>(c) * area;
            for (int i = 0; i < area; i++)
            {
                const float value = (y[i] - centre) * a + b;
                y[i] = p.relu && value < 0.f ? 0.f : value;
            }
        }
    }
}

//! What follows the norm, on one row of the convolution's output [outChannels, oh, ow] in place.
void finishRow(const RoIConvParams& p, int oh, int ow, float* Y)
{
    const size_t count = static_cast<size_t>(p.outChannels) * oh * ow;
    for (size_t i = 0; p.sigmoid && i < count; i++)
        Y[i] = 1.f / (1.f + std::exp(-Y[i]));
    const int u = p.upsample;
    if (u == 1)
        return;
    const std::vector<float> planes(Y, Y + count);
    const float* in = planes.data();
    for (int o = 0; o < p.outChannels; o++)
    {
        float* block = Y + static_cast<size_t>(o / (u * u)) * u * u * oh * ow + (o / u % u * ow * u) + o % u;
        for (int y = 0; y < oh; y++)
            for (int x = 0; x < ow; x++)
                block[(static_cast<size_t>(y) * u * ow + x) * u] = *in++;
    }
}

/** For each row an earlier one whose output is the same, or -1: dense regression meets a box as often as it has classes.
    sets: weight set of each row, -1 for one that is not computed. */
std::vector<int> findRepeated(const float* X, const float* rois, const std::vector<int>& sets, size_t rowSize)
{
    const int count = static_cast<int>(sets.size());
    std::vector<int> order, repeated(count, -1);
    for (int r = 0; r < count; r++)
        if (sets[r] >= 0)
            order.push_back(r);
    const auto compare = [rois](int a, int b)
    { return std::memcmp(rois + 5 * static_cast<size_t>(a), rois + 5 * static_cast<size_t>(b), 5 * sizeof(float)); };
    std::sort(order.begin(), order.end(),
              [&](int a, int b)
              {
                  const int difference = compare(a, b);
                  return difference != 0 ? difference < 0 : a < b;
              });
    for (size_t i = 0, first = 0; i < order.size(); i++)
    {
        if (compare(order[first], order[i]) != 0)
            first = i;
        for (size_t k = first; k < i && repeated[order[i]] < 0; k++)
            if (repeated[order[k]] < 0 && sets[order[k]] == sets[order[i]] &&
                std::memcmp(X + order[k] * rowSize, X + order[i] * rowSize, rowSize * sizeof(float)) == 0)
                repeated[order[i]] = order[k];
    }
    return repeated;
}

void runTask(const RoIConvParams& p, const Shape& s, const Task& task, const std::vector<int>& rows, const float* X,
             const PackedMatrix& A, const float* bias, float* Y)
{
    if (task.winograd)
    {
        static thread_local std::vector<int> offsets;
        winogradMultiply(A, p.inChannels, task.first, task.last, RowTiles(p, s, task, rows, X, bias, Y, offsets));
        return;
    }
    std::vector<Column> columns;
    columns.reserve(task.end - task.begin);
    for (int j = task.begin; j < task.end; j++)
        columns.push_back({rows[j / s.area], j % s.area});
    const int nr = A.kernel->nr;
    const size_t ldc = (columns.size() + nr - 1) / nr * nr;
    const size_t depth = std::min(GemmKernel::KC, s.depth);
    float* B = threadScratch(0, ldc * depth);
    float* C = threadScratch(1, ldc * (task.last - task.first));
    if (ldc > columns.size())  // never written, but multiplied: no denormal values
        std::fill(B, B + ldc * depth, 0.f);
    Gather gather(p, s, X, columns, nr);
    multiplyBlocked(
        A, task.first, task.last, static_cast<int>(columns.size()),
        [&gather](int k0, int block, float* panels) { gather.pack(k0, block, panels); }, B, C, ldc);
    writeTile(p, task, columns, s.area, C, ldc, bias, Y);
}

}  // namespace

RoIConvPacked packRoIConv(const RoIConvParams& p, const float* weight)
{
    RoIConvPacked packed;
    const int depth = p.inChannels * p.kernelHeight * p.kernelWidth;
    for (int level = 0; level < p.levels; level++)
        packed.levels.push_back(
            packMatrix(weight + static_cast<size_t>(level) * p.outChannels * depth, p.outChannels, depth));
    return packed;
}

void unpackRoIConv(const RoIConvPacked& packed, float* weight)
{
    for (const PackedMatrix& level : packed.levels)
    {
        unpackMatrix(level, weight);
        weight += static_cast<size_t>(level.rows) * level.depth;
    }
}

void roiConvCpu(const RoIConvParams& p, const float* X, const float* rois, int numRois, int height, int width,
                const RoIConvPacked& weight, const float* bias, const float* gamma, const float* beta, float* Y,
                const float* classes)
{
    const Shape s = makeShape(p, height, width);
    const size_t inRow = static_cast<size_t>(p.inChannels) * height * width;
    const size_t outRow = static_cast<size_t>(p.outChannels) * s.area;
    std::vector<int> levelOfRow(numRois);
    for (int r = 0; r < numRois; r++)
        levelOfRow[r] = weightSet(p, rois, classes, r);
    const std::vector<int> repeated = findRepeated(X, rois, levelOfRow, inRow);
    LevelRows rowsOfLevel(p.levels);
    for (int r = 0; r < numRois; r++)
        if (levelOfRow[r] >= 0 && repeated[r] < 0)
            rowsOfLevel[levelOfRow[r]].push_back(r);

    const auto ofLevel = [&p](const float* values, int level)
    { return values ? values + static_cast<size_t>(level) * p.outChannels : nullptr; };
    const std::vector<Task> tasks = makeTasks(p, s, *weight.levels[0].kernel, rowsOfLevel);
    parallel_for_(
        Range(0, static_cast<int>(tasks.size())),
        [&](const Range& range)
        {
            for (int i = range.start; i < range.end; i++)
                runTask(p, s, tasks[i], rowsOfLevel[tasks[i].level], X, weight.levels[tasks[i].level],
                        ofLevel(bias, tasks[i].level), Y);
        },
        static_cast<double>(tasks.size()));

    if (p.normGroups > 0 || p.sigmoid || p.upsample > 1)
        parallel_for_(Range(0, numRois),
                      [&](const Range& range)
                      {
                          for (int r = range.start; r < range.end; r++)
                          {
                              const int level = levelOfRow[r];
                              if (level < 0 || repeated[r] >= 0)
                                  continue;
                              if (p.normGroups > 0)
                                  groupNormRow(p, ofLevel(gamma, level), ofLevel(beta, level), s.area, Y + r * outRow);
                              finishRow(p, s.oh, s.ow, Y + r * outRow);
                          }
                      });

    for (int r = 0; r < numRois; r++)
        if (levelOfRow[r] < 0)
            std::fill(Y + r * outRow, Y + (r + 1) * outRow, 0.f);
        else if (repeated[r] >= 0)
            std::copy(Y + repeated[r] * outRow, Y + (repeated[r] + 1) * outRow, Y + r * outRow);
}

void roiConvCpu(const RoIConvParams& p, const float* X, const float* rois, int numRois, int height, int width,
                const float* weight, const float* bias, const float* gamma, const float* beta, float* Y,
                const float* classes)
{
    roiConvCpu(p, X, rois, numRois, height, width, packRoIConv(p, weight), bias, gamma, beta, Y, classes);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
