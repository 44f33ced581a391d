/* A histogram of durations: linear within each power of two, so that every value is off by less than two percent. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_LINEAR_BITS 6
#define HISTOGRAM_BUCKETS     ((64 - HISTOGRAM_LINEAR_BITS + 1) << HISTOGRAM_LINEAR_BITS)

/* Plain data; zeroed is empty. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
};

void histogram_add(struct histogram *histogram, uint64_t value);
/* The value that `part` of all do not exceed, 0 to 1; 0 where it is empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double part);
