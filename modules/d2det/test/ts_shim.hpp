// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the tests use of OpenCV's test module (opencv2/ts.hpp), over plain GoogleTest: distributions install OpenCV
   without it. */

#ifndef OPENCV_D2DET_TEST_TS_SHIM_HPP
#define OPENCV_D2DET_TEST_TS_SHIM_HPP

#include "opencv2/core.hpp"
#include "opencv2/core/utility.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <string>
#include <vector>

namespace cvtest
{

#define CV_TEST_TAG_LONG "long"
#define CV_TEST_TAG_VERYLONG "verylong"
#define CV_TEST_TAG_MEMORY_1GB "mem_1gb"
#define CV_TEST_TAG_MEMORY_2GB "mem_2gb"

inline void applyTestTag(std::initializer_list<const char*>) {}
template <typename... Tags>
void applyTestTag(const char*, Tags...)
{
}

//! File below OPENCV_TEST_DATA_PATH; an exception if it is required and not there.
inline std::string findDataFile(const std::string& relativePath, bool required = true)
{
    const char* root = std::getenv("OPENCV_TEST_DATA_PATH");
    const std::string path = (root ? std::string(root) + "/" : std::string()) + relativePath;
    if (std::ifstream(path).good())
        return path;
    if (required)
        CV_Error(cv::Error::StsObjectNotFound, "no test data file '" + path + "': set OPENCV_TEST_DATA_PATH");
    return std::string();
}

}  // namespace cvtest

namespace opencv_test
{
using namespace cv;
using namespace cvtest;
using std::string;
using std::vector;
}  // namespace opencv_test

#define D2DET_SKIP_TEST(message) GTEST_SKIP() << (message)

#define CV_TEST_MAIN(resources)                                                              \
    int main(int argc, char** argv)                                                          \
    {                                                                                        \
        ::testing::InitGoogleTest(&argc, argv);                                              \
        std::cout << cv::format("OpenCV %s, %d threads\n", CV_VERSION, cv::getNumThreads()); \
        return RUN_ALL_TESTS();                                                              \
    }

#endif
