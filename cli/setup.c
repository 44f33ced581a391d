#include "cli/setup.h"

#include <unistd.h>

static void port_write(void *context, enum log_level level, const char *message) {
    log_message(context, level, message);
}

struct logger logger_port(struct log *log) {
    return (struct logger){log, port_write};
}

void findings_log(const struct findings *findings, struct log *log) {
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        log_write(log, finding->severity == SEVERITY_ERROR ? LEVEL_ERROR : LEVEL_WARNING, "%.*s%s%.*s",
                  TEXT_ARGUMENTS(finding->where), finding->where.size == 0 ? "" : ": ", TEXT_ARGUMENTS(finding->what));
    }
    uint32_t all = findings->errors + findings->warnings;
    if (all > findings->count)
        log_write(log, LEVEL_ERROR, "and %u more", all - findings->count);
}

static enum result collect_properties(struct setup *setup) {
    const struct properties *properties = &setup->configuration.kafka.properties;
    uint32_t count = properties->count + 1;
    struct kafka_property *produced = arena_alloc(&setup->arena, count * sizeof *produced);
    struct consumer_property *consumed = arena_alloc(&setup->arena, count * sizeof *consumed);
    if (produced == NULL || consumed == NULL)
        return RESULT_FATAL;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = i == 0 ? "bootstrap.servers" : properties->items[i - 1].name.data;
        const char *value = i == 0 ? setup->configuration.kafka.brokers.data : properties->items[i - 1].value.data;
        produced[i] = (struct kafka_property){name, value};
        consumed[i] = (struct consumer_property){name, value};
    }
    setup->properties = (struct kafka_properties){produced, count};
    setup->consumer_properties = (struct consumer_properties){consumed, count};
    return RESULT_OK;
}

static void collect_topics(struct setup *setup) {
    const struct configuration *configuration = &setup->configuration;
    for (int i = 0; i < STREAMS; i++)
        setup->topics[i] = configuration->streams.on[i] ? configuration->streams.topics[i].data : NULL;
    setup->outputs[OUTPUT_CHANGES] = configuration->outputs.changes.data;
    setup->outputs[OUTPUT_STATUSES] = configuration->outputs.status.data;
    setup->outputs[OUTPUT_DEAD_LETTERS] = configuration->outputs.dead_letters.data;
    setup->outputs[OUTPUT_CHANGELOG] = configuration->outputs.changelog.data;
}

/* What the configuration says about the log counts where the command line and its environment say nothing. */
static void adjust_log(const struct invocation *invocation, const struct configuration *configuration) {
    if (!arguments_has(invocation->arguments, "log-level"))
        log_set_level(invocation->log, (enum log_level)configuration->log.level);
    if (arguments_has(invocation->arguments, "log-format") || configuration->log.format == LOG_FORMAT_AUTO)
        return;
    enum log_style human = invocation->command->daemon ? LOG_STYLE_HUMAN : LOG_STYLE_PLAIN;
    log_set_style(invocation->log, configuration->log.format == LOG_FORMAT_JSON ? LOG_STYLE_JSON : human);
}

enum result setup_read_input(const struct configuration_input *input, struct log *log, struct setup *ret_setup) {
    *ret_setup = (struct setup){.logger = logger_port(log)};
    ret_setup->findings.arena = &ret_setup->arena;
    enum result result = configuration_read(&ret_setup->arena, input, &ret_setup->configuration, &ret_setup->findings);
    if (result != RESULT_OK)
        return result;
    collect_topics(ret_setup);
    return collect_properties(ret_setup);
}

enum result setup_read(const struct invocation *invocation, struct setup *ret_setup) {
    struct configuration_input input = {
        .file = arguments_value(invocation->arguments, "config"),
        .environment = invocation->environment,
    };
    input.sets = arguments_values(invocation->arguments, "set", &input.sets_count);
    enum result result = setup_read_input(&input, invocation->log, ret_setup);
    adjust_log(invocation, &ret_setup->configuration);
    return result;
}

void setup_free(struct setup *setup) {
    arena_free(&setup->arena);
}

void setup_log_failure(const struct setup *setup, enum result result, const struct error *error) {
    struct log *log = setup->logger.context;
    if (result == RESULT_RETRY)
        log_write(log, LEVEL_ERROR, "%s (kafka.brokers: %.*s)", error->text,
                  TEXT_ARGUMENTS(setup->configuration.kafka.brokers));
    else
        log_write(log, LEVEL_ERROR, "%s", error->text);
}
