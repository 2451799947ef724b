#!/usr/bin/env bash
# Runs the programs of samples/cpp on an image with people.
#
# usage: check_samples.sh FOLDER_OF_PROGRAMS MODEL IMAGE
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$1/sample_detect_image" "$2" "$3" "$work/found.jpg" 0.7 >"$work/detect.txt"
[ "$(grep -c '^person ' "$work/detect.txt")" -ge 2 ] || { cat "$work/detect.txt"; echo "sample_detect_image found too few"; exit 1; }
[ -s "$work/found.jpg" ] || { echo "sample_detect_image wrote no image"; exit 1; }

"$1/sample_read_net" "$2" "$3" 480 >"$work/net.txt"
[ "$(grep -c '^class 0 ' "$work/net.txt")" -ge 1 ] || { cat "$work/net.txt"; echo "sample_read_net found nothing"; exit 1; }

# Errors: one line, exit status 1; a wrong command line 2.
status=0; "$1/sample_detect_image" "$2" "$work/none.jpg" "$work/x.jpg" 2>"$work/error.txt" || status=$?
[ $status = 1 ] && grep -q 'cannot read' "$work/error.txt" || { echo "a missing image ended with $status"; exit 1; }
status=0; "$1/sample_read_net" 2>/dev/null || status=$?
[ $status = 2 ] || { echo "a wrong command line ended with $status"; exit 1; }
