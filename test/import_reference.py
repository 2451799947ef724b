#!/usr/bin/env python3
# This file is part of OpenCV project.
# It is subject to the license terms in the LICENSE file found in the top-level directory
# of this distribution and at http://opencv.org/license.html.

"""Checkpoints with the names of other projects and what their networks compute: what test_import.cpp compares with.

Usage: import_reference.py FOLDER trunks|torchvision|second|release
Writes files NAME.pth as torch.save makes them, and NAME.safetensors with inputs and results of NAME.

  trunks       resnet18, resnet50, resnext50_32x4d, mobilenet_v2 of torchvision: feature maps of four stages
  torchvision  maskrcnn_resnet50_fpn and fasterrcnn_resnet50_fpn in the published structure with random weights: pyramid,
               maps of the RPN, boxes, scores, labels, masks
  second       the same for maskrcnn_resnet50_fpn_v2 and fasterrcnn_resnet50_fpn_v2, with the features behind the fully
               connected layer of the box head
  release      a narrow detector under the names of D2Det's release (docs/model.md 8), computed here from the formulas in
               docs/model.md 1.7, 2, 3 and 4 alone
"""

import sys
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import mobilenet_v2, resnet18, resnet50, resnext50_32x4d
from torchvision.models.detection import (fasterrcnn_resnet50_fpn, fasterrcnn_resnet50_fpn_v2, maskrcnn_resnet50_fpn,
                                          maskrcnn_resnet50_fpn_v2)
from torchvision.models.detection._utils import overwrite_eps
from torchvision.ops import roi_align

from torchvision_reference import save

MEAN = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
STD = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)


def randomize(model):
    """Weights that keep the size of what flows through them, and norms that are not neutral."""
    for name, value in list(model.named_parameters()) + list(model.named_buffers()):
        if value.dim() == 0:
            continue
        layer = name.split(".")[-2]
        norm = value.dim() == 1 and ("bn" in name or layer in ("gn", "norm1") or layer.isdigit())
        if "running_var" in name:
            value.data.uniform_(0.5, 2.0)
        elif norm and name.endswith("weight"):
            value.data.uniform_(0.5, 0.9)
        elif value.dim() == 1:
            value.data.normal_(0, 0.1)
        else:
            fan = value.shape[0] if "conv5_mask" in name else value[0].numel()
            value.data.normal_(0, (2.0 / fan) ** 0.5)


def smooth_image(height, width, seed):
    """uint8 [3, H, W], RGB."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 3, height // 16, width // 16, generator=generator)
    image = F.interpolate(noise, (height, width), mode="bilinear", align_corners=False)[0]
    return (image * 60 + 128).clamp(0, 255).round().to(torch.uint8)


def normalized(image):
    return ((image.float() - MEAN) / STD).unsqueeze(0)


# ------------------------------------------------------------------ trunks


def trunks(folder):
    x = normalized(smooth_image(64, 96, 1))
    for name, make in (("resnet18", resnet18), ("resnet50", resnet50), ("resnext50_32x4d", resnext50_32x4d),
                       ("mobilenet_v2", mobilenet_v2)):
        torch.manual_seed(3)
        model = make(weights=None)
        randomize(model)
        model.eval()
        maps, y = [], x
        if name == "mobilenet_v2":
            model.features[0][1].weight.data.mul_(8)  # values above 6, where ReLU6 ends
            for i, layer in enumerate(model.features):
                y = layer(y)
                if i in (3, 6, 13, 17):
                    maps.append(y)
        else:
            y = model.maxpool(model.relu(model.bn1(model.conv1(x))))
            for layer in (model.layer1, model.layer2, model.layer3, model.layer4):
                y = layer(y)
                maps.append(y)
        torch.save(model.state_dict(), "%s/%s.pth" % (folder, name))
        save("%s/%s.safetensors" % (folder, name),
             OrderedDict([("image", x)] + [("map%d" % i, m) for i, m in enumerate(maps)]), {})


# ------------------------------------------------------------------ torchvision's detectors

HEIGHT, WIDTH = 224, 288
# Ids that COCO does not use, torchvision's "N/A".
UNUSED = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]


def scale_outputs(model, images):
    """Scores and boxes of all kinds."""
    head = model.roi_heads
    targets = [(model.rpn.head.cls_logits, 2.0), (model.rpn.head.bbox_pred, 0.3),
               (head.box_predictor.cls_score, 2.5), (head.box_predictor.bbox_pred, 1.0)]
    if head.has_mask():
        targets.append((head.mask_predictor.mask_fcn_logits, 2.0))
    for layer, wanted in targets:
        seen = []
        hook = layer.register_forward_hook(lambda _m, _i, out: seen.append(out.flatten()))
        model(images)
        hook.remove()
        factor = wanted / torch.cat(seen).std()
        layer.weight.mul_(factor)
        layer.bias.mul_(factor)


def detect(model, image, path):
    with torch.no_grad():
        batch, _ = model.transform([image.float() / 255])
        features = model.backbone(batch.tensors)
        logits, deltas = model.rpn.head(list(features.values()))
        proposals, _ = model.rpn(batch, features)
        found, _ = model.roi_heads(features, proposals, batch.image_sizes)
        pooled = model.roi_heads.box_roi_pool(features, proposals, batch.image_sizes)
        behind = model.roi_heads.box_head(pooled)
    tensors = OrderedDict([("image", batch.tensors), ("proposals", proposals[0]), ("pixels", image),
                           ("box_features", behind)])
    for i, (feature, logit, delta) in enumerate(zip(features.values(), logits, deltas)):
        tensors["pyramid%d" % i], tensors["logit%d" % i], tensors["delta%d" % i] = feature, logit, delta
    tensors.update(found[0])
    save(path, tensors, {})


def old_names(state):
    """Names of the files that torchvision published before version 0.13."""
    out = OrderedDict()
    for name, value in state.items():
        for i in range(4):
            name = name.replace("mask_head.%d.0." % i, "mask_head.mask_fcn%d." % (i + 1))
            for blocks in ("inner_blocks", "layer_blocks"):
                name = name.replace("%s.%d.0." % (blocks, i), "%s.%d." % (blocks, i))
        out[name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")] = value
    return out


OPTIONS = dict(weights=None, weights_backbone=None, min_size=HEIGHT, max_size=WIDTH,
               rpn_pre_nms_top_n_test=300, rpn_post_nms_top_n_test=100)


@torch.no_grad()
def torchvision(folder):
    image = smooth_image(HEIGHT, WIDTH, 2)
    for name, make, classes in (("mask", maskrcnn_resnet50_fpn, 91), ("faster", fasterrcnn_resnet50_fpn, 4)):
        torch.manual_seed(5)
        model = make(num_classes=classes, **OPTIONS).eval()
        overwrite_eps(model, 0.0)
        randomize(model)
        scale_outputs(model, [image.float() / 255])
        if classes == 91:  # as in a trained network, classes without examples get no probability
            model.roi_heads.box_predictor.cls_score.bias[UNUSED] = -100.0
        state = model.state_dict()
        if name == "mask":
            torch.save(state, folder + "/mask.pth")
            torch.save(old_names(state), folder + "/mask_old.pth", _use_new_zipfile_serialization=False)
        else:
            wrapped = OrderedDict(("module." + key, value) for key, value in state.items())
            torch.save({"model": wrapped, "epoch": 3}, folder + "/faster.pth", _use_new_zipfile_serialization=False)
        detect(model, image, "%s/%s.safetensors" % (folder, name))


def small_variances(model):
    """Running variances as trained networks have them, from 1e-6 on, where an epsilon of 1e-5 counts. Convolutions and
    running means are scaled along: what the norms give stays of the same size."""
    for module in model.modules():
        layers = list(module.children())
        for conv, norm in zip(layers, layers[1:]):
            if isinstance(norm, nn.BatchNorm2d):
                variance = 10 ** torch.empty_like(norm.running_var).uniform_(-6, 0)
                norm.running_var.copy_(variance)
                norm.running_mean.mul_(variance.sqrt())
                conv.weight.mul_(variance.sqrt().view(-1, 1, 1, 1))


@torch.no_grad()
def second(folder):
    image = smooth_image(HEIGHT, WIDTH, 2)
    for name, make, classes in (("mask2", maskrcnn_resnet50_fpn_v2, 91), ("faster2", fasterrcnn_resnet50_fpn_v2, 4)):
        torch.manual_seed(5)
        model = make(num_classes=classes, **OPTIONS).eval()
        randomize(model)
        small_variances(model)
        scale_outputs(model, [image.float() / 255])
        if classes == 91:
            model.roi_heads.box_predictor.cls_score.bias[UNUSED] = -100.0
        torch.save(model.state_dict(), "%s/%s.pth" % (folder, name))
        detect(model, image, "%s/%s.safetensors" % (folder, name))


# ------------------------------------------------------------------ D2Det's release

CHANNELS, HIDDEN, BOX_CHANNELS, CLASSES = 32, 48, 64, 5
CONVS = 3


def deform_pool(features, rois, levels, size, samples, offsets=None, gamma=0.1):
    """model.md 3.2, legacy: rounded RoIs, samples in the corners of the sub-bins."""
    out = []
    for r, roi in enumerate(rois):
        f = features[levels[r]][0]
        height, width = f.shape[1:]
        s = 1.0 / (4 << levels[r])
        x0, y0 = torch.floor(roi[0] + 0.5) * s - 0.5, torch.floor(roi[1] + 0.5) * s - 0.5
        w = torch.clamp((torch.floor(roi[2] + 0.5) + 1) * s - 0.5 - x0, min=0.1)
        h = torch.clamp((torch.floor(roi[3] + 0.5) + 1) * s - 0.5 - y0, min=0.1)
        step = torch.arange(size * samples) / samples  # in bins
        u = (x0 + step * (w / size)).view(1, -1).expand(size * samples, -1)
        v = (y0 + step * (h / size)).view(-1, 1).expand(-1, size * samples)
        if offsets is not None:
            grow = size * samples // offsets.shape[2]
            shift = offsets[r].repeat_interleave(grow, 1).repeat_interleave(grow, 2)
            u, v = u + gamma * shift[0] * w, v + gamma * shift[1] * h
        valid = ((u >= -0.5) & (u <= width - 0.5) & (v >= -0.5) & (v <= height - 0.5)).float()
        u, v = u.clamp(0, width - 1), v.clamp(0, height - 1)
        xa, ya = u.floor().long(), v.floor().long()
        xb, yb = u.ceil().long(), v.ceil().long()
        fx, fy = u - xa, v - ya
        value = ((1 - fx) * (1 - fy) * f[:, ya, xa] + (1 - fx) * fy * f[:, yb, xa] + fx * (1 - fy) * f[:, ya, xb]
                 + fx * fy * f[:, yb, xb]) * valid
        total = F.avg_pool2d(value.unsqueeze(0), samples)[0]
        share = F.avg_pool2d(valid.view(1, 1, *valid.shape), samples)[0]
        out.append(torch.where(share > 0, total / share.clamp(min=1e-9), torch.zeros_like(total)))
    return torch.stack(out)


class Release(nn.Module):
    """Parameters under the released names. The backbone is a ResNet-18 to keep the file small."""

    def __init__(self):
        super().__init__()
        self.backbone = resnet18(weights=None)
        del self.backbone.fc
        unit = lambda cin, k: nn.ModuleDict({"conv": nn.Conv2d(cin, CHANNELS, k, padding=k // 2)})
        self.neck = nn.ModuleDict({
            "lateral_convs": nn.ModuleList([unit(c, 1) for c in (64, 128, 256, 512)]),
            "fpn_convs": nn.ModuleList([unit(CHANNELS, 3) for _ in range(4)])})
        self.rpn_head = nn.ModuleDict({
            "rpn_conv": nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), "rpn_cls": nn.Conv2d(CHANNELS, 3, 1),
            "rpn_reg": nn.Conv2d(CHANNELS, 12, 1)})
        layer = lambda: nn.ModuleDict({
            "offset_fc": nn.Sequential(nn.Linear(CHANNELS * 9, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN),
                                       nn.ReLU(), nn.Linear(HIDDEN, 98)),
            "awp": nn.ModuleDict({"weight": nn.ModuleDict({
                "conv": nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False),
                "bn": nn.InstanceNorm2d(CHANNELS, affine=True)})})})
        self.bbox_roi_extractor = nn.ModuleDict({"roi_layers": nn.ModuleList([layer() for _ in range(4)])})
        self.bbox_head = nn.ModuleDict({
            "shared_fcs": nn.ModuleList([nn.Linear(CHANNELS * 49, HIDDEN), nn.Linear(HIDDEN, HIDDEN)]),
            "fc_cls": nn.Linear(HIDDEN, CLASSES + 1)})
        self.D2Det_head = nn.ModuleDict({
            "convs": nn.ModuleList([nn.ModuleDict({
                "conv": nn.Conv2d(CHANNELS if i == 0 else BOX_CHANNELS, BOX_CHANNELS, 3, 2 if i == 0 else 1, 1,
                                  bias=False),
                "gn": nn.GroupNorm(BOX_CHANNELS // 16, BOX_CHANNELS)}) for i in range(CONVS)]),
            "D2Det_reg": nn.Conv2d(BOX_CHANNELS, 4, 3, padding=1),
            "D2Det_mask": nn.Conv2d(BOX_CHANNELS, 1, 3, padding=1),
            "deconv1": nn.ConvTranspose2d(BOX_CHANNELS, CHANNELS, 2, 2), "norm1": nn.GroupNorm(16, CHANNELS),
            "deconv2": nn.ConvTranspose2d(CHANNELS, CHANNELS, 2, 2),
            "D2Det_instance": nn.Conv2d(CHANNELS, CLASSES + 1, 3, padding=1),
            "fcs": nn.ModuleList([nn.Linear((BOX_CHANNELS + 1) * 49, HIDDEN), nn.Linear(HIDDEN, HIDDEN)]),
            "fc_instance_iou": nn.Linear(HIDDEN, CLASSES + 1)})

    def pyramid(self, x):
        b, maps = self.backbone, []
        y = b.maxpool(b.relu(b.bn1(b.conv1(x))))
        for stage in (b.layer1, b.layer2, b.layer3, b.layer4):
            y = stage(y)
            maps.append(y)
        merged = [unit["conv"](m) for unit, m in zip(self.neck["lateral_convs"], maps)]
        for i in (2, 1, 0):
            merged[i] = merged[i] + F.interpolate(merged[i + 1], size=merged[i].shape[2:], mode="nearest")
        out = [unit["conv"](m) for unit, m in zip(self.neck["fpn_convs"], merged)]
        return out + [F.max_pool2d(out[-1], 1, 2)]

    def classify(self, pyramid, rois, levels):
        pooled = deform_pool(pyramid, rois, levels, 3, 2)
        parts = self.bbox_roi_extractor["roi_layers"]
        offsets = torch.stack([parts[level]["offset_fc"](p.flatten()).view(2, 7, 7)
                               for level, p in zip(levels, pooled)])
        fine = deform_pool(pyramid, rois, levels, 14, 2, offsets)
        rows = []
        for level, f in zip(levels, fine.split(1)):
            weight = parts[level]["awp"]["weight"]
            a = torch.exp(12 * torch.sigmoid(weight["bn"](weight["conv"](f))) - 6)
            # Sums over 3x3 windows of stride 2; what is outside drops out of both.
            total, norm = (F.avg_pool2d(t, 3, 2, 1, count_include_pad=True) for t in (f * a, a))
            rows.append(total / norm)
        x = torch.cat(rows).flatten(1)
        for fc in self.bbox_head["shared_fcs"]:
            x = F.relu(fc(x))
        return self.bbox_head["fc_cls"](x)

    def regress(self, pyramid, rois, levels):
        head, rows = self.D2Det_head, []
        for level, roi in zip(levels, rois):
            box = torch.stack([roi[0], roi[1], roi[2] + 1, roi[3] + 1]).view(1, 4)
            rows.append(roi_align(pyramid[level], [box], 14, 1.0 / (4 << level), 2, aligned=False))
        x = torch.cat(rows)
        for layer in head["convs"]:
            x = F.relu(layer["gn"](layer["conv"](x)))
        masks = F.relu(head["norm1"](head["deconv1"](x)))
        masks = head["D2Det_instance"](F.relu(head["deconv2"](masks)))
        return x, F.relu(head["D2Det_reg"](x)), head["D2Det_mask"](x), masks

    def mask_iou(self, trunk, masks, label):
        """Of one class, index in the released order."""
        small = torch.sigmoid(F.max_pool2d(masks[:, label:label + 1], 4, 4, 1))
        x = torch.cat([trunk, small], 1).flatten(1)
        for fc in self.D2Det_head["fcs"]:
            x = F.relu(fc(x))
        return self.D2Det_head["fc_instance_iou"](x)[:, label]


@torch.no_grad()
def release(folder):
    torch.manual_seed(7)
    model = Release().eval()
    randomize(model)
    for layer in model.bbox_roi_extractor["roi_layers"]:
        layer["offset_fc"][4].weight.mul_(0.3)
    x = normalized(smooth_image(192, 256, 4))
    pyramid = model.pyramid(x)
    hidden = [F.relu(model.rpn_head["rpn_conv"](p)) for p in pyramid]
    # On every level, over the border of the image, with fractions.
    rois = torch.tensor([[10.3, 20.7, 60.2, 90.9], [0, 0, 100, 100], [30.5, 12.25, 150.75, 180.5],
                         [100.1, 3.3, 255.0, 191.0], [200, 150, 255, 191], [-40, -40, 290, 240],
                         [-150, -150, 400, 340]])
    sides = torch.sqrt((rois[:, 2] - rois[:, 0] + 1) * (rois[:, 3] - rois[:, 1] + 1))
    levels = torch.floor(torch.log2(sides / 56 + 1e-6)).clamp(0, 3).long().tolist()
    assert set(levels) == {0, 1, 2, 3}, levels
    trunk, offsets, overlap, masks = model.regress(pyramid, rois, levels)
    tensors = OrderedDict([("image", x), ("rois", rois), ("scores", model.classify(pyramid, rois, levels)),
                           ("offsets", offsets), ("overlap", overlap), ("masks", masks),
                           ("iou", torch.stack([model.mask_iou(trunk, masks, k) for k in range(1, CLASSES + 1)], 1))])
    for i, (p, h) in enumerate(zip(pyramid, hidden)):
        tensors["pyramid%d" % i] = p
        tensors["logit%d" % i], tensors["delta%d" % i] = model.rpn_head["rpn_cls"](h), model.rpn_head["rpn_reg"](h)
    state = model.state_dict()
    torch.save({"meta": {"CLASSES": tuple("abcde"), "mmdet_version": "1.1.0"}, "state_dict": state},
               folder + "/release.pth")
    boxes = OrderedDict((k, v) for k, v in state.items()
                        if not any(p in k for p in ("deconv", "norm1", "instance", "D2Det_head.fcs")))
    torch.save({"state_dict": boxes}, folder + "/release_boxes.pth", _use_new_zipfile_serialization=False)
    save(folder + "/release.safetensors", tensors, {})


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"trunks": trunks, "torchvision": torchvision, "second": second, "release": release}[sys.argv[2]](sys.argv[1])
