#!/usr/bin/env bash
# The demo's promise, counted: at frame 200 of vtest.avi at least 5 of the 7 pedestrians are found with IoU >= 0.5 and
# at most 2 boxes are wrong.
# usage: check_demo.sh D2DET_DETECT MODEL SOURCE
set -euo pipefail
detect=$1 model=$2 source=$3
video=$source/out/demo-input/vtest.avi
[ -f "$video" ] || { echo "SKIPPED: no demo images (scripts/fetch_demo_images.sh gets them)"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$detect" --model "$model" --score 0.7 --output "$work" --frames 200 "$video"

# One box per line in both files, as [x, y, width, height]; each pedestrian takes the best box that is left.
boxes() { sed -n 's/.*"bbox": *\[\([^]]*\)\].*/\1/p' "$1" | tr ',' ' '; }
{ boxes "$source/data/demo/vtest_frame200.json" | sed 's/^/G /'; boxes "$work/detections.json" | sed 's/^/D /'; } | awk '
    $1 == "G" { g++; gx[g] = $2; gy[g] = $3; gw[g] = $4; gh[g] = $5 }
    $1 == "D" {
        d++; best = 0.5; hit = 0
        for (i = 1; i <= g; i++) {
            if (taken[i]) continue
            x2 = $2 + $4 < gx[i] + gw[i] ? $2 + $4 : gx[i] + gw[i]; x1 = $2 > gx[i] ? $2 : gx[i]
            y2 = $3 + $5 < gy[i] + gh[i] ? $3 + $5 : gy[i] + gh[i]; y1 = $3 > gy[i] ? $3 : gy[i]
            inter = (x2 > x1 && y2 > y1) ? (x2 - x1) * (y2 - y1) : 0
            iou = inter / ($4 * $5 + gw[i] * gh[i] - inter)
            if (iou >= best) { best = iou; hit = i }
        }
        if (hit) { taken[hit] = 1; found++ } else wrong++
    }
    END {
        printf "%d of %d pedestrians found, %d boxes wrong\n", found, g, wrong
        exit !(g == 7 && found >= 5 && wrong <= 2)
    }'
