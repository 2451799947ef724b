// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Tables on the console. */

#ifndef D2DET_CLI_TABLE_HPP
#define D2DET_CLI_TABLE_HPP

#include <opencv2/d2det.hpp>

#include <string>
#include <vector>

namespace cli
{

//! Name of a class; models may lack names.
std::string className(const std::vector<cv::String>& names, int id);

//! Left aligned in `width` columns; a longer text loses its beginning.
std::string padRight(const std::string& text, size_t width);

//! Sums of Detector::getTimings over many calls.
class StageTimes
{
public:
    //! Adds the last call of the detector.
    void add(const cv::d2det::Detector& detector);
    void add(const std::vector<cv::String>& stages, const std::vector<double>& times);

    std::vector<double> mean() const;
    const std::vector<cv::String>& stages() const { return stages_; }

    //! "   prepare  backbone ..." with the total last.
    static std::string header(const std::vector<cv::String>& stages);
    static std::string row(const std::vector<cv::String>& stages, const std::vector<double>& times);

private:
    std::vector<cv::String> stages_;
    std::vector<double> sums_;
    int count_ = 0;
};

}  // namespace cli

#endif
