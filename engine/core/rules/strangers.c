#include "engine/core/rules/strangers.h"

#include <stddef.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Those that begin like another stand before it. */
static const struct stranger signs[] = {
    {TEXT("==="), "write `==`"},
    {TEXT("=~"), "there are no patterns; compare with `==`, or `in [...]`"},
    {TEXT("=>"), "write `>=`"},
    {TEXT("=<"), "write `<=`"},
    {TEXT("="), "to compare, write `==`"},
    {TEXT("<>"), "write `!=`"},
    {TEXT("&&"), "write `and`"},
    {TEXT("&"), "write `and`"},
    {TEXT("||"), "write `or`"},
    {TEXT("|"), "write `or`"},
    {TEXT("!"), "write `not`, or `!=` to compare"},
    {TEXT("%"), "write a share as a number: 0.2 for 20 %"},
    {TEXT("^"), "multiply instead"},
    {TEXT("{"), "a list is written in brackets: [\"a\", \"b\"]"},
    {TEXT("}"), "a list is written in brackets: [\"a\", \"b\"]"},
    {TEXT(";"), "arguments are separated by `,`"},
    {TEXT(":"), "a key and its value belong to YAML, not into an expression"},
    {TEXT("?"), "a choice is written as the cases of a dimension"},
    {TEXT("$"), "names are written as they are"},
    {TEXT("@"), "names are written as they are"},
    {TEXT("#"), "a comment stands outside of the quotes"},
    {TEXT("`"), "strings are written in \" or '"},
    {TEXT("\xE2\x80\x9C"), "strings are written in straight quotes, \" or '"},
    {TEXT("\xE2\x80\x9D"), "strings are written in straight quotes, \" or '"},
    {TEXT("\xE2\x80\x9E"), "strings are written in straight quotes, \" or '"},
    {TEXT("\xE2\x80\x98"), "strings are written in straight quotes, \" or '"},
    {TEXT("\xE2\x80\x99"), "strings are written in straight quotes, \" or '"},
    {TEXT("\xE2\x89\xA5"), "write `>=`"},
    {TEXT("\xE2\x89\xA4"), "write `<=`"},
    {TEXT("\xE2\x89\xA0"), "write `!=`"},
    {TEXT("\xC2\xA0"), "this is a space that does not break lines; write a plain one"},
};

#define ASK_MISSING "whether x has no value is asked by missing(x)"
#define ASK_AGE     "how long ago an instant was is age(x), how long it is until then until(x)"
#define ASK_CASES   "a choice is written as the cases of a dimension, a value in place of a missing one as coalesce(x, y)"

static const struct stranger names[] = {
    {TEXT("null"), ASK_MISSING},    {TEXT("NULL"), ASK_MISSING},      {TEXT("nil"), ASK_MISSING},
    {TEXT("none"), ASK_MISSING},    {TEXT("None"), ASK_MISSING},      {TEXT("undefined"), ASK_MISSING},
    {TEXT("now"), ASK_AGE},         {TEXT("today"), ASK_AGE},         {TEXT("True"), "write `true`"},
    {TEXT("TRUE"), "write `true`"}, {TEXT("False"), "write `false`"}, {TEXT("FALSE"), "write `false`"},
};

static const struct stranger calls[] = {
    {TEXT("if"), ASK_CASES},
    {TEXT("case"), ASK_CASES},
    {TEXT("iff"), ASK_CASES},
    {TEXT("ifnull"), ASK_CASES},
    {TEXT("now"), ASK_AGE},
    {TEXT("today"), ASK_AGE},
    {TEXT("is_null"), ASK_MISSING},
    {TEXT("isnull"), ASK_MISSING},
    {TEXT("is_missing"), ASK_MISSING},
    {TEXT("exists"), ASK_MISSING},
    {TEXT("average"), "write avg(usage.quantity, 7d)"},
    {TEXT("mean"), "write avg(usage.quantity, 7d)"},
    {TEXT("total"), "write sum(usage.quantity, 7d)"},
    {TEXT("unique"), "write distinct(login.user_id, 30d)"},
    {TEXT("count_distinct"), "write distinct(login.user_id, 30d)"},
    {TEXT("first"), "how long ago the first event was is since_first(usage)"},
    {TEXT("date"), "a string that writes an instant is read by instant(text)"},
    {TEXT("timestamp"), "a string that writes an instant is read by instant(text)"},
    {TEXT("int"), "a string that writes a number is read by number(text)"},
    {TEXT("float"), "a string that writes a number is read by number(text)"},
    {TEXT("segment"), "write in_segment(name)"},
};

#define SMALL_LETTERS "the words `or`, `and`, `not` and `in` are written in small letters"
#define WHOLE_STRINGS "strings are compared as a whole, with `==`, `!=` and `in [...]`"
#define ADD_A_UNIT    "a duration is one word, as in 7d or 2w"

static const struct stranger operators[] = {
    {TEXT("OR"), SMALL_LETTERS},
    {TEXT("Or"), SMALL_LETTERS},
    {TEXT("AND"), SMALL_LETTERS},
    {TEXT("And"), SMALL_LETTERS},
    {TEXT("NOT"), SMALL_LETTERS},
    {TEXT("IN"), SMALL_LETTERS},
    {TEXT("is"), "to compare, write `==`"},
    {TEXT("equals"), "to compare, write `==`"},
    {TEXT("eq"), "to compare, write `==`"},
    {TEXT("contains"), WHOLE_STRINGS},
    {TEXT("like"), WHOLE_STRINGS},
    {TEXT("LIKE"), WHOLE_STRINGS},
    {TEXT("matches"), WHOLE_STRINGS},
    {TEXT("starts"), WHOLE_STRINGS},
    {TEXT("between"), "write x >= a and x <= b"},
    {TEXT("then"), ASK_CASES},
    {TEXT("if"), ASK_CASES},
    {TEXT("ms"), ADD_A_UNIT},
    {TEXT("s"), ADD_A_UNIT},
    {TEXT("m"), ADD_A_UNIT},
    {TEXT("h"), ADD_A_UNIT},
    {TEXT("d"), ADD_A_UNIT},
    {TEXT("w"), ADD_A_UNIT},
    {TEXT("minute"), ADD_A_UNIT},
    {TEXT("minutes"), ADD_A_UNIT},
    {TEXT("hour"), ADD_A_UNIT},
    {TEXT("hours"), ADD_A_UNIT},
    {TEXT("day"), ADD_A_UNIT},
    {TEXT("days"), ADD_A_UNIT},
    {TEXT("week"), ADD_A_UNIT},
    {TEXT("weeks"), ADD_A_UNIT},
    {TEXT("month"), ADD_A_UNIT},
    {TEXT("months"), ADD_A_UNIT},
};

const struct stranger *stranger_sign(struct text rest) {
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (rest.size >= signs[i].text.size && memcmp(rest.data, signs[i].text.data, signs[i].text.size) == 0)
            return &signs[i];
    return NULL;
}

static const struct stranger *find(const struct stranger *strangers, size_t count, struct text name) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(strangers[i].text, name))
            return &strangers[i];
    return NULL;
}

const struct stranger *stranger_name(struct text name) {
    return find(names, COUNT_OF(names), name);
}

const struct stranger *stranger_call(struct text name) {
    return find(calls, COUNT_OF(calls), name);
}

const struct stranger *stranger_operator(struct text word) {
    return find(operators, COUNT_OF(operators), word);
}
