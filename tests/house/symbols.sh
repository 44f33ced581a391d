#!/usr/bin/env bash
# symbols.sh BUILD: the core calls nothing but itself, base, and the pure part of libc that core_symbols.txt lists; and base
# nothing but itself and what base_symbols.txt lists besides. So neither can read a clock, open a file or reach a server.
set -euo pipefail

build=$1
house=$(dirname "$0")
core=$build/engine/core/libbw_core.a
base=$build/base/libbw_base.a

defined() {
    nm --quiet --defined-only --extern-only --format=posix "$@" | awk 'NF >= 2 {print $1}' | sort -u
}

# What the compiler itself calls (stack protector, fortified functions under their own names) counts as what it stands for.
undefined() {
    nm --quiet --undefined-only --format=posix "$@" | awk 'NF >= 2 {print $1}' |
        sed -e 's/^__\([a-z]*\)_chk$/\1/' | grep -v -x -e '__stack_chk_fail' -e '_GLOBAL_OFFSET_TABLE_' | sort -u
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
