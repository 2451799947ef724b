#!/usr/bin/env python3
# This file is part of OpenCV project.
# It is subject to the license terms in the LICENSE file found in the top-level directory
# of this distribution and at http://opencv.org/license.html.

"""Faster and Mask R-CNN of torchvision with random weights: what test_torchvision.cpp compares with.

Usage: torchvision_reference.py FOLDER
Writes FOLDER/faster.safetensors and FOLDER/mask.safetensors. Each holds the weights under the names and in the
layouts of this project (docs/model.md 9.5), the two images of a batch, their objects, the training losses with
sampling that takes every anchor and RoI, and for each image boxes, scores, labels and mask probabilities.
"""

import json
import struct
import sys
from collections import OrderedDict

import torch
from torch import nn
from torchvision.models import resnet18
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

CLASSES = 3
CHANNELS = 32
HIDDEN = 64
HEIGHT, WIDTHS = 180, (250, 230)  # padded to 192 x 256
ALL = 100000  # more than there are anchors or RoIs


def make_model(masks):
    body = resnet18(norm_layer=lambda n: FrozenBatchNorm2d(n, eps=0.0))
    backbone = BackboneWithFPN(body, {"layer%d" % (i + 1): str(i) for i in range(4)}, [64, 128, 256, 512], CHANNELS)
    options = dict(
        min_size=HEIGHT, max_size=max(WIDTHS), image_mean=[0.0] * 3, image_std=[1.0] * 3,
        rpn_anchor_generator=AnchorGenerator(tuple((4 * s,) for s in (4, 8, 16, 32, 64)), ((0.5, 1.0, 2.0),) * 5),
        rpn_batch_size_per_image=ALL, box_batch_size_per_image=ALL,
        rpn_pre_nms_top_n_train=300, rpn_post_nms_top_n_train=200,
        rpn_pre_nms_top_n_test=200, rpn_post_nms_top_n_test=100,
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2),
        box_head=TwoMLPHead(CHANNELS * 49, HIDDEN),
        box_predictor=FastRCNNPredictor(HIDDEN, CLASSES + 1),
    )
    if not masks:
        return FasterRCNN(backbone, **options)
    return MaskRCNN(
        backbone, mask_roi_pool=MultiScaleRoIAlign(["0", "1", "2", "3"], 14, 2),
        mask_head=MaskRCNNHeads(CHANNELS, (CHANNELS,) * 4, 1),
        mask_predictor=MaskRCNNPredictor(CHANNELS, CHANNELS, CLASSES + 1), **options)


def randomize(model, images):
    """Random norms, and last layers scaled so that scores and boxes of all kinds appear."""
    for name, value in list(model.named_parameters()) + list(model.named_buffers()):
        if "running_var" in name or (("bn" in name or "downsample.1" in name) and "weight" in name):
            value.data.uniform_(0.7, 1.3)
        elif value.dim() == 1:
            value.data.normal_(0, 0.1)
        elif value.dim() > 1:
            fan = value[0].numel() if "mask_predictor.conv5" not in name else value.shape[0]
            value.data.normal_(0, (2.0 / fan) ** 0.5)
    head = model.roi_heads
    targets = [(model.rpn.head.cls_logits, 2.0), (model.rpn.head.bbox_pred, 0.3),
               (head.box_predictor.cls_score, 2.0), (head.box_predictor.bbox_pred, 1.0)]
    if head.has_mask():
        targets.append((head.mask_predictor.mask_fcn_logits, 2.0))
    with torch.no_grad():
        for layer, wanted in targets:
            seen = []
            hook = layer.register_forward_hook(lambda _m, _i, out: seen.append(out.flatten()))
            model.eval()(images)
            hook.remove()
            factor = wanted / torch.cat(seen).std()
            layer.weight.mul_(factor)
            layer.bias.mul_(factor)


def our_weights(model):
    """Names and layouts of this project. RoI layers have a leading axis of weight sets; background is last."""
    out = OrderedDict()

    def fc(name, layer, kernel=1, rows=None):
        weight, bias = layer.weight.data, layer.bias.data
        if rows is not None:
            weight, bias = weight[rows], bias[rows]
        out[name + ".weight"] = weight.reshape(1, weight.shape[0], -1, kernel, kernel)
        out[name + ".bias"] = bias.reshape(1, -1)

    for name, value in model.backbone.body.state_dict().items():
        out["backbone." + name] = value
    for i in range(4):
        for ours, theirs in (("lateral", model.backbone.fpn.inner_blocks), ("output", model.backbone.fpn.layer_blocks)):
            for name, value in theirs[i][0].state_dict().items():
                out["fpn.%s%d.%s" % (ours, i, name)] = value
    head = model.rpn.head
    for ours, theirs in (("conv", head.conv[0][0]), ("logit", head.cls_logits), ("delta", head.bbox_pred)):
        for name, value in theirs.state_dict().items():
            out["rpn.%s.%s" % (ours, name)] = value
    roi = model.roi_heads
    fc("class_head.fc1", roi.box_head.fc6, 7)
    fc("class_head.fc2", roi.box_head.fc7)
    fc("class_head.classifier", roi.box_predictor.cls_score, 1, list(range(1, CLASSES + 1)) + [0])
    fc("box_head.deltas", roi.box_predictor.bbox_pred, 1, list(range(4, 4 * (CLASSES + 1))))
    if roi.has_mask():
        for i in range(4):
            fc("mask_head.conv%d" % i, roi.mask_head[i][0], 3)
        up = roi.mask_predictor.conv5_mask  # [in, out, 2, 2] -> the four cells of a map one after the other
        weight = up.weight.data
        out["mask_head.upsample0.weight"] = weight.permute(1, 2, 3, 0).reshape(1, -1, weight.shape[0], 1, 1)
        out["mask_head.upsample0.bias"] = up.bias.data.reshape(1, -1)
        last = roi.mask_predictor.mask_fcn_logits
        out["mask_head.classifier.weight"] = last.weight.data[1:].reshape(CLASSES, 1, -1, 1, 1)
        out["mask_head.classifier.bias"] = last.bias.data[1:].reshape(CLASSES, 1)
    return out


def scene(generator):
    """Two images with smooth noise and rectangles, their objects with masks (ellipses)."""
    images, targets = [], []
    boxes_of = ([[20, 15, 80, 70], [70, 40, 200, 160], [150, 10, 190, 50], [100, 100, 112, 113]],
                [[10, 20, 120, 170], [130, 60, 200, 110]])
    for width, boxes in zip(WIDTHS, boxes_of):
        noise = torch.randn(1, 3, 24, 32, generator=generator)
        image = nn.functional.interpolate(noise, (HEIGHT, width), mode="bilinear", align_corners=False)[0]
        masks = torch.zeros(len(boxes), HEIGHT, width, dtype=torch.uint8)
        ys = torch.arange(HEIGHT).view(-1, 1) + 0.5
        xs = torch.arange(width).view(1, -1) + 0.5
        for k, (x1, y1, x2, y2) in enumerate(boxes):
            ellipse = ((2 * xs - x1 - x2) / (x2 - x1)) ** 2 + ((2 * ys - y1 - y2) / (y2 - y1)) ** 2 <= 1
            masks[k][ellipse] = 1
            image[:, ellipse] += torch.randn(3, 1, generator=generator)
        labels = torch.arange(len(boxes)) % CLASSES + 1
        images.append(image)
        targets.append({"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": labels, "masks": masks})
    return images, targets


def save(path, tensors, metadata):
    header, offset, blobs = {"__metadata__": metadata}, 0, []
    for name, value in tensors.items():
        blob = value.detach().contiguous().float().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for blob in blobs:
            file.write(blob)


def main(folder):
    torch.set_num_threads(1)
    for kind in ("faster", "mask"):
        torch.manual_seed(11)
        images, targets = scene(torch.Generator().manual_seed(4))
        model = make_model(kind == "mask")
        randomize(model, images)
        tensors = OrderedDict(("weights/" + name, value) for name, value in our_weights(model).items())
        losses = model.train()(images, targets)
        with torch.no_grad():
            batch, _ = model.transform(images)
            features = model.eval().backbone(batch.tensors)
            proposals, _ = model.rpn(batch, features)
            found, _ = model.roi_heads(features, proposals, batch.image_sizes)
        tensors["images"] = batch.tensors
        for i, target in enumerate(targets):
            for name, value in target.items():
                tensors["target%d/%s" % (i, name)] = value
            tensors["proposals%d" % i] = proposals[i]
            for name, value in found[i].items():
                tensors["found%d/%s" % (i, name)] = value
        for name, value in losses.items():
            tensors["loss/" + name] = value.reshape(1)
        save("%s/%s.safetensors" % (folder, kind), tensors, {"height": str(HEIGHT), "width0": str(WIDTHS[0]),
                                                             "width1": str(WIDTHS[1])})


if __name__ == "__main__":
    main(sys.argv[1])
