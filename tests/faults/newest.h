// What a topic says now: of each key the newest committed record, in the order of the keys. Main thread only.
#pragma once

#include "tests/harness/deployment.h"

struct newest {
    struct kafka_records records; // All of them; owns the bytes.
    const struct kafka_record **items;
    size_t count;
};

// `topic`: as deployment_topic takes it. Only keys that begin with `first`; 0: all. newest_free the result.
void newest_read(const struct deployment *deployment, const char *topic, char first, struct newest *ret_newest);

// The dead letters, under the place of the rejected record as their key; returns how many there are in all.
size_t letters_read(const struct deployment *deployment, struct newest *ret_newest);
void newest_free(struct newest *newest);

// NULL: none.
const struct kafka_record *newest_find(const struct newest *newest, const void *key, size_t key_size,
                                       int32_t partition);

// By key, then by partition: a changelog has some keys in each partition.
int compare_keys(const struct kafka_record *a, const struct kafka_record *b);
bool is_same_value(const struct kafka_record *a, const struct kafka_record *b);
