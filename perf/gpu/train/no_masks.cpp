// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Mask targets cut masks with OpenCV (training/model/mask_targets.cpp). The programs of this folder are built without
   it and train no masks. */

#include "model/targets.hpp"

#include <stdexcept>

namespace d2det
{

MaskTargets maskTargets(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const MaskTargetRule&)
{
    throw std::runtime_error("this program was built without OpenCV and cannot train masks");
}

}  // namespace d2det
