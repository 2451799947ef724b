#!/usr/bin/env bash
# Builds the reference of the public headers and the tutorials with Doxygen; any warning is an error.
#
# usage: scripts/build_docs.sh [FOLDER]      (default build/docs: open FOLDER/html/index.html)
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
# shellcheck disable=SC2086
install_packages $packages_docs
folder=$(realpath -m "${1:-$root/build/docs}")
mkdir -p "$folder"
export BIBINPUTS=. BSTINPUTS=.  # bibtex alone, without a TeX tree, looks nowhere
cd "$root"
{ cat docs/Doxyfile; printf 'OUTPUT_DIRECTORY = "%s"\n' "$folder"; } | doxygen - 2>&1 | tee "$folder/doxygen.log"
[ ! -s "$folder/doxygen.log" ] || die "doxygen has warnings"
echo "Documentation: $folder/html/index.html"
