// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/near_duplicates.hpp"

#include <opencv2/core/utility.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>

namespace d2det
{

namespace
{

constexpr size_t MAX_BITS = 6;       // of the hash
constexpr int MAX_DIFFERENCE = 8;    // of a cell on average
constexpr float MAX_ASPECT = 0.02f;  // relative

ImageFingerprint fingerprintOf(const std::string& path)
{
    ImageFingerprint print;
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
        return print;
    cv::Mat gray;
    try
    {
        gray = cv::imread(path, cv::IMREAD_REDUCED_GRAYSCALE_2);
    }
    catch (const cv::Exception&)  // more pixels than OpenCV decodes
    {
    }
    if (gray.empty())
        return print;
    print.aspect = static_cast<float>(gray.cols) / static_cast<float>(gray.rows);
    cv::Mat cells, grid;
    cv::resize(gray, cells, {16, 16}, 0, 0, cv::INTER_AREA);
    cv::resize(gray, grid, {9, 8}, 0, 0, cv::INTER_AREA);
    std::copy(cells.begin<uint8_t>(), cells.end<uint8_t>(), print.cells.begin());
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            print.hash = print.hash << 1 | (grid.at<uint8_t>(y, x + 1) > grid.at<uint8_t>(y, x) ? 1u : 0u);
    return print;
}

}  // namespace

std::vector<ImageFingerprint> fingerprints(const std::vector<std::string>& paths)
{
    std::vector<ImageFingerprint> prints(paths.size());
    cv::parallel_for_(cv::Range(0, static_cast<int>(paths.size())),
                      [&](const cv::Range& range)
                      {
                          for (int i = range.start; i < range.end; i++)
                              prints[static_cast<size_t>(i)] = fingerprintOf(paths[static_cast<size_t>(i)]);
                      });
    return prints;
}

bool areNearDuplicates(const ImageFingerprint& a, const ImageFingerprint& b)
{
    if (std::bitset<64>(a.hash ^ b.hash).count() > MAX_BITS || a.aspect == 0 || b.aspect == 0 ||
        std::abs(a.aspect - b.aspect) > MAX_ASPECT * a.aspect)
        return false;
    int difference = 0;
    for (size_t i = 0; i < a.cells.size(); i++)
        difference += std::abs(int(a.cells[i]) - int(b.cells[i]));
    return difference <= MAX_DIFFERENCE * static_cast<int>(a.cells.size());
}

std::vector<std::pair<size_t, size_t>> nearDuplicates(const std::vector<ImageFingerprint>& first,
                                                      const std::vector<ImageFingerprint>& second)
{
    std::vector<std::pair<size_t, size_t>> pairs;
    for (size_t i = 0; i < first.size(); i++)
        for (size_t j = 0; j < second.size(); j++)
            if (areNearDuplicates(first[i], second[j]))
            {
                pairs.emplace_back(i, j);
                break;
            }
    return pairs;
}

std::vector<size_t> duplicateGroups(const std::vector<ImageFingerprint>& images)
{
    std::vector<size_t> group(images.size());
    std::iota(group.begin(), group.end(), size_t(0));
    const auto root = [&](size_t i)
    {
        while (group[i] != i)
            i = group[i] = group[group[i]];
        return i;
    };
    for (size_t i = 0; i < images.size(); i++)
        for (size_t j = 0; j < i; j++)
            if (areNearDuplicates(images[i], images[j]))
                group[root(i)] = root(j);
    for (size_t i = 0; i < images.size(); i++)
        group[i] = root(i);
    return group;
}

}  // namespace d2det
