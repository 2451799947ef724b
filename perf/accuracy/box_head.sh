#!/usr/bin/env bash
# What the head of dense local regression needs: trains it alone, for four epochs, on the frozen network of the Faster
# R-CNN that run.sh trained on vhr10, and measures every variant on the tune split (every fifth training image).
#
# Every variant changes the shallow head: 3 convolutions of 128 channels, jitter 0.15, IoU loss, a sample per bin.
#
# usage: perf/accuracy/box_head.sh [VARIANT...]      (default: all; run.sh vhr10 faster_rcnn comes first)
#
# A variant takes 5 minutes on one core (wide: 12). What is finished is not done again. The table goes to stdout.
#
# Environment: D2DET_THREADS (default 1), D2DET_BIN (default build/test/bin), D2DET_DATA (default ../shared/data).
set -euo pipefail
. "$(dirname "$0")/../../scripts/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac

bin=${D2DET_BIN:-$build/test/bin}
export D2DET_DATA=${D2DET_DATA:-$root/../shared/data}
trained=$build/accuracy/vhr10/faster_rcnn/seed_1/run/last.safetensors
work=$build/accuracy/vhr10_box_head
[ -f "$trained" ] || die "perf/accuracy/run.sh vhr10 faster_rcnn comes first"

settings() {
    case $1 in
        shallow)    echo "";;
        no_jitter)  echo "model.roi.box_head.jitter=0";;
        smooth_l1)  echo "model.roi.box_head.regression_loss=smooth_l1";;
        paper_rule) echo "model.roi.box_head.overlap_rule=paper";;
        samples)    echo "model.roi.box_head.sampling_ratio=2";;
        deep)       echo "model.roi.box_head.convs=8";;
        deep_fast)  echo "model.roi.box_head.convs=8 solver.learning_rate=0.0012";;
        positives)  echo "model.roi.box_head.convs=8 model.roi.box_head.jitter=0 model.roi.positive_fraction=0.5
                          model.roi.box_head.max_rois=128";;
        wide)       echo "model.roi.box_head.convs=8 model.roi.box_head.channels=256 model.roi.box_head.norm_groups=16";;
        *)          die "unknown variant '$1'";;
    esac
}
variants=("$@")
[ ${#variants[@]} -gt 0 ] || variants=(shallow no_jitter smooth_l1 paper_rule samples deep deep_fast positives wide)
for name in "${variants[@]}"; do settings "$name" >/dev/null; done

for name in "${variants[@]}"; do
    folder=$work/$name options=()
    [ ! -f "$folder/result.csv" ] || continue
    for setting in $(settings "$name"); do options+=(--set "$setting"); done
    mkdir -p "$folder"
    rm -rf "$folder/run"
    say "$name" >&2
    "$bin/d2det_train" --config "$root/perf/accuracy/vhr10.json" --init "$trained" --output "$folder/run" --epochs 4 --eval-every 0 \
        --threads "${D2DET_THREADS:-1}" --set solver.seed=1 --set solver.warmup_iterations=60 \
        --set 'solver.freeze=["backbone.*","fpn.*","rpn.*","class_head.*"]' --set model.test.nms_mode=hard \
        --set model.roi.class_head.deformable=false --set model.roi.class_head.adaptive_weighting=false \
        --set model.roi.class_head.loss_weight=1 --set model.roi.box_head.convs=3 --set model.roi.box_head.jitter=0.15 \
        "${options[@]}" >"$folder/train.log" 2>&1 ||
        { tail -n 3 "$folder/train.log" >&2; die "the training of '$name' failed"; }
    "$bin/d2det_export" --checkpoint "$folder/run/last.safetensors" --output "$folder/model.onnx" >>"$folder/train.log" 2>&1
    "$bin/d2det_evaluate" --model "$folder/model.onnx" --annotations "$D2DET_DATA/vhr10/instances_train.json" \
        --images "$D2DET_DATA/vhr10/images" --subset every5th_val --csv "$folder/result.csv.new" --quiet >"$folder/evaluate.log"
    mv "$folder/result.csv.new" "$folder/result.csv"
done

echo "| variant | settings | AP | AP50 | AP75 | AP90 |"
echo "|---|---|---|---|---|---|"
for name in "${variants[@]}"; do
    awk -F, -v name="$name" -v settings="$(settings "$name" | tr -s '\n ' ' ')" '
        FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $2 == "boxes" && $3 == "(all)" {
            printf "| %s | %s | %.1f | %.1f | %.1f | %.1f |\n", name, settings, 100 * $column["ap"], 100 * $column["ap50"],
                100 * $column["ap75"], 100 * $column["ap90"] }' "$work/$name/result.csv"
done
