// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Files of weights of other projects -> models of this one (d2det_import, d2det_train --init). */

#ifndef D2DET_TRAINING_MODEL_IMPORT_HPP
#define D2DET_TRAINING_MODEL_IMPORT_HPP

#include "engine/published_models.hpp"
#include "engine/weight_file.hpp"
#include "model/detector.hpp"

#include <optional>
#include <string>
#include <vector>

namespace d2det
{

struct ImportOptions
{
    std::vector<std::string>
        classNames;                      //!< of all classes of the file, "N/A" for those to leave out; empty: published
    std::vector<std::string> overrides;  //!< "model.test.score_threshold=0.1": applied to the published configuration
    std::optional<double> normEpsilon;   //!< of the file's batch norm; default: publishedEpsilon
    bool partial = false;                //!< a model with a random rest is wanted
};

struct ImportResult
{
    WeightFamily family = WeightFamily::UNKNOWN;
    bool backboneOnly = false;  //!< the file holds a classifier for images: only `weights` with backbone.* is of use
    Config config;
    Detector model{nullptr};  //!< empty with backboneOnly
    TensorMap weights;        //!< float32, with the names of this project: all of the model, or the backbone
    LoadReport report;        //!< unused: also names that no rule takes
    std::vector<std::string> foreign, notes;
};

/** Builds the published network of the file and fills it.
    Throws Error if the names are unknown or the network has parts that are missing here; with `partial` such parts are
    left out and listed. */
ImportResult importModel(const TensorFile& file, const ImportOptions& options);

/** Weights for a configured model, whatever names the file has: renamed, batch norm folded where the model has none,
    rows of the classifier chosen by the names of the classes where the file knows all of them. */
NamedWeights weightsForModel(const TensorFile& file, const ModelConfig& config);

/** Batch norms that stay in eval mode with their initial statistics (0, 1), because no file filled them, over weights
    that a file did not fill either. @param filled names of the parameters and buffers that were. */
std::vector<std::string> unfilledNorms(DetectorImpl& model, const std::vector<std::string>& filled);

}  // namespace d2det

#endif
