/* Topics: what there is, what is wrong with it, and making what is missing. Used at start, by `check` and by
 * `produce --create-topics`; never while records flow.
 *
 * Every call waits for the brokers, up to its timeout, and may be made again. Nothing is ever created by asking for it:
 * all topics are listed, since a question about one by name would create it where the brokers do so automatically. */
#pragma once

#include "producer/client.h"

struct topics;

/* `properties` and `logger` (which may be NULL) outlive the result. RESULT_REJECT: a property is not good. */
MUST_USE enum result topics_open(const struct kafka_properties *properties, const struct logger *logger,
                                 struct topics **ret_topics, struct error *error);
void topics_close(struct topics *topics);

/* ---- one by one */

struct topic_state {
    int32_t partitions; /* 0: the topic does not exist */
    int32_t replication;
};

/* RESULT_RETRY: no broker answered. */
MUST_USE enum result topics_look(struct topics *topics, const char *const *names, uint32_t count,
                                 struct topic_state *ret_states, int timeout_ms, struct error *error);

#define REPLICATION_DEFAULT (-1) /* as the brokers are configured */

struct topic_wish {
    const char *name;
    int32_t partitions, replication;
    bool is_compacted; /* else kept for ever where `is_kept`, else as the brokers are configured */
    bool is_kept;
    uint32_t batch_bytes_max; /* max.message.bytes; 0: as the brokers are configured */
};

/* Creates them, and returns once all can be used. One that exists already is left as it is. RESULT_RETRY: no answer, or
 * not usable in time; RESULT_REJECT: refused, with the brokers' reason. */
MUST_USE enum result topics_create(struct topics *topics, const struct topic_wish *wishes, uint32_t count,
                                   int timeout_ms, struct error *error);

/* ---- all that Bellwether uses */

struct topics_plan {
    const char *inputs[STREAMS]; /* NULL: the stream is off */
    const char *outputs[OUTPUTS];
    bool create_outputs;      /* those that are missing; the changelog always is */
    uint32_t value_bytes_max; /* client_value_bytes_max() */
};

#define TOPIC_FINDINGS_MAX 64

struct topic_finding {
    bool is_warning; /* else Bellwether must not run */
    struct error error;
};

struct topics_report {
    int32_t partitions; /* of every input and of the changelog; 0 where that is not so */
    char cluster_id[64];
    uint32_t findings_count;
    struct topic_finding findings[TOPIC_FINDINGS_MAX];
};

/* Looks at everything and changes nothing; what `topics_prepare` would create is no finding. RESULT_RETRY: no broker
 * answered; RESULT_OK also where there are findings. */
MUST_USE enum result topics_check(struct topics *topics, const struct topics_plan *plan,
                                  struct topics_report *ret_report, int timeout_ms, struct error *error);

/* Creates what is missing and may be created, then checks. RESULT_REJECT: a finding that is no warning; `error` is the
 * first of them, and the report has all. */
MUST_USE enum result topics_prepare(struct topics *topics, const struct topics_plan *plan,
                                    struct topics_report *ret_report, int timeout_ms, struct error *error);
