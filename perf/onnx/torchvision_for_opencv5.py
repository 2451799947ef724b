#!/usr/bin/python3
"""Makes the two-stage detectors of torchvision, exported by torch.onnx, run in OpenCV 5.0 (docs/onnx_models.md).

* OpenCV's importer merges Mul and a following Cast into the Mul and so loses the integer type: an Identity goes between
  the two.
* torchvision 0.14 writes RoiAlign without coordinate_transformation_mode. Up to opset 15 that means the pixel
  convention of torchvision (aligned=False); from 16 on the default of ONNX is half_pixel, another one, and the boxes
  come out wrong without a word. The attribute is written.

usage: torchvision_for_opencv5.py MODEL.onnx RESULT.onnx      Needs Debian's python3-onnx.
"""
import sys

import onnx


def keep_casts(graph):
    products = {node.output[0] for node in graph.node if node.op_type == 'Mul'}
    changed, count = [], 0
    for node in graph.node:
        if node.op_type == 'Cast' and node.input[0] in products:
            kept = f'{node.input[0]}_kept_{count}'
            changed.append(onnx.helper.make_node('Identity', [node.input[0]], [kept], name=kept))
            node.input[0] = kept
            count += 1
        changed.append(node)
    del graph.node[:]
    graph.node.extend(changed)
    return count


def write_roi_align_mode(model):
    opset = max(entry.version for entry in model.opset_import if entry.domain in ('', 'ai.onnx'))
    mode = 'coordinate_transformation_mode'
    nodes = [node for node in model.graph.node
             if opset >= 16 and node.op_type == 'RoiAlign' and mode not in (a.name for a in node.attribute)]
    for node in nodes:
        node.attribute.append(onnx.helper.make_attribute(mode, 'output_half_pixel'))
    return len(nodes)


def main():
    model = onnx.load(sys.argv[1])
    print(f'{keep_casts(model.graph)} casts kept, {write_roi_align_mode(model)} RoiAlign nodes with the mode written')
    onnx.save(model, sys.argv[2])


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
