// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Parameters that are not trained, by patterns of their names (solver.freeze). */

#ifndef D2DET_TRAINING_FREEZING_HPP
#define D2DET_TRAINING_FREEZING_HPP

#include <torch/nn/module.h>

#include <string>
#include <vector>

namespace d2det
{

/** Excludes parameters from the training (requires_grad = false), before a Solver is made.
    @param patterns of names of parameters as in checkpoints: `*` any text, also dots, `?` one character.
    @return names of the parameters that match. Throws Error for a pattern without a match, with names near it, and if
    nothing remains to be trained. */
std::vector<std::string> freezeParameters(torch::nn::Module& module, const std::vector<std::string>& patterns);

//! Names of the module's parameters that match one of the patterns, in alphabetical order.
std::vector<std::string> matchingParameters(const torch::nn::Module& module, const std::vector<std::string>& patterns);

}  // namespace d2det

#endif
