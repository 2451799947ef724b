#!/usr/bin/env bash
# Detects people in real images with the bundled D2Det model, run entirely by OpenCV's dnn module.
#
# usage: scripts/demo.sh [FILE...]
#
#   FILE   images, folders or a video. Default: frames 100, 200, 300, 400 and 500 of vtest.avi and the photographs
#          messi5.jpg and basketball1.png from the source package of OpenCV.
#
# Does everything from a fresh Debian 12 or 13 (or Ubuntu 24.04): installs packages with apt-get, builds the module and
# the programs (no LibTorch needed) in build/demo, runs the detector. Writes annotated images and detections.json to
# out/demo. A second run repeats only the detection.
#
# Environment: D2DET_MODEL (another .onnx file), D2DET_JOBS (parallel compile jobs, default all cores).
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
started=$SECONDS

model=${D2DET_MODEL:-$root/data/models/d2det_mnv2_person.onnx}
[ -f "$model" ] || die "no model at $model"
if [ -z "${D2DET_MODEL:-}" ]; then
    (cd "$root/data/models" && sha256sum --quiet -c SHA256SUMS) >&2 ||
        die "a file in data/models is not the one of its SHA256SUMS: is the checkout complete ('git lfs pull')?"
fi
# shellcheck disable=SC2086
install_packages $packages_build $packages_module
build=${D2DET_BUILD_DIR:-$root/build/demo}
mkdir -p "$(dirname "$build")"
build_project "$build" -DD2DET_BUILD_TRAINING=OFF -DD2DET_BUILD_TESTS=OFF -DD2DET_BUILD_PERF=OFF

inputs=("$@")
if [ ${#inputs[@]} = 0 ]; then
    "$root/scripts/fetch_demo_images.sh" "$root/out/demo-input"
    inputs=(--frames 100,200,300,400,500 "$root/out/demo-input/vtest.avi" "$root/out/demo-input/messi5.jpg"
            "$root/out/demo-input/basketball1.png")
fi
say "Detecting"
mkdir -p "$root/out"
"$build/bin/d2det_detect" --model "$model" --score 0.7 --output "$root/out/demo" "${inputs[@]}"
say "Done in $((SECONDS - started)) s: annotated images and detections.json are in out/demo"
