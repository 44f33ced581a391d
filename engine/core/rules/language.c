#include "engine/core/rules/language.h"

#include <assert.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define COMPARISON(sign, number_operation, text_operation, has_order) \
    { TEXT(sign), LEVEL_COMPARISON, number_operation, text_operation, has_order, "compared with" }

const struct word_row language_words[WORDS] = {
    [WORD_NONE] = {TEXT(""), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_OR] = {TEXT("or"), LEVEL_OR, OP_OR, OP_OR, false, NULL},
    [WORD_AND] = {TEXT("and"), LEVEL_AND, OP_AND, OP_AND, false, NULL},
    [WORD_NOT] = {TEXT("not"), LEVEL_NONE, OP_NOT, OP_NOT, false, NULL},
    [WORD_IN] = {TEXT("in"), LEVEL_COMPARISON, OP_IN, OP_IN_TEXT, false, "looked for among"},
    [WORD_WHERE] = {TEXT("where"), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_TRUE] = {TEXT("true"), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_FALSE] = {TEXT("false"), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_EQUAL] = COMPARISON("==", OP_EQUAL, OP_EQUAL_TEXT, false),
    [WORD_NOT_EQUAL] = COMPARISON("!=", OP_NOT_EQUAL, OP_NOT_EQUAL_TEXT, false),
    [WORD_LESS_EQUAL] = COMPARISON("<=", OP_LESS_EQUAL, 0, true),
    [WORD_GREATER_EQUAL] = COMPARISON(">=", OP_GREATER_EQUAL, 0, true),
    [WORD_LESS] = COMPARISON("<", OP_LESS, 0, true),
    [WORD_GREATER] = COMPARISON(">", OP_GREATER, 0, true),
    [WORD_PLUS] = {TEXT("+"), LEVEL_SUM, OP_ADD, 0, false, "plus"},
    [WORD_MINUS] = {TEXT("-"), LEVEL_SUM, OP_SUBTRACT, 0, false, "minus"},
    [WORD_TIMES] = {TEXT("*"), LEVEL_PRODUCT, OP_MULTIPLY, 0, false, "times"},
    [WORD_DIVIDED] = {TEXT("/"), LEVEL_PRODUCT, OP_DIVIDE, 0, false, "divided by"},
    [WORD_OPEN] = {TEXT("("), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_CLOSE] = {TEXT(")"), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_OPEN_BRACKET] = {TEXT("["), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_CLOSE_BRACKET] = {TEXT("]"), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_COMMA] = {TEXT(","), LEVEL_NONE, 0, 0, false, NULL},
    [WORD_POINT] = {TEXT("."), LEVEL_NONE, 0, 0, false, NULL},
};

enum word word_find(struct text text) {
    for (enum word word = WORD_NONE + 1; word < WORDS; word++)
        if (text_equal(language_words[word].text, text))
            return word;
    return WORD_NONE;
}

const char *type_name(enum value_type type) {
    static const char *const names[] = {
        [TYPE_NUMBER] = "a number",     [TYPE_BOOLEAN] = "true or false", [TYPE_STRING] = "a string",
        [TYPE_DURATION] = "a duration", [TYPE_INSTANT] = "an instant",
    };
    return names[type];
}

const char *types_name(uint32_t types) {
    switch (types) {
    case TYPES_ANY:
        return "a value";
    case TYPES_ORDERED:
        return "a number, a duration or an instant";
    case BIT(TYPE_NUMBER) | BIT(TYPE_DURATION):
        return "a number or a duration";
    case BIT(TYPE_NUMBER) | BIT(TYPE_DURATION) | BIT(TYPE_BOOLEAN):
        return "a number, a duration, or true or false";
    default:
        for (enum value_type type = TYPE_NUMBER; type <= TYPE_INSTANT; type++)
            if (types == BIT(type))
                return type_name(type);
        assert(!"a set of types that no row of the tables has");
        return "";
    }
}

enum value_type field_value_type(const struct field *field) {
    switch (field->type) {
    case FIELD_INSTANT:
        return TYPE_INSTANT;
    case FIELD_LONG:
    case FIELD_INT:
    case FIELD_DOUBLE:
        return TYPE_NUMBER;
    case FIELD_BOOLEAN:
        return TYPE_BOOLEAN;
    default:
        return TYPE_STRING;
    }
}

bool arithmetic_type(enum word sign, enum value_type left, enum value_type right, enum value_type *ret_type) {
    static const struct {
        enum word sign;
        enum value_type left, right, result;
    } rows[] = {
        {WORD_PLUS, TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER},
        {WORD_PLUS, TYPE_DURATION, TYPE_DURATION, TYPE_DURATION},
        {WORD_PLUS, TYPE_INSTANT, TYPE_DURATION, TYPE_INSTANT},
        {WORD_PLUS, TYPE_DURATION, TYPE_INSTANT, TYPE_INSTANT},
        {WORD_MINUS, TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER},
        {WORD_MINUS, TYPE_DURATION, TYPE_DURATION, TYPE_DURATION},
        {WORD_MINUS, TYPE_INSTANT, TYPE_DURATION, TYPE_INSTANT},
        {WORD_MINUS, TYPE_INSTANT, TYPE_INSTANT, TYPE_DURATION},
        {WORD_TIMES, TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER},
        {WORD_TIMES, TYPE_DURATION, TYPE_NUMBER, TYPE_DURATION},
        {WORD_TIMES, TYPE_NUMBER, TYPE_DURATION, TYPE_DURATION},
        {WORD_DIVIDED, TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER},
        {WORD_DIVIDED, TYPE_DURATION, TYPE_NUMBER, TYPE_DURATION},
        {WORD_DIVIDED, TYPE_DURATION, TYPE_DURATION, TYPE_NUMBER},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].sign != sign || rows[i].left != left || rows[i].right != right)
            continue;
        *ret_type = rows[i].result;
        return true;
    }
    return false;
}

#define STRINGS BIT(TYPE_STRING)

const struct function_row language_functions[] = {
    {TEXT("missing"), "missing(x)", 1, TYPES_ANY, false, TYPE_BOOLEAN, OP_MISSING, OP_MISSING_TEXT, false},
    {TEXT("coalesce"), "coalesce(x, y)", 2, TYPES_ANY, true, 0, OP_COALESCE, OP_COALESCE_TEXT, false},
    {TEXT("min2"), "min2(x, y)", 2, TYPES_ORDERED, true, 0, OP_MIN2, 0, false},
    {TEXT("max2"), "max2(x, y)", 2, TYPES_ORDERED, true, 0, OP_MAX2, 0, false},
    {TEXT("abs"), "abs(x)", 1, BIT(TYPE_NUMBER) | BIT(TYPE_DURATION), true, 0, OP_ABS, 0, false},
    {TEXT("number"), "number(text)", 1, STRINGS, false, TYPE_NUMBER, 0, OP_NUMBER_OF, false},
    {TEXT("instant"), "instant(text)", 1, STRINGS, false, TYPE_INSTANT, 0, OP_INSTANT_OF, false},
    {TEXT("age"), "age(instant)", 1, BIT(TYPE_INSTANT), false, TYPE_DURATION, OP_AGE, 0, true},
    {TEXT("until"), "until(instant)", 1, BIT(TYPE_INSTANT), false, TYPE_DURATION, OP_UNTIL, 0, true},
};
const uint32_t language_functions_count = COUNT_OF(language_functions);

#define SIMPLE(row_name, row_field, row_windows, row_kind, row_operation)                       \
    .name = TEXT(row_name), .field = (row_field), .windows = (row_windows), .kind = (row_kind), \
    .operation = (row_operation), .stream = STREAMS

const struct aggregate_row language_aggregates[] = {
    {SIMPLE("count", FIELD_NOT_TAKEN, 1, AGGREGATE_COUNT, OP_COUNT), .takes_where = true,
     .usage = "count(login, 7d) or count(login where succeeded, 7d)"},
    {SIMPLE("sum", FIELD_NUMERIC, 1, AGGREGATE_SUM, OP_SUM), .takes_where = true,
     .usage = "sum(usage.quantity, 7d) or sum(usage.quantity where feature == \"search\", 7d)"},
    {SIMPLE("avg", FIELD_NUMERIC, 1, AGGREGATE_SUM, OP_SUM), .takes_where = true, .per_event = true,
     .usage = "avg(usage.quantity, 7d) or avg(usage.quantity where feature == \"search\", 7d)"},
    {SIMPLE("min", FIELD_NUMERIC, 1, AGGREGATE_MIN, OP_MIN), .takes_where = true,
     .usage = "min(nps.score, 90d) or min(nps.score where missing(comment), 90d)"},
    {SIMPLE("max", FIELD_NUMERIC, 1, AGGREGATE_MAX, OP_MAX), .takes_where = true,
     .usage = "max(nps.score, 90d) or max(nps.score where missing(comment), 90d)"},
    {SIMPLE("distinct", FIELD_ANY, 1, AGGREGATE_DISTINCT, OP_DISTINCT), .takes_where = true,
     .usage = "distinct(login.user_id, 30d) or distinct(login.user_id where succeeded, 30d)"},
    {SIMPLE("last", FIELD_ANY, 0, AGGREGATE_LAST, OP_LAST_NUMBER), .takes_where = true, .gives_the_field = true,
     .usage = "last(nps.score) or last(nps.score where missing(comment))"},
    {SIMPLE("since", FIELD_NOT_TAKEN, 0, AGGREGATE_NEWEST, OP_SINCE), .takes_where = true, .result = TYPE_DURATION,
     .usage = "since(login) or since(login where succeeded)"},
    {SIMPLE("since_first", FIELD_NOT_TAKEN, 0, AGGREGATE_OLDEST, OP_SINCE_FIRST), .result = TYPE_DURATION,
     .usage = "since_first(usage)"},
    {SIMPLE("trend", FIELD_NOT_TAKEN, 2, AGGREGATE_COUNT, OP_TREND), .takes_where = true,
     .usage = "trend(usage, 7d, 28d) or trend(usage where feature == \"search\", 7d, 28d)"},
    {.name = TEXT("open"),
     .kind = AGGREGATE_OPEN,
     .operation = OP_OPEN,
     .stream = STREAM_TICKET,
     .takes_where = true,
     .usage = "open(ticket) or open(ticket where severity == \"URGENT\")"},
};
const uint32_t language_aggregates_count = COUNT_OF(language_aggregates);

const struct membership_row language_memberships[MEMBERSHIPS] = {
    [MEMBERSHIP_IN_SEGMENT] = {TEXT("in_segment"), "in_segment(name)", TYPE_BOOLEAN, false},
    [MEMBERSHIP_TIME_IN] = {TEXT("time_in"), "time_in(name)", TYPE_DURATION, true},
};

struct callable callable_find(struct text name) {
    for (uint32_t i = 0; i < language_functions_count; i++)
        if (text_equal(language_functions[i].name, name))
            return (struct callable){.function = &language_functions[i]};
    for (uint32_t i = 0; i < language_aggregates_count; i++)
        if (text_equal(language_aggregates[i].name, name))
            return (struct callable){.aggregate = &language_aggregates[i]};
    for (uint32_t i = 0; i < MEMBERSHIPS; i++)
        if (text_equal(language_memberships[i].name, name))
            return (struct callable){.membership = &language_memberships[i]};
    return (struct callable){NULL, NULL, NULL};
}

bool name_is_reserved(struct text name) {
    struct callable callable = callable_find(name);
    return word_find(name) != WORD_NONE || stream_find(name) != STREAMS || callable.function != NULL ||
           callable.aggregate != NULL || callable.membership != NULL;
}

uint32_t callable_names(struct text ret_names[CALLABLE_NAMES_MAX]) {
    static_assert(COUNT_OF(language_functions) + COUNT_OF(language_aggregates) + MEMBERSHIPS <= CALLABLE_NAMES_MAX,
                  "room for all");
    uint32_t count = 0;
    for (uint32_t i = 0; i < language_functions_count; i++)
        ret_names[count++] = language_functions[i].name;
    for (uint32_t i = 0; i < language_aggregates_count; i++)
        ret_names[count++] = language_aggregates[i].name;
    for (uint32_t i = 0; i < MEMBERSHIPS; i++)
        ret_names[count++] = language_memberships[i].name;
    return count;
}
