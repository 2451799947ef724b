// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Base of all layers: checked attributes, checked shapes, dense float32 inputs.

   Properties of cv::dnn that are handled here for all layers:
     - getMemoryShapes is called at import with dynamic dimensions 0 (unknown), before the first pass and after every
       change of the input size. Known dimensions must be valid, unknown dimensions are accepted;
     - inputs of a pass may differ from the declarations in the model, so forward() repeats the checks;
     - constants of the model are in Layer::blobs, 1-D constants as n x 1; in the new engine of OpenCV 5 they are
       inputs, unless they are attributes of the node;
     - 16-bit inputs (OpenCL FP16) are processed by Layer::forward_fallback;
     - memory of outputs is reused and not cleared: kernels write every element. */

#ifndef OPENCV_D2DET_LAYERS_BASE_LAYER_HPP
#define OPENCV_D2DET_LAYERS_BASE_LAYER_HPP

#include "precomp.hpp"
#include "kernels/common.hpp"

#ifdef D2DET_HAVE_CUDA
#include "cuda_pass.hpp"
#endif

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

namespace cv
{
namespace d2det
{

constexpr int ANY = 0;                      //!< any length, in an expected shape
constexpr double MAX_ELEMENTS = 1 << 30;    //!< limit per output, 4 GiB
constexpr int MAX_BATCH_SIZE = 4096;        //!< images per pass
constexpr int MAX_ROWS_PER_IMAGE = 100000;  //!< proposals or detections
constexpr int MAX_POOLED_SIZE = 256;        //!< bins per axis
constexpr int MAX_SAMPLING_RATIO = 256;     //!< samples per bin and axis
constexpr double MAX_SAMPLES = 1 << 24;     //!< sampling points of a pass of RoI pooling, 16 bytes each
constexpr float MAX_SCALE = 65536.f;        //!< strides, anchor scale, finest scale

/** Attributes of a node. A missing required attribute, a wrong type or a value out of range raises cv::Exception with
    the layer, the attribute, the value and the range. */
class Attributes
{
public:
    explicit Attributes(const dnn::LayerParams& params) : params_(params) {}

    bool has(const char* name) const { return params_.has(name); }
    int getInt(const char* name, int defaultValue, int low, int high) const;
    bool getFlag(const char* name, bool defaultValue) const { return getInt(name, defaultValue, 0, 1) != 0; }
    float getFloat(const char* name, float defaultValue, float low, float high) const;
    float getPositive(const char* name, float defaultValue, float high) const;
    String getString(const char* name, const String& defaultValue) const;
    //! Index of the value in `choices`; default: 0.
    int getChoice(const char* name, std::initializer_list<const char*> choices) const;
    //! Required list of minCount..maxCount numbers.
    std::vector<float> getList(const char* name, int minCount, int maxCount, double low, double high) const;
    //! Required list of `count` integers.
    std::vector<int> getInts(const char* name, int count, int low, int high) const;

    std::vector<float> featureStrides() const;  //!< required attribute feat_strides
    Size pooledSize() const;                    //!< required attribute output_size (height, width)

private:
    double number(const char* name, const dnn::DictValue& value, int index, double low, double high) const;
    CV_NORETURN void fail(Error::Code code, const char* name, const String& message) const;

    const dnn::LayerParams& params_;
};

//! Raises cv::Exception; the message begins with type and name of the layer.
CV_NORETURN void layerError(const dnn::Layer& layer, Error::Code code, const String& message);

//! Length of a dimension, 0 if unknown.
inline int dimension(const dnn::MatShape& shape, int index)
{
    return index < static_cast<int>(shape.size()) && shape[index] > 0 ? shape[index] : 0;
}

//! Raises cv::Exception if the sampling points along both axes of all RoIs, which a pass keeps in memory, are too many.
void checkSamples(const dnn::Layer& layer, int rows, double samplesOfRoI);

//! Number of values.
double numValues(const dnn::MatShape& shape);

/** Sampling points of a RoI along an axis at most.
    @param axis 2: rows, 3: columns of the maps inputs[first] and the following `levels`
    @param samplingRatio samples per bin; 0: about one per cell of the map, at most 256 per bin */
double samplesAlong(int axis, int bins, const std::vector<dnn::MatShape>& inputs, size_t first, size_t levels,
                    int samplingRatio);

//! Operations of RoI pooling to [R, C, h, w]: a sample takes four values per channel. The rest as in samplesAlong.
double poolingOperations(const dnn::MatShape& pooled, const std::vector<dnn::MatShape>& inputs, size_t first,
                         size_t levels, int samplingRatio);

void checkInputCount(const dnn::Layer& layer, size_t count, size_t low, size_t high);

//! Rank and known lengths must equal `expected`; ANY and unknown lengths match everything. Empty shape: unknown.
void checkShape(const dnn::Layer& layer, const String& what, const dnn::MatShape& shape,
                std::initializer_list<int> expected);

//! Shape of an output; cv::Exception above MAX_ELEMENTS.
dnn::MatShape outputShape(const dnn::Layer& layer, const std::vector<int64>& lengths);

//! Checks that inputs[first .. first + levels) are maps of equal batch size and number of channels; returns both (0:
//! unknown).
std::pair<int, int> checkPyramid(const dnn::Layer& layer, const std::vector<dnn::MatShape>& inputs, size_t first,
                                 size_t levels);

kernels::FeaturePyramid<float> makePyramid(const std::vector<Mat>& inputs, size_t first,
                                           const std::vector<float>& strides);

//! Constants of the model as dense float32: blobs of the layer or, without blobs, the inputs from `numInputs` on.
std::vector<Mat> layerConstants(const dnn::Layer& layer, const std::vector<Mat>& inputs, size_t numInputs);

/** Whether constants that arrive as inputs are still those that a layer has packed. The new engine of OpenCV 5 hands
    them over in every pass and does not tell a layer that they are constants. Reads all values: much less than
    packing costs. */
class ConstantsWatch
{
public:
    //! True in the first call and after each change.
    bool changed(const std::vector<Mat>& constants);

private:
    bool seen_ = false;
    uint64_t hash_ = 0;
};

//! Blob of the layer as dense float32.
Mat denseConstant(const dnn::Layer& layer, size_t index);

typedef std::function<std::vector<dnn::MatShape>(const std::vector<dnn::MatShape>&)> ShapeFunction;
typedef std::function<void(const std::vector<Mat>&, std::vector<Mat>&)> RunFunction;

//! Common part of every forward(): fallback for 16-bit inputs, checks of inputs and outputs, then `run`.
void forwardChecked(dnn::Layer& layer, InputArrayOfArrays inputs, OutputArrayOfArrays outputs,
                    OutputArrayOfArrays internals, const ShapeFunction& shapes, const RunFunction& run);

class BaseLayer : public dnn::Layer
{
public:
    explicit BaseLayer(const dnn::LayerParams& params) : Layer(params) {}

    bool getMemoryShapes(const std::vector<dnn::MatShape>& inputs, const int requiredOutputs,
                         std::vector<dnn::MatShape>& outputs, std::vector<dnn::MatShape>& internals) const CV_OVERRIDE;
    void forward(InputArrayOfArrays inputs, OutputArrayOfArrays outputs, OutputArrayOfArrays internals) CV_OVERRIDE;
    //! Multiplications and additions of a pass at most; all dimensions are known.
    int64 getFLOPS(const std::vector<dnn::MatShape>& inputs,
                   const std::vector<dnn::MatShape>& outputs) const CV_OVERRIDE;
#if CV_VERSION_MAJOR >= 5
    //! All outputs are float32, whatever the types of the inputs.
    void getTypes(const std::vector<dnn::MatType>& inputs, const int requiredOutputs, const int requiredInternals,
                  std::vector<dnn::MatType>& outputs, std::vector<dnn::MatType>& internals) const CV_OVERRIDE;
#endif

    /** Leaves the layer out of passes: each output has one row of zeros, whatever rows the inputs have. For networks
        that cannot stop at an inner layer; all layers behind it must be skipped too or take any number of rows. */
    void skip(bool skipped)
    {
        skipped_ = skipped;
    }

    /** Keeps what record() says of every pass until recording ends; for
     Detector::explain. Works in both engines, on backends whose passes call
     forward(). */
    void setRecording(bool recording)
    {
        recording_ = recording;
        recorded_.clear();
    }
    //! Of the last pass; empty if there was none, or none through forward().
    const std::vector<Mat>& recorded() const
    {
        return recorded_;
    }

protected:
    //! Shapes of all outputs; cv::Exception for invalid input shapes.
    virtual std::vector<dnn::MatShape> outputShapes(const std::vector<dnn::MatShape>& inputs) const = 0;
    //! What getFLOPS returns; double, because attributes of a model of unknown origin may multiply to anything.
    virtual double operations(const std::vector<dnn::MatShape>& inputs,
                              const std::vector<dnn::MatShape>& outputs) const = 0;
    //! Forward pass. Inputs: dense float32, checked by outputShapes; outputs: dense float32 of the resulting shapes.
    virtual void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) = 0;
    //! What is to be kept of a pass, in memory of its own; nothing by default.
    virtual void record(const std::vector<Mat>& inputs, const std::vector<Mat>& outputs,
                        std::vector<Mat>& recorded) const;
    //! Inputs that are no constants of the model; those come last. Only for layers that have constants.
    virtual size_t numInputs() const
    {
        return static_cast<size_t>(-1);
    }

private:
    bool skipped_ = false, recording_ = false;
    std::vector<Mat> recorded_;

#ifdef D2DET_HAVE_CUDA
public:
    bool supportBackend(int backendId) CV_OVERRIDE;
    //! Node of the CUDA backend of cv::dnn (cuda_node.cpp).
    Ptr<dnn::BackendNode> initCUDA(void* context, const std::vector<Ptr<dnn::BackendWrapper>>& inputs,
                                   const std::vector<Ptr<dnn::BackendWrapper>>& outputs) CV_OVERRIDE;

protected:
    //! false: no CUDA kernels, the layer runs on the CPU for every target.
    virtual bool hasCuda() const
    {
        return true;
    }
    //! Forward pass on a CUDA device: calls the launcher with the current settings of the layer.
    virtual cuda::Status runCuda(CudaPass& pass);
    //! Workspace of runCuda(), bytes; `inputs` are shapes without data.
    virtual size_t cudaWorkspace(const std::vector<Mat>& inputs) const;
    //! Dense float32 on the host, uploaded once; default: all blobs.
    virtual std::vector<Mat> cudaConstants();

    //! Raises cv::Exception unless the outputs have the shapes that the inputs give.
    void checkCudaOutputs(const std::vector<Ptr<dnn::BackendWrapper>>& inputs,
                          const std::vector<Ptr<dnn::BackendWrapper>>& outputs) const;

private:
    friend class CudaNode;
    template <typename Base>
    friend class CudaExecutor;
    std::shared_ptr<const struct CudaConstants> constantsOnDevice_;
#endif
};

#ifdef D2DET_HAVE_CUDA
/** Layers of this type run on CUDA devices in the new engine of OpenCV 5 (cuda_node.cpp). No effect in versions whose
    engines call BaseLayer::initCUDA() themselves. */
void registerCudaExecutor(const String& type);
#endif

// Constructors for LayerFactory, of all operators.
#define D2DET_OPERATOR(Name, stem) Ptr<dnn::Layer> create##Name##Layer(dnn::LayerParams& params);
#define D2DET_ONNX_OPERATOR(Name, type, stem) Ptr<dnn::Layer> createOnnx##Name##Layer(dnn::LayerParams& params);
#include "kernels/operators.inc"
//! Of an operator without a kernel: a layer of OpenCV's under a name of ours.
Ptr<dnn::Layer> createReLU6Layer(dnn::LayerParams& params);

/** Creates a layer that takes the constants out of `params`: the network keeps params; this way only the layer owns the
    weights and can free them. */
template <typename Created>
Ptr<dnn::Layer> createOwner(dnn::LayerParams& params)
{
    const Ptr<dnn::Layer> layer = makePtr<Created>(params);
    params.blobs.clear();
    return layer;
}

}  // namespace d2det
}  // namespace cv

#endif
