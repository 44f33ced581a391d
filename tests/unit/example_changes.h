/* Changes, a status and events with something in every field, for the tests of what writes them. */
#pragma once

#include <math.h>

#include "engine/core/change.h"

#define EXAMPLE_AT_MS    INT64_C(1715731441086) /* 2024-05-15T00:04:01.086Z */
#define EXAMPLE_SINCE_MS INT64_C(1714521600000) /* 2024-05-01T00:00:00.000Z */

static inline struct change example_move(void) {
    static const struct text segments[] = {TEXT("seg_3"), TEXT("power_2")};
    return (struct change){
        .account_id = TEXT("acme \"4\""),
        .sequence = 7,
        .at_ms = EXAMPLE_AT_MS,
        .kind = CHANGE_MOVED,
        .subject = TEXT("risk_band"),
        .from = TEXT("low"),
        .to = TEXT("high"),
        .churn_risk = 71.25,
        .coverage = 0.83742,
        .lifecycle_stage = TEXT("established"),
        .segments = segments,
        .segments_count = 2,
        .reasons_of = TEXT("churn_risk"),
        .reasons = {{TEXT("silence"), 691200000, 55.53}, {TEXT("decline"), 1.0 / 3, 15.72}},
        .reasons_count = 2,
        .because =
            {{TEXT("account.plan != \"free\""), {OPERAND_TEXT, 0, TEXT("team")}, {OPERAND_TEXT, 0, TEXT("free")}, true},
             {TEXT("login.succeeded == true"),
              {OPERAND_BOOLEAN, 0, TEXT_MISSING},
              {OPERAND_BOOLEAN, 1, TEXT_MISSING},
              false},
             {TEXT("churn_risk > 70"), {OPERAND_NUMBER, 71.25, TEXT_MISSING}, {OPERAND_NUMBER, 70, TEXT_MISSING}, true},
             {.condition = TEXT("missing(account.arr)")}},
        .because_count = 4,
        .previous_since_ms = EXAMPLE_SINCE_MS,
        .facts = {true, TEXT("Acme"), TEXT_MISSING, TEXT("team"), TEXT("EUR"), 12000.5},
        .cause = {CAUSE_EVENT, STREAM_LOGIN, TEXT("l5"), {2, 815, EXAMPLE_AT_MS}},
        .ruleset = TEXT("2026-11-01"),
        .playbook = TEXT("rescue"),
    };
}

static inline struct change example_exit_of_an_erased_account(void) {
    return (struct change){
        .account_id = TEXT("a"),
        .sequence = 8,
        .at_ms = EXAMPLE_AT_MS,
        .kind = CHANGE_EXITED,
        .subject = TEXT("silent"),
        .churn_risk = NAN,
        .coverage = NAN,
        .previous_since_ms = EXAMPLE_SINCE_MS,
        .facts = {.arr = NAN},
        .cause = {.kind = CAUSE_ACCOUNT_DELETED, .place = {3, 4711, EXAMPLE_AT_MS}},
        .ruleset = TEXT("2026-11-01"),
        .backfill = true,
    };
}

static inline struct event example_account(void) {
    static const struct map_entry attributes[] = {{TEXT("segment"), TEXT("smb")}};
    struct event event = {.stream = STREAM_ACCOUNT, .account_id = TEXT("a"), .time_ms = EXAMPLE_SINCE_MS};
    event.fields[0].text = TEXT("a");
    event.fields[1].number = EXAMPLE_SINCE_MS;
    event.fields[FACT_NAME].text = TEXT("Acme");
    event.fields[3].number = 3; /* CANCELLED */
    event.fields[FACT_ARR].number = 12000.5;
    event.fields[7].number = 25; /* seats */
    event.present = 1u << 0 | 1u << 1 | 1u << FACT_NAME | 1u << 3 | 1u << FACT_ARR | 1u << 7;
    event.entries = attributes;
    event.entries_count = 1;
    return event;
}

static inline struct status example_status(void) {
    static const struct score_status scores[] = {{TEXT("churn_risk"), 71.25, 0.83742}, {TEXT("health"), NAN, 0}};
    static const struct dimension_status dimensions[] = {{TEXT("tier"), TEXT("gold"), EXAMPLE_SINCE_MS}};
    static const struct segment_status segments[] = {{TEXT("silent"), EXAMPLE_SINCE_MS}};
    return (struct status){
        .account_id = TEXT("a"),
        .sequence = 9,
        .at_ms = EXAMPLE_AT_MS,
        .ruleset = TEXT("2026-11-01"),
        .scores = scores,
        .scores_count = 2,
        .dimensions = dimensions,
        .dimensions_count = 1,
        .segments = segments,
        .segments_count = 1,
        .has_facts = true,
        .facts = example_account(),
    };
}

/* An event of the stream with every field that must be there, and of tickets some more. */
static inline struct event example_event(enum stream stream) {
    const struct stream_schema *schema = &stream_schemas[stream];
    struct event event = {.stream = stream, .account_id = TEXT("acme"), .time_ms = EXAMPLE_SINCE_MS};
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        const struct field *field = &schema->fields[i];
        if (field->nullable || field->type == FIELD_MAP)
            continue;
        event.present |= 1u << i;
        if (field->type == FIELD_STRING)
            event.fields[i].text = field->name;
        else
            event.fields[i].number = field->has_default ? field->default_number : 1;
    }
    event.fields[schema->time].number = EXAMPLE_SINCE_MS;
    event.fields[schema->account_id].text = event.account_id;
    if (schema->event_id < FIELDS_MAX)
        event.fields[schema->event_id].text = event.event_id = TEXT("e1");
    if (stream == STREAM_TICKET) {
        event.fields[TICKET_ID].text = TEXT("t1");
        event.fields[TICKET_ACTION].number = TICKET_ESCALATED;
        event.fields[6].number = 3; /* URGENT */
        event.fields[7].number = 5; /* satisfaction */
        event.present |= 1u << 7;
    }
    return event;
}
