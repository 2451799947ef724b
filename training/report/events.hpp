// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What a training run tells: the loop puts named numbers, sinks show or store them. put() averages over the interval
   between two writes; names are "loss/dlr", "rate", "val/coco_person/AP". Images go with the numbers of the next write.
   */

#ifndef D2DET_TRAINING_EVENTS_HPP
#define D2DET_TRAINING_EVENTS_HPP

#include "base/status_line.hpp"

#include <opencv2/core/mat.hpp>

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace d2det
{

//! Where the run stands.
struct Progress
{
    int64_t iteration = 0;   //!< steps done
    int64_t total = 0;       //!< steps of the whole run
    double epoch = 0;        //!< iteration / iterations per epoch
    double secondsLeft = 0;  //!< estimate
};

using Values = std::map<std::string, double>;

class EventSink
{
public:
    virtual ~EventSink() = default;
    virtual void write(const Progress& progress, const Values& values) = 0;
    virtual void message(const std::string&) {}
    //! An 8-bit BGR image, named like "val/coco_person/street.jpg".
    virtual void image(const Progress&, const std::string&, const cv::Mat&) {}
};

class Metrics
{
public:
    void addSink(std::unique_ptr<EventSink> sink) { sinks_.push_back(std::move(sink)); }
    void put(const std::string& name, double value);
    void putImage(const std::string& name, const cv::Mat& image);  //!< 8-bit BGR
    void write(const Progress& progress);                          //!< averages to all sinks, then starts afresh
    void message(const std::string& text);                         //!< a line for the user
    void clear();

private:
    struct Sum
    {
        double sum = 0;
        int64_t count = 0;
    };
    std::map<std::string, Sum> sums_;
    std::map<std::string, cv::Mat> images_;
    std::vector<std::unique_ptr<EventSink>> sinks_;
};

/** The line of a write. Numbers that do not fit are left out, least important first: the parts of the loss, the rate,
    memory, data. How far the run is, the loss, speed and time left always stay.
    @param columns of the terminal. */
std::string progressLine(const Progress& progress, const Values& values, size_t columns);

//! A line per write; on a terminal one line that is rewritten.
class ConsoleSink : public EventSink
{
public:
    ConsoleSink();
    void write(const Progress& progress, const Values& values) override;
    void message(const std::string& text) override;

private:
    StatusLine line_;
};

/** Training numbers in log.csv, evaluations in eval.csv. Rows are added to what is there; a name that the table does
    not know yet becomes a column of it, a number that a row does not have is an empty cell. */
class CsvSink : public EventSink
{
public:
    //! After a resume from `iteration` rows of later iterations are dropped: that work is done again.
    CsvSink(const std::string& folder, int64_t iteration);
    void write(const Progress& progress, const Values& values) override;

private:
    struct Table
    {
        std::string path;
        std::vector<std::string> names;  //!< columns after iteration and epoch
    };
    void writeRow(Table& table, const Progress& progress, const Values& values);
    void addColumns(Table& table, const Values& values);

    Table log_, evaluations_;
};

}  // namespace d2det

#endif
