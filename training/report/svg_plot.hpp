// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Small line and bar charts as SVG text, for embedding in an HTML page or as a separate file.

   Text and axes use the text color of the page (currentColor), the series colors of medium lightness: charts are
   readable on light and dark backgrounds. No scripts, no external fonts or styles. Source of the tick steps:
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
    std::string name;          //!< legend entry; empty: none
    std::vector<double> x, y;  //!< equal length; bars use y only. Non-finite values cause a gap in the line
    bool dashed = false;
    int color = -1;      //!< index of the palette, -1: position of the series
    double opacity = 1;  //!< opacity of the line, 0 .. 1
};

struct PlotOptions
{
    std::string title, subtitle, xLabel, yLabel;
    int width = 480, height = 320;  //!< in CSS pixels; the image scales with its container
    bool logY = false;              //!< values <= 0 are omitted
    bool markers = false;           //!< a dot with a tooltip at every point (line charts)
    bool barValues = true;          //!< values above the bars, if they fit
    bool histogram = false;         //!< barPlot: adjacent bars; overlapping names are omitted instead of inclined
    int valueDecimals = 3;          //!< decimals of bar values and tooltips
    //! Axis limits; NaN: from the data.
    double xMin = std::numeric_limits<double>::quiet_NaN(), xMax = xMin;
    double yMin = xMin, yMax = xMin;
};

/** Line chart. Throws std::invalid_argument if x and y of a series differ in length. A chart without drawable points
    contains the text "no data". Long series are reduced to the pixel resolution to keep the SVG text short. */
std::string linePlot(const std::vector<Series>& series, const PlotOptions& options);

/** Bar chart: one group of bars per name, with one bar per series.
    @param groups names below the axis; every series needs one y value per group. */
std::string barPlot(const std::vector<std::string>& groups, const std::vector<Series>& series,
                    const PlotOptions& options);

/** Horizontal bar chart for many names: one row with name, bar and value per entry. The height depends on the number of
    rows.
    @param names row labels.
    @param values one per name; no bar for negative and non-finite values. */
std::string rowPlot(const std::vector<std::string>& names, const std::vector<double>& values,
                    const PlotOptions& options);

//! About `count` tick positions inside [low, high], with a step of 1, 2 or 5 times a power of ten.
std::vector<double> niceTicks(double low, double high, int count);

//! Color of a series, "#rrggbb"; repeats after 8.
std::string plotColor(int index);

}  // namespace d2det

#endif
