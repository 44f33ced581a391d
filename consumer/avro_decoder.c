#include "consumer/avro_decoder.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/instant.h"
#include "consumer/field_check.h"

/* One record on its way. */
struct decoding {
    struct avro_decoder *decoder;
    enum stream stream;
    struct cursor *cursor;
    struct event *event;
    struct rejection *rejection;
};

/* ---- reasons ---- */

static const struct field *field_of(const struct decoding *decoding, const struct step *step) {
    return &stream_schemas[decoding->stream].fields[step->field];
}

static enum result malformed(struct decoding *decoding, const char *what) {
    decoding->rejection->reason = REJECTION_UNDECODABLE;
    return error_set(&decoding->rejection->detail, RESULT_REJECT,
                     "the bytes are no %.*s record of the writer's schema: %s",
                     TEXT_ARGUMENTS(stream_schemas[decoding->stream].name), what);
}

static enum result malformed_field(struct decoding *decoding, const struct step *step, const char *what) {
    decoding->rejection->reason = REJECTION_UNDECODABLE;
    return error_set(
        &decoding->rejection->detail, RESULT_REJECT, "the bytes are no %.*s record of the writer's schema: %.*s %s",
        TEXT_ARGUMENTS(stream_schemas[decoding->stream].name), TEXT_ARGUMENTS(field_of(decoding, step)->name), what);
}

/* "login user_id is null, which it must not be" */
static enum result invalid(struct decoding *decoding, const struct step *step, const char *what) {
    bool is_account_id = step->field == stream_schemas[decoding->stream].account_id;
    decoding->rejection->reason = is_account_id ? REJECTION_INVALID_ACCOUNT_ID : REJECTION_INVALID_VALUE;
    return error_set(&decoding->rejection->detail, RESULT_REJECT, "%.*s %.*s %s",
                     TEXT_ARGUMENTS(stream_schemas[decoding->stream].name),
                     TEXT_ARGUMENTS(field_of(decoding, step)->name), what);
}

static enum result refuse(struct decoding *decoding, const struct step *step) {
    if (step->writer->kind == SCHEMA_NULL)
        return invalid(decoding, step, "is null, which it must not be");
    char words[SCHEMA_WORDS_MAX], what[SCHEMA_WORDS_MAX + 64];
    snprintf(what, sizeof what, "is %s, which does not fit", schema_words(step->writer, words));
    return invalid(decoding, step, what);
}

static enum result unknown_symbol(struct decoding *decoding, const struct step *step, uint32_t symbol) {
    char symbols[SYMBOLS_TEXT_MAX], what[2 * SYMBOLS_TEXT_MAX];
    field_symbols(field_of(decoding, step), symbols);
    const char *cut;
    struct text excerpt = message_excerpt(step->writer->symbols[symbol], &cut);
    snprintf(what, sizeof what, "is %.*s%s, expected one of %s", TEXT_ARGUMENTS(excerpt), cut, symbols);
    return invalid(decoding, step, what);
}

static enum result out_of_memory(struct decoding *decoding) {
    return error_set(&decoding->rejection->detail, RESULT_FATAL, "out of memory");
}

/* ---- values ---- */

/* A varint, most of which are one byte. */
static inline int64_t read_long(struct cursor *cursor) {
    if (cursor->at < cursor->end && *cursor->at < 0x80) {
        uint8_t byte = *cursor->at++;
        return (int64_t)(byte >> 1) ^ -(int64_t)(byte & 1);
    }
    return cursor_zigzag(cursor);
}

/* Missing where it is longer than what is left. */
static inline struct text read_sized(struct cursor *cursor) {
    int64_t size = read_long(cursor);
    if (cursor->failed || (uint64_t)size > cursor_left(cursor)) {
        cursor->failed = true;
        return TEXT_MISSING;
    }
    struct text text = {(const char *)cursor->at, (uint32_t)size};
    cursor->at += size;
    return text;
}

#define HIGH_BITS UINT64_C(0x8080808080808080)

static inline uint64_t load(const char *data, size_t size) {
    uint64_t word = 0;
    memcpy(&word, data, size);
    return word;
}

/* Most text is: then no byte of it need be looked at by itself. The last word overlaps the one before. */
static inline bool is_ascii(struct text text) {
    uint64_t bits = 0;
    if (text.size >= 8) {
        for (uint32_t at = 0; at + 8 < text.size; at += 8)
            bits |= load(text.data + at, 8);
        bits |= load(text.data + text.size - 8, 8);
    } else if (text.size >= 4) {
        bits = load(text.data, 4) | load(text.data + text.size - 4, 4);
    } else if (text.size > 0) {
        bits = load(text.data, 1) | load(text.data + text.size / 2, 1) | load(text.data + text.size - 1, 1);
    }
    return (bits & HIGH_BITS) == 0;
}

static enum result read_string(struct decoding *decoding, const struct step *step, struct text *ret_text) {
    struct text text = read_sized(decoding->cursor);
    if (text_is_missing(text))
        return malformed_field(decoding, step, "is longer than the record");
    if (!is_ascii(text) && !text_is_utf8(text))
        return invalid(decoding, step, "is not UTF-8");
    *ret_text = text;
    return RESULT_OK;
}

static inline void set_number(struct decoding *decoding, const struct step *step, double number) {
    decoding->event->fields[step->field].number = number;
    decoding->event->present |= UINT32_C(1) << step->field;
}

static enum result read_int(struct decoding *decoding, const struct step *step) {
    int64_t number = read_long(decoding->cursor);
    if (number < INT32_MIN || number > INT32_MAX)
        return malformed_field(decoding, step, "is an int of more than 32 bits");
    const struct field *field = field_of(decoding, step);
    if (!decoding->cursor->failed && !field_in_bounds(field, (double)number)) {
        decoding->rejection->reason = REJECTION_INVALID_VALUE;
        return field_out_of_bounds(decoding->stream, field, (double)number, &decoding->rejection->detail);
    }
    set_number(decoding, step, (double)number);
    return RESULT_OK;
}

static void read_instant(struct decoding *decoding, const struct step *step) {
    int64_t instant_ms = read_long(decoding->cursor);
    if (step->count > 1)
        instant_ms = floor_divide(instant_ms, step->count);
    if (step->field == stream_schemas[decoding->stream].time)
        decoding->event->time_ms = instant_ms;
    set_number(decoding, step, (double)instant_ms);
}

/* One that is not finite is null. */
static void read_double(struct decoding *decoding, const struct step *step) {
    double number = cursor_f64(decoding->cursor);
    if (isfinite(number))
        set_number(decoding, step, number);
}

static void read_float(struct decoding *decoding, const struct step *step) {
    uint32_t bits = cursor_u32(decoding->cursor);
    float number;
    memcpy(&number, &bits, sizeof number);
    if (isfinite(number))
        set_number(decoding, step, number);
}

static enum result read_boolean(struct decoding *decoding, const struct step *step) {
    uint8_t byte = cursor_u8(decoding->cursor);
    if (byte > 1)
        return malformed_field(decoding, step, "is a boolean that is neither 0 nor 1");
    set_number(decoding, step, byte);
    return RESULT_OK;
}

static enum result read_enum(struct decoding *decoding, const struct step *step) {
    int64_t symbol = read_long(decoding->cursor);
    if (symbol < 0 || symbol >= step->count)
        return malformed_field(decoding, step, "is a symbol that the writer's enum does not have");
    if (step->symbols[symbol] == UINT32_MAX)
        return decoding->cursor->failed ? RESULT_OK : unknown_symbol(decoding, step, (uint32_t)symbol);
    set_number(decoding, step, step->symbols[symbol]);
    return RESULT_OK;
}

/* ---- maps ---- */

static enum result read_entry(struct decoding *decoding, const struct step *step) {
    struct map_entry entry;
    enum result result = read_string(decoding, step, &entry.key);
    if (result != RESULT_OK)
        return result;
    const struct schema *values = step->schema;
    if (values->kind == SCHEMA_UNION) {
        int64_t branch = read_long(decoding->cursor);
        if (decoding->cursor->failed || branch < 0 || branch >= values->count)
            return malformed_field(decoding, step, "has a branch that the writer's union does not have");
        values = values->branches[branch];
    }
    if (values->kind != SCHEMA_STRING && values->kind != SCHEMA_BYTES)
        return invalid(decoding, step, "has a value that is not a string");
    result = read_string(decoding, step, &entry.value);
    if (result != RESULT_OK)
        return result;
    return entries_add(&decoding->decoder->entries, entry) ? RESULT_OK : out_of_memory(decoding);
}

static enum result read_map(struct decoding *decoding, const struct step *step) {
    struct cursor *cursor = decoding->cursor;
    decoding->decoder->entries.count = 0;
    for (;;) {
        int64_t count = read_long(cursor);
        if (count == INT64_MIN)
            cursor->failed = true;
        if (cursor->failed)
            return malformed_field(decoding, step, "has a malformed count");
        if (count == 0)
            break;
        if (count < 0) {
            read_long(cursor); /* the block's bytes, which only a reader that skips it needs */
            count = -count;
        }
        for (int64_t i = 0; i < count; i++) { /* an entry takes two bytes at least */
            enum result result = read_entry(decoding, step);
            if (result != RESULT_OK)
                return result;
        }
    }
    decoding->event->present |= UINT32_C(1) << step->field;
    return entries_finish(&decoding->decoder->entries, &decoding->decoder->arena, decoding->event)
               ? RESULT_OK
               : out_of_memory(decoding);
}

/* ---- a record ---- */

static enum result run_step(struct decoding *decoding, const struct step *step) {
    struct cursor *cursor = decoding->cursor;
    switch ((enum step_kind)step->kind) {
    case STEP_SKIP_VARINT:
        read_long(cursor);
        return RESULT_OK;
    case STEP_SKIP_SIZED:
        read_sized(cursor);
        return RESULT_OK;
    case STEP_SKIP_FIXED:
        cursor_take(cursor, step->count);
        return RESULT_OK;
    case STEP_SKIP_TREE:
        return schema_skip(step->schema, cursor) ? RESULT_OK
                                                 : malformed(decoding, "a field that is skipped is malformed");
    case STEP_NULL:
        return RESULT_OK;
    case STEP_STRING:
        decoding->event->present |= UINT32_C(1) << step->field;
        return read_string(decoding, step, &decoding->event->fields[step->field].text);
    case STEP_INT:
        return read_int(decoding, step);
    case STEP_LONG:
    case STEP_DOUBLE_OF_LONG:
        set_number(decoding, step, (double)read_long(cursor));
        return RESULT_OK;
    case STEP_INSTANT:
        read_instant(decoding, step);
        return RESULT_OK;
    case STEP_DOUBLE_OF_FLOAT:
        read_float(decoding, step);
        return RESULT_OK;
    case STEP_DOUBLE:
        read_double(decoding, step);
        return RESULT_OK;
    case STEP_BOOLEAN:
        return read_boolean(decoding, step);
    case STEP_ENUM:
        return read_enum(decoding, step);
    case STEP_MAP:
        return read_map(decoding, step);
    case STEP_REFUSE:
        return refuse(decoding, step);
    case STEP_UNION:
        break;
    }
    assert(false); /* a union does not stand in a union */
    return RESULT_FATAL;
}

static enum result run_steps(struct decoding *decoding, const struct program_of_record *program) {
    for (uint32_t i = 0; i < program->steps_count; i++) {
        const struct step *step = &program->steps[i];
        if (step->kind == STEP_UNION) {
            int64_t branch = read_long(decoding->cursor);
            if (decoding->cursor->failed || branch < 0 || branch >= step->count)
                return malformed_field(decoding, step, "has a branch that the writer's union does not have");
            step = &step->branches[branch];
        }
        enum result result = run_step(decoding, step);
        if (result != RESULT_OK)
            return result;
    }
    return cursor_ok(decoding->cursor) ? RESULT_OK : malformed(decoding, "they end too early");
}

static void start_event(struct event *event, const struct avro_plan *plan, const struct program_of_record *program) {
    event->stream = plan->stream;
    event->tombstone = false;
    event->event_id = TEXT_MISSING;
    event->present = program->present;
    event->entries = NULL;
    event->entries_count = 0;
    for (uint32_t i = 0; i < program->defaults_count; i++)
        event->fields[program->defaults[i].field].number = program->defaults[i].number;
}

static enum result take_ids(struct decoding *decoding) {
    const struct stream_schema *schema = &stream_schemas[decoding->stream];
    struct event *event = decoding->event;
    struct error *detail = &decoding->rejection->detail;
    event->account_id = event->fields[schema->account_id].text;
    decoding->rejection->reason = REJECTION_INVALID_ACCOUNT_ID;
    enum result result = field_check_id(decoding->stream, &schema->fields[schema->account_id], event->account_id,
                                        detail);
    if (result != RESULT_OK || schema->event_id == FIELDS_MAX)
        return result;
    event->event_id = event->fields[schema->event_id].text;
    decoding->rejection->reason = REJECTION_INVALID_VALUE;
    return field_check_id(decoding->stream, &schema->fields[schema->event_id], event->event_id, detail);
}

static enum result choose_record(struct decoding *decoding, const struct avro_plan *plan,
                                 const struct program_of_record **ret_program) {
    int64_t branch = plan->is_union ? read_long(decoding->cursor) : 0;
    if (decoding->cursor->failed || branch < 0 || branch >= plan->records_count)
        return malformed(decoding, "they begin with a branch that the writer's union does not have");
    if (plan->records[branch] == NULL)
        return malformed(decoding, "they are of a branch of the writer's union that does not fit");
    *ret_program = plan->records[branch];
    return RESULT_OK;
}

enum result avro_decode(struct avro_decoder *decoder, const struct avro_plan *plan, struct cursor *cursor,
                        struct event *ret_event, struct rejection *ret_rejection) {
    struct decoding decoding = {decoder, plan->stream, cursor, ret_event, ret_rejection};
    const struct program_of_record *program = NULL;
    enum result result = choose_record(&decoding, plan, &program);
    if (result != RESULT_OK)
        return result;
    start_event(ret_event, plan, program);
    result = run_steps(&decoding, program);
    return result == RESULT_OK ? take_ids(&decoding) : result;
}

enum result avro_decode_whole(struct avro_decoder *decoder, const struct avro_plan *plan, struct text bytes,
                              struct event *ret_event, struct rejection *ret_rejection) {
    struct cursor cursor = cursor_of(bytes.data, bytes.size);
    enum result result = avro_decode(decoder, plan, &cursor, ret_event, ret_rejection);
    if (result != RESULT_OK || cursor_left(&cursor) == 0)
        return result;
    struct decoding decoding = {decoder, plan->stream, &cursor, ret_event, ret_rejection};
    return malformed(&decoding, "there are bytes behind it");
}

void avro_decoder_clear(struct avro_decoder *decoder) {
    arena_clear(&decoder->arena);
}

void avro_decoder_free(struct avro_decoder *decoder) {
    arena_free(&decoder->arena);
    entries_free(&decoder->entries);
}
