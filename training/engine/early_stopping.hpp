// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Early stopping: the training ends after a number of evaluations in a row (patience) without an improvement. An
   improvement is a value of more than `delta` above that of the last improvement; the first evaluation is one. */

#ifndef D2DET_TRAINING_EARLY_STOPPING_HPP
#define D2DET_TRAINING_EARLY_STOPPING_HPP

#include "engine/checkpoint.hpp"

namespace d2det
{

class EarlyStopping
{
public:
    //! @param patience 0: off.
    EarlyStopping(int patience, double delta) : patience_(patience), delta_(delta) {}

    //! Result of an evaluation; greater is better.
    void add(double value, int64_t iteration);
    //! The training is to end.
    bool exhausted() const { return patience_ > 0 && evaluations_ >= patience_; }
    std::string reason() const;  //!< for the user, if exhausted

    void save(TensorFile& file) const;  //!< metadata early_stopping_*; nothing if off
    void load(const TensorFile& file);  //!< starts anew if the checkpoint has none

private:
    int patience_;
    double delta_;
    double best_ = 0;          // value of the last improvement
    int64_t iteration_ = 0;    // of the last improvement, 0: none yet
    int64_t evaluations_ = 0;  // since then
};

}  // namespace d2det

#endif
