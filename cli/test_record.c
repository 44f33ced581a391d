#include <stdio.h>

#include "base/json.h"
#include "base/number.h"
#include "cli/test_feed.h"
#include "cli/test_reader.h"

static const char *const timing_keys[] = {"stream", "at", "every", "from", "until", "times", "arrives", NULL};

static bool is_timing(struct text key) {
    for (const char *const *known = timing_keys; *known != NULL; known++)
        if (text_equals(key, *known))
            return true;
    return false;
}

bool test_record_is_field(const struct test_record *record, struct text key) {
    return !is_timing(key) && !(record->stream == STREAM_ACCOUNT && text_equals(key, "deleted"));
}

/* ---- when ---- */

static bool read_repetition(struct test_reader *reader, const struct node *node, struct test_record *record) {
    const struct node *from = node_get(node, "from"), *until = node_get(node, "until"),
                      *times = node_get(node, "times");
    int64_t last_ms;
    record->first_ms = reader->start_ms;
    if (!test_duration(reader, node_get(node, "every"), &record->step_ms) ||
        (from != NULL && !test_instant(reader, from, &record->first_ms)))
        return false;
    if ((until == NULL) == (times == NULL)) {
        test_problem(reader, node->position, "`every` needs one of `until` (the last instant) and `times` (how often)");
        return false;
    }
    if (times != NULL)
        return test_count(reader, times, &record->times);
    if (!test_instant(reader, until, &last_ms))
        return false;
    int64_t repeated = last_ms < record->first_ms ? 0 : (last_ms - record->first_ms) / record->step_ms + 1;
    if (repeated < 1 || repeated > TEST_RECORDS_MAX) {
        test_problem(reader, until->position, "from the first instant until this one are %lld records; 1 to %d may be",
                     (long long)repeated, TEST_RECORDS_MAX);
        return false;
    }
    record->times = (uint32_t)repeated;
    return true;
}

static bool read_times(struct test_reader *reader, const struct node *node, struct test_record *record) {
    const struct node *at = node_get(node, "at"), *arrives = node_get(node, "arrives");
    record->times = 1;
    if ((at == NULL) == (node_get(node, "every") == NULL)) {
        test_problem(reader, node->position, "a record needs one of `at` (its instant) and `every` (a repetition)");
        return false;
    }
    if (at == NULL && !read_repetition(reader, node, record))
        return false;
    if (at != NULL && !test_instant(reader, at, &record->first_ms))
        return false;
    for (const char *const *key = (const char *const[]){"from", "until", "times", NULL}; at != NULL && *key != NULL;
         key++)
        if (node_get(node, *key) != NULL) {
            test_problem(reader, node_get(node, *key)->position, "`%s` belongs to `every`, not to `at`", *key);
            return false;
        }
    return arrives == NULL || test_instant(reader, arrives, &record->arrives_ms);
}

/* ---- what ---- */

static bool field_expected(struct test_reader *reader, const struct node *node, const struct field *field,
                           const char *expected) {
    test_problem(reader, node->position, "`%.*s` is no value for `%.*s`: %s expected", TEXT_ARGUMENTS(node->text),
                 TEXT_ARGUMENTS(field->name), expected);
    return false;
}

static bool check_map(struct test_reader *reader, const struct node *node, const struct field *field) {
    if (node->kind != NODE_MAPPING) {
        test_problem(reader, node->position, "`%.*s` must be a mapping of texts", TEXT_ARGUMENTS(field->name));
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < node->count; i++)
        good = test_is_scalar(reader, node->values[i], "an entry") && good;
    return good;
}

/* One value, not a list of them. */
static bool check_value(struct test_reader *reader, const struct node *node, const struct field *field) {
    double number;
    int64_t instant_ms;
    bool boolean;
    if (field->type == FIELD_MAP)
        return check_map(reader, node, field);
    if (field->nullable && test_is_null(node))
        return true;
    if (!test_is_scalar(reader, node, "a field's value"))
        return false;
    switch (field->type) {
    case FIELD_INSTANT:
        return test_instant(reader, node, &instant_ms);
    case FIELD_LONG:
    case FIELD_INT:
    case FIELD_DOUBLE:
        return number_parse(node->text, &number) || field_expected(reader, node, field, "a number");
    case FIELD_BOOLEAN:
        return test_boolean(reader, node, &boolean);
    case FIELD_ENUM:
        return test_name(reader, node, "symbol", field->symbols, field->symbols_count) >= 0;
    case FIELD_STRING:
    case FIELD_MAP:
        break;
    }
    return true;
}

static const struct field *field_of(struct test_reader *reader, enum stream stream, const struct node *key) {
    const struct stream_schema *schema = &stream_schemas[stream];
    uint32_t index = stream_field(stream, key->text);
    if (index == schema->time) {
        test_problem(reader, key->position, "`%.*s` is written as `at`", TEXT_ARGUMENTS(key->text));
        return NULL;
    }
    if (index < FIELDS_MAX)
        return &schema->fields[index];
    struct text names[FIELDS_MAX];
    for (uint32_t i = 0; i < schema->fields_count; i++)
        names[i] = schema->fields[i].name;
    char what[64];
    snprintf(what, sizeof what, "field of `%.*s`", TEXT_ARGUMENTS(schema->name));
    test_name(reader, key, what, names, schema->fields_count);
    return NULL;
}

static bool read_field(struct test_reader *reader, const struct node *key, const struct node *value,
                       struct test_record *record) {
    const struct field *field = field_of(reader, record->stream, key);
    bool list = value->kind == NODE_SEQUENCE;
    bool good = field != NULL;
    if (list && value->count == 0) {
        test_problem(reader, value->position, "an empty list makes no record");
        return false;
    }
    for (uint32_t i = 0; good && i < (list ? value->count : 1); i++)
        good = check_value(reader, list ? value->values[i] : value, field);
    if (list)
        record->combinations = record->combinations > TEST_RECORDS_MAX / value->count
                                   ? TEST_RECORDS_MAX + 1
                                   : record->combinations * value->count;
    return good;
}

static bool read_deleted(struct test_reader *reader, const struct node *node, struct test_record *record) {
    const struct node *deleted = node_get(node, "deleted");
    return record->stream != STREAM_ACCOUNT || deleted == NULL || test_boolean(reader, deleted, &record->tombstone);
}

bool test_record_read(struct test_reader *reader, const struct node *node, struct test_record *ret_record) {
    struct text streams[STREAMS];
    for (enum stream stream = 0; stream < STREAMS; stream++)
        streams[stream] = stream_schemas[stream].name;
    if (!test_is_mapping(reader, node, "a record"))
        return false;
    const struct node *stream = node_get(node, "stream");
    if (stream == NULL || stream->kind != NODE_SCALAR) {
        test_problem(reader, node->position, "a record needs a `stream`");
        return false;
    }
    int found = test_name(reader, stream, "stream", streams, STREAMS);
    if (found < 0)
        return false;
    *ret_record = (struct test_record){.position = node->position,
                                       .fields = node,
                                       .stream = (enum stream)found,
                                       .combinations = 1,
                                       .arrives_ms = INSTANT_NONE,
                                       .start_ms = reader->start_ms,
                                       .account = reader->account};
    bool good = read_times(reader, node, ret_record) && read_deleted(reader, node, ret_record);
    for (uint32_t i = 0; i < node->count; i++)
        if (test_record_is_field(ret_record, node->keys[i]->text))
            good = read_field(reader, node->keys[i], node->values[i], ret_record) && good;
    if (good && (uint64_t)ret_record->times * ret_record->combinations > TEST_RECORDS_MAX) {
        test_problem(reader, node->position, "this stands for more than %d records", TEST_RECORDS_MAX);
        return false;
    }
    return good;
}

/* ---- as JSON ---- */

static void put_map(const struct node *node, struct json *json) {
    json_open_object(json);
    for (uint32_t i = 0; i < node->count; i++) {
        json_key_text(json, node->keys[i]->text);
        json_put_text(json, node->values[i]->text);
    }
    json_close_object(json);
}

static void put_value(const struct test_record *record, const struct field *field, const struct node *node,
                      struct json *json) {
    double number = 0;
    int64_t instant_ms = 0;
    if (field->nullable && test_is_null(node)) {
        json_put_null(json);
        return;
    }
    switch (field->type) {
    case FIELD_INSTANT:
        test_instant_parse(node->text, record->start_ms, &instant_ms);
        json_put_integer(json, instant_ms);
        break;
    case FIELD_LONG:
    case FIELD_INT:
    case FIELD_DOUBLE:
        number_parse(node->text, &number);
        json_put_number(json, number);
        break;
    case FIELD_BOOLEAN:
        json_put_boolean(json, text_equals(node->text, "true"));
        break;
    case FIELD_ENUM:
    case FIELD_STRING:
        json_put_text(json, node->text);
        break;
    case FIELD_MAP:
        put_map(node, json);
        break;
    }
}

static void put_fields(const struct test_record *record, uint32_t combination, struct json *json) {
    uint32_t stride = record->combinations;
    for (uint32_t i = 0; i < record->fields->count; i++) {
        struct text key = record->fields->keys[i]->text;
        const struct node *value = record->fields->values[i];
        if (!test_record_is_field(record, key))
            continue;
        if (value->kind == NODE_SEQUENCE) {
            stride /= value->count;
            value = value->values[combination / stride % value->count];
        }
        json_key_text(json, key);
        put_value(record, &stream_schemas[record->stream].fields[stream_field(record->stream, key)], value, json);
    }
}

void test_record_write(const struct test_record *record, uint32_t combination, int64_t time_ms, int64_t arrives_ms,
                       uint32_t number, struct buffer *out) {
    struct json json = {out, false};
    json_open_object(&json);
    json_key(&json, "stream");
    json_put_text(&json, stream_schemas[record->stream].name);
    put_fields(record, combination, &json);
    if (node_get(record->fields, "account_id") == NULL) {
        json_key(&json, "account_id");
        json_put_text(&json, record->account);
    }
    if (record->stream != STREAM_ACCOUNT && node_get(record->fields, "event_id") == NULL) {
        char event_id[32];
        snprintf(event_id, sizeof event_id, "generated-%u", number);
        json_key(&json, "event_id");
        json_put_string(&json, event_id);
    }
    if (record->tombstone) {
        json_key(&json, "deleted");
        json_put_boolean(&json, true);
    }
    json_key(&json, record->stream == STREAM_ACCOUNT ? "updated_at" : "occurred_at");
    json_put_integer(&json, time_ms);
    json_key(&json, "recorded_at");
    json_put_integer(&json, arrives_ms);
    json_close_object(&json);
}
