#include "tests/harness/dice.h"

#include <assert.h>

struct dice dice_of(uint64_t seed) {
    // Neighbouring seeds begin far apart (splitmix64's finish); the state must not be zero.
    uint64_t mixed = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return (struct dice){(mixed ^ mixed >> 31) | 1};
}

unsigned dice_roll(struct dice *dice, unsigned end) {
    assert(end > 0);
    dice->state ^= dice->state >> 12; // xorshift64*
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return (unsigned)((dice->state * UINT64_C(2685821657736338717)) >> 33) % end;
}

int dice_between(struct dice *dice, int first, int last) {
    assert(first <= last);
    return first + (int)dice_roll(dice, (unsigned)(last - first) + 1);
}

bool dice_chance(struct dice *dice, unsigned part, unsigned whole) {
    return dice_roll(dice, whole) < part;
}
