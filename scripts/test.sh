#!/usr/bin/env bash
# Builds everything and runs all tests.
#
# usage: scripts/test.sh [CTEST_OPTION...]        e.g. scripts/test.sh -R golden
#
# Does everything from a fresh Debian 12 (or Ubuntu 24.04): installs packages with apt-get, builds module, trainer,
# programs and tests in build/test, checks the formatting, runs ctest. Tests labelled "shared" need the data folder named
# by D2DET_SHARED (default ../shared); without it they are reported as skipped, never as passed.
#
# Environment: D2DET_JOBS (parallel compile jobs, default all cores), D2DET_CUDA_ARCHITECTURES (GPUs to compile for where
# there is nvcc, default 90).
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac

# shellcheck disable=SC2086
install_packages $packages_build $packages_module $packages_training $packages_test clang-format
build=${D2DET_BUILD_DIR:-$root/build/test}
mkdir -p "$(dirname "$build")"
# One GPU architecture where there is nvcc: the tests' GPU code is compiled for others too slowly.
build_project "$build" -DD2DET_BUILD_TESTS=ON "-DCMAKE_CUDA_ARCHITECTURES=${D2DET_CUDA_ARCHITECTURES:-90}"

"$root/scripts/lint.sh"

if [ ! -d "${D2DET_SHARED:-$root/../shared}" ]; then
    say "No shared data folder: $(ctest --test-dir "$build" -N -L shared | sed -n 's/^Total Tests: //p') tests labelled 'shared' will be skipped"
fi
"$root/scripts/fetch_demo_pictures.sh" "$root/out/demo-input" || say "The demo's pictures could not be fetched: its test will be skipped"
say "Running the tests"
ctest --test-dir "$build" --output-on-failure --no-tests=error "$@"
