/* An expression as a tree. Made by parse*.c in the arena; names are resolved and types filled in by check.c; read by
 * compile.c. Long chains are flat, so a tree is never deeper than NESTING_MAX allows. */
#pragma once

#include "base/document.h"
#include "engine/core/rules/language.h"

/* Where an expression is written: a YAML scalar's value, and the place of each of its bytes in the file. */
struct source {
    struct text text;
    const struct position *places; /* text.size + 1 */
};

/* Bytes [start, end) of the source. */
struct span {
    uint32_t start, end;
};

static inline struct text span_text(const struct source *source, struct span span) {
    return (struct text){source->text.data + span.start, span.end - span.start};
}

enum tree_kind {
    TREE_LITERAL,
    TREE_NAME,       /* a metric, score or dimension; in a filter, one of the event's fields */
    TREE_FIELD,      /* stream.field: of `account` a fact, of others only inside a call */
    TREE_CHAIN,      /* operands joined by operators of one level, from left to right */
    TREE_NOT,        /* one operand */
    TREE_NEGATE,     /* one operand */
    TREE_COMPARISON, /* two operands */
    TREE_IN,         /* the operand, then the literals it is looked for among */
    TREE_CALL,       /* of a function; the operands are its arguments */
    TREE_AGGREGATE,
    TREE_MEMBERSHIP, /* in_segment(name), time_in(name) */
};

/* What a TREE_NAME, TREE_FIELD or TREE_MEMBERSHIP stands for; set by check.c. */
enum meaning {
    MEANING_NONE,
    MEANING_METRIC,
    MEANING_SCORE,
    MEANING_DIMENSION,
    MEANING_SEGMENT,
    MEANING_FACT,        /* index: the field of the account stream */
    MEANING_EVENT_FIELD, /* index: the field of the filter's stream */
};

struct tree {
    enum tree_kind kind;
    struct span span;    /* without parentheses around it */
    struct span outside; /* with them */
    struct tree *operands, *next;
    uint32_t operands_count;
    enum word sign;   /* of a comparison */
    enum word joined; /* of a chain's operand: what stands in front of it (the first: WORD_NONE) */

    struct text name; /* TREE_NAME, TREE_FIELD (the stream's), TREE_MEMBERSHIP, calls */
    struct span name_span;
    struct text field; /* TREE_FIELD; TREE_AGGREGATE: missing where none is written */
    struct span field_span;
    struct text key; /* of a map's entry; missing where none is written */
    struct span key_span;

    double number;    /* literal: number, duration, boolean */
    struct text text; /* literal: string */

    const struct function_row *function;
    const struct aggregate_row *aggregate;
    const struct membership_row *membership;
    struct tree *where;   /* TREE_AGGREGATE */
    struct tree *windows; /* TREE_AGGREGATE: literals, linked by `next` */
    uint32_t windows_count;

    /* Filled in by check.c. */
    enum value_type type; /* of literals by parse.c */
    enum meaning meaning;
    uint32_t index;              /* among the things of its meaning */
    const struct field *symbols; /* the enum field whose symbol this is, or NULL */
    enum stream stream;          /* TREE_AGGREGATE */
    uint32_t field_index;        /* TREE_AGGREGATE: FIELDS_MAX where none */
    int64_t slice_ms;            /* TREE_AGGREGATE: 0 where there is no window */
    uint32_t slices[2];          /* TREE_AGGREGATE: of each window */
    uint64_t hash;               /* of its meaning: equal for expressions that mean the same */
};
