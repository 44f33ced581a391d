/* What the engine asks of a decoded record before it takes it: pure checks, each with its rejection. */
#pragma once

#include "engine/core/rules/program.h"
#include "engine/rejection.h"

/* How producers choose a partition for an account. */
enum partitioner { PARTITIONER_MURMUR2, PARTITIONER_CRC32, PARTITIONER_FNV1A, PARTITIONER_UNCHECKED };

/* By name as in the configuration; -1 where there is none of that name. */
int partitioner_find(struct text name);
/* The partition of a key among `partitions`, as Java's client (murmur2) and librdkafka compute it (consistent_random,
 * murmur2_random and fnv1a_random of a key that is not null); -1 for `unchecked`. */
int32_t partitioner_partition(enum partitioner partitioner, struct text key, int32_t partitions);

/* False, and `ret_rejection` set, where the event's time is beyond `reference_ms` by more than the rules tolerate. */
bool validate_time(const struct program *program, const struct event *event, int64_t reference_ms,
                   struct rejection *ret_rejection);
/* False, and `ret_rejection` set, where the account belongs on another partition. */
bool validate_partition(enum partitioner partitioner, int32_t partitions, const struct event *event,
                        struct rejection *ret_rejection);
bool validate_size(size_t size, size_t size_max, struct rejection *ret_rejection);
void reject_too_large(const struct event *event, struct rejection *ret_rejection);
