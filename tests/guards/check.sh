#!/bin/bash
# usage: check.sh [--record] PROGRAM
#
# Counts with callgrind how many instructions the program guards (guards.c) takes for one event, and fails where a phase of
# the work has grown by more than 5 % over what is recorded in instructions.txt; --record writes that file.
#
#     decode     a record's value into an event
#     update     an event into its account's state: the instructions of engine/core/account/ and engine/core/aggregates*
#     evaluate   all else that the engine does with it: finding the account, ticks, deciding, looking ahead
#     encode     a change, its status and the state behind it into bytes
#
# Only functions of the program itself are counted, not the C library's: those are chosen by the processor. The figures are
# of the release build by the compiler that the file names; of another compiler they are told, and not judged.
set -euo pipefail
recorded=$(dirname "$(readlink -f "$0")")/instructions.txt
record=false
if [ "${1:-}" = --record ]; then
    record=true
    shift
fi
program=$(readlink -f "$1")
readonly tolerated_percent=5
readonly phases=(decode update evaluate encode)
declare -A measured=()

if ! command -v valgrind >/dev/null; then
    echo "check.sh: valgrind is not installed" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# count RUN: instructions of the program's own functions in it, for each event: all of them, and of these those of the
# sources that keep an account's state. (Sources tell them apart, as functions are inlined.)
count() {
    local run=$1 out=$folder/$1.out events
    # The C library's own choice of code is pinned too, as it decides how often it calls back.
    if ! events=$(GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-ERMS,-FSRM \
        valgrind --tool=callgrind --callgrind-out-file="$out" --compress-strings=no --compress-pos=no --collect-atstart=no \
        --toggle-collect="counted_$run*" "$program" "$run" 2>"$folder/$run.log"); then
        cat "$folder/$run.log" >&2
        return 1
    fi
    # A line `calls=` tells of a callee, and the line behind it what was spent there: that is counted where it belongs.
    awk -v own="$program" -v events="$events" '
        /^ob=/ { is_own = substr($0, 4) == own; next }
        /^f[lie]=/ { is_state = /\/engine\/core\/(account\/|aggregates)/; next }
        /^calls=/ { getline; next }
        /^[0-9]/ && is_own { all += $2; if (is_state) state += $2 }
        END { if (!(all > 0 && events > 0)) exit 1; printf "%.1f %.1f\n", all / events, state / events }' "$out"
}

runs=()
for run in decode take encode; do
    count "$run" >"$folder/$run.count" &
    runs+=($!)
done
for run in "${runs[@]}"; do
    wait "$run" || { wait; echo "check.sh: instructions could not be counted" >&2; exit 1; }
done
read -r "measured[decode]" _ <"$folder/decode.count"
read -r all "measured[update]" <"$folder/take.count"
read -r "measured[encode]" _ <"$folder/encode.count"
measured[evaluate]=$(awk -v all="$all" -v update="${measured[update]}" 'BEGIN { printf "%.1f", all - update }')
compiler=$("$program" compiler)

if $record; then
    {
        echo "# Instructions for one event, of the program's own functions. Written by ./run guards --record; see check.sh."
        echo "compiler $compiler"
        for phase in "${phases[@]}"; do
            echo "$phase ${measured[$phase]}"
        done
    } >"$recorded"
    cat "$recorded"
    exit 0
fi

judged=true
if [ "$(awk '$1 == "compiler" { print $2, $3 }' "$recorded")" != "$compiler" ]; then
    echo "Not judged: recorded with $(awk '$1 == "compiler" { print $2, $3 }' "$recorded"), built with $compiler."
    judged=false
fi
grown=()
for phase in "${phases[@]}"; do
    before=$(awk -v phase="$phase" '$1 == phase { print $2 }' "$recorded")
    percent=$(awk -v now="${measured[$phase]}" -v before="$before" 'BEGIN { printf "%+.1f", (now / before - 1) * 100 }')
    printf '%-9s %10s instructions for each, recorded %10s: %s %%\n' "$phase" "${measured[$phase]}" "$before" "$percent"
    if awk -v percent="$percent" -v most="$tolerated_percent" 'BEGIN { exit !(percent > most) }'; then
        grown+=("$phase")
    fi
done
if [ "${#grown[@]}" -gt 0 ] && $judged; then
    echo "FAILED: ${grown[*]} grew by more than $tolerated_percent %. Where that is worth it, record anew: ./run guards --record"
    exit 1
fi
