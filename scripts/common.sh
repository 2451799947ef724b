# Sourced by the scripts in this folder: paths, messages, installation of packages.

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

# install_packages NAME...: installs missing packages; package lists are fetched only if necessary.
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
packages_module="libopencv-dev libfreetype-dev libboost-program-options-dev nlohmann-json3-dev libpugixml-dev libyaml-cpp-dev"
packages_training="libtorch-dev libgloo-dev libonnx-dev libprotobuf-dev protobuf-compiler libopenblas0-pthread"
packages_test="libboost-test-dev libgtest-dev valgrind iproute2"
packages_reference="python3-torchvision"  # what tests compare imported models with
packages_docs="doxygen texlive-binaries"
packages_lint="clang-format clang-tidy"
packages_fuzz="clang"

packages_in_tree="dpkg-dev zlib1g-dev libpng-dev libjpeg-dev libprotobuf-dev protobuf-compiler"
packages_python="python3-dev python3-numpy"

# configure SOURCE FOLDER CMAKE_OPTIONS...: runs cmake unless already configured with the same options.
configure() {
    local source=$1 folder=$2; shift 2
    if [ ! -f "$folder/build.ninja" ] || [ "$*" != "$(cat "$folder/d2det_options" 2>/dev/null)" ]; then
        say "Configuring $folder"
        mkdir -p "$folder"
        cmake -S "$source" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@" >"$folder.log" 2>&1 ||
            { tail -n 30 "$folder.log" >&2; die "cmake failed, its whole output is in $folder.log"; }
        printf '%s\n' "$*" >"$folder/d2det_options"
    fi
}

# build_project FOLDER CMAKE_OPTIONS...
build_project() {
    local folder=$1; shift
    configure "$root" "$folder" "$@"
    say "Building with $jobs jobs (nothing to do if nothing changed)"
    cmake --build "$folder" -j "$jobs"
}

# own_opencv: version of the distribution's OpenCV as in names of folders, e.g. 4.6 on Debian 12; nothing if unknown.
own_opencv() {
    { dpkg-query -W -f='${Version}' libopencv-dev ||
        apt-cache show --no-all-versions libopencv-dev | sed -n 's/^Version: //p'; } 2>/dev/null |
        sed -nE 's/^([0-9]+:)?([0-9]+\.[0-9]+).*/\2/p' || true
}

# download_opencv_package FOLDER [SUITE]: the archives of the distribution's source package 'opencv', into FOLDER.
# Uses the package mirror that this machine is set up with, through a source list of its own (of another Debian release
# with SUITE): the machine's configuration is not touched. Status 1 if nothing came; the output is in FOLDER/apt.log.
download_opencv_package() {
    local folder=$1 suite=${2:-} own lists f
    [ -n "$(find "$folder" -maxdepth 1 -name 'opencv_*.orig.tar.*' 2>/dev/null)" ] && return
    command -v apt-get >/dev/null || return 1
    own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    mkdir -p "$folder"
    lists=$(mktemp -d)
    chmod 755 "$lists"
    mkdir -p "$lists/state/partial" "$lists/parts"
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [ -f "$f" ]; then sed -n 's/^deb\( \|\t\)/deb-src\1/p' "$f" >>"$lists/parts/d2det.list"; fi
    done
    for f in /etc/apt/sources.list.d/*.sources; do
        if [ -f "$f" ]; then sed 's/^Types:.*/Types: deb-src/' "$f" >"$lists/parts/$(basename "$f")"; fi
    done
    if [ -n "$suite" ]; then sed -i "s/\b$own\b/$suite/g" "$lists"/parts/*; fi
    (
        cd "$folder"
        options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$lists/parts"
                 -o "Dir::State::Lists=$lists/state" -o APT::Sandbox::User=root -o Debug::NoLocking=1)
        apt-get "${options[@]}" update
        apt-get "${options[@]}" source --download-only opencv
    ) >"$folder/apt.log" 2>&1 || true
    rm -rf "$lists"
    [ -n "$(find "$folder" -maxdepth 1 -name 'opencv_*.orig.tar.*')" ]
}
