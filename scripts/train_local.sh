#!/usr/bin/env bash
# Trains with several processes on this machine.
#
# usage: scripts/train_local.sh N d2det_train ARGUMENTS...
#
# Starts the command N times with the variables that torchrun sets (RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE,
# MASTER_ADDR, MASTER_PORT); each process gets its share of the cores. Ctrl-C reaches all of them: they stop after the
# same step. When one fails, the others are ended after 30 seconds, in which the first one writes its checkpoint.
#
# Exit status: that of the first process that failed, else that of process 0.
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit 0;; esac
die() { printf 'error: %s\n' "$*" >&2; exit 2; }

count=${1:?how many processes? (--help explains)}
case $count in *[!0-9]*|'') die "the number of processes is '$count', it must be a number";; esac
[ "$count" -ge 1 ] || die "the number of processes is 0"
shift
[ $# -gt 0 ] || die "name the command, for example d2det_train (--help explains)"

# A port that nobody listens on: the kernel chooses, and says which.
port=${MASTER_PORT:-}
if [ -z "$port" ]; then
    for port in $(shuf -i 20000-32000 -n 50); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
fi

pids=()
trap 'kill -INT "${pids[@]}" 2>/dev/null || true' INT TERM
for ((rank = 0; rank < count; rank++)); do
    RANK=$rank LOCAL_RANK=$rank WORLD_SIZE=$count LOCAL_WORLD_SIZE=$count MASTER_ADDR=127.0.0.1 MASTER_PORT=$port "$@" &
    pids+=($!)
done

# The first that fails decides.
rank0=${pids[0]}
status=0 first=''
left=$count
while [ "$left" -gt 0 ]; do
    code=0
    wait -n -p ended "${pids[@]}" || code=$?
    [ -n "${ended:-}" ] || continue  # a signal: they are still stopping
    left=$((left - 1))
    if [ "$ended" = "$rank0" ]; then first=$code; fi
    if [ $code != 0 ] && [ $code != 130 ] && [ $status = 0 ]; then
        status=$code
        (sleep 30; kill "${pids[@]}" 2>/dev/null) &
        watcher=$!
    fi
    remaining=()
    for pid in "${pids[@]}"; do [ "$pid" = "$ended" ] || remaining+=("$pid"); done
    pids=("${remaining[@]}")
done
if [ -n "${watcher:-}" ]; then kill "$watcher" 2>/dev/null || true; fi
[ $status != 0 ] || status=${first:-0}
exit "$status"
