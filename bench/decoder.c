/* The decoder's compiled plan beside avro-c's generic reader, on the same bytes. */
#include "consumer/avro_decoder.h"

#include <avro.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/fail.h"
#include "consumer/own_schemas.h"

#define DECODED_RECORDS 20000
#define DECODER_PASSES  41 /* of a millisecond or two */

struct encoded {
    struct buffer bytes;
    uint32_t ends[DECODED_RECORDS];
};

static void encode_uses(const struct bench *bench, struct encoded *encoded) {
    struct load load = {.kind = LOAD_STEADY,
                        .accounts = DECODED_RECORDS,
                        .prelude = 1,
                        .base_ms = load_base_ms(LOAD_STEADY, bench->now_ms)};
    struct event_maker maker = {.load = &load};
    const struct framing framing = {.kind = FRAMING_PLAIN};
    for (uint32_t i = 0; i < DECODED_RECORDS; i++) {
        struct event event;
        load_event(&maker, DECODED_RECORDS + i, &event);
        event_write(&event, &framing, &encoded->bytes);
        encoded->ends[i] = (uint32_t)encoded->bytes.size;
    }
}

static struct text record_at(const struct encoded *encoded, uint32_t place) {
    uint32_t begin = place == 0 ? 0 : encoded->ends[place - 1];
    return (struct text){(const char *)encoded->bytes.data + begin, encoded->ends[place] - begin};
}

/* Nanoseconds of CPU per record. */
static double decode_by_plan(const struct own_schemas *own, const struct encoded *encoded) {
    struct avro_decoder decoder = {0};
    struct arena arena = {0};
    const struct schema *schema = own->streams[STREAM_USAGE]->schema;
    const struct avro_plan *plan;
    struct error error;
    must(avro_plan_compile(schema, STREAM_USAGE, schema, &arena, &plan, &error), &error);
    int64_t begun_ns = meter_thread_cpu_ns();
    for (uint32_t i = 0; i < DECODED_RECORDS; i++) {
        struct event event;
        struct rejection rejection;
        if (avro_decode_whole(&decoder, plan, record_at(encoded, i), &event, &rejection) != RESULT_OK)
            bench_fail("a record could not be decoded: %s", rejection.detail.text);
    }
    int64_t taken_ns = meter_thread_cpu_ns() - begun_ns;
    avro_decoder_free(&decoder);
    arena_free(&arena);
    return (double)taken_ns / DECODED_RECORDS;
}

static double decode_by_avro_c(const struct own_schemas *own, const struct encoded *encoded) {
    struct text json = own->streams[STREAM_USAGE]->json;
    avro_schema_t schema;
    avro_value_t value;
    if (avro_schema_from_json_length(json.data, json.size, &schema) != 0)
        bench_fail("avro-c does not take the schema: %s", avro_strerror());
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    avro_generic_value_new(class, &value);
    avro_reader_t reader = avro_reader_memory("", 0);
    int64_t begun_ns = meter_thread_cpu_ns();
    for (uint32_t i = 0; i < DECODED_RECORDS; i++) {
        struct text record = record_at(encoded, i);
        avro_reader_memory_set_source(reader, record.data, record.size);
        if (avro_value_read(reader, &value) != 0)
            bench_fail("avro-c could not read a record: %s", avro_strerror());
    }
    int64_t taken_ns = meter_thread_cpu_ns() - begun_ns;
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    return (double)taken_ns / DECODED_RECORDS;
}

void measure_decoder(struct bench *bench) {
    struct encoded *encoded = calloc(1, sizeof *encoded);
    struct own_schemas own;
    struct series ours = {0}, theirs = {0};
    struct error error;
    must(own_schemas_load(&own, &error), &error);
    encode_uses(bench, encoded);
    for (int i = 0; i < DECODER_PASSES; i++) {
        series_add(&ours, decode_by_plan(&own, encoded));
        series_add(&theirs, decode_by_avro_c(&own, encoded));
    }
    struct row row = {.name = "decoder against avro-c generic",
                      .unit = "x faster",
                      .value = series_median(&theirs) / series_median(&ours),
                      .limit = 15,
                      .stretch = 25,
                      .goal = GOAL_AT_LEAST};
    snprintf(row.note, sizeof row.note, "a use of %zu bytes: %.0f ns of CPU against %.0f ns",
             encoded->bytes.size / DECODED_RECORDS, series_median(&ours), series_median(&theirs));
    rows_add(&bench->rows, &row);
    own_schemas_free(&own);
    buffer_free(&encoded->bytes);
    free(encoded);
}
