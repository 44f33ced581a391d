#include "producer/change_json.h"

#include <assert.h>
#include <math.h>

#include "base/json.h"

const char *change_kind_name(enum change_kind kind) {
    static const char *const names[] = {
        [CHANGE_MOVED] = "MOVED", [CHANGE_ENTERED] = "ENTERED", [CHANGE_EXITED] = "EXITED"};
    return names[kind];
}

const char *cause_kind_name(enum cause_kind kind) {
    static const char *const names[] = {[CAUSE_EVENT] = "EVENT",
                                        [CAUSE_TICK] = "TICK",
                                        [CAUSE_RULES_CHANGED] = "RULES_CHANGED",
                                        [CAUSE_ACCOUNT_DELETED] = "ACCOUNT_DELETED"};
    return names[kind];
}

double coverage_rounded(double coverage) {
    return round(coverage * 1e4) / 1e4;
}

/* Inlined, as json_key is. */
static inline void put_text(struct json *json, const char *key, struct text value) {
    json_key(json, key);
    json_put_text(json, value);
}

static inline void put_number(struct json *json, const char *key, double value) {
    json_key(json, key);
    json_put_number(json, value);
}

static inline void put_instant(struct json *json, const char *key, int64_t instant_ms) {
    json_key(json, key);
    if (instant_ms == INSTANT_NONE)
        json_put_null(json);
    else
        json_put_instant(json, instant_ms);
}

static void put_texts(struct json *json, const char *key, const struct text *texts, uint32_t count) {
    json_key(json, key);
    json_open_array(json);
    for (uint32_t i = 0; i < count; i++)
        json_put_text(json, texts[i]);
    json_close_array(json);
}

static void put_reasons(struct json *json, const struct change *change) {
    json_key(json, "reasons");
    json_open_array(json);
    for (uint32_t i = 0; i < change->reasons_count; i++) {
        const struct reason *reason = &change->reasons[i];
        json_open_object(json);
        put_text(json, "signal", reason->signal);
        put_number(json, "value", reason->value);
        put_number(json, "contribution", reason->contribution);
        json_close_object(json);
    }
    json_close_array(json);
}

static void put_operand(struct json *json, const char *key, const struct operand *operand) {
    json_key(json, key);
    switch (operand->kind) {
    case OPERAND_NULL:
        json_put_null(json);
        break;
    case OPERAND_NUMBER:
        json_put_number(json, operand->number);
        break;
    case OPERAND_TEXT:
        json_put_text(json, operand->text);
        break;
    case OPERAND_BOOLEAN:
        json_put_boolean(json, operand->number != 0);
        break;
    }
}

static void put_because(struct json *json, const struct change *change) {
    json_key(json, "because");
    json_open_array(json);
    for (uint32_t i = 0; i < change->because_count; i++) {
        const struct because *because = &change->because[i];
        json_open_object(json);
        put_text(json, "condition", because->condition);
        put_operand(json, "left", &because->left);
        put_operand(json, "right", &because->right);
        json_key(json, "holds");
        json_put_boolean(json, because->holds);
        json_close_object(json);
    }
    json_close_array(json);
}

static void put_facts(struct json *json, const struct change_facts *facts) {
    json_key(json, "facts");
    if (!facts->known) {
        json_put_null(json);
        return;
    }
    json_open_object(json);
    put_text(json, "name", facts->name);
    put_text(json, "owner", facts->owner);
    put_text(json, "plan", facts->plan);
    put_number(json, "arr", facts->arr);
    put_text(json, "currency", facts->currency);
    json_close_object(json);
}

static void put_place(struct json *json, const struct place *place, struct text topic) {
    put_text(json, "topic", topic);
    json_key(json, "partition");
    if (text_is_missing(topic))
        json_put_null(json);
    else
        json_put_integer(json, place->partition);
    json_key(json, "offset");
    if (text_is_missing(topic))
        json_put_null(json);
    else
        json_put_integer(json, place->offset);
}

static void put_cause(struct json *json, const struct cause *cause, const struct change_origin *origin) {
    json_key(json, "cause");
    json_open_object(json);
    json_key(json, "kind");
    json_put_string(json, cause_kind_name(cause->kind));
    if (cause->kind == CAUSE_EVENT) {
        put_text(json, "stream", stream_schemas[cause->stream].name);
        put_text(json, "event_id", cause->event_id);
    }
    if (origin != NULL)
        put_place(json, &cause->place, origin->cause_topic);
    json_close_object(json);
}

void change_write_json(const struct change *change, const struct change_origin *origin, struct buffer *out) {
    struct json writer = {out, false}, *json = &writer;
    json_open_object(json);
    put_text(json, "account_id", change->account_id);
    json_key(json, "sequence");
    json_put_integer(json, (int64_t)change->sequence);
    put_instant(json, "at", change->at_ms);
    json_key(json, "kind");
    json_put_string(json, change_kind_name(change->kind));
    put_text(json, "subject", change->subject);
    put_text(json, "from", change->from);
    put_text(json, "to", change->to);
    put_number(json, "churn_risk", change->churn_risk);
    put_number(json, "coverage", coverage_rounded(change->coverage));
    put_text(json, "lifecycle_stage", change->lifecycle_stage);
    put_texts(json, "segments", change->segments, change->segments_count);
    put_text(json, "reasons_of", change->reasons_of);
    put_reasons(json, change);
    put_because(json, change);
    put_instant(json, "previous_since", change->previous_since_ms);
    put_facts(json, &change->facts);
    put_cause(json, &change->cause, origin);
    put_text(json, "ruleset", change->ruleset);
    put_text(json, "playbook", change->playbook);
    json_key(json, "origin");
    json_put_string(json, change->backfill ? "BACKFILL" : "LIVE");
    if (origin != NULL)
        put_instant(json, "decided_at", origin->decided_at_ms);
    json_close_object(json);
}

static void put_scores(struct json *json, const struct status *status) {
    json_key(json, "scores");
    json_open_object(json);
    for (uint32_t i = 0; i < status->scores_count; i++) {
        const struct score_status *score = &status->scores[i];
        json_key_text(json, score->name);
        json_open_object(json);
        put_number(json, "value", score->value);
        put_number(json, "coverage", coverage_rounded(score->coverage));
        json_close_object(json);
    }
    json_close_object(json);
}

static void put_dimensions(struct json *json, const struct status *status) {
    json_key(json, "dimensions");
    json_open_object(json);
    for (uint32_t i = 0; i < status->dimensions_count; i++) {
        const struct dimension_status *dimension = &status->dimensions[i];
        json_key_text(json, dimension->name);
        json_open_object(json);
        put_text(json, "value", dimension->value);
        put_instant(json, "since", dimension->since_ms);
        json_close_object(json);
    }
    json_close_object(json);
}

static void put_memberships(struct json *json, const struct status *status) {
    json_key(json, "segments");
    json_open_array(json);
    for (uint32_t i = 0; i < status->segments_count; i++) {
        json_open_object(json);
        put_text(json, "name", status->segments[i].name);
        put_instant(json, "since", status->segments[i].since_ms);
        json_close_object(json);
    }
    json_close_array(json);
}

static void put_entries(struct json *json, const struct event *event) {
    json_open_object(json);
    for (uint32_t i = 0; i < event->entries_count; i++) {
        json_key_text(json, event->entries[i].key);
        json_put_text(json, event->entries[i].value);
    }
    json_close_object(json);
}

static void put_field(struct json *json, const struct event *event, uint32_t index) {
    const struct field *field = &stream_schemas[event->stream].fields[index];
    json_key_text(json, field->name);
    if (field->type == FIELD_MAP)
        put_entries(json, event);
    else if (!event_has(event, index))
        json_put_null(json);
    else if (field->type == FIELD_STRING)
        json_put_text(json, event->fields[index].text);
    else if (field->type == FIELD_ENUM)
        json_put_text(json, field->symbols[(uint32_t)event->fields[index].number]);
    else if (field->type == FIELD_INSTANT)
        json_put_instant(json, (int64_t)event->fields[index].number);
    else if (field->type == FIELD_BOOLEAN)
        json_put_boolean(json, event->fields[index].number != 0);
    else
        json_put_number(json, event->fields[index].number);
}

static bool is_written(const struct event *event, uint32_t index) {
    bool is_map = stream_schemas[event->stream].fields[index].type == FIELD_MAP;
    return is_map ? event->entries_count > 0 : event_has(event, index);
}

void event_write_json(const struct event *event, struct buffer *out) {
    const struct stream_schema *schema = &stream_schemas[event->stream];
    struct json writer = {out, false}, *json = &writer;
    json_open_object(json);
    put_text(json, "stream", schema->name);
    if (event->tombstone) {
        put_text(json, "account_id", event->account_id);
        put_instant(json, "updated_at", event->time_ms);
        json_key(json, "deleted");
        json_put_boolean(json, true);
    }
    for (uint32_t i = 0; !event->tombstone && i < schema->fields_count; i++)
        if (is_written(event, i))
            put_field(json, event, i);
    json_close_object(json);
}

/* All that the account's record held but its id, which the status has already. */
static void put_account(struct json *json, const struct status *status) {
    json_key(json, "facts");
    if (!status->has_facts) {
        json_put_null(json);
        return;
    }
    const struct stream_schema *schema = &stream_schemas[STREAM_ACCOUNT];
    json_open_object(json);
    for (uint32_t i = 0; i < schema->fields_count; i++)
        if (i != schema->account_id)
            put_field(json, &status->facts, i);
    json_close_object(json);
}

void status_write_json(const struct status *status, struct buffer *out) {
    assert(!status->erased);
    struct json writer = {out, false}, *json = &writer;
    json_open_object(json);
    put_text(json, "account_id", status->account_id);
    json_key(json, "sequence");
    json_put_integer(json, (int64_t)status->sequence);
    put_instant(json, "at", status->at_ms);
    put_text(json, "ruleset", status->ruleset);
    put_scores(json, status);
    put_dimensions(json, status);
    put_memberships(json, status);
    put_account(json, status);
    json_close_object(json);
}
