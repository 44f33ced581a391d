#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "consumer/own_schemas.h"

static struct arena arena;
static struct error error;

static int clear(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct schema *parse(const char *json) {
    const struct schema *schema = NULL;
    if (schema_parse(text_of(json), NULL, &arena, &schema, &error) != RESULT_OK)
        fail_msg("%s\nwas rejected: %s", json, error.text);
    return schema;
}

static void rejects(const char *json, const char *reason) {
    const struct schema *schema;
    assert_int_equal(schema_parse(text_of(json), NULL, &arena, &schema, &error), RESULT_REJECT);
    assert_string_equal(error.text, reason);
}

static void assert_text(struct text text, const char *expected) {
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

/* ---- the shipped schemas against the table of streams ---- */

static enum schema_kind kind_of(enum field_type type) {
    static const enum schema_kind kinds[] = {
        [FIELD_STRING] = SCHEMA_STRING, [FIELD_INSTANT] = SCHEMA_LONG,  [FIELD_LONG] = SCHEMA_LONG,
        [FIELD_INT] = SCHEMA_INT,       [FIELD_DOUBLE] = SCHEMA_DOUBLE, [FIELD_BOOLEAN] = SCHEMA_BOOLEAN,
        [FIELD_ENUM] = SCHEMA_ENUM,     [FIELD_MAP] = SCHEMA_MAP,
    };
    return kinds[type];
}

static void default_as_json(const struct field *field, char text[64]) {
    text[0] = '\0';
    if (field->nullable)
        strcpy(text, "null");
    if (!field->has_default)
        return;
    if (field->type == FIELD_ENUM)
        snprintf(text, 64, "\"%.*s\"", TEXT_ARGUMENTS(field->symbols[(int)field->default_number]));
    else if (field->type == FIELD_MAP)
        strcpy(text, "{}");
    else if (field->type == FIELD_BOOLEAN)
        strcpy(text, field->default_number == 1 ? "true" : "false");
    else
        snprintf(text, 64, "%.0f", field->default_number);
}

static void assert_field(const struct schema_field *schema, const struct field *field) {
    assert_true(text_equal(schema->name, field->name));
    const struct schema *type = schema->type;
    if (field->nullable) {
        assert_int_equal(type->kind, SCHEMA_UNION);
        assert_int_equal(type->count, 2);
        assert_int_equal(type->branches[0]->kind, SCHEMA_NULL);
        type = type->branches[1];
    }
    assert_int_equal(type->kind, kind_of(field->type));
    assert_int_equal(type->unit, field->type == FIELD_INSTANT ? UNIT_MILLISECONDS : UNIT_NONE);
    char expected[64];
    default_as_json(field, expected);
    assert_text(schema->default_json, expected);
    if (field->type == FIELD_MAP)
        assert_int_equal(type->items->kind, SCHEMA_STRING);
    if (field->type != FIELD_ENUM)
        return;
    assert_int_equal(type->count, field->symbols_count);
    for (uint32_t i = 0; i < type->count; i++)
        assert_true(text_equal(type->symbols[i], field->symbols[i]));
    assert_int_equal(type->default_symbol, field->has_default ? (uint32_t)field->default_number : UINT32_MAX);
}

static void the_schemas_say_what_the_table_of_streams_says(void **state) {
    (void)state;
    struct own_schemas schemas;
    assert_int_equal(own_schemas_load(&schemas, &error), RESULT_OK);
    for (enum stream stream = 0; stream < STREAMS; stream++) {
        const struct schema *schema = schemas.streams[stream]->schema;
        const struct stream_schema *table = &stream_schemas[stream];
        char name[64];
        snprintf(name, sizeof name, "bellwether.v1.%.*s", TEXT_ARGUMENTS(table->record));
        assert_text(schema->name, name);
        assert_int_equal(schema->count, table->fields_count);
        for (uint32_t i = 0; i < schema->count; i++)
            assert_field(&schema->fields[i], &table->fields[i]);
        assert_ptr_equal(own_schemas_find(&schemas, table->record), schemas.streams[stream]);
        assert_int_equal(own_stream_of_record(schema->name), stream);
    }
    assert_null(own_schemas_find(&schemas, TEXT("Nothing")));
    assert_int_equal(own_stream_of_record(TEXT("x.Nothing")), STREAMS);
    own_schemas_free(&schemas);
}

/* ---- reading ---- */

static void names_are_seen_from_their_namespace(void **state) {
    (void)state;
    const struct schema *schema = parse(
        "{\"type\":\"record\",\"name\":\"A\",\"namespace\":\"x.y\",\"aliases\":[\"Old\",\"z.Older\"],\"fields\":["
        "{\"name\":\"b\",\"type\":{\"type\":\"enum\",\"name\":\"B\",\"symbols\":[\"S\"]}},"
        "{\"name\":\"c\",\"type\":{\"type\":\"fixed\",\"name\":\"q.C\",\"size\":3}},"
        "{\"name\":\"d\",\"type\":\"B\",\"aliases\":[\"e\"]},{\"name\":\"f\",\"type\":\"q.C\"},"
        "{\"name\":\"g\",\"type\":[\"null\",\"A\"],\"default\":null}]}");
    assert_text(schema->name, "x.y.A");
    assert_text(schema->aliases[0], "x.y.Old");
    assert_text(schema->aliases[1], "z.Older");
    assert_text(schema->fields[0].type->name, "x.y.B");
    assert_text(schema->fields[1].type->name, "q.C");
    assert_int_equal(schema->fields[1].type->count, 3);
    assert_ptr_equal(schema->fields[2].type, schema->fields[0].type);
    assert_text(schema->fields[2].aliases[0], "e");
    assert_ptr_equal(schema->fields[3].type, schema->fields[1].type);
    assert_ptr_equal(schema->fields[4].type->branches[1], schema);
    assert_text(schema->fields[4].default_json, "null");
    assert_true(text_is_missing(schema->fields[0].default_json));
}

static void logical_types_of_instants_are_known(void **state) {
    (void)state;
    assert_int_equal(parse("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}")->unit, UNIT_MILLISECONDS);
    assert_int_equal(parse("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}")->unit, UNIT_MICROSECONDS);
    assert_int_equal(parse("{\"type\":\"int\",\"logicalType\":\"date\"}")->unit, UNIT_OTHER);
    assert_int_equal(parse("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4}")->unit, UNIT_NONE);
    assert_int_equal(parse("{\"type\":\"long\",\"logicalType\":\"of-ours\"}")->unit, UNIT_NONE);
}

static void types_without_a_byte_are_known(void **state) {
    (void)state;
    assert_true(parse("\"null\"")->empty);
    assert_true(parse("{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":\"null\"},"
                      "{\"name\":\"b\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}}]}")
                    ->empty);
    assert_false(parse("[\"null\"]")->empty);
    assert_false(parse("{\"type\":\"array\",\"items\":\"null\"}")->empty);
}

static void what_is_no_schema_is_rejected_with_its_reason(void **state) {
    (void)state;
    rejects("{", "the schema is not JSON: line 1, column 1: string or '}' expected near end of file");
    rejects("5", "a type is neither a string, an array nor an object");
    rejects("\"Nobody\"", "the type Nobody is not defined");
    rejects("{\"name\":\"a\"}", "a type has no \"type\"");
    rejects("[\"null\",[\"int\"]]", "a union stands right in a union");
    rejects("{\"type\":\"record\",\"name\":\"A\"}", "a record has no array of fields");
    rejects("{\"type\":\"enum\",\"symbols\":[]}", "a record, enum or fixed has no name");
    rejects("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}", "symbols has something that is not a string");
    rejects("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
            "the default of the enum E is none of its symbols");
    rejects("{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "a fixed has no size, or one out of range");
    rejects("{\"type\":\"array\"}", "an array has no items, or a map no values");
    rejects("{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":\"Nobody\"}]}",
            "field a: the type Nobody is not defined");
    rejects("{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
            "{\"name\":\"a\",\"type\":\"int\"}]}",
            "the record A has the field a twice");
    rejects("[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}]",
            "the type F is defined twice");
}

static void depth_and_number_of_types_are_bounded(void **state) {
    (void)state;
    char *json = malloc(4 * SCHEMA_TEXT_MAX);
    char *end = json;
    for (int i = 0; i < 1000; i++)
        end += sprintf(end, "{\"type\":\"array\",\"items\":");
    end += sprintf(end, "\"int\"");
    memset(end, '}', 1000);
    end[1000] = '\0';
    rejects(json, "types are nested deeper than 64");
    end = json + sprintf(json, "[\"int\"");
    for (int i = 0; i < SCHEMA_NODES_MAX; i++)
        end += sprintf(end, ",\"int\"");
    sprintf(end, "]");
    rejects(json, "the schema has more than 8192 types and fields");
    memset(json, ' ', SCHEMA_TEXT_MAX + 1);
    json[SCHEMA_TEXT_MAX + 1] = '\0';
    rejects(json, "the schema has 1048577 bytes; 1048576 is the most");
    free(json);
}

static void a_text_may_refer_to_the_types_of_earlier_ones(void **state) {
    (void)state;
    struct schema_names names = {0};
    const struct schema *first, *second;
    struct text address = TEXT("{\"type\":\"record\",\"name\":\"x.Address\",\"fields\":[]}");
    struct text person = TEXT("{\"type\":\"record\",\"name\":\"x.Person\",\"fields\":["
                              "{\"name\":\"home\",\"type\":\"Address\"}]}");
    assert_int_equal(schema_parse(person, &names, &arena, &second, &error), RESULT_REJECT);
    names = (struct schema_names){0};
    assert_int_equal(schema_parse(address, &names, &arena, &first, &error), RESULT_OK);
    assert_int_equal(schema_parse(person, &names, &arena, &second, &error), RESULT_OK);
    assert_ptr_equal(second->fields[0].type, first);
}

/* ---- canonical form and fingerprint: the cases of the Avro project's own test data ---- */

static void assert_canonical(const char *json, const char *canonical, int64_t fingerprint) {
    const struct schema *schema = parse(json);
    struct buffer buffer = {0};
    schema_write_canonical(schema, &buffer);
    assert_text(buffer_text(&buffer), canonical);
    buffer_free(&buffer);
    uint64_t found;
    assert_int_equal(schema_fingerprint(schema, &found, &error), RESULT_OK);
    assert_int_equal(found, (uint64_t)fingerprint);
}

static void fingerprints_are_those_of_the_specification(void **state) {
    (void)state;
    assert_canonical("\"null\"", "\"null\"", INT64_C(7195948357588979594));
    assert_canonical("{\"type\":\"boolean\"}", "\"boolean\"", INT64_C(-6970731678124411036));
    assert_canonical("\"int\"", "\"int\"", INT64_C(8247732601305521295));
    assert_canonical("\"long\"", "\"long\"", INT64_C(-3434872931120570953));
    assert_canonical("\"float\"", "\"float\"", INT64_C(5583340709985441680));
    assert_canonical("\"double\"", "\"double\"", INT64_C(-8181574048448539266));
    assert_canonical("\"bytes\"", "\"bytes\"", INT64_C(5746618253357095269));
    assert_canonical("\"string\"", "\"string\"", INT64_C(-8142146995180207161));
    assert_canonical("[]", "[]", INT64_C(-1241056759729112623));
    assert_canonical("[ \"int\"  ]", "[\"int\"]", INT64_C(-5232228896498058493));
    assert_canonical("[ \"int\" , {\"type\":\"boolean\"} ]", "[\"int\",\"boolean\"]", INT64_C(5392556393470105090));
    assert_canonical(
        "{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"doc\":\"Useful\", \"aliases\":[\"bar\"]}",
        "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}", INT64_C(-4824392279771201922));
    assert_canonical("{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"namespace\":\"x.y\"}",
                     "{\"name\":\"x.y.foo\",\"type\":\"record\",\"fields\":[]}", INT64_C(5916914534497305771));
    assert_canonical("{\"type\":\"enum\",\"name\":\"foo\",\"symbols\":[\"A1\"]}",
                     "{\"name\":\"foo\",\"type\":\"enum\",\"symbols\":[\"A1\"]}", INT64_C(-6342190197741309591));
    assert_canonical("{\"namespace\":\"x.y.z\",\"type\":\"fixed\",\"name\":\"foo\",\"size\":32}",
                     "{\"name\":\"x.y.z.foo\",\"type\":\"fixed\",\"size\":32}", INT64_C(-3064184465700546786));
    assert_canonical("{\"items\":{\"type\":\"null\"},\"type\":\"array\"}", "{\"type\":\"array\",\"items\":\"null\"}",
                     INT64_C(-589620603366471059));
    assert_canonical("{\"values\":\"string\",\"type\":\"map\"}", "{\"type\":\"map\",\"values\":\"string\"}",
                     INT64_C(-8732877298790414990));
}

static void a_named_type_is_written_in_full_once(void **state) {
    (void)state;
    const struct schema *schema = parse(
        "{\"name\":\"PigValue\",\"type\":\"record\",\"fields\":[{\"name\":\"value\",\"type\":[\"null\",\"int\","
        "\"long\",\"PigValue\"],\"default\":null}]}");
    struct buffer buffer = {0};
    schema_write_canonical(schema, &buffer);
    assert_text(buffer_text(&buffer),
                "{\"name\":\"PigValue\",\"type\":\"record\",\"fields\":[{\"name\":\"value\",\"type\":[\"null\",\"int\","
                "\"long\",\"PigValue\"]}]}");
    uint64_t fingerprint;
    assert_int_equal(schema_fingerprint(schema, &fingerprint, &error), RESULT_OK);
    assert_int_equal(fingerprint, (uint64_t)INT64_C(-1759257747318642341));
    buffer_free(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schemas_say_what_the_table_of_streams_says),
        cmocka_unit_test_teardown(names_are_seen_from_their_namespace, clear),
        cmocka_unit_test_teardown(logical_types_of_instants_are_known, clear),
        cmocka_unit_test_teardown(types_without_a_byte_are_known, clear),
        cmocka_unit_test_teardown(what_is_no_schema_is_rejected_with_its_reason, clear),
        cmocka_unit_test_teardown(depth_and_number_of_types_are_bounded, clear),
        cmocka_unit_test_teardown(a_text_may_refer_to_the_types_of_earlier_ones, clear),
        cmocka_unit_test_teardown(fingerprints_are_those_of_the_specification, clear),
        cmocka_unit_test_teardown(a_named_type_is_written_in_full_once, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
