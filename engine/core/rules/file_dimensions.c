#include "engine/core/rules/file.h"
#include "engine/core/rules/names.h"

static const struct text unknown = TEXT("unknown");

/* What a dimension may become; whoever holds values has room for those that are no longer. */
static void check_value_size(struct file *file, const char *what, const struct node *node) {
    if (node->text.size > DIMENSION_VALUE_MAX)
        report_problem(file->report, node_position(node),
                       "%s has at most %u bytes, %u are found; take a short one, and say the rest in `about`", what,
                       DIMENSION_VALUE_MAX, node->text.size);
}

/* --- Cases --- */

enum { VALUE, VALUE_OF, WHEN, URGENT, CASE_KEYS };
static const struct key case_keys[CASE_KEYS] = {
    [VALUE] = {TEXT("value"), NULL},
    [VALUE_OF] = {TEXT("value_of"), NULL},
    [WHEN] = {TEXT("when"), NULL},
    [URGENT] = {TEXT("urgent"), NULL},
};

/* Every case but the last has a `when`: what follows one without could never win. */
static void check_when_is_there(struct file *file, const struct node *node, const struct node *when, bool is_last) {
    if (when == NULL && !is_last)
        report_problem(file->report, node_position(node),
                       "a case without `when` always wins, and cases follow it; give it a `when`, or put it last");
    if (when != NULL && is_last)
        report_problem(file->report, node_position(when),
                       "the last case has no `when`: it is what holds where no other case does; add a case such as "
                       "{ value: other } behind it");
}

static void read_case(struct file *file, const struct scope *scope, const struct node *node, bool is_last,
                      struct checked_case *ret_case) {
    const struct node *values[CASE_KEYS];
    struct subject subject = {"a case", TEXT_MISSING, node_position(node)};
    struct dimension_case *dimension_case = &ret_case->dimension_case;
    dimension_case->value = TEXT_MISSING;
    if (!settings_mapping(file->report, &subject, node, case_keys, CASE_KEYS, values))
        return;
    check_when_is_there(file, node, values[WHEN], is_last);
    if ((values[VALUE] == NULL) == (values[VALUE_OF] == NULL))
        report_problem(file->report, node_position(node),
                       values[VALUE] == NULL ? "a case needs a `value`, such as value: high, or a `value_of`, such as "
                                               "value_of: account.industry"
                                             : "a case has either a `value` or a `value_of`, not both");
    if (settings_text(file->report, "`value`", values[VALUE], &dimension_case->value) && values[VALUE] != NULL)
        check_value_size(file, "`value`", values[VALUE]);
    settings_boolean(file->report, "`urgent`", values[URGENT], &dimension_case->urgent);
    rules_read_expression(file, scope, "`value_of`", BIT(TYPE_STRING), values[VALUE_OF], &ret_case->value_of);
    rules_read_expression(file, scope, "the `when` of a case", BIT(TYPE_BOOLEAN), values[WHEN], &ret_case->when);
}

static void read_cases(struct file *file, uint32_t index, const struct node *node, struct checked_dimension *checked) {
    struct scope scope = {
        file->rules, MEANING_DIMENSION, file->rules->metrics_count, file->rules->program.scores_count, index, 0};
    if (node->kind != NODE_SEQUENCE || node->count == 0) {
        report_problem(file->report, node_position(node),
                       "`cases` is a list of cases, the first true one wins; as in cases: [ { value: vip, when: ... }, "
                       "{ value: other } ]");
        return;
    }
    checked->cases = report_alloc(file->report, node->count * sizeof *checked->cases);
    checked->dimension.cases_count = checked->cases == NULL ? 0 : node->count;
    for (uint32_t i = 0; i < checked->dimension.cases_count; i++)
        read_case(file, &scope, node->values[i], i + 1 == node->count, &checked->cases[i]);
}

/* --- Bands --- */

static void read_band(struct file *file, const struct node *name, const struct node *bound, struct band *bands,
                      uint32_t i) {
    bands[i].name = name->text;
    struct text shown = report_shown(file->report, name->text);
    if (name->text.size == 0)
        report_problem(file->report, node_position(name), "a band needs a name, as in low: 0");
    check_value_size(file, "a band's name", name);
    if (text_equal(name->text, unknown))
        report_problem(file->report, node_position(name),
                       "`unknown` is the band of a missing score and cannot name another");
    if (!settings_number(file->report, "the lower bound of a band", bound, &bands[i].lower))
        return;
    if (i == 0 && bands[i].lower != 0)
        report_problem(file->report, node_position(bound), "the first band begins at 0, `%.*s` at %.*s",
                       TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(bound->text));
    if (i > 0 && bands[i].lower <= bands[i - 1].lower)
        report_problem(file->report, node_position(bound),
                       "bands are written with growing lower bounds: `%.*s` begins at %.*s, not above `%.*s`",
                       TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(bound->text), TEXT_ARGUMENTS(bands[i - 1].name));
}

static void read_bands(struct file *file, const struct node *node, struct dimension *dimension) {
    if (node == NULL)
        return;
    if (node->kind != NODE_MAPPING || node->count == 0) {
        report_problem(file->report, node_position(node),
                       "`bands` maps each band to its lower bound, as in bands: { low: 0, high: 70 }");
        return;
    }
    struct band *bands = report_alloc(file->report, node->count * sizeof *bands);
    for (uint32_t i = 0; bands != NULL && i < node->count; i++)
        read_band(file, node->keys[i], node->values[i], bands, i);
    dimension->bands = bands;
    dimension->bands_count = bands == NULL ? 0 : node->count;
}

static void read_score_name(struct file *file, const struct node *node, struct dimension *dimension) {
    struct text name = TEXT_MISSING;
    if (!settings_text(file->report, "`score`", node, &name) || text_is_missing(name))
        return;
    const struct declaration *declaration = names_find(file->rules, name);
    struct text shown = report_shown(file->report, name);
    struct text choice = names_choice(file->report, file->rules, "score", BIT(MEANING_SCORE), name);
    if (declaration == NULL)
        report_problem(file->report, node_position(node), "there is no score `%.*s`%.*s", TEXT_ARGUMENTS(shown),
                       TEXT_ARGUMENTS(choice));
    else if (declaration->meaning != MEANING_SCORE)
        report_problem(file->report, node_position(node), "`%.*s` is a %s; bands are cut from a score",
                       TEXT_ARGUMENTS(shown), meaning_name(declaration->meaning));
    else
        dimension->score = (uint16_t)declaration->index;
}

/* --- Playbooks --- */

static bool has_value(const struct checked_dimension *checked, struct text value) {
    const struct dimension *dimension = &checked->dimension;
    for (uint32_t i = 0; i < dimension->cases_count; i++)
        if (text_is_missing(checked->cases[i].dimension_case.value) ||
            text_equal(checked->cases[i].dimension_case.value, value))
            return true; /* a `value_of` may give any */
    for (uint32_t i = 0; i < dimension->bands_count; i++)
        if (text_equal(dimension->bands[i].name, value))
            return true;
    return dimension->bands_count > 0 && text_equal(value, unknown);
}

static void report_no_value(struct file *file, const struct checked_dimension *checked, const struct node *key) {
    const struct dimension *dimension = &checked->dimension;
    struct text *values = report_alloc(file->report,
                                       (dimension->cases_count + dimension->bands_count + 1) * sizeof *values);
    uint32_t count = 0;
    for (uint32_t i = 0; values != NULL && i < dimension->cases_count; i++)
        values[count++] = checked->cases[i].dimension_case.value;
    for (uint32_t i = 0; values != NULL && i < dimension->bands_count; i++)
        values[count++] = dimension->bands[i].name;
    struct text shown = report_shown(file->report, key->text);
    struct text choice = report_choice(file->report, key->text, "value", values, count);
    report_problem(file->report, node_position(key), "dimension `%.*s` never has the value `%.*s`%.*s",
                   TEXT_ARGUMENTS(dimension->name), TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(choice));
}

static void read_playbooks(struct file *file, const struct node *node, struct checked_dimension *checked) {
    if (node == NULL || !settings_any_mapping(file->report, "`playbooks`", node))
        return;
    struct playbook *playbooks = report_alloc(file->report, node->count * sizeof *playbooks);
    for (uint32_t i = 0; playbooks != NULL && i < node->count; i++) {
        playbooks[i] = (struct playbook){node->keys[i]->text, TEXT_MISSING};
        settings_text(file->report, "the playbook of a value", node->values[i], &playbooks[i].name);
        if (!has_value(checked, node->keys[i]->text) &&
            checked->dimension.cases_count + checked->dimension.bands_count > 0)
            report_no_value(file, checked, node->keys[i]);
    }
    checked->dimension.playbooks = playbooks;
    checked->dimension.playbooks_count = playbooks == NULL ? 0 : node->count;
}

/* --- Dimensions --- */

enum { TITLE, ABOUT, CASES, SCORE, BANDS, HYSTERESIS, MIN_DWELL, PLAYBOOKS, DIMENSION_KEYS };
static const struct key dimension_keys[DIMENSION_KEYS] = {
    [TITLE] = {TEXT("title"), NULL},         [ABOUT] = {TEXT("about"), NULL},
    [CASES] = {TEXT("cases"), NULL},         [SCORE] = {TEXT("score"), NULL},
    [BANDS] = {TEXT("bands"), NULL},         [HYSTERESIS] = {TEXT("hysteresis"), NULL},
    [MIN_DWELL] = {TEXT("min_dwell"), NULL}, [PLAYBOOKS] = {TEXT("playbooks"), NULL},
};

/* Either `cases`, or `score` and `bands`. */
static void check_kind(struct file *file, const struct node *name, const struct node *const *values) {
    struct text shown = report_shown(file->report, name->text);
    bool by_score = values[SCORE] != NULL || values[BANDS] != NULL;
    if (values[CASES] != NULL && by_score)
        report_problem(file->report, node_position(name),
                       "dimension `%.*s` has `cases` and also `%s`; it has either cases, or a score and bands",
                       TEXT_ARGUMENTS(shown), values[SCORE] != NULL ? "score" : "bands");
    else if (values[CASES] == NULL && !by_score)
        report_problem(file->report, node_position(name),
                       "dimension `%.*s` needs `cases`, or a `score` and its `bands`, to take its value from",
                       TEXT_ARGUMENTS(shown));
    else if (by_score && values[SCORE] == NULL)
        report_problem(file->report, node_position(name),
                       "dimension `%.*s` has bands and needs the `score` that they are cut from",
                       TEXT_ARGUMENTS(shown));
    else if (by_score && values[BANDS] == NULL)
        report_problem(file->report, node_position(name),
                       "dimension `%.*s` has a score and needs its `bands`, as in bands: { low: 0, high: 70 }",
                       TEXT_ARGUMENTS(shown));
    else if (values[CASES] != NULL && values[HYSTERESIS] != NULL)
        report_problem(file->report, node_position(values[HYSTERESIS]),
                       "`hysteresis` belongs to bands; cases are kept from flapping by `min_dwell`");
}

void rules_read_dimension(struct file *file, uint32_t index, const struct node *name, const struct node *node) {
    const struct node *values[DIMENSION_KEYS];
    struct subject subject = {"dimension", name->text, node_position(name)};
    struct checked_dimension *checked = &file->rules->dimensions[index];
    struct dimension *dimension = &checked->dimension;
    dimension->name = name->text;
    dimension->score = REGISTER_NONE;
    if (!settings_mapping(file->report, &subject, node, dimension_keys, DIMENSION_KEYS, values))
        return;
    check_kind(file, name, values);
    rules_read_prose(file, values[TITLE], values[ABOUT], &dimension->title, &dimension->about);
    if (values[CASES] != NULL)
        read_cases(file, index, values[CASES], checked);
    read_score_name(file, values[SCORE], dimension);
    read_bands(file, values[BANDS], dimension);
    if (settings_number(file->report, "`hysteresis`", values[HYSTERESIS], &dimension->hysteresis) &&
        dimension->hysteresis < 0)
        report_problem(file->report, node_position(values[HYSTERESIS]),
                       "`hysteresis` cannot be negative, `%.*s` is found", TEXT_ARGUMENTS(values[HYSTERESIS]->text));
    settings_duration(file->report, "`min_dwell`", values[MIN_DWELL], &dimension->min_dwell_ms);
    read_playbooks(file, values[PLAYBOOKS], checked);
}
