#!/usr/bin/env bash
# Builds everything with a sanitizer of g++ and runs the tests under it (docs/reliability.md 3).
#
# usage: scripts/sanitize.sh address|thread [CTEST_OPTION...]      e.g. scripts/sanitize.sh address -R module
#
#   address   AddressSanitizer and UndefinedBehaviorSanitizer
#   thread    ThreadSanitizer
#
# Does everything from a fresh Debian 12 or 13: installs packages with apt-get, builds in build/sanitize-NAME without
# CUDA. OpenCV and LibTorch are those of the distribution, not compiled with the sanitizer: what they do with our
# memory is seen where they call the C library only, and ThreadSanitizer ignores what they do to their own. Tests of
# the speed of kernels, of the object code, under valgrind and of builds elsewhere are left out. A finding fails its
# test.
#
# Environment: D2DET_JOBS (parallel compile jobs, default all cores), D2DET_SHARED as for scripts/test.sh.
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
name=${1:?name the sanitizer: address or thread}
shift
case $name in
    # vptr asks for type information that LibTorch hides.
    address) flags="-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined";;
    thread) flags="-fsanitize=thread";;
    *) die "unknown sanitizer '$name': address or thread";;
esac

# shellcheck disable=SC2086
install_packages $packages_build $packages_module $packages_training $packages_test
build=${D2DET_BUILD_DIR:-$root/build/sanitize-$name}
mkdir -p "$(dirname "$build")"
build_project "$build" "-DCMAKE_CXX_FLAGS=$flags -fno-omit-frame-pointer -g1" -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
    -DD2DET_BUILD_TESTS=ON -DD2DET_WITH_CUDA=OFF

# Containers filled by libraries that are not compiled here lack the marks of this check; glog and OpenMP keep memory to
# the end of the program.
export ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:second_deadlock_stack=1:suppressions=$root/test/sanitizers/thread.txt
say "Running the tests"
ctest --test-dir "$build" --output-on-failure --no-tests=error --timeout 3600 \
    -E 'valgrind|in_registers|dispatch|in_tree|memory' "$@"
