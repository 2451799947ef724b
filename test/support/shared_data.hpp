// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Test data outside the repository: golden vectors, images, weights. The folder is given by the environment variable
   D2DET_SHARED; default: next to the source tree. Cases that need the data belong to a suite named `shared`:

     BOOST_AUTO_TEST_SUITE(shared, *boost::unit_test::precondition(d2det::test::sharedPresent))

   CTest runs that suite as a separate test and reports it as skipped if the line printed here appears. */

#ifndef D2DET_TEST_SHARED_DATA_HPP
#define D2DET_TEST_SHARED_DATA_HPP

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

namespace d2det
{
namespace test
{

inline std::filesystem::path sharedFolder()
{
    const char* place = std::getenv("D2DET_SHARED");
    return place && *place ? std::filesystem::path(place) : std::filesystem::path(D2DET_SOURCE_DIR) / ".." / "shared";
}

inline boost::test_tools::assertion_result sharedPresent(boost::unit_test::test_unit_id)
{
    const bool present = std::filesystem::is_directory(sharedFolder());
    if (!present)
        std::cout << "SKIPPED: shared data not found" << std::endl;
    return present;
}

}  // namespace test
}  // namespace d2det

#endif
