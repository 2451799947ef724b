// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* COCO's run lengths: coding, area, bounding box, IoU, compressed string. Source: operators.md 4.

   String: from the fourth count on, the difference to the count two positions before is encoded. Integers are split
   into groups of 5 bits, low group first; a character is 48 + bits, + 32 if more groups follow. In the last group, bit
   4 is the sign of all higher bits. */

#include "masks/rle.hpp"

#include <algorithm>

namespace cv
{
namespace d2det
{

namespace
{

constexpr int64 MAX_PIXELS = 1 << 28;
constexpr int GROUP_BITS = 5;
constexpr int MAX_GROUPS = 7;  //!< of a number: 2^28 and its sign have 30 bits, and one group is tolerated

//! Calls work(begin, end) for every run of set pixels, as positions in column-major order.
template <typename Work>
void forEachRun(const Rle& rle, Work work)
{
    int64 position = 0;
    for (size_t i = 0; i < rle.counts.size(); i++)
    {
        const int64 end = position + rle.counts[i];
        if (i % 2 == 1 && end > position)
            work(position, end);
        position = end;
    }
}

//! Next integer of a compressed string; `at` is advanced.
int64 readNumber(const String& text, size_t& at)
{
    const size_t first = at;
    int64 value = 0;
    for (int group = 0; group < MAX_GROUPS; group++)
    {
        if (at >= text.size())
            CV_Error(Error::StsParseError,
                     format("rleFromString: the string of %zu characters ends inside the number at %zu", text.size(),
                            first));
        const int code = static_cast<uchar>(text[at]) - 48;
        if (code < 0 || code >= 64)
            CV_Error(Error::StsParseError,
                     format("rleFromString: character %zu has code %d, expected 48 to 111", at, code + 48));
        at++;
        value |= static_cast<int64>(code & 31) << (GROUP_BITS * group);
        if (code & 32)
            continue;
        return code & 16 ? value - (int64(1) << (GROUP_BITS * (group + 1))) : value;
    }
    CV_Error(Error::StsParseError,
             format("rleFromString: the number at character %zu has more than %d characters", first, MAX_GROUPS));
}

}  // namespace

void checkMaskSize(int64 height, int64 width, const char* function)
{
    if (height < 0 || width < 0 || (width > 0 && height > MAX_PIXELS / width))
        CV_Error(
            Error::StsOutOfRange,
            format("%s: the size is %lld x %lld (height x width), expected at most %lld pixels", function,
                   static_cast<long long>(height), static_cast<long long>(width), static_cast<long long>(MAX_PIXELS)));
}

void checkBoxMask(const BoxMask& mask, const char* function)
{
    if (mask.mask.empty())
        return;
    const Rect image(Point(), mask.imageSize);
    if (mask.mask.dims != 2 || mask.mask.type() != CV_8UC1 || mask.mask.size() != mask.roi.size() ||
        (mask.roi & image) != mask.roi)
        CV_Error(
            Error::StsBadArg,
            format("%s: a mask of %d x %d (height x width) of type %s covers %d x %d at (%d, %d) of an image of %d x "
                   "%d, expected CV_8UC1 of the size of a part of the image",
                   function, mask.mask.rows, mask.mask.cols, typeToString(mask.mask.type()).c_str(), mask.roi.height,
                   mask.roi.width, mask.roi.x, mask.roi.y, mask.imageSize.height, mask.imageSize.width));
}

void checkRle(const Rle& rle, const char* function)
{
    checkMaskSize(rle.height, rle.width, function);
    const int64 pixels = static_cast<int64>(rle.height) * rle.width;
    int64 sum = 0;
    for (const unsigned count : rle.counts)
        sum += count;  // 2^31 counts of 2^32 still fit
    if (sum != pixels)
        CV_Error(Error::StsBadArg,
                 format("%s: the run lengths add up to %lld, expected %d x %d = %lld", function,
                        static_cast<long long>(sum), rle.height, rle.width, static_cast<long long>(pixels)));
}

int64 rleIntersection(const Rle& a, const Rle& b)
{
    int64 shared = 0, position = 0;
    const int64 pixels = static_cast<int64>(a.height) * a.width;
    size_t i = 0, j = 0;
    int64 endA = pixels ? a.counts[0] : 0, endB = pixels ? b.counts[0] : 0;  // of the runs i and j
    while (position < pixels)
    {
        const int64 end = std::min(endA, endB);
        if (i % 2 == 1 && j % 2 == 1)
            shared += end - position;
        position = end;
        if (position == pixels)
            break;
        if (endA == end)
            endA += a.counts[++i];
        if (endB == end)
            endB += b.counts[++j];
    }
    return shared;
}

Rle rleEncode(InputArray mask_)
{
    const Mat mask = mask_.getMat();
    if (mask.empty())
        return Rle();
    if (mask.dims != 2 || mask.type() != CV_8UC1)
        CV_Error(Error::StsUnsupportedFormat, format("rleEncode: the mask has %d dimensions and type %s, expected a "
                                                     "matrix of type CV_8UC1",
                                                     mask.dims, typeToString(mask.type()).c_str()));
    BoxMask whole;
    whole.imageSize = mask.size();
    whole.roi = Rect(Point(), mask.size());
    whole.mask = mask;
    return rleEncode(whole);
}

Rle rleEncode(const BoxMask& part)
{
    checkBoxMask(part, "rleEncode");
    checkMaskSize(part.imageSize.height, part.imageSize.width, "rleEncode");
    Rle rle;
    if (part.imageSize.empty())
        return rle;
    rle.height = part.imageSize.height;
    rle.width = part.imageSize.width;
    const unsigned height = static_cast<unsigned>(rle.height), pixels = height * static_cast<unsigned>(rle.width);
    bool set = false;
    unsigned begin = 0;  // of the current run, as a position in column-major order
    const auto change = [&](unsigned position)
    {
        rle.counts.push_back(position - begin);
        begin = position;
        set = !set;
    };
    const Mat columns = part.mask.empty() ? Mat() : Mat(part.mask.t());
    for (int x = 0; x < columns.rows; x++)
    {
        const uchar* column = columns.ptr(x);
        const unsigned first = static_cast<unsigned>(part.roi.x + x) * height + static_cast<unsigned>(part.roi.y);
        for (int y = 0; y < columns.cols; y++)
            if ((column[y] != 0) != set)
                change(first + static_cast<unsigned>(y));
        // A run that reaches the bottom of the image goes on at the top of the next column.
        const unsigned end = first + static_cast<unsigned>(columns.cols);
        if (set && end < pixels && (columns.cols < rle.height || x + 1 == columns.rows))
            change(end);
    }
    rle.counts.push_back(pixels - begin);
    return rle;
}

void rleDecode(const Rle& rle, OutputArray mask)
{
    checkRle(rle, "rleDecode");
    if (rle.empty())
    {
        mask.release();
        return;
    }
    Mat columns = Mat::zeros(rle.width, rle.height, CV_8UC1);
    forEachRun(rle,
               [&columns](int64 begin, int64 end) { std::fill(columns.ptr() + begin, columns.ptr() + end, uchar(1)); });
    transpose(columns, mask);
}

double rleArea(const Rle& rle)
{
    checkRle(rle, "rleArea");
    int64 area = 0;
    forEachRun(rle, [&area](int64 begin, int64 end) { area += end - begin; });
    return static_cast<double>(area);
}

Rect rleBoundingBox(const Rle& rle)
{
    checkRle(rle, "rleBoundingBox");
    int left = rle.width, top = rle.height, right = -1, bottom = -1;
    forEachRun(rle,
               [&](int64 begin, int64 end)
               {
                   const int first = static_cast<int>(begin / rle.height),
                             last = static_cast<int>((end - 1) / rle.height);
                   const bool wraps = first != last;  // last row of a column and first row of the next
                   left = std::min(left, first);
                   right = std::max(right, last);
                   top = std::min(top, wraps ? 0 : static_cast<int>(begin % rle.height));
                   bottom = std::max(bottom, wraps ? rle.height - 1 : static_cast<int>((end - 1) % rle.height));
               });
    return right < 0 ? Rect() : Rect(left, top, right - left + 1, bottom - top + 1);
}

double rleIoU(const Rle& a, const Rle& b, bool crowd)
{
    if (a.height != b.height || a.width != b.width)
        CV_Error(Error::StsUnmatchedSizes,
                 format("rleIoU: the masks are %d x %d and %d x %d (height x width), expected "
                        "the same size",
                        a.height, a.width, b.height, b.width));
    const double areaA = rleArea(a), areaB = rleArea(b);
    return maskIoU(static_cast<double>(rleIntersection(a, b)), areaA, areaB, crowd);
}

Rle rleFromString(const String& compressed, int height, int width)
{
    checkMaskSize(height, width, "rleFromString");
    Rle rle;
    rle.height = height;
    rle.width = width;
    const int64 pixels = static_cast<int64>(height) * width;
    for (size_t at = 0; at < compressed.size();)
    {
        const size_t first = at, n = rle.counts.size();
        const int64 count = readNumber(compressed, at) + (n > 2 ? rle.counts[n - 2] : 0);
        if (count < 0 || count > pixels)
            CV_Error(Error::StsParseError,
                     format("rleFromString: the run length at character %zu is %lld, expected 0 to %d x %d = %lld",
                            first, static_cast<long long>(count), height, width, static_cast<long long>(pixels)));
        rle.counts.push_back(static_cast<unsigned>(count));
    }
    checkRle(rle, "rleFromString");
    return rle;
}

String rleToString(const Rle& rle)
{
    checkRle(rle, "rleToString");
    String text;
    for (size_t i = 0; i < rle.counts.size(); i++)
    {
        int64 value = static_cast<int64>(rle.counts[i]) - (i > 2 ? static_cast<int64>(rle.counts[i - 2]) : 0);
        for (bool more = true; more;)
        {
            const int bits = static_cast<int>(value & 31);
            value >>= GROUP_BITS;
            more = value != (bits & 16 ? -1 : 0);
            text += static_cast<char>(48 + bits + (more ? 32 : 0));
        }
    }
    return text;
}

}  // namespace d2det
}  // namespace cv
