/* A measurement that cannot be made ends the program: a figure that was come by wrongly is worse than none. */
#pragma once

#include "base/result.h"

_Noreturn void bench_fail(const char *format, ...) PRINTF_LIKE(1, 2);
void must(enum result result, const struct error *error);
