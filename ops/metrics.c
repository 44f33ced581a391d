#include "ops/metrics.h"

#include <inttypes.h>

#include "base/number.h"

void metrics_family(struct buffer *out, const char *name, enum metric_type type, const char *help) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

static void put_label_value(struct buffer *out, struct text value) {
    for (uint32_t i = 0; i < value.size; i++) {
        if (value.data[i] == '\n') {
            buffer_put_string(out, "\\n");
            continue;
        }
        if (value.data[i] == '\\' || value.data[i] == '"')
            buffer_put_u8(out, '\\');
        buffer_put_u8(out, (uint8_t)value.data[i]);
    }
}

void metrics_sample(struct buffer *out, const char *name, const struct metric_label *labels, uint32_t labels_count,
                    double value) {
    char number[NUMBER_TEXT_MAX];
    buffer_put_string(out, name);
    for (uint32_t i = 0; i < labels_count; i++) {
        buffer_printf(out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        put_label_value(out, labels[i].value);
        buffer_put_string(out, "\"");
    }
    number_format(value, number);
    buffer_printf(out, "%s %s\n", labels_count == 0 ? "" : "}", number);
}

void metrics_histogram(struct buffer *out, const char *name, const uint64_t *buckets, const int64_t *bounds_ms,
                       uint32_t buckets_count, uint64_t sum_ms) {
    char number[NUMBER_TEXT_MAX];
    uint64_t count = 0;
    for (uint32_t i = 0; i + 1 < buckets_count; i++) {
        count += buckets[i];
        number_format((double)bounds_ms[i] / 1000, number);
        buffer_printf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, number, count);
    }
    count += buckets[buckets_count - 1];
    number_format((double)sum_ms / 1000, number);
    buffer_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %s\n%s_count %" PRIu64 "\n", name, count, name,
                  number, name, count);
}
