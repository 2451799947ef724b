// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Keypoints of annotated objects, such as the joints of a person.

   Coordinates are used as they are in the file, in the continuous pixels of boxes and outlines; an image mirrored at
   its middle has them at W - x. In a mirrored image the left eye is a right one: there every point takes the place of
   its partner, which has the same name with "left" and "right" exchanged, or is named by data.keypoint_pairs. A point
   that leaves the image is no longer labeled. */

#ifndef D2DET_TRAINING_KEYPOINTS_HPP
#define D2DET_TRAINING_KEYPOINTS_HPP

#include <opencv2/core.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace d2det
{

constexpr size_t MAX_KEYPOINTS = 1000;  //!< of a class

//! COCO's visibilities.
enum Visibility
{
    NOT_LABELED = 0,  //!< x and y are 0
    HIDDEN = 1,       //!< labeled, but covered
    VISIBLE = 2
};

struct Keypoint
{
    double x = 0, y = 0;  //!< pixels
    int visibility = NOT_LABELED;
};

//! The points of a class.
struct KeypointSchema
{
    std::vector<std::string> names;
    std::vector<std::pair<int, int>> skeleton;  //!< indices of points with a line between them
    std::vector<int> mirrored;                  //!< by point: the one that it becomes in a mirrored image
};

//! The points of an object.
struct ObjectKeypoints
{
    std::shared_ptr<const KeypointSchema> schema;  //!< of its class; null: the object has no points
    std::vector<Keypoint> points;                  //!< as many as schema->names
    int labeled = 0;                               //!< COCO's num_keypoints, which may differ from the points

    bool empty() const { return !schema; }
};

//! Number of points that are labeled.
int countLabeled(const std::vector<Keypoint>& points);

/** @brief By point: its partner in a mirrored image, or itself.
@param pairs names of partners, two by two; points of other names are of no class that matters here. */
std::vector<int> mirroredPoints(const std::vector<std::string>& names, const std::vector<std::string>& pairs);

/** @brief Points from COCO's list x1, y1, v1, x2, ...
@param spoiled the list holds something that is not a number.
@param points the number of points of the class.
@param fault why the list is malformed; then the result is empty. */
std::vector<Keypoint> keypointsOf(const std::vector<double>& values, bool spoiled, size_t points, std::string& fault);

//! COCO's list x1, y1, v1, x2, ...
std::vector<double> keypointValues(const std::vector<Keypoint>& points);

/** @brief Moves the labeled points by an affine map of continuous coordinates; a map that mirrors exchanges partners.
@param size of the image that the points are in then; those outside of it are no longer labeled. */
void moveKeypoints(ObjectKeypoints& keypoints, const cv::Matx23d& map, cv::Size size);

//! Points beyond the image are no longer labeled.
void dropOutside(ObjectKeypoints& keypoints, cv::Size size);

}  // namespace d2det

#endif
