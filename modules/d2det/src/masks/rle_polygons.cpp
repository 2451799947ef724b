// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Polygons to run lengths and back.

   Source of rleFromPolygons: operators.md 4, COCO's rasterization. Corners are rounded to a grid of 1/5 pixel,
   p = trunc(5 x + 0.5), and an edge is the chain of grid points with one step along its longer axis. Where that chain
   passes the middle of a pixel column, between u = 5 c + 2 and u + 1, it begins or ends a run of column c at row
   ceil((v + 0.5) / 5 - 0.5), v being the upper one of the two points. The crossing is calculated directly for each
   column of the edge, so that the cost is proportional to the columns of the image.

   rleToPolygons follows the edges between set and other pixels with the set pixel on the right. rleFromPolygons of such
   a polygon gives exactly the pixels inside: corners are at multiples of 5, where ceil(y - 0.4) = y. */

#include "masks/rle.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace cv
{
namespace d2det
{

namespace
{

constexpr double MAX_COORDINATE = 1e6;
constexpr int MAX_CROSSINGS = 1 << 24;  //!< of polygons and columns; real objects have some thousands
constexpr int GRID = 5;

struct GridPoint
{
    int x, y;
};

//! COCO's rounding, trunc(value + 0.5): not std::lround, which differs for negative values.
int cocoRound(double value)
{
    return static_cast<int>(value + 0.5);  // NOLINT(bugprone-incorrect-roundings)
}

//! Positions in column-major order where the runs of one polygon begin or end.
class Crossings
{
public:
    //! @param left crossings that may still be found, counted down.
    Crossings(int height, int width, int64& left) : height_(height), width_(width), left_(left) {}

    void addEdge(GridPoint from, GridPoint to)
    {
        const int dx = std::abs(to.x - from.x), dy = std::abs(to.y - from.y);
        const bool flat = dx >= dy;
        if (dx == 0)
            return;
        if (flat ? from.x > to.x : from.y > to.y)
            std::swap(from, to);
        const auto columns = columnsOf(std::min(from.x, to.x), std::max(from.x, to.x));
        spend(columns.second - columns.first);
        for (int column = columns.first; column < columns.second; column++)
            add(column, flat ? flatRow(from, to, GRID * column + 2) : steepRow(from, to, GRID * column + 2));
    }

    //! Begin, end, begin, end ...: a closed line passes a column as often to the right as to the left.
    std::vector<unsigned> sorted()
    {
        std::sort(positions_.begin(), positions_.end());
        return std::move(positions_);
    }

private:
    //! Columns whose middle lies between u = low and u = high.
    std::pair<int, int> columnsOf(int low, int high) const
    {
        const int first = low <= 2 ? 0 : (low - 2 + GRID - 1) / GRID;                 // 5 c + 2 >= low
        const int last = high - 3 < 0 ? 0 : std::min((high - 3) / GRID + 1, width_);  // 5 c + 3 <= high
        return {first, last};
    }

    void spend(int crossings)
    {
        left_ -= std::max(crossings, 0);
        if (left_ < 0)
            CV_Error(Error::StsOutOfRange,
                     format("rleFromPolygons: the polygons cross more than %d columns, expected outlines of objects",
                            MAX_CROSSINGS));
    }

    //! Edges with a point for each u; the upper one of the points u and u + 1.
    static int flatRow(GridPoint from, GridPoint to, int u)
    {
        const double slope = static_cast<double>(to.y - from.y) / (to.x - from.x);
        const auto at = [&](int x) { return cocoRound(from.y + slope * (x - from.x)); };
        return std::min(at(u), at(u + 1));
    }

    //! Edges with a point for each v; the last one before u changes from or to a number above the given one.
    static int steepRow(GridPoint from, GridPoint to, int u)
    {
        const double slope = static_cast<double>(to.x - from.x) / (to.y - from.y);
        const auto at = [&](int step) { return cocoRound(from.x + slope * step); };
        const bool rightwards = to.x > from.x;
        int before = 0, after = to.y - from.y;
        while (after - before > 1)
        {
            const int middle = before + (after - before) / 2;
            ((at(middle) > u) == rightwards ? after : before) = middle;
        }
        return from.y + before;
    }

    void add(int column, int v)
    {
        const double row = std::ceil(std::min(std::max((v + 0.5) / GRID - 0.5, 0.), double(height_)));
        positions_.push_back(static_cast<unsigned>(column) * static_cast<unsigned>(height_) +
                             static_cast<unsigned>(row));
    }

    int height_, width_;
    int64& left_;
    std::vector<unsigned> positions_;
};

//! Corners on the fine grid.
std::vector<GridPoint> gridPoints(const std::vector<double>& polygon)
{
    if (polygon.size() % 2 != 0 || polygon.size() < 6)
        CV_Error(Error::StsBadArg,
                 format("rleFromPolygons: a polygon has %zu numbers, expected x and y of at least 3 points",
                        polygon.size()));
    for (const double value : polygon)
        if (!(std::abs(value) <= MAX_COORDINATE))
            CV_Error(Error::StsOutOfRange, format("rleFromPolygons: a coordinate is %g, expected -%g to %g", value,
                                                  MAX_COORDINATE, MAX_COORDINATE));
    std::vector<GridPoint> points;
    for (size_t i = 0; i < polygon.size(); i += 2)
        points.push_back({cocoRound(GRID * polygon[i]), cocoRound(GRID * polygon[i + 1])});
    return points;
}

using Run = std::pair<unsigned, unsigned>;  //!< begin, end

//! Run lengths of the union of runs.
std::vector<unsigned> countsOf(std::vector<Run> runs, unsigned pixels)
{
    std::sort(runs.begin(), runs.end());
    std::vector<unsigned> counts;
    unsigned written = 0;  // pixels covered by counts
    for (size_t i = 0; i < runs.size();)
    {
        const unsigned begin = runs[i].first;
        unsigned end = runs[i].second;
        for (i++; i < runs.size() && runs[i].first <= end; i++)
            end = std::max(end, runs[i].second);
        counts.push_back(begin - written);
        counts.push_back(end - begin);
        written = end;
    }
    if (written < pixels || counts.empty())
        counts.push_back(pixels - written);
    return counts;
}

//! Traces the borders of a mask.
class BorderTracer
{
public:
    explicit BorderTracer(const Mat& mask) : mask_(mask) {}

    std::vector<std::vector<double>> outerBorders()
    {
        std::vector<std::vector<double>> borders;
        for (int y = 0; y < mask_.rows; y++)
            for (int x = 0; x < mask_.cols; x++)
                if (isSet(x, y) && !isSet(x, y - 1) && mask_.at<uchar>(y, x) != TOP_SEEN)
                {
                    std::vector<double> border = trace({x, y});
                    if (!border.empty())
                        borders.push_back(std::move(border));
                }
        return borders;
    }

private:
    static constexpr uchar TOP_SEEN = 2;  //!< set pixel whose upper edge is part of a traced border

    bool isSet(int x, int y) const
    {
        return x >= 0 && y >= 0 && x < mask_.cols && y < mask_.rows && mask_.at<uchar>(y, x) != 0;
    }

    /** Follows the border from the upper left corner of a pixel, initially to the right. At a common corner of two
        diagonal pixels the border stays at the same pixel: components are 4-connected.
        @return the corners; empty for the border of a hole (opposite orientation). */
    std::vector<double> trace(Point start)
    {
        static const Point steps[4] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};  // right, down, left, up
        // Pixels ahead of a corner on the right and on the left, for each direction.
        static const Point rights[4] = {{0, 0}, {-1, 0}, {-1, -1}, {0, -1}};
        static const Point lefts[4] = {{0, -1}, {0, 0}, {-1, 0}, {-1, -1}};
        std::vector<double> corners;
        int64 doubleArea = 0;
        Point corner = start, previous = start;
        int direction = 0;
        do
        {
            if (direction == 0)
                mask_.at<uchar>(corner.y, corner.x) = TOP_SEEN;
            corner += steps[direction];
            const Point right = corner + rights[direction], left = corner + lefts[direction];
            const int turn = !isSet(right.x, right.y) ? 1 : isSet(left.x, left.y) ? 3 : 0;
            if (turn == 0)
                continue;
            corners.push_back(corner.x);
            corners.push_back(corner.y);
            doubleArea += static_cast<int64>(previous.x) * corner.y - static_cast<int64>(corner.x) * previous.y;
            previous = corner;
            direction = (direction + turn) % 4;
        } while (corner != start || direction != 0);
        return doubleArea > 0 ? corners : std::vector<double>();
    }

    Mat mask_;
};

}  // namespace

Rle rleFromPolygons(const std::vector<std::vector<double>>& polygons, int height, int width)
{
    checkMaskSize(height, width, "rleFromPolygons");
    std::vector<Run> runs;
    int64 left = MAX_CROSSINGS;
    for (const std::vector<double>& polygon : polygons)
    {
        const std::vector<GridPoint> points = gridPoints(polygon);
        Crossings crossings(height, width, left);
        for (size_t i = 0; i < points.size(); i++)
            crossings.addEdge(points[i], points[(i + 1) % points.size()]);
        const std::vector<unsigned> ends = crossings.sorted();
        for (size_t i = 0; i + 1 < ends.size(); i += 2)
            if (ends[i] < ends[i + 1])
                runs.emplace_back(ends[i], ends[i + 1]);
    }
    Rle rle;
    rle.height = height;
    rle.width = width;
    rle.counts = countsOf(std::move(runs), static_cast<unsigned>(height) * static_cast<unsigned>(width));
    return rle;
}

std::vector<std::vector<double>> rleToPolygons(const Rle& rle)
{
    Mat mask;
    rleDecode(rle, mask);
    return BorderTracer(mask).outerBorders();
}

}  // namespace d2det
}  // namespace cv
