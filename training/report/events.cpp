// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Sinks for the console and for CSV files. */

#include "report/events.hpp"

#include "base/atomic_file.hpp"
#include "base/text.hpp"
#include "report/curves.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

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

//! A name as a CSV cell.
std::string cellName(std::string name)
{
    for (char& c : name)
        if (c == ',' || c == '"' || static_cast<unsigned char>(c) < ' ')
            c = '_';
    return name;
}

std::string position(const Progress& progress)
{
    return "epoch " + format("%.2f", progress.epoch) + " iter " + std::to_string(progress.iteration) + "/" +
           std::to_string(progress.total);
}

//! A value as console text; empty if not displayed. Low ranks are omitted last if space is short.
struct ConsolePiece
{
    std::string text;
    int rank = 0;
};

ConsolePiece consolePiece(const std::string& name, double value)
{
    if (name == "loss")
        return {" loss " + format("%.4f", value), 0};
    if (name == "images_per_second")
        return {" " + format("%.2f", value) + " images/s", 0};
    if (name == "data_share")
        return {" data " + format("%.0f%%", 100 * value), 1};
    if (name == "memory_mib")
        return {" memory " + format("%.0f MiB", value), 2};
    if (name == "rate")
        return {" rate " + format("%.2e", value), 3};
    if (startsWith(name, "loss/"))
        return {" " + name.substr(5) + " " + format("%.3f", value), 4};
    return {};
}

}  // namespace

std::string progressLine(const Progress& progress, const Values& values, size_t columns)
{
    std::vector<ConsolePiece> pieces;
    for (const auto& item : values)
        pieces.push_back(consolePiece(item.first, item.second));
    const auto isLoss = [](const ConsolePiece& piece) { return piece.rank == 4 || startsWith(piece.text, " loss "); };
    std::stable_partition(pieces.begin(), pieces.end(), isLoss);
    const std::string begin = position(progress), end = " left " + formatDuration(progress.secondsLeft);
    for (int highest = 4;; highest--)
    {
        std::string line = begin;
        for (const ConsolePiece& piece : pieces)
            line += piece.rank <= highest ? piece.text : std::string();
        line += end;
        if (line.size() <= columns || highest == 0)
            return line;
    }
}

void Metrics::put(const std::string& name, double value)
{
    Sum& sum = sums_[name];
    sum.sum += value;
    ++sum.count;
}

void Metrics::putImage(const std::string& name, const cv::Mat& image)
{
    images_[name] = image;
}

void Metrics::clear()
{
    sums_.clear();
    images_.clear();
}

void Metrics::write(const Progress& progress)
{
    Values values;
    for (const auto& item : sums_)
        values[item.first] = item.second.sum / static_cast<double>(item.second.count);
    const std::map<std::string, cv::Mat> images = std::move(images_);
    clear();
    for (const auto& sink : sinks_)
    {
        sink->write(progress, values);
        for (const auto& item : images)
            sink->image(progress, item.first, item.second);
    }
}

void Metrics::message(const std::string& text)
{
    for (const auto& sink : sinks_)
        sink->message(text);
}

void Metrics::status(const std::string& text)
{
    for (const auto& sink : sinks_)
        sink->status(text);
}

ConsoleSink::ConsoleSink() : line_(stdout), lastStatus_(std::chrono::steady_clock::now()) {}

void ConsoleSink::message(const std::string& text)
{
    if (transient_)
        line_.clear();
    transient_ = false;
    line_.print(text);
}

void ConsoleSink::status(const std::string& text)
{
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - lastStatus_).count();
    if (seconds < (line_.terminal() ? 0.1 : 60))
        return;
    lastStatus_ = now;
    line_.show(text);
    transient_ = true;
}

void ConsoleSink::write(const Progress& progress, const Values& values)
{
    std::string evaluation;
    for (const auto& item : values)
        if (startsWith(item.first, "val/") && item.first.find("/loss_") == std::string::npos)  // parts of a loss
            evaluation += " " + item.first.substr(4) + " " + format("%.4f", item.second);
    if (!evaluation.empty())
        return message(position(progress) + ":" + evaluation);
    transient_ = false;
    line_.show(progressLine(progress, values, line_.columns()));
}

CsvSink::CsvSink(const std::string& folder, int64_t iteration, int64_t evaluated)
{
    log_.path = (std::filesystem::path(folder) / "log.csv").string();
    evaluations_.path = (std::filesystem::path(folder) / "eval.csv").string();
    for (Table* const table : {&log_, &evaluations_})
    {
        if (!std::filesystem::exists(table->path))
            continue;
        const int64_t last = table == &evaluations_ ? std::min(iteration, evaluated) : iteration;
        writeTextAtomically(table->path, iteration > 0 ? rowsUntil(table->path, last) : std::string());
        const std::vector<std::string> names = readCsv(table->path).names;
        if (names.size() > 2)
            table->names.assign(names.begin() + 2, names.end());
    }
}

void CsvSink::write(const Progress& progress, const Values& values)
{
    const bool evaluation = !values.empty() && startsWith(values.rbegin()->first, "val/");
    writeRow(evaluation ? evaluations_ : log_, progress, values);
}

//! Appends new names to the header; existing rows get empty cells.
void CsvSink::addColumns(Table& table, const Values& values)
{
    const size_t before = table.names.size();
    for (const auto& item : values)
        if (std::find(table.names.begin(), table.names.end(), cellName(item.first)) == table.names.end())
            table.names.push_back(cellName(item.first));
    if (table.names.size() == before)
        return;
    std::string text = "iteration,epoch";
    for (const std::string& name : table.names)
        text += "," + name;
    text += "\n";
    std::ifstream file(table.path);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line))
        text += line + std::string(table.names.size() - before, ',') + "\n";
    writeTextAtomically(table.path, text);
}

void CsvSink::writeRow(Table& table, const Progress& progress, const Values& values)
{
    addColumns(table, values);
    std::map<std::string, double> cells;
    for (const auto& item : values)
        cells[cellName(item.first)] = item.second;
    std::ofstream file(table.path, std::ios::app);
    file << progress.iteration << "," << format("%.4f", progress.epoch);
    for (const std::string& name : table.names)
        file << "," << (cells.count(name) ? format("%.6g", cells[name]) : std::string());
    file << "\n";
    if (!file.flush())
        throw std::runtime_error(table.path + " cannot be written; is the disk full?");
}

}  // namespace d2det
