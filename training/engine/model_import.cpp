// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Import of models (model_import.hpp). */

#include "engine/model_import.hpp"

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <set>

namespace d2det
{

namespace
{

std::vector<std::string> storedClassNames(const TensorFile& file)
{
    const auto found = file.metadata.find(CLASS_NAMES_KEY);
    if (found == file.metadata.end())
        return {};
    std::vector<std::string> names = splitLines(found->second);
    while (!names.empty() && names.back().empty())
        names.pop_back();
    return names;
}

std::string listed(const std::vector<std::string>& names)
{
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : "; ") + name;
    return text;
}

[[noreturn]] void refuseUnknown(const TensorMap& tensors)
{
    std::vector<std::string> first;
    for (const auto& item : tensors)
        if (first.size() < 4)
            first.push_back(item.first);
    fail("the tensors have names of no known network, for example " + listed(first) +
         "; known are ResNet, MobileNetV2, Faster and Mask R-CNN of torchvision and the release of D2Det");
}

//! Names of the backbone's tensors without "backbone.".
TensorMap withoutPrefix(const TensorMap& tensors)
{
    const std::string prefix = "backbone.";
    TensorMap backbone;
    for (const auto& item : tensors)
        backbone[startsWith(item.first, prefix) ? item.first.substr(prefix.size()) : item.first] = item.second;
    return backbone;
}

//! Epsilon of batch norm in the program that trained the file.
double epsilonOf(const TensorFile& file, WeightFamily family, const ModelConfig& config)
{
    if (family != WeightFamily::OWN && family != WeightFamily::UNKNOWN)
        return publishedEpsilon(family, file.tensors);
    return file.metadata.count("config") ? checkpointConfig(file).model.backbone.normEpsilon
                                         : config.backbone.normEpsilon;
}

NameOptions nameOptions(const TensorFile& file, WeightFamily family, const ModelConfig& config)
{
    NameOptions options;
    options.family = family;
    options.foldNorms = config.backbone.norm == BackboneNorm::NONE;
    options.fileEpsilon = epsilonOf(file, family, config);
    options.modelEpsilon = config.backbone.normEpsilon;
    return options;
}

TensorMap filledWeights(const torch::nn::Module& module, const std::string& prefix)
{
    TensorMap weights;
    for (const auto& item : namedTensors(module))
        weights[prefix + item.first] = item.second.detach().to(torch::kFloat).contiguous().clone();
    return weights;
}

}  // namespace

ImportResult importModel(const TensorFile& file, const ImportOptions& options)
{
    ImportResult result;
    result.family = recognizeFamily(file.tensors);
    if (result.family == WeightFamily::UNKNOWN)
        refuseUnknown(file.tensors);
    if (result.family == WeightFamily::OWN)
        fail("the file has the names of this project already: d2det_export writes the ONNX file of a checkpoint");
    result.foreign = foreignParts(file.tensors, result.family);
    if (!result.foreign.empty() && !options.partial)
        fail("the network has parts that this project does not have: " + listed(result.foreign) +
             "; --partial imports the rest");
    const std::vector<std::string> stored = storedClassNames(file);
    ImportedModel published =
        modelOfWeights(file.tensors, result.family, options.classNames.empty() ? stored : options.classNames);
    result.notes = published.notes;
    result.config.model = published.config;
    if (options.normEpsilon)
        result.config.model.backbone.normEpsilon = *options.normEpsilon;
    for (const std::string& change : options.overrides)
        applyOverride(result.config, change);
    checkConfig(result.config);

    const ModelConfig& model = result.config.model;
    NameOptions names = nameOptions(file, result.family, model);
    names.classRows = published.classRows;
    if (options.normEpsilon)
        names.fileEpsilon = *options.normEpsilon;
    NamedWeights weights = renameWeights(file.tensors, names);
    result.notes.insert(result.notes.end(), weights.notes.begin(), weights.notes.end());

    result.backboneOnly = isBackboneOnly(result.family);
    if (result.backboneOnly)
    {
        Backbone backbone(model.backbone);
        result.report = initializeModel(*backbone, withoutPrefix(weights.tensors));
        result.weights = filledWeights(*backbone, "backbone.");
    }
    else
    {
        result.model = Detector(model);
        result.report = initializeModel(*result.model, weights.tensors);
        result.model->eval();
        result.weights = filledWeights(*result.model, "");
    }
    result.report.unused.insert(result.report.unused.end(), weights.unused.begin(), weights.unused.end());
    return result;
}

NamedWeights weightsForModel(const TensorFile& file, const ModelConfig& config)
{
    const TensorMap tensors = modelWeights(file);
    const WeightFamily family = recognizeFamily(tensors);
    NameOptions options = nameOptions(file, family, config);
    const int64_t rows = classifierRows(tensors, family);
    if (rows > 1)
    {
        std::vector<std::string> names = storedClassNames(file);
        if (static_cast<int64_t>(names.size()) != rows - 1)
            names = classNamesOfRows(rows, {});
        for (const std::string& name : config.classNames)
        {
            const auto found = std::find(names.begin(), names.end(), name);
            if (found != names.end())
                options.classRows.push_back(found - names.begin() + 1);
        }
        if (options.classRows.size() != config.classNames.size())
            options.classRows.clear();
    }
    return renameWeights(tensors, options);
}

std::vector<std::string> unfilledNorms(DetectorImpl& model, const std::vector<std::string>& filled)
{
    const std::set<std::string> known(filled.begin(), filled.end());
    std::vector<std::string> norms;
    for (const auto& item : model.named_modules())
        if (item.value()->as<torch::nn::BatchNorm2dImpl>() && !known.count(item.key() + ".running_var"))
            norms.push_back(item.key());
    return norms;
}

}  // namespace d2det
