// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "cli/table.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cli
{

namespace
{

int columnWidth(const cv::String& stage)
{
    return std::max(static_cast<int>(stage.size()) + 2, 9);
}

}  // namespace

std::string className(const std::vector<cv::String>& names, int id)
{
    return id >= 0 && id < static_cast<int>(names.size()) ? names[id] : cv::format("class %d", id);
}

std::string padRight(const std::string& text, size_t width)
{
    const size_t length = d2det::countCharacters(text);
    if (length <= width)
        return text + std::string(width - length, ' ');
    size_t begin = 0;
    for (size_t drop = length - (width - 3); drop > 0; begin++)
        drop -= (static_cast<unsigned char>(text[begin]) & 0xc0) != 0x80;
    while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80)
        begin++;
    return "..." + text.substr(begin);
}

void StageTimes::add(const cv::d2det::Detector& detector)
{
    std::vector<cv::String> stages;
    const std::vector<double> times = detector.getTimings(stages);
    add(stages, times);
}

void StageTimes::add(const std::vector<cv::String>& stages, const std::vector<double>& times)
{
    stages_ = stages;
    sums_.resize(times.size());
    for (size_t i = 0; i < times.size(); i++)
        sums_[i] += times[i];
    count_++;
}

std::vector<double> StageTimes::mean() const
{
    std::vector<double> result(sums_);
    for (double& v : result)
        v /= std::max(count_, 1);
    return result;
}

std::string StageTimes::header(const std::vector<cv::String>& stages)
{
    std::string line;
    for (const cv::String& stage : stages)
        line += cv::format("%*s", columnWidth(stage), stage.c_str());
    return line + cv::format("%10s", "total ms");
}

std::string StageTimes::row(const std::vector<cv::String>& stages, const std::vector<double>& times)
{
    std::string line;
    double total = 0;
    for (size_t i = 0; i < times.size(); i++)
    {
        line += cv::format("%*.1f", columnWidth(stages[i]), times[i]);
        total += times[i];
    }
    return line + cv::format("%10.1f", total);
}

}  // namespace cli
