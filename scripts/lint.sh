#!/usr/bin/env bash
# Checks the formatting of all sources, what the module includes, the documentation and its citations and, on request,
# runs clang-tidy (.clang-tidy).
#
# usage: scripts/lint.sh
#        scripts/lint.sh --tidy BUILD_FOLDER                  all sources of module, trainer and programs
#        scripts/lint.sh --tidy-changed BUILD_FOLDER [BASE]   sources that differ from the commit BASE
#
# BUILD_FOLDER contains compile_commands.json. Default of BASE: the merge base with origin/main, otherwise the commit
# before HEAD. For a changed header a source that includes it is checked; if .clang-tidy changed, all sources.
#
# A file costs 2 to 40 s of processor time (headers of LibTorch and Boost, the analyzer), all of them some 45 minutes by
# those that were timed: --tidy is for nightly runs. --tidy-changed begins no file after D2DET_TIDY_SECONDS
# (default 600) and names those that it left out. Findings are errors with clang-tidy 14, which the checks were chosen
# with; other versions know other checks and only report. The formatting is checked by clang-format 14 only.
#
# Environment: D2DET_JOBS (files at a time, default all cores), D2DET_TIDY_SECONDS.
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in
    -h|--help) print_help; exit 0;;
    ""|--tidy|--tidy-changed) ;;
    *) die "unknown option $1, see --help";;
esac
cd "$root"

# version_of PROGRAM
version_of() { "$1" --version | sed -n 's/.*version \([0-9.]*\).*/\1/p'; }

format=$(command -v clang-format-14 || command -v clang-format) || die "there is no clang-format: install its package"
version=$(version_of "$format")
if [ "${version%%.*}" = 14 ]; then
    say "Checking the formatting"
    git ls-files '*.cpp' '*.hpp' '*.cu' | xargs -r "$format" --dry-run --Werror ||
        die "run clang-format -i on the files named above"
else
    say "The formatting is not checked: it is that of clang-format 14, $version has other rules"
fi
# The module knows neither the trainer nor LibTorch (docs/architecture.md 1); OpenCV's tree has none of them.
floors=$(cd training && printf '%s|' */)
if git grep -nE "#include [<\"](${floors//\/}torch|ATen|c10)/" -- modules; then
    die "files of the module include the trainer or LibTorch"
fi
if [ -x scripts/check_docs.sh ]; then
    say "Checking the documentation and what cites it"
    scripts/check_docs.sh
fi
[ -n "${1:-}" ] || exit 0

[ -f "${2:?BUILD_FOLDER is missing}/compile_commands.json" ] || die "$2 has no compile_commands.json"
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || die "there is no clang-tidy: install its package"
trees=(modules/d2det/src training samples)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One command per source that clang can read: without g++'s precompiled headers (every file includes what it needs), and
# for CUDA sources the one of the tests that compile them as C++.
sed -E 's/ -Winvalid-pch//g; s/ -include [^ ]*cmake_pch\.hxx//g' "$2/compile_commands.json" | awk '
    /^[][]$/ { next }
    { entry = entry $0 "\n" }
    /^},?$/ {
        sub(/},?\n$/, "}", entry); match(entry, /"file": "[^"]*"/); file = substr(entry, RSTART, RLENGTH)
        if (entry !~ /\/nvcc / && !(file in seen)) { printf "%s%s", n++ ? ",\n" : "[\n", entry; seen[file] = 1 }
        entry = ""
    }
    END { print "\n]" }' >"$work/compile_commands.json"

# is_built FILE: this build compiles it (those of the build inside OpenCV's tree have no entry).
is_built() { grep -qF "\"file\": \"$root/$1\"" "$work/compile_commands.json"; }

# The commit that this work tree is compared with; nothing if there is none.
default_base() {
    local base
    base=$(git merge-base HEAD origin/main 2>/dev/null) || base=
    if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then
        base=$(git rev-parse --verify --quiet HEAD~1) || base=
    fi
    printf '%s' "$base"
}

# including HEADER: a source of the trees that includes it, its own if there is one.
including() {
    local own=${1%.hpp}.cpp file
    if [ -f "$own" ] && is_built "$own"; then printf '%s\n' "$own"; return; fi
    for file in $(git grep -lE "#include \"(.*/)?${1##*/}\"" -- "${trees[@]/%//*.cpp}" "${trees[@]/%//*.cu}"); do
        if is_built "$file"; then printf '%s\n' "$file"; return; fi
    done
}

# sources_changed BASE
sources_changed() {
    local file
    git diff --name-only --diff-filter=d "$1" -- "${trees[@]/%//*.cpp}" "${trees[@]/%//*.cu}"
    for file in $(git diff --name-only --diff-filter=d "$1" -- "${trees[@]/%//*.hpp}" 'modules/d2det/include/*.hpp'); do
        including "$file"
    done
}

all=(git ls-files -- "${trees[@]/%//*.cpp}" "${trees[@]/%//*.cu}")
deadline=0
if [ "$1" = --tidy ]; then
    "${all[@]}" >"$work/wanted"
else
    base=${3:-$(default_base)}
    deadline=$(($(date +%s) + ${D2DET_TIDY_SECONDS:-600}))
    if [ -z "$base" ]; then
        say "There is no commit to compare with: everything counts as changed"
        "${all[@]}" >"$work/wanted"
    elif ! git diff --quiet "$base" -- .clang-tidy; then
        "${all[@]}" >"$work/wanted"
    else
        sources_changed "$base" | sort -u >"$work/wanted"
    fi
fi
while IFS= read -r file; do if is_built "$file"; then printf '%s\n' "$file"; fi; done <"$work/wanted" >"$work/files"

version=$(version_of "$tidy")
say "Running clang-tidy $version over $(wc -l <"$work/files") sources"
errors='*'
if [ "${version%%.*}" != 14 ]; then errors=; fi
export tidy work errors deadline
# Output of one file in one piece. Every file that was refused or left out is a line of a list.
# shellcheck disable=SC2016
xargs -r -P "$jobs" -n 1 bash -c '
    if [ "$deadline" != 0 ] && [ "$(date +%s)" -ge "$deadline" ]; then echo "$0" >>"$work/late"; exit; fi
    out=$("$tidy" -p "$work" --quiet --warnings-as-errors="$errors" "$0" 2>&1) || echo "$0" >>"$work/refused"
    grep -vE "^[0-9]+ warnings? (and [0-9]+ errors? )?(generated|treated)|^Suppressed|^Use -" <<<"$out" || true
' <"$work/files"
if [ -f "$work/late" ]; then
    say "$(wc -l <"$work/late") sources were left out after ${D2DET_TIDY_SECONDS:-600} s, --tidy checks them:"
    cat "$work/late"
fi
[ ! -f "$work/refused" ] || die "clang-tidy refuses $(tr '\n' ' ' <"$work/refused")"
