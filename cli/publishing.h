/* How values are put together for the topics, as the configuration says: partitioner and framing of each. */
#pragma once

#include "cli/setup.h"
#include "consumer/own_schemas.h"
#include "producer/framing.h"

/* The configured partitioner as librdkafka names it. */
const char *publishing_partitioner(const struct configuration *configuration);

/* For each stream that is on. RESULT_RETRY: the registry does not answer; RESULT_REJECT: it refuses a schema. */
MUST_USE enum result publishing_input_framings(const struct setup *setup, const struct own_schemas *schemas,
                                               struct framing ret_framings[STREAMS], struct error *error);
