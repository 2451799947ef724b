// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* What the layers of this module have in common: checked reading of attributes, checked shapes, dense float32 inputs.

   Facts of cv::dnn that are handled here, once for all layers:
     - shapes are asked for at import, when dynamic dimensions are 0 (unknown), and again before the first pass and
       after every change of the input's size. A dimension that is known must be right, an unknown one is accepted;
     - inputs of a pass may differ from what was declared in the model, so forward() checks them again;
     - constants of the model arrive in Layer::blobs, 1-D ones as n x 1; OpenCV 5's new engine gives them as inputs;
     - 16-bit inputs (OpenCL FP16) take Layer::forward_fallback;
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

constexpr int ANY = 0;                      //!< in an expected shape: every length
constexpr double MAX_ELEMENTS = 1 << 30;    //!< of one output, 4 GiB; a model that asks for more is refused
constexpr int MAX_BATCH_SIZE = 4096;        //!< images per pass
constexpr int MAX_ROWS_PER_IMAGE = 100000;  //!< proposals or detections
constexpr int MAX_POOLED_SIZE = 256;        //!< bins per axis
constexpr int MAX_SAMPLING_RATIO = 256;     //!< samples per bin and axis
constexpr float MAX_SCALE = 65536.f;        //!< strides, anchor scale, finest scale

/** Attributes of a node. A missing required one, a wrong type or a value out of range raises a cv::Exception that names
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
    //! Index of the value in `choices`; the first is the default.
    int getChoice(const char* name, std::initializer_list<const char*> choices) const;
    //! Required list of minCount..maxCount numbers.
    std::vector<float> getList(const char* name, int minCount, int maxCount, double low, double high) const;

    std::vector<float> featureStrides() const;  //!< required attribute feat_strides
    Size pooledSize() const;                    //!< required attribute output_size (height, width)

private:
    double number(const char* name, const dnn::DictValue& value, int index, double low, double high) const;
    CV_NORETURN void fail(Error::Code code, const char* name, const String& message) const;

    const dnn::LayerParams& params_;
};

//! Raises a cv::Exception that begins with the layer's type and name.
CV_NORETURN void layerError(const dnn::Layer& layer, Error::Code code, const String& message);

//! Length of a dimension, 0 if it is not known.
inline int dimension(const dnn::MatShape& shape, int index)
{
    return index < static_cast<int>(shape.size()) && shape[index] > 0 ? shape[index] : 0;
}

void checkInputCount(const dnn::Layer& layer, size_t count, size_t low, size_t high);

//! Rank and known lengths must agree with `expected`; ANY and unknown ones always agree. An empty shape is not known.
void checkShape(const dnn::Layer& layer, const String& what, const dnn::MatShape& shape,
                std::initializer_list<int> expected);

//! The shape of an output, refused if it has more than MAX_ELEMENTS.
dnn::MatShape outputShape(const dnn::Layer& layer, const std::vector<int64>& lengths);

//! Checks that inputs[first .. first + levels) are maps with one batch size and one number of channels; returns both
//! (0: unknown).
std::pair<int, int> checkPyramid(const dnn::Layer& layer, const std::vector<dnn::MatShape>& inputs, size_t first,
                                 size_t levels);

kernels::FeaturePyramid<float> makePyramid(const std::vector<Mat>& inputs, size_t first,
                                           const std::vector<float>& strides);

//! Constants of the model as dense float32: the layer's blobs, or the inputs after the first `numInputs` if it has
//! none.
std::vector<Mat> layerConstants(const dnn::Layer& layer, const std::vector<Mat>& inputs, size_t numInputs);

//! One of the layer's blobs as dense float32.
Mat denseConstant(const dnn::Layer& layer, size_t index);

typedef std::function<std::vector<dnn::MatShape>(const std::vector<dnn::MatShape>&)> ShapeFunction;
typedef std::function<void(const std::vector<Mat>&, std::vector<Mat>&)> RunFunction;

//! The body of every forward(): fallback for 16-bit inputs, checks of inputs and outputs, then `run`.
void forwardChecked(dnn::Layer& layer, InputArrayOfArrays inputs, OutputArrayOfArrays outputs,
                    OutputArrayOfArrays internals, const ShapeFunction& shapes, const RunFunction& run);

class BaseLayer : public dnn::Layer
{
public:
    explicit BaseLayer(const dnn::LayerParams& params) : Layer(params) {}

    bool getMemoryShapes(const std::vector<dnn::MatShape>& inputs, const int requiredOutputs,
                         std::vector<dnn::MatShape>& outputs, std::vector<dnn::MatShape>& internals) const CV_OVERRIDE;
    void forward(InputArrayOfArrays inputs, OutputArrayOfArrays outputs, OutputArrayOfArrays internals) CV_OVERRIDE;

protected:
    //! Shapes of all outputs. Raises a cv::Exception for inputs that cannot be right.
    virtual std::vector<dnn::MatShape> outputShapes(const std::vector<dnn::MatShape>& inputs) const = 0;
    //! Inputs are dense float32 and went through outputShapes; outputs have these shapes.
    virtual void run(const std::vector<Mat>& inputs, std::vector<Mat>& outputs) = 0;

#ifdef D2DET_HAVE_CUDA
public:
    bool supportBackend(int backendId) CV_OVERRIDE;
    //! The node of cv::dnn's CUDA back end (cuda_node.cpp).
    Ptr<dnn::BackendNode> initCUDA(void* context, const std::vector<Ptr<dnn::BackendWrapper>>& inputs,
                                   const std::vector<Ptr<dnn::BackendWrapper>>& outputs) CV_OVERRIDE;

protected:
    //! false: the layer has no CUDA kernels and runs on the CPU, whatever the target.
    virtual bool hasCuda() const
    {
        return true;
    }
    //! run() on a CUDA device: calls the layer's launcher with its settings of this moment.
    virtual cuda::Status runCuda(CudaPass& pass);
    //! Bytes of workspace that runCuda() needs; of the inputs only the shapes are there.
    virtual size_t cudaWorkspace(const std::vector<Mat>& inputs) const;
    //! Dense float32 on the host, uploaded once; default: all blobs.
    virtual std::vector<Mat> cudaConstants();

private:
    friend class CudaNode;
    std::shared_ptr<const struct CudaConstants> constantsOnDevice_;
#endif
};

// Constructors for LayerFactory, of all operators.
#define D2DET_OPERATOR(Name, stem) Ptr<dnn::Layer> create##Name##Layer(dnn::LayerParams& params);
#define D2DET_ONNX_OPERATOR(Name, type, stem) Ptr<dnn::Layer> createOnnx##Name##Layer(dnn::LayerParams& params);
#include "kernels/operators.inc"

}  // namespace d2det
}  // namespace cv

#endif
