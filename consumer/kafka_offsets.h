/* Questions to the brokers about where partitions begin and end. Each is asked of all partitions in one go. */
#pragma once

#include "consumer/kafka_handle.h"

/* What may be asked instead of an instant, as the protocol has it. */
#define OFFSETS_LATEST   (-1) /* the end; of a read_committed client the last stable offset */
#define OFFSETS_EARLIEST (-2)

/* Sets each partition's offset to that of its first record at or after `instant_ms`; the offset is -1
 * (RD_KAFKA_OFFSET_END) where there is none. The list must not be empty. */
MUST_USE enum answer kafka_offsets_ask(struct kafka_handle *handle, rd_kafka_topic_partition_list_t *partitions,
                                       int64_t instant_ms, int timeout_ms, struct error *error);
