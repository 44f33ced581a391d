/* The tables of the rules language: its words and signs, its functions, its aggregates, what arithmetic means between
 * types. Lexer, parser, checker, compiler, messages and the documentation of the language take them from here; a new
 * function or aggregate is a new row. Constant data. */
#pragma once

#include "engine/core/rules/program.h"

#define NESTING_MAX             100
#define SLICES_OF_AN_HOUR_UP_TO (48 * HOUR)

/* Words and signs. Their order is that of `language_words`. */
enum word {
    WORD_NONE,
    WORD_OR,
    WORD_AND,
    WORD_NOT,
    WORD_IN,
    WORD_WHERE,
    WORD_TRUE,
    WORD_FALSE,
    WORD_EQUAL,
    WORD_NOT_EQUAL,
    WORD_LESS_EQUAL,
    WORD_GREATER_EQUAL,
    WORD_LESS,
    WORD_GREATER,
    WORD_PLUS,
    WORD_MINUS,
    WORD_TIMES,
    WORD_DIVIDED,
    WORD_OPEN,
    WORD_CLOSE,
    WORD_OPEN_BRACKET,
    WORD_CLOSE_BRACKET,
    WORD_COMMA,
    WORD_POINT,
    WORDS,
};

/* How tightly an operator binds, loosest first. */
enum level {
    LEVEL_NONE, /* no operator */
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARISON,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_NEGATION,
};

struct word_row {
    struct text text;
    enum level level;              /* as an operator between two operands */
    enum operation operation;      /* of numbers, booleans, durations and instants */
    enum operation operation_text; /* of strings, where there is one */
    bool ordered;                  /* compares types that have an order */
    const char *between;           /* "a duration <between> a number", in messages */
};

extern const struct word_row language_words[WORDS];

/* The word or sign of that text, or WORD_NONE. */
enum word word_find(struct text text);

/* Sets of value types. */
#define BIT(type)     (1u << (type))
#define TYPES_ORDERED (BIT(TYPE_NUMBER) | BIT(TYPE_DURATION) | BIT(TYPE_INSTANT))
#define TYPES_ANY     (TYPES_ORDERED | BIT(TYPE_BOOLEAN) | BIT(TYPE_STRING))

/* "a number", "an instant". */
const char *type_name(enum value_type type);
/* The types of a set: "a number, a duration or an instant". */
const char *types_name(uint32_t types);

/* What a field's values are in an expression. Not of a map, whose entries are strings. */
enum value_type field_value_type(const struct field *field);

/* `left sign right` of sums and products; false where it has no meaning. */
bool arithmetic_type(enum word sign, enum value_type left, enum value_type right, enum value_type *ret_type);

#define FUNCTION_PARAMETERS_MAX 2

struct function_row {
    struct text name;
    const char *usage;
    uint32_t parameters_count;
    uint32_t parameters; /* the types that each may have */
    bool same_type;      /* all parameters have one type, which is the result's */
    enum value_type result;
    enum operation operation, operation_text;
    bool needs_now; /* not in a filter */
};

extern const struct function_row language_functions[];
extern const uint32_t language_functions_count;

enum aggregate_field {
    FIELD_NOT_TAKEN, /* count(S ...) */
    FIELD_NUMERIC,   /* sum(S.f ...) */
    FIELD_ANY,
};

struct aggregate_row {
    struct text name;
    const char *usage;
    enum aggregate_field field;
    bool takes_where;
    uint32_t windows;     /* how many durations it takes */
    enum stream stream;   /* the one that it is about; STREAMS: any */
    bool gives_the_field; /* the result has the field's type, else `result` */
    enum value_type result;
    enum aggregate_kind kind;
    enum operation operation;
    bool per_event; /* divided by the count of the events that have the field */
};

extern const struct aggregate_row language_aggregates[];
extern const uint32_t language_aggregates_count;

/* Calls that take the name of a dimension or segment. */
struct membership_row {
    struct text name;
    const char *usage;
    enum value_type result;
    bool of_dimension; /* also of a dimension, not of a segment alone */
};

enum { MEMBERSHIP_IN_SEGMENT, MEMBERSHIP_TIME_IN, MEMBERSHIPS };
extern const struct membership_row language_memberships[MEMBERSHIPS];

/* What is written between parentheses after a name. */
struct callable {
    const struct function_row *function;
    const struct aggregate_row *aggregate;
    const struct membership_row *membership;
};

/* The row of that name; all are NULL where there is none. */
struct callable callable_find(struct text name);

/* Whether the name is taken by the language: a word, a call or a stream. */
bool name_is_reserved(struct text name);

#define CALLABLE_NAMES_MAX 40
/* The names of all calls, for "did you mean"; returns how many. */
uint32_t callable_names(struct text ret_names[CALLABLE_NAMES_MAX]);
