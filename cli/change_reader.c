#include "cli/change_reader.h"

#include <math.h>

#include "base/instant.h"

static struct text text_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return TEXT_MISSING;
    return (struct text){json_string_value(value), (uint32_t)json_string_length(value)};
}

static double number_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int64_t integer_at(const json_t *object, const char *key, int64_t otherwise) {
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static int64_t instant_at(const json_t *object, const char *key) {
    int64_t instant_ms;
    return instant_parse(text_at(object, key), &instant_ms) ? instant_ms : INSTANT_NONE;
}

static struct operand operand_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    if (json_is_boolean(value))
        return (struct operand){.kind = OPERAND_BOOLEAN, .number = json_is_true(value)};
    if (json_is_number(value))
        return (struct operand){.kind = OPERAND_NUMBER, .number = json_number_value(value)};
    if (json_is_string(value))
        return (struct operand){.kind = OPERAND_TEXT, .text = text_at(object, key)};
    return (struct operand){.kind = OPERAND_NULL};
}

static void read_segments(const json_t *tree, struct published_change *published) {
    const json_t *segments = json_object_get(tree, "segments");
    uint32_t *count = &published->change.segments_count;
    for (size_t i = 0; i < json_array_size(segments) && *count < CHANGE_SEGMENTS_MAX; i++) {
        const json_t *name = json_array_get(segments, i);
        if (json_is_string(name))
            published->segments[(*count)++] = (struct text){json_string_value(name),
                                                            (uint32_t)json_string_length(name)};
    }
    published->change.segments = published->segments;
}

static void read_reasons(const json_t *tree, struct change *change) {
    const json_t *reasons = json_object_get(tree, "reasons");
    for (size_t i = 0; i < json_array_size(reasons) && change->reasons_count < REASONS_MAX; i++) {
        const json_t *reason = json_array_get(reasons, i);
        change->reasons[change->reasons_count++] = (struct reason){
            .signal = text_at(reason, "signal"),
            .value = number_at(reason, "value"),
            .contribution = number_at(reason, "contribution"),
        };
    }
}

static void read_because(const json_t *tree, struct change *change) {
    const json_t *conditions = json_object_get(tree, "because");
    for (size_t i = 0; i < json_array_size(conditions) && change->because_count < CONDITIONS_MAX; i++) {
        const json_t *condition = json_array_get(conditions, i);
        change->because[change->because_count++] = (struct because){
            .condition = text_at(condition, "condition"),
            .left = operand_at(condition, "left"),
            .right = operand_at(condition, "right"),
            .holds = json_is_true(json_object_get(condition, "holds")),
        };
    }
}

static struct change_facts read_facts(const json_t *tree) {
    const json_t *facts = json_object_get(tree, "facts");
    return (struct change_facts){
        .known = json_is_object(facts),
        .name = text_at(facts, "name"),
        .owner = text_at(facts, "owner"),
        .plan = text_at(facts, "plan"),
        .currency = text_at(facts, "currency"),
        .arr = number_at(facts, "arr"),
    };
}

static bool read_kind(const json_t *tree, enum change_kind *ret_kind) {
    struct text name = text_at(tree, "kind");
    for (enum change_kind kind = CHANGE_MOVED; kind <= CHANGE_EXITED; kind++) {
        if (text_equals(name, change_kind_name(kind))) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

static bool read_cause(const json_t *tree, struct published_change *published) {
    const json_t *object = json_object_get(tree, "cause");
    struct text name = text_at(object, "kind");
    struct cause *cause = &published->change.cause;
    *cause = (struct cause){
        .stream = stream_find(text_at(object, "stream")),
        .event_id = text_at(object, "event_id"),
        .place = {.partition = (int32_t)integer_at(object, "partition", -1),
                  .offset = integer_at(object, "offset", -1)},
    };
    published->origin.cause_topic = text_at(object, "topic");
    for (cause->kind = CAUSE_EVENT; cause->kind <= CAUSE_ACCOUNT_DELETED; cause->kind++)
        if (text_equals(name, cause_kind_name(cause->kind)))
            return cause->kind != CAUSE_EVENT || cause->stream < STREAMS;
    return false;
}

enum result change_read(const json_t *tree, struct published_change *ret_change, struct error *error) {
    struct change *change = &ret_change->change;
    ret_change->origin = (struct change_origin){.decided_at_ms = instant_at(tree, "decided_at")};
    *change = (struct change){
        .account_id = text_at(tree, "account_id"),
        .sequence = (uint64_t)integer_at(tree, "sequence", 0),
        .at_ms = instant_at(tree, "at"),
        .subject = text_at(tree, "subject"),
        .from = text_at(tree, "from"),
        .to = text_at(tree, "to"),
        .churn_risk = number_at(tree, "churn_risk"),
        .coverage = number_at(tree, "coverage"),
        .lifecycle_stage = text_at(tree, "lifecycle_stage"),
        .reasons_of = text_at(tree, "reasons_of"),
        .previous_since_ms = instant_at(tree, "previous_since"),
        .facts = read_facts(tree),
        .ruleset = text_at(tree, "ruleset"),
        .playbook = text_at(tree, "playbook"),
        .backfill = text_equals(text_at(tree, "origin"), "BACKFILL"),
    };
    read_segments(tree, ret_change);
    read_reasons(tree, change);
    read_because(tree, change);
    if (text_is_missing(change->account_id) || text_is_missing(change->subject) || change->at_ms == INSTANT_NONE ||
        !read_kind(tree, &change->kind) || !read_cause(tree, ret_change))
        return error_set(error, RESULT_REJECT,
                         "the value is no change: account, time, kind, subject or cause is missing");
    return RESULT_OK;
}
