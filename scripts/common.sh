# Sourced by the scripts of this folder: where things are, how they speak, how packages get installed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${D2DET_BUILD_DIR:-$root/build}
jobs=${D2DET_JOBS:-$(nproc)}

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The comment block at the top of the calling script is its help.
print_help() { sed -n "2,/^[^#]/{s/^# \{0,1\}//p}" "$0"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"
    else die "'$*' needs root: run this script as root or install sudo"; fi
}

# install_packages NAME...: only what is missing; no package list is fetched when nothing is.
install_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return
    command -v apt-get >/dev/null || die "this script installs packages with apt-get; on another system install: ${missing[*]}"
    say "Installing ${#missing[@]} packages: ${missing[*]}"
    local log; log=$(mktemp)
    { as_root apt-get update && DEBIAN_FRONTEND=noninteractive as_root apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; die "apt-get failed, its whole output is in $log"; }
    rm -f "$log"
}

packages_build="g++ cmake ninja-build ccache git ca-certificates"
packages_module="libopencv-dev libboost-program-options-dev nlohmann-json3-dev libpugixml-dev libyaml-cpp-dev"
packages_training="libtorch-dev libonnx-dev libprotobuf-dev protobuf-compiler libopenblas0-pthread"
packages_test="libboost-test-dev libgtest-dev"
packages_docs="doxygen texlive-binaries"

# configure_and_build FOLDER TARGETS -- CMAKE_OPTIONS...
build_project() {
    local folder=$1; shift
    if [ ! -f "$folder/build.ninja" ]; then
        say "Configuring $folder"
        cmake -S "$root" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@" >"$folder.log" 2>&1 ||
            { tail -n 30 "$folder.log" >&2; die "cmake failed, its whole output is in $folder.log"; }
    fi
    say "Building with $jobs jobs (nothing to do if nothing changed)"
    cmake --build "$folder" -j "$jobs"
}
