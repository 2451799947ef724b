#!/usr/bin/env bash
# Scaling of data-parallel training: measures one and two processes on this machine, one thread each, and the sums of
# gradients of two processes; fits a model of the sum and says from it what 4 to 256 processes would reach.
#
# usage: perf/scaling/run.sh [FILE]      (default perf/results/scaling-DATE.md)
#
# Trains perf/accuracy/vhr10.json for some steps (needs ../shared/data, or D2DET_DATA). Takes about ten minutes on two
# cores, which must have nothing else to do.
#
# Environment: D2DET_BIN (default build/test/bin), D2DET_DATA, D2DET_SCALING_STEPS (default 12).
set -euo pipefail
. "$(dirname "$0")/../../scripts/common.sh"
case ${1:-} in -h|--help) print_help; exit 0;; esac

out=${1:-$root/perf/results/scaling-$(date -u +%F).md}
bin=${D2DET_BIN:-$build/test/bin}
export D2DET_DATA=${D2DET_DATA:-$root/../shared/data}
steps=${D2DET_SCALING_STEPS:-12}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "Sums of two processes"
"$root/scripts/train_local.sh" 2 "$bin/d2det_allreduce_benchmark" >"$work/sums.csv"

# train PROCESSES: the same steps of two batches of four images; prints seconds per step, from the second half.
train() {
    local folder=$work/run$1
    "$root/scripts/train_local.sh" "$1" "$bin/d2det_train" --config "$root/perf/accuracy/vhr10.json" \
        --init "$D2DET_DATA/weights/mobilenet_v2_folded.safetensors" --set solver.accumulate=2 --set solver.log_every=1 \
        --epochs "$(awk -v s="$steps" 'BEGIN { print s * 8 / 364 }')" --eval-every 0 --threads 1 --output "$folder" \
        >"$folder.log" 2>&1 || { tail -n 3 "$folder.log" >&2; die "the training of $1 processes failed"; }
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "images_per_second") c = i; next } { v[++n] = $c }
        END { for (i = int(n / 2) + 1; i <= n; i++) s += 8 / v[i]; print s / (n - int(n / 2)) }' "$folder/log.csv"
}
say "One process"
one=$(train 1)
say "Two processes"
two=$(train 2)
parameters=$(sed -n 's/^model .* \([0-9.]*\) million parameters.*/\1/p' "$work/run1.log" | head -n 1)

{
    echo "# Scaling of data-parallel training"
    echo
    echo "\`perf/scaling/run.sh\`, $(date -u +%F), $(nproc) cores of $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), one"
    echo "thread per process, Gloo over the loopback. [vhr10.json](../accuracy/vhr10.json), $parameters million parameters, steps of"
    echo "two batches of four images, the last $((steps - steps / 2)) of $steps steps."
    echo
    awk -F, -v one="$one" -v two="$two" -v parameters="$parameters" '
        NR > 1 { n++; bytes[n] = $1; ms[n] = $2 }
        function sum_ms(b, p, alpha, beta) { return 2 * (p - 1) * alpha + 2 * (p - 1) / p * b * beta }
        function row(name, alpha, beta,   p, t) {
            printf "| %s |", name
            for (p = 4; p <= 256; p *= 4) { t = sum_ms(4e6 * parameters, p, alpha, beta); printf " %.0f ms, %.1f %% |", t, 100 * single / (single + t) }
            print ""
        }
        END {
            print "| processes | seconds per step | images/s | share of ideal |\n|---|---|---|---|"
            printf "| 1 | %.3f | %.2f | |\n| 2 | %.3f | %.2f | %.0f %% |\n\n", one, 8 / one, two, 8 / two, 50 * one / two
            # The smallest sum is latency alone; b from those of 4 MB and more, by least squares of relative errors.
            alpha = ms[1] / 2
            for (i = 1; i <= n; i++) if (bytes[i] >= 4e6) { w = bytes[i] / ms[i]; sxy += w * (ms[i] - 2 * alpha) / ms[i]; sxx += w * w }
            beta = sxy / sxx
            print "Sums of two processes, median of nine, and the fit of the model below:\n\n| MB | measured ms | model ms |\n|---|---|---|"
            for (i = 1; i <= n; i++) printf "| %g | %.2f | %.2f |\n", bytes[i] / 1e6, ms[i], sum_ms(bytes[i], 2, alpha, beta)
            printf "\nModel: a ring of p processes takes 2 (p - 1) messages of latency a and moves 2 (p - 1) / p of the bytes:\n"
            printf "t(p) = 2 (p - 1) a + 2 (p - 1) / p * bytes * b. Fitted here: a = %.3f ms, 1 / b = %.2f GB/s.\n\n", alpha, 1e-6 / beta
            single = 1000 * one / 2
            printf "**What more processes would do, by this model, not measured**: time of the sum of %.0f MB and share of ideal scaling when\n", 4 * parameters
            printf "each process computes one batch per step (%.0f ms here). The sum comes after the gradients, nothing is overlapped.\n\n", single
            print "| network | 4 | 16 | 64 | 256 |\n|---|---|---|---|---|"
            row("as the loopback here", alpha, beta)
            row("10 Gbit/s, 0.05 ms (assumed)", 0.05, 1e-6 / 1.25)
            row("1 Gbit/s, 0.1 ms (assumed)", 0.1, 1e-6 / 0.125)
        }' "$work/sums.csv"
} >"$out.new"
mv "$out.new" "$out"
say "Done: $out"
