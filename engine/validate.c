#include "engine/validate.h"

#include <string.h>

#include "base/instant.h"

#define COLD __attribute__((cold, noinline))

static const struct text partitioner_names[] = {
    [PARTITIONER_MURMUR2] = TEXT("murmur2"),
    [PARTITIONER_CRC32] = TEXT("crc32"),
    [PARTITIONER_FNV1A] = TEXT("fnv1a"),
    [PARTITIONER_UNCHECKED] = TEXT("unchecked"),
};

int partitioner_find(struct text name) {
    for (int i = 0; i <= PARTITIONER_UNCHECKED; i++)
        if (text_equal(partitioner_names[i], name))
            return i;
    return -1;
}

/* MurmurHash2, 32 bits, with the seed of org.apache.kafka.common.utils.Utils.murmur2. */
static uint32_t murmur2(struct text key) {
    const uint32_t multiplier = 0x5bd1e995;
    uint32_t hash = 0x9747b28c ^ key.size;
    const uint8_t *at = (const uint8_t *)key.data, *words_end = at + key.size / 4 * 4;
    for (; at != words_end; at += 4) {
        uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        word *= multiplier;
        word ^= word >> 24;
        hash = hash * multiplier ^ word * multiplier;
    }
    uint32_t left = key.size % 4;
    if (left > 0) {
        for (uint32_t i = 0; i < left; i++)
            hash ^= (uint32_t)at[i] << (8 * i);
        hash *= multiplier;
    }
    hash = (hash ^ hash >> 13) * multiplier;
    return hash ^ hash >> 15;
}

/* CRC-32 of zlib (polynomial EDB88320), as librdkafka's own partitioner takes it. */
static uint32_t crc32(struct text key) {
    uint32_t crc = UINT32_MAX;
    for (uint32_t i = 0; i < key.size; i++) {
        crc ^= (uint8_t)key.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

/* FNV-1a, 32 bits, and of that the absolute value, as librdkafka does it to agree with Sarama. */
static uint32_t fnv1a(struct text key) {
    uint32_t hash = 0x811C9DC5;
    for (uint32_t i = 0; i < key.size; i++)
        hash = (hash ^ (uint8_t)key.data[i]) * 0x01000193;
    return (int32_t)hash < 0 ? 0 - hash : hash;
}

int32_t partitioner_partition(enum partitioner partitioner, struct text key, int32_t partitions) {
    switch (partitioner) {
    case PARTITIONER_MURMUR2:
        return (int32_t)((murmur2(key) & INT32_MAX) % (uint32_t)partitions);
    case PARTITIONER_CRC32:
        return (int32_t)(crc32(key) % (uint32_t)partitions);
    case PARTITIONER_FNV1A:
        return (int32_t)(fnv1a(key) % (uint32_t)partitions);
    case PARTITIONER_UNCHECKED:
        break;
    }
    return -1;
}

static bool reject(struct rejection *ret_rejection, enum rejection_reason reason) {
    ret_rejection->reason = reason;
    return false;
}

/* The messages are made aside: what nearly every record passes stays without room for them. */
COLD static bool reject_time(const struct program *program, const struct event *event, int64_t reference_ms,
                             struct rejection *ret_rejection) {
    char time[INSTANT_TEXT_MAX], reference[INSTANT_TEXT_MAX], tolerance[INSTANT_TEXT_MAX];
    instant_format(event->time_ms, time);
    instant_format(reference_ms, reference);
    duration_format(program->future_tolerance_ms, tolerance);
    error_set(&ret_rejection->detail, RESULT_REJECT,
              "The event's time %s is later than %s (its record's time or now, whichever is earlier) by more than "
              "clock.future_tolerance, %s.",
              time, reference, tolerance);
    return reject(ret_rejection, REJECTION_FUTURE_TIMESTAMP);
}

bool validate_time(const struct program *program, const struct event *event, int64_t reference_ms,
                   struct rejection *ret_rejection) {
    int64_t latest_ms;
    if (__builtin_add_overflow(reference_ms, program->future_tolerance_ms, &latest_ms) || event->time_ms <= latest_ms)
        return true;
    return reject_time(program, event, reference_ms, ret_rejection);
}

COLD static bool reject_partition(enum partitioner partitioner, int32_t partitions, int32_t wanted, int32_t met,
                                  struct rejection *ret_rejection) {
    error_set(&ret_rejection->detail, RESULT_REJECT,
              "The account belongs on partition %d of %d (kafka.partitioner: %.*s), the record lies on partition %d.",
              wanted, partitions, TEXT_ARGUMENTS(partitioner_names[partitioner]), met);
    return reject(ret_rejection, REJECTION_WRONG_PARTITION);
}

bool validate_partition(enum partitioner partitioner, int32_t partitions, const struct event *event,
                        struct rejection *ret_rejection) {
    int32_t wanted = partitioner_partition(partitioner, event->account_id, partitions);
    if (wanted == -1 || wanted == event->place.partition)
        return true;
    return reject_partition(partitioner, partitions, wanted, event->place.partition, ret_rejection);
}

bool validate_size(size_t size, size_t size_max, struct rejection *ret_rejection) {
    if (size <= size_max)
        return true;
    error_set(&ret_rejection->detail, RESULT_REJECT, "The record has %zu bytes; limits.record_bytes is %zu.", size,
              size_max);
    return reject(ret_rejection, REJECTION_RECORD_TOO_LARGE);
}

void reject_too_large(const struct event *event, struct rejection *ret_rejection) {
    error_set(&ret_rejection->detail, RESULT_REJECT,
              "With this event of stream %.*s the account's state would be larger than limits.account_bytes.",
              TEXT_ARGUMENTS(stream_schemas[event->stream].name));
    reject(ret_rejection, REJECTION_ACCOUNT_TOO_LARGE);
}
