#!/usr/bin/env bash
# Runs README's two commands on another release of Debian, in a root folder of its own on this machine.
#
# usage: scripts/test_on.sh trixie|sid|opencv5 [demo|test]...      (default: demo test)
#
#   trixie    Debian 13
#   sid       Debian unstable
#   opencv5   Debian unstable with OpenCV 5 of Debian experimental. Its source package is not needed: `test` builds and
#             runs the tests that need no LibTorch, against the installed OpenCV.
#
# The root folder build/roots/NAME is made with debootstrap from the package mirror that this machine is set up with
# (needs Debian's archive, root and some 6 GB), and has a clean copy of the checkout in srv/d2det: the commit HEAD with
# the changes of the work tree, without ignored files. A second run uses the root folder again, with its packages and
# build folders. The shared data (D2DET_SHARED, default ../shared) is mounted read-only, the compiler cache of all roots
# is build/roots/ccache. All mounts lie in a mount namespace of their own: they end with the last process in it, also
# after Ctrl-C, and are never seen from outside.
#
# At the end: versions and results; outputs are in build/roots/NAME-demo.log and NAME-test.log. Exit status 1: a command
# failed; 3: the root folder cannot be made here (no network, no root rights, no debootstrap).
#
# Environment: D2DET_SHARED, D2DET_JOBS and D2DET_TIDY_SECONDS as for scripts/test.sh.
set -euo pipefail
. "$(dirname "$0")/common.sh"

unavailable() { printf 'error: %s\n' "$*" >&2; exit 3; }

name=${1:-}
case $name in
    -h|--help) print_help; exit 0;;
    trixie) suite=trixie;;
    sid|opencv5) suite=sid;;
    *) die "name a platform: trixie, sid or opencv5 (--help explains)";;
esac
shift
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(demo test)
for part in "${parts[@]}"; do
    case $part in demo|test) ;; *) die "unknown command '$part': demo or test";; esac
done
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || unavailable "a root folder needs root rights: run this script as root or install sudo"
    exec sudo --preserve-env=D2DET_SHARED,D2DET_JOBS,D2DET_TIDY_SECONDS,D2DET_BUILD_DIR "$0" "$name" "${parts[@]}"
fi

roots=$build/roots
folder=$roots/$name
shared=${D2DET_SHARED:-$root/../shared}
mkdir -p "$roots/ccache"

# The mirror and the components of Debian's archive in apt's own configuration.
mirror() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 == "Debian" && $3 == "Debian" && $NF == "main" { print $1; exit }'
}

# enter COMMAND...: runs a command in the root folder, with /proc, /dev and the folders from outside.
enter() {
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child bash -c '
        set -e
        folder=$1 shared=$2 ccache=$3; shift 3
        mount -t proc proc "$folder/proc"
        mount --rbind /dev "$folder/dev"
        mount --bind "$ccache" "$folder/srv/ccache"
        if [ -d "$shared" ]; then
            mount --bind "$shared" "$folder/srv/shared"
            mount -o remount,bind,ro "$folder/srv/shared"
        fi
        exec chroot "$folder" "$@"' bash "$folder" "$shared" "$roots/ccache" \
        /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        "TERM=${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/srv/ccache D2DET_SHARED=/srv/shared \
        ${D2DET_JOBS:+"D2DET_JOBS=$D2DET_JOBS"} ${D2DET_TIDY_SECONDS:+"D2DET_TIDY_SECONDS=$D2DET_TIDY_SECONDS"} \
        ${OPENBLAS_CORETYPE:+"OPENBLAS_CORETYPE=$OPENBLAS_CORETYPE"} "$@"
}

# make_root: unless it is there already. A root folder that is not complete has another name.
make_root() {
    local uri proxy=''
    [ -d "$folder" ] && return
    command -v apt-get >/dev/null || unavailable "the root folder is made with debootstrap and apt-get, which are not here"
    (install_packages debootstrap debian-archive-keyring) || unavailable "debootstrap could not be installed"
    unshare --mount true 2>/dev/null || unavailable "no mount namespaces here (a container without the right to mount?)"
    uri=$(mirror)
    [ -n "$uri" ] || unavailable "apt's configuration names no mirror of Debian's archive (or its lists are missing: apt-get update)"
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    if [ -n "$proxy" ]; then export http_proxy=$proxy; fi
    say "Making the root folder build/roots/$name (a few minutes)"
    rm -rf "$folder.new"
    unshare --mount debootstrap --variant=minbase --include=ca-certificates "$suite" "$folder.new" "$uri" \
        >"$folder.log" 2>&1 ||
        { tail -n 5 "$folder.log" >&2; rm -rf "$folder.new"; unavailable "debootstrap failed, its whole output is in $folder.log"; }
    # What the machine's apt knows about proxies and dates holds inside too.
    apt-config dump | grep -E '^Acquire::(https?|Check-|Retries)' >"$folder.new/etc/apt/apt.conf.d/90outside" || true
    mv "$folder.new" "$folder"
}

# add_opencv5: OpenCV of experimental, everything else of unstable: with "-t experimental" the C library would be newer
# unstable's, and what needs its exact version, such as valgrind, could not be installed any more.
add_opencv5() {
    # shellcheck disable=SC2016
    enter bash -c '
        case $(dpkg-query -W -f="\${Version}" libopencv-dev 2>/dev/null) in 5*) exit;; esac
        sed "s/ sid / experimental /" /etc/apt/sources.list >/etc/apt/sources.list.d/experimental.list
        printf "%s\n" "Package: src:opencv" "Pin: release a=experimental" "Pin-Priority: 990" \
            >/etc/apt/preferences.d/opencv5
        apt-get update && apt-get install -y --no-install-recommends libopencv-dev' \
        >"$folder.log" 2>&1 ||
        { tail -n 5 "$folder.log" >&2; unavailable "OpenCV 5 could not be installed, the output is in $folder.log"; }
}

# copy_checkout: HEAD and its parent (what scripts/lint.sh compares with), then the changes of the work tree. Files that
# did not change keep their dates, so that a second run compiles only what changed.
copy_checkout() {
    local copy=$folder/srv/d2det
    command -v git >/dev/null || unavailable "git is missing"
    mkdir -p "$copy" "$folder/srv/ccache" "$folder/srv/shared"
    [ -d "$copy/.git" ] || git init -q "$copy"
    git -C "$copy" fetch -q --depth 2 "$root" HEAD
    git -C "$copy" reset -q --hard FETCH_HEAD
    git -C "$copy" clean -qfd
    (cd "$root" && git ls-files -zmo --exclude-standard | while IFS= read -r -d '' file; do
        if [ -e "$file" ]; then printf '%s\0' "$file"; else rm -f "$copy/$file"; fi
    done | tar -c --null -T -) | tar -x --no-same-owner -C "$copy"
}

# The tests that need no LibTorch, against the installed OpenCV.
# shellcheck disable=SC2016
module_tests='set -euo pipefail
. scripts/common.sh
install_packages $packages_build $packages_module $packages_test
build_project "$build/module" -DD2DET_BUILD_TRAINING=OFF -DD2DET_BUILD_TESTS=ON
scripts/fetch_demo_images.sh
ctest --test-dir "$build/module" --output-on-failure --no-tests=error'

# run_part demo|test
run_part() {
    local command=(scripts/"$1".sh)
    if [ "$name $1" = "opencv5 test" ]; then command=(bash -c "$module_tests" scripts/test_on.sh); fi
    enter bash -c 'cd /srv/d2det && exec "$@"' bash "${command[@]}" 2>&1 | tee "$folder-$1.log"
}

# versions: name and version of the packages that matter, one a line.
versions() {
    # shellcheck disable=SC2016
    enter bash -c '
        . /etc/os-release && echo "$PRETTY_NAME"
        for name in libopencv-dev libtorch-dev libonnx-dev g++ cmake; do
            dpkg-query -W -f="  \${Package} \${Version}\n" $name 2>/dev/null || true
        done
        if command -v g++ >/dev/null; then echo "  $(g++ --version | head -n 1)"; fi'
}

# Two runs would build in one folder.
exec 7>"$roots/$name.lock"
flock -n 7 || die "another run of test_on.sh $name is going on"

make_root
copy_checkout
if [ "$name" = opencv5 ]; then add_opencv5; fi
results=() failed=''
for part in "${parts[@]}"; do
    say "$name: $part"
    started=$SECONDS
    if run_part "$part"; then result=passed; else result=FAILED failed=yes; fi
    results+=("$part: $result in $((SECONDS - started)) s")
    if [ "$part" = test ]; then
        results+=("$(sed -n 's/^\([0-9]*% tests passed.*\)/  \1/p' "$folder-test.log" | tail -n 1)")
    fi
done
say "Summary of $name, $(date -u +%Y-%m-%d)"
versions
printf '%s\n' "${results[@]}"
[ -z "$failed" ]
