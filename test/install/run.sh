#!/usr/bin/env bash
# Installs the project into a folder of its own and builds and runs a user's program against it.
# usage: run.sh SOURCE BUILD MODEL
set -euo pipefail
source=$1 build=$2 model=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" > "$work/install.log" || { cat "$work/install.log"; exit 1; }
cmake -S "$source/test/install" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Release > "$work/cmake.log" ||
    { cat "$work/cmake.log"; exit 1; }
cmake --build "$work/build"
libraries=$(dirname "$(find "$work/prefix" -name 'libopencv_d2det.so*' | head -n 1)")
LD_LIBRARY_PATH=$libraries "$work/build/user_program" "$model"
# The installed programs find the installed model by its name, from any folder.
if [ -x "$work/prefix/bin/d2det_detect" ]; then
    cd "$work"
    LD_LIBRARY_PATH=$libraries prefix/bin/d2det_detect --model d2det_mnv2_person --quiet --output out "$source/docs/images/demo.jpg"
    grep -q '"person"' out/detections.json
fi
