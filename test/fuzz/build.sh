#!/usr/bin/env bash
# Builds the fuzz targets the way OSS-Fuzz calls it
# (https://google.github.io/oss-fuzz/getting-started/new-project-guide): compiler and flags in CXX and CXXFLAGS, the
# engine in LIB_FUZZING_ENGINE; targets, dictionaries and seeds go to OUT.
# OpenCV, pugixml, yaml-cpp and nlohmann-json must be installed; LibTorch only for the target safetensors.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${WORK:-$root/build}/oss-fuzz
: "${CXX:?}" "${LIB_FUZZING_ENGINE:?}" "${OUT:?}"
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_COMPILER=$CXX" "-DCMAKE_CXX_FLAGS=${CXXFLAGS:-}" \
    -DCMAKE_CXX_FLAGS_RELEASE= "-DD2DET_FUZZING_ENGINE=$LIB_FUZZING_ENGINE" -DD2DET_BUILD_TRAINING=OFF -DD2DET_BUILD_PERF=OFF \
    -DD2DET_BUILD_SAMPLES=OFF -DD2DET_BUILD_TESTS=ON -DD2DET_WITH_CUDA=OFF '-DCMAKE_BUILD_RPATH=$ORIGIN/lib' >/dev/null
cmake --build "$build" -j "$(nproc)" --target d2det_fuzz_targets
mkdir -p "$OUT/lib"
cp -P "$build"/lib/libopencv_d2det.so* "$OUT/lib"
for program in "$build"/bin/d2det_fuzz_*; do
    target=${program##*/d2det_fuzz_}
    cp "$program" "$OUT/"
    if [ -f "$root/test/fuzz/dictionaries/$target.dict" ]; then
        cp "$root/test/fuzz/dictionaries/$target.dict" "$OUT/d2det_fuzz_$target.dict"
    fi
    (cd "$OUT" && python3 - "d2det_fuzz_${target}_seed_corpus.zip" "$root/test/fuzz/corpus/$target" <<'PYTHON'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for name in sorted(os.listdir(sys.argv[2])):
        archive.write(os.path.join(sys.argv[2], name), name)
PYTHON
    )
done
