#!/usr/bin/env bash
# Fuzzes the readers and layers with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer (docs/reliability.md).
#
# usage: scripts/fuzz.sh MINUTES [TARGET...]      e.g. scripts/fuzz.sh 5 onnx layers
#
#   MINUTES   for each target
#   TARGET    coco, voc, yolo, labelme, cvat, results, config, safetensors, pytorch, rle, polygons, image_size, onnx,
#             layers, detector; default all
#
# Does everything from a fresh Debian 12 or 13: installs packages with apt-get, builds module, readers and targets with
# clang in build/fuzz. New inputs stay in build/fuzz/corpus. An input that is a finding is kept in build/fuzz/findings
# and ends with status 1; repeat it with build/fuzz/bin/d2det_fuzz_TARGET FILE, correct it and add the file to
# test/fuzz/corpus/TARGET, which ctest replays.
#
# Environment: D2DET_JOBS (parallel compile jobs, default all cores).
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
minutes=${1:?MINUTES is missing, see --help}
shift
case $minutes in ''|*[!0-9]*|0) die "MINUTES is '$minutes', it must be a positive number";; esac
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    targets=(coco voc yolo labelme cvat results config safetensors pytorch rle polygons image_size onnx layers detector)
fi

# shellcheck disable=SC2086
install_packages $packages_build $packages_module $packages_test $packages_fuzz libtorch-dev
build=${D2DET_BUILD_DIR:-$root/build/fuzz}
mkdir -p "$(dirname "$build")"
sanitizers="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1"
configure "$root" "$build" -DCMAKE_CXX_COMPILER=clang++ "-DCMAKE_CXX_FLAGS=$sanitizers" -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
    -DD2DET_FUZZING_ENGINE=-fsanitize=fuzzer -DD2DET_BUILD_TRAINING=OFF -DD2DET_BUILD_PERF=OFF -DD2DET_BUILD_SAMPLES=OFF \
    -DD2DET_BUILD_TESTS=ON -DD2DET_WITH_CUDA=OFF
say "Building ${#targets[@]} targets with $jobs jobs"
cmake --build "$build" -j "$jobs" --target "${targets[@]/#/d2det_fuzz_}"

# Libraries that are not compiled here hand over std::vector without the marks that this check needs; glog and others
# leave memory to the end of the program.
export ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
corpus=$root/test/fuzz/corpus
mkdir -p "$build/findings"
status=0
for target in "${targets[@]}"; do
    say "Fuzzing $target for $minutes min"
    folders=("$build/corpus/$target" "$corpus/$target")
    mkdir -p "${folders[0]}"
    options=()
    if [ -f "$root/test/fuzz/dictionaries/$target.dict" ]; then options=("-dict=$root/test/fuzz/dictionaries/$target.dict"); fi
    # 30 s and 2 GB: what a reader may never take for an input of this size.
    "$build/bin/d2det_fuzz_$target" -max_total_time=$((minutes * 60)) -max_len=65536 -timeout=30 -rss_limit_mb=2048 \
        -artifact_prefix="$build/findings/$target-" -print_final_stats=1 "${options[@]}" "${folders[@]}" \
        >"$build/$target.log" 2>&1 || { status=1; say "$target has a finding, see $build/$target.log"; }
    sed -n 's/^stat::number_of_executed_units: */executed: /p; s/^stat::peak_rss_mb: */peak MB: /p' "$build/$target.log"
done
[ "$status" = 0 ] || die "findings are in $build/findings"
