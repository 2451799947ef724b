// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Augmentation by names. Every preset starts from the defaults; NONE has the probability 0 for everything. */

#include "config/config.hpp"

namespace d2det
{

namespace
{

//! Of the presets with a purpose; the center rule of the defaults calls up to half of an object background.
constexpr float CROP_KEEP = 0.3f;

//! Seen from above there is no up and down, and objects of all sizes.
void setAerial(DataConfig& data)
{
    AugmentConfig& c = data.augment;
    c.cropKeep = CROP_KEEP;
    data.flip = 0.5f;
    c.verticalFlip = 0.5f;
    c.rightAngle = 0.5f;
    c.zoom = 0.5f;
    c.zoomScale = {0.5f, 2};
    c.color = 0.5f;
    c.hue = 5;
}

//! Hand-held cameras: up stays up; other light, blur, noise and compression.
void setPhoto(DataConfig& data)
{
    AugmentConfig& c = data.augment;
    c.cropKeep = CROP_KEEP;
    data.flip = 0.5f;
    c.affine = 0.3f;
    c.rotation = 7;
    c.shear = 3;
    c.color = 0.5f;
    c.brightness = c.contrast = c.saturation = 0.3f;
    c.blur = 0.1f;
    c.noise = 0.1f;
    c.jpeg = 0.2f;
}

//! A fixed camera above parts that lie in any direction; colors are a property of the part.
void setIndustrial(DataConfig& data)
{
    AugmentConfig& c = data.augment;
    c.cropKeep = CROP_KEEP;
    data.flip = 0;  // a mirrored part is another part
    c.rightAngle = 0.75f;
    c.affine = 0.5f;
    c.rotation = 10;
    c.scale = {0.95f, 1.05f};
    c.translation = 0.05f;
    c.color = 0.5f;
    c.brightness = 0.3f;
    c.contrast = 0.2f;
    c.saturation = 0;
    c.hue = 0;
    c.blur = 0.2f;
    c.noise = 0.2f;
}

}  // namespace

void applyPreset(DataConfig& data, AugmentPreset preset)
{
    const DataConfig defaults;
    data.flip = defaults.flip;
    data.colorJitter = defaults.colorJitter;
    data.randomCrop = defaults.randomCrop;
    data.cropMinScale = defaults.cropMinScale;
    data.augment = defaults.augment;
    data.augment.preset = preset;
    switch (preset)
    {
        case AugmentPreset::NONE:
            data.flip = 0;
            break;
        case AugmentPreset::DEFAULT:
            break;
        case AugmentPreset::AERIAL:
            setAerial(data);
            break;
        case AugmentPreset::PHOTO:
            setPhoto(data);
            break;
        case AugmentPreset::INDUSTRIAL:
            setIndustrial(data);
            break;
    }
}

}  // namespace d2det
