#include "consumer/json_lines.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/field_check.h"
#include "consumer/json_keys.h"
#include "consumer/json_values.h"

static const struct field stream_field_named = {.name = TEXT("stream"), .type = FIELD_STRING};
static const struct field deleted_field = {.name = TEXT("deleted"), .type = FIELD_BOOLEAN};
static const struct field recorded_at_field = {.name = TEXT("recorded_at"), .type = FIELD_INSTANT, .nullable = true};

struct json_lines {
    struct json_keys keys;
    struct json_values values;

    /* The line that is being read: where its known keys' values lie. */
    struct json_token tokens[KEYS_MAX + 1];
    uint64_t seen;
    bool memory_out;
};

enum result json_lines_create(struct json_lines **ret_reader, struct error *error) {
    struct json_lines *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    json_keys_init(&reader->keys);
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
static enum result read_absent(struct json_lines *reader, uint32_t index, struct event *event) {
    const struct field *field = &stream_schemas[reader->values.stream].fields[index];
    event->fields[index].number = field->default_number;
    event->present |= (uint32_t)field->has_default << index;
    if (field->has_default || field->nullable)
        return RESULT_OK;
    return error_set(reader->values.error, RESULT_REJECT, "%.*s %.*s is missing",
                     TEXT_ARGUMENTS(stream_schemas[reader->values.stream].name), TEXT_ARGUMENTS(field->name));
}

static enum result read_null(struct json_lines *reader, const struct field *field) {
    if (field->nullable)
        return RESULT_OK;
    return error_set(reader->values.error, RESULT_REJECT, "%.*s %.*s is null, which it must not be%s",
                     TEXT_ARGUMENTS(stream_schemas[reader->values.stream].name), TEXT_ARGUMENTS(field->name),
                     field->has_default ? "; leave it out for its default" : "");
}

static enum result read_present(struct json_lines *reader, uint32_t index, const struct json_token *token,
                                struct event *event) {
    const struct stream_schema *schema = &stream_schemas[reader->values.stream];
    const struct field *field = &schema->fields[index];
    union field_value *value = &event->fields[index];
    int64_t instant_ms = 0;
    enum result result = json_values_read(&reader->values, field, token, value, &instant_ms, event);
    if (result != RESULT_OK)
        return result;
    if (field->type == FIELD_DOUBLE && isnan(value->number))
        return RESULT_OK; /* one that is not finite is null */
    if (field->type == FIELD_INT && !field_in_bounds(field, value->number))
        return field_out_of_bounds(reader->values.stream, field, value->number, reader->values.error);
    if (index == schema->time)
        event->time_ms = instant_ms;
    event->present |= UINT32_C(1) << index;
    return RESULT_OK;
}

static enum result read_field(struct json_lines *reader, uint32_t index, struct event *event) {
    const struct field *field = &stream_schemas[reader->values.stream].fields[index];
    uint32_t key = reader->keys.of_field[reader->values.stream][index];
    const struct json_token *token = &reader->tokens[key];
    if (!line_has(reader, key))
        return read_absent(reader, index, event);
    if (token->kind == JSON_NULL)
        return read_null(reader, field);
    if (field->type != FIELD_STRING || token->kind != JSON_STRING || token->escaped)
        return read_present(reader, index, token, event);
    event->fields[index].text = token->text; /* most fields, so it is done here */
    event->present |= UINT32_C(1) << index;
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
    const struct json_token *token = &reader->tokens[KEY_DELETED];
    if (token->kind != JSON_TRUE && token->kind != JSON_FALSE)
        return json_values_reject(&reader->values, &deleted_field, token, "true or false");
    *ret_deleted = token->kind == JSON_TRUE;
    return RESULT_OK;
}

static enum result read_recorded_at(struct json_lines *reader, struct file_record *record) {
    const struct json_token *token = &reader->tokens[KEY_RECORDED_AT];
    record->event.place.timestamp_ms = record->event.time_ms;
    record->has_recorded_at = line_has(reader, KEY_RECORDED_AT) && token->kind != JSON_NULL;
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

/* What is no object. */
static enum result reject_other(struct json_lines *reader, struct text line) {
    struct json_scan scan = json_scan_of(line);
    struct json_token token;
    if (!json_scan_value(&scan, &token) || !json_scan_end(&scan))
        return reject_json(reader, &scan);
    return error_set(reader->values.error, RESULT_REJECT, "the line is %s, expected an object",
                     json_kind_name(token.kind));
}

/* The key that a token means. */
static uint32_t key_of(struct json_lines *reader, const struct json_token *token) {
    struct text name;
    enum result result = json_unescape(token, &reader->values.arena, &name);
    reader->memory_out = reader->memory_out || result == RESULT_FATAL;
    return result == RESULT_OK ? json_keys_find(&reader->keys, name) : KEY_NONE;
}

/* Goes to the next member's value, by looking at each byte before it; `gap` learns what they were. At the object's end,
 * or at a problem, it is false. */
static bool find_value_slowly(struct json_lines *reader, struct json_scan *scan, struct key_gap *gap,
                              uint32_t *ret_key) {
    const char *start = scan->at;
    bool wide_before = scan->wide;
    struct json_token token;
    scan->wide = false;
    bool found = json_scan_key(scan, gap == &reader->keys.first, &token);
    bool wide = scan->wide;
    scan->wide = wide || wide_before;
    if (!found)
        return false;
    uint32_t key = key_of(reader, &token);
    size_t size = (size_t)(scan->at - start);
    if (size <= KEY_GAP_MAX && !wide) {
        memcpy(gap->bytes, start, size);
        gap->size = (uint32_t)size;
        gap->key = key;
    }
    *ret_key = key;
    return true;
}

/* Whether that gap begins at `at`, where there is so much. Most are of 16 to 32 bytes, which four words cover. */
static inline bool gap_begins(const char *at, const struct key_gap *gap) {
    const char *bytes = gap->bytes;
    uint32_t size = gap->size;
    if (size < 16 || size > 32)
        return bytes_equal(at, bytes, size);
    return ((bytes_word(at, 8) ^ bytes_word(bytes, 8)) | (bytes_word(at + 8, 8) ^ bytes_word(bytes + 8, 8)) |
            (bytes_word(at + size - 16, 8) ^ bytes_word(bytes + size - 16, 8)) |
            (bytes_word(at + size - 8, 8) ^ bytes_word(bytes + size - 8, 8))) == 0;
}

static bool find_value(struct json_lines *reader, struct json_scan *scan, struct key_gap *gap, uint32_t *ret_key) {
    bool known = gap->size > 0 && (size_t)(scan->end - scan->at) > gap->size && gap_begins(scan->at, gap);
    if (!known)
        return find_value_slowly(reader, scan, gap, ret_key);
    scan->at += gap->size;
    *ret_key = gap->key;
    return true;
}

/* Remembers where the values of the known keys lie. */
static enum result scan_line(struct json_lines *reader, struct text line) {
    struct json_scan scan = json_scan_of(line);
    struct key_gap *gap = &reader->keys.first;
    uint64_t seen = 0;
    uint32_t key;
    reader->memory_out = false;
    while (find_value(reader, &scan, gap, &key)) {
        if (!json_scan_value(&scan, &reader->tokens[key]))
            break;
        seen |= UINT64_C(1) << key;
        gap = &reader->keys.after[key];
    }
    reader->seen = seen;
    if (reader->memory_out)
        return error_set(reader->values.error, RESULT_FATAL, "out of memory");
    if (scan.problem != NULL && gap == &reader->keys.first)
        return reject_other(reader, line);
    if (!json_scan_end(&scan))
        return reject_json(reader, &scan);
    if (scan.wide && !text_is_utf8(line))
        return error_set(reader->values.error, RESULT_REJECT, "the line is not UTF-8");
    return RESULT_OK;
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
    const struct json_token *token = &reader->tokens[KEY_STREAM];
    struct text name;
    reader->values.stream = STREAMS;
    enum result result = json_values_string(&reader->values, &stream_field_named, token, &name);
    if (result != RESULT_OK)
        return result;
    reader->values.stream = stream_find(name);
    return reader->values.stream == STREAMS ? reject_stream(reader, token->text) : RESULT_OK;
}

bool json_line_is_blank(struct text line) {
    if (line.size > 0 && line.data[0] == '{')
        return false;
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
