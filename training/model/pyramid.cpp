// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Feature pyramid (pyramid.hpp). */

#include "model/pyramid.hpp"

namespace d2det
{

FpnImpl::FpnImpl(const FpnConfig& config, const std::vector<int64_t>& inChannels)
{
    for (size_t i = 0; i < inChannels.size(); i++)
    {
        const std::string n = std::to_string(i);
        lateral.push_back(plainConv(*this, "lateral" + n, inChannels[i], config.channels, 1));
        output.push_back(plainConv(*this, "output" + n, config.channels, config.channels, 3));
    }
    for (size_t i = 0; config.type == NeckType::PAFPN && i + 1 < inChannels.size(); i++)
    {
        const std::string n = std::to_string(i);
        down.push_back(plainConv(*this, "down" + n, config.channels, config.channels, 3, 2));
        merge.push_back(plainConv(*this, "merge" + n, config.channels, config.channels, 3));
        down.back().relu = merge.back().relu = true;
    }
    if (config.extraType == ExtraLevelType::CONV)
        for (int i = 0; i < config.extraLevels; i++)
            extra.push_back(plainConv(*this, "extra" + std::to_string(i), config.channels, config.channels, 3, 2));
    else
        maxPoolLevels = config.extraLevels;
    for (auto* list : {&lateral, &output, &down, &merge, &extra})
        for (ConvUnit& unit : *list)
            torch::nn::init::xavier_uniform_(unit.conv->weight);
}

std::vector<Tensor> FpnImpl::forward(const std::vector<Tensor>& maps)
{
    std::vector<Tensor> merged(maps.size()), pyramid;
    for (size_t i = maps.size(); i-- > 0;)
    {
        merged[i] = lateral[i].forward(maps[i]);
        if (i + 1 < maps.size())
            merged[i] = merged[i] + torch::upsample_nearest2d(merged[i + 1], {merged[i].size(2), merged[i].size(3)});
    }
    for (size_t i = 0; i < maps.size(); i++)
        pyramid.push_back(output[i].forward(merged[i]));
    for (size_t i = 0; i < down.size(); i++)
        pyramid[i + 1] = merge[i].forward(pyramid[i + 1] + down[i].forward(pyramid[i]));
    for (int i = 0; i < maxPoolLevels; i++)
        pyramid.push_back(torch::max_pool2d(pyramid.back(), 1, 2));
    for (size_t i = 0; i < extra.size(); i++)
        pyramid.push_back(extra[i].forward(i == 0 ? pyramid.back() : torch::relu(pyramid.back())));
    return pyramid;
}

}  // namespace d2det
