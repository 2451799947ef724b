// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_D2DET_DETECTOR_HPP
#define OPENCV_D2DET_DETECTOR_HPP

#include "opencv2/core.hpp"
#include "opencv2/d2det/masks.hpp"
#include "opencv2/dnn.hpp"

namespace cv
{
namespace d2det
{

//! @addtogroup d2det
//! @{

//! Suppression of overlapping detections of one class.
enum NMSMode
{
    NMS_HARD = 0,          //!< drop a box whose IoU with a box of higher score is above the threshold
    NMS_SOFT_LINEAR = 1,   //!< multiply the score of such a box by 1 - IoU instead @cite Bodla2017
    NMS_SOFT_GAUSSIAN = 2  //!< multiply the score of every box by exp(-IoU^2 / sigma) @cite Bodla2017
};

/** @brief Conversion of an image to the network input. The values of a model are stored in the model file.

The image is resized with a single factor s = min(longSide / max(h, w), shortSide / min(h, w)) (bilinear, new side =
max(int(side * s + 0.5), 1)), or without keepRatio to longSide x shortSide pixels whatever its shape, normalized to (v -
mean) / std and padded with zeros at the right and bottom to multiples of divisor.
*/
struct CV_EXPORTS_W_SIMPLE InputParams
{
    CV_WRAP InputParams()
        : shortSide(800),
          longSide(1333),
          divisor(32),
          mean(123.675, 116.28, 103.53),
          std(58.395, 57.12, 57.375),
          swapRB(true),
          keepRatio(true)
    {
    }
    CV_PROP_RW int shortSide;   //!< limit of the shorter side, pixels, 1 to 16384
    CV_PROP_RW int longSide;    //!< limit of the longer side, pixels, 1 to 16384
    CV_PROP_RW int divisor;     //!< padded sides are multiples of this number of pixels, 1 to 1024
    CV_PROP_RW Scalar mean;     //!< per channel in network order, on the scale 0..255, finite
    CV_PROP_RW Scalar std;      //!< per channel in network order, on the scale 0..255, positive and finite
    CV_PROP_RW bool swapRB;     //!< true: the network input is RGB (images are BGR)
    CV_PROP_RW bool keepRatio;  //!< false: the network input is longSide wide and shortSide high
};

/** @brief Converts an image to the network input, identically for the trainer and Detector.

Raises cv::Exception for an empty image, another depth or number of channels, or parameters out of range.
@param image 8-bit image with 1 (gray), 3 (BGR) or 4 (BGRA) channels.
@param params sizes and normalization; ranges: see InputParams.
@param blob [1, 3, H, W] CV_32F, H and W multiples of the divisor.
@param imInfo 1x3 CV_32F: height and width without padding in pixels of the blob, scale s.
*/
CV_EXPORTS_W void prepareInput(InputArray image, const InputParams& params, OutputArray blob, OutputArray imInfo);

/** @brief Detection in overlapping parts of an image, for objects that are small in a large image.

An image with a side longer than `size` is cut into tiles of that side, each of which goes through the network as an
image of its own, and so does the entire image if `wholeImage` is set, for objects larger than a tile. Two detections of
one class from different parts are one object if their boxes agree in the area that both parts see (IoU of at least
`mergeThreshold` there). An object that one part sees whole keeps the box of that part; one that every part cuts gets
the box, the mask and the score (the highest) of its pieces together.
*/
struct CV_EXPORTS_W_SIMPLE TileParams
{
    CV_WRAP TileParams() : size(0), overlap(0.2), wholeImage(true), mergeThreshold(0.5) {}
    CV_PROP_RW int size;               //!< side of a tile in pixels of the image, 32 to 16384; 0: no tiles
    CV_PROP_RW double overlap;         //!< least common part of neighboring tiles, share of a side, 0 to 0.9
    CV_PROP_RW bool wholeImage;        //!< whether the entire image is looked at, too
    CV_PROP_RW double mergeThreshold;  //!< IoU in the common area from which two boxes are one object, 0.1 to 1
};

/** @brief Tiles of an image, row by row: equal ones at equal distances that cover it.
@param image size of the image, pixels.
@param params a size of 0, or an image that is no larger than a tile, gives one tile, the entire image.
@return parts of the image.
*/
CV_EXPORTS_W std::vector<Rect> calculateTiles(Size image, const TileParams& params);

/** @brief Stores the score from which detections of a model are to be used, see Detector::getOperatingScore().
@param model content of an ONNX file written by d2det_export; another one raises cv::Exception.
@param score 0 to 1, another value raises cv::Exception.
@return content of the file with the score, in place of an earlier one and of scores of the classes.
*/
CV_EXPORTS_W std::vector<uchar> storeOperatingScore(const std::vector<uchar>& model, float score);

/** @brief Stores for each class the score from which its detections are to be used, see Detector::getOperatingScores().

The score of storeOperatingScore stays in the model. A Detector uses the scores of the classes by default.
@param model content of an ONNX file written by d2det_export; another one raises cv::Exception.
@param scores one for each class, 0 to 1, another number or value raises cv::Exception; empty: removes those of the
model.
@return content of the file with the scores, in place of earlier ones.
*/
CV_EXPORTS_W std::vector<uchar> storeOperatingScores(const std::vector<uchar>& model, const std::vector<float>& scores);

/** @brief How D2Det found one object: Detector::explain().

Dense local regression: each of k x k cells of a proposal predicts a box and whether it lies on the object (the binary
overlap). The box of the detection is the mean of the boxes of those cells, clipped to the image. Discriminative RoI
pooling: the classifier looks at K x K bins, each displaced by a learned offset and weighted by a learned weight. All
coordinates are pixels of the image, not clipped to it.
*/
struct CV_EXPORTS_W_SIMPLE DetectionExplanation
{
    CV_WRAP DetectionExplanation() : classId(-1), score(0.f) {}

    CV_PROP_RW int classId;      //!< class of the detection
    CV_PROP_RW float score;      //!< score of the detection
    CV_PROP_RW Rect2d proposal;  //!< box before the regression, from which the cells are
    CV_PROP_RW Rect2d box;       //!< box of the detection: mean of cellBoxes by cellWeights, clipped to the image
    CV_PROP_RW Mat cellBoxes;    //!< k*k x 4 CV_32F: x1 y1 x2 y2 of the box of each cell, row by row
    CV_PROP_RW Mat cellPoints;   //!< k*k x 2 CV_32F: x y of the center of each cell
    CV_PROP_RW Mat overlap;      //!< k x k CV_32F: probability that the cell lies on the object, 0 to 1
    CV_PROP_RW Mat cellWeights;  //!< k x k CV_32F: share in the mean, 0 for a cell that is not used; the sum is 1, or 0
                                 //!< if no cell is used: then the proposal is the box
    CV_PROP_RW Mat samplingPoints;   //!< K*K x 2 CV_32F: x y of the mean of each bin's samples, row by row; empty if
                                     //!< the model has no deformable pooling
    CV_PROP_RW Mat samplingWeights;  //!< K x K CV_32F: what the bin counts, mean over the channels, 1: as much as in a
                                     //!< plain average; empty if the model has no adaptive weighting
};

/** @brief D2Det object detector.

A model is a single ONNX file written by d2det_export; anything else (other models, damaged files, ONNX external data)
raises cv::Exception. A Detector is not thread-safe: use one per thread. All results are the same bit for bit for any
number of threads and any batch.
*/
class CV_EXPORTS_W Detector : public Algorithm
{
public:
    virtual ~Detector() {}

    /** @brief Creates a detector from an ONNX file written by d2det_export.

    Raises cv::Exception for a file that cannot be read, a file that is not a D2Det model, or a backend or target that
    is not available in this build of OpenCV.

    On x86 CPUs the ordinary convolutions of the model (one group, 2-D) use the kernels of this module, which are faster
    than those of cv::dnn; elsewhere they use cv::dnn. The environment variable OPENCV_D2DET_CONVOLUTION=d2det or dnn
    overrides the choice.
    @param model path of the .onnx file; no other file is needed.
    @param backend_id one of dnn::Backend, passed on to the network; 0 (default): OpenCV's own backend. Layers of this
    module without an implementation for the backend run on the CPU.
    @param target_id one of dnn::Target; 0 (default): CPU.
    @return the detector.
    */
    CV_WRAP static Ptr<Detector> create(const String& model, int backend_id = 0, int target_id = 0);

    /** @brief Creates a detector from an ONNX file in memory. Errors and convolutions: as for the file.
    @param buffer content of the .onnx file.
    @param backend_id one of dnn::Backend; 0 (default): OpenCV's own backend.
    @param target_id one of dnn::Target; 0 (default): CPU.
    @return the detector.
    */
    CV_WRAP static Ptr<Detector> create(const std::vector<uchar>& buffer, int backend_id = 0, int target_id = 0);

    /** @brief Creates a detector from a network that was read after registerLayers().

    The network is shared, not copied, and the detector changes settings of the layers: do not run the network elsewhere
    at the same time.
    @param net a D2Det model; any other network raises cv::Exception.
    @return the detector.
    */
    CV_WRAP static Ptr<Detector> create(const dnn::Net& net);

    /** @brief Detects objects in one image.

    Raises cv::Exception for an image of another type. In Python only the form with a matrix is available, because the
    arguments of both forms are the same there.
    @param image 8-bit image with 1 (gray), 3 (BGR) or 4 (BGRA) channels.
    @param classIds class index of each detection, see getClassNames().
    @param confidences score of each detection, descending.
    @param boxes image pixels, clipped to the image; boxes without area inside the image are omitted.
    */
    virtual void detect(InputArray image, CV_OUT std::vector<int>& classIds, CV_OUT std::vector<float>& confidences,
                        CV_OUT std::vector<Rect2d>& boxes) = 0;

    /** @brief Detects objects in one image; the result is a matrix.
    @param image 8-bit image with 1 (gray), 3 (BGR) or 4 (BGRA) channels.
    @param detections N x 6 CV_32F, row = (x1, y1, x2, y2, score, class) in image pixels, scores descending; empty
    without detections.
    */
    CV_WRAP virtual void detect(InputArray image, OutputArray detections) = 0;

    /** @brief Detects objects in several images, with the same results as detect() for each of them.

    Images with the same padded size share a pass of the network, at most 8 images per pass.
    @param images 8-bit images with 1, 3 (BGR) or 4 (BGRA) channels.
    @param detections one N x 6 matrix per image as in detect().
    */
    CV_WRAP virtual void detectBatch(InputArrayOfArrays images, OutputArrayOfArrays detections) = 0;

    /** @brief Whether the model has a mask head.
    @return true if segment() and segmentBatch() are available. detect() does not run the mask head. */
    CV_WRAP virtual bool hasMasks() const = 0;

    /** @brief Detects objects in one image and computes their masks.

    Raises cv::Exception (StsNotImplemented) if the model has no mask head.
    @param image 8-bit image with 1 (gray), 3 (BGR) or 4 (BGRA) channels.
    @param detections N x 6 CV_32F as in detect(): the same boxes and class scores.
    @param masks N matrices CV_8UC1 of the size of the image, 255: object, 0: background. The 28 x 28 probabilities of
    the network are sampled at pixel centers inside the box; values of at least 0.5 are object pixels (see pasteMask).
    The box is that of the detection; in a model whose mask head has no second pass (output `mask_boxes`) it is the box
    before refinement, which may exclude a part of the refined box or extend beyond it.
    @param maskScores N x 1 CV_32F, at most 1: weighted mean of class score and predicted mask IoU @cite Huang2019, the
    ranking for COCO mask AP; the class score itself if the model does not predict mask IoU.
    */
    CV_WRAP virtual void segment(InputArray image, OutputArray detections, OutputArrayOfArrays masks,
                                 OutputArray maskScores = noArray()) = 0;

    /** @brief Detects objects and computes masks in several images, with the same results as segment() for each of
    them. Passes of the network and errors: as for detectBatch() and segment().
    @param images 8-bit images with 1, 3 (BGR) or 4 (BGRA) channels.
    @param detections one N x 6 CV_32F matrix per image.
    @param masks one vector of N masks per image.
    @param maskScores one N x 1 CV_32F matrix per image.
    */
    virtual void segmentBatch(InputArrayOfArrays images, OutputArrayOfArrays detections,
                              std::vector<std::vector<Mat>>& masks, OutputArrayOfArrays maskScores = noArray()) = 0;

    /** @brief As segment(), with masks that take the memory of the objects' boxes instead of that of the image: for
    large images with many objects. pasteMask(mask, entire) gives the mask of segment(), rleEncode its run lengths.

    Images of any size are accepted; segment() refuses those of more than 2^28 pixels.
    @param image 8-bit image with 1 (gray), 3 (BGR) or 4 (BGRA) channels.
    @param detections N x 6 CV_32F as in detect().
    @param masks N masks.
    @param maskScores N x 1 CV_32F as in segment().
    */
    CV_WRAP virtual void segmentInBoxes(InputArray image, OutputArray detections, CV_OUT std::vector<BoxMask>& masks,
                                        OutputArray maskScores = noArray()) = 0;

    /** @brief As segmentBatch(), with masks as in segmentInBoxes().
    @param images 8-bit images with 1, 3 (BGR) or 4 (BGRA) channels.
    @param detections one N x 6 CV_32F matrix per image.
    @param masks one vector of N masks per image.
    @param maskScores one N x 1 CV_32F matrix per image.
    */
    virtual void segmentInBoxesBatch(InputArrayOfArrays images, OutputArrayOfArrays detections,
                                     std::vector<std::vector<BoxMask>>& masks,
                                     OutputArrayOfArrays maskScores = noArray()) = 0;

    /** @brief Detects objects in one image and tells how each of them was found.

    The entire image goes through the network once, without tiles and masks. Raises cv::Exception (StsNotImplemented)
    for a model without dense local regression (Faster, Mask, Cascade R-CNN) and on other backends than OpenCV's on the
    CPU. Works in both engines of cv::dnn: the layers keep what they compute, the network has no more outputs.
    @param image 8-bit image with 1 (gray), 3 (BGR) or 4 (BGRA) channels.
    @param detections N x 6 CV_32F as detect() gives them without tiles.
    @param explanations N explanations in the order of the detections.
    */
    CV_WRAP virtual void explain(InputArray image, OutputArray detections,
                                 CV_OUT std::vector<DetectionExplanation>& explanations) = 0;

    /** @brief Sets the minimum score of a detection for all classes: those of setClassScoreThresholds() are dropped.
    All setters take effect at the next call.

    The threshold applies to the candidates of the classifier before box refinement, and to the final scores after soft
    NMS.
    @param threshold 0 to 1, another value raises cv::Exception; default: stored in the model. */
    CV_WRAP virtual void setScoreThreshold(float threshold) = 0;
    /** @brief Minimum score of a detection, where the classes have none of their own.
    @return current score threshold, 0 to 1; default: stored in the model. */
    CV_WRAP virtual float getScoreThreshold() const = 0;

    /** @brief Sets a minimum score for each class, in place of the one of setScoreThreshold().
    @param thresholds one for each class (getClassNames()), 0 to 1; another number or value raises cv::Exception. Empty:
    that of setScoreThreshold() for all. Default: getOperatingScores() if the model has them, otherwise empty.
    */
    CV_WRAP virtual void setClassScoreThresholds(const std::vector<float>& thresholds) = 0;
    /** @brief Minimum scores of the classes.
    @return one for each class, or empty if all have that of getScoreThreshold(). */
    CV_WRAP virtual std::vector<float> getClassScoreThresholds() const = 0;

    /** @brief Sets the IoU above which a box suppresses another box of its class (NMS_HARD, NMS_SOFT_LINEAR).
    @param threshold 0 to 1, another value raises cv::Exception; default: stored in the model. */
    CV_WRAP virtual void setNMSThreshold(float threshold) = 0;
    /** @brief IoU threshold of NMS_HARD and NMS_SOFT_LINEAR.
    @return current IoU threshold, 0 to 1; default: stored in the model. */
    CV_WRAP virtual float getNMSThreshold() const = 0;

    /** @brief Sets the suppression of overlapping boxes.
    @param mode one of NMSMode, another value raises cv::Exception; default: stored in the model. */
    CV_WRAP virtual void setNMSMode(int mode) = 0;
    /** @brief Suppression of overlapping boxes.
    @return current mode, one of NMSMode; default: stored in the model. */
    CV_WRAP virtual int getNMSMode() const = 0;

    /** @brief Sets sigma of NMS_SOFT_GAUSSIAN.
    @param sigma positive and finite, no unit, another value raises cv::Exception; default: stored in the model. */
    CV_WRAP virtual void setSoftNMSSigma(float sigma) = 0;
    /** @brief Sigma of NMS_SOFT_GAUSSIAN.
    @return current sigma, positive, no unit; default: stored in the model. */
    CV_WRAP virtual float getSoftNMSSigma() const = 0;

    /** @brief Sets the maximum number of detections per image.
    @param count at least 1, less raises cv::Exception; values above the capacity of the model (the default) are clamped
    to it. */
    CV_WRAP virtual void setMaxDetections(int count) = 0;
    /** @brief Maximum number of detections per image.
    @return current maximum, at least 1 and at most the capacity of the model. */
    CV_WRAP virtual int getMaxDetections() const = 0;

    /** @brief Sets the maximum number of classified proposals per image. Lower values are faster but may miss objects.
    @param count at least 1, less raises cv::Exception; values above the capacity of the model (the default) are clamped
    to it. */
    CV_WRAP virtual void setMaxProposals(int count) = 0;
    /** @brief Maximum number of classified proposals per image.
    @return current maximum, at least 1 and at most the capacity of the model. */
    CV_WRAP virtual int getMaxProposals() const = 0;

    /** @brief Sets resize and normalization. With larger sides, smaller objects are detected at a higher run time.
    @param params ranges: see InputParams, a value out of range raises cv::Exception; default: stored in the model. */
    CV_WRAP virtual void setInputParams(const InputParams& params) = 0;
    /** @brief Resize and normalization.
    @return current parameters; default: stored in the model. */
    CV_WRAP virtual InputParams getInputParams() const = 0;

    /** @brief Cuts large images into tiles. Takes effect in all functions that detect; the limit of setMaxDetections()
    then is that of each tile, getTimings() adds up all of them.
    @param params ranges: see TileParams, a value out of range raises cv::Exception; default: no tiles. */
    CV_WRAP virtual void setTiles(const TileParams& params) = 0;
    /** @brief Tiles of large images.
    @return current parameters. */
    CV_WRAP virtual TileParams getTiles() const = 0;

    /** @brief Makes boxes of different classes compete: of two that overlap by more than the NMS threshold only the
    one of the higher score is left, whatever the NMS mode.
    @param agnostic default: false, only boxes of one class compete. */
    CV_WRAP virtual void setClassAgnosticNMS(bool agnostic) = 0;
    /** @brief Whether boxes of different classes compete.
    @return current setting. */
    CV_WRAP virtual bool getClassAgnosticNMS() const = 0;

    /** @brief Score from which the detections of the model are to be used: that of the best F1 on validation images,
    if it was measured (d2det_evaluate --write-operating-score). The score threshold is not set to it.
    @return 0 to 1; negative if the model has none. */
    CV_WRAP virtual float getOperatingScore() const = 0;

    /** @brief For each class the score from which its detections are to be used (d2det_evaluate --write-operating-score
    --per-class). A new Detector uses them: setClassScoreThresholds().
    @return one score for each class, 0 to 1; empty if the model has none by class. */
    CV_WRAP virtual std::vector<float> getOperatingScores() const = 0;

    /** @brief Whether the last call may have lost detections to the limit of setMaxDetections(). A warning is logged
    when that happens for the first time.
    @return true if an image (a tile) had as many detections as the limit allows. */
    CV_WRAP virtual bool reachedMaxDetections() const = 0;

    /** @brief Names of the classes.
    @return the names stored in the model, indexed by class id; "class 0", "class 1", ... if the model has no names. */
    CV_WRAP virtual std::vector<String> getClassNames() const = 0;

    /** @brief Run time of the last call by stage, in milliseconds.
    @param stages names of the stages, in order of execution: "prepare", "backbone", "proposals", "classification",
    "regression", "masks", "postprocess".
    @return times in the order of `stages`, milliseconds; zeros before the first call. "backbone" includes the
    convolutions of the region proposal network and, for backends without times per layer, the entire network. For a
    batch: sums over all images.
    */
    CV_WRAP virtual std::vector<double> getTimings(CV_OUT std::vector<String>& stages) const = 0;
};

//! @}

}  // namespace d2det
}  // namespace cv

#endif
