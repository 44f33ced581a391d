/* docs/benchmark.md and its plots, written from the rows: the page is never edited by hand. */
#pragma once

#include "bench/bench.h"

/* Ends the process with a message where a file cannot be written. `folder`: the docs'. */
void report_write(const struct bench *bench, const char *folder);
