// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What a call throws, and what a message says. */

#ifndef D2DET_TEST_ERRORS_HPP
#define D2DET_TEST_ERRORS_HPP

#include <boost/test/unit_test.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

//! Message of the exception of type E that the action throws, empty if it throws none. Other exceptions pass.
template <typename E = std::runtime_error, typename Action>
std::string errorOf(Action action)
{
    try
    {
        action();
    }
    catch (const E& error)
    {
        return error.what();
    }
    return "";
}

inline bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

inline void checkContains(const std::string& text, const std::string& part)
{
    BOOST_TEST(contains(text, part), "'" << text << "' does not contain '" << part << "'");
}

//! The action must throw an exception of type E with a message that contains all the parts.
template <typename E = std::runtime_error, typename Action>
void requireError(Action action, const std::vector<std::string>& parts)
{
    const std::string message = errorOf<E>(action);
    if (message.empty())
        BOOST_ERROR("no error, expected one with '" << parts.front() << "'");
    else
        for (const std::string& part : parts)
            checkContains(message, part);
}

//! For errors of LibTorch, which are no std::runtime_error.
template <typename Action>
void checkError(const std::string& part, Action action)
{
    requireError<std::exception>(action, {part});
}

}  // namespace test
}  // namespace d2det

#endif
