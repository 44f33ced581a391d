/* A worker's ports, made of what the rooms offer: the only place that sees all of them. Used by `run` and by `demo`. */
#pragma once

#include "cli/schemas.h"
#include "consumer/kafka_changelog.h"
#include "consumer/kafka_source.h"
#include "engine/pipeline.h"
#include "producer/encoder.h"
#include "producer/kafka_sink.h"
#include "store/redis_store.h"

#define INSTANCE_NAME_MAX (2 * KAFKA_NAME_SIZE_MAX + 16) /* group, instance, number of the worker */

/* What all workers have in common. Constant while they live. */
struct composition {
    const struct setup *setup;
    const struct schemas *schemas;
    const char *cluster_id;
    int32_t partitions;
    bool until_end;
    bool records_only; /* time moves with the records only */
    struct framing changes, statuses;
    struct clock clock;
};

/* A worker's own ports and what is behind them. */
struct worker_ports {
    char instance_id[INSTANCE_NAME_MAX], transactional_id[INSTANCE_NAME_MAX];
    struct kafka_source *kafka_source;
    struct kafka_sink *kafka_sink;
    struct kafka_changelog *kafka_changelog;
    struct redis_store *redis_store;
    struct value_decoder *value_decoder;
    struct source source;
    struct decoder decoder;
    struct encoder encoder;
    struct sink sink;
    struct changelog changelog;
    struct store store;
    struct clock clock;
    struct chance chance;
    struct pipeline_ports all; /* pointers to the above */
};

/* Makes them; nothing is asked of a server yet. `number` of the worker, from 0. The result must not be moved. On
 * failure nothing is left behind. RESULT_REJECT: a property of librdkafka is not good. */
MUST_USE enum result composition_open(const struct composition *composition, uint32_t number,
                                      struct worker_ports *ret_ports, struct error *error);
void composition_close(struct worker_ports *ports);

/* What the configuration says of the pipeline, for one of its workers. */
struct pipeline_options composition_options(const struct composition *composition);
