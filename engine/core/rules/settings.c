#include "engine/core/rules/settings.h"

#include <assert.h>
#include <math.h>

#include "base/number.h"

#define KEYS_MAX        16
#define DURATION_MS_MAX ((double)(INT64_C(36500) * DAY))

static const char *node_name(const struct node *node) {
    switch (node->kind) {
    case NODE_MAPPING:
        return "a mapping";
    case NODE_SEQUENCE:
        return "a list";
    default:
        return node->text.size == 0 ? "nothing" : "a single value";
    }
}

static bool is_nothing(const struct node *node) {
    return node->kind == NODE_SCALAR && node->text.size == 0 && !node->quoted;
}

bool settings_any_mapping(struct report *report, const char *what, const struct node *node) {
    if (node->kind == NODE_MAPPING || is_nothing(node))
        return true;
    report_problem(report, node_position(node), "%s is a mapping of keys to values, %s is found", what,
                   node_name(node));
    return false;
}

static void report_unknown_key(struct report *report, const struct subject *subject, const struct node *key,
                               const struct key *keys, uint32_t keys_count) {
    struct text names[KEYS_MAX], list = TEXT("");
    for (uint32_t i = 0; i < keys_count; i++) {
        names[i] = keys[i].name;
        list = arena_printf(report->arena, "%.*s%s%.*s", TEXT_ARGUMENTS(list), i == 0 ? "" : ", ",
                            TEXT_ARGUMENTS(names[i]));
        report->memory_out |= text_is_missing(list);
    }
    struct text shown = report_shown(report, key->text);
    bool is_cut = memchr(key->text.data, ')', key->text.size) != NULL ||
                  memchr(key->text.data, ']', key->text.size) != NULL;
    struct text advice = report_nearest(report, key->text, names, keys_count);
    if (is_cut)
        advice = TEXT("; inside { } an expression that holds a comma or a bracket must be in quotes");
    else if (advice.size == 0)
        advice = arena_printf(report->arena, "; the keys here are %.*s", TEXT_ARGUMENTS(list));
    report->memory_out |= text_is_missing(advice);
    struct text name = report_shown(report, subject->name);
    if (text_is_missing(subject->name))
        report_problem(report, node_position(key), "%s has no key `%.*s`%.*s", subject->kind, TEXT_ARGUMENTS(shown),
                       TEXT_ARGUMENTS(advice));
    else
        report_problem(report, node_position(key), "%s `%.*s` has no key `%.*s`%.*s", subject->kind,
                       TEXT_ARGUMENTS(name), TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(advice));
}

static void report_missing_key(struct report *report, const struct subject *subject, const struct key *key) {
    struct text name = report_shown(report, subject->name);
    if (text_is_missing(subject->name))
        report_problem(report, subject->position, "%s needs the key `%.*s`: %s", subject->kind,
                       TEXT_ARGUMENTS(key->name), key->required);
    else
        report_problem(report, subject->position, "%s `%.*s` needs the key `%.*s`: %s", subject->kind,
                       TEXT_ARGUMENTS(name), TEXT_ARGUMENTS(key->name), key->required);
}

static uint32_t find_key(const struct key *keys, uint32_t keys_count, struct text name) {
    uint32_t i = 0;
    while (i < keys_count && !text_equal(keys[i].name, name))
        i++;
    return i;
}

bool settings_mapping(struct report *report, const struct subject *subject, const struct node *node,
                      const struct key *keys, uint32_t keys_count, const struct node **ret_values) {
    assert(keys_count <= KEYS_MAX);
    if (node->kind != NODE_MAPPING && !is_nothing(node)) {
        struct text shown = report_shown(report, subject->name);
        report_problem(report, node_position(node), "%s%s%.*s%s is a mapping of keys to values, %s is found",
                       subject->kind, text_is_missing(shown) ? "" : " `", TEXT_ARGUMENTS(shown),
                       text_is_missing(shown) ? "" : "`", node_name(node));
        return false;
    }
    for (uint32_t i = 0; i < keys_count; i++)
        ret_values[i] = NULL;
    for (uint32_t i = 0; i < node->count; i++) {
        uint32_t key = find_key(keys, keys_count, node->keys[i]->text);
        if (key == keys_count)
            report_unknown_key(report, subject, node->keys[i], keys, keys_count);
        else
            ret_values[key] = node->values[i];
    }
    for (uint32_t i = 0; i < keys_count; i++)
        if (ret_values[i] == NULL && keys[i].required != NULL)
            report_missing_key(report, subject, &keys[i]);
    return true;
}

/* The scalar's text as a message shows it; false (reported) where it is none. */
static bool read_scalar(struct report *report, const char *what, const char *expected, const struct node *node,
                        struct text *ret_shown) {
    if (node->kind == NODE_SCALAR && node->text.size > 0) {
        *ret_shown = report_shown(report, node->text);
        return true;
    }
    report_problem(report, node_position(node), "`%s` is %s, %s is found", what, expected, node_name(node));
    return false;
}

bool settings_text(struct report *report, const char *what, const struct node *node, struct text *ret_text) {
    struct text shown;
    if (node == NULL)
        return true;
    if (!read_scalar(report, what, "text", node, &shown))
        return false;
    *ret_text = node->text;
    return true;
}

bool settings_number(struct report *report, const char *what, const struct node *node, double *ret_number) {
    struct text shown;
    if (node == NULL)
        return true;
    if (!read_scalar(report, what, "a number", node, &shown))
        return false;
    if (number_parse(node->text, ret_number))
        return true;
    report_problem(report, node_position(node), "`%s` is a number, `%.*s` is found", what, TEXT_ARGUMENTS(shown));
    return false;
}

bool settings_count(struct report *report, const char *what, const struct node *node, uint32_t most,
                    uint32_t *ret_count) {
    double number;
    if (node == NULL)
        return true;
    if (!settings_number(report, what, node, &number))
        return false;
    if (number >= 0 && number <= most && number == floor(number)) {
        *ret_count = (uint32_t)number;
        return true;
    }
    report_problem(report, node_position(node), "`%s` is a whole number from 0 to %u, `%.*s` is found", what, most,
                   TEXT_ARGUMENTS(node->text));
    return false;
}

bool settings_duration(struct report *report, const char *what, const struct node *node, int64_t *ret_duration_ms) {
    struct text shown;
    double duration_ms, number;
    if (node == NULL)
        return true;
    if (!read_scalar(report, what, "a duration such as 24h", node, &shown))
        return false;
    if (!duration_parse(node->text, &duration_ms)) {
        if (number_parse(node->text, &number))
            report_problem(report, node_position(node), "`%s` is a duration%s: `%.*s` %s, as in `24h` or `7d`", what,
                           number < 0 ? " of 0 or more" : "", TEXT_ARGUMENTS(shown),
                           number < 0 ? "is less" : "needs a unit (ms, s, m, h, d, w)");
        else
            report_problem(report, node_position(node),
                           "`%s` is a duration, a number and one of the units ms, s, m, h, d, w; `%.*s` is found", what,
                           TEXT_ARGUMENTS(shown));
        return false;
    }
    if (duration_ms != floor(duration_ms) || duration_ms > DURATION_MS_MAX) {
        report_problem(report, node_position(node), "`%s` is %s; `%.*s` is not", what,
                       duration_ms > DURATION_MS_MAX ? "a duration of up to 36500d" : "a whole number of milliseconds",
                       TEXT_ARGUMENTS(shown));
        return false;
    }
    *ret_duration_ms = (int64_t)duration_ms;
    return true;
}

bool settings_boolean(struct report *report, const char *what, const struct node *node, bool *ret_boolean) {
    struct text shown;
    if (node == NULL)
        return true;
    if (!read_scalar(report, what, "true or false", node, &shown))
        return false;
    if (!text_equals(node->text, "true") && !text_equals(node->text, "false")) {
        report_problem(report, node_position(node), "`%s` is `true` or `false`, `%.*s` is found", what,
                       TEXT_ARGUMENTS(shown));
        return false;
    }
    *ret_boolean = text_equals(node->text, "true");
    return true;
}
