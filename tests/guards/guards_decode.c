/* The phase `decode`, see guards.c. */
#include "bench/fail.h"
#include "bench/memory_source.h"
#include "consumer/value_decoder.h"
#include "tests/guards/guards.h"

COUNTED static enum result counted_decode(const struct decoder *decoder, const struct message *message,
                                          struct event *event, struct rejection *rejection, struct error *error) {
    return decoder->decode(decoder->context, message, event, rejection, error);
}

uint64_t guards_decode(const struct own_schemas *own) {
    struct value_decoder_options options = {.own = own};
    struct value_decoder *value_decoder;
    struct memory_source memory;
    struct error error;
    for (int i = 0; i < STREAMS; i++)
        options.encodings[i] = VALUE_SINGLE_OBJECT;
    must(value_decoder_create(&options, &value_decoder, &error), &error);
    memory_source_fill(&memory, &guards_load, false);
    struct source source = memory_source_port(&memory);
    struct decoder decoder = value_decoder_port(value_decoder);
    const struct input_offset position = {{STREAM_USAGE, 0}, 0};
    if (source.assign(source.context, &position, 1, &error) != ANSWER_OK)
        bench_fail("%s", error.text);
    for (uint64_t i = 0; i < load_uses(&guards_load); i++) {
        struct message message;
        struct fetched fetched;
        struct event event;
        struct rejection rejection;
        source.fetch(source.context, position.input, &message, 1, &fetched);
        must(counted_decode(&decoder, &message, &event, &rejection, &error), &error);
    }
    memory_source_free(&memory);
    value_decoder_free(value_decoder);
    return load_uses(&guards_load);
}
