// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* A temporary folder, removed after the test, and file and process helpers for tests of programs and readers. */

#ifndef D2DET_TEST_TEMP_FOLDER_HPP
#define D2DET_TEST_TEMP_FOLDER_HPP

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace d2det
{
namespace test
{

class TempFolder
{
public:
    TempFolder()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "d2det_data_XXXXXX").string();
        BOOST_REQUIRE(mkdtemp(&pattern[0]) != nullptr);
        path_ = pattern;
    }

    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    ~TempFolder()
    {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }

    std::string operator/(const std::string& name) const { return (path_ / name).string(); }
    std::string path() const { return path_.string(); }

    //! Also creates the parent folders.
    std::string write(const std::string& name, const std::string& text) const
    {
        const std::string path = *this / name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::filesystem::remove(path);  // rewriting a file in place is slow on some file systems
        std::ofstream file(path, std::ios::binary);
        file << text;
        BOOST_REQUIRE(file.good());
        return path;
    }

private:
    std::filesystem::path path_;
};

inline std::string textOf(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

inline std::vector<std::string> linesOf(const std::string& path)
{
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        lines.push_back(line);
    return lines;
}

inline bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

//! Requires a std::runtime_error with a message that contains all given texts.
template <typename Function>
void requireError(Function function, const std::vector<std::string>& expected)
{
    try
    {
        function();
    }
    catch (const std::runtime_error& error)
    {
        for (const std::string& text : expected)
            BOOST_TEST(contains(error.what(), text), "\"" << error.what() << "\" does not contain \"" << text << "\"");
        return;
    }
    BOOST_ERROR("no error, expected one with \"" << expected.front() << "\"");
}

struct Outcome
{
    int code = -1;
    std::string out, err;
};

//! Path of a program in the folder of the test program.
inline std::string programPath(const std::string& name)
{
    const std::filesystem::path own = boost::unit_test::framework::master_test_suite().argv[0];
    const std::string program = (std::filesystem::absolute(own).parent_path() / name).string();
    BOOST_REQUIRE_MESSAGE(std::filesystem::exists(program), program << " has not been built");
    return program;
}

//! Runs a shell command in a folder; output goes to stdout.txt and stderr.txt there.
inline Outcome runShell(const std::string& folder, const std::string& command)
{
    const std::string out = folder + "/stdout.txt", err = folder + "/stderr.txt";
    const int status = std::system(
        ("cd '" + folder + "' && { " + command + "\n} > '" + out + "' 2> '" + err + "' < /dev/null").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, textOf(out), textOf(err)};
}

inline Outcome runProgram(const TempFolder& folder, const std::string& name, const std::string& arguments)
{
    return runShell(folder.path(), "'" + programPath(name) + "' " + arguments);
}

}  // namespace test
}  // namespace d2det

#endif
