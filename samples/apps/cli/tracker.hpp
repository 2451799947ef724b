// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Numbers for the objects of a video, the same from frame to frame.

   As in SORT (Bewley et al., "Simple Online and Realtime Tracking", ICIP 2016), with a mean velocity instead of a
   Kalman filter: a track's box is expected where its velocity takes it; expected boxes and detections of one class are
   paired by IoU, the best pair first; a detection without a partner begins a track, and a track without one is kept for
   a while. Looks are not compared: two people who meet may exchange their numbers. */

#ifndef D2DET_CLI_TRACKER_HPP
#define D2DET_CLI_TRACKER_HPP

#include <opencv2/core.hpp>

#include <vector>

namespace cli
{

class Tracker
{
public:
    //! @param maxGap frames for which a track is kept without a detection.
    explicit Tracker(int maxGap) : maxGap_(maxGap) {}

    /** Numbers of the detections of the next frame, from 1.
        @param detections N x 6 CV_32F: x1 y1 x2 y2 score class. */
    std::vector<int> update(const cv::Mat& detections);

private:
    struct Track
    {
        int number;
        float classId;
        cv::Rect2d box;
        cv::Point2d velocity;  //!< of the center, pixels per frame
        int gap = 0;           //!< frames since the last detection
        int age = 0;           //!< detections

        cv::Rect2d expected() const { return box + velocity * (gap + 1); }
    };

    int maxGap_;
    int last_ = 0;
    std::vector<Track> tracks_;
};

}  // namespace cli

#endif
