#include "cli/check_kafka.h"

#include <librdkafka/rdkafka.h>

#include "base/instant.h"
#include "cli/clock.h"
#include "cli/schemas.h"
#include "cli/topic_reader.h"
#include "config/properties.h"

#define SAMPLE_PER_PARTITION 20
#define SAMPLE_MAX           2000
#define STRAYS_PERCENT_MAX   5  /* that lie elsewhere: somebody's mistake, not another partitioner */
#define SAMPLE_ENOUGH        20 /* records below which nothing can be said */

void check_properties(const struct configuration *configuration, struct findings *findings) {
    const struct properties *properties = &configuration->kafka.properties;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (uint32_t i = 0; i < properties->count; i++) {
        const struct property *property = &properties->items[i];
        char message[512];
        if (rd_kafka_conf_set(conf, property->name.data, property->value.data, message, sizeof message) !=
            RD_KAFKA_CONF_OK)
            finding_add(findings, SEVERITY_ERROR, property->where, "librdkafka: %s",
                        property_is_secret(property->name) ? "the value is not accepted" : message);
    }
    rd_kafka_conf_destroy(conf);
}

void check_schemas(const struct setup *setup, struct findings *findings) {
    struct schemas schemas;
    struct value_decoder *decoder;
    struct error error;
    enum result result = schemas_open(&schemas, setup, &error);
    if (result == RESULT_OK)
        result = value_decoder_create(&schemas.decoder, &decoder, &error);
    if (result == RESULT_OK)
        value_decoder_free(decoder);
    else
        finding_add(findings, SEVERITY_ERROR, TEXT("schemas"), "%s", error.text);
    schemas_close(&schemas);
}

enum result check_registry(const struct setup *setup, struct findings *findings) {
    struct schemas schemas;
    struct registry *registry = NULL;
    struct writer *writer;
    struct error error;
    enum result result = schemas_open(&schemas, setup, &error);
    if (result == RESULT_OK)
        result = registry_create(&schemas.decoder.registry, &registry, &error);
    /* That there is no schema of some id is an answer too. */
    if (result == RESULT_OK)
        result = registry_writer(registry, 1, (int)setup->configuration.registry.timeout_ms, &writer, &error);
    if (result == RESULT_REJECT)
        result = RESULT_OK;
    if (result != RESULT_OK)
        finding_add(findings, SEVERITY_ERROR, TEXT("registry"), "it cannot be used: %s", error.text);
    if (registry != NULL)
        registry_free(registry);
    schemas_close(&schemas);
    return result;
}

enum result check_topics(const struct setup *setup, struct findings *findings, int timeout_ms,
                         struct topics_report *ret_report) {
    struct topics *topics;
    struct error error;
    struct topics_plan plan = {
        .create_outputs = setup->configuration.kafka.create_topics,
        .value_bytes_max = client_value_bytes_max(setup->configuration.limits.account_bytes),
    };
    memcpy(plan.inputs, setup->topics, sizeof plan.inputs);
    memcpy(plan.outputs, setup->outputs, sizeof plan.outputs);
    enum result result = topics_open(&setup->properties, NULL, &topics, &error);
    if (result == RESULT_OK) {
        result = topics_check(topics, &plan, ret_report, timeout_ms, &error);
        topics_close(topics);
    }
    if (result != RESULT_OK) {
        finding_add(findings, SEVERITY_ERROR, TEXT("kafka"), "%s Is kafka.brokers (%.*s) right?", error.text,
                    TEXT_ARGUMENTS(setup->configuration.kafka.brokers));
        return result;
    }
    for (uint32_t i = 0; i < ret_report->findings_count; i++)
        finding_add(findings, ret_report->findings[i].is_warning ? SEVERITY_WARNING : SEVERITY_ERROR, TEXT("kafka"),
                    "%s", ret_report->findings[i].error.text);
    return RESULT_OK;
}

/* ---- the partitioner */

static void look_at(const rd_kafka_message_t *message, int32_t partitions, struct partitioner_report *report) {
    struct text key = {message->key, (uint32_t)message->key_len};
    if (message->key == NULL)
        return;
    report->sampled++;
    for (enum partitioner partitioner = 0; partitioner < PARTITIONER_UNCHECKED; partitioner++)
        report->fitting[partitioner] += partitioner_partition(partitioner, key, partitions) == message->partition;
}

static enum result sample(const struct setup *setup, int32_t partitions, int timeout_ms,
                          struct partitioner_report *report, struct error *error) {
    struct topic_reader_options reader_options = {
        .properties = setup->properties,
        .group = setup->configuration.kafka.group.data,
        .start = READ_FROM_BEFORE,
        .start_value = SAMPLE_PER_PARTITION,
        .until_end = true,
    };
    for (int i = 0; i < STREAMS; i++)
        if (setup->topics[i] != NULL)
            reader_options.topics[reader_options.topics_count++] = setup->topics[i];
    struct topic_reader *reader;
    rd_kafka_message_t *message;
    enum result result = topic_reader_open(&reader_options, timeout_ms, &reader, error);
    if (result != RESULT_OK)
        return result;
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    enum reader_outcome outcome = READER_RECORD;
    while (outcome == READER_RECORD && report->sampled < SAMPLE_MAX) {
        outcome = topic_reader_next(reader, (int)(deadline_ms - clock_monotonic_ms()), &message, error);
        if (outcome == READER_RECORD) {
            look_at(message, partitions, report);
            rd_kafka_message_destroy(message);
        }
    }
    topic_reader_close(reader);
    report->in_time = outcome != READER_NOTHING;
    return outcome == READER_FAILED ? RESULT_FATAL : RESULT_OK;
}

static void judge(const struct setup *setup, const struct partitioner_report *report, struct findings *findings) {
    static const char *const names[] = {"murmur2", "crc32", "fnv1a"};
    enum partitioner configured = (enum partitioner)setup->configuration.kafka.partitioner;
    if (configured == PARTITIONER_UNCHECKED || report->sampled < SAMPLE_ENOUGH ||
        report->fitting[configured] == report->sampled)
        return;
    for (enum partitioner other = 0; other < PARTITIONER_UNCHECKED; other++) {
        if (other != configured && report->fitting[other] == report->sampled) {
            finding_add(findings, SEVERITY_ERROR, TEXT("kafka.partitioner"),
                        "the records lie where `%s` puts their keys (all of %u looked at; with `%s` only %u): write "
                        "kafka.partitioner: %s, or all of them will be rejected as wrong-partition",
                        names[other], report->sampled, names[configured], report->fitting[configured], names[other]);
            return;
        }
    }
    uint32_t strays = report->sampled - report->fitting[configured];
    if (strays * 100 <= report->sampled * STRAYS_PERCENT_MAX) {
        finding_add(findings, SEVERITY_WARNING, TEXT("kafka.partitioner"),
                    "%u of %u records looked at do not lie where `%s` puts their keys, and will be rejected as "
                    "wrong-partition",
                    strays, report->sampled, names[configured]);
        return;
    }
    finding_add(
        findings, SEVERITY_ERROR, TEXT("kafka.partitioner"),
        "only %u of %u records looked at lie where `%s` puts their keys, and no other partitioner fits all: the "
        "inputs' producers must agree on one, and key by the account's id",
        report->fitting[configured], report->sampled, names[configured]);
}

static void tell_late(const struct partitioner_report *report, int timeout_ms, struct findings *findings) {
    char waited[INSTANT_TEXT_MAX];
    duration_format(timeout_ms, waited);
    if (report->sampled == 0)
        finding_add(findings, SEVERITY_WARNING, TEXT("kafka"),
                    "no record of the inputs came within %s, though they hold some: whether they can be read, and lie "
                    "where the partitioner puts them, is not known",
                    waited);
    else
        finding_add(findings, SEVERITY_WARNING, TEXT("kafka"),
                    "only %u of the inputs' newest records came within %s: whether the others lie where the "
                    "partitioner puts them is not known",
                    report->sampled, waited);
}

enum result check_partitioner(const struct setup *setup, int32_t partitions, struct findings *findings, int timeout_ms,
                              struct partitioner_report *ret_report) {
    struct error error;
    *ret_report = (struct partitioner_report){0};
    enum result result = sample(setup, partitions, timeout_ms, ret_report, &error);
    if (result != RESULT_OK)
        finding_add(findings, SEVERITY_ERROR, TEXT("kafka"), "the inputs cannot be read: %s", error.text);
    else
        judge(setup, ret_report, findings);
    if (result == RESULT_OK && !ret_report->in_time)
        tell_late(ret_report, timeout_ms, findings);
    return result;
}
