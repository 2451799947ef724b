#!/usr/bin/python3
"""Compares RoiAlign and NonMaxSuppression of the module with ONNX Runtime and torchvision on random one-node models.

usage: operators.py RUN_ONNX [CASES]      RUN_ONNX: the built program d2det_run_onnx

Needs Debian's python3-torchvision and python3-onnx and, in the current folder, `npm install --ignore-scripts
onnxruntime-node`. Prints one line per operator; the exit status is 1 if a case differs.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
import torchvision
from onnx import TensorProto, helper, numpy_helper


def boxes_xyxy(rng, n, size):
    """Boxes that partly leave the map, some empty."""
    a = rng.uniform(-0.2 * size, size, (n, 2))
    return np.concatenate([a, a + rng.uniform(0, 0.6 * size, (n, 2))], 1).astype(np.float32)


def roi_align_case(rng):
    n, c, h, w, r = rng.integers(1, 4), rng.integers(1, 20), rng.integers(3, 20), rng.integers(3, 20), rng.integers(1, 9)
    scale = float(rng.choice([1.0, 0.5, 0.0625, 0.3]))
    attributes = dict(output_height=int(rng.integers(1, 8)), output_width=int(rng.integers(1, 8)),
                      sampling_ratio=int(rng.integers(0, 4)), spatial_scale=scale, mode=str(rng.choice(['avg', 'max'])))
    opset = int(rng.choice([10, 16]))
    if opset == 16:
        attributes['coordinate_transformation_mode'] = str(rng.choice(['half_pixel', 'output_half_pixel']))
    inputs = {'X': rng.normal(size=(n, c, h, w)).astype(np.float32),
              'rois': boxes_xyxy(rng, r, max(h, w) / scale),
              'batch': rng.integers(0, n, r).astype(np.int64)}
    expected = None
    if attributes['mode'] == 'avg':
        x, rois, batch = (torch.from_numpy(inputs[k]) for k in ('X', 'rois', 'batch'))
        expected = torchvision.ops.roi_align(
            x, torch.cat([batch[:, None].float(), rois], 1), (attributes['output_height'], attributes['output_width']),
            scale, attributes['sampling_ratio'] or -1,
            attributes.get('coordinate_transformation_mode') == 'half_pixel').numpy()
    return 'RoiAlign', attributes, inputs, {}, opset, expected


def nms_case(rng):
    plain = rng.integers(0, 3) == 0  # as torchvision has it: one image, one class, no equal scores
    b, c, n = 1 if plain else rng.integers(1, 4), 1 if plain else rng.integers(1, 4), rng.integers(1, 80)
    center = int(rng.integers(0, 2))
    corners = np.stack([boxes_xyxy(rng, n, 10) for _ in range(b)])
    if center:
        boxes = np.concatenate([(corners[..., :2] + corners[..., 2:]) / 2, corners[..., 2:] - corners[..., :2]], -1)
    else:
        boxes = corners[..., [3, 0, 1, 2]]  # y x of two corners of any diagonal
    # Few different scores: ties are common.
    scores = (rng.permutation(n)[None, None] / n if plain else rng.integers(0, 40, (b, c, n)) / 40).astype(np.float32)
    constants = {'max': np.array([rng.choice([1, 3, 20, 2**62])], np.int64),
                 'iou': np.array([rng.choice([0, 0.3, 0.5, 0.9])], np.float32),
                 'score': np.array([rng.choice([0, 0.5])], np.float32)}
    for name in list(constants)[2 if plain else 1 + int(rng.integers(0, 3)):]:
        del constants[name]
    expected = None
    if plain:
        keep = torchvision.ops.nms(torch.from_numpy(corners[0]), torch.from_numpy(scores[0, 0]), float(constants['iou'][0]))
        expected = np.array([[0, 0, k] for k in keep[:constants['max'][0]]], np.int64)
    inputs = {'boxes': boxes.astype(np.float32), 'scores': scores}
    return 'NonMaxSuppression', {'center_point_box': center}, inputs, constants, int(rng.choice([10, 11])), expected


def write_case(folder, name, case):
    op, attributes, inputs, constants, opset, expected = case
    types = {'float32': TensorProto.FLOAT, 'int64': TensorProto.INT64}
    output = helper.make_tensor_value_info(
        'Y', *((TensorProto.INT64, ['k', 3]) if op == 'NonMaxSuppression' else (TensorProto.FLOAT, ['r', 'c', 'h', 'w'])))
    graph = helper.make_graph(
        [helper.make_node(op, [*inputs, *constants], ['Y'], **attributes)], 'one',
        [helper.make_tensor_value_info(k, types[v.dtype.name], v.shape) for k, v in inputs.items()], [output],
        [numpy_helper.from_array(v, k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, f'{folder}/{name}.onnx')
    for key, value in inputs.items():
        write_tensor(f'{folder}/{name}_{key}.pb', value)
    if expected is not None and expected.size:
        write_tensor(f'{folder}/{name}.torchvision.pb', expected)
    tensors = {k: dict(type=v.dtype.name, dims=v.shape, data=v.ravel().tolist()) for k, v in inputs.items()}
    with open(f'{folder}/{name}.json', 'w') as f:
        json.dump(dict(model=f'{name}.onnx', inputs=tensors), f)


def write_tensor(path, value):
    with open(path, 'wb') as f:
        f.write(numpy_helper.from_array(np.ascontiguousarray(value)).SerializeToString())


def compare(program, folder, name, inputs, peer):
    """(did it agree, output of the program)"""
    command = [program, f'{folder}/{name}.onnx', *(f'{k}={folder}/{name}_{k}.pb' for k in inputs), '--',
               f'Y={folder}/{name}.{peer}.pb']
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode == 0, result.stdout + result.stderr


def main(program, count=200):
    rng = np.random.default_rng(1)
    failed = 0
    for make in (roi_align_case, nms_case):
        with tempfile.TemporaryDirectory() as folder:
            cases = {f'case{i}': make(rng) for i in range(int(count))}
            for name, case in cases.items():
                write_case(folder, name, case)
            subprocess.run(['node', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ort_run.js'), folder], check=True)
            agreed, worst = {'ort': 0, 'torchvision': 0}, 0.
            for name, case in cases.items():
                with open(f'{folder}/{name}.ort.json') as f:
                    y = json.load(f)['Y']
                if y['data']:
                    write_tensor(f'{folder}/{name}.ort.pb', np.array(y['data'], np.float32).reshape(y['dims']))
                for peer in agreed:
                    if not os.path.exists(f'{folder}/{name}.{peer}.pb'):
                        continue
                    good, text = compare(program, folder, name, case[2], peer)
                    if good:
                        agreed[peer] += 1
                        worst = max(worst, float(text.split()[-1]))
                    else:
                        failed += 1
                        print(f'{case[0]} {case[1]} {case[3]} opset {case[4]} differs from {peer}: {text}')
            print(f"{case[0]}: agrees with ONNX Runtime in {agreed['ort']} cases, with torchvision in "
                  f"{agreed['torchvision']}, largest difference {worst:g}")
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
