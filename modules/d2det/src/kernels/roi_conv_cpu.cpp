// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-set directory
// of this distribution and at http://opencv.org/license.html.

/* D2RoIConv on the CPU, see roi_conv.hpp.

   A matrix multiplication of the weights [O, C kh kw] by columns: one column per output pixel of a row
   that holds a RoI, grouped by set. The matrix of columns is never stored entirely: a task gathers blocks of depth of a
   few panels of columns from X into a cache-sized buffer and multiplies them. For 3x3 kernels with stride 1 Winograd's
   method (winograd.hpp) is used if a set has enough rows. Bias and ReLU are applied when the tile is written;
   group norm, which needs all channels of a row, follows row by row. Repeated rows are copied. */

#include "parallel.hpp"
#include "roi_conv.hpp"
#include "simd.hpp"
#include "transpose.hpp"

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

constexpr int MAX_PANELS = 6;        //!< B panels of a task: limited by the second-level cache
constexpr int TASKS_PER_THREAD = 3;  //!< minimum; below, output channels are split too
constexpr int MIN_SPLIT = 8;         //!< A panels, so that gathering B is cheaper than the product

struct Shape
{
    int height, width, oh, ow;
    int depth;   //!< C kh kw
    int area;    //!< oh ow
    bool whole;  //!< kernel size = map size: a column is a row of X
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
        planes_.assign(rows_.size() * paddedHeight_ * paddedWidth_ + RUN, 0.f);  // zero border
    }

    //! Depth [k0, k0 + block) of all columns -> panels [block, nr]; columns beyond the end are unspecified.
    void pack(int k0, int block, float* B)
    {
        if (s_.whole)
            packWhole(k0, block, B);
        else
            packPatches(k0, block, B);
    }

private:
    static constexpr int RUN = 8;  //!< floats copied at once

    //! Neighboring pixels of a row: neighboring cells of the input, neighboring columns of one panel.
    struct Run
    {
        int target, column;  //!< first column of the panel; column in the panel
        int source, length;  //!< in planes_
        bool exact;          //!< no writes beyond the end
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
        // Writes exceed a run by less than RUN values, so only runs in the last RUN columns can exceed the panel.
        if (samePanel)
            runs_.back().exact = p_.stride > 1 || runs_.back().column + roundUp(runs_.back().length) > nr_;
        runs_.push_back({target, j - target, source, 1, true});  // the last run of a panel is exact
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
        for (; in[3] && k + 4 <= block; k += 4)
            transpose4x4(in[0] + k, in[1] + k, in[2] + k, in[3] + k, out + static_cast<size_t>(k) * nr_, nr_);
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

    //! Copies entire vectors if the excess values are overwritten by the next run of the panel.
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
    std::vector<int> rows_;      //!< rows of X of the columns
    std::vector<Run> runs_;      //!< in order of the columns
    std::vector<float> planes_;  //!< one channel of rows_ with a border of zeros
};

//! Columns (Winograd: tiles) [begin, end) of a weight set by output channels [first, last): one task.
struct Task
{
    int set;
    bool winograd;
    int begin, end, first, last;
};

//! Rows of each weight set.
typedef std::vector<std::vector<int>> RowsOfSets;

void addDirectTasks(const RoIConvParams& p, const GemmKernel& kernel, const RowsOfSets& rowsOfSets,
                    const std::vector<bool>& winograd, int area, std::vector<Task>& tasks)
{
    int panels = 0;
    for (size_t set = 0; set < rowsOfSets.size(); set++)
        if (!winograd[set])
            panels += (static_cast<int>(rowsOfSets[set].size()) * area + kernel.nr - 1) / kernel.nr;
    const int aPanels = (p.outChannels + kernel.mr - 1) / kernel.mr;
    const int wanted = TASKS_PER_THREAD * numThreads();
    const int blocks = std::max(1, panels / MAX_PANELS);
    const int splits = std::max(1, std::min((wanted + blocks - 1) / blocks, aPanels / MIN_SPLIT));
    const int channels = (aPanels + splits - 1) / splits * kernel.mr, columns = MAX_PANELS * kernel.nr;
    for (int set = 0; set < static_cast<int>(rowsOfSets.size()); set++)
    {
        const int count = winograd[set] ? 0 : static_cast<int>(rowsOfSets[set].size()) * area;
        for (int begin = 0; begin < count; begin += columns)
            for (int first = 0; first < p.outChannels; first += channels)
                tasks.push_back({set, false, begin, std::min(begin + columns, count), first,
                                 std::min(first + channels, p.outChannels)});
    }
}

std::vector<Task> makeTasks(const RoIConvParams& p, const Shape& s, const GemmKernel& kernel,
                            const RowsOfSets& rowsOfSets)
{
    const int tilesPerRow = winogradTiles(s.oh) * winogradTiles(s.ow);
    const bool fits = p.kernelHeight == 3 && p.kernelWidth == 3 && p.stride == 1;
    std::vector<Task> tasks;
    std::vector<bool> winograd;
    for (int set = 0; set < static_cast<int>(rowsOfSets.size()); set++)
    {
        const int rows = static_cast<int>(rowsOfSets[set].size()), tiles = rows * tilesPerRow;
        winograd.push_back(
            fits && rows > 0 &&
            useWinograd(p.method, p.inChannels, p.outChannels, tiles, static_cast<int64_t>(rows) * s.area, kernel));
        if (!winograd.back())
            continue;
        const WinogradPartition partition(p.inChannels, p.outChannels, tiles, 1, kernel);
        for (int i = 0; i < partition.tasks(); i++)
        {
            const WinogradTask task = partition.task(i);
            tasks.push_back({set, true, task.begin, task.end, task.first, task.last});
        }
    }
    addDirectTasks(p, kernel, rowsOfSets, winograd, s.area, tasks);
    return tasks;
}

//! Common data of all tasks of a call.
struct Call
{
    const RoIConvParams& p;
    const RoIConvArgs<float>& args;
    Shape s;
    float* Y;  //!< [numRois, outChannels, area]: before upsampling

    //! Values of bias, gamma or beta of a set.
    const float* ofSet(const float* values, int set) const
    {
        return values ? values + static_cast<size_t>(set) * p.outChannels : nullptr;
    }
};

//! Tiles of the rows of a set, in order of rows.
class RowTiles final : public WinogradTiles
{
public:
    //! Tiles [task.begin, task.end). `memory` is filled and must outlive this object.
    RowTiles(const Call& call, const Task& task, const std::vector<int>& rows, std::vector<int>& memory)
        : p_(call.p),
          s_(call.s),
          X_(call.args.X),
          Y_(call.Y),
          rows_(rows),
          begin_(task.begin),
          perLine_(winogradTiles(s_.ow)),
          perRow_(winogradTiles(s_.oh) * perLine_),
          firstRow_(task.begin / perRow_),
          lastRow_((task.end - 1) / perRow_),
          planeHeight_(winogradTiles(s_.oh) * SIDE + 2)
    {
        count = task.end - task.begin;
        rowStride = perLine_ * SIDE + 2;
        planesSize = static_cast<size_t>(lastRow_ - firstRow_ + 1) * planeHeight_ * rowStride;
        bias = call.ofSet(call.args.bias, task.set);
        low = p_.relu && p_.normGroups == 0 ? 0.f : -std::numeric_limits<float>::infinity();
        high = std::numeric_limits<float>::infinity();
        memory.resize(count);
        for (int t = 0; t < count; t++)
        {
            const int tile = task.begin + t, y = tile % perRow_ / perLine_ * SIDE, x = tile % perLine_ * SIDE;
            memory[t] = ((tile / perRow_ - firstRow_) * planeHeight_ + y) * rowStride + x;
        }
        offsets = memory.data();
    }

    void load(int channel, float* planes) const override
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

    void store(int channel, int first, int n, const float* values) const override
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
    const int perLine_, perRow_;  //!< tiles per line of pixels and per row of X
    const int firstRow_, lastRow_, planeHeight_;
};

//! Copies C to rows of Y, adds bias, and applies ReLU if no norm follows.
void writeTile(const Call& call, const Task& task, const std::vector<Column>& columns, const float* C, size_t ldc)
{
    const bool relu = call.p.relu && call.p.normGroups == 0;
    const int area = call.s.area;
    const float* bias = call.ofSet(call.args.bias, task.set);
    for (size_t j = 0; j < columns.size();)
    {
        const Column& c = columns[j];
        const size_t run = std::min(static_cast<size_t>(area - c.pixel), columns.size() - j);
        float* out = call.Y + (static_cast<size_t>(c.row) * call.p.outChannels + task.first) * area + c.pixel;
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

constexpr int PARTIAL_SUMS = 8;  //!< partial sums: the same order of additions for every instruction set

//! Sum of (x - shift)^power, power 1 or 2.
template <int POWER>
D2DET_INLINE double sumOfPowers(const float* x, int count, double shift)
{
    double lanes[PARTIAL_SUMS] = {};
    int i = 0;
    for (; i + PARTIAL_SUMS <= count; i += PARTIAL_SUMS)
        for (int l = 0; l < PARTIAL_SUMS; l++)
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

//! A row [outChannels, area] and its norm.
struct NormTask
{
    const RoIConvParams& p;
    const float *gamma, *beta;
    int area;
    float* Y;
};

//! Group norm and ReLU of one row in place; two passes, sums in double.
template <int BYTES>
D2DET_INLINE void groupNormBody(const NormTask& t)
{
    const int area = t.area, channels = t.p.outChannels / t.p.normGroups, count = channels * area;
    const bool relu = t.p.relu;
    for (int o = 0; o < t.p.outChannels; o += channels)
    {
        float* group = t.Y + static_cast<size_t>(o) * area;
        const double mean = sumOfPowers<1>(group, count, 0.) / count;
        const double var = sumOfPowers<2>(group, count, mean) / count;
        const double scale = 1. / std::sqrt(var + static_cast<double>(t.p.epsilon));
        for (int c = 0; c < channels; c++)
        {
            const float a = static_cast<float>(scale * (t.gamma ? t.gamma[o + c] : 1.f));
            const float b = t.beta ? t.beta[o + c] : 0.f, center = static_cast<float>(mean);
            float* y = group + static_cast<size_t>(c) * area;
            for (int i = 0; i < area; i++)
            {
                const float value = (y[i] - center) * a + b;
                y[i] = relu && value < 0.f ? 0.f : value;
            }
        }
    }
}
D2DET_DISPATCH(groupNormRow, groupNormBody, NormTask)

//! Sigmoid and upsampling of one row of the convolution output [outChannels, oh, ow] in place.
void activateAndUpsample(const RoIConvParams& p, int oh, int ow, float* Y)
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

/** For each row the index of an earlier row with the same output, or -1. Class-wise detection keeps one proposal per
    class, so identical rows repeat; compute each once.
    sets: weight set of each row, -1 for rows that are not computed. */
std::vector<int> findRepeated(const float* X, const float* rois, const std::vector<int>& sets, size_t rowSize)
{
    const int count = static_cast<int>(sets.size());
    std::vector<int> order, repeated(count, -1);
    for (int r = 0; r < count; r++)
        if (sets[r] >= 0)
            order.push_back(r);
    const size_t rowBytes = 5 * sizeof(float);
    const auto compare = [&](int a, int b)  // by their bits: an order of all rows, whatever values they hold
    {
        // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c)
        return std::memcmp(rois + 5 * static_cast<size_t>(a), rois + 5 * static_cast<size_t>(b), rowBytes);
    };
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

void runTask(const Call& call, const Task& task, const std::vector<int>& rows, const PackedMatrix& A)
{
    if (task.winograd)
    {
        ThreadLease<std::vector<int>> offsets;
        winogradMultiply(A, call.p.inChannels, task.first, task.last, RowTiles(call, task, rows, *offsets));
        return;
    }
    const Shape& s = call.s;
    std::vector<Column> columns;
    columns.reserve(task.end - task.begin);
    for (int j = task.begin; j < task.end; j++)
        columns.push_back({rows[j / s.area], j % s.area});
    const int nr = A.kernel->nr;
    const size_t ldc = (columns.size() + nr - 1) / nr * nr;
    const size_t depth = std::min(GemmKernel::KC, s.depth);
    ThreadLease<Scratch, 0> memoryB;
    ThreadLease<Scratch, 1> memoryC;
    float* B = memoryB->get(ldc * depth);
    float* C = memoryC->get(ldc * (task.last - task.first));
    if (ldc > columns.size())  // never written, but multiplied: no denormal values
        std::fill(B, B + ldc * depth, 0.f);
    Gather gather(call.p, s, call.args.X, columns, nr);
    multiplyBlocked(
        A, task.first, task.last, static_cast<int>(columns.size()),
        [&gather](int k0, int block, float* panels) { gather.pack(k0, block, panels); }, B, C, ldc);
    writeTile(call, task, columns, C, ldc);
}

//! Norm, activation and upsampling of one row, in place.
void finishRow(const Call& call, int set, float* Y)
{
    if (call.p.normGroups > 0)
        groupNormRow({call.p, call.ofSet(call.args.gamma, set), call.ofSet(call.args.beta, set), call.s.area, Y});
    activateAndUpsample(call.p, call.s.oh, call.s.ow, Y);
}

}  // namespace

RoIConvPacked packRoIConv(const RoIConvParams& p, const float* weight)
{
    RoIConvPacked packed;
    const int depth = p.inChannels * p.kernelHeight * p.kernelWidth;
    for (int set = 0; set < p.weightSets; set++)
        packed.sets.push_back(
            packMatrix(weight + static_cast<size_t>(set) * p.outChannels * depth, p.outChannels, depth));
    return packed;
}

void unpackRoIConv(const RoIConvPacked& packed, float* weight)
{
    for (const PackedMatrix& set : packed.sets)
    {
        unpackMatrix(set, weight);
        weight += static_cast<size_t>(set.rows) * set.depth;
    }
}

void roiConvCpu(const RoIConvParams& p, const RoIConvArgs<float>& args, const RoIConvPacked& weight, float* Y)
{
    const Call call{p, args, makeShape(p, args.height, args.width), Y};
    const int numRois = args.numRois;
    const size_t inRow = static_cast<size_t>(p.inChannels) * args.height * args.width;
    const size_t outRow = static_cast<size_t>(p.outChannels) * call.s.area;
    std::vector<int> setOfRow(numRois);
    for (int r = 0; r < numRois; r++)
        setOfRow[r] = weightSet(p, args.rois, args.classes, r);
    const std::vector<int> repeated = findRepeated(args.X, args.rois, setOfRow, inRow);
    RowsOfSets rowsOfSets(p.weightSets);
    for (int r = 0; r < numRois; r++)
        if (setOfRow[r] >= 0 && repeated[r] < 0)
            rowsOfSets[setOfRow[r]].push_back(r);

    const std::vector<Task> tasks = makeTasks(p, call.s, *weight.sets[0].kernel, rowsOfSets);
    for (const Task& task : tasks)
        if (task.winograd)
            keepWinogradFilters(weight.sets[task.set], p.inChannels);
    parallelFor(
        static_cast<int>(tasks.size()),
        [&](int begin, int end)
        {
            for (int i = begin; i < end; i++)
                runTask(call, tasks[i], rowsOfSets[tasks[i].set], weight.sets[tasks[i].set]);
        },
        static_cast<double>(tasks.size()));

    if (p.normGroups > 0 || p.sigmoid || p.upsample > 1)
        parallelFor(numRois,
                    [&](int begin, int end)
                    {
                        for (int r = begin; r < end; r++)
                            if (setOfRow[r] >= 0 && repeated[r] < 0)
                                finishRow(call, setOfRow[r], Y + r * outRow);
                    });

    for (int r = 0; r < numRois; r++)
        if (setOfRow[r] < 0)
            std::fill(Y + r * outRow, Y + (r + 1) * outRow, 0.f);
        else if (repeated[r] >= 0)
            std::copy(Y + repeated[r] * outRow, Y + (repeated[r] + 1) * outRow, Y + r * outRow);
}

void roiConvCpu(const RoIConvParams& p, const RoIConvArgs<float>& args, float* Y)
{
    RoIConvPacked packed = packRoIConv(p, args.weight);
    for (PackedMatrix& set : packed.sets)
        set.constant = false;
    roiConvCpu(p, args, packed, Y);
}

}  // namespace kernels
}  // namespace d2det
}  // namespace cv
