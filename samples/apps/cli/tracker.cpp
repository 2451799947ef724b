// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "cli/tracker.hpp"

#include <algorithm>

namespace cli
{

namespace
{

constexpr double MIN_IOU = 0.25;      //!< of an expected box and a detection
constexpr double NEW_VELOCITY = 0.5;  //!< weight of the last movement in the mean

double iouOf(const cv::Rect2d& a, const cv::Rect2d& b)
{
    const double shared = (a & b).area();
    return shared > 0 ? shared / (a.area() + b.area() - shared) : 0;
}

cv::Point2d center(const cv::Rect2d& box)
{
    return cv::Point2d(box.x + box.width / 2, box.y + box.height / 2);
}

}  // namespace

std::vector<int> Tracker::update(const cv::Mat& detections)
{
    struct Pair
    {
        double iou;
        size_t track, detection;
    };
    std::vector<cv::Rect2d> boxes;
    std::vector<Pair> pairs;
    for (int i = 0; i < detections.rows; i++)
    {
        const float* d = detections.ptr<float>(i);
        boxes.emplace_back(d[0], d[1], double(d[2]) - d[0], double(d[3]) - d[1]);
        for (size_t t = 0; t < tracks_.size(); t++)
        {
            const double iou = tracks_[t].classId == d[5] ? iouOf(tracks_[t].expected(), boxes.back()) : 0;
            if (iou >= MIN_IOU)
                pairs.push_back({iou, t, static_cast<size_t>(i)});
        }
    }
    std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.iou > b.iou; });

    std::vector<int> numbers(boxes.size(), 0);
    std::vector<bool> seen(tracks_.size(), false);
    for (const Pair& pair : pairs)
    {
        if (seen[pair.track] || numbers[pair.detection] != 0)
            continue;
        seen[pair.track] = true;
        Track& track = tracks_[pair.track];
        const cv::Point2d moved = (center(boxes[pair.detection]) - center(track.box)) / (track.gap + 1);
        track.velocity = track.age == 1 ? moved : track.velocity * (1 - NEW_VELOCITY) + moved * NEW_VELOCITY;
        track.box = boxes[pair.detection];
        track.gap = 0;
        track.age++;
        numbers[pair.detection] = track.number;
    }
    for (size_t t = 0; t < seen.size(); t++)
        tracks_[t].gap += !seen[t];
    tracks_.erase(std::remove_if(tracks_.begin(), tracks_.end(), [&](const Track& t) { return t.gap > maxGap_; }),
                  tracks_.end());
    for (size_t i = 0; i < boxes.size(); i++)
    {
        if (numbers[i] != 0)
            continue;
        Track track;
        track.number = numbers[i] = ++last_;
        track.classId = detections.at<float>(static_cast<int>(i), 5);
        track.box = boxes[i];
        track.age = 1;
        tracks_.push_back(track);
    }
    return numbers;
}

}  // namespace cli
