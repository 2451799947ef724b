// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Runs programs and shell commands for tests. */

#ifndef D2DET_TEST_PROGRAMS_HPP
#define D2DET_TEST_PROGRAMS_HPP

#include "temp_folder.hpp"

#include <cstdlib>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define D2DET_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define D2DET_TEST_SANITIZED
#endif

namespace d2det
{
namespace test
{

//! Path of a program in the folder of the test program.
inline std::string programPath(const std::string& name)
{
    const std::filesystem::path own = boost::unit_test::framework::master_test_suite().argv[0];
    return (std::filesystem::absolute(own).parent_path() / name).string();
}

/** Precondition of a suite: *boost::unit_test::precondition(ProgramIsThere{"d2det_train"}). */
struct ProgramIsThere
{
    std::string name;

    boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id) const
    {
        boost::test_tools::assertion_result there(std::filesystem::exists(programPath(name)));
        there.message() << programPath(name) << " was not built";
        return there;
    }
};

struct Outcome
{
    int code = -1;
    std::string out, err;
    std::string text;  //!< both
};

//! Runs a shell command in a folder; output goes to stdout.txt and stderr.txt there.
inline Outcome runShell(const std::string& folder, const std::string& command)
{
    const std::string out = folder + "/stdout.txt", err = folder + "/stderr.txt";
    const int status = std::system(
        ("cd '" + folder + "' && { " + command + "\n} > '" + out + "' 2> '" + err + "' < /dev/null").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, textOf(out), textOf(err), textOf(out) + textOf(err)};
}

//! Whether tests and programs are built with a sanitizer that takes memory of its own.
#ifdef D2DET_TEST_SANITIZED
constexpr bool SANITIZED = true;
#else
constexpr bool SANITIZED = false;
#endif

struct MeasuredOutcome
{
    Outcome outcome;
    size_t peakBytes = 0;  //!< most memory that was resident at once
};

/** Runs a shell command in a folder and measures it. A program that the shell starts counts only if the shell waits
    for it; with `exec` before it, it is the process itself. The least that is measured is what this process holds. */
inline MeasuredOutcome measureShell(const std::string& folder, const std::string& command)
{
    const std::string out = folder + "/stdout.txt", err = folder + "/stderr.txt";
    const std::string words =
        "cd '" + folder + "' && { " + command + "\n} > '" + out + "' 2> '" + err + "' < /dev/null";
    // Not std::system: a process that shares this one's memory until exec takes over its peak.
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0)
    {
        ::execl("/bin/sh", "sh", "-c", words.c_str(), static_cast<char*>(nullptr));
        ::_exit(127);
    }
    int status = 0;
    rusage usage{};
    BOOST_REQUIRE(::wait4(child, &status, 0, &usage) == child);
    MeasuredOutcome measured;
    measured.outcome = {WIFEXITED(status) ? WEXITSTATUS(status) : -1, textOf(out), textOf(err),
                        textOf(out) + textOf(err)};
#ifdef __APPLE__
    measured.peakBytes = static_cast<size_t>(usage.ru_maxrss);
#else
    measured.peakBytes = static_cast<size_t>(usage.ru_maxrss) * 1024;
#endif
    return measured;
}

inline Outcome runProgram(const TempFolder& folder, const std::string& name, const std::string& arguments)
{
    BOOST_REQUIRE_MESSAGE(std::filesystem::exists(programPath(name)), programPath(name) << " has not been built");
    return runShell(folder.path(), "'" + programPath(name) + "' " + arguments);
}

}  // namespace test
}  // namespace d2det

#endif
