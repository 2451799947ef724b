"""Times Debian's torchvision beside our kernels and detector; run by perf/compare_peers.sh.

usage: torchvision_peer.py kernels THREADS FOLDER    roi_align and nms on FOLDER/rois.f32 and FOLDER/boxes.f32
       torchvision_peer.py model THREADS RUNS        Mask R-CNN R50-FPN with random weights at 800x1344, by stage
       torchvision_peer.py export FILE               writes its R50-FPN backbone as ONNX, input [1,3,800,1344]

Output of the first two: CSV lines name,threads,ms.
"""
import resource
import statistics
import sys
import time

import numpy
import torch
import torchvision


def median_ms(run, runs=5):
    times = []
    for i in range(runs + 1):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[1:])


def report(name, ms):
    print(f"{name},{torch.get_num_threads()},{ms:.3f}", flush=True)


def level_of(rois):
    """The rule of operators.md 2 without the official code's +1."""
    size = ((rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])).clamp(min=0).sqrt()
    return torch.floor(torch.log2(size / 56 + 1e-6)).clamp(0, 3)


def kernels(folder):
    rois = torch.from_numpy(numpy.fromfile(folder + "/rois.f32", dtype=numpy.float32).reshape(-1, 5))
    rois = rois[(rois[:, 1:] != 0).any(dim=1)]
    maps = [torch.rand(1, 256, (200 + (1 << i) - 1) >> i, (336 + (1 << i) - 1) >> i) for i in range(4)]
    levels = level_of(rois)
    for size in (7, 14):
        def align():
            for i in range(4):
                torchvision.ops.roi_align(maps[i], rois[levels == i], size, 0.25 / (1 << i), 2, True)
        report(f"roi_align {size}x{size}", median_ms(align))
    boxes = torch.from_numpy(numpy.fromfile(folder + "/boxes.f32", dtype=numpy.float32).reshape(-1, 5))
    for count in (1000, 10000):
        some = boxes[:count]
        report(f"nms {count}", median_ms(lambda: torchvision.ops.nms(some[:, :4], some[:, 4], 0.5)))


def mask_rcnn():
    torch.manual_seed(1)
    make = torchvision.models.detection.maskrcnn_resnet50_fpn
    return make(weights=None, weights_backbone=None, min_size=800, max_size=1344, box_score_thresh=0.0).eval()


def model(runs):
    net = mask_rcnn()
    image = [torch.rand(3, 800, 1344)]
    spent = {}

    def timed(name, module):
        forward = module.forward

        def wrapped(*args, **kwargs):
            start = time.perf_counter()
            result = forward(*args, **kwargs)
            spent.setdefault(name, []).append((time.perf_counter() - start) * 1000)
            return result
        module.forward = wrapped

    for name in ("backbone", "rpn", "roi_heads"):
        timed(name, getattr(net, name))
    with torch.inference_mode():
        total = median_ms(lambda: net(image), runs)
    for name, times in spent.items():
        report(f"mask_rcnn {name}", statistics.median(times[1:]))
    report("mask_rcnn total", total)
    report("mask_rcnn peak MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def export(path):
    class Backbone(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mask_rcnn().backbone

        def forward(self, image):
            return tuple(self.body(image).values())
    torch.onnx.export(Backbone(), torch.rand(1, 3, 800, 1344), path, opset_version=11, input_names=["image"])


if __name__ == "__main__":
    job = sys.argv[1]
    if job == "export":
        export(sys.argv[2])
    else:
        torch.set_num_threads(int(sys.argv[2]))
        kernels(sys.argv[3]) if job == "kernels" else model(int(sys.argv[3]))
