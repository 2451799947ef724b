#!/usr/bin/env bash
# Times D2Det beside torchvision, ONNX Runtime and YOLOX-Nano on this machine and writes a table to perf/results/.
#
# usage: perf/compare_peers.sh [BUILD_FOLDER] [ROUNDS]      (default build/test, 3 rounds)
#
# Installs the peers: Debian's python3-torchvision (0.14 on LibTorch 1.13) with apt-get, onnxruntime-node with npm into
# build/peers. In every round kernels, the paper's model and the small one run after their counterparts, and the table
# has the medians of the rounds, so that the ratios hold on a noisy machine; with 1 and 2 threads. Further builds of
# d2det_benchmark, against other versions of OpenCV, run with 1000 proposals and 2 threads: D2DET_BENCHMARKS="4.10=PATH
# 4.13=PATH". D2DET_DATA (default ../shared/data) may hold peers/yolox_nano.onnx.
#
# D2DET_SET=AVX2: nobody uses AVX-512 on a machine that has it. ONNX Runtime cannot be told so and is left out.
set -euo pipefail
. "$(dirname "$0")/../scripts/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
bin=${1:-$root/build/test}/bin
rounds=${2:-3}
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
# LibTorch takes and gives back the memory of every tensor. Where page faults are dear, as in virtual machines, that
# doubles its time and more, so it is told to keep memory; peak memory is measured without. Debian's OpenBLAS takes new
# processors for old ones.
core=Haswell; grep -qw avx512f /proc/cpuinfo && core=SkylakeX
set=${D2DET_SET:-}
case $set in
    '') ;;
    AVX2) core=Haswell
          export OPENCV_CPU_DISABLE=AVX512F,AVX512-COMMON,AVX512-SKX,AVX512-CNL,AVX512-CLX,AVX512-ICL
          export ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2;;
    *) die "unknown instruction set '$set': AVX2, or nothing for all that the machine has";;
esac
torchvision_peer() { OMP_NUM_THREADS=$threads OPENBLAS_CORETYPE=$core "$python" "$root/perf/peers/torchvision_peer.py" "$@" 2>/dev/null; }
torchvision() { MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 torchvision_peer "$@" | awk '!/peak MiB/'; }
onnxruntime() {
    [ -n "$set" ] || [ ! -d "$work/node_modules/onnxruntime-node" ] ||
        NODE_PATH=$work/node_modules node "$root/perf/peers/onnxruntime_peer.js" "$@" "$threads" 2
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
kernels() {
    "$bin/d2det_kernels_benchmark" "$threads" "$work" roi_align deform_roi_pool nms proposal | sed '1d; s/^/d2det /'
    torchvision kernels "$threads" "$work" | sed 's/^/torchvision /'
}
# paper_model PROPOSALS NAME CONVOLUTION PROGRAM
paper_model() { benchmark "r50_$1$2" "$3" "$4" --model "$work/r50.onnx" --size 1333x800 --runs 1 --max-proposals "$1"; }
paper_models() {
    torchvision model "$threads" 1
    paper_model 1000 "" d2det "$bin/d2det_benchmark"
    paper_model 300 "" d2det "$bin/d2det_benchmark"
    [ "$threads" = 2 ] || return 0
    paper_model 1000 ", convolutions of OpenCV" dnn "$bin/d2det_benchmark"
    for other in ${D2DET_BENCHMARKS:-}; do
        paper_model 1000 ", OpenCV ${other%%=*}" d2det "${other#*=}"
        paper_model 1000 ", OpenCV ${other%%=*}, convolutions of OpenCV" dnn "${other#*=}"
    done
}
# person SIZE SHORT_SIDE LONG_SIDE
person() {
    benchmark "bundled person model, network input $1" d2det "$bin/d2det_benchmark" --model "$root/data/models/d2det_mnv2_person.onnx" \
        --size 640x480 --runs 20 --short-side "$2" --long-side "$3"
}
small_models() {
    onnxruntime "onnxruntime r50-fpn backbone" "$work/backbone.onnx" 800 1344
    person 512x384 384 640
    person 320x256 240 320
    [ -f "$data/peers/yolox_nano.onnx" ] || return 0
    onnxruntime "onnxruntime yolox_nano 416" "$data/peers/yolox_nano.onnx" 416 416
    "$bin/d2det_net_benchmark" "opencv yolox_nano 416" "$data/peers/yolox_nano.onnx" 416 416 "$threads" 20
}

for threads in 1 2; do
    torchvision_peer model "$threads" 1 | grep 'peak MiB' >> "$lines"
    for round in $(seq "$rounds"); do
        say "$threads thread(s), round $round of $rounds"
        kernels >> "$lines"
        paper_models >> "$lines"
        small_models >> "$lines"
    done
done

table=$root/perf/results/peers-${set:+${set,,}-}$(date +%Y-%m-%d)
cp "$lines" "$table.csv"
"$python" "$root/perf/peers/table.py" "$lines" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores${set:+, no more than $set}" > "$table.md"
cat "$table.md"
say "Written to $table.csv and .md"
