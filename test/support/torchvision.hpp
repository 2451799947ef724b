// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The Python with torchvision that some tests compare with. */

#ifndef D2DET_TEST_TORCHVISION_HPP
#define D2DET_TEST_TORCHVISION_HPP

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

//! Python of the environment variable D2DET_PYTHON, of the path or of the system: the first one with torchvision.
inline std::string pythonWithTorchvision()
{
    const char* const chosen = std::getenv("D2DET_PYTHON");
    std::vector<std::string> candidates{"python3", "/usr/bin/python3"};
    if (chosen)
        candidates = {chosen};
    for (const std::string& python : candidates)
        if (std::system((python + " -c 'import torchvision.models.detection' > /dev/null 2>&1").c_str()) == 0)
            return python;
    return "";
}

//! Precondition of a suite.
inline boost::test_tools::assertion_result torchvisionPresent(boost::unit_test::test_unit_id)
{
    const bool present = !pythonWithTorchvision().empty();
    if (!present)
        std::cout << "SKIPPED: no Python with torchvision" << std::endl;
    return present;
}

}  // namespace test
}  // namespace d2det

#endif
