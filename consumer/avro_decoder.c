#include "consumer/avro_decoder.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/instant.h"
#include "consumer/avro_read.h"
#include "consumer/field_check.h"

#define COLD __attribute__((cold, noinline))

/* One record on its way. */
struct decoding {
    struct avro_decoder *decoder;
    enum stream stream;
    struct event *event;
    struct rejection *rejection;
};

/* ---- reasons ---- */

static const struct field *field_of(const struct decoding *decoding, const struct step *step) {
    return &stream_schemas[decoding->stream].fields[step->field];
}

COLD static enum result malformed(struct decoding *decoding, const char *what) {
    decoding->rejection->reason = REJECTION_UNDECODABLE;
    return error_set(&decoding->rejection->detail, RESULT_REJECT,
                     "the bytes are no %.*s record of the writer's schema: %s",
                     TEXT_ARGUMENTS(stream_schemas[decoding->stream].name), what);
}

COLD static enum result malformed_field(struct decoding *decoding, const struct step *step, const char *what) {
    decoding->rejection->reason = REJECTION_UNDECODABLE;
    return error_set(
        &decoding->rejection->detail, RESULT_REJECT, "the bytes are no %.*s record of the writer's schema: %.*s %s",
        TEXT_ARGUMENTS(stream_schemas[decoding->stream].name), TEXT_ARGUMENTS(field_of(decoding, step)->name), what);
}

/* "login user_id is null, which it must not be" */
COLD static enum result invalid(struct decoding *decoding, const struct step *step, const char *what) {
    bool is_account_id = step->field == stream_schemas[decoding->stream].account_id;
    decoding->rejection->reason = is_account_id ? REJECTION_INVALID_ACCOUNT_ID : REJECTION_INVALID_VALUE;
    return error_set(&decoding->rejection->detail, RESULT_REJECT, "%.*s %.*s %s",
                     TEXT_ARGUMENTS(stream_schemas[decoding->stream].name),
                     TEXT_ARGUMENTS(field_of(decoding, step)->name), what);
}

COLD static enum result refuse(struct decoding *decoding, const struct step *step) {
    if (step->writer->kind == SCHEMA_NULL)
        return invalid(decoding, step, "is null, which it must not be");
    char words[SCHEMA_WORDS_MAX], what[SCHEMA_WORDS_MAX + 64];
    snprintf(what, sizeof what, "is %s, which does not fit", schema_words(step->writer, words));
    return invalid(decoding, step, what);
}

COLD static enum result unknown_symbol(struct decoding *decoding, const struct step *step, uint32_t symbol) {
    char symbols[SYMBOLS_TEXT_MAX], what[2 * SYMBOLS_TEXT_MAX];
    field_symbols(field_of(decoding, step), symbols);
    const char *cut;
    struct text excerpt = message_excerpt(step->writer->symbols[symbol], &cut);
    snprintf(what, sizeof what, "is %.*s%s, expected one of %s", TEXT_ARGUMENTS(excerpt), cut, symbols);
    return invalid(decoding, step, what);
}

COLD static enum result out_of_memory(struct decoding *decoding) {
    return error_set(&decoding->rejection->detail, RESULT_FATAL, "out of memory");
}

/* ---- values ---- */

ALWAYS_INLINE enum result read_string(struct decoding *decoding, const struct step *step, struct cursor *cursor,
                                      struct text *ret_text) {
    struct text text = read_common_text(cursor);
    if (text_is_missing(text)) {
        text = read_sized(cursor);
        if (text_is_missing(text))
            return malformed_field(decoding, step, "is longer than the record");
        if (!read_is_ascii(text) && !text_is_utf8(text))
            return invalid(decoding, step, "is not UTF-8");
    }
    *ret_text = text;
    return RESULT_OK;
}

ALWAYS_INLINE enum result read_int(struct decoding *decoding, const struct step *step, struct cursor *cursor,
                                   double *ret_number) {
    int64_t number = read_long(cursor);
    if (number < INT32_MIN || number > INT32_MAX)
        return malformed_field(decoding, step, "is an int of more than 32 bits");
    const struct field *field = field_of(decoding, step);
    if (!cursor->failed && !field_in_bounds(field, (double)number)) {
        decoding->rejection->reason = REJECTION_INVALID_VALUE;
        return field_out_of_bounds(decoding->stream, field, (double)number, &decoding->rejection->detail);
    }
    *ret_number = (double)number;
    return RESULT_OK;
}

COLD static enum result instant_out_of_bounds(struct decoding *decoding, const struct step *step, int64_t instant_ms) {
    char what[128];
    snprintf(what, sizeof what, "is %" PRId64 " ms, expected an instant " FIELD_INSTANT_EXPECTED, instant_ms);
    return invalid(decoding, step, what);
}

ALWAYS_INLINE enum result read_instant(struct decoding *decoding, const struct step *step, struct cursor *cursor,
                                       int64_t *ret_instant_ms) {
    int64_t instant_ms = read_long(cursor);
    if (step->count != 1)
        instant_ms = floor_divide(instant_ms, step->count);
    if (!field_instant_fits(instant_ms))
        return instant_out_of_bounds(decoding, step, instant_ms);
    *ret_instant_ms = instant_ms;
    decoding->event->fields[step->field].number = (double)instant_ms;
    return RESULT_OK;
}

/* A number that is not finite is null. */
ALWAYS_INLINE enum result keep_finite(struct decoding *decoding, const struct step *step, double number) {
    decoding->event->fields[step->field].number = number;
    if (!isfinite(number))
        decoding->event->present &= ~step->present;
    return RESULT_OK;
}

ALWAYS_INLINE enum result read_boolean(struct decoding *decoding, const struct step *step, struct cursor *cursor,
                                       double *ret_number) {
    const uint8_t *byte = read_bytes(cursor, 1);
    if (byte != NULL && *byte > 1)
        return malformed_field(decoding, step, "is a boolean that is neither 0 nor 1");
    *ret_number = byte == NULL ? 0 : *byte;
    return RESULT_OK;
}

ALWAYS_INLINE enum result read_enum(struct decoding *decoding, const struct step *step, struct cursor *cursor,
                                    double *ret_number) {
    uint32_t symbol = read_index(cursor, step->count);
    if (cursor->failed)
        return malformed(decoding, "they end too early");
    if (symbol == step->count)
        return malformed_field(decoding, step, "is a symbol that the writer's enum does not have");
    if (step->symbols[symbol] == UINT32_MAX)
        return unknown_symbol(decoding, step, symbol);
    *ret_number = step->symbols[symbol];
    return RESULT_OK;
}

/* ---- maps ---- */

ALWAYS_INLINE enum result read_entry(struct decoding *decoding, const struct step *step, struct cursor *cursor) {
    struct map_entry *entry = entries_add(&decoding->decoder->entries);
    if (entry == NULL)
        return out_of_memory(decoding);
    enum result result = read_string(decoding, step, cursor, &entry->key);
    if (result != RESULT_OK)
        return result;
    const struct schema *values = step->schema;
    if (values->kind == SCHEMA_UNION) {
        uint32_t branch = read_index(cursor, values->count);
        if (branch == values->count)
            return malformed_field(decoding, step, "has a branch that the writer's union does not have");
        values = values->branches[branch];
    }
    if (values->kind != SCHEMA_STRING && values->kind != SCHEMA_BYTES)
        return invalid(decoding, step, "has a value that is not a string");
    return read_string(decoding, step, cursor, &entry->value);
}

ALWAYS_INLINE enum result read_map(struct decoding *decoding, const struct step *step, struct cursor *cursor) {
    struct entries *entries = &decoding->decoder->entries;
    entries->count = 0;
    for (;;) {
        int64_t count = read_short(cursor);
        if (cursor->failed || count == INT64_MIN)
            return malformed_field(decoding, step, "has a malformed count");
        if (count == 0)
            break;
        if (count < 0) {
            read_long(cursor); /* the block's bytes, which only a reader that skips it needs */
            count = -count;
        }
        for (int64_t i = 0; i < count; i++) { /* an entry takes two bytes at least */
            enum result result = read_entry(decoding, step, cursor);
            if (result != RESULT_OK)
                return result;
        }
    }
    entries_lend(entries, decoding->event);
    return RESULT_OK;
}

/* ---- a record ---- */

static bool skip_tree(const struct schema *schema, struct cursor *cursor) {
    struct cursor rest = *cursor;
    bool skipped = schema_skip(schema, &rest);
    cursor->at = rest.at;
    return skipped;
}

ALWAYS_INLINE enum result run_step(struct decoding *decoding, const struct step *step, struct cursor *cursor) {
    union field_value *value = &decoding->event->fields[step->field];
    int64_t instant_ms;
    switch ((enum step_kind)step->kind) {
    case STEP_SKIP_VARINT:
        read_long(cursor);
        return RESULT_OK;
    case STEP_SKIP_SIZED:
        (void)read_sized(cursor);
        return RESULT_OK;
    case STEP_SKIP_FIXED:
        (void)read_bytes(cursor, step->count);
        return RESULT_OK;
    case STEP_SKIP_TREE:
        return skip_tree(step->schema, cursor) ? RESULT_OK
                                               : malformed(decoding, "a field that is skipped is malformed");
    case STEP_NULL:
        return RESULT_OK;
    case STEP_STRING:
        return read_string(decoding, step, cursor, &value->text);
    case STEP_INT:
        return read_int(decoding, step, cursor, &value->number);
    case STEP_LONG:
    case STEP_DOUBLE_OF_LONG:
        value->number = (double)read_short(cursor);
        return RESULT_OK;
    case STEP_TIME:
        return read_instant(decoding, step, cursor, &decoding->event->time_ms);
    case STEP_INSTANT:
        return read_instant(decoding, step, cursor, &instant_ms);
    case STEP_DOUBLE_OF_FLOAT:
        return keep_finite(decoding, step, read_float(cursor));
    case STEP_DOUBLE:
        return keep_finite(decoding, step, read_double(cursor));
    case STEP_BOOLEAN:
        return read_boolean(decoding, step, cursor, &value->number);
    case STEP_ENUM:
        return read_enum(decoding, step, cursor, &value->number);
    case STEP_MAP:
        return read_map(decoding, step, cursor);
    case STEP_REFUSE:
        return refuse(decoding, step);
    case STEP_UNION:
    case STEP_END:
        break;
    }
    assert(false); /* a union does not stand in a union */
    return RESULT_FATAL;
}

ALWAYS_INLINE enum result run_steps(struct decoding *decoding, const struct program_of_record *program,
                                    struct cursor *ret_cursor) {
    struct cursor cursor = *ret_cursor; /* one that nobody else knows of */
    for (const struct step *next = program->steps; next->kind != STEP_END; next++) {
        const struct step *step = next;
        if (step->kind == STEP_UNION) {
            uint32_t branch = read_index(&cursor, step->count);
            if (branch == step->count)
                return malformed_field(decoding, step, "has a branch that the writer's union does not have");
            step = &step->branches[branch];
            decoding->event->present |= step->present;
        }
        enum result result = run_step(decoding, step, &cursor);
        if (result != RESULT_OK)
            return result;
    }
    *ret_cursor = cursor;
    return cursor_ok(&cursor) ? RESULT_OK : malformed(decoding, "they end too early");
}

ALWAYS_INLINE void start_event(struct event *event, const struct avro_plan *plan,
                               const struct program_of_record *program) {
    event->stream = plan->stream;
    event->tombstone = false;
    event->present = program->present;
    event->entries = NULL;
    event->entries_count = 0;
    for (uint32_t i = 0; i < program->defaults_count; i++)
        event->fields[program->defaults[i].field].number = program->defaults[i].number;
}

COLD static enum result refuse_id(struct decoding *decoding, uint32_t field, struct text id) {
    const struct stream_schema *schema = &stream_schemas[decoding->stream];
    decoding->rejection->reason = field == schema->account_id ? REJECTION_INVALID_ACCOUNT_ID : REJECTION_INVALID_VALUE;
    return field_check_id(decoding->stream, &schema->fields[field], id, &decoding->rejection->detail);
}

/* By parts, as they were written a moment ago: a copy as a whole would wait until both parts are in memory. */
ALWAYS_INLINE void take_id(const struct text *id, struct text *ret_id) {
    ret_id->data = id->data;
    ret_id->size = id->size;
}

ALWAYS_INLINE enum result take_ids(struct decoding *decoding) {
    const struct stream_schema *schema = &stream_schemas[decoding->stream];
    struct event *event = decoding->event;
    take_id(&event->fields[schema->account_id].text, &event->account_id);
    event->event_id = TEXT_MISSING;
    if (schema->event_id != FIELDS_MAX)
        take_id(&event->fields[schema->event_id].text, &event->event_id);
    if (!field_id_fits(event->account_id))
        return refuse_id(decoding, schema->account_id, event->account_id);
    if (schema->event_id != FIELDS_MAX && !field_id_fits(event->event_id))
        return refuse_id(decoding, schema->event_id, event->event_id);
    return RESULT_OK;
}

ALWAYS_INLINE enum result choose_record(struct decoding *decoding, const struct avro_plan *plan, struct cursor *cursor,
                                        const struct program_of_record **ret_program) {
    uint32_t branch = plan->is_union ? read_index(cursor, plan->records_count) : 0;
    if (branch == plan->records_count)
        return malformed(decoding, "they begin with a branch that the writer's union does not have");
    if (plan->records[branch] == NULL)
        return malformed(decoding, "they are of a branch of the writer's union that does not fit");
    *ret_program = plan->records[branch];
    return RESULT_OK;
}

ALWAYS_INLINE enum result decode_record(struct decoding *decoding, const struct avro_plan *plan,
                                        struct cursor *cursor) {
    const struct program_of_record *program = NULL;
    enum result result = choose_record(decoding, plan, cursor, &program);
    if (result != RESULT_OK)
        return result;
    start_event(decoding->event, plan, program);
    result = run_steps(decoding, program, cursor);
    return result == RESULT_OK ? take_ids(decoding) : result;
}

enum result avro_decode(struct avro_decoder *decoder, const struct avro_plan *plan, struct cursor *cursor,
                        struct event *ret_event, struct rejection *ret_rejection) {
    struct decoding decoding = {decoder, plan->stream, ret_event, ret_rejection};
    return decode_record(&decoding, plan, cursor);
}

enum result avro_decode_whole(struct avro_decoder *decoder, const struct avro_plan *plan, struct text bytes,
                              struct event *ret_event, struct rejection *ret_rejection) {
    struct decoding decoding = {decoder, plan->stream, ret_event, ret_rejection};
    struct cursor cursor = cursor_of(bytes.data, bytes.size);
    enum result result = decode_record(&decoding, plan, &cursor);
    if (result != RESULT_OK || cursor_left(&cursor) == 0)
        return result;
    return malformed(&decoding, "there are bytes behind it");
}

void avro_decoder_free(struct avro_decoder *decoder) {
    entries_free(&decoder->entries);
}
