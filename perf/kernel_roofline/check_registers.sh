#!/usr/bin/env bash
# Disassembles the product kernels and fails if their accumulators are not kept in registers.
#
# usage: check_registers.sh OBJDUMP FILE...
#
#   OBJDUMP   the disassembler
#   FILE      an object file or archive that contains the micro-kernels of kernels/gemm.cpp
#
# Each tileAvx2<ROWS, VECTORS> and tileAvx512<ROWS, VECTORS> must have an inner loop with at least ROWS * VECTORS fused
# multiply-adds, and no inner loop with such instructions may write a vector to memory or read one from the stack: the
# loop over the depth needs neither, and compilers that spill there cost up to two thirds of the speed without any wrong
# result. Prints "SKIPPED: no objdump" if OBJDUMP is no program.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
objdump=$1
shift
command -v "$objdump" >/dev/null || { echo "SKIPPED: no objdump"; exit 0; }

"$objdump" -d -C --no-show-raw-insn "$@" | awk '
    # One line per instruction: "  addr:<tab>mnemonic operands"; a function begins with "addr <name>:".
    function value(hex,   i, sum) {
        sum = 0
        for (i = 1; i <= length(hex); i++)
            sum = sum * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
        return sum
    }
    function fail(text) { printf "%s: %s\n", name, text; bad++ }
    function check_loop(first, last,   i, fma, stores, reads, example) {
        for (i = first; i <= last; i++) {
            if (text[i] ~ /^vfn?m(add|sub)/) fma++
            if (text[i] ~ /^v?mov[a-z0-9]* +%[xyz]mm[0-9]+,.*\)/) { stores++; example = text[i] }
            else if (text[i] ~ /^v/ && text[i] ~ /\(%rsp/) { reads++; example = text[i] }
        }
        if (!fma) return
        if (fma > most) most = fma
        if (stores) fail(sprintf("%d vectors are written in a loop of %d multiply-adds: %s", stores, fma, example))
        if (reads) fail(sprintf("%d vectors are read from the stack in a loop of %d multiply-adds: %s", reads, fma, example))
    }
    function check_function(   i, j, inner) {
        if (!match(name, /tileAvx(2|512)<[0-9]+, [0-9]+>/) || count == 0) return
        split(substr(name, RSTART, RLENGTH), part, /[<,>]/)
        name = substr(name, RSTART, RLENGTH)
        found[part[1]]++
        most = loops = 0
        for (i = 0; i < count; i++)
            if (text[i] ~ /^j/ && match(text[i], / [0-9a-f]+/)) {
                target = value(substr(text[i], RSTART + 1, RLENGTH - 1))
                if (target in at && at[target] <= i) { begin[loops] = at[target]; end[loops++] = i }
            }
        for (i = 0; i < loops; i++) {
            inner = 1
            for (j = 0; j < loops; j++)
                if (j != i && begin[j] >= begin[i] && end[j] <= end[i] && end[j] - begin[j] < end[i] - begin[i])
                    inner = 0
            if (inner) check_loop(begin[i], end[i])
        }
        if (most < part[2] * part[3])
            fail(sprintf("no loop with the %d multiply-adds of a step, at most %d", part[2] * part[3], most))
    }
    /^[0-9a-f]+ <.*>:$/ {
        check_function()
        name = $0
        count = 0
        delete at
        next
    }
    /^ *[0-9a-f]+:\t/ {
        line = $0
        sub(/^ */, "", line)
        address = substr(line, 1, index(line, ":") - 1)
        sub(/^[^\t]*\t/, "", line)
        at[value(address)] = count
        text[count++] = line
    }
    END {
        check_function()
        printf "%d tiles for AVX2, %d for AVX-512\n", found["tileAvx2"], found["tileAvx512"]
        if (found["tileAvx2"] < 12 || found["tileAvx512"] < 24) { print "expected 12 and 24"; bad++ }
        exit bad > 0
    }'
echo "All accumulators are in registers."
