/* avro-c as the yardstick: random records in our own schemas, written and read by it, and read by us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <avro.h>

#include "consumer/avro_decoder.h"
#include "consumer/own_schemas.h"

static struct own_schemas own;
static struct avro_decoder decoder;
static struct error error;
static struct event event;
static struct rejection rejection;

/* What avro-c is asked here can not fail. */
static void must(int status) {
    if (status != 0)
        abort();
}

static void assert_text(struct text text, const char *expected) {
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static uint64_t random_state = 88172645463325252;

static uint32_t chance(uint32_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % below;
}

static struct text random_string(char buffer[64]) {
    static const char *const parts[] = {"a",         "Z", "0", " ", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                        "long part "};
    uint32_t used = 0;
    for (uint32_t i = 1 + chance(6); i > 0; i--) {
        const char *part = parts[chance(8)];
        memcpy(buffer + used, part, strlen(part));
        used += (uint32_t)strlen(part);
    }
    buffer[used] = '\0';
    return (struct text){buffer, used};
}

static void fill_random(avro_value_t *value, const struct field *field) {
    char text[64], key[64];
    avro_value_t branch = *value;
    if (field->nullable) {
        bool is_present = chance(2) == 1;
        must(avro_value_set_branch(value, is_present, &branch));
        if (!is_present) {
            must(avro_value_set_null(&branch));
            return;
        }
    }
    int64_t wide = (int64_t)(random_state << chance(64)) >> chance(64);
    bool bounded = field->lowest <= field->highest;
    int32_t narrow = bounded ? (int32_t)(field->lowest + chance((uint32_t)(field->highest - field->lowest) + 1))
                             : (int32_t)wide;
    switch (field->type) {
    case FIELD_STRING:
        must(avro_value_set_string_len(&branch, text, random_string(text).size + 1));
        break;
    case FIELD_INSTANT:
        must(avro_value_set_long(&branch, wide / 1024)); /* within FIELD_INSTANT_MAX_MS */
        break;
    case FIELD_LONG:
        must(avro_value_set_long(&branch, wide));
        break;
    case FIELD_INT:
        must(avro_value_set_int(&branch, narrow));
        break;
    case FIELD_DOUBLE:
        must(avro_value_set_double(&branch, (double)wide / 1024));
        break;
    case FIELD_BOOLEAN:
        must(avro_value_set_boolean(&branch, (int)chance(2)));
        break;
    case FIELD_ENUM:
        must(avro_value_set_enum(&branch, (int)chance(field->symbols_count)));
        break;
    case FIELD_MAP:
        for (uint32_t i = chance(5); i > 0; i--) {
            avro_value_t entry;
            random_string(key);
            must(avro_value_add(&branch, key, &entry, NULL, NULL));
            must(avro_value_set_string_len(&entry, text, random_string(text).size + 1));
        }
        break;
    }
}

static void assert_map(const avro_value_t *value) {
    size_t count = 0;
    must(avro_value_get_size(value, &count));
    assert_int_equal(event.entries_count, count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t entry;
        const char *key, *text;
        size_t size;
        must(avro_value_get_by_index(value, i, &entry, &key));
        must(avro_value_get_string(&entry, &text, &size));
        assert_text(event_entry(&event, text_of(key)), text);
    }
}

static void assert_same(const avro_value_t *value, const struct field *field, uint32_t index) {
    avro_value_t branch = *value;
    int discriminant = 1;
    if (field->nullable) {
        must(avro_value_get_discriminant(value, &discriminant));
        must(avro_value_get_current_branch(value, &branch));
    }
    assert_int_equal(event_has(&event, index), discriminant == 1);
    if (discriminant == 0)
        return;
    const char *text;
    size_t size;
    int64_t wide = 0;
    int32_t narrow = 0;
    int small = 0;
    double number = 0;
    switch (field->type) {
    case FIELD_STRING:
        must(avro_value_get_string(&branch, &text, &size));
        assert_text(event.fields[index].text, text);
        return;
    case FIELD_INSTANT:
    case FIELD_LONG:
        must(avro_value_get_long(&branch, &wide));
        number = (double)wide;
        break;
    case FIELD_INT:
        must(avro_value_get_int(&branch, &narrow));
        number = narrow;
        break;
    case FIELD_DOUBLE:
        must(avro_value_get_double(&branch, &number));
        break;
    case FIELD_BOOLEAN:
        must(avro_value_get_boolean(&branch, &small));
        number = small;
        break;
    case FIELD_ENUM:
        must(avro_value_get_enum(&branch, &small));
        number = small;
        break;
    case FIELD_MAP:
        assert_map(&branch);
        return;
    }
    assert_true(event.fields[index].number == number);
}

static void compare_with_avro_c(enum stream stream) {
    const struct stream_schema *table = &stream_schemas[stream];
    struct text json = own.streams[stream]->json;
    avro_schema_t schema;
    must(avro_schema_from_json_length(json.data, json.size, &schema));
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    const struct schema *own_schema = own.streams[stream]->schema;
    const struct avro_plan *plan = NULL;
    struct arena arena = {0};
    assert_int_equal(avro_plan_compile(own_schema, stream, own_schema, &arena, &plan, &error), RESULT_OK);
    for (int round = 0; round < 500; round++) {
        avro_value_t value, read;
        char written[8192];
        must(avro_generic_value_new(class, &value));
        must(avro_generic_value_new(class, &read));
        for (uint32_t i = 0; i < table->fields_count; i++) {
            avro_value_t field;
            must(avro_value_get_by_index(&value, i, &field, NULL));
            fill_random(&field, &table->fields[i]);
        }
        avro_writer_t writer = avro_writer_memory(written, sizeof written);
        must(avro_value_write(writer, &value));
        size_t size = (size_t)avro_writer_tell(writer);
        assert_int_equal(avro_decode_whole(&decoder, plan, (struct text){written, (uint32_t)size}, &event, &rejection),
                         RESULT_OK);
        avro_reader_t reader = avro_reader_memory(written, (int64_t)size);
        must(avro_value_read(reader, &read));
        for (uint32_t i = 0; i < table->fields_count; i++) {
            avro_value_t field;
            must(avro_value_get_by_index(&read, i, &field, NULL));
            assert_same(&field, &table->fields[i], i);
        }
        avro_reader_free(reader);
        avro_writer_free(writer);
        avro_value_decref(&value);
        avro_value_decref(&read);
    }
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    arena_free(&arena);
}

static void random_records_are_decoded_as_avro_c_does(void **state) {
    (void)state;
    assert_int_equal(own_schemas_load(&own, &error), RESULT_OK);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        compare_with_avro_c(stream);
    avro_decoder_free(&decoder);
    own_schemas_free(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_records_are_decoded_as_avro_c_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
