#!/usr/bin/env bash
# Proves and times the CUDA kernels and the trainer on the GPU of this machine, in one command with a limit of time.
#
# usage: perf/gpu/run.sh                     on the machine with the GPU; leaves results in OUT
#        perf/gpu/run.sh --prepare FOLDER    anywhere with nvcc, before: programs and golden vectors for that machine
#        perf/gpu/run.sh --rehearse          without a GPU: every step at small sizes on the CPU
#        perf/gpu/run.sh --steps 'PATTERN'   only the steps whose names match, for example 'train*'
#        perf/gpu/run.sh --list              the steps with their needs and limits in seconds
#
# Needs a driver and CMake, nvcc and g++ for what is not prepared; the trainer and the peers need the PyTorch of python3
# with CUDA (or D2DET_TORCH: a LibTorch, a folder with include/ and lib/). OpenCV is used if it is there.
#
# Every step has a limit, after which it is ended and the next one begins; a step for which the rest of the budget is
# too short is left out and named. The trainer is built meanwhile, its steps come when it is ready. OUT/gpu.json is
# complete and valid after each step: whatever ends the run costs the running step only.
#
#   OUT              folder of the results (default perf/results): gpu.json, gpu.txt, build.log, trainer_build.log
#   D2DET_BUDGET     seconds for everything (480)
#   D2DET_PREPARED   what --prepare made (default build/gpu_prepared); without it, or if its programs do not start here
#                    or are for other GPUs, they are built here
#   D2DET_SHARED     folder with golden/ (default the prepared one, then ../shared and shared/)
#   D2DET_BUILD_DIR  build folder (default build/gpu)     D2DET_JOBS  compilers at a time (default all cores)
#   D2DET_CUDA_ARCHITECTURES  of --prepare (90)           D2DET_PROGRAMS  --rehearse: folder of the built programs
#
# Status: 0 nothing is wrong, 1 something is, 2 wrong usage, 77 no CUDA device.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
self=(bash "$root/perf/gpu/run.sh")
say() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
[ -d /usr/local/cuda/bin ] && PATH=$PATH:/usr/local/cuda/bin
jobs=${D2DET_JOBS:-$(nproc)}
generator=(); command -v ninja >/dev/null && generator=(-G Ninja)

# ------------------------------------------------------------------ steps
# In order of worth. NAME NEED LIMIT AFTER: seconds that it takes at least (with less left it is not begun) and at most;
# AFTER: "-" at once, "trainer" when the trainer is built, "last" after all of those.
all_steps() {
    cat <<'EOF'
device                  2  20 -
ceilings               12  60 -
tests                   8  60 -
golden                  3  30 -
kernels                15 100 -
operators              15  60 -
trainer_check          10  60 trainer
inference_d2det        15  90 trainer
train_d2det_bfloat16   10  45 trainer
train_d2det_float32    10  45 trainer
train_faster_bfloat16  10  45 trainer
train_faster_float32   10  45 trainer
train_d2det_float16    10  45 trainer
inference_others       15  75 trainer
train_faster_float16   10  45 trainer
train_d2det_batch_16   12  60 trainer
peer_inference         15  75 -
peer_training          15  75 -
memcheck               15  60 last
racecheck              15  60 last
EOF
    [ $rehearse = 0 ] || printf 'hang 1 2 last\n'  # shows that a step that hangs is ended
}

# command_of NAME: the step's command in `command`; or status 1 and in `why` what it lacks.
command_of() {
    local results=$work/results.$1
    local -a small=() network=(--size 800x1344) training=(--batch 4 --steps 20 --warmup 5) peers=() filter=()
    local device=cuda
    if [ $rehearse = 1 ]; then
        device=cpu
        small=(--small yes)
        network=("${small[@]}" --size 64x96 --runs 1 --warmup 0)
        training=("${small[@]}" --size 64x96 --batch 1 --steps 1 --warmup 1)
        peers=(--device cpu --small --runs 1)
        filter=(--filter 'roi_align:one')
    fi
    why=
    case $1 in
        device) command=("${self[@]}" --device-facts "$results");;
        tests) command=("$programs/d2det_test_cuda$emulated" --exclude golden "${filter[@]}");;
        golden)
            [ -n "${D2DET_SHARED:-}" ] || why="no golden vectors: set D2DET_SHARED"
            command=("$programs/d2det_test_cuda$emulated" --filter golden);;
        kernels)
            command=("$programs/d2det_gpu_benchmark$emulated" --json "$results" "${small[@]}")
            [ $rehearse = 0 ] || command+=(--runs 1 --filter 'one RoI');;
        ceilings|operators|peer_*)
            [ -n "$python" ] || why="no python3"
            command=("$python" "$root/perf/gpu/peers.py" "${1#peer_}" --json "$results" "${peers[@]}");;
        trainer_check) command=("$trainer_programs/d2det_gpu_trainer_check" --device "$device");;
        inference_d2det)
            command=("$trainer_programs/d2det_gpu_network_benchmark" --device "$device" --json "$results" --model d2det
                "${network[@]}")
            if [ $rehearse = 0 ]; then command+=(--precision "tf32,bfloat16,float32,float16" --proposals "1000,300")
            else command+=(--precision "tf32,bfloat16" --proposals "20,10"); fi;;
        inference_others)
            command=("${self[@]}" --each "d2det_masks faster_rcnn mask_rcnn" --model
                "$trainer_programs/d2det_gpu_network_benchmark" --device "$device" --json "$results" "${network[@]}"
                --precision "tf32,bfloat16" --proposals $((rehearse ? 20 : 1000)));;
        train_*)
            local model=${1#train_} precision
            precision=${model#*_}; model=${model%%_*}
            [ "$model" = faster ] && model=faster_rcnn
            case $precision in
                batch_16) precision=bfloat16; training+=(--batch $((rehearse ? 2 : 16)));;
                float16) [ $rehearse = 0 ] || why="the CPU has no float16";;
            esac
            command=("$trainer_programs/d2det_gpu_train_benchmark" --device "$device" --json "$results"
                --model "$model" --precision "$precision" "${training[@]}");;
        memcheck|racecheck)
            local sanitizer tests=(--filter malformed)
            sanitizer=$(command -v compute-sanitizer) || why="no compute-sanitizer"
            [ "$1" = racecheck ] && tests=(--filter nms)
            [ $rehearse = 0 ] || tests=("${filter[@]}")
            command=("$sanitizer" --tool "$1" --error-exitcode 9 "$programs/d2det_test_cuda$emulated" "${tests[@]}")
            # It says nothing where it cannot run at all (some virtual machines).
            if [ -z "$why" ] && ! timeout -k 5 $((rehearse ? 5 : 25)) "$sanitizer" "$programs/d2det_test_cuda$emulated" \
                --filter "${filter[1]:-gather_rows:}" >/dev/null 2>&1; then
                why="compute-sanitizer cannot run here"
            fi;;
        hang) command=(sleep 1000);;
    esac
    case $1 in
        train*|inference_*)
            if [ "$trainer" != ready ]; then why="the trainer is not built: $trainer"
            elif [ "$1" = inference_others ]; then [ -x "${command[5]}" ]
            else [ -x "${command[0]}" ]; fi || why=${why:-"this program could not be built, see trainer_build.log"};;
    esac
    [ -z "$why" ]
}

# ------------------------------------------------------------------ results
# A line of results counts only if it is one flat JSON object: programs may be ended while they write.
string='"[] !#-[^-~]*"'
value="($string|-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null)"
flat_object="^\\{\"[a-z_0-9]+\": $value(, \"[a-z_0-9]+\": $value)*\\}\$"

# json_text TEXT: a JSON string; what would have to be escaped is replaced.
json_text() { printf '"%s"' "$(printf '%s' "$1" | LC_ALL=C tr -c ' !#-[^-~]' _)"; }

# write_json FINISHED: all that is known, in one movement.
write_json() {
    local name separator=
    {
        printf '{"finished": %s, "rehearsal": %s, "commit": %s, "begun": %s, "budget_s": %d, "used_s": %d, "device": %s,\n' \
            "$1" "$([ $rehearse = 1 ] && echo true || echo false)" "$(json_text "$commit")" "$(json_text "$begun")" \
            "$budget" "$SECONDS" "$(json_text "$device_name")"
        printf '"steps": ['
        for name in "${names[@]}"; do
            printf '%s\n  {"name": "%s", "status": "%s", "code": %d, "seconds": %d, "at_s": %d, "note": %s}' "$separator" \
                "$name" "${status[$name]}" "${code[$name]}" "${seconds[$name]}" "${at[$name]}" "$(json_text "${note[$name]}")"
            separator=,
        done
        printf '],\n"results": [\n'
        for name in "${names[@]}"; do
            [ -f "$work/results.$name" ] || continue
            LC_ALL=C grep -aE "$flat_object" "$work/results.$name" | sed "s/^{/  {\"step\": \"$name\", /"
        done | sed '$!s/$/,/'
        printf ']}\n'
    } >"$out/.gpu.json.part" && mv -f "$out/.gpu.json.part" "$out/gpu.json"
}

# ------------------------------------------------------------------ helpers that are commands of steps
# device_facts FILE: what the machine is, a line of JSON each.
device_facts() {
    local keys=name,driver_version,compute_cap,memory.total,clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem
    keys+=,power.limit,power.draw,temperature.gpu,mig.mode.current
    local name value
    local -a keys_of values
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi
        # All at once; one by one if a name that this driver does not know spoils the answer.
        IFS=, read -ra keys_of <<<"$keys"
        IFS=, read -ra values <<<"$(nvidia-smi --query-gpu="$keys" --format=csv,noheader 2>/dev/null | head -n 1)"
        for i in "${!keys_of[@]}"; do
            name=${keys_of[i]}
            if [ ${#values[@]} = ${#keys_of[@]} ]; then value=${values[i]# }
            else value=$(nvidia-smi --query-gpu="$name" --format=csv,noheader 2>/dev/null | head -n 1); fi
            fact "$1" "gpu $name" "$value"
        done
    else
        echo "no nvidia-smi"
    fi
    fact "$1" kernel "$(uname -sr)"
    fact "$1" cores "$(getconf _NPROCESSORS_ONLN)"
    fact "$1" nvcc "$(nvcc --version 2>/dev/null | sed -n 's/.*release //p')"
    fact "$1" compiler "$(c++ --version 2>/dev/null | head -n 1)"
    fact "$1" cmake "$(cmake --version 2>/dev/null | head -n 1)"
}
fact() {
    printf '%-24s %s\n' "$2" "$3"
    printf '{"what": "fact", "name": "%s", "value": %s}\n' "$2" "$(json_text "$3")" >>"$1"
}

# each "A B" OPTION COMMAND...: COMMAND... OPTION A, then B; status 1 if one failed.
each() {
    local list=$1 option=$2 bad=0 one
    shift 2
    for one in $list; do "$@" "$option" "$one" || bad=1; done
    return $bad
}

# build_trainer FOLDER ARCHITECTURE: all that can be built of it, also if a part cannot.
build_trainer() {
    local torch=${D2DET_TORCH:-} trainer_jobs=$((jobs > 3 ? jobs - 2 : 1)) keep=()
    [ -n "$torch" ] || torch=$(torch_of "$(find_python)")
    [ -n "$torch" ] || { echo "error: no LibTorch: python3 has no torch and D2DET_TORCH is not set"; return 77; }
    [ ${#generator[@]} = 0 ] || keep=(-k 0)
    [ -f "$1/CMakeCache.txt" ] || cmake -S "$root/perf/gpu/train" -B "$1" "${generator[@]}" \
        "-DCMAKE_CUDA_ARCHITECTURES=$2" "-DD2DET_TORCH=$torch" || return 1
    cmake --build "$1" -j "$trainer_jobs" -- "${keep[@]}"
}
# torch_of PYTHON: the folder of its PyTorch, found without importing it, which takes many seconds.
torch_of() {
    "$1" -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")' \
        2>/dev/null
}
# find_python: the one that has PyTorch, else any.
find_python() {
    local python
    for python in "${D2DET_PYTHON:-}" python3 /usr/bin/python3; do
        if [ -n "$python" ] && [ -n "$(torch_of "$python")" ]; then command -v "$python"; return; fi
    done
    command -v python3 || true
}

# prepare FOLDER
prepare() {
    local folder=$1 build=${D2DET_BUILD_DIR:-$root/build/prepare} size limit_kib=12288
    local architectures=${D2DET_CUDA_ARCHITECTURES:-90}
    command -v nvcc >/dev/null || die "no nvcc on the PATH or in /usr/local/cuda/bin"
    if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ] && [ ! -f "$folder/architectures" ]; then
        die "$folder is not empty and was not made by --prepare: name another or empty it"
    fi
    say "Building for $architectures in $build"
    cmake -S "$root/perf/gpu" -B "$build" "${generator[@]}" -DD2DET_GPU_PORTABLE=ON \
        "-DCMAKE_CUDA_ARCHITECTURES=$architectures" || die "cmake failed"
    cmake --build "$build" -j "$jobs" --target d2det_test_cuda d2det_gpu_benchmark || die "the build failed"
    rm -rf "$folder"
    mkdir -p "$folder" || die "cannot make $folder"
    for program in d2det_test_cuda d2det_gpu_benchmark; do
        strip -o "$folder/$program" "$build/bin/$program" || die "cannot strip $program"
        "$folder/$program" --list >/dev/null 2>&1 || [ "$program" != d2det_test_cuda ] || die "$program does not start"
    done
    printf '%s\n' "${architectures//;/ }" | sed 's/-[a-z]*//g' >"$folder/architectures"
    git -C "$root" rev-parse --short HEAD >"$folder/commit" 2>/dev/null
    local golden=
    for place in "${D2DET_SHARED:-}" "$root/../shared" "$root/shared"; do
        [ -z "$golden" ] && [ -n "$place" ] && [ -f "$place/golden/index.json" ] && golden=$place/golden
    done
    if [ -n "$golden" ]; then
        mkdir "$folder/golden"
        # All that the CUDA tests read: without the vectors of the host's functions and of the evaluation.
        for place in "$golden"/*; do
            case ${place##*/} in host|eval|*.py) ;; *) cp -r "$place" "$folder/golden/" || die "cannot copy $place";; esac
        done
    else
        say "No golden vectors: set D2DET_SHARED to take them along"
    fi
    size=$(du -sk --apparent-size "$folder" | cut -f 1)
    du -sk --apparent-size "$folder"/* | sed 's/^/    KiB: /'
    say "$folder: $size KiB"
    [ "$size" -le $limit_kib ] || die "more than $limit_kib KiB: too much to be carried around"
    case $(realpath "$folder") in
        "$root"/*) git -C "$root" check-ignore -q "$folder" || say "git does not ignore $folder: do not commit it";;
    esac
}

# ------------------------------------------------------------------ options
rehearse=0 pattern='*'
while [ $# -gt 0 ]; do
    case $1 in
        -h|--help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit 0;;
        --prepare) [ $# = 2 ] || { echo "error: --prepare needs a folder" >&2; exit 2; }; prepare "$2"; exit;;
        --device-facts) device_facts "$2"; exit;;
        --each) shift; each "$@"; exit;;
        --build-trainer) build_trainer "$2" "$3"; exit;;
        --list) all_steps; exit;;
        --rehearse) rehearse=1; shift;;
        --steps) [ $# -ge 2 ] || { echo "error: --steps needs a pattern" >&2; exit 2; }; pattern=$2; shift 2;;
        *) echo "error: unknown option $1, see --help" >&2; exit 2;;
    esac
done

out=${OUT:-$root/perf/results}
budget=${D2DET_BUDGET:-480}
case $budget in ''|*[!0-9]*) echo "error: D2DET_BUDGET is $budget, expected seconds" >&2; exit 2;; esac
build=${D2DET_BUILD_DIR:-$root/build/gpu}
prepared=${D2DET_PREPARED:-$root/build/gpu_prepared}
if ! work=$(mktemp -d) || ! mkdir -p "$out" "$build"; then die "cannot make $out or $build"; fi
chmod +x "$prepared"/d2det_* 2>/dev/null  # some ways of copying lose it
table=$out/gpu.txt
: >"$table" || die "cannot write $table"
SECONDS=0
begun=$(date -u +%Y-%m-%dT%H:%M:%SZ)
commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || cat "$prepared/commit" 2>/dev/null || echo unknown)
device_name=none trainer=none trainer_pid='' running='' emulated='' failed=0
python=$(find_python)
names=()
declare -A status code seconds at note need limit after
shown=0
show() { tail -c +$((shown + 1)) "$table"; shown=$(stat -c %s "$table"); }  # what is new in the table
tell() { printf '==> %4d s  %s\n' "$SECONDS" "$*" >>"$table"; show; }
left() { echo $((budget - SECONDS)); }

finish() {
    local process
    for process in "$running" "$trainer_pid"; do
        [ -z "$process" ] || kill -TERM -- "-$process" "$process" 2>/dev/null
    done
    write_json "${1:-false}"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT HUP
write_json false

# limited SECONDS COMMAND...: output into the table. Status 124: it was ended; 125: it cannot be ended (a call of the
# driver that never returns) and is left behind.
limited() {
    local allowed=$1 end=$((SECONDS + $1 + 12)) result=0
    shift
    timeout -k 5 "$allowed" "$@" >>"$table" 2>&1 </dev/null &
    running=$!
    while kill -0 "$running" 2>/dev/null; do
        if [ "$SECONDS" -ge "$end" ]; then disown "$running"; running=; return 125; fi
        sleep 0.1
    done
    wait "$running" || result=$?
    running=
    [ $result != 137 ] || result=124
    return $result
}

# record NAME STATUS CODE NOTE
record() { status[$1]=$2; code[$1]=$3; note[$1]=$4; }

# run_step NAME COMMAND...
run_step() {
    local name=$1 begin=$SECONDS result=0 seconds_left
    shift
    seconds_left=$(($(left) < limit[$name] ? $(left) : limit[$name]))
    at[$name]=$begin
    record "$name" running 0 "$([ "$trainer" = building ] && echo 'while the trainer was built')"
    write_json false
    tell "$name (at most $seconds_left s)"
    limited "$seconds_left" "$@" || result=$?
    seconds[$name]=$((SECONDS - begin))
    case $result in
        0) record "$name" ok 0 "${note[$name]}";;
        77) record "$name" skipped 77 "$(grep -a SKIPPED "$table" | tail -n 1)";;
        124) record "$name" timeout 124 "ended after $seconds_left s";;
        125) record "$name" hung 125 "could not be ended after $seconds_left s";;
        *) record "$name" failed "$result" "status $result";;
    esac
    [ "${status[$name]}" = ok ] || tell "$name: ${status[$name]}, ${note[$name]}"
    show
    write_json false
}

# ------------------------------------------------------------------ rehearsal: what a machine with a GPU has
if [ $rehearse = 1 ]; then
    emulated=_emulated
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
    mkdir "$work/bin"
    printf '#!/bin/sh\ncase "$*" in *compute_cap*) echo 9.0;; *mig*) exit 6;; *) echo "a \\"rehearsal\\", N/A";; esac\n' \
        >"$work/bin/nvidia-smi"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nwhile case $1 in --tool|--error-exitcode) true;; *) false;; esac; do shift 2; done\nexec "$@"\n' \
        >"$work/bin/compute-sanitizer"
    chmod +x "$work/bin/"*
    PATH=$work/bin:$PATH
fi
architecture=$(timeout 20 nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ' || true)
case $architecture in ''|*[!0-9]*) architecture=90;; esac

# ------------------------------------------------------------------ the trainer's build, from the first second
selected=$(all_steps | while read -r name rest; do
    # shellcheck disable=SC2053
    [[ $name == $pattern ]] && echo "$name $rest"; done)
[ -n "$selected" ] || { echo "error: no step matches $pattern, see --list" >&2; exit 2; }

trainer_programs=$build/train/bin
if grep -q ' trainer$' <<<"$selected"; then
    if [ -n "${D2DET_PROGRAMS:-}" ]; then
        trainer_programs=$D2DET_PROGRAMS trainer=ready
    else
        trainer=building
        setsid nice -n 10 timeout -k 5 "$budget" "${self[@]}" --build-trainer "$build/train" "$architecture" \
            >"$out/trainer_build.log" 2>&1 </dev/null &
        trainer_pid=$!
    fi
fi
# look_at_trainer: building -> ready, or the reason why not.
look_at_trainer() {
    [ "$trainer" = building ] && ! kill -0 "$trainer_pid" 2>/dev/null || return 0
    wait "$trainer_pid"
    local result=$?
    trainer_pid=
    if [ $result = 0 ] || compgen -G "$trainer_programs/d2det_gpu_*" >/dev/null; then trainer=ready
    else trainer="status $result, see trainer_build.log"; fi
    tell "the trainer's build ended with status $result"
    if [ $result = 77 ]; then
        trainer="there is no LibTorch: python3 has no torch and D2DET_TORCH is not set"
    elif [ $result != 0 ]; then
        failed=1
        grep -aE 'error|Error|undefined' "$out/trainer_build.log" | head -n 40 >>"$table"
        show
    fi
}

# ------------------------------------------------------------------ programs of the kernels: prepared, or built here
programs=
if [ -n "${D2DET_PROGRAMS:-}" ]; then
    programs=$D2DET_PROGRAMS
elif [ $rehearse = 0 ] && [ -x "$prepared/d2det_test_cuda" ]; then
    if ! timeout 20 "$prepared/d2det_test_cuda" --list >/dev/null 2>>"$table"; then
        tell "the prepared programs do not start here"
    elif ! grep -qw "$architecture" "$prepared/architectures"; then
        tell "the prepared programs are for $(cat "$prepared/architectures"), this GPU is $architecture"
    else
        programs=$prepared
    fi
fi
if [ -z "$programs" ]; then
    tell "building the kernels for $architecture in $build"
    programs=$build/bin
    [ -f "$build/CMakeCache.txt" ] || cmake -S "$root/perf/gpu" -B "$build" "${generator[@]}" \
        "-DCMAKE_CUDA_ARCHITECTURES=$architecture" >"$out/build.log" 2>&1 || tell "cmake failed, see build.log"
    timeout -k 5 $((budget / 2)) cmake --build "$build" -j "$jobs" \
        --target "d2det_test_cuda$emulated" "d2det_gpu_benchmark$emulated" >>"$out/build.log" 2>&1 ||
        { grep -aE 'error|Error' "$out/build.log" | head -n 20 >>"$table"; tell "the build failed, see build.log"; failed=1; }
fi
if [ -z "${D2DET_SHARED:-}" ]; then
    for place in "$prepared" "$root/../shared" "$root/shared"; do
        [ -f "$place/golden/index.json" ] && { export D2DET_SHARED=$place; break; }
    done
fi

# ------------------------------------------------------------------ run
timeout -k 5 40 "$programs/d2det_test_cuda$emulated" --filter "nothing has this name" >"$work/device" 2>&1
if [ $? = 77 ]; then
    device_name="none: $(sed -n 's/.*no CUDA device: //p' "$work/device")"
    tell "no CUDA device, $device_name"
    exit 77
fi
device_name=$(sed -n 's/, compute capability.*//p' "$work/device" | head -n 1)
device_name=${device_name:-unknown}
tell "device: $device_name; programs in $programs"

pending=()
while read -r name need_s limit_s when; do
    names+=("$name"); pending+=("$name")
    need[$name]=$need_s limit[$name]=$limit_s after[$name]=$when at[$name]=0 seconds[$name]=0
    record "$name" waiting 0 ""
done <<<"$selected"

while [ ${#pending[@]} -gt 0 ]; do
    look_at_trainer
    next=
    for name in "${pending[@]}"; do
        if [ "$trainer" = building ] && [ "${after[$name]}" != - ]; then continue; fi
        next=$name
        break
    done
    if [ -z "$next" ]; then  # all that is left waits for the trainer
        [ "$(left)" -gt 10 ] || { trainer="it was still being built"; kill -- "-$trainer_pid"; }
        sleep 0.5
        continue
    fi
    rest=()
    for name in "${pending[@]}"; do [ "$name" = "$next" ] || rest+=("$name"); done
    pending=("${rest[@]}")
    if [ "$(left)" -lt "${need[$next]}" ]; then
        record "$next" skipped 0 "it needs ${need[$next]} s, $(left) s are left"
    elif ! command_of "$next"; then
        record "$next" skipped 0 "$why"
    else
        run_step "$next" "${command[@]}"
        continue
    fi
    at[$next]=$SECONDS
    tell "$next: skipped, ${note[$next]}"
    write_json false
done

for name in "${names[@]}"; do
    case ${status[$name]} in
        ok|skipped) ;;
        timeout) [ "$name" = hang ] || failed=1;;
        *) failed=1;;
    esac
    if [ "$name" = hang ] && [ "${status[$name]}" != timeout ]; then failed=1; fi
done
printf '%-24s %-8s %8s %8s  %s\n' step status 'at s' seconds note >>"$table"
for name in "${names[@]}"; do
    printf '%-24s %-8s %8d %8d  %s\n' "$name" "${status[$name]}" "${at[$name]}" "${seconds[$name]}" "${note[$name]}"
done >>"$table"
tell "$([ $failed = 0 ] && echo 'nothing is wrong' || echo 'SOMETHING IS WRONG'); results in $out/gpu.json and $table"
trap - EXIT
finish true
exit $failed
