#!/usr/bin/env bash
# lint.sh BUILD FILE...: clang-tidy over C files as compile_commands.json of the build says that they are compiled. What was
# found good is remembered in BUILD/lint by the hash of the file, of the house's headers that it includes and of the rules,
# so that only what changed is looked at.
set -euo pipefail

build=$1
shift
mkdir -p "$build/lint"

fingerprint() {
    local included
    included=$(cc -MM -MG -I . -I "$build/generated" "$1" | sed -e 's/^[^:]*://' -e 's/\\$//')
    # shellcheck disable=SC2086 # A list of paths without spaces.
    cat .clang-tidy $included 2>/dev/null | sha256sum | cut -d ' ' -f 1
}

status=0
for file in "$@"; do
    if ! grep -qF "\"file\": \"$PWD/$file\"" "$build/compile_commands.json"; then
        printf '%s:1: no library or program is built of this file\n' "$file" >&2
        status=1
        continue
    fi
    stamp=$build/lint/$(fingerprint "$file")
    if [ -e "$stamp" ]; then
        continue
    fi
    if clang-tidy --quiet -p "$build" "$file" 2>/dev/null; then
        : >"$stamp"
    else
        status=1
    fi
done
exit "$status"
