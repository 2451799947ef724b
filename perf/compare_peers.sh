#!/usr/bin/env bash
# Times D2Det beside torchvision, ONNX Runtime and YOLOX-Nano on this machine and writes a table to perf/results/.
#
# usage: perf/compare_peers.sh [BUILD_FOLDER] [RUNS]       (default build/test, 3 runs)
#
# Installs the peers: Debian's python3-torchvision (0.14 on LibTorch 1.13) with apt-get, onnxruntime-node with npm into
# build/peers. Kernels, the paper's model and the small one run alternately with their counterparts, with 1 and 2 threads
# each, so that the ratios hold on a noisy machine. Further builds of d2det_benchmark, against other versions of OpenCV:
# D2DET_BENCHMARKS="4.10=PATH 4.13=PATH". D2DET_DATA (default ../shared/data) may hold peers/yolox_nano.onnx.
set -euo pipefail
. "$(dirname "$0")/../scripts/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
bin=${1:-$root/build/test}/bin
runs=${2:-3}
data=${D2DET_DATA:-$root/../shared/data}
work=$root/build/peers
mkdir -p "$work" "$root/perf/results"
install_packages python3-torchvision
command -v npm >/dev/null || install_packages npm  # NodeSource's nodejs has its own
[ -d "$work/node_modules/onnxruntime-node" ] || { say "Installing onnxruntime-node"
    # Its install script fetches CUDA libraries from elsewhere; the package itself holds what the CPU needs.
    npm install --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error onnxruntime-node >"$work/npm.log" 2>&1 ||
        say "npm could not install onnxruntime-node ($work/npm.log): its rows stay empty"; }

python=/usr/bin/python3
torchvision() { OMP_NUM_THREADS=$threads "$python" "$root/perf/peers/torchvision_peer.py" "$@" 2>/dev/null; }
onnxruntime() {
    [ ! -d "$work/node_modules/onnxruntime-node" ] ||
        NODE_PATH=$work/node_modules node "$root/perf/peers/onnxruntime_peer.js" "$@" "$threads" "$runs"
}
# benchmark NAME CONVOLUTION PROGRAM OPTIONS...: lines "NAME stage,threads,ms"
benchmark() {
    local name=$1 convolution=$2 program=$3; shift 3
    OPENCV_D2DET_CONVOLUTION=$convolution "$program" --threads "$threads" "$@" 2>/dev/null | awk -v name="$name" -v threads="$threads" \
        '$NF == "ms" || $NF == "MiB" { what = $1; for (i = 2; i < NF - 1; i++) what = what " " $i; print name " " what "," threads "," $(NF - 1) }'
}

say "Making the models"
export_model() { "$bin/d2det_export" --random "$@" >/dev/null; }
paper="--classes 80 --config $root/training/configs/d2det_r50_coco.json --set model.test.score_threshold=0.001"
# shellcheck disable=SC2086
[ -f "$work/r50.onnx" ] || export_model $paper --output "$work/r50.onnx"
threads=2; [ -f "$work/backbone.onnx" ] || torchvision export "$work/backbone.onnx"

lines=$work/lines.csv; : > "$lines"
for threads in 1 2; do
    say "Kernels, $threads thread(s)"
    "$bin/d2det_kernels_benchmark" "$threads" "$work" | sed '1d; s/^/d2det /' >> "$lines"
    torchvision kernels "$threads" "$work" | sed 's/^/torchvision /' >> "$lines"
    say "Paper's model at 800x1344 and its peers, $threads thread(s)"
    torchvision model "$threads" "$runs" >> "$lines"
    for proposals in 1000 300; do
        paper_model() { benchmark "r50_$proposals$1" "$2" "$3" --model "$work/r50.onnx" --size 1333x800 --runs "$runs" --max-proposals $proposals >> "$lines"; }
        paper_model "" d2det "$bin/d2det_benchmark"
        paper_model ", convolutions of OpenCV" dnn "$bin/d2det_benchmark"
        for other in ${D2DET_BENCHMARKS:-}; do
            paper_model ", OpenCV ${other%%=*}" d2det "${other#*=}"
            paper_model ", OpenCV ${other%%=*}, convolutions of OpenCV" dnn "${other#*=}"
        done
    done
    onnxruntime "onnxruntime r50-fpn backbone" "$work/backbone.onnx" 800 1344 >> "$lines"
    say "Small models, $threads thread(s)"
    person() { benchmark "bundled person model, network input $1" d2det "$bin/d2det_benchmark" --model "$root/data/models/d2det_mnv2_person.onnx" --size 640x480 --runs 20 --short-side "$2" --long-side "$3" >> "$lines"; }
    person 512x384 384 640
    person 320x256 240 320
    if [ -f "$data/peers/yolox_nano.onnx" ]; then
        onnxruntime "onnxruntime yolox_nano 416" "$data/peers/yolox_nano.onnx" 416 416 >> "$lines"
        "$bin/d2det_net_benchmark" "opencv yolox_nano 416" "$data/peers/yolox_nano.onnx" 416 416 "$threads" 20 >> "$lines"
    fi
done

table=$root/perf/results/peers-$(date +%Y-%m-%d)
cp "$lines" "$table.csv"
"$python" "$root/perf/peers/table.py" "$lines" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores" > "$table.md"
cat "$table.md"
say "Written to $table.csv and .md"
