#include "cli/schemas.h"

#include "cli/clock.h"

static enum value_encoding value_encoding(int encoding) {
    return encoding == ENCODING_CONFLUENT ? VALUE_CONFLUENT
           : encoding == ENCODING_PLAIN   ? VALUE_PLAIN
                                          : VALUE_SINGLE_OBJECT;
}

enum result schemas_open(struct schemas *schemas, const struct setup *setup, struct error *error) {
    const struct configuration *configuration = &setup->configuration;
    *schemas = (struct schemas){.clock = clock_port()};
    enum result result = own_schemas_load(&schemas->own, error);
    if (result != RESULT_OK)
        return result;
    schemas->decoder = (struct value_decoder_options){
        .own = &schemas->own,
        .folder = text_is_missing(configuration->schemas) ? NULL : &schemas->folder,
        .registry = {.url = configuration->registry.url.data,
                     .user = configuration->registry.user.data,
                     .password = configuration->registry.password.data,
                     .timeout_ms = configuration->registry.timeout_ms,
                     .clock = &schemas->clock},
    };
    for (int i = 0; i < STREAMS; i++)
        schemas->decoder.encodings[i] = value_encoding(configuration->streams.encodings[i]);
    return schemas->decoder.folder == NULL ? RESULT_OK
                                           : schema_folder_load(configuration->schemas.data, &schemas->folder, error);
}

void schemas_close(struct schemas *schemas) {
    schema_folder_free(&schemas->folder);
    own_schemas_free(&schemas->own);
}
