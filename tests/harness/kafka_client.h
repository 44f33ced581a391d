// What tests do with a Kafka besides running the daemon: topics, records as plain bytes, reading a topic to its end.
// Each function opens a client of its own and closes it; only the main thread calls them.
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/harness/kafka_server.h"

enum kafka_isolation { KAFKA_READ_COMMITTED, KAFKA_READ_UNCOMMITTED };

enum kafka_transaction_end { KAFKA_COMMIT, KAFKA_ABORT };

enum { KAFKA_HEADERS_MAX = 16, KAFKA_ANY_PARTITION = -1 };

struct kafka_header {
    const char *name;
    const void *value;
    size_t value_size;
};

struct kafka_record {
    const char *topic;
    int32_t partition;    // KAFKA_ANY_PARTITION, to produce: the one that murmur2 of the key gives.
    int64_t offset;       // Of a record that was read.
    int64_t timestamp_ms; // 0, to produce: now.
    const void *key;      // NULL: none.
    size_t key_size;
    const void *value; // NULL: a tombstone.
    size_t value_size;
    size_t header_count;
    struct kafka_header headers[KAFKA_HEADERS_MAX];
};

// Records that were read; their bytes are owned here, each followed by a zero that its size does not count.
struct kafka_records {
    struct kafka_record *items;
    size_t count;
    size_t capacity;
};

// A client of the server with `settings`, pairs of name and value, NULL-terminated, or NULL. rd_kafka_destroy it.
rd_kafka_t *kafka_client_new(const struct kafka_server *server, rd_kafka_type_t type, const char *const *settings);

// `settings`: the topic's configuration as pairs of name and value ("cleanup.policy", "compact"), NULL-terminated, or
// NULL. Returns once the topic can be written to.
void kafka_create_topic(const struct kafka_server *server, const char *name, int partitions,
                        const char *const *settings);
void kafka_delete_topic(const struct kafka_server *server, const char *name);

// What lies before an offset; a group's offset, as when it expires.
void kafka_delete_records(const struct kafka_server *server, const char *topic, int32_t partition, int64_t before);
void kafka_delete_group_offset(const struct kafka_server *server, const char *group, const char *topic,
                               int32_t partition);

// Returns once every record is acknowledged.
void kafka_produce(const struct kafka_server *server, const struct kafka_record *records, size_t count);

// The same in one transaction, which is then ended; returns once a reader can see that it has.
void kafka_produce_transaction(const struct kafka_server *server, const char *transactional_id,
                               const struct kafka_record *records, size_t count, enum kafka_transaction_end end);

// All of a topic, partition by partition, each in the order of its offsets. Read committed, it first awaits for some
// seconds that transactions which have been ended, or are about to time out, are out of the way (a commit is answered
// before its markers are written), and then reads what a reader sees. kafka_records_free the result.
void kafka_consume_all(const struct kafka_server *server, const char *topic, enum kafka_isolation isolation,
                       struct kafka_records *ret_records);
void kafka_records_free(struct kafka_records *records);

// The value of the record's header, or NULL; a string, as a zero follows its bytes.
const char *kafka_header_text(const struct kafka_record *record, const char *name);

// The offset behind the partition's last record; committed transactions' markers count.
int64_t kafka_end_offset(const struct kafka_server *server, const char *topic, int32_t partition);

// The group's committed offset, or -1 where there is none.
int64_t kafka_committed_offset(const struct kafka_server *server, const char *group, const char *topic,
                               int32_t partition);
