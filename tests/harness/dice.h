// Random numbers that a seed decides, the same on every machine. Plain data.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

struct dice dice_of(uint64_t seed);

// From 0 up to `end`, not included; `end` is at least 1.
unsigned dice_roll(struct dice *dice, unsigned end);

// From `first` to `last`, both included.
int dice_between(struct dice *dice, int first, int last);

// True `part` times of `whole`.
bool dice_chance(struct dice *dice, unsigned part, unsigned whole);
