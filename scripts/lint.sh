#!/usr/bin/env bash
# Checks the formatting of all sources and the documentation (scripts/check_docs.sh) and, with --tidy, runs clang-tidy
# over the module and the sample programs.
#
# usage: scripts/lint.sh [--tidy BUILD_FOLDER]      BUILD_FOLDER holds compile_commands.json
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
cd "$root"

say "Checking the formatting"
git ls-files '*.cpp' '*.hpp' '*.cu' | xargs -r clang-format --dry-run --Werror ||
    die "run clang-format -i on the files named above"
say "Checking the documentation and what cites it"
scripts/check_docs.sh
[ "${1:-}" = --tidy ] || exit 0

say "Running clang-tidy over the module and the samples"
git ls-files 'modules/d2det/src/*.cpp' 'samples/*.cpp' |
    xargs -r -P "$jobs" -n 4 clang-tidy -p "$2" --quiet --warnings-as-errors='*' 2>&1 |
    { grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -' || true; }
[ "${PIPESTATUS[1]}" = 0 ] || die "clang-tidy found something"
