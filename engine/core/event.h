/* A record as the engine takes it: decoded, valid by its schema, with an account id of 1 to 512 bytes. Plain data; all
 * text is borrowed from the source until its next batch. */
#pragma once

#include "engine/core/streams.h"

#define ID_SIZE_MAX 512

union field_value {
    double number; /* numbers; a boolean as 0 or 1; an instant in milliseconds; an enum as its symbol's index */
    struct text text;
};

struct map_entry {
    struct text key, value;
};

/* Where a record lies; what dead letters, causes and messages speak of. */
struct place {
    int32_t partition;    /* -1 where there is none (replay) */
    int64_t offset;       /* in a file: the line's number */
    int64_t timestamp_ms; /* the Kafka record's; in a file `recorded_at`, else the event's time */
};

struct event {
    enum stream stream;
    bool tombstone; /* of the account stream: erases the account; there are no fields */
    struct text account_id;
    struct text event_id; /* missing in facts */
    int64_t time_ms;      /* occurred_at; of facts updated_at; of a tombstone in Kafka the record's timestamp */
    uint32_t present;     /* bit i: field i is not null */
    union field_value fields[FIELDS_MAX]; /* by the index in the stream's schema */
    const struct map_entry *entries;      /* of the stream's map field; a key that stands twice: the last counts */
    uint32_t entries_count;
    struct place place;
};

static inline bool event_has(const struct event *event, uint32_t field) {
    return (event->present >> field & 1) != 0;
}

/* The map's value under `key`, or missing. */
static inline struct text event_entry(const struct event *event, struct text key) {
    const struct map_entry *entries = event->entries;
    for (uint32_t i = event->entries_count; i-- > 0;)
        if (entries[i].key.size == key.size && bytes_equal(entries[i].key.data, key.data, key.size))
            return entries[i].value;
    return TEXT_MISSING;
}
