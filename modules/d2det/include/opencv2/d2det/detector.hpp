// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_DETECTOR_HPP
#define OPENCV_D2DET_DETECTOR_HPP

#include "opencv2/core.hpp"
#include "opencv2/dnn.hpp"

namespace cv
{
namespace d2det
{

//! @addtogroup d2det
//! @{

//! How overlapping detections of one class are handled.
enum NMSMode
{
    NMS_HARD = 0,          //!< drop a box that overlaps a better one by more than the threshold
    NMS_SOFT_LINEAR = 1,   //!< multiply its score by 1 - IoU instead
    NMS_SOFT_GAUSSIAN = 2  //!< multiply the score of every box by exp(-IoU^2 / sigma)
};

/** @brief How an image becomes the network's input. Stored in the model file.

The image is resized with one factor s = min(longSide / max(h, w), shortSide / min(h, w)) (bilinear, new side =
int(side * s + 0.5)), normalized as (v - mean) / std and padded with zeros at the right and bottom to a multiple of
divisor.
*/
struct CV_EXPORTS_W_SIMPLE InputParams
{
    CV_WRAP InputParams()
        : shortSide(800),
          longSide(1333),
          divisor(32),
          mean(123.675, 116.28, 103.53),
          std(58.395, 57.12, 57.375),
          swapRB(true)
    {
    }
    CV_PROP_RW int shortSide;  //!< pixels
    CV_PROP_RW int longSide;   //!< pixels
    CV_PROP_RW int divisor;    //!< padded sides are multiples of it
    CV_PROP_RW Scalar mean;    //!< in the network's channel order, 0..255
    CV_PROP_RW Scalar std;     //!< in the network's channel order, 0..255
    CV_PROP_RW bool swapRB;    //!< the network wants RGB, images are BGR
};

/** @brief Image to network input: the one definition that trainer and Detector share.

@param image 8-bit image with 1 (gray), 3 (BGR) or 4 (BGRA) channels.
@param params see InputParams.
@param blob [1, 3, H, W] CV_32F, H and W multiples of the divisor.
@param imInfo 1x3 CV_32F: valid height, valid width, scale s.
*/
CV_EXPORTS_W void prepareInput(InputArray image, const InputParams& params, OutputArray blob, OutputArray imInfo);

/** @brief D2Det object detector.

A model is one ONNX file made by d2det_export; anything else (other models, damaged files, ONNX external data) raises
cv::Exception. A Detector is not thread-safe: use one per thread. All results are the same bit for bit for any number of
threads and any batch.
*/
class CV_EXPORTS_W Detector : public Algorithm
{
public:
    virtual ~Detector() {}

    /** @brief Reads an ONNX model made by d2det_export.
    @param model path of the .onnx file; it needs no second file.
    @param backend_id one of dnn::Backend; 0 (default) is OpenCV's own. Other back ends are handed to the network; one
    that is not available in this build raises cv::Exception. The layers of this module run on the CPU where the back
    end has no implementation of them.
    @param target_id one of dnn::Target; 0 is the CPU.

    On the CPU the model's ordinary convolutions (one group, 2-D) run on this module's kernels, which are faster than
    those of cv::dnn 4.6; the environment variable OPENCV_D2DET_CONVOLUTION=dnn leaves them to cv::dnn (default: d2det).
    @return the detector; a file that cannot be read or is no D2Det model raises cv::Exception.
    */
    CV_WRAP static Ptr<Detector> create(const String& model, int backend_id = 0, int target_id = 0);

    /** @brief The same from memory.
    @param buffer the bytes of the .onnx file.
    @param backend_id as above.
    @param target_id as above.
    @return the detector.
    */
    CV_WRAP static Ptr<Detector> create(const std::vector<uchar>& buffer, int backend_id = 0, int target_id = 0);

    /** @brief The same from a network that was read after registerLayers(). The network is shared, not copied: the
    detector changes settings of its layers, so do not run it elsewhere at the same time.
    @param net a D2Det model; another network raises cv::Exception.
    @return the detector.
    */
    CV_WRAP static Ptr<Detector> create(const dnn::Net& net);

    /** @brief Finds objects in one image.
    @param image 8-bit image, 1, 3 (BGR) or 4 channels.
    @param classIds class of each detection, see getClassNames().
    @param confidences score of each detection, descending.
    @param boxes in pixels of the image, clipped to it; boxes without area inside the image are left out.
    Python has only the other form: both have the same arguments there.
    */
    virtual void detect(InputArray image, CV_OUT std::vector<int>& classIds, CV_OUT std::vector<float>& confidences,
                        CV_OUT std::vector<Rect2d>& boxes) = 0;

    /** @brief The same as one matrix.
    @param image 8-bit image, 1, 3 (BGR) or 4 channels.
    @param detections N x 6 CV_32F, row = (x1, y1, x2, y2, score, class), best first; empty if nothing was found.
    */
    CV_WRAP virtual void detect(InputArray image, OutputArray detections) = 0;

    /** @brief Several images; those with the same padded size go through the network together, at most 8 at a time. The
    results are those of detect().
    @param images 8-bit images.
    @param detections one N x 6 matrix per image, as above.
    */
    CV_WRAP virtual void detectBatch(InputArrayOfArrays images, OutputArrayOfArrays detections) = 0;

    /** @brief Has the model a mask head?
    @return true: segment may be called. detect() runs no part of that head. */
    CV_WRAP virtual bool hasMasks() const = 0;

    /** @brief Finds objects in one image with their masks.
    @param image 8-bit image, 1, 3 (BGR) or 4 channels.
    @param detections N x 6 CV_32F as in detect(): the same boxes and class scores.
    @param masks N matrices CV_8UC1 of the image's size, 255 where the object is and 0 elsewhere. The network's 28 x 28
    probabilities are sampled at pixel centers inside the box, at least 0.5 is the object (see pasteMask). The box is
    that of the detection; a model whose mask head has no second pass (output `mask_boxes`) makes masks inside the box
    from before the refinement, which may leave out a part of the refined one or reach beyond it.
    @param maskScores N x 1 CV_32F: class score + weight * predicted IoU of the mask @cite Huang2019, by which COCO's
    mask AP ranks (it may exceed 1); the class score itself if the model does not score masks.
    Raises cv::Exception (StsNotImplemented) if the model has no masks.
    */
    CV_WRAP virtual void segment(InputArray image, OutputArray detections, OutputArrayOfArrays masks,
                                 OutputArray maskScores = noArray()) = 0;

    /** @brief Several images, as detectBatch. The results are those of segment().
    @param images 8-bit images.
    @param detections one N x 6 matrix per image.
    @param masks one vector of masks per image.
    @param maskScores one N x 1 matrix per image.
    */
    virtual void segmentBatch(InputArrayOfArrays images, OutputArrayOfArrays detections,
                              std::vector<std::vector<Mat>>& masks, OutputArrayOfArrays maskScores = noArray()) = 0;

    /** @brief Detections with a lower score are dropped: candidates of the classifier before their boxes are refined,
    and at the end those whose score soft NMS has lowered. Takes effect at the next call, as every setter.
    @param threshold 0 to 1, another value raises cv::Exception; the default is in the model. */
    CV_WRAP virtual void setScoreThreshold(float threshold) = 0;
    //! @return the value in force.
    CV_WRAP virtual float getScoreThreshold() const = 0;

    /** @brief IoU above which two boxes of a class compete (hard and linear modes).
    @param threshold 0 to 1, another value raises cv::Exception; the default is in the model. */
    CV_WRAP virtual void setNMSThreshold(float threshold) = 0;
    //! @return the value in force.
    CV_WRAP virtual float getNMSThreshold() const = 0;

    /** @brief What happens to boxes that overlap a better one.
    @param mode one of NMSMode, another value raises cv::Exception; the default is in the model. */
    CV_WRAP virtual void setNMSMode(int mode) = 0;
    //! @return the value in force.
    CV_WRAP virtual int getNMSMode() const = 0;

    /** @brief Sigma of NMS_SOFT_GAUSSIAN.
    @param sigma positive and finite, another value raises cv::Exception; the default is in the model. */
    CV_WRAP virtual void setSoftNMSSigma(float sigma) = 0;
    //! @return the value in force.
    CV_WRAP virtual float getSoftNMSSigma() const = 0;

    /** @brief Detections per image.
    @param count at least 1, less raises cv::Exception; more than the model's capacity (the default) counts as that. */
    CV_WRAP virtual void setMaxDetections(int count) = 0;
    //! @return the value in force.
    CV_WRAP virtual int getMaxDetections() const = 0;

    /** @brief Proposals per image that are classified. Fewer take less time and may miss objects.
    @param count at least 1, less raises cv::Exception; more than the model's capacity (the default) counts as that. */
    CV_WRAP virtual void setMaxProposals(int count) = 0;
    //! @return the value in force.
    CV_WRAP virtual int getMaxProposals() const = 0;

    /** @brief Resize and normalization; larger sides find smaller objects and take longer.
    @param params the default is in the model; values out of range raise cv::Exception. */
    CV_WRAP virtual void setInputParams(const InputParams& params) = 0;
    //! @return the value in force.
    CV_WRAP virtual InputParams getInputParams() const = 0;

    /** @brief Names of the classes.
    @return the names in the model, by class id; "class 3" and so on if it has none. */
    CV_WRAP virtual std::vector<String> getClassNames() const = 0;

    /** @brief Time of the last detect() by stage, milliseconds.
    @param stages names, in order of execution: "prepare", "backbone", "proposals", "classification", "regression",
    "masks", "postprocess".
    @return times in the same order; zeros before the first call. "backbone" includes the proposal network's
    convolutions and, on back ends that do not report times by layer, the whole network. For a batch: sums over its
    images.
    */
    CV_WRAP virtual std::vector<double> getTimings(CV_OUT std::vector<String>& stages) const = 0;
};

//! @}

}  // namespace d2det
}  // namespace cv

#endif
