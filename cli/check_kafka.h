/* What `check` looks at in Kafka and beside it. Nothing is written, and no group is joined. */
#pragma once

#include "cli/setup.h"
#include "engine/validate.h"
#include "producer/topics.h"

/* Each of librdkafka's properties on its own, so that the wrong one is named with its place. */
void check_properties(const struct configuration *configuration, struct findings *findings);

/* The folder of schemas, and whether the plain ones fit. */
void check_schemas(const struct setup *setup, struct findings *findings);
/* Whether the registry answers. RESULT_RETRY: it does not; that is a finding too. */
MUST_USE enum result check_registry(const struct setup *setup, struct findings *findings);

/* Topics, partitions, the changelog. RESULT_RETRY: no broker answers; that is a finding too. */
MUST_USE enum result check_topics(const struct setup *setup, struct findings *findings, int timeout_ms,
                                  struct topics_report *ret_report);

struct partitioner_report {
    bool in_time;                            /* all that were to be looked at came */
    uint32_t sampled;                        /* records looked at */
    uint32_t fitting[PARTITIONER_UNCHECKED]; /* of them, how many lie where this partitioner puts them */
};

/* Looks at the newest records of the inputs that exist, and whether they lie where kafka.partitioner puts them. Adds
 * what is wrong; that a topic may not be read is wrong too, and that `timeout_ms` did not suffice is worth a warning.
 */
MUST_USE enum result check_partitioner(const struct setup *setup, int32_t partitions, struct findings *findings,
                                       int timeout_ms, struct partitioner_report *ret_report);
