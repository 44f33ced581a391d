/* The one hash of the project: XXH3, 64 bits (xxHash's header, inlined). It is part of stored state (fingerprints,
 * names, event ids): it must never change. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

uint64_t hash_bytes(const void *data, size_t size, uint64_t seed);

static inline uint64_t hash_text(struct text text) {
    return hash_bytes(text.data, text.size, 0);
}
