// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* calculateIoU: IoU of every pair of two lists of boxes. Source: operators.md 2 and 6. */

#include "opencv2/d2det/metrics.hpp"

#include "metrics/iou_xywh.hpp"
#include "kernels/box.hpp"

#include "opencv2/core/utility.hpp"

namespace cv
{
namespace d2det
{

namespace
{

//! Boxes as a continuous N x 4 matrix; input may also be a vector of four-channel elements such as Rect2f.
Mat boxRows(InputArray input, const char* name)
{
    Mat boxes = input.getMat();
    if (boxes.empty())
        return Mat();
    const int type = boxes.depth();
    if (type != CV_32F && type != CV_64F)
        CV_Error(Error::StsUnsupportedFormat,
                 format("calculateIoU: %s has depth %s, expected CV_32F or CV_64F", name, depthToString(type)));
    const bool isList = boxes.dims == 1 || (boxes.dims == 2 && (boxes.rows == 1 || boxes.cols == 1));
    if (isList && boxes.channels() == 4)  // a vector has one dimension in OpenCV 5, two before
        return boxes.reshape(1, static_cast<int>(boxes.total()));
    if (boxes.dims != 2 || boxes.channels() != 1 || boxes.cols != 4)
        CV_Error(Error::StsUnmatchedSizes,
                 format("calculateIoU: %s is a matrix of %d dimensions, %d x %d with %d channel(s), expected N x 4",
                        name, boxes.dims, boxes.rows, boxes.cols, boxes.channels()));
    return boxes.isContinuous() ? boxes : boxes.clone();
}

Mat crowdFlags(InputArray input, int count)
{
    const Mat crowd = input.getMat();
    if (crowd.empty())
        return Mat();
    if (crowd.type() != CV_8UC1 && crowd.type() != CV_8SC1)
        CV_Error(Error::StsUnsupportedFormat,
                 format("calculateIoU: crowd has type %s, expected CV_8UC1", typeToString(crowd.type()).c_str()));
    if (crowd.total() != static_cast<size_t>(count))
        CV_Error(Error::StsUnmatchedSizes,
                 format("calculateIoU: crowd has %d elements, expected one for each of the %d "
                        "boxes of B",
                        static_cast<int>(crowd.total()), count));
    return crowd.isContinuous() ? crowd : crowd.clone();
}

template <typename T>
T iouXyxy(const T* a, const T* b, bool crowd)
{
    if (!crowd)
        return kernels::boxIoU(a, b, false);
    const T inter = std::max(std::min(a[2], b[2]) - std::max(a[0], b[0]), T(0)) *
                    std::max(std::min(a[3], b[3]) - std::max(a[1], b[1]), T(0));
    const T areaA = std::max(a[2] - a[0], T(0)) * std::max(a[3] - a[1], T(0));
    return areaA > 0 ? inter / areaA : T(0);
}

template <typename T>
void fillIoU(const Mat& a, const Mat& b, const Mat& crowd, int boxFormat, Mat& iou)
{
    parallel_for_(
        Range(0, a.rows),
        [&](const Range& range)
        {
            for (int i = range.start; i < range.end; i++)
                for (int j = 0; j < b.rows; j++)
                {
                    const bool isCrowd = !crowd.empty() && crowd.ptr()[j] != 0;
                    iou.at<T>(i, j) = boxFormat == BOX_XYWH ? boxIoUXywh(a.ptr<T>(i), b.ptr<T>(j), isCrowd)
                                                            : iouXyxy(a.ptr<T>(i), b.ptr<T>(j), isCrowd);
                }
        },
        static_cast<double>(a.rows) * b.rows / (1 << 16));  // minimum work per thread
}

}  // namespace

void calculateIoU(InputArray boxesA, InputArray boxesB, OutputArray iou, int format, InputArray crowd)
{
    if (format != BOX_XYWH && format != BOX_XYXY)
        CV_Error(Error::StsBadArg, cv::format("calculateIoU: format is %d, expected BOX_XYWH (%d) or BOX_XYXY (%d)",
                                              format, BOX_XYWH, BOX_XYXY));
    const Mat a = boxRows(boxesA, "boxesA"), b = boxRows(boxesB, "boxesB");
    const Mat flags = crowdFlags(crowd, b.rows);
    if (a.empty() || b.empty())
    {
        iou.create(a.rows, b.rows, a.empty() ? (b.empty() ? CV_32F : b.type()) : a.type());
        return;
    }
    if (a.type() != b.type())
        CV_Error(Error::StsUnmatchedFormats,
                 cv::format("calculateIoU: boxesA is %s and boxesB %s, convert one of them",
                            typeToString(a.type()).c_str(), typeToString(b.type()).c_str()));
    iou.create(a.rows, b.rows, a.type());
    Mat result = iou.getMat();
    if (a.type() == CV_32F)
        fillIoU<float>(a, b, flags, format, result);
    else
        fillIoU<double>(a, b, flags, format, result);
}

}  // namespace d2det
}  // namespace cv
