#!/usr/bin/python3
"""How far a two-stage model of torchvision gets in cv::dnn with the module's layers (docs/onnx_models.md has the result).

usage: two_stage.py RUN_ONNX [FOLDER]      RUN_ONNX: the built program d2det_run_onnx; the files go to FOLDER

Takes fasterrcnn_mobilenet_v3_large_320_fpn with random weights. Tries the whole export, then the parts that work: trunk
(backbone, pyramid, RPN convolutions), RoI head (RoiAlign of two levels, FCs) and the final NMS, each compared with torch.
Needs Debian's python3-torchvision and python3-onnx.
"""
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
import torchvision
from onnx import numpy_helper

OPSET = 11  # of the parts; from 13 on Squeeze has its axes as an input, which OpenCV 4.6 does not read


class Trunk(torch.nn.Module):
    """Normalized image [1, 3, H, W] -> pyramid levels and the RPN's maps of each."""

    def __init__(self, model):
        super().__init__()
        self.backbone, self.rpn = model.backbone, model.rpn.head

    def forward(self, image):
        features = list(self.backbone(image).values())
        scores, deltas = self.rpn(features)
        return (*features[:2], *scores, *deltas)


class RoiAlign(torch.autograd.Function):
    """torchvision.ops.roi_align with boxes and batch indices apart, as ONNX has them: exported by itself it cuts them out of
    one tensor with a Gather of four columns, which OpenCV reads from 4.7 on only."""

    @staticmethod
    def symbolic(g, maps, boxes, batch, size, scale, samples):
        return g.op('RoiAlign', maps, boxes, batch, output_height_i=size, output_width_i=size, spatial_scale_f=scale,
                    sampling_ratio_i=samples)

    @staticmethod
    def forward(ctx, maps, boxes, batch, size, scale, samples):
        return torchvision.ops.roi_align(maps, torch.cat([batch[:, None].float(), boxes], 1), size, scale, samples)


class Head(torch.nn.Module):
    """RoIs of each level -> class probabilities and box deltas, rows of the first level first.

    Which RoI belongs to which level is the caller's part: in a whole export it takes NonZero and ScatterElements."""

    def __init__(self, model, scales):
        super().__init__()
        self.head, self.predictor, self.scales = model.roi_heads.box_head, model.roi_heads.box_predictor, scales

    def forward(self, map0, map1, boxes0, boxes1, batch0, batch1):
        pooled = [RoiAlign.apply(map0, boxes0, batch0, 7, self.scales[0], 2),
                  RoiAlign.apply(map1, boxes1, batch1, 7, self.scales[1], 2)]
        logits, deltas = self.predictor(self.head(torch.cat(pooled)))
        return logits.softmax(-1), deltas


class Nms(torch.nn.Module):
    """Boxes [N, 4] and scores [N] -> what NonMaxSuppression selects."""

    def forward(self, boxes, scores):
        return torchvision.ops.nms(boxes, scores, 0.5)


def write_tensor(path, tensor):
    with open(path, 'wb') as f:
        f.write(numpy_helper.from_array(np.ascontiguousarray(tensor.detach().numpy())).SerializeToString())


def run(program, *arguments):
    result = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    return result.returncode, lines


def try_part(program, folder, name, module, inputs):
    """Exports a part, runs it in cv::dnn and compares its outputs with torch's."""
    names = [f'in{i}' for i in range(len(inputs))]
    path = f'{folder}/{name}.onnx'
    module.eval()  # the export puts a module back into the mode it had, and its parts with it
    with torch.no_grad():
        outputs = module(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    torch.onnx.export(module, inputs, path, opset_version=OPSET, input_names=names,
                      output_names=[f'out{i}' for i in range(len(outputs))])
    arguments = [path]
    for kind, tensors in (('in', inputs), ('out', outputs)):
        for i, tensor in enumerate(tensors):
            write_tensor(f'{path}.{kind}{i}.pb', tensor)
            arguments.append(f'{kind}{i}={path}.{kind}{i}.pb')
        if kind == 'in':
            arguments.append('--')
    status, lines = run(program, *arguments)
    print(f'{name}, opset {OPSET}: ' + ('same as torch' if status == 0 else 'DIFFERENT' if status == 1 else 'STOPS'))
    for line in lines:
        print('   ', line[:300])
    return status == 0


def scatter_weights(model):
    """Random values everywhere: torch.onnx merges equal weights through Identity nodes, which OpenCV 4.6 cannot read, and
    an untrained batch normalization has nothing but zeros and ones."""
    for tensor in model.state_dict().values():
        if tensor.dtype == torch.float32 and (tensor == tensor.flatten()[0]).all():
            tensor.uniform_(0.5, 1.5)


def main(program, folder):
    torch.manual_seed(0)
    model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=5).eval()
    scatter_weights(model)
    for opset in (11, 16):
        path = f'{folder}/whole{opset}.onnx'
        torch.onnx.export(model, ([torch.rand(3, 320, 320)],), path, opset_version=opset)
        print(f'whole model, opset {opset}: stops with\n   ', run(program, path)[1][-1][:300])
    image = torch.rand(1, 3, 320, 320)
    with torch.no_grad():
        maps = list(model.backbone(image).values())[:2]
    scales = [m.shape[-1] / 320 for m in maps]
    corner = torch.rand(30, 2) * 200
    boxes = torch.cat([corner, corner + 10 + torch.rand(30, 2) * 110], 1)
    batch = torch.zeros(30, dtype=torch.int64)
    head_inputs = (*maps, boxes[:20], boxes[20:], batch[:20], batch[20:])
    good = True
    good &= try_part(program, folder, 'trunk', Trunk(model), (image,))
    good &= try_part(program, folder, 'head', Head(model, scales), head_inputs)
    good &= try_part(program, folder, 'nms', Nms(), (boxes, torch.rand(30)))
    return 0 if good else 1


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    warnings.filterwarnings('ignore')
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else temporary))
