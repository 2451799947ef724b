#!/usr/bin/env bash
# Fetches the demo's images: vtest.avi, messi5.jpg and basketball1.png from the source package of OpenCV.
#
# usage: scripts/fetch_demo_images.sh [FOLDER]      (default out/demo-input)
#
# Uses the package mirror that this machine is set up with, through a source list of its own: the machine's
# configuration is not touched. About 130 MB are downloaded, only the three files are kept.
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
folder=${1:-$root/out/demo-input}
files="vtest.avi messi5.jpg basketball1.png"

complete=yes
for f in $files; do [ -s "$folder/$f" ] || complete=no; done
if [ $complete = yes ]; then
    echo "The images are already in $folder"
    exit 0
fi
command -v apt-get >/dev/null || die "no apt-get here: put $files of OpenCV's samples/data into $folder yourself"
install_packages dpkg-dev

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"
package=$root/build/opencv-$(own_opencv)/package  # there if the module was built inside OpenCV's tree
if [ ! -d "$package" ]; then
    package=$work/package
    say "Downloading OpenCV's source package for its sample images"
    download_opencv_package "$package" ||
        { tail -n 20 "$package/apt.log" >&2; die "could not download the source package 'opencv'"; }
fi

shopt -s nullglob
for archive in "$package"/opencv_*.orig.tar.*; do
    members=$(tar -tf "$archive" | grep -E '^[^/]+/samples/data/(vtest\.avi|messi5\.jpg|basketball1\.png)$' || true)
    [ -n "$members" ] && tar -xf "$archive" -C "$work" --no-same-owner $members && break
done
for f in $files; do
    found=$(find "$work" -path "*/samples/data/$f" | head -n 1)
    [ -n "$found" ] || die "the source package has no samples/data/$f"
    cp "$found" "$folder/$f"
done
echo "$files -> $folder"
