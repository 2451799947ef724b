// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_DRAWING_HPP
#define OPENCV_D2DET_DRAWING_HPP

#include "opencv2/d2det/masks.hpp"

#include <vector>

namespace cv
{
namespace d2det
{

//! @addtogroup d2det
//! @{

/** @brief Color of a class in all drawings: clearly different for neighboring class ids, visible on photographs.
@param classId class index of the model, from 0.
@return BGR, 0..255. */
CV_EXPORTS_W Scalar classColor(int classId);

/** @brief Color of one object among others, such as a track: neighboring numbers are clearly different.
@param number from 0.
@return BGR, 0..255, another sequence than that of classColor. */
CV_EXPORTS_W Scalar instanceColor(int number);

/** @brief Draws a line of text as drawDetections does: smooth, in any alphabet for which there is a font.

A text of ASCII characters looks as drawn by cv::putText with FONT_HERSHEY_SIMPLEX. Any other one is drawn in the first
font that has all its characters: that of setTextFont, that of the environment variable D2DET_FONT, then usual fonts of
the system such as DejaVu Sans and Noto Sans CJK. Where there is none, letters with accents, Greek and Cyrillic become
the nearest Latin letters and any other character '?'. So it is for scripts whose characters join or run from right to
left (Arabic, Hebrew, those of India), and wherever the module was built without FreeType.

Raises cv::Exception for an image of another type.
@param image 8-bit image of 1 to 4 channels, modified in place; what lies outside is cut off.
@param text UTF-8.
@param origin left end of the base line.
@param fontScale height of the text, as of cv::putText.
@param color of the text, in the order of the channels.
@param thickness of the lines of ASCII characters, pixels; fonts have their own. */
CV_EXPORTS_W void drawText(InputOutputArray image, const String& text, Point origin, double fontScale,
                           const Scalar& color, int thickness = 1);

/** @brief Size of a text that drawText draws.
@param text UTF-8.
@param fontScale height of the text, as of cv::putText.
@param thickness of the lines of ASCII characters, pixels.
@param[out] baseline what letters such as g need below the base line, pixels.
@return width, and height above the base line; capital letters with accents are higher. */
CV_EXPORTS_W Size measureText(const String& text, double fontScale, int thickness, CV_OUT int* baseline);

/** @brief Chooses the font of texts that are not ASCII, for all threads of the process.

Raises cv::Exception if the file is no font that can be read, or the module was built without FreeType.
@param file TrueType or OpenType font; where it lacks characters the others are looked at (see drawText). Empty: the
    default. "none": no font, letters are replaced as if there was none. */
CV_EXPORTS_W void setTextFont(const String& file);

/** @brief File of the font that drawText takes for a text.
@param text UTF-8.
@return empty for ASCII, and where no font has all characters. */
CV_EXPORTS_W String getTextFont(const String& text);

/** @brief What drawDetections draws. Default: class number and score of every detection, in the color of its class. */
struct DrawParams
{
    std::vector<String> classNames;  //!< names indexed by class id; a missing name is drawn as a number
    float scoreThreshold = 0.f;      //!< minimum score of a drawn detection
    std::vector<Scalar> colors;      //!< BGR of each detection, 0..255; empty: that of its class
    std::vector<String> labels;      //!< text before the score of each detection; empty: name of its class
};

/** @brief Draws boxes with class and score. Line width and text size are proportional to the size of the image.

Names may be of any alphabet, see drawText; one without a character that can be drawn becomes the class number.
Raises cv::Exception for an image or detections of another type.
@param image 8-bit BGR image, modified in place.
@param detections N x 6 CV_32F as returned by Detector::detect, boxes in image pixels; may be empty.
@param classNames names indexed by class id; a missing name is drawn as a number.
@param scoreThreshold minimum score of a drawn detection.
*/
CV_EXPORTS_W void drawDetections(InputOutputArray image, InputArray detections,
                                 const std::vector<String>& classNames = std::vector<String>(),
                                 float scoreThreshold = 0.f);

/** @brief Draws detections with masks: a translucent area with a contour, below all boxes and labels.

Raises cv::Exception for an image, detections or masks of another type, size or number.
@param image 8-bit BGR image, modified in place.
@param detections N x 6 CV_32F as returned by Detector::segment, boxes in image pixels; may be empty.
@param masks N masks in the order of the detections, CV_8UC1 of the size of the image, nonzero: object; an empty matrix
    for a detection without a mask. An empty array: only boxes and labels are drawn.
@param classNames names indexed by class id; a missing name is drawn as a number.
@param scoreThreshold minimum score of a drawn detection.
*/
CV_EXPORTS_W void drawDetections(InputOutputArray image, InputArray detections, InputArrayOfArrays masks,
                                 const std::vector<String>& classNames = std::vector<String>(),
                                 float scoreThreshold = 0.f);

/** @brief Draws detections with masks of the size of their boxes, for instance in colors and with labels of their own.

Raises cv::Exception for an image, detections or masks of another type, size or number.
@param image 8-bit BGR image, modified in place.
@param detections N x 6 CV_32F as returned by Detector::segmentInBoxes; may be empty.
@param masks N masks in the order of the detections, or none.
@param params names, colors and labels; its lists have N entries or none.
*/
CV_EXPORTS void drawDetections(InputOutputArray image, InputArray detections, const std::vector<BoxMask>& masks,
                               const DrawParams& params);

//! @}

}  // namespace d2det
}  // namespace cv

#endif
