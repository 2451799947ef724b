#!/usr/bin/env bash
# Builds the module d2det inside OpenCV's own source tree, with its tests and benchmarks.
#
# usage: scripts/build_in_tree.sh [--version 4.6|4.10|5.0|FOLDER] [--build DIR] [--modules DIR] [--target NAME]
#                                 [--python] [--cuda CONTRIB] [--test] [--perf]
#
#   --version V   default: the version of this system, from its source package 'opencv', downloaded with apt-get (about
#                 130 MB); 4.6, 4.10 or 5.0: that of Debian 12, 13 or experimental, on any Debian; or the folder of any
#                 OpenCV source tree
#   --build DIR   build folder (default build/in-tree-VERSION, e.g. build/in-tree-4.6)
#   --modules DIR folder that contains d2det (default modules of this project)
#   --target NAME only this program, e.g. opencv_perf_d2det
#   --python      also builds the Python bindings: cv2 including cv2.d2det (needs numpy)
#   --cuda CONTRIB  with the CUDA back end of cv::dnn, including the CUDA nodes of the module's layers; needs nvcc,
#                 cuBLAS, cuDNN, a source tree of OpenCV (4.13 for CUDA 13) and of opencv_contrib (for cudev)
#   --test        runs the module's tests afterwards
#   --perf        runs the module's benchmarks afterwards
#
# Only the required parts of OpenCV are built: core, imgproc, imgcodecs, dnn and the test module with its dependencies.
# Results: bin/opencv_test_d2det, bin/opencv_perf_d2det, lib/libopencv_d2det.so and lib/python3 in the build folder. The
# source package goes to build/opencv-VERSION. Missing packages are installed with apt-get. A second run compiles only
# changed files. Exit status 3: the source package is not available.
#
# Environment: D2DET_JOBS (parallel compile jobs, default all cores), D2DET_CUDA_ARCH_BIN (GPUs to compile for with
# --cuda, default 9.0, in OpenCV's notation).
set -euo pipefail
. "$(dirname "$0")/common.sh"

version='' folder='' modules=$root/modules target='' python=OFF contrib='' run_test='' run_perf=''
while [ $# -gt 0 ]; do
    case $1 in
        -h|--help) print_help; exit 0;;
        --version) version=${2:?--version needs a value}; shift;;
        --build) folder=$(realpath -m "${2:?--build needs a folder}"); shift;;
        --modules) modules=$(cd "${2:?--modules needs a folder}" && pwd); shift;;
        --target) target=${2:?--target needs a name}; shift;;
        --python) python=ON;;
        --cuda) contrib=$(cd "${2:?--cuda needs the folder of opencv_contrib}" && pwd); shift;;
        --test) run_test=yes;;
        --perf) run_perf=yes;;
        *) die "unknown argument '$1' (--help lists them)";;
    esac
    shift
done
# shellcheck disable=SC2086
install_packages $packages_build $packages_in_tree
if [ $python = ON ]; then
    # shellcheck disable=SC2086
    install_packages $packages_python
fi

# fetch_source FOLDER [SUITE]: source tree of the package, without what no build needs. Sets `source`.
fetch_source() {
    source=$1/source
    [ -d "$source" ] && return
    say "Downloading OpenCV's source package"
    download_opencv_package "$1/package" "${2:-}" || {
        tail -n 5 "$1/package/apt.log" >&2 || true
        printf "error: the source package 'opencv' could not be downloaded; a source tree of yours can be named with --version FOLDER\n" >&2
        exit 3
    }
    rm -rf "$source.new" && mkdir -p "$source.new"
    tar -xf "$(find "$1/package" -name 'opencv_*.orig.tar.*' | head -n 1)" -C "$source.new" --strip-components=1 --no-same-owner \
        --exclude='*/samples/data/*' || die "the archive in $1/package is damaged: remove that folder"
    mv "$source.new" "$source"
}
own=$(own_opencv)
version=${version:-$own}
case $version in
    '') die "there is no package libopencv-dev here: name a source tree with --version FOLDER";;
    "$own") fetch_source "$root/build/opencv-$version";;
    4.6|4.10|5.0)
        grep -q '^ID=debian' /etc/os-release || {
            echo "error: $version comes from Debian's archive: on another system name a source tree" >&2; exit 3; }
        case $version in 4.6) suite=bookworm;; 4.10) suite=trixie;; 5.0) suite=experimental;; esac
        fetch_source "$root/build/opencv-$version" "$suite";;
    *)
        source=$(cd "$version" 2>/dev/null && pwd) || die "no folder '$version'"
        version='';;
esac
header=$source/modules/core/include/opencv2/core/version.hpp
[ -f "$header" ] || die "'$source' is not a source tree of OpenCV"
number() { sed -n "s/^#define CV_VERSION_$1  *\([0-9]*\).*/\1/p" "$header"; }
number="$(number MAJOR).$(number MINOR).$(number REVISION)"
folder=${folder:-$(realpath -m "$root/build/in-tree-${version:-$number}${contrib:+-cuda}")}
say "OpenCV $number, module d2det, build folder $folder"

off=()
for option in WITH_{IPP,ITT,ADE,QUIRC,OPENEXR,TIFF,WEBP,OPENJPEG,JASPER,AVIF,GSTREAMER,FFMPEG,GTK,QT,V4L,1394,VTK,LAPACK,EIGEN,OPENCL,VA,VA_INTEL,FLATBUFFERS,GPHOTO2,OBSENSOR,GDAL,GDCM} \
    BUILD_{ZLIB,PNG,JPEG,EXAMPLES,DOCS,JAVA,PACKAGE,opencv_apps,opencv_js,opencv_java} \
    ENABLE_PRECOMPILED_HEADERS OPENCV_DNN_OPENCL; do
    off+=("-D$option=OFF")
done
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache -DENABLE_CCACHE=OFF)
# Paths relative to the project: another build folder or checkout of the project uses what this one has compiled.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
# cuda_options CONTRIB: sets `cuda`.
cuda_options() {
    local nvcc flags=()
    nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
    [ -x "$nvcc" ] || die "no nvcc on the PATH or in /usr/local/cuda/bin: install the CUDA toolkit"
    [ -d "$1/modules/cudev" ] || die "'$1' is not a source tree of opencv_contrib: it has no modules/cudev"
    cuda=(-DWITH_CUDA=ON "-DCMAKE_CUDA_COMPILER=$nvcc" -DENABLE_CUDA_FIRST_CLASS_LANGUAGE=ON -DWITH_CUDNN=ON -DOPENCV_DNN_CUDA=ON
        "-DCUDA_ARCH_BIN=${D2DET_CUDA_ARCH_BIN:-9.0}" -DCUDA_ARCH_PTX= -DWITH_CUFFT=OFF -DWITH_NVCUVID=OFF -DWITH_NVCUVENC=OFF)
    # Toolkits may come without NPP, of which OpenCV's core needs the names only.
    [ -f "$(dirname "$(realpath "$nvcc")")/../include/npp.h" ] || flags=("-I$root/cmake/npp_types")
    [ ${#flags[@]} -eq 0 ] || cuda+=("-DCMAKE_CXX_FLAGS=${flags[*]}" "-DCMAKE_CUDA_FLAGS=${flags[*]}")
    if [ ${#launcher[@]} -gt 0 ]; then cuda+=(-DCMAKE_CUDA_COMPILER_LAUNCHER=ccache); fi
}
cuda=(-DWITH_CUDA=OFF)
if [ -n "$contrib" ]; then
    cuda_options "$contrib"
    modules="$contrib/modules/cudev;$modules"
fi
# The system's protobuf needs sources made anew. 5.0 has sources of Caffe's messages without their .proto file: there
# OpenCV's own protobuf is built instead.
protobuf=(-DBUILD_PROTOBUF=OFF -DPROTOBUF_UPDATE_FILES=ON)
if [ -d "$source/modules/dnn/src/caffe" ] && [ ! -f "$source/modules/dnn/src/caffe/opencv-caffe.proto" ]; then
    protobuf=(-DBUILD_PROTOBUF=ON -DPROTOBUF_UPDATE_FILES=OFF)
fi
bindings='' targets=(opencv_d2det opencv_test_d2det opencv_perf_d2det)
if [ $python = ON ]; then
    bindings=,python3
    targets+=(opencv_python3)
fi
if [ -n "$target" ]; then targets=("$target"); fi
configure "$source" "$folder" "${launcher[@]}" "${off[@]}" "${cuda[@]}" \
    -DBUILD_LIST=core,imgproc,imgcodecs,videoio,highgui,dnn,ts,${contrib:+cudev,}d2det$bindings "-DOPENCV_EXTRA_MODULES_PATH=$modules" \
    "${protobuf[@]}" -DCPU_DISPATCH=AVX2,AVX512_SKX -DBUILD_TESTS=ON -DBUILD_PERF_TESTS=ON \
    -DOPENCV_BUILD_TEST_MODULES_LIST=d2det -DOPENCV_BUILD_PERF_TEST_MODULES_LIST=d2det \
    -DBUILD_opencv_python3=$python -DPYTHON3_EXECUTABLE=/usr/bin/python3 -DOPENCV_SKIP_PYTHON_LOADER=ON
say "Building with $jobs jobs (nothing to do if nothing changed)"
cmake --build "$folder" -j "$jobs" --target "${targets[@]}"

if [ -n "$run_test" ]; then "$folder/bin/opencv_test_d2det"; fi
if [ -n "$run_perf" ]; then "$folder/bin/opencv_perf_d2det"; fi
if [ $python = ON ]; then say "Python: PYTHONPATH=$folder/lib/python3 /usr/bin/python3"; fi
say "Done: programs in $folder/bin, libraries in $folder/lib"
