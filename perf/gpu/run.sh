#!/usr/bin/env bash
# Proves and times the CUDA kernels on the GPU of this machine.
#
# usage: perf/gpu/run.sh        OUT=folder  D2DET_SHARED=folder  D2DET_BUILD_DIR=folder
#
# Builds kernels, tests and benchmark (needs nvcc, CMake and g++, nothing else; OpenCV is used if it is there), then
# runs: all tests against the CPU reference, the golden vectors if D2DET_SHARED (default ../shared or golden vectors in
# shared/) has them, the malformed inputs again under compute-sanitizer if that is installed, the kernel timings, and
# torchvision's on the same sizes if python3 has it. Leaves gpu.json and gpu.txt in OUT (default perf/results).
#
# Status: 0 all right, 1 something is wrong, 77 no CUDA device (everything is built then).
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit 0;; esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=${OUT:-$root/perf/results}
build=${D2DET_BUILD_DIR:-$root/build/gpu}
mkdir -p "$out" "$build"
say() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ -d /usr/local/cuda/bin ] && PATH=$PATH:/usr/local/cuda/bin
command -v nvcc >/dev/null || die "no nvcc on the PATH or in /usr/local/cuda/bin"
command -v cmake >/dev/null || die "no cmake"

# ------------------------------------------------------------------ build
architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ' || true)
case $architecture in ''|*[!0-9]*) architecture=90;; esac
generator=(); command -v ninja >/dev/null && generator=(-G Ninja)
say "Building for sm_$architecture in $build"
if [ ! -f "$build/CMakeCache.txt" ]; then
    cmake -S "$root/perf/gpu" -B "$build" "${generator[@]}" "-DCMAKE_CUDA_ARCHITECTURES=$architecture" \
        >"$out/build.log" 2>&1 || { tail -n 30 "$out/build.log" >&2; die "cmake failed"; }
fi
cmake --build "$build" -j "${D2DET_JOBS:-$(nproc)}" --target d2det_test_cuda d2det_gpu_benchmark >>"$out/build.log" 2>&1 ||
    { tail -n 30 "$out/build.log" >&2; die "the build failed"; }

# ------------------------------------------------------------------ run
table=$out/gpu.txt
: >"$table"
note() { say "$*" | tee -a "$table"; }
# step NAME COMMAND...: its output into the table; its status into the array.
declare -A status
step() {
    local name=$1 code=0; shift
    note "$name"
    "$@" 2>&1 | tee -a "$table" || code=${PIPESTATUS[0]}
    status[$name]=$code
}

if "$build/bin/d2det_test_cuda" --filter "nothing has this name" >"$out/device.log" 2>&1; then :; elif [ $? = 77 ]; then
    reason=$(sed -n 's/.*no CUDA device: //p' "$out/device.log")
    rm -f "$out/device.log"
    printf '{"device": null, "reason": "%s"}\n' "$reason" >"$out/gpu.json"
    note "no CUDA device: $reason (tests and benchmark are built in $build/bin)"
    exit 77
fi
rm -f "$out/device.log"

if [ -z "${D2DET_SHARED:-}" ]; then
    for place in "$root/../shared" "$root/shared"; do
        [ -f "$place/golden/index.json" ] && export D2DET_SHARED=$place
    done
fi
step tests "$build/bin/d2det_test_cuda" --exclude golden
step golden "$build/bin/d2det_test_cuda" --filter golden
sanitizer=$(command -v compute-sanitizer || true)
if [ -n "$sanitizer" ]; then
    # Another check of the same program: it says nothing where it cannot run at all (some virtual machines).
    if "$sanitizer" "$build/bin/d2det_test_cuda" --filter limits >/dev/null 2>&1; then
        step memcheck "$sanitizer" --error-exitcode 9 "$build/bin/d2det_test_cuda" --filter malformed
        step racecheck "$sanitizer" --tool racecheck --error-exitcode 9 "$build/bin/d2det_test_cuda" --filter nms
    else
        note "compute-sanitizer is installed but cannot run here"
    fi
else
    note "compute-sanitizer is not installed"
fi
step timings "$build/bin/d2det_gpu_benchmark" --json "$out/kernels.json"
if command -v python3 >/dev/null; then
    step peers python3 "$root/perf/gpu/peers.py" --json "$out/peers.json"
fi
step trainer env OUT="$out" D2DET_BUILD_DIR="$build/train" "$root/perf/gpu/train/run.sh"

# ------------------------------------------------------------------ one JSON
failed=0
{
    printf '{"status": {'
    separator=
    for name in tests golden memcheck racecheck timings peers trainer; do
        [ -n "${status[$name]:-}" ] || continue
        printf '%s"%s": %d' "$separator" "$name" "${status[$name]}"
        separator=', '
    done
    printf '},\n"timings": '; cat "$out/kernels.json" 2>/dev/null || printf 'null'
    printf ',\n"peers": '; cat "$out/peers.json" 2>/dev/null || printf 'null'
    printf '}\n'
} >"$out/gpu.json"
rm -f "$out/kernels.json" "$out/peers.json"
for name in tests golden memcheck racecheck timings trainer; do
    case ${status[$name]:-0} in
        0) ;;
        77) case $name in
                golden) note "golden vectors: skipped, set D2DET_SHARED";;
                trainer) note "trainer: skipped, python3 has no torch (D2DET_TORCH names another LibTorch)";;
                *) failed=1;;
            esac;;
        *) note "$name: FAILED with status ${status[$name]}"; failed=1;;
    esac
done
[ $failed = 0 ] && note "all right; results in $out/gpu.json and $table"
exit $failed
