#include "cli/publishing.h"

#include "engine/validate.h"

const char *publishing_partitioner(const struct configuration *configuration) {
    static const char *const names[] = {
        [PARTITIONER_MURMUR2] = "murmur2_random",
        [PARTITIONER_CRC32] = "consistent_random",
        [PARTITIONER_FNV1A] = "fnv1a_random",
        [PARTITIONER_UNCHECKED] = "murmur2_random",
    };
    return names[configuration->kafka.partitioner];
}

static enum result framing_of(int encoding, const struct own_schema *schema, struct framing *ret_framing,
                              struct error *error) {
    switch (encoding) {
    case ENCODING_SINGLE_OBJECT:
        *ret_framing = (struct framing){.kind = FRAMING_SINGLE_OBJECT, .fingerprint = schema->fingerprint};
        return RESULT_OK;
    case ENCODING_PLAIN:
        *ret_framing = (struct framing){.kind = FRAMING_PLAIN};
        return RESULT_OK;
    case ENCODING_JSON:
        *ret_framing = (struct framing){.kind = FRAMING_JSON};
        return RESULT_OK;
    default:
        return error_set(error, RESULT_FATAL, "the registry cannot be asked");
    }
}

enum result publishing_input_framings(const struct setup *setup, const struct own_schemas *schemas,
                                      struct framing ret_framings[STREAMS], struct error *error) {
    for (int i = 0; i < STREAMS; i++) {
        enum result result = setup->topics[i] == NULL ? RESULT_OK
                                                      : framing_of(setup->configuration.streams.encodings[i],
                                                                   schemas->streams[i], &ret_framings[i], error);
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}
