"""Times of PyTorch and torchvision on the device that our own programs are timed on.

usage: python3 perf/gpu/peers.py PART [--json FILE] [--runs N] [--device cuda|cpu] [--small]

PART: ceilings    bandwidth of a copy, matrix products and a convolution: what the device does at best
      operators   roi_align, nms, norms and convolutions on the sizes of kernels_benchmark.cpp
      inference   Faster R-CNN and Mask R-CNN R50-FPN, one image of 800 x 1344, random weights
      training    the same, batches of 4 with 7 objects per image: losses, gradients, SGD

A measurement only, nothing of the project depends on it. Operators rotate over sets of inputs that are larger than the
second-level cache. Medians of N runs, by CUDA events; of entire networks by the clock, the device waited for.
Precisions: float32 (no TF32), tf32 (convolutions and matrix products), bfloat16 and float16 by autocast. --small and
--device cpu try the program without a GPU. Every measurement adds a line of JSON to FILE when it is made.

Status: 0 done, 1 some measurement failed (the others were made), 77 no PyTorch, no torchvision or no device.
"""
import argparse
import contextlib
import json
import math
import random
import subprocess
import sys
import time

WARM_UP, LEVELS = 5, 4
SKIPPED = 77


class Sizes:
    def __init__(self, small):
        self.height, self.width = (96, 128) if small else (800, 1344)
        self.channels = 8 if small else 256
        self.rois = 20 if small else 1000
        self.nms = (20, 50) if small else (1000, 10000)
        self.copied = 1 << (20 if small else 30)
        self.product = 64 if small else 8192
        self.batch = 1 if small else 4
        self.longest = 90 if small else 800
        self.proposals = 20 if small else 1000


class Peers:
    def __init__(self, torch, options):
        self.torch, self.options, self.sizes = torch, options, Sizes(options.small)
        self.device = torch.device(options.device)
        self.failures = 0

    # -------------------------------------------------------------- measuring
    def wait(self):
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()

    def by_events(self, functions):
        times = []
        for i in range(WARM_UP + self.options.runs):
            if self.device.type == "cuda":
                start, stop = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
                start.record()
                functions[i % len(functions)]()
                stop.record()
                self.wait()
                elapsed = start.elapsed_time(stop)
            else:
                begin = time.perf_counter()
                functions[i % len(functions)]()
                elapsed = (time.perf_counter() - begin) * 1000
            if i >= WARM_UP:
                times.append(elapsed)
        return times

    def by_clock(self, function, runs):
        times, warm_up = [], 0 if self.options.small else 3
        for i in range(warm_up + runs):
            self.wait()
            begin = time.perf_counter()
            function()
            self.wait()
            if i >= warm_up:
                times.append((time.perf_counter() - begin) * 1000)
        return times

    def report(self, name, times, **more):
        times = sorted(times)
        median = times[len(times) // 2]
        line = {"what": "peer", "name": name, "median_ms": round(median, 5), "fastest_ms": round(times[0], 5),
                "runs": len(times)}
        line.update(more)
        rates = ", ".join(f"{key} {value}" for key, value in more.items())
        print(f"{name:58s} {median:9.4f} {times[0]:9.4f}  {rates}", flush=True)
        if self.options.json:
            with open(self.options.json, "a", encoding="ascii") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")

    @contextlib.contextmanager
    def case(self, name):
        """What fails costs itself only."""
        try:
            yield
        except Exception as error:  # pylint: disable=broad-except
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
            self.failures += 1
        if self.device.type == "cuda":
            self.torch.cuda.empty_cache()

    @contextlib.contextmanager
    def precision(self, name):
        torch = self.torch
        on = name == "tf32"
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = on
        half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(name)
        if half is None:
            yield
        else:
            with torch.autocast(self.device.type, dtype=half):
                yield

    def random(self, *shape, **more):
        return self.torch.rand(shape, device=self.device, **more) - 0.5

    # -------------------------------------------------------------- parts
    def ceilings(self):
        torch, s = self.torch, self.sizes
        with self.case("copy"):
            source = torch.randint(0, 255, (s.copied,), dtype=torch.uint8, device=self.device)
            target = torch.empty_like(source)
            times = self.by_events([lambda: target.copy_(source)])
            self.report("copy on the device", times,
                        gigabytes_per_second=round(2 * s.copied / sorted(times)[len(times) // 2] / 1e6, 1))
            del source, target
        kinds = {"bfloat16": torch.bfloat16, "float16": torch.float16, "tf32": torch.float32, "float32": torch.float32}
        if self.device.type == "cpu":
            del kinds["float16"]  # the CPU has no such product
        for name, kind in kinds.items():
            with self.case("product " + name), self.precision("tf32" if name == "tf32" else "float32"):
                n = s.product if name in ("bfloat16", "float16") else s.product // 2
                a, b = (self.random(n, n).to(kind) for _ in range(2))
                self.rated(f"product {n}x{n}x{n} {name}", [lambda a=a, b=b: a @ b], 2 * n ** 3)
        with self.case("clocks under load"):
            a = self.random(s.product, s.product).to(torch.bfloat16)
            for _ in range(1 if self.options.small else 1000):  # a second or two
                a @ a
            query = ["nvidia-smi", "--query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu", "--format=csv"]
            with contextlib.suppress(FileNotFoundError):
                print(subprocess.run(query, timeout=20, check=False, capture_output=True, text=True).stdout, flush=True)
            self.wait()
        for name, kind in kinds.items():
            with self.case("convolution " + name), self.precision("tf32" if name == "tf32" else "float32"):
                c, h, w = s.channels, s.height // 4, s.width // 4
                x = self.random(1, c, h, w).to(kind).contiguous(memory_format=torch.channels_last)
                weight = self.random(c, c, 3, 3).to(kind).contiguous(memory_format=torch.channels_last)
                self.rated(f"convolution 3x3 {c} to {c} of {h}x{w} {name}",
                           [lambda x=x, y=weight: torch.nn.functional.conv2d(x, y, padding=1)], 18 * c * c * h * w)

    def rated(self, name, functions, operations):
        times = self.by_events(functions)
        self.report(name, times, teraflops=round(operations / sorted(times)[len(times) // 2] / 1e9, 2))

    def random_boxes(self, count):
        s, boxes = self.sizes, []
        for _ in range(count):
            w, h = (math.exp(random.uniform(math.log(16), math.log(s.longest))) for _ in range(2))
            x = random.uniform(0, max(s.width - w, 1))
            y = random.uniform(0, max(s.height - h, 1))
            boxes.append((x, y, min(x + w, s.width), min(y + h, s.height)))
        return boxes

    def align_sets(self, ops, size, backward):
        """RoIs are split by level beforehand: only the pooling is timed."""
        torch, s, functions = self.torch, self.sizes, []
        for _ in range(3):
            boxes = self.random_boxes(s.rois)
            calls = []
            for level in range(LEVELS):
                own = [(0.0,) + box for box in boxes if level_of(box) == level]
                stride = 4 << level
                shape = (1, s.channels, s.height // stride, s.width // stride)
                calls.append((torch.rand(shape, device=self.device, requires_grad=backward),
                              torch.tensor(own, device=self.device).reshape(-1, 5), 1 / stride))

            def pool(calls=calls):
                outputs = [ops.roi_align(m, r, size, scale, 2, True) for m, r, scale in calls]
                if backward:
                    torch.autograd.backward(outputs, [torch.ones_like(o) for o in outputs])
            functions.append(pool)
        return functions

    def nms_sets(self, ops, count):
        functions = []
        for _ in range(8):
            boxes = self.torch.tensor(self.random_boxes(count), device=self.device)
            scores = self.torch.linspace(1, 0, count, device=self.device)
            functions.append(lambda boxes=boxes, scores=scores: ops.nms(boxes, scores, 0.7))
        return functions

    def operators(self):
        torch, s = self.torch, self.sizes
        ops = self.torchvision().ops
        random.seed(1)
        with self.precision("float32"):
            with self.case("instance_norm"):
                weight, bias = (self.random(s.channels) for _ in range(2))
                sets = [self.random(s.rois, s.channels, 14, 14) for _ in range(2)]
                self.report("torch instance_norm 14x14", self.by_events([
                    lambda x=x: torch.nn.functional.instance_norm(x, weight=weight, bias=bias) for x in sets]))
            for size in (7, 14):
                with self.case("roi_align"):
                    self.report(f"torchvision roi_align {size}x{size}",
                                self.by_events(self.align_sets(ops, size, False)))
                with self.case("roi_align backward"):
                    self.report(f"torchvision roi_align forward and backward {size}x{size}",
                                self.by_events(self.align_sets(ops, size, True)))
            for count in s.nms:
                with self.case("nms"):
                    self.report(f"torchvision nms {count}", self.by_events(self.nms_sets(ops, count)))
        for precision in ("float32", "tf32", "bfloat16"):
            with self.case("conv2d"), self.precision(precision):
                weight = self.random(s.channels, s.channels, 3, 3)
                sets = [self.random(s.rois, s.channels, 14, 14) for _ in range(2)]
                self.rated(f"torch conv2d 3x3 {s.channels} to {s.channels}, {s.rois} of 14x14, {precision}",
                           [lambda x=x, y=weight: torch.nn.functional.conv2d(x, y, padding=1) for x in sets],
                           18 * s.channels ** 2 * 196 * s.rois)
                del sets
            with self.case("linear"), self.precision(precision):
                features = self.random(s.rois, s.channels * 49)
                weight = self.random(1024, s.channels * 49)
                self.rated(f"torch linear {s.channels * 49} to 1024, {s.rois} rows, {precision}",
                           [lambda x=features, y=weight: torch.nn.functional.linear(x, y)],
                           2 * 1024 * s.channels * 49 * s.rois)

    def networks(self):
        """Their proposals are ours, no detection is refused for its score: as our own network is timed."""
        detection, s = self.torchvision().models.detection, self.sizes
        for name, make in (("faster_rcnn", detection.fasterrcnn_resnet50_fpn),
                           ("mask_rcnn", detection.maskrcnn_resnet50_fpn)):
            self.torch.manual_seed(1)
            small = {"rpn_post_nms_top_n_train": 20, "box_batch_size_per_image": 8,
                     "box_detections_per_img": 10} if self.options.small else {}
            model = make(weights=None, weights_backbone=None, min_size=s.height, max_size=s.width,
                         box_score_thresh=0.0, rpn_post_nms_top_n_test=s.proposals, **small)
            yield name, model.to(self.device).to(memory_format=self.torch.channels_last)

    def precisions(self):
        # On the CPU torchvision's nms does not know half types.
        return ("float32",) if self.device.type == "cpu" else ("tf32", "bfloat16", "float32", "float16")

    def inference(self):
        torch, s = self.torch, self.sizes
        images = [self.random(3, s.height, s.width)]
        for name, model in self.networks():
            model.eval()
            # The second threshold, torchvision's own, leaves few detections of random weights or none: it shows what the
            # first one's NMS of all classes of all proposals costs.
            for threshold, precision in [(0.0, p) for p in self.precisions()] + [(0.05, self.precisions()[0])]:
                model.roi_heads.score_thresh = threshold
                with self.case(f"{name} {precision}"), torch.inference_mode(), self.precision(precision):
                    counts = []
                    times = self.by_clock(lambda: counts.append(len(model(images)[0]["boxes"])),
                                          min(self.options.runs, 20))
                    self.report(f"torchvision {name} inference {precision}", times, detections=counts[-1],
                                score_threshold=threshold)

    def training(self):
        torch, s = self.torch, self.sizes
        generator = torch.Generator().manual_seed(1)
        images, targets = [], []
        for _ in range(s.batch):
            images.append(self.random(3, s.height, s.width))
            u = torch.rand((7, 4), generator=generator)
            low = u[:, :2] * torch.tensor([s.width - 40.0, s.height - 40.0])
            high = low + 30 + u[:, 2:] ** 2 * (torch.tensor([float(s.width), float(s.height)]) - low - 32)
            masks = torch.zeros((7, s.height, s.width), dtype=torch.uint8)
            for i in range(7):
                x, y, right, bottom = (int(v) for v in torch.cat([low[i], high[i]]))
                masks[i, y:bottom, x:right] = 1
            targets.append({"boxes": torch.cat([low, high], 1).to(self.device),
                            "labels": torch.randint(1, 81, (7,), generator=generator).to(self.device),
                            "masks": masks.to(self.device)})
        for name, model in self.networks():
            model.train()
            for precision in self.precisions():
                if precision == "float16":
                    continue  # bfloat16 has the same speed without a scale of the loss
                optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-6, momentum=0.9)

                def step(model=model, optimizer=optimizer, precision=precision):
                    optimizer.zero_grad(set_to_none=True)
                    with self.precision(precision):
                        total = sum(model(images, targets).values())
                    total.backward()
                    optimizer.step()
                with self.case(f"{name} {precision}"):
                    times = self.by_clock(step, min(self.options.runs, 15))
                    self.report(f"torchvision {name} training {precision}", times, batch=s.batch,
                                images_per_second=round(1000 * s.batch / sorted(times)[len(times) // 2], 2))

    def torchvision(self):
        try:
            import torchvision
        except Exception as error:  # pylint: disable=broad-except
            skip(f"no torchvision: {error}")
        return torchvision


def level_of(box):
    size = math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    return min(max(int(math.floor(math.log2(size / 56 + 1e-6))), 0), LEVELS - 1)


def skip(reason):
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIPPED)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("ceilings", "operators", "inference", "training"))
    parser.add_argument("--json")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    try:
        import torch
    except Exception as error:  # pylint: disable=broad-except
        skip(f"no PyTorch: {error}")
    if options.device == "cuda" and not torch.cuda.is_available():
        skip("PyTorch sees no CUDA device")
    name = torch.cuda.get_device_name(0) if options.device == "cuda" else "CPU"
    print(f"PyTorch {torch.__version__}, {name}", flush=True)
    peers = Peers(torch, options)
    getattr(peers, options.part)()
    sys.exit(1 if peers.failures else 0)


if __name__ == "__main__":
    main()
