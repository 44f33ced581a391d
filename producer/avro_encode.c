#include "producer/avro_encode.h"

#include <assert.h>
#include <math.h>

#include "base/number.h"

/* Whatever is written is measured first, generously, and then written where there is room for all of it: writers take
 * where to write, and return what lies behind. */

/* Branches of the unions: null always stands first. */
enum { BRANCH_NULL, BRANCH_VALUE };
enum { OPERAND_BRANCH_NULL, OPERAND_BRANCH_DOUBLE, OPERAND_BRANCH_STRING, OPERAND_BRANCH_BOOLEAN };

/* More than a number takes with its branch, or a text without its bytes. */
#define ITEM_BYTES_MAX   (1 + VARINT_SIZE_MAX)
#define CHANGE_ITEMS_MAX 40u /* of a change without what its arrays hold */
#define STATUS_ITEMS_MAX 12u

static inline uint8_t *write_byte(uint8_t *to, uint8_t value) {
    *to = value;
    return to + 1;
}

/* Branches, booleans and the ends of arrays: small numbers that are not negative. */
static inline uint8_t *write_small(uint8_t *to, uint32_t value) {
    assert(value < 64);
    return write_byte(to, (uint8_t)(value << 1));
}

static inline uint8_t *write_double(uint8_t *to, double number) {
    uint64_t bits = htole64(number_bits(number));
    memcpy(to, &bits, sizeof bits);
    return to + sizeof bits;
}

static inline uint8_t *write_text(uint8_t *to, struct text text) {
    return write_bytes(write_varint(to, (uint64_t)text.size << 1), text.data, text.size);
}

static inline uint8_t *write_nullable_text(uint8_t *to, struct text text) {
    if (text_is_missing(text))
        return write_small(to, BRANCH_NULL);
    return write_text(write_small(to, BRANCH_VALUE), text);
}

static inline uint8_t *write_nullable_double(uint8_t *to, double number) {
    if (!isfinite(number))
        return write_small(to, BRANCH_NULL);
    return write_double(write_small(to, BRANCH_VALUE), number);
}

static uint8_t *write_nullable_instant(uint8_t *to, int64_t instant_ms) {
    if (instant_ms == INSTANT_NONE)
        return write_small(to, BRANCH_NULL);
    return write_zigzag(write_small(to, BRANCH_VALUE), instant_ms);
}

/* An instant as it was written last: many stand in one value several times. */
struct written_instant {
    int64_t instant_ms;
    uint64_t bytes; /* of which `size` are its own */
    uint32_t size;
};

#define WRITTEN_ZERO ((struct written_instant){0, 0, 1})

static inline uint8_t *write_instant(uint8_t *to, int64_t instant_ms, struct written_instant *last) {
    if (instant_ms == last->instant_ms) {
        memcpy(to, &last->bytes, sizeof last->bytes);
        return to + last->size;
    }
    uint8_t *end = write_zigzag(to, instant_ms);
    uint32_t size = (uint32_t)(end - to);
    if (size <= sizeof last->bytes) {
        *last = (struct written_instant){.instant_ms = instant_ms, .size = size};
        memcpy(&last->bytes, to, sizeof last->bytes);
    }
    return end;
}

/* Arrays and maps are one block of `count` entries, which follow, and an empty one. */
static inline uint8_t *write_block_start(uint8_t *to, uint32_t count) {
    return count > 0 ? write_zigzag(to, count) : to;
}

static inline uint8_t *write_block_end(uint8_t *to) {
    return write_small(to, 0);
}

/* ---- changes */

static uint8_t *write_segments(uint8_t *to, const struct change *change) {
    to = write_block_start(to, change->segments_count);
    for (uint32_t i = 0; i < change->segments_count; i++)
        to = write_text(to, change->segments[i]);
    return write_block_end(to);
}

static uint8_t *write_reasons(uint8_t *to, const struct change *change) {
    to = write_block_start(to, change->reasons_count);
    for (uint32_t i = 0; i < change->reasons_count; i++) {
        to = write_text(to, change->reasons[i].signal);
        to = write_double(to, change->reasons[i].value);
        to = write_double(to, change->reasons[i].contribution);
    }
    return write_block_end(to);
}

static uint8_t *write_operand(uint8_t *to, const struct operand *operand) {
    switch (operand->kind) {
    case OPERAND_NULL:
        return write_small(to, OPERAND_BRANCH_NULL);
    case OPERAND_NUMBER:
        if (!isfinite(operand->number))
            return write_small(to, OPERAND_BRANCH_NULL);
        return write_double(write_small(to, OPERAND_BRANCH_DOUBLE), operand->number);
    case OPERAND_TEXT:
        return write_text(write_small(to, OPERAND_BRANCH_STRING), operand->text);
    case OPERAND_BOOLEAN:
        break;
    }
    return write_byte(write_small(to, OPERAND_BRANCH_BOOLEAN), operand->number != 0);
}

static uint8_t *write_because(uint8_t *to, const struct change *change) {
    to = write_block_start(to, change->because_count);
    for (uint32_t i = 0; i < change->because_count; i++) {
        const struct because *because = &change->because[i];
        to = write_text(to, because->condition);
        to = write_operand(to, &because->left);
        to = write_operand(to, &because->right);
        to = write_byte(to, because->holds);
    }
    return write_block_end(to);
}

static uint8_t *write_change_facts(uint8_t *to, const struct change_facts *facts) {
    if (!facts->known)
        return write_small(to, BRANCH_NULL);
    to = write_small(to, BRANCH_VALUE);
    to = write_nullable_text(to, facts->name);
    to = write_nullable_text(to, facts->owner);
    to = write_nullable_text(to, facts->plan);
    to = write_nullable_double(to, facts->arr);
    return write_nullable_text(to, facts->currency);
}

static uint8_t *write_cause(uint8_t *to, const struct cause *cause, struct text topic) {
    bool is_event = cause->kind == CAUSE_EVENT, has_place = !text_is_missing(topic);
    to = write_small(to, cause->kind);
    to = write_nullable_text(to, is_event ? stream_schemas[cause->stream].name : TEXT_MISSING);
    to = write_nullable_text(to, is_event ? cause->event_id : TEXT_MISSING);
    to = write_nullable_text(to, topic);
    if (!has_place)
        return write_small(write_small(to, BRANCH_NULL), BRANCH_NULL);
    to = write_zigzag(write_small(to, BRANCH_VALUE), cause->place.partition);
    return write_zigzag(write_small(to, BRANCH_VALUE), cause->place.offset);
}

static size_t arrays_size_max(const struct change *change) {
    size_t size = 0;
    for (uint32_t i = 0; i < change->segments_count; i++)
        size += ITEM_BYTES_MAX + change->segments[i].size;
    for (uint32_t i = 0; i < change->reasons_count; i++)
        size += 3 * ITEM_BYTES_MAX + change->reasons[i].signal.size;
    for (uint32_t i = 0; i < change->because_count; i++) {
        const struct because *because = &change->because[i];
        size += 4 * ITEM_BYTES_MAX + (size_t)because->condition.size;
        size += because->left.kind == OPERAND_TEXT ? because->left.text.size : 0;
        size += because->right.kind == OPERAND_TEXT ? because->right.text.size : 0;
    }
    return size;
}

static size_t change_size_max(const struct change *change, const struct change_origin *origin) {
    const struct change_facts *facts = &change->facts;
    const struct cause *cause = &change->cause;
    size_t size = (size_t)change->account_id.size + change->subject.size + change->from.size + change->to.size +
                  change->lifecycle_stage.size + change->reasons_of.size + change->ruleset.size +
                  change->playbook.size + origin->cause_topic.size;
    if (facts->known)
        size += (size_t)facts->name.size + facts->owner.size + facts->plan.size + facts->currency.size;
    if (cause->kind == CAUSE_EVENT)
        size += (size_t)stream_schemas[cause->stream].name.size + cause->event_id.size;
    return CHANGE_ITEMS_MAX * ITEM_BYTES_MAX + size + arrays_size_max(change);
}

static uint8_t *write_change(uint8_t *to, const struct change *change, const struct change_origin *origin) {
    to = write_text(to, change->account_id);
    to = write_zigzag(to, (int64_t)change->sequence);
    to = write_zigzag(to, change->at_ms);
    to = write_small(to, change->kind);
    to = write_text(to, change->subject);
    to = write_nullable_text(to, change->from);
    to = write_nullable_text(to, change->to);
    to = write_nullable_double(to, change->churn_risk);
    to = write_nullable_double(to, coverage_rounded(change->coverage));
    to = write_nullable_text(to, change->lifecycle_stage);
    to = write_segments(to, change);
    to = write_nullable_text(to, change->reasons_of);
    to = write_reasons(to, change);
    to = write_because(to, change);
    to = write_nullable_instant(to, change->previous_since_ms);
    to = write_change_facts(to, &change->facts);
    to = write_cause(to, &change->cause, origin->cause_topic);
    to = write_text(to, change->ruleset);
    to = write_nullable_text(to, change->playbook);
    to = write_small(to, change->backfill);
    return write_zigzag(to, origin->decided_at_ms);
}

/* What was written begins at the buffer's end, where there is room for `size_max` bytes. */
static void written(struct buffer *out, size_t size_max, const uint8_t *end) {
    size_t size = (size_t)(end - out->data) - out->size;
    assert(size <= size_max);
    out->size += size;
}

void change_write_avro(const struct change *change, const struct change_origin *origin, struct buffer *out) {
    size_t size_max = change_size_max(change, origin);
    if (buffer_has_room(out, size_max))
        written(out, size_max, write_change(out->data + out->size, change, origin));
}

/* ---- events, and the facts among them */

static size_t event_size_max(const struct event *event) {
    const struct stream_schema *schema = &stream_schemas[event->stream];
    size_t size = (schema->fields_count + 1) * ITEM_BYTES_MAX; /* a map has a count before its entries and one behind */
    for (uint32_t left = event->present; left != 0; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(left);
        if (schema->fields[i].type == FIELD_STRING)
            size += event->fields[i].text.size;
    }
    for (uint32_t i = 0; i < event->entries_count; i++)
        size += 2 * ITEM_BYTES_MAX + (size_t)event->entries[i].key.size + event->entries[i].value.size;
    return size;
}

static uint8_t *write_map(uint8_t *to, const struct event *event) {
    to = write_block_start(to, event->entries_count);
    for (uint32_t i = 0; i < event->entries_count; i++) {
        to = write_text(to, event->entries[i].key);
        to = write_text(to, event->entries[i].value);
    }
    return write_block_end(to);
}

/* A value that is there, or the field's default. */
static inline uint8_t *write_field_value(uint8_t *to, const struct event *event, uint32_t index,
                                         const struct field *field) {
    bool is_given = event_has(event, index);
    assert(is_given || (field->has_default && field->type != FIELD_STRING));
    if (field->type == FIELD_STRING)
        return write_text(to, event->fields[index].text);
    double number = is_given ? event->fields[index].number : field->default_number;
    if (field->type == FIELD_DOUBLE)
        return write_double(to, number);
    if (field->type == FIELD_BOOLEAN)
        return write_byte(to, number != 0);
    return write_zigzag(to, number_to_int64(number));
}

/* All fields but one; FIELDS_MAX: all. */
static uint8_t *write_fields(uint8_t *to, const struct event *event, uint32_t left_out) {
    const struct stream_schema *schema = &stream_schemas[event->stream];
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        const struct field *field = &schema->fields[i];
        if (i == left_out)
            continue;
        if (field->nullable) {
            to = write_small(to, event_has(event, i) ? BRANCH_VALUE : BRANCH_NULL);
            if (!event_has(event, i))
                continue;
        }
        to = field->type == FIELD_MAP ? write_map(to, event) : write_field_value(to, event, i, field);
    }
    return to;
}

void event_write_avro(const struct event *event, struct buffer *out) {
    assert(!event->tombstone);
    size_t size_max = event_size_max(event);
    if (buffer_has_room(out, size_max))
        written(out, size_max, write_fields(out->data + out->size, event, FIELDS_MAX));
}

/* ---- statuses */

static uint8_t *write_scores(uint8_t *to, const struct status *status) {
    to = write_block_start(to, status->scores_count);
    for (uint32_t i = 0; i < status->scores_count; i++) {
        const struct score_status *score = &status->scores[i];
        to = write_text(to, score->name);
        to = write_nullable_double(to, score->value);
        to = write_double(to, coverage_rounded(score->coverage));
    }
    return write_block_end(to);
}

static uint8_t *write_dimensions(uint8_t *to, const struct status *status) {
    struct written_instant since = WRITTEN_ZERO;
    to = write_block_start(to, status->dimensions_count);
    for (uint32_t i = 0; i < status->dimensions_count; i++) {
        to = write_text(to, status->dimensions[i].name);
        to = write_text(to, status->dimensions[i].value);
        to = write_instant(to, status->dimensions[i].since_ms, &since);
    }
    return write_block_end(to);
}

static uint8_t *write_memberships(uint8_t *to, const struct status *status) {
    struct written_instant since = WRITTEN_ZERO;
    to = write_block_start(to, status->segments_count);
    for (uint32_t i = 0; i < status->segments_count; i++) {
        to = write_text(to, status->segments[i].name);
        to = write_instant(to, status->segments[i].since_ms, &since);
    }
    return write_block_end(to);
}

/* AccountFacts: the fields of Account but its id. */
static uint8_t *write_account_facts(uint8_t *to, const struct status *status) {
    if (!status->has_facts)
        return write_small(to, BRANCH_NULL);
    to = write_small(to, BRANCH_VALUE);
    return write_fields(to, &status->facts, stream_schemas[STREAM_ACCOUNT].account_id);
}

static size_t status_size_max(const struct status *status) {
    size_t size = STATUS_ITEMS_MAX * ITEM_BYTES_MAX + (size_t)status->account_id.size + status->ruleset.size;
    for (uint32_t i = 0; i < status->scores_count; i++)
        size += 3 * ITEM_BYTES_MAX + status->scores[i].name.size;
    for (uint32_t i = 0; i < status->dimensions_count; i++)
        size += 3 * ITEM_BYTES_MAX + (size_t)status->dimensions[i].name.size + status->dimensions[i].value.size;
    for (uint32_t i = 0; i < status->segments_count; i++)
        size += 2 * ITEM_BYTES_MAX + status->segments[i].name.size;
    return size + (status->has_facts ? event_size_max(&status->facts) : 0);
}

static uint8_t *write_status(uint8_t *to, const struct status *status) {
    to = write_text(to, status->account_id);
    to = write_zigzag(to, (int64_t)status->sequence);
    to = write_zigzag(to, status->at_ms);
    to = write_text(to, status->ruleset);
    to = write_scores(to, status);
    to = write_dimensions(to, status);
    to = write_memberships(to, status);
    return write_account_facts(to, status);
}

void status_write_avro(const struct status *status, struct buffer *out) {
    assert(!status->erased);
    size_t size_max = status_size_max(status);
    if (buffer_has_room(out, size_max))
        written(out, size_max, write_status(out->data + out->size, status));
}
