// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Training metrics: the training loop calls put(name, value); sinks write the values to console, CSV and TensorBoard.
   Values are averaged over the interval between two calls of write(). Names: "loss/dlr", "rate", "val/coco_person/AP".
   Images are passed to the sinks by the next write(). */

#ifndef D2DET_TRAINING_EVENTS_HPP
#define D2DET_TRAINING_EVENTS_HPP

#include "base/status_line.hpp"

#include <opencv2/core/mat.hpp>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace d2det
{

//! Position in the run.
struct Progress
{
    int64_t iteration = 0;   //!< steps done
    int64_t total = 0;       //!< steps of the entire run
    double epoch = 0;        //!< iteration / iterations per epoch
    double secondsLeft = 0;  //!< estimated remaining time
};

using Values = std::map<std::string, double>;

class EventSink
{
public:
    virtual ~EventSink() = default;
    virtual void write(const Progress& progress, const Values& values) = 0;
    virtual void message(const std::string&) {}
    //! What is going on at this moment; replaced by the next status, message or progress.
    virtual void status(const std::string&) {}
    //! An 8-bit BGR image and its name, such as "val/coco_person/street.jpg".
    virtual void image(const Progress&, const std::string&, const cv::Mat&) {}
};

class Metrics
{
public:
    void addSink(std::unique_ptr<EventSink> sink) { sinks_.push_back(std::move(sink)); }
    void put(const std::string& name, double value);
    void putImage(const std::string& name, const cv::Mat& image);  //!< 8-bit BGR
    void write(const Progress& progress);                          //!< writes the averages to all sinks and resets them
    void message(const std::string& text);                         //!< one line for the user
    void status(const std::string& text);                          //!< what is going on at this moment
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

/** Progress as one line of text. Values that exceed the width are omitted in this order: parts of the loss, rate,
    memory, data. Position, total loss, speed and remaining time are always included.
    @param columns width of the terminal. */
std::string progressLine(const Progress& progress, const Values& values, size_t columns);

/** One line per write; a single rewritten line on a terminal. A status is shown at most ten times a second on a
    terminal, otherwise (a log) once a minute. */
class ConsoleSink : public EventSink
{
public:
    ConsoleSink();
    void write(const Progress& progress, const Values& values) override;
    void message(const std::string& text) override;
    void status(const std::string& text) override;

private:
    StatusLine line_;
    bool transient_ = false;  //!< the displayed line is a status
    std::chrono::steady_clock::time_point lastStatus_;
};

/** Training metrics in log.csv, evaluations in eval.csv. Rows are appended to existing tables. A new name adds a
    column; a missing value gives an empty cell. */
class CsvSink : public EventSink
{
public:
    /** @param iteration steps done so far. Rows of later iterations are removed: a resumed run repeats these steps.
        @param evaluated iteration of the last complete evaluation; later ones are repeated too. */
    CsvSink(const std::string& folder, int64_t iteration, int64_t evaluated = std::numeric_limits<int64_t>::max());
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
