#include "consumer/json_lines.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/field_check.h"
#include "consumer/json_values.h"

#define KEYS_MAX  64 /* a bit each in `seen` */
#define HASH_SIZE 256
#define NO_KEY    KEYS_MAX

/* What a line may say besides its stream's fields. */
enum { KEY_STREAM, KEY_RECORDED_AT, KEY_DELETED, KEYS_OF_LINES };

static const struct text line_keys[KEYS_OF_LINES] = {TEXT("stream"), TEXT("recorded_at"), TEXT("deleted")};
static const struct field recorded_at_field = {.name = TEXT("recorded_at"), .type = FIELD_INSTANT, .nullable = true};

struct json_lines {
    /* The keys that mean anything in any stream, once each, and a perfect hash of them. */
    struct text keys[KEYS_MAX];
    uint32_t keys_count;
    uint64_t hash_factor;
    uint8_t key_by_hash[HASH_SIZE];
    uint8_t key_of_field[STREAMS][FIELDS_MAX];

    /* The line that is being read: where its known keys' values lie. */
    struct json_token tokens[KEYS_MAX];
    uint64_t seen;
    struct json_values values;
};

/* ---- the keys ---- */

/* The first and the last (up to) eight bytes, which together with the length tell all known keys apart. */
static uint64_t key_bits(struct text key) {
    uint64_t first = 0, last = 0;
    if (key.size >= 8) {
        memcpy(&first, key.data, 8);
        memcpy(&last, key.data + key.size - 8, 8);
    } else {
        for (uint32_t i = 0; i < key.size; i++)
            first |= (uint64_t)(uint8_t)key.data[i] << (8 * i);
        return first ^ (uint64_t)key.size << 56;
    }
    return le64toh(first) ^ (le64toh(last) << 1 | le64toh(last) >> 63) ^ (uint64_t)key.size << 56;
}

static uint32_t key_hash(const struct json_lines *reader, struct text key) {
    return (uint32_t)(key_bits(key) * reader->hash_factor >> 56);
}

static uint32_t key_find(const struct json_lines *reader, struct text key) {
    uint32_t found = reader->key_by_hash[key_hash(reader, key)];
    return found != NO_KEY && text_equal(reader->keys[found], key) ? found : NO_KEY;
}

static uint8_t key_add(struct json_lines *reader, struct text key) {
    for (uint32_t i = 0; i < reader->keys_count; i++)
        if (text_equal(reader->keys[i], key))
            return (uint8_t)i;
    assert(reader->keys_count < KEYS_MAX);
    reader->keys[reader->keys_count] = key;
    return (uint8_t)reader->keys_count++;
}

static bool keys_hash_apart(struct json_lines *reader) {
    memset(reader->key_by_hash, NO_KEY, sizeof reader->key_by_hash);
    for (uint32_t i = 0; i < reader->keys_count; i++) {
        uint8_t *slot = &reader->key_by_hash[key_hash(reader, reader->keys[i])];
        if (*slot != NO_KEY)
            return false;
        *slot = (uint8_t)i;
    }
    return true;
}

enum result json_lines_create(struct json_lines **ret_reader, struct error *error) {
    struct json_lines *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    for (uint32_t i = 0; i < KEYS_OF_LINES; i++)
        key_add(reader, line_keys[i]);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        for (uint32_t i = 0; i < stream_schemas[stream].fields_count; i++)
            reader->key_of_field[stream][i] = key_add(reader, stream_schemas[stream].fields[i].name);
    /* About one odd factor in twenty hashes forty keys to 256 places without a collision. */
    reader->hash_factor = UINT64_C(0x9E3779B97F4A7C15);
    while (!keys_hash_apart(reader))
        reader->hash_factor = reader->hash_factor * UINT64_C(6364136223846793005) + 2;
    *ret_reader = reader;
    return RESULT_OK;
}

void json_lines_free(struct json_lines *reader) {
    if (reader == NULL)
        return;
    json_values_free(&reader->values);
    free(reader);
}

void json_lines_clear(struct json_lines *reader) {
    arena_clear(&reader->values.arena);
}

/* ---- a record ---- */

static bool line_has(const struct json_lines *reader, uint32_t key) {
    return (reader->seen >> key & 1) != 0;
}

/* A field that the line does not have. */
static enum result read_absent(struct json_lines *reader, const struct field *field, union field_value *value,
                               bool *ret_present) {
    *value = (union field_value){.number = field->default_number};
    *ret_present = field->has_default;
    if (field->has_default || field->nullable)
        return RESULT_OK;
    return error_set(reader->values.error, RESULT_REJECT, "%.*s %.*s is missing",
                     TEXT_ARGUMENTS(stream_schemas[reader->values.stream].name), TEXT_ARGUMENTS(field->name));
}

static enum result read_null(struct json_lines *reader, const struct field *field, union field_value *value,
                             bool *ret_present) {
    *value = (union field_value){.number = 0};
    *ret_present = false;
    if (field->nullable)
        return RESULT_OK;
    return error_set(reader->values.error, RESULT_REJECT, "%.*s %.*s is null, which it must not be%s",
                     TEXT_ARGUMENTS(stream_schemas[reader->values.stream].name), TEXT_ARGUMENTS(field->name),
                     field->has_default ? "; leave it out for its default" : "");
}

static enum result read_field(struct json_lines *reader, uint32_t index, struct event *event) {
    const struct stream_schema *schema = &stream_schemas[reader->values.stream];
    const struct field *field = &schema->fields[index];
    union field_value *value = &event->fields[index];
    uint32_t key = reader->key_of_field[reader->values.stream][index];
    struct json_token token = reader->tokens[key];
    bool present = true;
    int64_t instant_ms = 0;
    enum result result;
    if (!line_has(reader, key))
        result = read_absent(reader, field, value, &present);
    else if (token.kind == JSON_NULL)
        result = read_null(reader, field, value, &present);
    else
        result = json_values_read(&reader->values, field, token, value, &instant_ms, event);
    if (result != RESULT_OK)
        return result;
    if (present && field->type == FIELD_DOUBLE && isnan(value->number))
        present = false;
    if (present && field->type == FIELD_INT && !field_in_bounds(field, value->number))
        return field_out_of_bounds(reader->values.stream, field, value->number, reader->values.error);
    if (index == schema->time)
        event->time_ms = instant_ms;
    event->present |= (uint32_t)present << index;
    return RESULT_OK;
}

static enum result read_ids(struct json_lines *reader, struct event *event) {
    const struct stream_schema *schema = &stream_schemas[reader->values.stream];
    event->account_id = event->fields[schema->account_id].text;
    enum result result = field_check_id(reader->values.stream, &schema->fields[schema->account_id], event->account_id,
                                        reader->values.error);
    if (result != RESULT_OK || schema->event_id == FIELDS_MAX)
        return result;
    event->event_id = event->fields[schema->event_id].text;
    return field_check_id(reader->values.stream, &schema->fields[schema->event_id], event->event_id,
                          reader->values.error);
}

/* Of the account stream only: `"deleted": true` makes the line a tombstone. */
static enum result read_deleted(struct json_lines *reader, bool *ret_deleted) {
    *ret_deleted = false;
    if (reader->values.stream != STREAM_ACCOUNT || !line_has(reader, KEY_DELETED))
        return RESULT_OK;
    struct json_token token = reader->tokens[KEY_DELETED];
    if (token.kind != JSON_TRUE && token.kind != JSON_FALSE) {
        struct field deleted = {.name = line_keys[KEY_DELETED]};
        return json_values_reject(&reader->values, &deleted, token, "true or false");
    }
    *ret_deleted = token.kind == JSON_TRUE;
    return RESULT_OK;
}

static enum result read_recorded_at(struct json_lines *reader, struct file_record *record) {
    struct json_token token = reader->tokens[KEY_RECORDED_AT];
    record->event.place.timestamp_ms = record->event.time_ms;
    record->has_recorded_at = line_has(reader, KEY_RECORDED_AT) && token.kind != JSON_NULL;
    if (!record->has_recorded_at)
        return RESULT_OK;
    return json_values_instant(&reader->values, &recorded_at_field, token, &record->event.place.timestamp_ms);
}

/* A tombstone's other fields are not even looked at. */
static enum result read_fields(struct json_lines *reader, struct event *event) {
    const struct stream_schema *schema = &stream_schemas[reader->values.stream];
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        if (event->tombstone && i != schema->account_id && i != schema->time)
            continue;
        enum result result = read_field(reader, i, event);
        if (result != RESULT_OK)
            return result;
    }
    enum result result = read_ids(reader, event);
    if (event->tombstone)
        event->present = 0;
    return result;
}

static enum result read_record(struct json_lines *reader, struct file_record *record) {
    struct event *event = &record->event;
    event->stream = reader->values.stream;
    event->event_id = TEXT_MISSING;
    event->present = 0;
    event->entries = NULL;
    event->entries_count = 0;
    event->place = (struct place){.partition = -1};
    enum result result = read_deleted(reader, &event->tombstone);
    if (result == RESULT_OK)
        result = read_fields(reader, event);
    return result == RESULT_OK ? read_recorded_at(reader, record) : result;
}

/* ---- a line ---- */

static enum result reject_json(struct json_lines *reader, const struct json_scan *scan) {
    return error_set(reader->values.error, RESULT_REJECT, "this is not JSON: %s at byte %zu", scan->problem,
                     (size_t)(scan->at - scan->start) + 1);
}

/* Remembers where the values of the known keys lie. */
static enum result scan_line(struct json_lines *reader, struct text line) {
    if (!text_is_utf8(line))
        return error_set(reader->values.error, RESULT_REJECT, "the line is not UTF-8");
    struct json_scan scan = json_scan_of(line);
    reader->seen = 0;
    if (!json_scan_open_object(&scan)) {
        struct json_token token;
        scan.problem = NULL;
        if (!json_scan_value(&scan, &token) || !json_scan_end(&scan))
            return reject_json(reader, &scan);
        return error_set(reader->values.error, RESULT_REJECT, "the line is %s, expected an object",
                         json_kind_name(token.kind));
    }
    struct json_token key, value;
    for (bool first = true; json_scan_member(&scan, first, &key, &value); first = false) {
        struct text name;
        enum result result = json_unescape(key, &reader->values.arena, &name);
        if (result == RESULT_FATAL)
            return error_set(reader->values.error, RESULT_FATAL, "out of memory");
        uint32_t found = result == RESULT_OK ? key_find(reader, name) : NO_KEY;
        if (found == NO_KEY)
            continue;
        reader->tokens[found] = value;
        reader->seen |= UINT64_C(1) << found;
    }
    return json_scan_end(&scan) ? RESULT_OK : reject_json(reader, &scan);
}

static enum result reject_stream(struct json_lines *reader, struct text name) {
    struct text names[STREAMS];
    for (enum stream stream = 0; stream < STREAMS; stream++)
        names[stream] = stream_schemas[stream].name;
    int nearest = text_nearest(name, names, STREAMS);
    const char *cut;
    struct text excerpt = message_excerpt(name, &cut);
    if (nearest < 0)
        return error_set(reader->values.error, RESULT_REJECT,
                         "unknown stream \"%.*s%s\", expected account, usage, login, ticket, nps or custom",
                         TEXT_ARGUMENTS(excerpt), cut);
    return error_set(reader->values.error, RESULT_REJECT, "unknown stream \"%.*s%s\", did you mean %.*s?",
                     TEXT_ARGUMENTS(excerpt), cut, TEXT_ARGUMENTS(names[nearest]));
}

/* Sets the reader's stream: the one that the line names, else `stream`. */
static enum result find_stream(struct json_lines *reader, enum stream stream) {
    reader->values.stream = stream;
    if (!line_has(reader, KEY_STREAM)) {
        if (stream != STREAMS)
            return RESULT_OK;
        return error_set(reader->values.error, RESULT_REJECT, "\"stream\" is missing");
    }
    struct json_token token = reader->tokens[KEY_STREAM];
    struct field named = {.name = line_keys[KEY_STREAM]};
    struct text name;
    reader->values.stream = STREAMS;
    enum result result = json_values_string(&reader->values, &named, token, &name);
    if (result != RESULT_OK)
        return result;
    reader->values.stream = stream_find(name);
    return reader->values.stream == STREAMS ? reject_stream(reader, token.text) : RESULT_OK;
}

bool json_line_is_blank(struct text line) {
    for (uint32_t i = 0; i < line.size; i++)
        if (memchr(" \t\r\n", line.data[i], 4) == NULL)
            return false;
    return true;
}

enum result json_lines_read(struct json_lines *reader, struct text line, enum stream stream,
                            struct file_record *ret_record, struct error *error) {
    reader->values.error = error;
    enum result result = scan_line(reader, line);
    if (result == RESULT_OK)
        result = find_stream(reader, stream);
    return result == RESULT_OK ? read_record(reader, ret_record) : result;
}
