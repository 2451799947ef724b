// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Golden vectors of the training functions: reading and the pass rule of operators.md 1,
     |got - expected| <= atol + rtol |expected|  for every element. */

#ifndef D2DET_TEST_GOLDEN_HPP
#define D2DET_TEST_GOLDEN_HPP

#include "shared_data.hpp"

#include <nlohmann/json.hpp>
#include <opencv2/dnn.hpp>
#include <torch/torch.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace d2det
{
namespace test
{

//! Functions run by each test program. A vector of any other function fails the completeness test.
inline const std::set<std::string>& functionsOf(const std::string& program)
{
    static const std::set<std::string> ops{"roi_align_backward", "deform_backward", "awp_backward",
                                           "awp_block_backward"},
        targets{"overlap_labels", "mask_overlap_labels", "assign_anchors", "sample_rois", "box_iou", "encode_deltas"},
        losses{"dlr_loss", "bce_loss", "smooth_l1"};
    if (program == "ops")
        return ops;
    if (program == "targets")
        return targets;
    if (program == "losses")
        return losses;
    throw std::invalid_argument("no program " + program);
}

//! One vector. Tensors are stored as float32 and returned in `type`.
struct GoldenCase
{
    std::string op, path;
    nlohmann::json attributes, tolerance, gradients;
    torch::Dtype type = torch::kFloat;

    torch::Tensor read(const std::string& file) const
    {
        const cv::Mat mat = cv::dnn::readTensorFromONNX(path + "/" + file + ".pb");
        if (mat.empty() || mat.depth() != CV_32F || !mat.isContinuous())
            throw std::runtime_error(path + "/" + file + ".pb is not a tensor of floats");
        const std::vector<int64_t> sizes(mat.size.p, mat.size.p + mat.dims);
        torch::Tensor tensor = torch::empty(sizes, torch::kFloat);
        std::memcpy(tensor.data_ptr<float>(), mat.ptr<float>(), tensor.numel() * sizeof(float));
        return tensor.to(type);
    }

    torch::Tensor input(const std::string& name) const { return read("in_" + name); }

    //! A leaf of the graph; check() compares the gradient.
    torch::Tensor leaf(const std::string& name) const { return input(name).requires_grad_(); }

    template <typename V>
    V attribute(const std::string& name, const V& fallback) const
    {
        return attributes.contains(name) ? attributes[name].get<V>() : fallback;
    }

    bool flag(const std::string& name, bool fallback) const { return attribute<int>(name, fallback) != 0; }

    //! name = output, or "grad_<input>"
    void check(const std::string& name, const torch::Tensor& got) const
    {
        const torch::Tensor expected =
            read(name.rfind("grad_", 0) == 0 ? name : "out_" + name).to(torch::kDouble).reshape(-1);
        BOOST_REQUIRE_MESSAGE(got.defined(), path << ": " << name << " is undefined");
        BOOST_REQUIRE_MESSAGE(got.numel() == expected.numel(), path << ": " << name << " has " << got.numel()
                                                                    << " values, expected " << expected.numel());
        const torch::Tensor have = got.detach().to(torch::kDouble).reshape(-1);
        const double atol = tolerance.at(name).at("atol"), rtol = tolerance.at(name).at("rtol");
        // Fails for NaN.
        const torch::Tensor good = (have - expected).abs().le(expected.abs() * rtol + atol);
        const int64_t bad = got.numel() - good.sum().item<int64_t>();
        const double worst = got.numel() > 0 ? (have - expected).abs().max().item<double>() : 0;
        BOOST_CHECK_MESSAGE(bad == 0, path << " (" << type << "): " << bad << " of " << got.numel() << " values of "
                                           << name << " are off, by up to " << worst);
    }

    //! Compares the gradients listed in the case with those of the leaves of the same name.
    void checkGradients(const std::map<std::string, torch::Tensor>& leaves) const
    {
        for (const std::string name : gradients)
        {
            BOOST_REQUIRE_MESSAGE(leaves.count(name), path << ": gradient of " << name << " is not computed");
            check("grad_" + name, leaves.at(name).grad());
        }
    }
};

inline nlohmann::json readJson(const std::filesystem::path& path)
{
    std::ifstream file(path);
    if (!file)
        throw std::runtime_error("cannot read " + path.string());
    return nlohmann::json::parse(file);
}

//! Training vectors of the given functions.
inline std::vector<GoldenCase> goldenCases(const std::set<std::string>& functions)
{
    const std::filesystem::path folder = sharedFolder() / "golden";
    const nlohmann::json index = readJson(folder / "index.json");
    std::vector<GoldenCase> cases;
    for (const nlohmann::json& vector : index.at("vectors"))
    {
        if (vector.at("kind") != "train" || !functions.count(vector.at("op")))
            continue;
        GoldenCase c;
        c.op = vector.at("op");
        c.path = (folder / vector.at("path").get<std::string>()).string();
        const nlohmann::json file = readJson(c.path + "/case.json");
        c.attributes = file.at("attributes");
        c.tolerance = file.at("tolerance");
        c.gradients = file.at("gradients");
        cases.push_back(c);
    }
    return cases;
}

//! Code for the vectors, by name of their function.
using GoldenRunners = std::map<std::string, void (*)(const GoldenCase&)>;

//! Runs all vectors of the functions of a program in float32 and float64; each function needs at least one vector.
inline void runGolden(const std::string& program, const GoldenRunners& runners)
{
    std::set<std::string> seen;
    for (GoldenCase c : goldenCases(functionsOf(program)))
        for (const torch::Dtype type : {torch::kFloat, torch::kDouble})
        {
            c.type = type;
            BOOST_TEST_CONTEXT(c.path << " in " << type)
            {
                const auto runner = runners.find(c.op);
                BOOST_REQUIRE_MESSAGE(runner != runners.end(), c.path << ": no code for " << c.op);
                runner->second(c);
            }
            seen.insert(c.op);
        }
    BOOST_CHECK(seen == functionsOf(program));
}

}  // namespace test
}  // namespace d2det

#endif
