#include "engine/core/rules/names.h"

#include "engine/core/rules/strangers.h"

const char *meaning_name(enum meaning meaning) {
    static const char *const names[] = {
        [MEANING_METRIC] = "metric",
        [MEANING_SCORE] = "score",
        [MEANING_DIMENSION] = "dimension",
        [MEANING_SEGMENT] = "segment",
    };
    return names[meaning];
}

const struct declaration *names_find(const struct checked_rules *rules, struct text name) {
    for (uint32_t i = 0; i < rules->declarations_count; i++)
        if (text_equal(rules->declarations[i].name, name))
            return &rules->declarations[i];
    return NULL;
}

struct text names_choice(struct report *report, const struct checked_rules *rules, const char *what, uint32_t meanings,
                         struct text name) {
    struct text *names = report_alloc(report, (rules->declarations_count + STREAMS) * sizeof *names);
    uint32_t count = 0;
    for (uint32_t i = 0; names != NULL && i < rules->declarations_count; i++)
        if ((BIT(rules->declarations[i].meaning) & meanings) != 0)
            names[count++] = rules->declarations[i].name;
    if (what != NULL)
        return report_choice(report, name, what, names, count);
    for (enum stream stream = 0; names != NULL && stream < STREAMS; stream++)
        names[count++] = stream_schemas[stream].name;
    return report_nearest(report, name, names, count);
}

/* How many of a meaning the scope sees. */
static uint32_t scope_count(const struct scope *scope, enum meaning meaning) {
    switch (meaning) {
    case MEANING_METRIC:
        return scope->metrics;
    case MEANING_SCORE:
        return scope->scores;
    case MEANING_DIMENSION:
        return scope->dimensions;
    default:
        return scope->segments;
    }
}

/* --- Circles of metrics --- */

/* Marks the metrics that the tree names. */
static void mark_named(const struct checked_rules *rules, const struct tree *tree, bool *marked) {
    if (tree == NULL)
        return;
    const struct declaration *declaration = tree->kind == TREE_NAME ? names_find(rules, tree->name) : NULL;
    if (declaration != NULL && declaration->meaning == MEANING_METRIC)
        marked[declaration->index] = true;
    for (const struct tree *operand = tree->operands; operand != NULL; operand = operand->next)
        mark_named(rules, operand, marked);
}

/* Whether the metric `from` looks at the metric `to`, through others perhaps. */
static bool metric_reaches(struct report *report, const struct checked_rules *rules, uint32_t from, uint32_t to) {
    bool *marked = report_alloc(report, rules->metrics_count), *followed = report_alloc(report, rules->metrics_count);
    if (marked == NULL || followed == NULL)
        return false;
    marked[from] = true;
    for (uint32_t i = 0; i < rules->metrics_count && !marked[to]; i++) {
        if (!marked[i] || followed[i])
            continue;
        followed[i] = true;
        mark_named(rules, rules->metrics[i].parsed, marked);
        i = UINT32_MAX; /* from the start: any may be marked now */
    }
    return marked[to];
}

/* --- Names that are not seen --- */

/* It exists, and the scope does not see it: it is of a later kind, or stands further down, or is what is declared. */
static void report_unseen(struct report *report, const struct scope *scope, const struct declaration *declaration,
                          struct position position) {
    const char *kind = meaning_name(declaration->meaning), *place = meaning_name(scope->place);
    struct text name = declaration->name;
    if (declaration->meaning > scope->place)
        report_problem(
            report, position,
            "`%.*s` is a %s, and a %s cannot look at one: metrics see metrics, scores also scores, dimensions "
            "also dimensions, segments all",
            TEXT_ARGUMENTS(name), kind, place);
    else if (declaration->index == scope_count(scope, declaration->meaning))
        report_problem(report, position,
                       "the %s `%.*s` looks at itself; it may only look at what is declared before it", kind,
                       TEXT_ARGUMENTS(name));
    else if (scope->place == MEANING_METRIC && metric_reaches(report, scope->rules, declaration->index, scope->metrics))
        report_problem(report, position,
                       "the metric `%.*s`, at line %u, looks back at this one: metrics cannot go round in a circle",
                       TEXT_ARGUMENTS(name), declaration->position.line);
    else
        report_problem(report, position,
                       "the %s `%.*s` is declared further down, at line %u; a %s only sees what is declared before it",
                       kind, TEXT_ARGUMENTS(name), declaration->position.line, place);
}

static bool scope_sees(const struct scope *scope, const struct declaration *declaration) {
    return declaration->meaning <= scope->place && declaration->index < scope_count(scope, declaration->meaning);
}

/* Nothing is called so: what people write who meant something else. */
static void report_unknown(struct report *report, const struct scope *scope, struct text name,
                           struct position position) {
    struct text shown = report_shown(report, name);
    const struct stranger *stranger = stranger_name(name);
    if (stranger != NULL) {
        report_problem(report, position, "there is no `%.*s`; %s", TEXT_ARGUMENTS(shown), stranger->advice);
        return;
    }
    if (stream_find(name) != STREAMS) {
        report_problem(
            report, position,
            "`%.*s` is a stream of many events; ask for one value of it, as in since(%.*s) or count(%.*s, 7d)",
            TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown));
        return;
    }
    if (stream_field(STREAM_ACCOUNT, name) != FIELDS_MAX) {
        report_problem(report, position,
                       "there is no metric, score or dimension `%.*s`; did you mean the fact account.%.*s?",
                       TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown));
        return;
    }
    uint32_t meanings = 0;
    for (enum meaning meaning = MEANING_METRIC; meaning <= MEANING_DIMENSION && meaning <= scope->place; meaning++)
        meanings |= BIT(meaning);
    struct text nearest = names_choice(report, scope->rules, NULL, meanings, name);
    if (nearest.size == 0)
        report_problem(report, position,
                       "there is no metric, score or dimension `%.*s`; a string is written in quotes: \"%.*s\"",
                       TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown));
    else
        report_problem(report, position, "there is no metric, score or dimension `%.*s`%.*s", TEXT_ARGUMENTS(shown),
                       TEXT_ARGUMENTS(nearest));
}

const struct declaration *names_value(struct report *report, const struct scope *scope, struct text name,
                                      struct position position) {
    const struct declaration *declaration = names_find(scope->rules, name);
    if (declaration == NULL) {
        report_unknown(report, scope, name, position);
        return NULL;
    }
    if (declaration->meaning == MEANING_SEGMENT && scope->place == MEANING_SEGMENT) {
        report_problem(report, position, "`%.*s` is a segment, not a value; write in_segment(%.*s)",
                       TEXT_ARGUMENTS(name), TEXT_ARGUMENTS(name));
        return NULL;
    }
    if (scope_sees(scope, declaration))
        return declaration;
    report_unseen(report, scope, declaration, position);
    return NULL;
}

const struct declaration *names_membership(struct report *report, const struct scope *scope,
                                           const struct membership_row *membership, struct text name,
                                           struct position position) {
    const struct declaration *declaration = names_find(scope->rules, name);
    uint32_t meanings = BIT(MEANING_SEGMENT) | (membership->of_dimension ? BIT(MEANING_DIMENSION) : 0);
    struct text shown = report_shown(report, name);
    if (declaration == NULL) {
        const char *what = membership->of_dimension ? "dimension or segment" : "segment";
        struct text choice = names_choice(report, scope->rules, what, meanings, name);
        report_problem(report, position, "there is no %s `%.*s`%.*s", what, TEXT_ARGUMENTS(shown),
                       TEXT_ARGUMENTS(choice));
        return NULL;
    }
    if ((BIT(declaration->meaning) & meanings) == 0) {
        report_problem(report, position, "`%.*s` is a %s; %s takes the name of a %s", TEXT_ARGUMENTS(shown),
                       meaning_name(declaration->meaning), membership->usage,
                       membership->of_dimension ? "dimension or segment" : "segment");
        return NULL;
    }
    if (scope_sees(scope, declaration))
        return declaration;
    report_unseen(report, scope, declaration, position);
    return NULL;
}
