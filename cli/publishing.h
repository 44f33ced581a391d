/* How values are put together for the topics, as the configuration says: partitioner and framing of each. Where a
 * registry's id stands before a value, the schema is registered under `TOPIC-value`. */
#pragma once

#include "cli/schemas.h"
#include "producer/framing.h"

/* The configured partitioner as librdkafka names it. */
const char *publishing_partitioner(const struct configuration *configuration);

/* For each stream that is on. RESULT_RETRY: the registry does not answer; RESULT_REJECT: it refuses a schema. */
MUST_USE enum result publishing_input_framings(const struct setup *setup, const struct schemas *schemas,
                                               struct framing ret_framings[STREAMS], struct error *error);

/* Of changes and statuses. Likewise. */
MUST_USE enum result publishing_output_framings(const struct setup *setup, const struct schemas *schemas,
                                                struct framing *ret_changes, struct framing *ret_statuses,
                                                struct error *error);
