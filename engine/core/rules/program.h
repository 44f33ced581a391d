/* A rules file, checked and compiled: a flat program over registers, and the tables beside it. Immutable once made,
 * shared by all threads; it lives in the arena that it was compiled into.
 *
 * Values. A register holds a number (also durations and instants in milliseconds, and booleans as 0 or 1; missing is
 * NaN). A text (missing is TEXT_MISSING) takes two of them and is named by the first, so that accounts' registers
 * (engine/core/desk.h) take little room. Which of the two it is is known when the rules are compiled. Every instruction
 * that makes a number makes NaN of any result that is not finite.
 *
 * Registers are written once in an evaluation: [0, constants_count) hold the constants, all others are the result of
 * one instruction or are set by the engine (a score's result, a dimension's value, ...). So equal expressions share
 * their registers, and after an evaluation every condition's operands still stand in theirs. */
#pragma once

#include <assert.h>
#include <string.h>

#include "base/instant.h"
#include "engine/core/event.h"

#define REGISTER_NONE     UINT16_MAX
#define REGISTERS_MAX     16000
#define WINDOW_SLICES_MAX 4000
#define SLOTS_MAX         4000 /* aggregates, dimensions and segments together */
#define OPEN_FILTERS_MAX  32

#define DIMENSION_VALUE_MAX 4096 /* bytes; a longer value of `value_of` is taken as missing */
#define NAME_SIZE_MAX       1024 /* of a metric, score, dimension or segment */
/* names of scores, dimensions and segments, and dimensions' values */
#define DECISIONS_BYTES_MAX (256 * 1024)

union value {
    double number;
    uint64_t bits;
};

#define TEXT_REGISTERS (sizeof(struct text) / sizeof(union value))
static_assert(TEXT_REGISTERS == 2, "a text takes two registers");

static inline struct text text_in_register(const union value *registers, uint32_t at) {
    struct text text;
    memcpy(&text, &registers[at], sizeof text);
    return text;
}

static inline void set_text_in_register(union value *registers, uint32_t at, struct text text) {
    memcpy(&registers[at], &text, sizeof text);
}

enum operation {
    /* target <- left, right: numbers; missing where an operand is */
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_MIN2,
    OP_MAX2,
    OP_NEGATE, /* left */
    OP_ABS,    /* left */
    /* target <- left unless it is missing, else right */
    OP_COALESCE,
    OP_COALESCE_TEXT,
    /* target <- of left and right the lesser or the greater; where one is missing, the other */
    OP_LEAST_PRESENT,
    OP_GREATEST_PRESENT,
    /* target <- boolean; false where an operand is missing */
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_EQUAL_TEXT,
    OP_NOT_EQUAL_TEXT,
    OP_IN, /* left in the constants [right, right + extra) */
    OP_IN_TEXT,
    OP_AND, /* missing is false */
    OP_OR,
    OP_AND3, /* left, right and extra */
    OP_OR3,
    OP_NOT,
    OP_MISSING,      /* left */
    OP_MISSING_TEXT, /* left */
    OP_PRESENT,      /* left */
    OP_PRESENT_TEXT, /* left */
    /* target <- of the text in left */
    OP_NUMBER_OF,
    OP_INSTANT_OF,
    /* target <- a field of the event (filters only) or of the account's facts; left: the field's index */
    OP_EVENT_NUMBER,
    OP_EVENT_TEXT,
    OP_EVENT_ENUM,  /* the symbol's text */
    OP_EVENT_ENTRY, /* of the stream's map; right: constant register of the key */
    OP_FACT_NUMBER,
    OP_FACT_TEXT,
    OP_FACT_ENUM,
    OP_FACT_ENTRY,
    /* target <- of the aggregate in left, looked at from its stream's instant; right: the window's slices */
    OP_COUNT,
    OP_SUM,
    OP_MIN,
    OP_MAX,
    OP_DISTINCT,
    OP_TREND, /* of a count; right: W, extra: B, in slices */
    OP_LAST_NUMBER,
    OP_LAST_TEXT,
    OP_LAST_ENUM,
    OP_SINCE,       /* of AGGREGATE_NEWEST: a duration, never negative */
    OP_SINCE_FIRST, /* of AGGREGATE_OLDEST */
    OP_OPEN,
    /* target <- duration between now and the instant in left */
    OP_AGE,   /* now - left */
    OP_UNTIL, /* left - now */
};

/* How many of `left`, `right` and `extra` are registers whose values it looks at; constants in a row do not count. */
static inline uint32_t operands_of(enum operation operation) {
    switch (operation) {
    case OP_NEGATE:
    case OP_ABS:
    case OP_IN:
    case OP_IN_TEXT:
    case OP_NOT:
    case OP_MISSING:
    case OP_MISSING_TEXT:
    case OP_PRESENT:
    case OP_PRESENT_TEXT:
    case OP_NUMBER_OF:
    case OP_INSTANT_OF:
    case OP_AGE:
    case OP_UNTIL:
        return 1;
    case OP_AND3:
    case OP_OR3:
        return 3;
    default:
        return operation < OP_EVENT_NUMBER ? 2 : 0;
    }
}

static inline bool makes_text(enum operation operation) {
    switch (operation) {
    case OP_COALESCE_TEXT:
    case OP_EVENT_TEXT:
    case OP_EVENT_ENUM:
    case OP_EVENT_ENTRY:
    case OP_FACT_TEXT:
    case OP_FACT_ENUM:
    case OP_FACT_ENTRY:
    case OP_LAST_TEXT:
    case OP_LAST_ENUM:
        return true;
    default:
        return false;
    }
}

struct instruction {
    uint16_t operation;
    uint16_t target, left, right, extra;
};

struct code {
    const struct instruction *instructions;
    uint32_t count;
};

enum aggregate_kind {
    AGGREGATE_COUNT, /* of the matching events (that have the field, where one is given) */
    AGGREGATE_SUM,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_DISTINCT,
    AGGREGATE_LAST,   /* value and time of the newest matching event that has the field */
    AGGREGATE_NEWEST, /* time of the newest matching event */
    AGGREGATE_OLDEST, /* time of the oldest event */
    AGGREGATE_OPEN,   /* tickets whose newest record is open and matches */
};

/* Where an event's value for an aggregate stands. */
enum value_source {
    SOURCE_NONE,   /* the event itself counts */
    SOURCE_NUMBER, /* a field: numbers, booleans, instants, enums */
    SOURCE_TEXT,
    SOURCE_ENTRY, /* of the stream's map: a text */
};

/* What is remembered of an account's events. One for each distinct (kind, stream, field, key, filter, slice): all rules
 * share it, and the longest window wins. */
struct aggregate {
    enum aggregate_kind kind;
    enum stream stream;
    uint8_t field; /* index in the stream's fields; FIELDS_MAX: none */
    enum value_source source;
    struct text key;        /* of a map field, else missing */
    uint16_t filter;        /* boolean register of the stream's filter code; REGISTER_NONE: every event */
    uint16_t open_index;    /* AGGREGATE_OPEN: its bit in a ticket's mask */
    int64_t slice_ms;       /* HOUR or DAY; 0: no window */
    uint32_t window_slices; /* the longest that any rule looks at (trend: W + B) */
    uint32_t window_slices_least;
    uint64_t fingerprint; /* of the normalised definition, without the window */
};

enum value_type { TYPE_NUMBER, TYPE_BOOLEAN, TYPE_STRING, TYPE_DURATION, TYPE_INSTANT };

/* A condition of an expression, as `because` lists it. The operands of anything but a comparison are REGISTER_NONE. */
struct condition {
    struct text text; /* from the first to the last token */
    uint16_t left, right;
    enum value_type left_type, right_type;
    uint16_t holds; /* boolean register */
};

/* A boolean expression that decides something. */
struct expression {
    uint16_t result;                    /* boolean register; REGISTER_NONE: not given */
    const struct condition *conditions; /* the first CONDITIONS_MAX, in the order of their text */
    uint32_t conditions_count;
};

struct curve_point {
    double x, y;
};

struct signal {
    struct text name;
    uint16_t value;       /* register */
    enum value_type type; /* number, boolean or duration */
    uint16_t when;        /* boolean register; REGISTER_NONE: always */
    const struct curve_point *curve;
    uint32_t curve_count; /* 0: y is the value */
    int8_t direction;     /* of the curve: 1: it never falls, -1: it never rises; 0 */
    double weight;
    double default_value; /* logistic: y where the value is missing */
};

enum score_method { SCORE_WEIGHTED, SCORE_LOGISTIC };

struct score {
    struct text name, title, about;
    enum score_method method;
    double bias, min_coverage;
    const struct signal *signals;
    uint32_t signals_count;
    uint32_t code_end; /* run the code up to here, then decide */
    uint16_t result;   /* set by the engine: the rounded score */
};

struct dimension_case {
    struct text value;      /* missing where `value_of` is given */
    uint16_t value_of;      /* text register; REGISTER_NONE */
    struct expression when; /* result REGISTER_NONE: always (the last) */
    bool urgent;
    uint8_t number; /* that stands for the value in a state (decision.h); 0: none does */
};

struct band {
    struct text name;
    double lower;
};

struct playbook {
    struct text value, name;
};

struct dimension {
    struct text name, title, about;
    const struct dimension_case *cases; /* cases, or score and bands */
    uint32_t cases_count;
    uint16_t score; /* index; REGISTER_NONE: by cases */
    const struct band *bands;
    uint32_t bands_count;
    double hysteresis;
    int64_t min_dwell_ms;
    const struct playbook *playbooks;
    uint32_t playbooks_count;
    uint32_t code_end;
    uint16_t result;  /* set by the engine: text, the new value */
    uint16_t time_in; /* set by the engine: duration; REGISTER_NONE where no rule asks */
    uint64_t name_hash;
};

struct segment {
    struct text name, title, about;
    struct expression when, until; /* `until` may be not given */
    int64_t for_ms, min_dwell_ms, cooldown_ms;
    struct text playbook; /* missing: none */
    uint32_t code_end;
    uint16_t inside;  /* set by the engine: boolean; REGISTER_NONE where no rule asks */
    uint16_t time_in; /* set by the engine: duration, missing outside; REGISTER_NONE where no rule asks */
    uint64_t name_hash;
    uint64_t count_hash; /* of when, until and cooldown: where it is the same, a count for `for` goes on */
};

struct program {
    struct text ruleset;
    uint64_t hash; /* of all that matters to an outcome: not of comments, layout, titles, or the ruleset's label */
    int64_t tick_ms;
    int64_t lateness_ms;
    bool lateness_given; /* where not: 0 in replay, 5 minutes in run */
    uint32_t duplicate_ids;
    int64_t future_tolerance_ms;
    int64_t stall_after_ms[STREAMS]; /* 0: not given */
    const union value *constants;
    uint32_t constants_count, registers_count;
    struct code code;             /* of an evaluation */
    struct code filters[STREAMS]; /* run once for each event of the stream */
    const struct aggregate *aggregates;
    uint32_t aggregates_count;
    const uint16_t *aggregates_of[STREAMS]; /* the indices of a stream's, ascending */
    uint32_t aggregates_of_count[STREAMS];
    const struct score *scores;
    uint32_t scores_count;
    const struct dimension *dimensions;
    uint32_t dimensions_count;
    const struct segment *segments;
    uint32_t segments_count;
    uint16_t churn_risk;      /* index of the score of that name; REGISTER_NONE */
    uint16_t lifecycle_stage; /* index of the dimension of that name; REGISTER_NONE */
};
