#!/usr/bin/env bash
# Builds the module for 64-bit ARM (aarch64) and runs its tests under qemu's emulation.
#
# usage: scripts/test_aarch64.sh [CTEST_OPTION...]
#
# Installs a cross compiler and qemu-user with apt-get, takes OpenCV and GoogleTest for arm64 from the package archive
# that this machine is set up with into build/aarch64/sysroot (unpacked there, not installed), builds the module
# with its tests in build/aarch64/module and runs ctest. Emulation shows whether the results are right, not how fast the
# code is. Exit status 3: the packages for arm64 are not available here.
#
# Environment: D2DET_SHARED (shared data, default ../shared), D2DET_JOBS (parallel compile jobs, default all cores).
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac

unavailable() { printf 'error: %s\n' "$*" >&2; exit 3; }

# shellcheck disable=SC2086
install_packages $packages_build g++-aarch64-linux-gnu qemu-user
folder=$build/aarch64
sysroot=$folder/sysroot

# make_sysroot: the packages of arm64 with all that they need. apt gets lists and a status file of its own, so that the
# machine's configuration is not touched.
make_sysroot() {
    [ -d "$sysroot" ] && return
    local apt=$folder/apt options file
    say "Fetching OpenCV and GoogleTest for arm64"
    rm -rf "$apt" "$sysroot.new"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$sysroot.new"
    : >"$apt/status"
    options=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::Lists=$apt/lists"
             -o "Dir::State::status=$apt/status" -o "Dir::Cache::archives=$apt/archives" -o Dir::Cache::pkgcache=
             -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root -o Debug::NoLocking=1)
    {
        apt-get "${options[@]}" update &&
        apt-get "${options[@]}" install -y --download-only --no-install-recommends \
            libopencv-dnn-dev libopencv-imgproc-dev libgtest-dev libc6-dev
    } >"$folder/apt.log" 2>&1 || {
        tail -n 5 "$folder/apt.log" >&2
        unavailable "no packages for arm64, the output is in $folder/apt.log"
    }
    for file in "$apt"/archives/*.deb; do dpkg -x "$file" "$sysroot.new"; done
    # Links that the packages make when they are installed.
    ln -s blas/libblas.so.3 lapack/liblapack.so.3 "$sysroot.new/usr/lib/aarch64-linux-gnu/"
    # CMake files of OpenCV name all of its modules; these three are enough.
    mkdir -p "$sysroot.new/usr/lib/cmake/opencv4"
    cat >"$sysroot.new/usr/lib/cmake/opencv4/OpenCVConfig.cmake" <<'EOF'
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/../../../include/opencv4/opencv2/core/version.hpp numbers
  REGEX "define CV_VERSION_(MAJOR|MINOR|REVISION)")
string(REGEX REPLACE "[^0-9;]" "" OpenCV_VERSION "${numbers}")
string(REPLACE ";" "." OpenCV_VERSION "${OpenCV_VERSION}")
get_filename_component(prefix ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)
set(OpenCV_INCLUDE_DIRS ${prefix}/include/opencv4)
foreach(module core imgproc dnn)
  if(NOT TARGET opencv_${module})
    add_library(opencv_${module} SHARED IMPORTED)
    set_target_properties(opencv_${module} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${OpenCV_INCLUDE_DIRS}
      IMPORTED_LOCATION ${prefix}/lib/aarch64-linux-gnu/libopencv_${module}.so)
  endif()
  list(APPEND OpenCV_LIBS opencv_${module})
endforeach()
EOF
    mv "$sysroot.new" "$sysroot"
    rm -rf "$apt"
}

mkdir -p "$folder"
make_sysroot
build_project "$folder/module" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ "-DCMAKE_SYSROOT=$sysroot" "-DCMAKE_FIND_ROOT_PATH=$sysroot" \
    -DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY \
    -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY \
    "-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64;-L;$sysroot" -DD2DET_WITH_CUDA=OFF -DD2DET_BUILD_TRAINING=OFF \
    -DD2DET_BUILD_APPS=OFF -DD2DET_BUILD_SAMPLES=OFF -DD2DET_BUILD_PERF=OFF -DD2DET_BUILD_TESTS=ON
say "Running the module's tests under qemu (some minutes)"
ctest --test-dir "$folder/module" --output-on-failure --no-tests=error -R '^module' "$@"
