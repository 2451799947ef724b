// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* All operators, and kernels that are no operator of their own. An operator of kernels/operators.inc whose header is
   missing here does not compile. */

#ifndef D2DET_TEST_OPERATORS_ALL_HPP
#define D2DET_TEST_OPERATORS_ALL_HPP

#include "adaptive_weighted_pool.hpp"
#include "conv2d.hpp"
#include "deform_conv2d.hpp"
#include "deform_roi_pool.hpp"
#include "delta_box_decode.hpp"
#include "dense_box_decode.hpp"
#include "detections.hpp"
#include "gather_rows.hpp"
#include "instance_norm.hpp"
#include "nms.hpp"
#include "proposal.hpp"
#include "roi_align.hpp"
#include "roi_conv.hpp"

namespace d2det_test
{

inline const std::vector<const Operator*>& allOperators()
{
#define D2DET_OPERATOR(name, stem) static const OperatorOf<name> stem(#stem, "D2" #name);
#include "kernels/operators.inc"
    static const OperatorOf<HardNMS> nms("nms", "");
    static const OperatorOf<SoftNMS> softNMS("soft_nms", "");
    static const std::vector<const Operator*> all = {
#define D2DET_OPERATOR(name, stem) &stem,
#include "kernels/operators.inc"
        &nms, &softNMS};
    return all;
}

inline const Operator& operatorOf(const std::string& name)
{
    for (const Operator* op : allOperators())
        if (op->name() == name)
            return *op;
    throw std::invalid_argument("no operator " + name);
}

//! Operators that have a layer.
inline std::vector<const Operator*> layerOperators()
{
    std::vector<const Operator*> result;
    for (const Operator* op : allOperators())
        if (!op->layerType().empty())
            result.push_back(op);
    return result;
}

}  // namespace d2det_test

#endif
