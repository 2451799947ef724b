#!/usr/bin/env bash
# Runs a program of the build inside OpenCV's tree (scripts/build_in_tree.sh).
# usage: check_in_tree.sh SOURCE BUILD module|module_shared|perf|python
set -euo pipefail
source=$1 build=$2 part=$3
case $part in
    module*) program=$build/bin/opencv_test_d2det;;
    perf) program=$build/bin/opencv_perf_d2det;;
    python) program=$(find "$build/lib/python3" -name 'cv2*.so' 2>/dev/null | head -n 1 || true);;
esac
if [ ! -e "$program" ]; then
    echo "SKIPPED: no in-tree build in $build (scripts/build_in_tree.sh --python --build $build makes it)"
    exit 0
fi
case $part in
    module) "$program" --gtest_filter='-*Shared*:D2Det_CUDA.*';;  # built without CUDA
    module_shared) "$program" --gtest_filter='*Shared*';;
    perf) "$program" --perf_min_samples=1 --perf_force_samples=1;;  # one sample of each: a smoke test
    python)
        image=$source/out/demo-input/messi5.jpg
        export PYTHONPATH=$build/lib/python3 OPENCV_LOG_LEVEL=ERROR D2DET_IMAGE=
        if [ -f "$image" ]; then D2DET_IMAGE=$image; fi
        /usr/bin/python3 "$source/modules/d2det/misc/python/test/test_d2det.py" -v
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        if [ -n "$D2DET_IMAGE" ]; then
            /usr/bin/python3 "$source/modules/d2det/samples/detect.py" "$source/data/models/d2det_mnv2_person.onnx" \
                "$image" "$work/drawn.jpg" 0.6 | tee "$work/found"
            grep -q '^person' "$work/found"
            ! cmp -s "$image" "$work/drawn.jpg"
        fi;;
esac
