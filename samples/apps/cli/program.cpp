// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "cli/program.hpp"

#include "base/installed.hpp"
#include "base/text.hpp"
#include "cli/interrupt.hpp"

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/d2det/drawing.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace cli
{

namespace
{

//! ", did you mean --score?" for an unknown option; empty if none is near.
std::string suggestion(const std::string& unknown, const po::options_description& options)
{
    std::vector<std::string> names;
    for (const auto& option : options.options())
        if (!option->long_name().empty())
            names.push_back(option->long_name());
    const std::string word = unknown.substr(std::min(unknown.find_first_not_of('-'), unknown.size()));
    const std::vector<std::string> near = d2det::nearestNames(word, names, 1);
    // Half of the letters wrong: more is another word.
    if (near.empty() || d2det::editDistance(word, near[0]) * 2 > word.size())
        return "";
    return ", did you mean --" + near[0] + "?";
}

//! Whether everything that was printed has arrived.
bool outputArrived()
{
    std::cout.flush();
    return std::fflush(stdout) == 0 && !std::ferror(stdout) && std::cout.good();
}

}  // namespace

std::optional<int> readCommandLine(const CommandLine& line, const std::vector<std::string>& words,
                                   po::variables_map& values)
{
    po::options_description visible, general("General"), all;
    general.add_options()("help,h", "this text")("version", "version of the program and of OpenCV");
    visible.add(line.options).add(general);
    all.add(visible).add(line.hidden);
    try
    {
        po::store(po::command_line_parser(words).options(all).positional(line.inputs).run(), values);
    }
    catch (const po::unknown_option& e)
    {
        throw UsageError("there is no option " + printable(e.get_option_name()) +
                         suggestion(e.get_option_name(), visible));
    }
    if (values.count("version"))
    {
        std::cout << versionLine(line.program) << "\n";
        return 0;
    }
    const bool nothing = words.empty() && line.helpWithoutWords;
    if (values.count("help") || nothing)
    {
        (nothing ? std::cerr : std::cout) << line.intro << visible << line.epilogue;
        return nothing ? 2 : 0;
    }
    po::notify(values);
    return std::nullopt;
}

std::vector<std::string> wordsOf(int argc, const char* const* argv)
{
    return {argv + std::min(argc, 1), argv + argc};
}

std::string versionLine(const std::string& program)
{
    return program + " " D2DET_VERSION " (OpenCV " + cv::getVersionString() + ")";
}

std::string oneLine(const std::string& message)
{
    const size_t end = std::min(message.find("\nException raised from "), message.size());  // LibTorch's stack trace
    std::string result;
    for (size_t i = 0; i < end; i++)
    {
        const char c = message[i];
        const bool lineStart = i == 0 || message[i - 1] == '\n';
        if (c == '\n' || (lineStart && c == '>') || (c == ' ' && (result.empty() || result.back() == ' ')))
        {
            if (!result.empty() && result.back() != ' ')
                result += ' ';
        }
        else
            result += c;
    }
    while (!result.empty() && result.back() == ' ')
        result.pop_back();
    return result;
}

int runProgram(const char* name, const std::function<int()>& body)
{
    // The ONNX importer warns about every node of the "d2det" domain; errors are reported as exceptions.
    if (!std::getenv("OPENCV_LOG_LEVEL"))
        cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    exitOnInterrupts();
    try
    {
        const int code = body();
        if (outputArrived())
            return code;
        std::cerr << name << ": cannot write to the standard output; is the disk full?\n";
        return 1;
    }
    catch (const Interrupted& e)
    {
        std::cerr << name << ": interrupted: " << e.what() << "\n";
        return EXIT_INTERRUPTED;
    }
    catch (const UsageError& e)
    {
        std::cerr << name << ": " << e.what() << " (see " << name << " --help)\n";
        return 2;
    }
    catch (const po::error& e)
    {
        std::cerr << name << ": " << e.what() << " (see " << name << " --help)\n";
        return 2;
    }
    catch (const cv::Exception& e)
    {
        std::cerr << name << ": " << oneLine(e.err) << "\n";
    }
    catch (const std::exception& e)
    {
        std::cerr << name << ": " << oneLine(e.what()) << "\n";
    }
    return 1;
}

std::string modelPath(const std::string& name)
{
    const std::string path = d2det::findInstalled(name, d2det::Installed::MODEL);
    std::error_code error;
    if (std::filesystem::exists(path, error) || name.find('/') != std::string::npos)
        return path;
    std::string known;
    for (const std::string& installed : d2det::installedNames(d2det::Installed::MODEL))
        known += (known.empty() ? "" : ", ") + installed;
    throw std::runtime_error(
        "there is no model '" + name + "': no file of that name" +
        (known.empty() ? ", and no model is installed beside this program" : "; the installed ones are " + known));
}

std::string printable(std::string text)
{
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return text;
}

void checkRange(const char* option, double value, double low, double high)
{
    if (!(value >= low && value <= high))
        throw UsageError(cv::format("--%s is %s, it must be between %s and %s", option, cv::format("%g", value).c_str(),
                                    cv::format("%g", low).c_str(), cv::format("%g", high).c_str()));
}

void addFontOption(po::options_description& options)
{
    options.add_options()("font", po::value<std::string>()->value_name("FILE"),
                          "font (TrueType, OpenType) of names that are not ASCII; if not given that of the environment "
                          "variable D2DET_FONT, then one of the system; none: Latin letters instead");
}

void useFont(const po::variables_map& values)
{
    const char* const variable = std::getenv("D2DET_FONT");
    const bool given = values.count("font") > 0;
    const std::string file = given ? values["font"].as<std::string>() : variable ? variable : "";
    try
    {
        if (given || !file.empty())
            cv::d2det::setTextFont(file);
    }
    catch (const cv::Exception& e)
    {
        throw std::runtime_error((given ? "--font: " : "D2DET_FONT: ") + oneLine(e.err));
    }
}

std::string textOf(const po::variables_map& values, const char* option)
{
    return values.count(option) ? values[option].as<std::string>() : std::string();
}

std::vector<std::string> textsOf(const po::variables_map& values, const char* option)
{
    return values.count(option) ? values[option].as<std::vector<std::string>>() : std::vector<std::string>();
}

}  // namespace cli
