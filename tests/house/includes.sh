#!/usr/bin/env bash
# The rules of inclusion, and others that a search can decide. Each complaint is one line: file:line: what is wrong.
set -euo pipefail

complaints=$(mktemp)
trap 'rm -f "$complaints"' EXIT

sources() {
    git ls-files --cached --others --exclude-standard -- "$@"
}

# may_include FOLDER PATTERN: files of the folder include of the house only headers that match the extended pattern.
may_include() {
    local folder=$1 pattern=$2
    sources "$folder/*.c" "$folder/*.h" | xargs --no-run-if-empty grep -nHE '^#include "' |
        grep -vE "^[^:]*:[0-9]*:#include \"($pattern)\"" | sed "s|\$| <- $folder may not include this|" >>"$complaints" || true
}

# may_use FOLDER PATTERN: the same for headers in angle brackets.
may_use() {
    local folder=$1 pattern=$2
    sources "$folder/*.c" "$folder/*.h" | xargs --no-run-if-empty grep -nHE '^#include <' |
        grep -vE "^[^:]*:[0-9]*:#include <($pattern)>" | sed "s|\$| <- $folder may not use this|" >>"$complaints" || true
}

# only_in PATTERN REASON FILE...: nothing but these files, of all that is shipped, contains the pattern.
only_in() {
    local pattern=$1 reason=$2 file
    shift 2
    local excluded=()
    for file in "$@"; do
        excluded+=(":!$file")
    done
    sources '*.c' '*.h' ':!tests' ':!bench' "${excluded[@]}" | xargs --no-run-if-empty grep -nHE "$pattern" |
        sed "s|\$| <- $reason|" >>"$complaints" || true
}

# Headers of libc whose functions do not look at the world; of stdio.h and stdlib.h some do: symbols.sh decides there.
pure='(assert|ctype|endian|errno|float|inttypes|limits|math|stdalign|stdarg|stdbool|stddef|stdint|stdio|stdlib|string)\.h'
core='engine/core/.*|base/.*'
# What the rooms around the engine know of it: its ports, the limits and the reasons for rejection.
ports='engine/(ports|limits|rejection)\.h'

may_include base 'base/.*'
may_include engine/core "$core"
may_include engine "engine/.*|base/.*"
may_include config 'config/.*|base/.*|embedded/.*'
may_include schemas 'schemas/.*|base/.*|embedded/.*'
may_include consumer "consumer/.*|schemas/.*|$ports|$core|embedded/.*"
may_include producer "producer/.*|schemas/.*|$ports|$core|embedded/.*"
may_include store "store/.*|$ports|$core|embedded/.*"
may_include ops 'ops/.*|base/.*|embedded/.*'

may_use base "$pure|xxhash\.h"
may_use engine/core "$pure"

# The command line composes everything, so it may see every library.
only_in '#include <librdkafka/' 'librdkafka belongs to consumer and producer' 'consumer/*' 'producer/*' 'cli/*'
only_in '#include <(hiredis/)?hiredis' 'hiredis belongs to store' 'store/*' 'cli/*'
only_in '#include <avro' 'avro-c belongs to consumer' 'consumer/*' 'cli/*'
only_in '#include <yaml\.h>' 'libyaml belongs to config' 'config/*' 'cli/*'
only_in '#include <microhttpd\.h>' 'libmicrohttpd belongs to ops' 'ops/*' 'cli/*'

# Time is a value that comes in: cli/clock.c reads it. The others measure how long a call of librdkafka may still take.
only_in '\b(clock_gettime|gettimeofday|timespec_get|clock|time)\(' 'one file reads the clock' \
    cli/clock.c producer/client.c producer/blocking_call.c
only_in '(^|[^_a-z>.])(exit|abort|quick_exit)\(' 'only main ends the process' 'cli/main.c'
only_in '\b_exit\(' 'only the command line ends a child or gives up on workers that hang' 'cli/*'
only_in '\b(usleep|nanosleep|sleep)\(' 'wait for an event, not for a time' 'cli/demo_*.c'
only_in '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atof|atol)\(' 'no bound, or no error'
only_in 'NDEBUG' 'asserts are kept in every build'

sources '*.c' '*.h' | xargs grep -nHE '\b(TODO|FIXME|XXX|HACK)\b' >>"$complaints" || true
sources '*.c' '*.h' | xargs grep -nHE '^#include "[^/]*"$' |
    grep -v '"bellwether_version.h"' | sed 's|$| <- write it from the root|' >>"$complaints" || true
sources 'tests/*.c' | xargs --no-run-if-empty grep -nHE '\b(usleep|nanosleep|sleep)\(' |
    sed 's|$| <- await a condition|' >>"$complaints" || true
sources '*.h' | xargs grep -LE '^#pragma once$' | sed 's|$|:1: has no #pragma once|' >>"$complaints" || true
sources '*.c' '*.h' ':!tests' | xargs awk 'FNR == 601 {print FILENAME ":601: more than 600 lines"}' >>"$complaints"
sources 'tests/*.c' | xargs awk 'FNR == 801 {print FILENAME ":801: more than 800 lines"}' >>"$complaints"

if [ -s "$complaints" ]; then
    sort -u "$complaints" >&2
    exit 1
fi
