#!/usr/bin/env bash
# Builds everything and runs all tests.
#
# usage: scripts/test.sh [CTEST_OPTION...]        e.g. scripts/test.sh -R golden
#
# Does everything from a fresh Debian 12 (or Ubuntu 24.04): installs packages with apt-get, builds module, trainer,
# programs and tests in build/test, then the module with its Python bindings inside OpenCV's own tree (source package of
# the distribution, scripts/build_in_tree.sh), checks the formatting and, with clang-tidy, what differs from the main
# branch (scripts/lint.sh), runs ctest. Tests labeled "shared" need the data folder named by D2DET_SHARED (default
# ../shared); without it, and without the source package those of the in-tree build, they are reported as skipped, never
# as passed.
#
# Environment: D2DET_JOBS (parallel compile jobs, default all cores), D2DET_CUDA_ARCHITECTURES (GPUs to compile for
# where there is nvcc, default 90), D2DET_TIDY_SECONDS (time for clang-tidy, default 600).
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac

# shellcheck disable=SC2086
install_packages $packages_build $packages_module $packages_training $packages_test $packages_docs $packages_lint
build=${D2DET_BUILD_DIR:-$root/build/test}
mkdir -p "$(dirname "$build")"
# One GPU architecture where there is nvcc: the tests' GPU code is compiled for others too slowly.
build_project "$build" -DD2DET_BUILD_TESTS=ON "-DD2DET_IN_TREE_BUILD=$root/build/in-tree-$(own_opencv)" \
    "-DCMAKE_CUDA_ARCHITECTURES=${D2DET_CUDA_ARCHITECTURES:-90}"
started=$SECONDS
"$root/scripts/build_in_tree.sh" --python && status=0 || status=$?
case $status in
    0) say "The build inside OpenCV's tree took $((SECONDS - started)) s";;
    3) say "OpenCV's source package could not be downloaded: the tests of the in-tree build will be skipped";;
    *) die "the build inside OpenCV's tree failed";;
esac

"$root/scripts/lint.sh" --tidy-changed "$build"

if [ ! -d "${D2DET_SHARED:-$root/../shared}" ]; then
    say "No shared data folder: $(ctest --test-dir "$build" -N -L shared | sed -n 's/^Total Tests: //p') tests labelled 'shared' will be skipped"
fi
"$root/scripts/fetch_demo_images.sh" "$root/out/demo-input" || say "The demo's images could not be fetched: its test will be skipped"
say "Running the tests"
ctest --test-dir "$build" --output-on-failure --no-tests=error "$@"
