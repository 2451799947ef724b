#!/usr/bin/env bash
# Fetches the demo's pictures: vtest.avi, messi5.jpg and basketball1.png from the source package of OpenCV.
#
# usage: scripts/fetch_demo_pictures.sh [FOLDER]      (default out/demo-input)
#
# Uses the package mirror that this machine is set up with, through a source list of its own: the machine's
# configuration is not touched. About 70 MB are downloaded, only the three files are kept.
set -euo pipefail
. "$(dirname "$0")/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac
folder=${1:-$root/out/demo-input}
files="vtest.avi messi5.jpg basketball1.png"

complete=yes
for f in $files; do [ -s "$folder/$f" ] || complete=no; done
if [ $complete = yes ]; then
    echo "The pictures are already in $folder"
    exit 0
fi
command -v apt-get >/dev/null || die "no apt-get here: put $files of OpenCV's samples/data into $folder yourself"
install_packages dpkg-dev

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$folder" "$work/lists/partial" "$work/parts"
# The machine's own binary sources, turned into source-package sources.
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$f" ] && sed -n 's/^deb\( \|\t\)/deb-src\1/p' "$f" >> "$work/parts/d2det.list"
done
for f in /etc/apt/sources.list.d/*.sources; do
    [ -f "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f" > "$work/parts/$(basename "$f")"
done
apt_options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::Lists=$work/lists"
             -o APT::Sandbox::User=root -o Debug::NoLocking=1)
say "Downloading OpenCV's source package for its sample pictures"
(
    cd "$work"
    apt-get "${apt_options[@]}" update
    apt-get "${apt_options[@]}" source --download-only opencv
) > "$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log" >&2; die "could not download the source package 'opencv'"; }

shopt -s nullglob
for archive in "$work"/opencv_*.orig.tar.*; do
    members=$(tar -tf "$archive" | grep -E '^[^/]+/samples/data/(vtest\.avi|messi5\.jpg|basketball1\.png)$' || true)
    [ -n "$members" ] && tar -xf "$archive" -C "$work" --no-same-owner $members && break
done
for f in $files; do
    found=$(find "$work" -path "*/samples/data/$f" | head -n 1)
    [ -n "$found" ] || die "the source package has no samples/data/$f"
    cp "$found" "$folder/$f"
done
echo "$files -> $folder"
