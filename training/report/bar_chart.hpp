// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Bar charts as pictures, for the statistics of a data set. */

#ifndef D2DET_TRAINING_BAR_CHART_HPP
#define D2DET_TRAINING_BAR_CHART_HPP

#include <opencv2/core.hpp>

#include <string>
#include <vector>

namespace d2det
{

struct Bar
{
    std::string label;
    double value = 0;
};

struct BarChart
{
    std::string title, subtitle;
    std::vector<Bar> bars;
    std::string axis;         //!< what the labels are, below the chart
    bool horizontal = false;  //!< bars lie, each with its label and value: for names; else they stand: for histograms
};

/** @brief Counts values between edges.
@param edges ascending; the first bar has all that is below edges[1], the last all from the last but one on.
@param labels one for each bar, edges.size() - 1. */
std::vector<Bar> histogram(const std::vector<double>& values, const std::vector<double>& edges,
                           const std::vector<std::string>& labels);

//! 8-bit BGR picture.
cv::Mat drawBars(const BarChart& chart);

//! ASCII text for OpenCV's fonts: each other character becomes '?'.
std::string plainText(const std::string& utf8);

}  // namespace d2det

#endif
