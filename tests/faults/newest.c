#include "tests/faults/newest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int compare_keys(const struct kafka_record *a, const struct kafka_record *b) {
    size_t size = a->key_size < b->key_size ? a->key_size : b->key_size;
    int order = memcmp(a->key, b->key, size);
    if (order == 0) {
        order = (a->key_size > b->key_size) - (a->key_size < b->key_size);
    }
    return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

bool is_same_value(const struct kafka_record *a, const struct kafka_record *b) {
    if (!a->value || !b->value) {
        return a->value == b->value;
    }
    return a->value_size == b->value_size && memcmp(a->value, b->value, a->value_size) == 0;
}

static int by_key_and_age(const void *left, const void *right) {
    const struct kafka_record *const *a = left, *const *b = right;
    int order = compare_keys(*a, *b);
    return order ? order : ((*a)->offset > (*b)->offset) - ((*a)->offset < (*b)->offset);
}

static void keep_newest(struct newest *newest) {
    qsort(newest->items, newest->count, sizeof(const struct kafka_record *), by_key_and_age);
    size_t kept = 0;
    for (size_t i = 0; i < newest->count; i++) {
        bool is_newest = i + 1 == newest->count || compare_keys(newest->items[i], newest->items[i + 1]) != 0;
        if (is_newest) {
            newest->items[kept++] = newest->items[i];
        }
    }
    newest->count = kept;
}

static void read_topic(const struct deployment *deployment, const char *topic, struct newest *ret_newest) {
    char name[128];
    *ret_newest = (struct newest){0};
    kafka_consume_all(deployment->kafka, deployment_topic(deployment, topic, name), KAFKA_READ_COMMITTED,
                      &ret_newest->records);
    ret_newest->items = calloc(ret_newest->records.count + 1, sizeof(const struct kafka_record *));
    assert(ret_newest->items);
}

void newest_read(const struct deployment *deployment, const char *topic, char first, struct newest *ret_newest) {
    read_topic(deployment, topic, ret_newest);
    for (size_t i = 0; i < ret_newest->records.count; i++) {
        const struct kafka_record *record = &ret_newest->records.items[i];
        if (record->key_size > 0 && (first == 0 || ((const char *)record->key)[0] == first)) {
            ret_newest->items[ret_newest->count++] = record;
        }
    }
    keep_newest(ret_newest);
}

// A letter's own value says nothing more than where it lay, and its partition depends on its key alone.
static void name_by_place(struct kafka_record *letter) {
    char *place = NULL;
    const char *topic = kafka_header_text(letter, "bw_topic"), *partition = kafka_header_text(letter, "bw_partition");
    const char *offset = kafka_header_text(letter, "bw_offset"), *reason = kafka_header_text(letter, "bw_reason");
    int size = asprintf(&place, "%s/%s@%s %s", topic ? topic : "", partition ? partition : "", offset ? offset : "",
                        reason ? reason : "");
    assert(size > 0);
    free((void *)letter->key);
    letter->key = place;
    letter->key_size = (size_t)size;
}

size_t letters_read(const struct deployment *deployment, struct newest *ret_newest) {
    read_topic(deployment, "dead-letters", ret_newest);
    size_t count = ret_newest->records.count;
    for (size_t i = 0; i < count; i++) {
        name_by_place(&ret_newest->records.items[i]);
        ret_newest->items[ret_newest->count++] = &ret_newest->records.items[i];
    }
    keep_newest(ret_newest);
    return count;
}

void newest_free(struct newest *newest) {
    free(newest->items);
    kafka_records_free(&newest->records);
    *newest = (struct newest){0};
}

const struct kafka_record *newest_find(const struct newest *newest, const void *key, size_t key_size,
                                       int32_t partition) {
    struct kafka_record sought = {.key = key, .key_size = key_size, .partition = partition};
    for (size_t first = 0, end = newest->count; first < end;) {
        size_t middle = first + (end - first) / 2;
        int order = compare_keys(&sought, newest->items[middle]);
        if (order == 0) {
            return newest->items[middle];
        }
        if (order < 0) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return NULL;
}
