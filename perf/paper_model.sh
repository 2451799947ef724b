#!/usr/bin/env bash
# Runs the paper-size D2Det R50 (80 classes, random weights) at 800x1344 inside cv::dnn::Net and prints its time by
# stage.
#
# usage: perf/paper_model.sh [BUILD_FOLDER] [THREADS]      (default build/test, all cores)
#
# With random weights all class scores are near 1/81; the score threshold is lowered so that the regression stage has
# its full 125 boxes to refine: the worst case.
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit 0;; esac
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build/test}
threads=${2:-$(nproc)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/bin/d2det_export" --random --classes 80 --config "$root/training/configs/d2det_r50_coco.json" \
    --set model.test.score_threshold=0.001 --output "$work/d2det_r50.onnx"
"$build/bin/d2det_benchmark" --model "$work/d2det_r50.onnx" --size 1333x800 --runs 3 --threads "$threads"
