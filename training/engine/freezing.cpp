// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "engine/freezing.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <set>

namespace d2det
{

namespace
{

//! Parameters and modules ("backbone.features.0.*") whose names resemble a pattern.
std::string namesNear(const std::string& pattern, const torch::nn::Module& module)
{
    std::set<std::string> known;
    for (const auto& item : module.named_parameters())
    {
        const std::string& name = item.key();
        for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
            known.insert(name.substr(0, dot) + ".*");
        known.insert(name);
    }
    std::string text;
    for (const std::string& name : nearestNames(pattern, {known.begin(), known.end()}, 3))
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace

std::vector<std::string> matchingParameters(const torch::nn::Module& module, const std::vector<std::string>& patterns)
{
    std::set<std::string> names;
    for (const std::string& pattern : patterns)
    {
        bool any = false;
        for (const auto& item : module.named_parameters())
            if (matchesPattern(item.key(), pattern))
            {
                names.insert(item.key());
                any = true;
            }
        if (!any)
            fail("solver.freeze: '" + pattern + "' matches no parameter; near are " + namesNear(pattern, module));
    }
    return {names.begin(), names.end()};
}

std::vector<std::string> freezeParameters(torch::nn::Module& module, const std::vector<std::string>& patterns)
{
    std::vector<std::string> names = matchingParameters(module, patterns);
    bool trained = false;
    for (auto& item : module.named_parameters())
    {
        if (std::binary_search(names.begin(), names.end(), item.key()))
            item.value().set_requires_grad(false);
        trained = trained || item.value().requires_grad();
    }
    if (!trained)
        fail("solver.freeze: no parameter is left to be trained");
    return names;
}

}  // namespace d2det
