/* What the two halves of the guards share: the load, and how callgrind finds what it counts. */
#pragma once

#include "bench/load.h"
#include "consumer/own_schemas.h"

/* Of a function whose instructions are counted: it must be there to be found. */
#define COUNTED __attribute__((noinline))

#define GUARDS_BEGAN_MS (INT64_C(20000) * DAY)
#define GUARDS_NOW_MS   (GUARDS_BEGAN_MS + 10 * DAY)

extern const struct load guards_load;

/* Decodes all uses of the load; returns how many. */
uint64_t guards_decode(const struct own_schemas *own);
