#!/usr/bin/env bash
# Checks perf/gpu/run.sh without a GPU: every step at small sizes, a kill, a hang, a torn line of results, a budget that
# is too small. A test of ctest.
#
# usage: perf/gpu/rehearse.sh FOLDER     of d2det_test_cuda_emulated, d2det_gpu_benchmark_emulated and the programs of
#                                        perf/gpu/train
#
# The same with programs that the script builds itself, as on a machine with a GPU (needs nvcc, takes minutes):
#   D2DET_TORCH=/usr D2DET_BUDGET=3600 perf/gpu/run.sh --rehearse
set -euo pipefail
case ${1:-} in -h|--help|'') sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit 0;; esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
programs=$1
work=$(mktemp -d)
stub=
finish() {
    [ -z "$stub" ] || kill "$stub" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
command -v python3 >/dev/null || { echo "SKIPPED: no python3"; exit 77; }

# look FILE CODE: reads it as JSON, then runs the Python CODE with `run`, `steps` by name and `results`.
look() {
    python3 - "$1" "$2" <<'EOF' || die "$1 is not what was expected"
import json
import sys


def refuse(text):
    raise ValueError(text + " is no JSON")


with open(sys.argv[1], encoding="ascii") as file:
    run = json.load(file, parse_constant=refuse)
steps, results = {step["name"]: step for step in run["steps"]}, run["results"]
try:
    exec(sys.argv[2])
except AssertionError:
    print(json.dumps(run, indent=1))
    raise
EOF
}

# ------------------------------------------------------------------ all steps
status=0
OUT=$work/all D2DET_PROGRAMS=$programs D2DET_BUILD_DIR=$work/build "$root/perf/gpu/run.sh" --rehearse >"$work/log" 2>&1 ||
    status=$?
cat "$work/log"
[ $status = 0 ] || die "the rehearsal ended with status $status"
look "$work/all/gpu.json" '
assert run["finished"] and run["rehearsal"] and steps["hang"]["status"] == "timeout"
left_out = {name for name, step in steps.items() if step["status"] == "skipped"}
here = {name for name in left_out if "SKIPPED" in steps[name]["note"]}  # no PyTorch, no torchvision
assert left_out - here <= {"train_d2det_float16", "train_faster_float16", "golden"}, left_out
assert all(step["status"] in ("ok", "skipped", "timeout") for step in steps.values())
measured = {line["step"] for line in results}
needed = {"device", "kernels", "inference_d2det", "inference_others", "train_d2det_bfloat16", "train_faster_float32"}
needed |= {name for name in ("ceilings", "operators", "peer_inference", "peer_training") if name not in left_out}
assert needed <= measured, needed - measured
parts = {line["part"] for line in results if line["step"] == "inference_others" and line["model"] == "mask_rcnn"}
assert {"whole", "backbone", "pyramid", "rpn", "proposals", "classification", "box head", "detections", "masks"} == parts
assert all(line["right"] for line in results if line["what"] == "kernel")
'

# ------------------------------------------------------------------ programs that do what they should not
mkdir "$work/stubs"
printf '#!/bin/sh\necho "stub, compute capability 9.0"\nexit 1\n' >"$work/stubs/d2det_test_cuda_emulated"
cat >"$work/stubs/d2det_gpu_benchmark_emulated" <<EOF
#!/bin/sh
printf '{"what": "kernel", "name": "good", "median_ms": 1.5e-03}\n{"what": "nan", "median_ms": nan}\n{"what": "kern' >"\$2"
echo \$\$ >"$work/pid"
exec sleep 1000
EOF
chmod +x "$work/stubs/"*
begin() {
    rm -f "$work/pid"
    OUT=$work/$1 D2DET_PROGRAMS=$work/stubs D2DET_BUILD_DIR=$work/build \
        bash "$root/perf/gpu/run.sh" --rehearse --steps kernels >"$work/log" 2>&1 &
    run=$!
    for _ in $(seq 300); do [ ! -s "$work/pid" ] || break; sleep 0.1; done
    [ -s "$work/pid" ] || { cat "$work/log"; die "the step did not begin"; }
    stub=$(cat "$work/pid")
}
begin killed
kill -KILL "$run"
wait "$run" 2>/dev/null || true
look "$work/killed/gpu.json" 'assert not run["finished"] and steps["kernels"]["status"] == "running"'
kill "$stub" 2>/dev/null || true

begin ended
kill -TERM "$run"
status=0; wait "$run" 2>/dev/null || status=$?
[ $status = 143 ] || die "status $status after SIGTERM, expected 143"
look "$work/ended/gpu.json" '
assert not run["finished"] and steps["kernels"]["status"] == "running"
assert [line["name"] for line in results] == ["good"], results
'
for _ in $(seq 50); do kill -0 "$stub" 2>/dev/null || break; sleep 0.1; done
! kill -0 "$stub" 2>/dev/null || die "the step runs on"

# ------------------------------------------------------------------ a budget that is too small
status=0
OUT=$work/short D2DET_PROGRAMS=$work/stubs D2DET_BUDGET=1 D2DET_BUILD_DIR=$work/build \
    "$root/perf/gpu/run.sh" --rehearse --steps 'k*' >"$work/log" 2>&1 || status=$?
[ $status = 0 ] || { cat "$work/log"; die "status $status with a small budget"; }
look "$work/short/gpu.json" 'assert run["finished"] and "are left" in steps["kernels"]["note"] and not results'
echo "all right"
