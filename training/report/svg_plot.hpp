// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Small line and bar charts as SVG text, to stand inside an HTML page or as a file of their own.

   Text and axes take the page's text color (currentColor), the series have colors of medium lightness: charts can be
   read on light and on dark ground. No scripts, no fonts, no styles from elsewhere. Sources of the tick steps:
   Heckbert, "Nice numbers for graph labels", Graphics Gems 1990 (1, 2, 5 times a power of ten). */

#ifndef D2DET_TRAINING_SVG_PLOT_HPP
#define D2DET_TRAINING_SVG_PLOT_HPP

#include <limits>
#include <string>
#include <vector>

namespace d2det
{

//! A line, or one bar of every group.
struct Series
{
    std::string name;          //!< in the legend; empty: not listed there
    std::vector<double> x, y;  //!< of equal length; bars use y only. Where one is not finite the line has a gap
    bool dashed = false;
    int color = -1;      //!< index of the palette, -1: position of the series
    double opacity = 1;  //!< of the line
};

struct PlotOptions
{
    std::string title, subtitle, xLabel, yLabel;
    int width = 480, height = 320;  //!< in CSS pixels; the image scales with its container
    bool logY = false;              //!< values <= 0 are left out
    bool markers = false;           //!< a dot with a tooltip at every point (line charts)
    bool barValues = true;          //!< numbers above the bars, where there is room
    bool histogram = false;         //!< barPlot: bars side by side; names that would overlap are left out, not inclined
    int valueDecimals = 3;          //!< of bar values and tooltips
    //! Ends of the axes; NaN: from the data.
    double xMin = std::numeric_limits<double>::quiet_NaN(), xMax = xMin;
    double yMin = xMin, yMax = xMin;
};

/** Line chart. Series of unequal x and y length throw std::invalid_argument. Without a point that can be drawn the
    chart says "no data". Long series are thinned to what the pixels can show, so that the text stays small. */
std::string linePlot(const std::vector<Series>& series, const PlotOptions& options);

/** Bar chart: one group of bars per name, one bar of each series in it.
    @param groups names below the axis; every series has as many y. */
std::string barPlot(const std::vector<std::string>& groups, const std::vector<Series>& series,
                    const PlotOptions& options);

/** Bars that lie, one below the other, each with its name and value: for many names. The height follows from their
    number.
    @param names, values of equal length; values that are not finite or below 0 have no bar. */
std::string rowPlot(const std::vector<std::string>& names, const std::vector<double>& values,
                    const PlotOptions& options);

//! Tick positions that cover [low, high] from inside, about `count` of them, at 1, 2 or 5 times a power of ten.
std::vector<double> niceTicks(double low, double high, int count);

//! Color of a series, "#rrggbb"; repeats after 8.
std::string plotColor(int index);

}  // namespace d2det

#endif
