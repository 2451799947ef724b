// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "dataset/augment.hpp"

#include "dataset/compose.hpp"
#include "dataset/geometry.hpp"
#include "dataset/pixel_effects.hpp"

#include <array>
#include <cmath>

namespace d2det
{

namespace
{

//! What is off draws no number: a run without it sees the images that it saw before there was such a key.
bool happens(Random& random, double probability)
{
    return probability > 0 && random.uniform() < probability;
}

template <class T>
double drawFrom(Random& random, const std::vector<T>& limits)
{
    return random.uniform(static_cast<double>(limits[0]), static_cast<double>(limits[1]));
}

double drawFactor(Random& random, double strength)
{
    return random.uniform(1 - strength, 1 + strength);
}

void compose(Sample& sample, const AugmentConfig& config, Random& random, const KeepRule& rule,
             const AugmentSource& source)
{
    if (happens(random, config.mosaic))
    {
        const std::array<Sample, 4> images{sample, source.another(random), source.another(random),
                                           source.another(random)};
        Sample result = mosaic(images, sample.image.size(), random, rule);
        if (!result.boxes.empty() || sample.boxes.empty())
            sample = std::move(result);
    }
    if (happens(random, config.copyPaste))
        copyPaste(sample, source.another(random), random, config, rule);
}

void move(Sample& sample, const AugmentConfig& config, Random& random, const KeepRule& rule, const cv::Scalar& fill)
{
    if (happens(random, config.zoom))
        zoomRandomly(sample, random, config, rule, fill);
    if (happens(random, config.affine))
        warpRandomly(sample, random, config, rule, fill);
    if (happens(random, config.rightAngle))
        turnRight(sample, static_cast<int>(random.below(3)) + 1);
}

void changeValues(cv::Mat& image, const AugmentConfig& config, Random& random)
{
    if (happens(random, config.color))
    {
        const double brightness = drawFactor(random, config.brightness), contrast = drawFactor(random, config.contrast),
                     saturation = drawFactor(random, config.saturation);
        changeColor(image, brightness, contrast, saturation, random.uniform(-config.hue, config.hue));
    }
    if (happens(random, config.blur))
        blur(image, drawFrom(random, config.blurSigma));
    if (happens(random, config.noise))
    {
        const double sigma = drawFrom(random, config.noiseSigma);
        addNoise(image, random, sigma);
    }
    if (happens(random, config.jpeg))
        compressJpeg(image, cvRound(drawFrom(random, config.jpegQuality)));
}

}  // namespace

cv::Scalar fillColor(const InputConfig& input)
{
    const bool rgb = input.channelOrder == ChannelOrder::RGB;
    return {input.mean[rgb ? 2 : 0], input.mean[1], input.mean[rgb ? 0 : 2]};
}

void augment(Sample& sample, const DataConfig& config, Random& random, const AugmentSource& source)
{
    const AugmentConfig& more = config.augment;
    const KeepRule rule{more.minVisible, double(config.minSide)};
    compose(sample, more, random, rule, source);
    const bool cropped = random.uniform() < config.randomCrop;
    const bool flipped = random.uniform() < config.flip;
    if (cropped)
        cropRandomly(sample, random, config.cropMinScale, config.minSide, more.cropKeep);
    move(sample, more, random, rule, source.fill);
    if (flipped)
        flipHorizontal(sample);
    if (happens(random, more.verticalFlip))
        flipVertical(sample);
    if (config.colorJitter > 0)
        jitterColor(sample.image, random, config.colorJitter);
    changeValues(sample.image, more, random);
}

}  // namespace d2det
