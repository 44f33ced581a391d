/* All schemas that a command works with: the built-in ones, those of the folder that the configuration names, and the
 * way to the registry. Must not be moved while something made from it lives. */
#pragma once

#include "cli/setup.h"
#include "consumer/value_decoder.h"

struct schemas {
    struct own_schemas own;
    struct schema_folder folder;
    struct clock clock;
    struct value_decoder_options
        decoder; /* what value_decoder_create is to be given; `registry` also for registry_create */
};

/* The setup outlives it. RESULT_REJECT: the folder is not good. To be closed in any case. */
MUST_USE enum result schemas_open(struct schemas *schemas, const struct setup *setup, struct error *error);
void schemas_close(struct schemas *schemas);
