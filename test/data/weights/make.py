#!/usr/bin/env python3
"""Writes the small checkpoints of this folder with PyTorch, in both formats of torch.save."""
import argparse
import collections
import os

import numpy
import torch

folder = os.path.dirname(os.path.abspath(__file__))
base = torch.arange(12.0).view(3, 4)
state = collections.OrderedDict(
    [
        ("module.matrix", base),
        ("module.transposed", base.t()),  # shares its storage with the matrix, as the next
        ("module.every_second", base[1:, ::2]),
        ("module.half", torch.tensor([1.5, -2.0, 65504.0]).half()),
        ("module.bfloat16", torch.tensor([1.5, -3.0]).bfloat16()),
        ("module.double", torch.tensor([0.1], dtype=torch.float64)),
        ("module.parameter", torch.nn.Parameter(torch.tensor([7.0, 8.0]))),
        ("module.norm.num_batches_tracked", torch.tensor(5)),
        ("module.bytes", torch.tensor([0, 255], dtype=torch.uint8)),
        ("module.flags", torch.tensor([True, False])),
        ("module.empty", torch.zeros(0, 3)),
    ]
)
state._metadata = collections.OrderedDict([("", {"version": 1})])
checkpoint = {
    "meta": {"CLASSES": ("cat", "dog"), "time": "now", "epoch": 12},
    "args": argparse.Namespace(lr=0.1),
    "best": numpy.float64(0.5),
    "state_dict": state,
    "optimizer": {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.02, "params": [0]}]},
}
torch.save(checkpoint, os.path.join(folder, "zip.pth"))
torch.save(checkpoint, os.path.join(folder, "legacy.pth"), _use_new_zipfile_serialization=False)
