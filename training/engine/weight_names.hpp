// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Weights of other projects under the names, and in the layouts, of this one. What corresponds to what is in
   docs/import.md. */

#ifndef D2DET_TRAINING_WEIGHT_NAMES_HPP
#define D2DET_TRAINING_WEIGHT_NAMES_HPP

#include "engine/checkpoint.hpp"

#include <string>
#include <vector>

namespace d2det
{

//! Whose names the tensors of a file have.
enum class WeightFamily
{
    OWN,          //!< this project: backbone.*, fpn.*, class_head.*
    RESNET,       //!< torchvision's classifiers: conv1, layer1, ..
    MOBILENET,    //!< torchvision's classifiers: features.0.0, ..
    EDGETPU,      //!< MobileNetEdgeTPU by the numbers of its operations: conv00, conv01, .., sums are counted too
    TORCHVISION,  //!< torchvision's Faster and Mask R-CNN: backbone.body.*, rpn.head.*, roi_heads.*
    MMDETECTION,  //!< the release of D2Det's authors: backbone.*, neck.*, rpn_head.*, D2Det_head.*
    UNKNOWN
};

//! True if a name begins with the prefix.
bool hasPrefix(const TensorMap& tensors, const std::string& prefix);

const char* familyText(WeightFamily family);

//! Whether files of the family hold a network for ImageNet, of which only the backbone is used.
bool isBackboneOnly(WeightFamily family);

WeightFamily recognizeFamily(const TensorMap& tensors);

struct NameOptions
{
    WeightFamily family = WeightFamily::OWN;
    bool foldNorms = false;  //!< batch norm of the backbone goes into its convolutions (model.backbone.norm: none)
    //! Rows of the classifier that become classes, in this order; the background is not among them. Empty: all.
    std::vector<int64_t> classRows;
    double modelEpsilon = 1e-5;  //!< added to variances in the model
    double fileEpsilon = 1e-5;   //!< in the program that trained the file
};

struct NamedWeights
{
    TensorMap tensors;                //!< with the names of this project
    std::vector<std::string> unused;  //!< names of the file that no rule takes
    std::vector<std::string> notes;   //!< what was done to the weights, a sentence each
};

//! Epsilon of batch norm in the program that wrote a file of this family with these tensors.
double publishedEpsilon(WeightFamily family, const TensorMap& tensors);

//! Throws Error if a tensor has another shape than its place in the published network allows.
NamedWeights renameWeights(const TensorMap& tensors, const NameOptions& options);

}  // namespace d2det

#endif
