// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Registration of the module's layers, kernels/operators.inc, with cv::dnn.

   In OpenCV 4.x the importer forms the type "d2det.D2RoIAlign" from domain "d2det" and operator "D2RoIAlign"; the new
   engine of OpenCV 5 uses the name of the operator only. Each layer is registered under both names.

   For standard ONNX operators without a parser, the 4.x importer also uses the name of the operator; the layers of this
   module are registered only if no layer of that name exists. */

#include "precomp.hpp"
#include "layers/base_layer.hpp"
#include "opencv2/d2det/layers.hpp"

#include <mutex>

namespace cv
{
namespace d2det
{

namespace
{

struct LayerEntry
{
    const char* type;
    dnn::LayerFactory::Constructor constructor;
};

const LayerEntry LAYERS[] = {
#define D2DET_OPERATOR(Name, stem) {"D2" #Name, create##Name##Layer},
#include "kernels/operators.inc"
};

//! Operators of the standard ONNX domain.
const LayerEntry ONNX_LAYERS[] = {
#define D2DET_ONNX_OPERATOR(Name, type, stem) {type, createOnnx##Name##Layer},
#include "kernels/operators.inc"
};

//! LayerFactory raises an error for duplicate names, and a name may be registered elsewhere already.
void registerOnce(const String& type, dnn::LayerFactory::Constructor constructor)
{
    if (!dnn::LayerFactory::isLayerRegistered(type))
        dnn::LayerFactory::registerLayer(type, constructor);
}

}  // namespace

void registerLayers()
{
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    for (const LayerEntry& layer : LAYERS)
    {
        registerOnce(String("d2det.") + layer.type, layer.constructor);
        registerOnce(layer.type, layer.constructor);
#ifdef D2DET_HAVE_CUDA
        registerCudaExecutor(layer.type);
#endif
    }
    registerOnce("d2det.D2ReLU6", createReLU6Layer);
    registerOnce("D2ReLU6", createReLU6Layer);
    for (const LayerEntry& layer : ONNX_LAYERS)
        registerOnce(layer.type, layer.constructor);
}

}  // namespace d2det
}  // namespace cv
