"""Makes the table of perf/compare_peers.sh. usage: table.py LINES.csv MACHINE"""
import statistics
import sys

rounds, floors = {}, {}
for line in open(sys.argv[1], encoding="utf-8"):
    # Names may hold commas: the numbers are the last fields.
    fields = line.rstrip("\n").split(",")
    if fields[0].startswith("d2det "):
        name, threads, value, floor = ",".join(fields[:-3]), *fields[-3:]
        if floor:
            floors[name, int(threads)] = float(floor)
    else:
        name, threads, value = ",".join(fields[:-2]), *fields[-2:]
    rounds.setdefault((name, int(threads)), []).append(float(value))
values = {key: statistics.median(several) for key, several in rounds.items()}


def cell(value, digits=1):
    return "" if value is None else f"{value:.{digits}f}"


def ratio(a, b):
    return "" if a is None or b is None else f"{b / a:.2f}"


print(f"# D2Det and its peers, one run of perf/compare_peers.sh\n\n{sys.argv[2]}. Milliseconds; medians.\n")
print("## Kernels (1000 RoIs, 256 channels, P2 to P5 of 800x1344, 2x2 samples)\n")
print("| kernel | threads | d2det | torchvision | times faster | what bandwidth allows |\n|---|---|---|---|---|---|")
for (name, threads), value in values.items():
    if name.startswith("d2det ") and "bandwidth" not in name:
        kernel = name[len("d2det "):]
        peer = values.get((f"torchvision {kernel}", threads))
        print(f"| {kernel} | {threads} | {value:.2f} | {cell(peer, 2)} | {ratio(value, peer)} | "
              f"{cell(floors.get((name, threads)), 2)} |")
for threads in (1, 2):
    for size in ("7x7", "14x14"):
        align, deform = (values.get((f"d2det {op} {size}", threads)) for op in ("roi_align", "deform_roi_pool"))
        print(f"\nDeformable pooling takes {deform / align:.2f} times RoIAlign's time at {size} with {threads} thread(s).")

print("\n## Whole images at 800x1344\n")
print("| model | threads | total | of Mask R-CNN's total | backbone and RPN | classification | regression | peak MiB |")
print("|---|---|---|---|---|---|---|---|")
for (name, threads), value in values.items():
    if name == "mask_rcnn total":
        parts = [values.get((f"mask_rcnn {part}", threads)) for part in ("backbone", "rpn", "roi_heads", "peak MiB")]
        print(f"| Mask R-CNN R50-FPN, torchvision | {threads} | {value:.0f} | 1.00 | {parts[0] + parts[1]:.0f} | "
              f"{parts[2]:.0f} (all heads) | | {parts[3]:.0f} |")
for (name, threads), value in values.items():
    if name.startswith("r50") and name.endswith(" total"):
        model = name[:-len(" total")]
        stage = [values.get((f"{model} {s}", threads)) for s in
                 ("backbone", "proposals", "classification", "regression", "peak memory")]
        label = model.replace("r50_", "D2Det R50, proposals: ")
        print(f"| {label} | {threads} | {value:.0f} | {value / values['mask_rcnn total', threads]:.2f} | "
              f"{stage[0] + stage[1]:.0f} | {stage[2]:.0f} | {stage[3]:.0f} | {stage[4]:.0f} |")

print("\n## Backbones and small models\n\n| what | threads | ms |\n|---|---|---|")
for (name, threads), value in values.items():
    if name.startswith(("onnxruntime", "opencv ")) or name == "mask_rcnn backbone" or \
            (name.startswith("bundled") and name.endswith(" total")):
        print(f"| {name} | {threads} | {value:.1f} |")
