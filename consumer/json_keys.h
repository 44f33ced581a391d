/* The keys of JSON lines that mean anything, in any stream: each once, with a perfect hash of them; and what a reader
 * has learnt of the lines before, so that it need not look most keys up at all. One thread. */
#pragma once

#include "engine/core/streams.h"

#define KEYS_MAX      63 /* so that a bit each fits into 64 bits, and the number of none too */
#define KEY_NONE      KEYS_MAX
#define KEY_HASH_SIZE 256

/* What a line may say besides its stream's fields. */
enum { KEY_STREAM, KEY_RECORDED_AT, KEY_DELETED, KEYS_OF_LINES };

/* What stood between the end of a member's value and the beginning of the next one's, up to this value: most writers
 * put the same key there again, in the same bytes. */
#define KEY_GAP_MAX 40
struct key_gap {
    char bytes[KEY_GAP_MAX]; /* `, "event_id": ` */
    uint32_t size;           /* 0: nothing is known yet */
    uint32_t key;            /* KEY_NONE: one that means nothing */
};

struct json_keys {
    struct text names[KEYS_MAX];
    uint32_t count;
    uint64_t hash_factor;
    uint8_t by_hash[KEY_HASH_SIZE];
    uint8_t of_field[STREAMS][FIELDS_MAX];
    struct key_gap first;               /* from the line's beginning on */
    struct key_gap after[KEYS_MAX + 1]; /* behind the value of each key */
};

void json_keys_init(struct json_keys *keys);
/* KEY_NONE where it means nothing. */
uint32_t json_keys_find(const struct json_keys *keys, struct text name);
