/* The one hash of the project: XXH3, 64 bits (xxHash's header, inlined). It is part of stored state (fingerprints,
 * names, event ids): it must never change. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

uint64_t hash_bytes(const void *data, size_t size, uint64_t seed);

/* The same with the seed 0. */
uint64_t hash_text(struct text text);
