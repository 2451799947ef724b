// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Photographs with an Exif orientation tag. */

#ifndef D2DET_TEST_EXIF_JPEG_HPP
#define D2DET_TEST_EXIF_JPEG_HPP

#include <boost/test/unit_test.hpp>

#include <opencv2/imgcodecs.hpp>

#include <fstream>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

/** @brief Writes a JPEG file with an Exif orientation tag for the stored pixels.
@param orientation 1: not at all, 3: by 180 degrees, 6: by 90 degrees clockwise. */
inline void writeExifJpeg(const std::string& path, const cv::Mat& stored, int orientation)
{
    std::vector<unsigned char> bytes;
    BOOST_REQUIRE(cv::imencode(".jpg", stored, bytes, {cv::IMWRITE_JPEG_QUALITY, 100}));
    // APP1: "Exif", little endian TIFF, one entry: orientation (0x112), SHORT, 1 value
    const unsigned char segment[] = {0xff,
                                     0xe1,
                                     0,
                                     34,
                                     'E',
                                     'x',
                                     'i',
                                     'f',
                                     0,
                                     0,
                                     'I',
                                     'I',
                                     42,
                                     0,
                                     8,
                                     0,
                                     0,
                                     0,
                                     1,
                                     0,
                                     0x12,
                                     1,
                                     3,
                                     0,
                                     1,
                                     0,
                                     0,
                                     0,
                                     static_cast<unsigned char>(orientation),
                                     0,
                                     0,
                                     0,
                                     0,
                                     0,
                                     0,
                                     0};
    bytes.insert(bytes.begin() + 2, segment, segment + sizeof segment);
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    BOOST_REQUIRE(file.good());
}

}  // namespace test
}  // namespace d2det

#endif
