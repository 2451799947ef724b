// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Head of every test file. In OpenCV's tree the tests run on its own test module, elsewhere on plain GoogleTest.

   Shared data (golden vectors, weights, images) is not part of the repository. It lies in the folder of the environment
   variable D2DET_SHARED, else in ../shared beside the project. Tests that need it have "Shared" in the name of their
   test case and begin with SKIP_WITHOUT_SHARED(). */

#ifndef OPENCV_D2DET_TEST_PRECOMP_HPP
#define OPENCV_D2DET_TEST_PRECOMP_HPP

#if __has_include("opencv2/ts.hpp")
#include "opencv2/ts.hpp"
#define D2DET_SKIP_TEST(message) throw SkipTestException(message)
#else
#include "ts_shim.hpp"
#endif

#include "opencv2/d2det.hpp"

namespace opencv_test
{

//! Path of a file or folder of the shared data, whether it is there or not.
inline std::string sharedPath(const std::string& relativePath)
{
    const char* root = std::getenv("D2DET_SHARED");
#ifdef D2DET_SOURCE_DIR
    const std::string beside = D2DET_SOURCE_DIR "/../shared";
#else
    const std::string beside = "../shared";
#endif
    return (root ? std::string(root) : beside) + "/" + relativePath;
}

inline bool sharedIsThere()
{
    return std::ifstream(sharedPath("golden/index.json")).good();
}

}  // namespace opencv_test

// The words of the message are known to CMakeLists.txt.
#define SKIP_WITHOUT_SHARED()                                                                                   \
    do                                                                                                          \
    {                                                                                                           \
        if (!::opencv_test::sharedIsThere())                                                                    \
        {                                                                                                       \
            std::cout << "shared data folder is missing: no " << ::opencv_test::sharedPath("golden/index.json") \
                      << "; set D2DET_SHARED" << std::endl;                                                     \
            D2DET_SKIP_TEST("shared data folder is missing");                                                   \
        }                                                                                                       \
    } while (false)

#endif
