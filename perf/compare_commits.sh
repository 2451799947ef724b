#!/usr/bin/env bash
# Compares the speed of two commits with the module's benchmarks (opencv_perf_d2det), and names what got slower.
#
# usage: perf/compare_commits.sh [--rounds N] [--threshold PERCENT] [--filter GTEST_FILTER] [--threads N]
#                                OLD [NEW]
#
#   OLD, NEW      commits; NEW is HEAD by default. Both must have modules/d2det/perf
#   --rounds      how often each is run (default 5)
#   --threshold   percent (default 10)
#   --filter      only some of the benchmarks, e.g. 'Operators*'
#   --threads     default 1, the figure that other programs disturb least
#
# Both are built inside OpenCV's tree (scripts/build_in_tree.sh; OpenCV itself is built once). Machines are noisy: the
# two run in turn, and of each benchmark the fastest sample of all rounds counts, so that what other programs took away
# does not. Exit status 1: a benchmark of NEW is slower by the threshold or more.
#
# The measurements stay in build/compare/*/*.xml, for OpenCV's own tool too:
#   build/opencv-*/source/modules/ts/misc/summary.py build/compare/*/1.xml
set -euo pipefail
. "$(dirname "$0")/../scripts/common.sh"

rounds=5 threshold=10 filter='*' threads=1 commits=()
while [ $# -gt 0 ]; do
    case $1 in
        -h|--help) print_help; exit 0;;
        --rounds) rounds=${2:?--rounds needs a number}; shift;;
        --threshold) threshold=${2:?--threshold needs a number}; shift;;
        --filter) filter=${2:?--filter needs a pattern}; shift;;
        --threads) threads=${2:?--threads needs a number}; shift;;
        -*) die "unknown argument '$1' (--help lists them)";;
        *) commits+=("$1");;
    esac
    shift
done
[ ${#commits[@]} = 1 ] && commits+=(HEAD)
[ ${#commits[@]} = 2 ] || die "give one or two commits (--help explains)"

folders=()
for commit in "${commits[@]}"; do
    id=$(git -C "$root" rev-parse --verify --quiet --short=12 "$commit^{commit}") || die "no commit '$commit'"
    folder=$root/build/compare/$id
    folders+=("$folder")
    if [ ! -x "$folder/opencv_perf_d2det" ]; then
        mkdir -p "$folder/tree"
        git -C "$root" archive "$id" modules data/models | tar -x -C "$folder/tree"
        [ -d "$folder/tree/modules/d2det/perf" ] || die "commit $id has no benchmarks (modules/d2det/perf)"
        "$root/scripts/build_in_tree.sh" --modules "$folder/tree/modules" --target opencv_perf_d2det
        built=$root/build/in-tree-$(own_opencv)
        cp -P "$built"/lib/libopencv_d2det.so* "$folder/"
        cp "$built/bin/opencv_perf_d2det" "$folder/"
    fi
done
[ "${folders[0]}" != "${folders[1]}" ] || die "both are the same commit"

# run FOLDER ROUND: leaves FOLDER/ROUND.xml
run() {
    local xml=$1/$2.xml
    LD_LIBRARY_PATH=$1 "$1/opencv_perf_d2det" --perf_threads="$threads" --gtest_filter="$filter" \
        --gtest_output="xml:$xml" >"$1/$2.log" 2>&1 ||
        { tail -n 20 "$1/$2.log" >&2; die "a benchmark failed, its output is in $1/$2.log"; }
}
rm -f "${folders[0]}"/*.xml "${folders[1]}"/*.xml
for ((round = 1; round <= rounds; round++)); do
    say "Round $round of $rounds"
    order=(0 1)
    [ $((round % 2)) = 0 ] && order=(1 0)  # who runs second has the warmer machine
    for i in "${order[@]}"; do run "${folders[$i]}" "$round"; done
done

# fastest FOLDER: "name<tab>fastest sample in ms" for each benchmark.
fastest() {
    awk '
        function value(key) {
            return match($0, " " key "=\"[^\"]*\"") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 4) : ""
        }
        /<testcase / { name = value("classname") " " value("value_param"); delete property }
        /<property / { property[value("name")] = value("value") }
        /<\/testcase>/ && "min" in property {
            ms = property["min"] / property["frequency"] * 1000
            if (!(name in best) || ms < best[name]) best[name] = ms
        }
        END { for (name in best) printf "%s\t%.6f\n", name, best[name] }' "$1"/*.xml | sort
}
say "Fastest of $rounds rounds, ms: old, new, new / old"
join -t "$(printf '\t')" <(fastest "${folders[0]}") <(fastest "${folders[1]}") |
    awk -F '\t' -v limit="$threshold" '
        { ratio = $3 / $2; slow = ratio >= 1 + limit / 100; count++; bad += slow
          printf "%-70s %10.3f %10.3f %6.3f %s\n", $1, $2, $3, ratio, slow ? "SLOWER" : "" }
        END { printf "%d benchmarks, %d slower by %g %% or more\n", count, bad, limit; exit count == 0 || bad > 0 }'
