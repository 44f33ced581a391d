#include <math.h>

#include "base/number.h"
#include "engine/core/rules/file.h"

#define MIN_COVERAGE_DEFAULT 0.5

/* --- Curves --- */

/* The x of a point: of a duration's curve a duration, which may be negative; else a number. */
static bool read_x(struct file *file, const struct node *node, enum value_type type, double *ret_x) {
    struct text text = node->text;
    bool negative = node->kind == NODE_SCALAR && text.size > 0 && text.data[0] == '-';
    struct text unsigned_text = negative ? (struct text){text.data + 1, text.size - 1} : text;
    struct text shown = report_shown(file->report, text);
    double x, other;
    bool is_duration = node->kind == NODE_SCALAR && duration_parse(unsigned_text, &x);
    bool is_number = node->kind == NODE_SCALAR && number_parse(text, &other);
    if (type == TYPE_DURATION && is_duration)
        *ret_x = negative ? -x : x;
    else if (type != TYPE_DURATION && is_number)
        *ret_x = other;
    else if (type == TYPE_DURATION && is_number)
        report_problem(
            file->report, node_position(node),
            "the signal's value is a duration, so each x of its curve needs a unit: write `%.*sd`, or `%.*sh`",
            TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown));
    else if (is_duration)
        report_problem(file->report, node_position(node),
                       "the signal's value is a number, `%.*s` in its curve is a duration; write it without a unit, or "
                       "divide the value by 1d",
                       TEXT_ARGUMENTS(shown));
    else
        report_problem(file->report, node_position(node), "the x of a curve's point is a %s, %s%.*s%s is found",
                       type == TYPE_DURATION ? "duration" : "number", text.size > 0 ? "`" : "",
                       TEXT_ARGUMENTS(text.size > 0 ? shown : TEXT("something else")), text.size > 0 ? "`" : "");
    return type == TYPE_DURATION ? is_duration : is_number;
}

static bool read_point(struct file *file, const struct node *node, enum value_type type,
                       struct curve_point *ret_point) {
    if (node->kind != NODE_SEQUENCE || node->count != 2) {
        report_problem(file->report, node_position(node), "a curve's point is a pair [x, y], as in [%s, 0.5]",
                       type == TYPE_DURATION ? "7d" : "3");
        return false;
    }
    bool good = read_x(file, node->values[0], type, &ret_point->x);
    if (!settings_number(file->report, "the y of a curve's point", node->values[1], &ret_point->y))
        return false;
    if (ret_point->y >= 0 && ret_point->y <= 1)
        return good;
    report_problem(file->report, node_position(node->values[1]),
                   "the y of a curve's point is from 0 to 1; `%.*s` is not", TEXT_ARGUMENTS(node->values[1]->text));
    return false;
}

static void read_curve(struct file *file, const struct node *node, enum value_type type, struct signal *ret_signal) {
    if (node->kind != NODE_SEQUENCE || node->count == 0) {
        report_problem(file->report, node_position(node), "`curve` is a list of points [x, y], as in [[0, 0], [%s, 1]]",
                       type == TYPE_DURATION ? "30d" : "10");
        return;
    }
    struct curve_point *points = report_alloc(file->report, node->count * sizeof *points);
    bool before_is_good = false;
    for (uint32_t i = 0; points != NULL && i < node->count; i++) {
        bool good = read_point(file, node->values[i], type, &points[i]);
        if (good && before_is_good && points[i].x <= points[i - 1].x)
            report_problem(file->report, node_position(node->values[i]->values[0]),
                           "the x of a curve's points must grow: `%.*s` comes after `%.*s`",
                           TEXT_ARGUMENTS(node->values[i]->values[0]->text),
                           TEXT_ARGUMENTS(node->values[i - 1]->values[0]->text));
        before_is_good = good;
    }
    ret_signal->curve = points;
    ret_signal->curve_count = node->count;
}

/* --- Signals --- */

enum { VALUE, CURVE, WEIGHT, DEFAULT, WHEN, SIGNAL_KEYS };
static const struct key signal_keys[SIGNAL_KEYS] = {
    [VALUE] = {TEXT("value"), "the expression that is looked at, such as value: since(login)"},
    [CURVE] = {TEXT("curve"), NULL},
    [WEIGHT] = {TEXT("weight"), "how much the signal counts beside the others, such as weight: 10"},
    [DEFAULT] = {TEXT("default"), NULL},
    [WHEN] = {TEXT("when"), NULL},
};

static void read_weight(struct file *file, const struct score *score, const struct node *node, double *ret_weight) {
    if (!settings_number(file->report, "`weight`", node, ret_weight) || node == NULL)
        return;
    if (score->method == SCORE_WEIGHTED && *ret_weight < 0)
        report_problem(file->report, node_position(node),
                       "the weights of a weighted score are 0 or more, `%.*s` is less; turn the curve round, or use "
                       "method: logistic",
                       TEXT_ARGUMENTS(node->text));
}

static void read_signal(struct file *file, const struct scope *scope, const struct score *score,
                        const struct node *name, const struct node *node, struct checked_signal *ret_signal) {
    const struct node *values[SIGNAL_KEYS];
    struct subject subject = {"signal", name->text, node_position(name)};
    struct signal *signal = &ret_signal->signal;
    signal->name = name->text;
    signal->weight = NAN; /* until it is read */
    if (!settings_mapping(file->report, &subject, node, signal_keys, SIGNAL_KEYS, values))
        return;
    rules_read_expression(file, scope, "the value of a signal",
                          BIT(TYPE_NUMBER) | BIT(TYPE_DURATION) | BIT(TYPE_BOOLEAN), values[VALUE], &ret_signal->value);
    rules_read_expression(file, scope, "the `when` of a signal", BIT(TYPE_BOOLEAN), values[WHEN], &ret_signal->when);
    read_weight(file, score, values[WEIGHT], &signal->weight);
    settings_number(file->report, "`default`", values[DEFAULT], &signal->default_value);
    if (values[DEFAULT] != NULL && score->method == SCORE_WEIGHTED)
        report_problem(
            file->report, node_position(values[DEFAULT]),
            "only the signals of a logistic score have a `default`; a weighted score leaves a missing signal out");
    const struct tree *tree = ret_signal->value.tree;
    if (tree == NULL)
        return;
    signal->type = tree->type;
    if (values[CURVE] != NULL)
        read_curve(file, values[CURVE], tree->type, signal);
    else if (tree->type == TYPE_DURATION)
        report_problem(file->report, node_position(name),
                       "the value of signal `%.*s` is a duration, which needs a curve from durations to 0..1, as in "
                       "curve: [[1d, 0], [30d, 1]]",
                       TEXT_ARGUMENTS(name->text));
}

static void read_signals(struct file *file, uint32_t index, const struct node *name, const struct node *node,
                         struct checked_score *score) {
    struct scope scope = {file->rules, MEANING_SCORE, file->rules->metrics_count, index, 0, 0};
    if (node == NULL || !settings_any_mapping(file->report, "`signals`", node))
        return;
    if (node->count == 0) {
        report_problem(file->report, node_position(name), "score `%.*s` has no signals", TEXT_ARGUMENTS(name->text));
        return;
    }
    score->signals = report_alloc(file->report, node->count * sizeof *score->signals);
    score->score.signals_count = score->signals == NULL ? 0 : node->count;
    double weights = 0; /* NaN where one could not be read */
    for (uint32_t i = 0; i < score->score.signals_count; i++) {
        read_signal(file, &scope, &score->score, node->keys[i], node->values[i], &score->signals[i]);
        weights += fabs(score->signals[i].signal.weight);
    }
    if (isinf(weights))
        report_problem(file->report, node_position(name),
                       "the weights of score `%.*s` add up to more than a number can be; divide them all by the same",
                       TEXT_ARGUMENTS(name->text));
    if (weights == 0 && score->score.method == SCORE_WEIGHTED)
        report_problem(file->report, node_position(name), "the weights of score `%.*s` add up to 0; one must be more",
                       TEXT_ARGUMENTS(name->text));
}

/* --- Scores --- */

static void read_method(struct file *file, const struct node *node, enum score_method *ret_method) {
    static const struct text names[] = {[SCORE_WEIGHTED] = TEXT("weighted"), [SCORE_LOGISTIC] = TEXT("logistic")};
    struct text method = TEXT_MISSING;
    if (!settings_text(file->report, "`method`", node, &method) || text_is_missing(method))
        return;
    for (enum score_method i = SCORE_WEIGHTED; i <= SCORE_LOGISTIC; i++) {
        if (!text_equal(method, names[i]))
            continue;
        *ret_method = i;
        return;
    }
    struct text shown = report_shown(file->report, method);
    report_problem(file->report, node_position(node), "`method` is weighted or logistic, `%.*s` is found",
                   TEXT_ARGUMENTS(shown));
}

enum { TITLE, ABOUT, METHOD, MIN_COVERAGE, BIAS, SIGNALS, SCORE_KEYS };
static const struct key score_keys[SCORE_KEYS] = {
    [TITLE] = {TEXT("title"), NULL},
    [ABOUT] = {TEXT("about"), NULL},
    [METHOD] = {TEXT("method"), "write method: weighted, or method: logistic"},
    [MIN_COVERAGE] = {TEXT("min_coverage"), NULL},
    [BIAS] = {TEXT("bias"), NULL},
    [SIGNALS] = {TEXT("signals"), "what the score is made of, each with value and weight"},
};

/* Keys that only one of the methods has. */
static void read_method_settings(struct file *file, const struct node *const *values, struct score *score) {
    score->min_coverage = MIN_COVERAGE_DEFAULT;
    if (score->method == SCORE_WEIGHTED && values[BIAS] != NULL)
        report_problem(file->report, node_position(values[BIAS]),
                       "only a logistic score has a `bias`, this one is weighted");
    if (score->method == SCORE_LOGISTIC && values[MIN_COVERAGE] != NULL)
        report_problem(
            file->report, node_position(values[MIN_COVERAGE]),
            "only a weighted score has a `min_coverage`; in a logistic one a missing signal has its `default`");
    settings_number(file->report, "`bias`", values[BIAS], &score->bias);
    if (settings_number(file->report, "`min_coverage`", values[MIN_COVERAGE], &score->min_coverage) &&
        values[MIN_COVERAGE] != NULL && (score->min_coverage < 0 || score->min_coverage > 1))
        report_problem(file->report, node_position(values[MIN_COVERAGE]),
                       "`min_coverage` is a share from 0 to 1; `%.*s` is not",
                       TEXT_ARGUMENTS(values[MIN_COVERAGE]->text));
}

void rules_read_score(struct file *file, uint32_t index, const struct node *name, const struct node *node) {
    const struct node *values[SCORE_KEYS];
    struct subject subject = {"score", name->text, node_position(name)};
    struct checked_score *checked = &file->rules->scores[index];
    struct score *score = &checked->score;
    score->name = name->text;
    if (!settings_mapping(file->report, &subject, node, score_keys, SCORE_KEYS, values))
        return;
    rules_read_prose(file, values[TITLE], values[ABOUT], &score->title, &score->about);
    read_method(file, values[METHOD], &score->method);
    read_method_settings(file, values, score);
    read_signals(file, index, name, values[SIGNALS], checked);
}
