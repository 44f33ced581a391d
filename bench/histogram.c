#include "bench/histogram.h"

#define LINEAR (UINT64_C(1) << HISTOGRAM_LINEAR_BITS)

/* Values below LINEAR have a bucket each; above, LINEAR buckets share each power of two. */
static uint32_t bucket_of(uint64_t value) {
    if (value < LINEAR)
        return (uint32_t)value;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_LINEAR_BITS;
    return (uint32_t)(((uint64_t)(shift + 1) << HISTOGRAM_LINEAR_BITS) + (value >> shift) - LINEAR);
}

static uint64_t greatest_in(uint32_t bucket) {
    if (bucket < LINEAR)
        return bucket;
    uint32_t shift = (bucket >> HISTOGRAM_LINEAR_BITS) - 1;
    return ((LINEAR + (bucket & (LINEAR - 1)) + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->counts[bucket_of(value)]++;
    histogram->count++;
}

uint64_t histogram_quantile(const struct histogram *histogram, double part) {
    uint64_t wanted = (uint64_t)(part * (double)histogram->count + 0.5), seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted && seen > 0)
            return greatest_in(i);
    }
    return 0;
}
