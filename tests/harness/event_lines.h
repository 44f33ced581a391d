// Events as JSON lines, in the order in which `run` takes them: by the time of their records (`recorded_at`, else the
// event's own), at equal times by stream. Lines that no record could be made of are left out.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct event_line {
    char *text; // Without its end.
    char *account_id;
    int64_t record_ms;
    int stream; // Its place in the order of streams at equal times.
    size_t number;
};

struct event_lines {
    struct event_line *items;
    size_t count;
    size_t capacity;
};

// What a made-up log is about. The same options always give the same lines.
struct made_up_options {
    uint64_t seed;
    size_t events;
    int accounts;
    int64_t from_ms, to_ms; // Between them the events are spread evenly.
};

// event_lines_free the results.
void event_lines_read(const char *path, struct event_lines *ret_lines);

// Customers who log in, use features, open tickets, answer surveys and do not pay, with facts that change; some events
// come late, some twice, and some accounts are erased and come again.
void event_lines_make_up(const struct made_up_options *options, struct event_lines *ret_lines);

// Writes those from `first` up to `end` (not included), of `partition` alone (-1: of all), murmur2 of the account over
// `partitions`.
void event_lines_write(const struct event_lines *lines, size_t first, size_t end, int partitions, int partition,
                       const char *path);
int account_partition(const char *account_id, int partitions);
void event_lines_free(struct event_lines *lines);
