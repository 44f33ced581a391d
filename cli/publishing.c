#include "cli/publishing.h"

#include <stdio.h>

#include "engine/validate.h"

#define SUBJECT_SIZE_MAX 300

const char *publishing_partitioner(const struct configuration *configuration) {
    static const char *const names[] = {
        [PARTITIONER_MURMUR2] = "murmur2_random",
        [PARTITIONER_CRC32] = "consistent_random",
        [PARTITIONER_FNV1A] = "fnv1a_random",
        [PARTITIONER_UNCHECKED] = "murmur2_random",
    };
    return names[configuration->kafka.partitioner];
}

/* A topic whose framing is to be found. */
struct published {
    int encoding;
    const char *topic;
    const struct own_schema *schema;
};

static enum result register_schema(struct registry *registry, const struct published *published, int64_t timeout_ms,
                                   struct framing *ret_framing, struct error *error) {
    char subject[SUBJECT_SIZE_MAX];
    uint32_t id;
    snprintf(subject, sizeof subject, "%s-value", published->topic);
    enum result result = registry_register(registry, subject, published->schema->json, (int)timeout_ms, &id, error);
    if (result == RESULT_OK)
        *ret_framing = (struct framing){.kind = FRAMING_CONFLUENT, .schema_id = id};
    return result;
}

static enum result find_framing(struct registry *registry, const struct published *published, int64_t timeout_ms,
                                struct framing *ret_framing, struct error *error) {
    switch (published->encoding) {
    case ENCODING_CONFLUENT:
        return register_schema(registry, published, timeout_ms, ret_framing, error);
    case ENCODING_PLAIN:
        *ret_framing = (struct framing){.kind = FRAMING_PLAIN};
        return RESULT_OK;
    case ENCODING_JSON:
        *ret_framing = (struct framing){.kind = FRAMING_JSON};
        return RESULT_OK;
    default:
        *ret_framing = (struct framing){.kind = FRAMING_SINGLE_OBJECT, .fingerprint = published->schema->fingerprint};
        return RESULT_OK;
    }
}

static enum result find_framings(const struct setup *setup, const struct schemas *schemas,
                                 const struct published *published, uint32_t count, struct framing *ret_framings,
                                 struct error *error) {
    struct registry *registry = NULL;
    enum result result = RESULT_OK;
    if (schemas->decoder.registry.url != NULL)
        result = registry_create(&schemas->decoder.registry, &registry, error);
    for (uint32_t i = 0; i < count && result == RESULT_OK; i++)
        if (published[i].topic != NULL)
            result = find_framing(registry, &published[i], setup->configuration.registry.timeout_ms, &ret_framings[i],
                                  error);
    if (registry != NULL)
        registry_free(registry);
    return result;
}

enum result publishing_input_framings(const struct setup *setup, const struct schemas *schemas,
                                      struct framing ret_framings[STREAMS], struct error *error) {
    struct published published[STREAMS];
    for (int i = 0; i < STREAMS; i++)
        published[i] = (struct published){setup->configuration.streams.encodings[i], setup->topics[i],
                                          schemas->own.streams[i]};
    return find_framings(setup, schemas, published, STREAMS, ret_framings, error);
}

enum result publishing_output_framings(const struct setup *setup, const struct schemas *schemas,
                                       struct framing *ret_changes, struct framing *ret_statuses, struct error *error) {
    const struct configuration *configuration = &setup->configuration;
    const struct published published[] = {
        {configuration->outputs.changes_encoding, setup->outputs[OUTPUT_CHANGES],
         own_schemas_find(&schemas->own, TEXT("SegmentChange"))},
        {configuration->outputs.status_encoding, setup->outputs[OUTPUT_STATUSES],
         own_schemas_find(&schemas->own, TEXT("AccountStatus"))},
    };
    struct framing framings[2] = {{0}};
    enum result result = find_framings(setup, schemas, published, 2, framings, error);
    if (result == RESULT_OK) {
        *ret_changes = framings[0];
        *ret_statuses = framings[1];
    }
    return result;
}
