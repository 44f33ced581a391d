/* The changelog port (engine/ports.h) on librdkafka consumers without a group: one that reads committed, and one that
 * only asks where partitions end, committed or not. One worker thread owns it. */
#pragma once

#include "consumer/kafka_handle.h"

struct kafka_changelog;

struct kafka_changelog_options {
    struct consumer_properties properties; /* the operator's, bootstrap.servers among them */
    const char *topic;
    int32_t partitions;
    const struct logger *logger; /* may be NULL */
};

/* What `options` points to is borrowed until kafka_changelog_free. RESULT_REJECT: a property is not good. RESULT_FATAL:
 * librdkafka refused, or memory is out. */
MUST_USE enum result kafka_changelog_create(const struct kafka_changelog_options *options,
                                            struct kafka_changelog **ret_changelog, struct error *error);
void kafka_changelog_free(struct kafka_changelog *changelog);

struct changelog kafka_changelog_port(struct kafka_changelog *changelog);
