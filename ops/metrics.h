/* Metrics in Prometheus' text format (version 0.0.4), written onto a buffer. Pure. A family is opened once, then come
 * its samples. */
#pragma once

#include "base/buffer.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
    const char *name;
    struct text value; /* escaped as the format asks */
};

void metrics_family(struct buffer *out, const char *name, enum metric_type type, const char *help);
void metrics_sample(struct buffer *out, const char *name, const struct metric_label *labels, uint32_t labels_count,
                    double value);
/* `buckets`: how many in each, not yet added up; upper bounds in milliseconds, the last of them without a bound. The
 * name ends in `_seconds`. */
void metrics_histogram(struct buffer *out, const char *name, const uint64_t *buckets, const int64_t *bounds_ms,
                       uint32_t buckets_count, uint64_t sum_ms);
