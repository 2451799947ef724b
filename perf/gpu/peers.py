"""Times of torchvision's roi_align and nms and PyTorch's norms, on the sizes of kernels_benchmark.cu.

usage: python3 perf/gpu/peers.py [--json FILE] [--runs N]

A measurement only, run on a GPU server beside our own kernels; nothing of the project depends on it. Inputs rotate over
sets that are larger than the second-level cache, medians of N runs by CUDA events.
"""
import argparse
import json
import math
import random
import sys

IMAGE_WIDTH, IMAGE_HEIGHT, CHANNELS, ROIS, LEVELS, WARM_UP = 1344, 800, 256, 1000, 4, 5


def random_boxes(count):
    boxes = []
    for _ in range(count):
        w, h = (math.exp(random.uniform(math.log(16), math.log(800))) for _ in range(2))
        x = random.uniform(0, max(IMAGE_WIDTH - w, 1))
        y = random.uniform(0, max(IMAGE_HEIGHT - h, 1))
        boxes.append((x, y, min(x + w, IMAGE_WIDTH), min(y + h, IMAGE_HEIGHT)))
    return boxes


def level_of(box):
    size = math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    return min(max(int(math.floor(math.log2(size / 56 + 1e-6))), 0), LEVELS - 1)


def measure(torch, functions, runs):
    times = []
    for i in range(WARM_UP + runs):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        functions[i % len(functions)]()
        stop.record()
        torch.cuda.synchronize()
        if i >= WARM_UP:
            times.append(start.elapsed_time(stop))
    times.sort()
    return {"median_ms": times[len(times) // 2], "fastest_ms": times[0]}


def align_sets(torch, ops, size, backward):
    """RoIs are split by level beforehand: only the pooling is timed."""
    functions = []
    for _ in range(3):
        boxes = random_boxes(ROIS)
        calls = []
        for level in range(LEVELS):
            own = [(0.0,) + box for box in boxes if level_of(box) == level]
            stride = 4 << level
            shape = (1, CHANNELS, IMAGE_HEIGHT // stride, IMAGE_WIDTH // stride)
            calls.append((torch.rand(shape, device="cuda", requires_grad=backward),
                          torch.tensor(own, device="cuda").reshape(-1, 5), 1 / stride))

        def pool(calls=calls):
            outputs = [ops.roi_align(m, r, size, scale, 2, True) for m, r, scale in calls]
            if backward:
                torch.autograd.backward(outputs, [torch.ones_like(o) for o in outputs])
        functions.append(pool)
    return functions


def nms_sets(torch, ops, count):
    functions = []
    for _ in range(8):
        boxes = torch.tensor(random_boxes(count), device="cuda")
        scores = torch.linspace(1, 0, count, device="cuda")
        functions.append(lambda boxes=boxes, scores=scores: ops.nms(boxes, scores, 0.7))
    return functions


def norm_sets(torch):
    functions = []
    weight, bias = (torch.rand(CHANNELS, device="cuda") for _ in range(2))
    for _ in range(2):
        x = torch.rand((ROIS, CHANNELS, 14, 14), device="cuda")
        functions.append(lambda x=x: torch.nn.functional.instance_norm(x, weight=weight, bias=bias))
    return functions


def conv_sets(torch):
    weight = torch.rand((CHANNELS, CHANNELS, 3, 3), device="cuda")
    functions = []
    for _ in range(2):
        x = torch.rand((ROIS, CHANNELS, 14, 14), device="cuda")
        functions.append(lambda x=x: torch.nn.functional.conv2d(x, weight, padding=1))
    return functions


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    result = {"peers": []}
    try:
        import torch
    except ImportError as error:
        sys.exit(f"no peers: {error}")
    if not torch.cuda.is_available():
        sys.exit("no peers: PyTorch sees no CUDA device")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    random.seed(1)
    cases = {"torch instance_norm 14x14": lambda: norm_sets(torch),
             "torch conv2d 3x3 256 -> 256, 14x14, float32": lambda: conv_sets(torch)}
    try:
        import torchvision
        ops = torchvision.ops
        result["torchvision"] = torchvision.__version__
        for size in (7, 14):
            cases[f"torchvision roi_align {size}x{size}"] = lambda s=size: align_sets(torch, ops, s, False)
            cases[f"torchvision roi_align forward and backward {size}x{size}"] = lambda s=size: align_sets(torch, ops, s, True)
        for count in (1000, 10000):
            cases[f"torchvision nms {count}"] = lambda n=count: nms_sets(torch, ops, n)
    except ImportError as error:
        print(f"no torchvision: {error}")
    result["torch"] = torch.__version__
    result["device"] = torch.cuda.get_device_name(0)
    for name, make in cases.items():
        times = measure(torch, make(), options.runs)
        torch.cuda.empty_cache()
        result["peers"].append(dict(name=name, **times))
        print(f"{name:52s} {times['median_ms']:9.4f} {times['fastest_ms']:9.4f}", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
