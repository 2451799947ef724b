// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What a training run tells: the loop puts named numbers, sinks show or store them. put() averages over the interval between
   two writes; names are "loss/dlr", "rate", "val/coco_person/AP". */

#ifndef D2DET_TRAINING_EVENTS_HPP
#define D2DET_TRAINING_EVENTS_HPP

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
};

class Metrics
{
public:
    void addSink(std::unique_ptr<EventSink> sink) { sinks_.push_back(std::move(sink)); }
    void put(const std::string& name, double value);
    void write(const Progress& progress);   //!< averages to all sinks, then starts afresh
    void message(const std::string& text);  //!< a line for the user
    void clear() { sums_.clear(); }

private:
    struct Sum
    {
        double sum = 0;
        int64_t count = 0;
    };
    std::map<std::string, Sum> sums_;
    std::vector<std::unique_ptr<EventSink>> sinks_;
};

//! A line per write; on a terminal one line that is rewritten.
class ConsoleSink : public EventSink
{
public:
    ConsoleSink();
    ~ConsoleSink() override;
    void write(const Progress& progress, const Values& values) override;
    void message(const std::string& text) override;

private:
    void finishLine();

    bool terminal_;
    bool lineOpen_ = false;
};

//! One file per set of names: training numbers in log.csv, evaluations in eval.csv. Rows are added to what is there.
class CsvSink : public EventSink
{
public:
    //! After a resume from `iteration` rows of later iterations are dropped: that work is done again.
    CsvSink(const std::string& folder, int64_t iteration);
    void write(const Progress& progress, const Values& values) override;

private:
    void writeRow(const std::string& name, const Progress& progress, const Values& values);

    std::string folder_;
};

}  // namespace d2det

#endif
