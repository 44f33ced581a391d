#include "producer/avro_encode.h"

#include <assert.h>
#include <math.h>

/* Branches of the unions: null always stands first. */
enum { BRANCH_NULL, BRANCH_VALUE };
enum { OPERAND_BRANCH_NULL, OPERAND_BRANCH_DOUBLE, OPERAND_BRANCH_STRING, OPERAND_BRANCH_BOOLEAN };

static void put_string(struct buffer *out, struct text text) {
    buffer_put_zigzag(out, text.size);
    buffer_put_text(out, text);
}

static void put_nullable_string(struct buffer *out, struct text text) {
    if (text_is_missing(text)) {
        buffer_put_zigzag(out, BRANCH_NULL);
        return;
    }
    buffer_put_zigzag(out, BRANCH_VALUE);
    put_string(out, text);
}

static void put_nullable_double(struct buffer *out, double number) {
    if (!isfinite(number)) {
        buffer_put_zigzag(out, BRANCH_NULL);
        return;
    }
    buffer_put_zigzag(out, BRANCH_VALUE);
    buffer_put_f64(out, number);
}

static void put_nullable_instant(struct buffer *out, int64_t instant_ms) {
    if (instant_ms == INSTANT_NONE) {
        buffer_put_zigzag(out, BRANCH_NULL);
        return;
    }
    buffer_put_zigzag(out, BRANCH_VALUE);
    buffer_put_zigzag(out, instant_ms);
}

/* Arrays and maps are one block of `count` entries, which follow, and an empty one. */
static void put_block_start(struct buffer *out, uint32_t count) {
    if (count > 0)
        buffer_put_zigzag(out, count);
}

static void put_block_end(struct buffer *out) {
    buffer_put_zigzag(out, 0);
}

static void put_segments(struct buffer *out, const struct change *change) {
    put_block_start(out, change->segments_count);
    for (uint32_t i = 0; i < change->segments_count; i++)
        put_string(out, change->segments[i]);
    put_block_end(out);
}

static void put_reasons(struct buffer *out, const struct change *change) {
    put_block_start(out, change->reasons_count);
    for (uint32_t i = 0; i < change->reasons_count; i++) {
        put_string(out, change->reasons[i].signal);
        buffer_put_f64(out, change->reasons[i].value);
        buffer_put_f64(out, change->reasons[i].contribution);
    }
    put_block_end(out);
}

static void put_operand(struct buffer *out, const struct operand *operand) {
    switch (operand->kind) {
    case OPERAND_NULL:
        buffer_put_zigzag(out, OPERAND_BRANCH_NULL);
        break;
    case OPERAND_NUMBER:
        buffer_put_zigzag(out, isfinite(operand->number) ? OPERAND_BRANCH_DOUBLE : OPERAND_BRANCH_NULL);
        if (isfinite(operand->number))
            buffer_put_f64(out, operand->number);
        break;
    case OPERAND_TEXT:
        buffer_put_zigzag(out, OPERAND_BRANCH_STRING);
        put_string(out, operand->text);
        break;
    case OPERAND_BOOLEAN:
        buffer_put_zigzag(out, OPERAND_BRANCH_BOOLEAN);
        buffer_put_u8(out, operand->number != 0);
        break;
    }
}

static void put_because(struct buffer *out, const struct change *change) {
    put_block_start(out, change->because_count);
    for (uint32_t i = 0; i < change->because_count; i++) {
        const struct because *because = &change->because[i];
        put_string(out, because->condition);
        put_operand(out, &because->left);
        put_operand(out, &because->right);
        buffer_put_u8(out, because->holds);
    }
    put_block_end(out);
}

static void put_change_facts(struct buffer *out, const struct change_facts *facts) {
    if (!facts->known) {
        buffer_put_zigzag(out, BRANCH_NULL);
        return;
    }
    buffer_put_zigzag(out, BRANCH_VALUE);
    put_nullable_string(out, facts->name);
    put_nullable_string(out, facts->owner);
    put_nullable_string(out, facts->plan);
    put_nullable_double(out, facts->arr);
    put_nullable_string(out, facts->currency);
}

static void put_cause(struct buffer *out, const struct cause *cause, struct text topic) {
    bool is_event = cause->kind == CAUSE_EVENT, has_place = !text_is_missing(topic);
    buffer_put_zigzag(out, cause->kind);
    put_nullable_string(out, is_event ? stream_schemas[cause->stream].name : TEXT_MISSING);
    put_nullable_string(out, is_event ? cause->event_id : TEXT_MISSING);
    put_nullable_string(out, topic);
    buffer_put_zigzag(out, has_place ? BRANCH_VALUE : BRANCH_NULL);
    if (has_place)
        buffer_put_zigzag(out, cause->place.partition);
    buffer_put_zigzag(out, has_place ? BRANCH_VALUE : BRANCH_NULL);
    if (has_place)
        buffer_put_zigzag(out, cause->place.offset);
}

void change_write_avro(const struct change *change, const struct change_origin *origin, struct buffer *out) {
    put_string(out, change->account_id);
    buffer_put_zigzag(out, (int64_t)change->sequence);
    buffer_put_zigzag(out, change->at_ms);
    buffer_put_zigzag(out, change->kind);
    put_string(out, change->subject);
    put_nullable_string(out, change->from);
    put_nullable_string(out, change->to);
    put_nullable_double(out, change->churn_risk);
    put_nullable_double(out, coverage_rounded(change->coverage));
    put_nullable_string(out, change->lifecycle_stage);
    put_segments(out, change);
    put_nullable_string(out, change->reasons_of);
    put_reasons(out, change);
    put_because(out, change);
    put_nullable_instant(out, change->previous_since_ms);
    put_change_facts(out, &change->facts);
    put_cause(out, &change->cause, origin->cause_topic);
    put_string(out, change->ruleset);
    put_nullable_string(out, change->playbook);
    buffer_put_zigzag(out, change->backfill);
    buffer_put_zigzag(out, origin->decided_at_ms);
}

static void put_map(struct buffer *out, const struct event *event) {
    put_block_start(out, event->entries_count);
    for (uint32_t i = 0; i < event->entries_count; i++) {
        put_string(out, event->entries[i].key);
        put_string(out, event->entries[i].value);
    }
    put_block_end(out);
}

/* A value that is there, or the field's default. */
static void put_field_value(struct buffer *out, const struct event *event, uint32_t index) {
    const struct field *field = &stream_schemas[event->stream].fields[index];
    bool is_given = event_has(event, index);
    assert(is_given || field->has_default);
    double number = is_given ? event->fields[index].number : field->default_number;
    switch (field->type) {
    case FIELD_STRING:
        assert(is_given);
        put_string(out, event->fields[index].text);
        break;
    case FIELD_DOUBLE:
        buffer_put_f64(out, number);
        break;
    case FIELD_BOOLEAN:
        buffer_put_u8(out, number != 0);
        break;
    case FIELD_INSTANT:
    case FIELD_LONG:
    case FIELD_INT:
    case FIELD_ENUM:
        buffer_put_zigzag(out, (int64_t)number);
        break;
    case FIELD_MAP:
        assert(!"a map is written by put_map");
    }
}

static void put_field(struct buffer *out, const struct event *event, uint32_t index) {
    const struct field *field = &stream_schemas[event->stream].fields[index];
    if (field->type == FIELD_MAP) {
        put_map(out, event);
        return;
    }
    if (field->nullable)
        buffer_put_zigzag(out, event_has(event, index) ? BRANCH_VALUE : BRANCH_NULL);
    if (!field->nullable || event_has(event, index))
        put_field_value(out, event, index);
}

void event_write_avro(const struct event *event, struct buffer *out) {
    assert(!event->tombstone);
    for (uint32_t i = 0; i < stream_schemas[event->stream].fields_count; i++)
        put_field(out, event, i);
}

static void put_scores(struct buffer *out, const struct status *status) {
    put_block_start(out, status->scores_count);
    for (uint32_t i = 0; i < status->scores_count; i++) {
        const struct score_status *score = &status->scores[i];
        put_string(out, score->name);
        put_nullable_double(out, score->value);
        buffer_put_f64(out, coverage_rounded(score->coverage));
    }
    put_block_end(out);
}

static void put_dimensions(struct buffer *out, const struct status *status) {
    put_block_start(out, status->dimensions_count);
    for (uint32_t i = 0; i < status->dimensions_count; i++) {
        put_string(out, status->dimensions[i].name);
        put_string(out, status->dimensions[i].value);
        buffer_put_zigzag(out, status->dimensions[i].since_ms);
    }
    put_block_end(out);
}

static void put_memberships(struct buffer *out, const struct status *status) {
    put_block_start(out, status->segments_count);
    for (uint32_t i = 0; i < status->segments_count; i++) {
        put_string(out, status->segments[i].name);
        buffer_put_zigzag(out, status->segments[i].since_ms);
    }
    put_block_end(out);
}

/* AccountFacts: the fields of Account but its id. */
static void put_account_facts(struct buffer *out, const struct status *status) {
    buffer_put_zigzag(out, status->has_facts ? BRANCH_VALUE : BRANCH_NULL);
    if (!status->has_facts)
        return;
    const struct stream_schema *schema = &stream_schemas[STREAM_ACCOUNT];
    for (uint32_t i = 0; i < schema->fields_count; i++)
        if (i != schema->account_id)
            put_field(out, &status->facts, i);
}

void status_write_avro(const struct status *status, struct buffer *out) {
    assert(!status->erased);
    put_string(out, status->account_id);
    buffer_put_zigzag(out, (int64_t)status->sequence);
    buffer_put_zigzag(out, status->at_ms);
    put_string(out, status->ruleset);
    put_scores(out, status);
    put_dimensions(out, status);
    put_memberships(out, status);
    put_account_facts(out, status);
}
