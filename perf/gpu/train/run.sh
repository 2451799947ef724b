#!/usr/bin/env bash
# Proves and times the trainer on the GPU of this machine.
#
# usage: perf/gpu/train/run.sh        OUT=folder  D2DET_BUILD_DIR=folder  D2DET_TORCH=folder
#
# Needs nvcc, CMake, g++ and a LibTorch with CUDA: that of the PyTorch of python3, or D2DET_TORCH (the folder with
# include/ and lib/). Builds the check and the benchmark, compares operators, gradients and a training step with the
# CPU, then trains on synthetic images in float32, bfloat16 and float16. Leaves trainer.txt and trainer.json (a line per
# measurement) in OUT (default perf/results).
#
# Status: 0 all right, 1 something is wrong, 77 no CUDA device or no LibTorch.
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit 0;; esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
out=${OUT:-$root/perf/results}
build=${D2DET_BUILD_DIR:-$root/build/gpu_train}
mkdir -p "$out" "$build"
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ -d /usr/local/cuda/bin ] && PATH=$PATH:/usr/local/cuda/bin
command -v nvcc >/dev/null || die "no nvcc on the PATH or in /usr/local/cuda/bin"
command -v cmake >/dev/null || die "no cmake"
torch=${D2DET_TORCH:-$(python3 -c 'import torch; print(torch.__path__[0])' 2>/dev/null || true)}
[ -n "$torch" ] || { echo "SKIPPED: no LibTorch: python3 has no torch and D2DET_TORCH is not set"; exit 77; }

architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ' || true)
case $architecture in ''|*[!0-9]*) architecture=90;; esac
generator=(); command -v ninja >/dev/null && generator=(-G Ninja)
printf '==> Building for sm_%s with LibTorch of %s\n' "$architecture" "$torch"
{
    cmake -S "$root/perf/gpu/train" -B "$build" "${generator[@]}" "-DCMAKE_CUDA_ARCHITECTURES=$architecture" \
        "-DD2DET_TORCH=$torch" && cmake --build "$build" -j "${D2DET_JOBS:-$(nproc)}"
} >"$out/trainer_build.log" 2>&1 || { grep -E 'error|Error' "$out/trainer_build.log" | head -n 30 >&2; die "the build failed"; }

code=0
"$build/bin/d2det_gpu_trainer_check" 2>&1 | tee "$out/trainer.txt" || code=${PIPESTATUS[0]}
[ $code = 77 ] && exit 77
: >"$out/trainer.json"
for model in d2det plain; do
    for precision in float32 bfloat16 float16; do
        "$build/bin/d2det_gpu_train_benchmark" --model $model --precision $precision --batch "${D2DET_BATCH:-4}" \
            --json "$out/trainer.json" 2>&1 | tee -a "$out/trainer.txt" || code=1
    done
done
[ $code = 0 ] && printf '==> all right; results in %s\n' "$out/trainer.txt"
exit $code
