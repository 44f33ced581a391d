#include "consumer/json_keys.h"

#include <assert.h>
#include <endian.h>

static const struct text line_keys[KEYS_OF_LINES] = {TEXT("stream"), TEXT("recorded_at"), TEXT("deleted")};

/* The first and the last (up to) eight bytes, which together with the length tell all known keys apart. */
static uint64_t key_bits(struct text key) {
    uint64_t first = 0, last = 0, size = (uint64_t)key.size << 56;
    if (key.size < 8) {
        for (uint32_t i = 0; i < key.size; i++)
            first |= (uint64_t)(uint8_t)key.data[i] << (8 * i);
        return first ^ size;
    }
    memcpy(&first, key.data, 8);
    memcpy(&last, key.data + key.size - 8, 8);
    last = le64toh(last);
    return le64toh(first) ^ (last << 1 | last >> 63) ^ size;
}

static uint32_t key_hash(const struct json_keys *keys, struct text key) {
    return (uint32_t)(key_bits(key) * keys->hash_factor >> 56);
}

uint32_t json_keys_find(const struct json_keys *keys, struct text name) {
    uint32_t found = keys->by_hash[key_hash(keys, name)];
    return found != KEY_NONE && text_equal(keys->names[found], name) ? found : KEY_NONE;
}

static uint8_t add(struct json_keys *keys, struct text name) {
    for (uint32_t i = 0; i < keys->count; i++)
        if (text_equal(keys->names[i], name))
            return (uint8_t)i;
    assert(keys->count < KEYS_MAX);
    keys->names[keys->count] = name;
    return (uint8_t)keys->count++;
}

static bool hash_apart(struct json_keys *keys) {
    memset(keys->by_hash, KEY_NONE, sizeof keys->by_hash);
    for (uint32_t i = 0; i < keys->count; i++) {
        uint8_t *slot = &keys->by_hash[key_hash(keys, keys->names[i])];
        if (*slot != KEY_NONE)
            return false;
        *slot = (uint8_t)i;
    }
    return true;
}

void json_keys_init(struct json_keys *keys) {
    *keys = (struct json_keys){.hash_factor = UINT64_C(0x9E3779B97F4A7C15)};
    for (uint32_t i = 0; i < KEYS_OF_LINES; i++)
        (void)add(keys, line_keys[i]);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        for (uint32_t i = 0; i < stream_schemas[stream].fields_count; i++)
            keys->of_field[stream][i] = add(keys, stream_schemas[stream].fields[i].name);
    /* About one odd factor in twenty hashes forty keys to 256 places without a collision. */
    while (!hash_apart(keys))
        keys->hash_factor = keys->hash_factor * UINT64_C(6364136223846793005) + 2;
}
