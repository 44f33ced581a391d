#!/bin/sh
# usage: check.sh [--full] [NAME]
#
# Runs the model of the takeover (takeover.pml, README.md) with spin: the protocol, which must hold; then each step left
# out, by name, which must fail; then variants that are as good. With NAME only that one. --full: larger bounds too, 7
# minutes and 1.5 GB. The last line says how many came out as they must.
set -eu
cd "$(dirname "$0")"

for program in spin gcc; do
    if ! command -v "$program" >/dev/null; then
        echo "check.sh: $program is not installed" >&2
        exit 1
    fi
done

full=false
if [ "${1:-}" = --full ]; then
    full=true
    shift
fi
only=${1:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
good=0 wrong=0
optimise=-O0 # Most searches end sooner than an optimised program is built.

# judge NAME OPTIONS: prints what the search found (PASS, FAIL, or why it did not end), states and seconds.
judge() {
    define="-D$1"
    [ "$1" = PROTOCOL ] && define=
    # shellcheck disable=SC2086 # Options are words.
    if ! (cd "$folder" && spin -a $define $2 "$OLDPWD/takeover.pml" >spin.out 2>&1 &&
        gcc "$optimise" -w -DSAFETY -DCOLLAPSE -DVECTORSZ=1024 -DMEMLIM=6000 -o pan pan.c >>spin.out 2>&1); then
        cat "$folder/spin.out" >&2
        echo "UNBUILT - -"
        return
    fi
    (cd "$folder" && ./pan -m1000000 -w22 >pan.out 2>&1) || true
    awk '/out of memory|max search depth/ { unfinished = 1 }
         /errors: /                       { errors = $NF }
         /states, stored/                 { states = $1 }
         /elapsed time/                   { seconds = $4 }
         END { print(errors > 0 ? "FAIL" : unfinished || errors == "" ? "UNFINISHED" : "PASS", states, seconds) }' \
        "$folder/pan.out"
}

# expect RESULT NAME OPTIONS
expect() {
    if [ -n "$only" ] && [ "$only" != "$2" ]; then
        return
    fi
    # shellcheck disable=SC2046 # Three words.
    set -- "$1" "$2" "$3" $(judge "$2" "$3")
    if [ "$4" = "$1" ]; then
        good=$((good + 1)) verdict=ok
    else
        wrong=$((wrong + 1)) verdict="NOT $1"
    fi
    printf '%-8s %-32s %s: %s states, %s s  (%s)\n' "$verdict" "$2" "$4" "$5" "$6" "$3"
}

# Bounds: records of a shard, rebalances, faults, time-outs, rollbacks of Redis, compactions; one of each unless said.
usual="-DRECORDS=2 -DREBALANCES=1 -DFAULTS=1"
rolled="-DRECORDS=2 -DREBALANCES=1 -DFAULTS=0 -DROLLBACKS=1"
compacted="-DRECORDS=2 -DREBALANCES=1 -DFAULTS=0 -DROLLBACKS=1 -DCOMPACTIONS=1"
erased="-DRECORDS=3 -DERASE=3 -DREBALANCES=1 -DFAULTS=0 -DROLLBACKS=1 -DCOMPACTIONS=1"
reconnected="-DRECORDS=2 -DREBALANCES=0 -DFAULTS=1 -DDELAYED_WRITE"
moved="-DSHARDS=2 -DRECORDS=1 -DFINE=0 -DREBALANCES=1 -DFAULTS=0"
together="-DSHARDS=2 -DRECORDS=2 -DFINE=0 -DREBALANCES=0 -DFAULTS=1"
two="-DSHARDS=2 -DFINE=0 -DREBALANCES=1"

echo "The protocol:"
expect PASS PROTOCOL "$usual"
expect PASS PROTOCOL "$rolled"
expect PASS PROTOCOL "$moved"
expect PASS PROTOCOL "$together"
if $full; then
    optimise=-O2
    expect PASS PROTOCOL "$usual -DTIMEOUTS=1"
    expect PASS PROTOCOL "$compacted"
    expect PASS PROTOCOL "$reconnected -DROLLBACKS=1"
    expect PASS PROTOCOL "$two -DRECORDS=2 -DFAULTS=0"
    expect PASS PROTOCOL "$two -DRECORDS=1 -DFAULTS=1"
    expect PASS PROTOCOL "$two -DRECORDS=1 -DFAULTS=0 -DROLLBACKS=1"
    expect PASS PROTOCOL "$together -DTIMEOUTS=1"
    optimise=-O0
fi

echo "Each step left out:"
expect FAIL OFFSETS_BEFORE_STABLE "$usual"
expect FAIL BARRIER_BEFORE_OFFSETS "$usual"
expect FAIL NO_BARRIER "$usual"
expect FAIL NO_OFFSETS "$usual"
expect FAIL METADATA_AFRESH "$usual"
expect FAIL COMMIT_AFTER_REFUSAL "$usual"
expect FAIL MEMORY_KEPT_AFTER_ABORT "$usual"
expect FAIL OTHER_SHARDS_KEPT "$together"
expect FAIL PRODUCER_KEPT_AFTER_TROUBLE "$usual"
expect FAIL KEPT_OVER_TWO_GENERATIONS "-DRECORDS=2 -DREBALANCES=2 -DFAULTS=0"
expect FAIL READ_UNCOMMITTED "$usual"
expect FAIL REFUSES_WITHOUT_LOOKING "$usual -DCOMPACTIONS=1"
expect FAIL EPOCH_UNCHECKED "$rolled"
expect FAIL WRITE_NUMBER_UNCHECKED "$rolled"
expect FAIL CLAIM_UNCHECKED "$reconnected -DROLLBACKS=1"
expect FAIL BLOB_BEFORE_KNOWN "$usual"
expect FAIL META_BEFORE_BLOBS "$usual"
expect FAIL META_BEFORE_RESTORE "$usual"
expect FAIL RESTORE_BEGINS_LATE "$usual"
expect FAIL RESTORE_SKIPS_WHAT_IS_THERE "$usual"
expect FAIL SHARD_RECORD_OF_META_IGNORED "$usual"
expect FAIL EVICTED_BEFORE_ACKNOWLEDGED "$usual"
expect FAIL TIMER_NOT_RESTORED "$usual"
expect FAIL TIMER_FROM_STORE_ALONE "$usual"
expect FAIL TIMER_APART "$usual"
expect FAIL TOMBSTONE_FOR_ERASED "$erased"
expect FAIL ONE_KEY_FOR_BARRIER_AND_SHARD "$compacted"

echo "As good:"
expect PASS RESTORE_OVERWRITES "$rolled"
expect PASS BARRIER_WITHOUT_FENCE "-DRECORDS=2 -DREBALANCES=1 -DFAULTS=0"
if $full; then
    optimise=-O2
    expect PASS RESTORE_OVERWRITES "$usual"
    expect PASS LOWER_BOUND_OF_PLACES "$usual"
    expect PASS META_IN_RESTORE "$usual"
    expect PASS KEPT_IN_THE_NEXT_GENERATION "$usual"
    expect PASS OFFSETS_EXPIRE "-DRECORDS=2 -DREBALANCES=1 -DFAULTS=0"
fi

printf '%d as they must, %d not\n' "$good" "$wrong"
[ "$wrong" -eq 0 ] && [ "$good" -gt 0 ]
