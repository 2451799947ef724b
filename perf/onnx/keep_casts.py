#!/usr/bin/python3
"""Makes files of torch.onnx readable by OpenCV 5.0, whose importer merges Mul and a following Cast into the Mul and so
loses the integer type (docs/onnx_models.md): puts an Identity between the two.

usage: keep_casts.py MODEL.onnx RESULT.onnx      Needs Debian's python3-onnx.
"""
import sys

import onnx


def main():
    model = onnx.load(sys.argv[1])
    nodes = model.graph.node
    products = {node.output[0] for node in nodes if node.op_type == 'Mul'}
    changed, count = [], 0
    for node in nodes:
        if node.op_type == 'Cast' and node.input[0] in products:
            kept = f'{node.input[0]}_kept_{count}'
            changed.append(onnx.helper.make_node('Identity', [node.input[0]], [kept], name=kept))
            node.input[0] = kept
            count += 1
        changed.append(node)
    del nodes[:]
    nodes.extend(changed)
    onnx.save(model, sys.argv[2])
    print(f'{count} casts kept')


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
