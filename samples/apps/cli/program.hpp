// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The frame of every program: command line, --help and --version, error messages, exit codes.

   Exit codes: 0 done, 1 it did not work (one line on stderr says why), 2 the command line is wrong. */

#ifndef D2DET_CLI_PROGRAM_HPP
#define D2DET_CLI_PROGRAM_HPP

#include <boost/program_options.hpp>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace cli
{

namespace po = boost::program_options;

//! The command line is wrong: exit code 2.
struct UsageError : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

//! What --help shows and which options there are.
struct CommandLine
{
    const char* program;
    std::string intro;                               //!< above the options
    po::options_description options;                 //!< visible ones; --help and --version are added
    std::string epilogue = {};                       //!< below the options
    po::options_description hidden = {};             //!< e.g. what the positional arguments are stored as
    po::positional_options_description inputs = {};  //!< positional arguments
    bool helpWithoutWords = true;                    //!< an empty command line shows the help, exit code 2
};

/** @brief Reads a command line.
@param words without the program's name.
@return the exit code if the program has nothing more to do. Throws UsageError and boost::program_options::error. */
std::optional<int> readCommandLine(const CommandLine& line, const std::vector<std::string>& words,
                                   po::variables_map& values);

//! Words of main's argv, without the program's name.
std::vector<std::string> wordsOf(int argc, const char* const* argv);

//! "d2det_train 0.1.0 (OpenCV 4.6.0)"
std::string versionLine(const std::string& program);

//! Runs a program's body and turns exceptions into one line on stderr and an exit code.
int runProgram(const char* name, const std::function<int()>& body);

/** Messages of OpenCV (lines that begin with "> "), the ONNX checker and LibTorch (whose stack trace is left out) in
    one line. */
std::string oneLine(const std::string& message);

//! File names may hold anything, also what moves a terminal's cursor.
std::string printable(std::string text);

//! Throws unless low <= value <= high; the reason names the option.
void checkRange(const char* option, double value, double low, double high);

//! The same for an option that may not be given.
template <typename T>
void checkRange(const po::variables_map& values, const char* option, T low, T high)
{
    static_assert(std::is_arithmetic<T>::value, "ranges are of numbers");
    if (values.count(option))
        checkRange(option, static_cast<double>(values[option].as<T>()), static_cast<double>(low),
                   static_cast<double>(high));
}

//! The text of an option; empty if it is not given.
std::string textOf(const po::variables_map& values, const char* option);

//! The texts of an option that can be repeated.
std::vector<std::string> textsOf(const po::variables_map& values, const char* option);

}  // namespace cli

#endif
