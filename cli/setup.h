/* What commands share that take a configuration: reading it, telling what is wrong with it, and putting it in the forms
 * in which the rooms want it. Everything lives in the setup's arena until setup_free. */
#pragma once

#include "cli/commands.h"
#include "config/configuration.h"
#include "consumer/kafka_handle.h"
#include "producer/client.h"

struct setup {
    struct arena arena;
    struct configuration configuration;
    struct findings findings;
    struct kafka_properties properties;             /* the operator's, bootstrap.servers among them */
    struct consumer_properties consumer_properties; /* the same, as the consuming room takes them */
    const char *topics[STREAMS];                    /* NULL: the stream is off */
    const char *outputs[OUTPUTS];
    struct logger logger; /* into the invocation's log */
};

/* Reads the configuration that the invocation names; what is wrong with it is in the findings. The setup is to be freed
 * in any case. RESULT_REJECT: it cannot be used. */
MUST_USE enum result setup_read(const struct invocation *invocation, struct setup *ret_setup);
/* The same of an input that is not an invocation's. */
MUST_USE enum result setup_read_input(const struct configuration_input *input, struct log *log,
                                      struct setup *ret_setup);
void setup_free(struct setup *setup);

/* Logs each finding on a line of its own, and the place first. */
void findings_log(const struct findings *findings, struct log *log);

/* Logs why a command failed; where brokers gave no answer (RESULT_RETRY) also where they were looked for. */
void setup_log_failure(const struct setup *setup, enum result result, const struct error *error);

/* A log as the engine's port; it is borrowed. */
struct logger logger_port(struct log *log);
