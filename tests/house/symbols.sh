#!/usr/bin/env bash
# symbols.sh BUILD: the core calls nothing but itself, base, and the pure part of libc that core_symbols.txt lists; and base
# nothing but itself and what base_symbols.txt lists besides. So neither can read a clock, open a file or reach a server.
set -euo pipefail

build=$1
house=$(dirname "$0")
core=$build/engine/core/libbw_core.a
base=$build/base/libbw_base.a

for archive in "$core" "$base"; do
    if [ ! -s "$archive" ]; then
        printf 'there is no %s\n' "$archive" >&2
        exit 1
    fi
done

# The symbols of an archive, one a line: "U name" for one that is undefined, "D name" for one that others may use. Not by
# nm, which reads the intermediate form for the link-time optimiser, where calls of libc's built-in functions are missing.
symbols() {
    readelf --wide --syms "$@" | awk '
        $5 != "GLOBAL" && $5 != "WEAK" { next }
        { print ($7 == "UND" ? "U" : "D"), $8 }' | sort -u
}

defined() {
    symbols "$@" | sed -n 's/^D //p'
}

# What the compiler itself adds is no call of ours; a function with bounds checked counts as the function that it stands for.
undefined() {
    symbols "$@" | sed -n -e 's/^U __\([a-z]*\)_chk$/\1/p' -e 't' -e 's/^U //p' |
        grep -v -x -e '__stack_chk_fail' -e '_GLOBAL_OFFSET_TABLE_' | sort -u
}

listed() {
    sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$@" | sort -u
}

# Names what the archive needs and may not have.
check() {
    local name=$1 excess
    excess=$(comm -23 <(undefined "$2") <(sort -u "${@:3}"))
    if [ -n "$excess" ]; then
        printf '%s calls what it may not:\n%s\n' "$name" "$excess" >&2
        return 1
    fi
}

status=0
check bw_core "$core" <(defined "$core") <(defined "$base") <(listed "$house/core_symbols.txt") || status=1
check bw_base "$base" <(defined "$base") <(listed "$house/core_symbols.txt" "$house/base_symbols.txt") || status=1
exit "$status"
