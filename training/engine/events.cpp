// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Sinks for the console and for CSV files. */

#include "engine/events.hpp"

#include "data/text.hpp"
#include "engine/checkpoint.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

namespace d2det
{

namespace
{

std::string format(const char* pattern, double value)
{
    char text[64];
    std::snprintf(text, sizeof(text), pattern, value);
    return text;
}

bool startsWith(const std::string& text, const char* prefix)
{
    return text.rfind(prefix, 0) == 0;
}

//! Header and rows up to and including an iteration; the first column is the iteration.
std::string rowsUntil(const std::string& path, int64_t iteration)
{
    std::ifstream file(path);
    std::string line, kept;
    for (bool header = true; std::getline(file, line); header = false)
        if (header || (!line.empty() && std::atoll(line.c_str()) <= iteration))
            kept += line + "\n";
    return kept;
}

}  // namespace

void Metrics::put(const std::string& name, double value)
{
    Sum& sum = sums_[name];
    sum.sum += value;
    ++sum.count;
}

void Metrics::write(const Progress& progress)
{
    Values values;
    for (const auto& item : sums_)
        values[item.first] = item.second.sum / static_cast<double>(item.second.count);
    sums_.clear();
    for (const auto& sink : sinks_)
        sink->write(progress, values);
}

void Metrics::message(const std::string& text)
{
    for (const auto& sink : sinks_)
        sink->message(text);
}

ConsoleSink::ConsoleSink() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

ConsoleSink::~ConsoleSink()
{
    finishLine();
}

void ConsoleSink::finishLine()
{
    if (lineOpen_)
        std::fputs("\n", stdout);
    lineOpen_ = false;
    std::fflush(stdout);
}

void ConsoleSink::message(const std::string& text)
{
    finishLine();
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
}

void ConsoleSink::write(const Progress& progress, const Values& values)
{
    std::string line = "epoch " + format("%.2f", progress.epoch) + " iter " + std::to_string(progress.iteration) + "/" +
                       std::to_string(progress.total);
    std::string evaluation;
    const auto total = values.find("loss");
    if (total != values.end())
        line += " loss " + format("%.4f", total->second);
    for (const auto& item : values)
    {
        if (startsWith(item.first, "loss/"))
            line += " " + item.first.substr(5) + " " + format("%.3f", item.second);
        else if (startsWith(item.first, "val/"))
            evaluation += " " + item.first.substr(4) + " " + format("%.4f", item.second);
        else if (item.first == "rate")
            line += " rate " + format("%.2e", item.second);
        else if (item.first == "images_per_second")
            line += " " + format("%.2f", item.second) + " images/s";
        else if (item.first == "data_share")
            line += " data " + format("%.0f%%", 100 * item.second);
    }
    if (!evaluation.empty())
        return message(line + ":" + evaluation);
    line += " left " + formatDuration(progress.secondsLeft);
    if (!terminal_)
        return message(line);
    std::printf("\r\033[K%s", line.substr(0, terminalColumns(STDOUT_FILENO)).c_str());
    std::fflush(stdout);
    lineOpen_ = true;
}

CsvSink::CsvSink(const std::string& folder, int64_t iteration) : folder_(folder)
{
    for (const char* name : {"log.csv", "eval.csv"})
    {
        const std::string path = (std::filesystem::path(folder) / name).string();
        if (std::filesystem::exists(path))
            writeTextAtomically(path, iteration > 0 ? rowsUntil(path, iteration) : std::string());
    }
}

void CsvSink::write(const Progress& progress, const Values& values)
{
    const bool evaluation = !values.empty() && startsWith(values.rbegin()->first, "val/");
    writeRow(evaluation ? "eval.csv" : "log.csv", progress, values);
}

void CsvSink::writeRow(const std::string& name, const Progress& progress, const Values& values)
{
    const std::filesystem::path path = std::filesystem::path(folder_) / name;
    std::error_code error;
    const bool fresh = !std::filesystem::exists(path, error) || std::filesystem::file_size(path, error) == 0;
    std::ofstream file(path, std::ios::app);
    if (fresh)
    {
        file << "iteration,epoch";
        for (const auto& item : values)
            file << "," << item.first;
        file << "\n";
    }
    file << progress.iteration << "," << format("%.4f", progress.epoch);
    for (const auto& item : values)
        file << "," << format("%.6g", item.second);
    file << "\n";
    if (!file.flush())
        throw std::runtime_error(path.string() + " cannot be written; is the disk full?");
}

}  // namespace d2det
