#!/usr/bin/env bash
# Builds everything and runs all tests.
#
# usage: scripts/test.sh [CTEST_OPTION...]        e.g. scripts/test.sh -R golden
#
# Does everything from a fresh Debian 12 or 13 (or Ubuntu 24.04): installs packages with apt-get, builds module,
# trainer, programs and tests in build/test, then the module with its Python bindings inside OpenCV's own tree (source
# package of the distribution, scripts/build_in_tree.sh) and the module inside that of OpenCV 5.0 (source package of
# Debian experimental), checks the formatting and, with clang-tidy, what differs from the main branch (scripts/lint.sh),
# runs ctest. Tests labeled "shared" need the data folder named by D2DET_SHARED (default ../shared); without it, and
# without a source package those of the build inside its tree, they are reported as skipped, never as passed.
#
# Environment: D2DET_JOBS (parallel compile jobs, default all cores), D2DET_CUDA_ARCHITECTURES (GPUs to compile for
# where there is nvcc, default 90), D2DET_TIDY_SECONDS (time for clang-tidy, default 600).
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac

# shellcheck disable=SC2086
install_packages $packages_build $packages_module $packages_training $packages_test $packages_docs $packages_lint
# shellcheck disable=SC2086
(install_packages $packages_reference) || say "No torchvision: the tests that compare with it will be skipped"
build=${D2DET_BUILD_DIR:-$root/build/test}
mkdir -p "$(dirname "$build")"
# One GPU architecture where there is nvcc: the tests' GPU code is compiled for others too slowly.
own=$(own_opencv)
folders=$root/build/in-tree-$own
if [ "$own" != 5.0 ]; then folders+=";$root/build/in-tree-5.0"; fi
build_project "$build" -DD2DET_BUILD_TESTS=ON "-DD2DET_IN_TREE_BUILD=$folders" \
    "-DCMAKE_CUDA_ARCHITECTURES=${D2DET_CUDA_ARCHITECTURES:-90}"

# in_tree VERSION OPTION...: the module inside the tree of this version.
in_tree() {
    local started=$SECONDS status=0
    "$root/scripts/build_in_tree.sh" "${@:2}" || status=$?
    case $status in
        0) say "The build inside the tree of OpenCV $1 took $((SECONDS - started)) s";;
        3) say "The source package of OpenCV $1 could not be downloaded: the tests of the build inside its tree will be skipped";;
        *) die "the build inside the tree of OpenCV $1 failed";;
    esac
}
in_tree "$own" --python
if [ "$own" != 5.0 ]; then in_tree 5.0 --version 5.0 --target opencv_test_d2det; fi

"$root/scripts/lint.sh" --tidy-changed "$build"

if [ ! -d "${D2DET_SHARED:-$root/../shared}" ]; then
    say "No shared data folder: $(ctest --test-dir "$build" -N -L shared | sed -n 's/^Total Tests: //p') tests labelled 'shared' will be skipped"
fi
"$root/scripts/fetch_demo_images.sh" "$root/out/demo-input" || say "The demo's images could not be fetched: its test will be skipped"
say "Running the tests"
ctest --test-dir "$build" --output-on-failure --no-tests=error "$@"
