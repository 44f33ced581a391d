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
    report_problem(report, node_position(node), "%s is a mapping of keys to values, %s is found%s", what,
                   node_name(node), node->kind == NODE_SEQUENCE ? "; write each as `name:`, without a dash" : "");
    return false;
}

/* "score `churn_risk`", or the kind alone. */
static struct text subject_text(struct report *report, const struct subject *subject) {
    struct text text = text_of(subject->kind);
    if (!text_is_missing(subject->name)) {
        struct text name = report_shown(report, subject->name);
        text = arena_printf(report->arena, "%s `%.*s`", subject->kind, TEXT_ARGUMENTS(name));
    }
    report->memory_out |= text_is_missing(text);
    return text;
}

static struct text key_choice(struct report *report, struct text wanted, const struct key *keys, uint32_t keys_count) {
    struct text names[KEYS_MAX];
    for (uint32_t i = 0; i < keys_count; i++)
        names[i] = keys[i].name;
    return report_choice(report, wanted, "key", names, keys_count);
}

/* Whether the key is what YAML cut off an expression at a comma: `count(login, 7d)` inside { }. */
static bool is_cut_off(struct text key) {
    return memchr(key.data, ')', key.size) != NULL || memchr(key.data, ']', key.size) != NULL;
}

static void report_unknown_key(struct report *report, const struct subject *subject, const struct node *key,
                               const struct key *keys, uint32_t keys_count) {
    struct text shown = report_shown(report, key->text), subject_shown = subject_text(report, subject);
    struct text choice = key_choice(report, key->text, keys, keys_count);
    report_problem(report, node_position(key), "%.*s has no key `%.*s`%.*s", TEXT_ARGUMENTS(subject_shown),
                   TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(choice));
}

/* False where a key shows that the mapping is not what was meant. */
static bool check_cut_off(struct report *report, const struct node *node) {
    for (uint32_t i = 0; i < node->count; i++) {
        if (!is_cut_off(node->keys[i]->text))
            continue;
        struct text shown = report_shown(report, node->keys[i]->text);
        report_problem(
            report, node_position(node->keys[i]),
            "`%.*s` was cut off from what stands before it: inside { } an expression that holds a comma or a "
            "bracket must be in quotes",
            TEXT_ARGUMENTS(shown));
        return false;
    }
    return true;
}

static void report_missing_key(struct report *report, const struct subject *subject, const struct key *key) {
    struct text shown = subject_text(report, subject);
    report_problem(report, subject->position, "%.*s needs the key `%.*s`: %s", TEXT_ARGUMENTS(shown),
                   TEXT_ARGUMENTS(key->name), key->required);
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
        struct text shown = subject_text(report, subject), choice = key_choice(report, TEXT(""), keys, keys_count);
        report_problem(report, node_position(node), "%.*s is a mapping of keys to values, %s is found%.*s",
                       TEXT_ARGUMENTS(shown), node_name(node), TEXT_ARGUMENTS(choice));
        return false;
    }
    if (!check_cut_off(report, node))
        return false;
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
    report_problem(report, node_position(node), "%s is %s, %s is found", what, expected, node_name(node));
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
    report_problem(report, node_position(node), "%s is a number, `%.*s` is found", what, TEXT_ARGUMENTS(shown));
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
    report_problem(report, node_position(node), "%s is a whole number from 0 to %u, `%.*s` is found", what, most,
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
        bool negative = node->text.data[0] == '-';
        bool is_number = number_parse(node->text, &number);
        report_problem(report, node_position(node),
                       negative    ? "%s cannot be negative, `%.*s` is found"
                       : is_number ? "%s is a duration and needs a unit (ms, s, m, h, d or w), `%.*s` has none"
                                   : "%s is a duration, a number with a unit (ms, s, m, h, d or w) as in `24h`, "
                                     "`%.*s` is found",
                       what, TEXT_ARGUMENTS(shown));
        return false;
    }
    if (duration_ms != floor(duration_ms) || duration_ms > DURATION_MS_MAX) {
        report_problem(report, node_position(node), "%s is %s; `%.*s` is not", what,
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
        report_problem(report, node_position(node), "%s is `true` or `false`, `%.*s` is found", what,
                       TEXT_ARGUMENTS(shown));
        return false;
    }
    *ret_boolean = text_equals(node->text, "true");
    return true;
}
