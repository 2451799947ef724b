// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Common parts of all programs: command line, --help and --version, error messages, exit codes.

   Exit codes: 0 success, 1 failure (reason in one line on stderr), 2 invalid command line, 130 after Ctrl-C. */

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

//! Invalid command line: exit code 2.
struct UsageError : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

//! Options of a program and texts of --help.
struct CommandLine
{
    const char* program;
    std::string intro;                               //!< text above the options
    po::options_description options;                 //!< visible ones; --help and --version are added
    std::string epilogue = {};                       //!< text below the options
    po::options_description hidden = {};             //!< such as the storage of positional arguments
    po::positional_options_description inputs = {};  //!< positional arguments
    bool helpWithoutWords = true;                    //!< show the help for an empty command line, exit code 2
};

/** @brief Parses a command line.
@param words arguments without the program name.
@return an exit code if the program should end (--help, --version). Throws UsageError and
boost::program_options::error. */
std::optional<int> readCommandLine(const CommandLine& line, const std::vector<std::string>& words,
                                   po::variables_map& values);

//! Arguments of main() without the program name.
std::vector<std::string> wordsOf(int argc, const char* const* argv);

//! "d2det_train 0.1.0 (OpenCV 4.6.0)"
std::string versionLine(const std::string& program);

/** Runs the body of a program; converts exceptions to one line on stderr and an exit code. Output that could not be
    written to stdout (a full disk) is a failure. Ctrl-C ends the program with code 130 at once, or as the program says
    that calls catchInterrupts(). */
int runProgram(const char* name, const std::function<int()>& body);

/** Converts messages of OpenCV (lines with prefix "> "), the ONNX checker and LibTorch (without stack trace) to one
    line. */
std::string oneLine(const std::string& message);

//! Makes a text safe for a terminal: file names may contain control sequences.
std::string printable(std::string text);

/** The path of a model that a user names on the command line: a file, or the name of an installed model. Throws
    std::runtime_error with the installed names if there is neither. */
std::string modelPath(const std::string& name);

//! Throws unless low <= value <= high; the message contains the option name.
void checkRange(const char* option, double value, double low, double high);

//! The same for an optional option.
template <typename T>
void checkRange(const po::variables_map& values, const char* option, T low, T high)
{
    static_assert(std::is_arithmetic<T>::value, "ranges are of numbers");
    if (values.count(option))
        checkRange(option, static_cast<double>(values[option].as<T>()), static_cast<double>(low),
                   static_cast<double>(high));
}

//! Adds --font, for programs that draw names.
void addFontOption(po::options_description& options);

//! Takes the font of --font or of the environment variable D2DET_FONT. Throws std::runtime_error if it is none.
void useFont(const po::variables_map& values);

//! Text value of an option; empty if not given.
std::string textOf(const po::variables_map& values, const char* option);

//! Text values of a repeatable option.
std::vector<std::string> textsOf(const po::variables_map& values, const char* option);

}  // namespace cli

#endif
