// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Common checks of all layers, see base_layer.hpp. */

#include "base_layer.hpp"

#include "opencv2/core/utils/logger.hpp"

#include <cmath>
#include <cstring>
#include <mutex>

namespace cv
{
namespace d2det
{

using dnn::DictValue;
using dnn::MatShape;

// ------------------------------------------------------------------ attributes

void Attributes::fail(Error::Code code, const char* name, const String& message) const
{
    CV_Error(code, format("%s '%s': attribute %s ", params_.type.c_str(), params_.name.c_str(), name) + message);
}

double Attributes::number(const char* name, const DictValue& value, int index, double low, double high) const
{
    if (value.isString())
        fail(Error::StsBadArg, name, "is the string '" + value.get<String>(index) + "', it must be a number");
    const double number = value.get<double>(index);
    if (!(number >= low && number <= high))  // also NaN
        fail(Error::StsOutOfRange, name, format("is %g, it must be between %g and %g", number, low, high));
    return number;
}

int Attributes::getInt(const char* name, int defaultValue, int low, int high) const
{
    if (!has(name))
        return defaultValue;
    const DictValue& value = params_.get(name);
    if (value.size() != 1)
        fail(Error::StsBadArg, name, format("is a list of %d values, it must be one integer", value.size()));
    const double number = this->number(name, value, 0, low, high);
    if (number != std::floor(number))
        fail(Error::StsBadArg, name, format("is %g, it must be an integer", number));
    return static_cast<int>(number);
}

float Attributes::getFloat(const char* name, float defaultValue, float low, float high) const
{
    if (!has(name))
        return defaultValue;
    const DictValue& value = params_.get(name);
    if (value.size() != 1)
        fail(Error::StsBadArg, name, format("is a list of %d values, it must be one number", value.size()));
    return static_cast<float>(number(name, value, 0, low, high));
}

float Attributes::getPositive(const char* name, float defaultValue, float high) const
{
    const float value = getFloat(name, defaultValue, 0.f, high);
    if (!(value > 0.f))
        fail(Error::StsOutOfRange, name, format("is %g, it must be positive", value));
    return value;
}

String Attributes::getString(const char* name, const String& defaultValue) const
{
    if (!has(name))
        return defaultValue;
    const DictValue& value = params_.get(name);
    if (!value.isString() || value.size() != 1)
        fail(Error::StsBadArg, name, "must be a string");
    return value.get<String>(0);
}

int Attributes::getChoice(const char* name, std::initializer_list<const char*> choices) const
{
    const String value = getString(name, *choices.begin());
    String all;
    int index = 0;
    for (const char* choice : choices)
    {
        if (value == choice)
            return index;
        all += (index++ ? ", '" : "'") + String(choice) + "'";
    }
    fail(Error::StsBadArg, name, "is '" + value + "', it must be one of " + all);
}

std::vector<float> Attributes::getList(const char* name, int minCount, int maxCount, double low, double high) const
{
    if (!has(name))
        fail(Error::StsBadArg, name, "is missing, it is required");
    const DictValue& value = params_.get(name);
    if (value.size() < minCount || value.size() > maxCount)
        fail(Error::StsOutOfRange, name,
             format("has %d values, it must have %d to %d", value.size(), minCount, maxCount));
    std::vector<float> result;
    result.reserve(static_cast<size_t>(value.size()));
    for (int i = 0; i < value.size(); i++)
        result.push_back(static_cast<float>(number(name, value, i, low, high)));
    return result;
}

std::vector<float> Attributes::featureStrides() const
{
    return getList("feat_strides", 1, kernels::MAX_LEVELS, 1., MAX_SCALE);
}

std::vector<int> Attributes::getInts(const char* name, int count, int low, int high) const
{
    std::vector<int> result;
    for (const float number : getList(name, count, count, low, high))
    {
        if (number != std::floor(number))
            fail(Error::StsBadArg, name, format("contains %g, it must be %d integers", number, count));
        result.push_back(static_cast<int>(number));
    }
    return result;
}

Size Attributes::pooledSize() const
{
    const std::vector<int> size = getInts("output_size", 2, 1, MAX_POOLED_SIZE);
    return Size(size[1], size[0]);
}

// ------------------------------------------------------------------ shapes

namespace
{

String shapeText(const MatShape& shape)
{
    String text = "[";
    for (size_t i = 0; i < static_cast<size_t>(shape.size()); i++)
        text += (i ? ", " : "") + (shape[i] > 0 ? format("%d", shape[i]) : String("?"));
    return text + "]";
}

Mat dense(const dnn::Layer& layer, const Mat& input, size_t index)
{
    if (input.type() == CV_32S)  // int64 constants of a model arrive as this
    {
        Mat converted;
        input.convertTo(converted, CV_32F);
        return converted;
    }
    if (input.type() != CV_32F)
        layerError(layer, Error::StsUnsupportedFormat,
                   format("tensor %d has type %s, only CV_32F is supported", static_cast<int>(index),
                          typeToString(input.type()).c_str()));
    return input.isContinuous() ? input : input.clone();
}

}  // namespace

void layerError(const dnn::Layer& layer, Error::Code code, const String& message)
{
    CV_Error(code, format("%s '%s': ", layer.type.c_str(), layer.name.c_str()) + message);
}

void checkInputCount(const dnn::Layer& layer, size_t count, size_t low, size_t high)
{
    if (count < low || count > high)
        layerError(layer, Error::StsBadArg,
                   format("has %d inputs, it needs ", static_cast<int>(count)) +
                       (low == high ? format("%d", static_cast<int>(low))
                                    : format("%d to %d", static_cast<int>(low), static_cast<int>(high))));
}

void checkShape(const dnn::Layer& layer, const String& what, const MatShape& shape, std::initializer_list<int> expected)
{
    if (shape.empty())
        return;
    bool good = static_cast<size_t>(shape.size()) == expected.size();
    int index = 0;
    String wanted = "[";
    for (int length : expected)
    {
        good = good && (length == ANY || dimension(shape, index) == 0 || shape[index] == length);
        wanted += (index++ ? ", " : "") + (length == ANY ? String("any") : format("%d", length));
    }
    if (!good)
        layerError(layer, Error::StsUnmatchedSizes,
                   "input " + what + " has shape " + shapeText(shape) + ", expected " + wanted + "]");
}

MatShape outputShape(const dnn::Layer& layer, const std::vector<int64>& lengths)
{
    std::vector<int> shape;
    double total = 1;
    for (const int64 length : lengths)
    {
        total *= static_cast<double>(length);
        shape.push_back(static_cast<int>(std::min<int64>(length, INT_MAX)));
    }
    if (total > MAX_ELEMENTS)
        layerError(layer, Error::StsOutOfRange,
                   format("an output would have %g values, the limit is %g: make output_size, the number of rows or "
                          "the batch smaller",
                          total, MAX_ELEMENTS));
    return MatShape(shape.begin(), shape.end());
}

std::pair<int, int> checkPyramid(const dnn::Layer& layer, const std::vector<MatShape>& inputs, size_t first,
                                 size_t levels)
{
    int batch = ANY, channels = ANY;
    for (size_t i = 0; i < levels; i++)
    {
        const MatShape& shape = inputs[first + i];
        checkShape(layer, format("feat_%d", static_cast<int>(i)), shape, {batch, channels, ANY, ANY});
        batch = std::max(batch, dimension(shape, 0));
        channels = std::max(channels, dimension(shape, 1));
    }
    return std::make_pair(batch, channels);
}

void checkSamples(const dnn::Layer& layer, int rows, double samplesOfRoI)
{
    if (rows * samplesOfRoI > MAX_SAMPLES)
        layerError(layer, Error::StsOutOfRange,
                   format("%d RoIs would have %g sampling points, the limit is %g: make output_size, sampling_ratio or "
                          "the number of rows smaller",
                          rows, rows * samplesOfRoI, MAX_SAMPLES));
}

kernels::FeaturePyramid<float> makePyramid(const std::vector<Mat>& inputs, size_t first,
                                           const std::vector<float>& strides)
{
    kernels::FeaturePyramid<float> pyramid;
    pyramid.levels = static_cast<int>(strides.size());
    pyramid.batch = inputs[first].size[0];
    pyramid.channels = inputs[first].size[1];
    for (int i = 0; i < pyramid.levels; i++)
    {
        const Mat& map = inputs[first + i];
        pyramid.data[i] = map.ptr<float>();
        pyramid.height[i] = map.size[2];
        pyramid.width[i] = map.size[3];
        pyramid.stride[i] = strides[i];
    }
    return pyramid;
}

std::vector<Mat> layerConstants(const dnn::Layer& layer, const std::vector<Mat>& inputs, size_t numInputs)
{
    std::vector<Mat> constants;
    if (layer.blobs.empty())
        constants.assign(inputs.begin() + static_cast<ptrdiff_t>(std::min(numInputs, inputs.size())), inputs.end());
    for (size_t i = 0; i < layer.blobs.size(); i++)
        constants.push_back(denseConstant(layer, i));
    return constants;
}

bool ConstantsWatch::changed(const std::vector<Mat>& constants)
{
    constexpr uint64_t PRIME = 0x9E3779B97F4A7C15;
    uint64_t lanes[4] = {PRIME, 2 * PRIME, 3 * PRIME, 5 * PRIME};  // independent: the loop is not bound by latency
    for (const Mat& constant : constants)
    {
        const uchar* const bytes = constant.ptr();
        const size_t size = constant.total() * constant.elemSize();
        size_t i = 0;
        for (; i + sizeof lanes <= size; i += sizeof lanes)
        {
            uint64_t words[4];
            std::memcpy(words, bytes + i, sizeof words);
            for (int k = 0; k < 4; k++)
                lanes[k] = (lanes[k] ^ words[k]) * PRIME;
        }
        for (; i < size; i++)
            lanes[i % 4] = (lanes[i % 4] ^ bytes[i]) * PRIME;
        lanes[0] = (lanes[0] ^ size) * PRIME;
    }
    uint64_t hash = 0;
    for (const uint64_t lane : lanes)
        hash = (hash ^ lane ^ lane >> 29) * PRIME;
    const bool same = seen_ && hash == hash_;
    seen_ = true;
    hash_ = hash;
    return !same;
}

Mat denseConstant(const dnn::Layer& layer, size_t index)
{
    return dense(layer, layer.blobs[index], index);
}

// ------------------------------------------------------------------ work

double numValues(const MatShape& shape)
{
    double product = 1;
    for (size_t i = 0; i < static_cast<size_t>(shape.size()); i++)
        product *= shape[i];
    return product;
}

double samplesAlong(int axis, int bins, const std::vector<MatShape>& inputs, size_t first, size_t levels,
                    int samplingRatio)
{
    if (samplingRatio > 0)
        return double(bins) * samplingRatio;
    int cells = 0;
    for (size_t i = first; i < first + levels; i++)
        cells = std::max(cells, dimension(inputs[i], axis));
    return std::min(double(bins) + cells, double(bins) * MAX_SAMPLING_RATIO);
}

double poolingOperations(const MatShape& pooled, const std::vector<MatShape>& inputs, size_t first, size_t levels,
                         int samplingRatio)
{
    return 8 * double(pooled[0]) * pooled[1] * samplesAlong(2, pooled[2], inputs, first, levels, samplingRatio) *
           samplesAlong(3, pooled[3], inputs, first, levels, samplingRatio);
}

// ------------------------------------------------------------------ passes

void forwardChecked(dnn::Layer& layer, InputArrayOfArrays inputs, OutputArrayOfArrays outputs,
                    OutputArrayOfArrays internals, const ShapeFunction& shapes, const RunFunction& run)
{
    // On the plain CPU target there are no 16-bit tensors, and the fallback would leave the outputs as they are.
    if (inputs.depth() == HALF_DEPTH && layer.preferableTarget != dnn::DNN_TARGET_CPU)
    {
        layer.forward_fallback(inputs, outputs, internals);
        return;
    }
    std::vector<Mat> in, out;
    inputs.getMatVector(in);
    outputs.getMatVector(out);

    std::vector<MatShape> inputShapes;
    for (size_t i = 0; i < in.size(); i++)
    {
        in[i] = dense(layer, in[i], i);
        inputShapes.push_back(dnn::shape(in[i]));
        if (in[i].empty())
            layerError(layer, Error::StsBadSize, format("input %d is empty", static_cast<int>(i)));
    }
    const std::vector<MatShape> expected = shapes(inputShapes);
    for (size_t i = 0; i < out.size(); i++)
        if (i >= expected.size() || dnn::shape(out[i]) != expected[i] || out[i].type() != CV_32F ||
            !out[i].isContinuous())
            layerError(layer, Error::StsUnmatchedSizes,
                       format("output %d was allocated as ", static_cast<int>(i)) + shapeText(dnn::shape(out[i])) +
                           ", but the inputs give " + (i < expected.size() ? shapeText(expected[i]) : "none") +
                           ": settings or inputs changed after allocation");
    if (out.size() < expected.size())
        layerError(layer, Error::StsBadArg, "an output is missing");
    run(in, out);
}

bool BaseLayer::getMemoryShapes(const std::vector<MatShape>& inputs, const int, std::vector<MatShape>& outputs,
                                std::vector<MatShape>& internals) const
{
    if (skipped_)
    {
        std::vector<MatShape> single = inputs;
        for (size_t i = 0; i < std::min(single.size(), numInputs()); i++)
            if (!single[i].empty())
                single[i][0] = 1;
        outputs = outputShapes(single);
    }
    else
        outputs = outputShapes(inputs);
    internals.clear();
    return false;  // never in place
}

int64 BaseLayer::getFLOPS(const std::vector<MatShape>& inputs, const std::vector<MatShape>& outputs) const
{
    constexpr double LARGEST = 9e18;  // below 2^63
    const double sum = operations(inputs, outputs);
    return sum > 0 ? static_cast<int64>(std::min(sum, LARGEST)) : 0;
}

void BaseLayer::forward(InputArrayOfArrays inputs, OutputArrayOfArrays outputs, OutputArrayOfArrays internals)
{
    CV_TRACE_FUNCTION();
    if (skipped_)
    {
        std::vector<Mat> out;
        outputs.getMatVector(out);
        for (Mat& m : out)
            m.setTo(Scalar::all(0));
        return;
    }
    forwardChecked(
        *this, inputs, outputs, internals, [this](const std::vector<MatShape>& shapes) { return outputShapes(shapes); },
        [this](const std::vector<Mat>& in, std::vector<Mat>& out)
        {
            run(in, out);
            recorded_.clear();
            if (recording_)
                record(in, out, recorded_);
        });
}

void BaseLayer::record(const std::vector<Mat>&, const std::vector<Mat>&, std::vector<Mat>&) const {}

#if CV_VERSION_MAJOR >= 5
void BaseLayer::getTypes(const std::vector<dnn::MatType>&, const int requiredOutputs, const int requiredInternals,
                         std::vector<dnn::MatType>& outputs, std::vector<dnn::MatType>& internals) const
{
    outputs.assign(static_cast<size_t>(requiredOutputs), CV_32F);
    internals.assign(static_cast<size_t>(requiredInternals), CV_32F);
}
#endif

// ------------------------------------------------------------------ CUDA, see cuda_node.cpp

#ifdef D2DET_HAVE_CUDA
bool BaseLayer::supportBackend(int backendId)
{
    if (backendId != dnn::DNN_BACKEND_CUDA)
        return Layer::supportBackend(backendId);
    if (!hasCuda())
        return false;
    if (preferableTarget == dnn::DNN_TARGET_CUDA_FP16)
    {
        static std::once_flag once;
        std::call_once(once,
                       []
                       {
                           CV_LOG_INFO(NULL,
                                       "d2det: boxes and scores keep float32 precision, layers of this module run "
                                       "on the CPU with DNN_TARGET_CUDA_FP16; use DNN_TARGET_CUDA");
                       });
    }
    return preferableTarget == dnn::DNN_TARGET_CUDA;
}

cuda::Status BaseLayer::runCuda(CudaPass&)
{
    layerError(*this, Error::StsNotImplemented, "has no CUDA kernels");
}

std::vector<Mat> BaseLayer::cudaConstants()
{
    std::vector<Mat> constants;
    for (size_t i = 0; i < blobs.size(); i++)
        constants.push_back(denseConstant(*this, i));
    return constants;
}

size_t BaseLayer::cudaWorkspace(const std::vector<Mat>&) const
{
    return 0;
}
#endif

}  // namespace d2det
}  // namespace cv
