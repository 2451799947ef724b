// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "network.hpp"
#include "layers/base_layer.hpp"

#include <algorithm>

namespace cv
{
namespace d2det
{

using dnn::MatShape;

namespace
{

double milliseconds(double ticks)
{
    return ticks * 1000. / getTickFrequency();
}

// ------------------------------------------------------------------ classic engine

std::vector<Network::LayerShapes> classicShapes(const dnn::Net& net, const std::map<int, Ptr<dnn::Layer>>& layers,
                                                const Network::InputShapes& inputs)
{
    std::vector<MatShape> netInputs;
    for (const auto& input : inputs)
        netInputs.push_back(input.second);
    std::vector<int> ids;
    std::vector<std::vector<MatShape>> in, out;
#if CV_VERSION_MAJOR >= 5
    net.getLayersShapes(netInputs, std::vector<int>(netInputs.size(), CV_32F), ids, in, out);
#else
    net.getLayersShapes(netInputs, ids, in, out);
#endif
    std::map<int, Network::LayerShapes> byId;
    for (size_t i = 0; i < ids.size(); i++)
    {
        const auto found = layers.find(ids[i]);
        byId[ids[i]] = {found == layers.end() ? Ptr<dnn::Layer>() : found->second, in[i], out[i]};
    }
    std::vector<Network::LayerShapes> result;
    result.reserve(byId.size());
    for (const auto& entry : byId)
        result.push_back(entry.second);
    return result;
}

// ------------------------------------------------------------------ new engine of OpenCV 5

#if CV_VERSION_MAJOR >= 5

std::vector<Network::LayerShapes> graphShapes(const dnn::Net& net, const Network::InputShapes& inputs)
{
    const Ptr<dnn::Graph> graph = net.getMainGraph();
    std::map<int, std::pair<MatShape, int>> known;  // argument -> shape, type
    for (const dnn::Arg& arg : graph->inputs())
        for (const auto& input : inputs)
            if (net.argName(arg) == input.first)
                known[arg.idx] = std::make_pair(input.second, CV_32F);

    std::vector<Network::LayerShapes> result;
    for (const auto& layer : graph->prog())
    {
        if (!layer)
            continue;
        if (layer->dynamicOutputShapes() || layer->subgraphs())
            CV_Error_(Error::StsNotImplemented, ("the shapes of layer '%s' of type '%s' depend on data",
                                                 layer->name.c_str(), layer->type.c_str()));
        Network::LayerShapes shapes;
        std::vector<int> types, outputTypes, internalTypes;
        for (const dnn::Arg& arg : layer->inputs)
        {
            const auto found = known.find(arg.idx);
            const dnn::ArgData& data = net.argData(arg);  // of a constant
            shapes.inputs.push_back(found == known.end() ? data.shape : found->second.first);
            types.push_back(found == known.end() ? data.type : found->second.second);
        }
        const int count = static_cast<int>(layer->outputs.size());
        std::vector<MatShape> internals;
        layer->getMemoryShapes(shapes.inputs, count, shapes.outputs, internals);
        layer->getTypes(types, count, static_cast<int>(internals.size()), outputTypes, internalTypes);
        for (size_t i = 0; i < layer->outputs.size() && i < shapes.outputs.size(); i++)
            known[layer->outputs[i].idx] = std::make_pair(shapes.outputs[i], outputTypes.at(i));
        shapes.layer = layer.template dynamicCast<dnn::Layer>();
        result.push_back(shapes);
    }
    return result;
}

//! Skips the layers of this module behind `last` during its lifetime.
class SkipBehind
{
public:
    SkipBehind(const std::vector<Ptr<dnn::Layer>>& layers, const Ptr<dnn::Layer>& last)
    {
        bool behind = false;
        for (const Ptr<dnn::Layer>& layer : layers)
        {
            const Ptr<BaseLayer> own = layer.dynamicCast<BaseLayer>();
            if (behind && own)
                skipped_.push_back(own);
            behind = behind || layer == last;
        }
        for (const Ptr<BaseLayer>& layer : skipped_)
            layer->skip(true);
    }
    ~SkipBehind()
    {
        for (const Ptr<BaseLayer>& layer : skipped_)
            layer->skip(false);
    }
    SkipBehind(const SkipBehind&) = delete;
    SkipBehind& operator=(const SkipBehind&) = delete;

private:
    std::vector<Ptr<BaseLayer>> skipped_;
};

#endif

}  // namespace

dnn::Net readOnnx(const std::vector<uchar>& model, int backend)
{
#if CV_VERSION_MAJOR >= 5
    if (backend != dnn::DNN_BACKEND_DEFAULT && backend != dnn::DNN_BACKEND_OPENCV && !newEngineRuns(backend))
        return dnn::readNetFromONNX(model, CLASSIC_ENGINE);
#endif
    CV_UNUSED(backend);
    return dnn::readNetFromONNX(model);
}

Network::Network(const dnn::Net& net) : net_(net)
{
    if (net_.empty() || !isClassic())
        return;
    for (const String& name : net_.getLayerNames())
    {
        const int id = net_.getLayerId(name);
        classicLayers_[id] = net_.getLayer(id);
    }
}

bool Network::isClassic() const
{
#if CV_VERSION_MAJOR >= 5
    return !net_.getMainGraph();
#else
    return true;
#endif
}

bool Network::hasOutput(const String& name) const
{
    if (isClassic())
        return net_.getLayerId(name) >= 0;
    const std::vector<String> names = net_.getUnconnectedOutLayersNames();
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<Ptr<dnn::Layer>> Network::layers() const
{
    std::vector<Ptr<dnn::Layer>> result;
#if CV_VERSION_MAJOR >= 5
    if (!isClassic())
    {
        for (const auto& layer : net_.getMainGraph()->prog())
            result.push_back(layer.template dynamicCast<dnn::Layer>());
        return result;
    }
#endif
    for (const auto& entry : classicLayers_)
        result.push_back(entry.second);
    return result;
}

std::vector<Network::LayerShapes> Network::shapes(const InputShapes& inputs) const
{
#if CV_VERSION_MAJOR >= 5
    if (!isClassic())
        return graphShapes(net_, inputs);
#endif
    return classicShapes(net_, classicLayers_, inputs);
}

std::vector<Mat> Network::forward(const std::vector<String>& outputs)
{
    std::vector<Mat> blobs;
    if (isClassic())
    {
        net_.forward(blobs, outputs);
        return blobs;
    }
    // The new engine of 5.0 gives all outputs or one.
    net_.forward(blobs);
    const std::vector<String> names = net_.getUnconnectedOutLayersNames();
    CV_CheckEQ(names.size(), blobs.size(), "one tensor for each output");
    std::vector<Mat> wanted;
    for (const String& output : outputs)
    {
        const auto found = std::find(names.begin(), names.end(), output);
        if (found == names.end())
            CV_Error_(Error::StsObjectNotFound, ("the model has no output '%s'", output.c_str()));
        wanted.push_back(blobs[static_cast<size_t>(found - names.begin())]);
    }
    return wanted;
}

Mat Network::forwardUntil(const Ptr<dnn::Layer>& last, const String& output)
{
#if CV_VERSION_MAJOR >= 5
    if (!isClassic())
    {
        const SkipBehind skip(layers(), last);
        return net_.forward(output);
    }
#endif
    CV_UNUSED(output);
    // By the name of the layer: the name of the output belongs to an Identity after the last layer of the network.
    return net_.forward(last->name);
}

std::vector<Network::LayerTime> Network::times()
{
    std::vector<double> ticks;
    net_.getPerfProfile(ticks);
    std::vector<LayerTime> result;
#if CV_VERSION_MAJOR >= 5
    if (!isClassic())
    {
        const std::vector<Ptr<dnn::Layer>> all = layers();
        for (size_t i = 0; i < all.size() && i < ticks.size(); i++)
            result.push_back({all[i], milliseconds(ticks[i])});
        return result;
    }
#endif
    for (const auto& entry : classicLayers_)  // the input layer 0 has no time
        if (entry.first > 0 && static_cast<size_t>(entry.first) <= ticks.size())
            result.push_back({entry.second, milliseconds(ticks[static_cast<size_t>(entry.first) - 1])});
    return result;
}

}  // namespace d2det
}  // namespace cv
