/* What the engine says: a change, with its reasons, and the account's status after the evaluation that made it. Plain
 * data. Every text and array is borrowed (from the account's state, the event, the program): valid until the engine's
 * next call. Numbers that are null are NaN, texts that are null are missing, instants that are null are INSTANT_NONE.
 * The fields are those of section "A change" in docs/rules.md, in its order. */
#pragma once

#include "engine/core/event.h"

#define INSTANT_NONE   INT64_MIN
#define REASONS_MAX    3
#define CONDITIONS_MAX 8

enum change_kind { CHANGE_MOVED, CHANGE_ENTERED, CHANGE_EXITED };
enum cause_kind { CAUSE_EVENT, CAUSE_TICK, CAUSE_RULES_CHANGED, CAUSE_ACCOUNT_DELETED };

enum operand_kind { OPERAND_NULL, OPERAND_NUMBER, OPERAND_TEXT, OPERAND_BOOLEAN };

struct operand {
    enum operand_kind kind;
    double number; /* durations and instants in milliseconds; a boolean as 0 or 1 */
    struct text text;
};

/* A condition of the deciding expression, as it was valued. */
struct because {
    struct text condition;
    struct operand left, right;
    bool holds;
};

struct reason {
    struct text signal;
    double value;        /* durations in milliseconds, booleans as 0 or 1 */
    double contribution; /* points of a weighted score, log-odds of a logistic one; rounded to 2 decimals */
};

/* The facts that a change carries; `known` is false before any came. */
struct change_facts {
    bool known;
    struct text name, owner, plan, currency;
    double arr;
};

struct cause {
    enum cause_kind kind;
    enum stream stream;   /* CAUSE_EVENT: of the record */
    struct text event_id; /* CAUSE_EVENT: missing for facts */
    struct place place;   /* CAUSE_EVENT, CAUSE_ACCOUNT_DELETED */
};

struct change {
    struct text account_id;
    uint64_t sequence;
    int64_t at_ms;
    enum change_kind kind;
    struct text subject;
    struct text from, to;
    double churn_risk, coverage;
    struct text lifecycle_stage;
    const struct text *segments;
    uint32_t segments_count;
    struct text reasons_of;
    struct reason reasons[REASONS_MAX];
    uint32_t reasons_count;
    struct because because[CONDITIONS_MAX];
    uint32_t because_count;
    int64_t previous_since_ms;
    struct change_facts facts;
    struct cause cause;
    struct text ruleset;
    struct text playbook;
    bool backfill; /* origin BACKFILL, else LIVE */
};

struct score_status {
    struct text name;
    double value, coverage;
};

struct dimension_status {
    struct text name, value;
    int64_t since_ms;
};

struct segment_status {
    struct text name;
    int64_t since_ms;
};

/* An account as it stands after an evaluation; `erased`: after a tombstone, all else but id and sequence is empty. */
struct status {
    struct text account_id;
    bool erased;
    uint64_t sequence;
    int64_t at_ms;
    struct text ruleset;
    const struct score_status *scores;
    uint32_t scores_count;
    const struct dimension_status *dimensions;
    uint32_t dimensions_count;
    const struct segment_status *segments; /* those it is in */
    uint32_t segments_count;
    bool has_facts;
    struct event facts; /* STREAM_ACCOUNT's fields as they came last */
};
