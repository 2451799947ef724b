#!/usr/bin/env bash
# Runs the commands of a tutorial as they stand: all blocks between ```bash and ```, in order, in an empty folder.
# usage: run_tutorial.sh TUTORIAL SOURCE BIN [AP50]
# The programs come from BIN. With AP50, numbers.txt must hold an AP at IoU 0.50 of at least that.
set -euo pipefail
tutorial=$1 source=$2 bin=$3 wanted=${4:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n '/^```bash$/,/^```$/{/^```/d;p}' "$tutorial" > "$work/commands.sh"
[ -s "$work/commands.sh" ] || { echo "$tutorial has no \`\`\`bash blocks"; exit 1; }
mkdir "$work/here"
(cd "$work/here" && D2DET=$source PATH=$bin:$PATH bash -euo pipefail "$work/commands.sh")

for made in sheet.png runs/shapes/best.safetensors shapes.onnx found/detections.json report.html; do
    [ -s "$work/here/$made" ] || { echo "the tutorial did not make $made"; exit 1; }
done
[ -z "$wanted" ] || awk -v wanted="$wanted" '
    /IoU=0.50 / && !seen { seen = 1; print "AP50", $NF, "wanted", wanted; good = $NF >= wanted }
    END { exit !good }' "$work/here/numbers.txt"
