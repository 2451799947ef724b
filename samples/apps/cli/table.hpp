// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Tables for console output. */

#ifndef D2DET_CLI_TABLE_HPP
#define D2DET_CLI_TABLE_HPP

#include <opencv2/d2det.hpp>

#include <string>
#include <vector>

namespace cli
{

//! Name of a class, also for models without class names.
std::string className(const std::vector<cv::String>& names, int id);

//! Left-aligned text in `width` columns; longer texts are truncated at the start.
std::string padRight(const std::string& text, size_t width);

//! Accumulates Detector::getTimings over several calls.
class StageTimes
{
public:
    //! Adds the times of the last detector call.
    void add(const cv::d2det::Detector& detector);
    void add(const std::vector<cv::String>& stages, const std::vector<double>& times);

    std::vector<double> mean() const;
    const std::vector<cv::String>& stages() const { return stages_; }

    //! Table header, such as "   prepare  backbone ...", with the total in the last column.
    static std::string header(const std::vector<cv::String>& stages);
    static std::string row(const std::vector<cv::String>& stages, const std::vector<double>& times);

private:
    std::vector<cv::String> stages_;
    std::vector<double> sums_;
    int count_ = 0;
};

}  // namespace cli

#endif
