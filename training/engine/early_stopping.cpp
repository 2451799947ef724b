// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "engine/early_stopping.hpp"

#include "base/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace d2det
{

void EarlyStopping::add(double value, int64_t iteration)
{
    const bool improved = iteration_ == 0 || value > best_ + delta_;
    evaluations_ = improved ? 0 : evaluations_ + 1;
    if (!improved)
        return;
    best_ = value;
    iteration_ = iteration;
}

std::string EarlyStopping::reason() const
{
    return "early stopping, " + counted(evaluations_, "evaluation") + " in a row without a mean AP above " +
           formatNumber(best_ + delta_, 4) + " (" + formatNumber(best_, 4) + " at iteration " +
           std::to_string(iteration_) + ")";
}

void EarlyStopping::save(TensorFile& file) const
{
    if (patience_ == 0)
        return;
    std::array<char, 64> text{};  // the shortest text that reads back as the same number
    const auto end = std::to_chars(text.data(), text.data() + text.size(), best_);
    file.metadata["early_stopping_best"] = std::string(text.data(), end.ptr);
    file.metadata["early_stopping_iteration"] = std::to_string(iteration_);
    file.metadata["early_stopping_evaluations"] = std::to_string(evaluations_);
}

void EarlyStopping::load(const TensorFile& file)
{
    const auto found = file.metadata.find("early_stopping_best");
    if (patience_ == 0 || found == file.metadata.end())
        return;
    double best = 0;
    const char* const end = found->second.data() + found->second.size();
    if (std::from_chars(found->second.data(), end, best).ptr != end || !std::isfinite(best))
        fail("the metadata has no valid 'early_stopping_best'; is it a checkpoint of d2det_train?");
    best_ = best;
    iteration_ = metadataCount(file, "early_stopping_iteration");
    evaluations_ = metadataCount(file, "early_stopping_evaluations");
}

}  // namespace d2det
