#!/usr/bin/env bash
# Measures which lines and branches of module, trainer and programs the tests run (docs/reliability.md 3).
#
# usage: scripts/coverage.sh [CTEST_OPTION...]
#
# Does everything from a fresh Debian 12 or 13: installs packages with apt-get, builds in build/coverage without CUDA,
# runs the tests and prints a table by folder; build/coverage/report/index.html shows every line. Kernels are counted
# for the instruction set that the machine has.
#
# Environment: D2DET_JOBS (parallel compile jobs, default all cores), D2DET_SHARED as for scripts/test.sh.
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac

# shellcheck disable=SC2086
install_packages $packages_build $packages_module $packages_training $packages_test $packages_reference gcovr
build=${D2DET_BUILD_DIR:-$root/build/coverage}
mkdir -p "$(dirname "$build")"
export CCACHE_DISABLE=1  # its objects name the place of their counters
build_project "$build" "-DCMAKE_CXX_FLAGS=--coverage -fprofile-update=atomic" -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
    -DD2DET_BUILD_TESTS=ON -DD2DET_WITH_CUDA=OFF
find "$build" -name '*.gcda' -delete
say "Running the tests"
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error --timeout 3600 -E 'valgrind|in_registers|dispatch|in_tree' "$@" ||
    status=$?
say "Lines that were run"
mkdir -p "$build/report"
gcovr --root "$root" --object-directory "$build" -j "$jobs" --exclude-unreachable-branches --exclude-throw-branches \
    --filter 'modules/d2det/(include|src)/' --filter training/ --filter samples/ \
    --json-summary "$build/report/summary.json" --html-details "$build/report/index.html" >"$build/report/files.txt"
python3 - "$build/report/summary.json" <<'END'
import json, os, sys
folders = {}
for file in json.load(open(sys.argv[1]))["files"]:
    parts = os.path.dirname(file["filename"]).split("/")
    name = "/".join(parts[:4] if parts[0] == "modules" else parts[:2])
    for key in (name, "all"):
        sums = folders.setdefault(key, [0, 0, 0, 0])
        for i, field in enumerate(("line_covered", "line_total", "branch_covered", "branch_total")):
            sums[i] += file[field]
print("%-32s %8s %8s %9s" % ("folder", "lines", "covered", "branches"))
for name, (lines, total, branches, all_branches) in sorted(folders.items(), key=lambda item: (item[0] == "all", item[0])):
    print("%-32s %8d %7.1f%% %8.1f%%" % (name, total, 100 * lines / max(total, 1), 100 * branches / max(all_branches, 1)))
END
say "Every line: $build/report/index.html"
exit $status
