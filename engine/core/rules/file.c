#include "engine/core/rules/file.h"

#include "engine/core/rules/check.h"
#include "engine/core/rules/names.h"
#include "engine/core/rules/parse.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define TICK_MS_DEFAULT             HOUR
#define DUPLICATE_IDS_DEFAULT       64
#define DUPLICATE_IDS_MAX           5000 /* of five streams they take less than half of an account's bytes */
#define FUTURE_TOLERANCE_MS_DEFAULT (5 * MINUTE)

enum { RULESET, CLOCK, STREAM_SETTINGS, METRICS, SCORES, DIMENSIONS, SEGMENTS, SECTIONS };
static const struct key sections[SECTIONS] = {
    [RULESET] = {TEXT("ruleset"), "a label for these rules that every change carries, such as ruleset: \"2026-11-01\""},
    [CLOCK] = {TEXT("clock"), NULL},
    [STREAM_SETTINGS] = {TEXT("streams"), NULL},
    [METRICS] = {TEXT("metrics"), NULL},
    [SCORES] = {TEXT("scores"), NULL},
    [DIMENSIONS] = {TEXT("dimensions"), NULL},
    [SEGMENTS] = {TEXT("segments"), NULL},
};

/* --- Expressions --- */

static struct text advice_for_type(struct file *file, const struct tree *tree, uint32_t types, struct text shown) {
    struct arena *arena = file->report->arena;
    struct text advice = TEXT("");
    if (types == BIT(TYPE_BOOLEAN) && tree->type != TYPE_NUMBER && tree->type != TYPE_DURATION)
        advice = TEXT("; compare it with something");
    else if (types == BIT(TYPE_BOOLEAN))
        advice = arena_printf(arena, "; compare it, as in %.*s > %s", TEXT_ARGUMENTS(shown),
                              tree->type == TYPE_DURATION ? "7d" : "0");
    else if (tree->type == TYPE_INSTANT && (types & BIT(TYPE_DURATION)) != 0)
        advice = arena_printf(arena, "; age(%.*s) says how long ago that was, until(%.*s) how long it is until then",
                              TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown));
    else if (tree->type == TYPE_STRING && (types & BIT(TYPE_NUMBER)) != 0)
        advice = arena_printf(arena, "; compare it, or where it writes a number take number(%.*s)",
                              TEXT_ARGUMENTS(shown));
    file->report->memory_out |= text_is_missing(advice);
    return advice;
}

/* Parses the scalar's text; NULL where it is no expression (reported). */
static struct tree *parse_scalar(struct file *file, const char *what, const struct node *node,
                                 struct source *ret_source) {
    if (node->kind != NODE_SCALAR) {
        report_problem(file->report, node->position, "%s is an expression, a %s is found; put it in quotes", what,
                       node->kind == NODE_MAPPING ? "mapping" : "list");
        return NULL;
    }
    *ret_source = (struct source){node->text, node->places};
    return parse_expression(file->report, ret_source);
}

static void check_parsed(struct file *file, const struct scope *scope, const char *what, uint32_t types,
                         struct tree *tree, struct checked_expression *ret_expression) {
    const struct source *source = &ret_expression->source;
    if (tree == NULL || !check_expression(file->report, scope, source, tree))
        return;
    if ((BIT(tree->type) & types) != 0) {
        ret_expression->tree = tree;
        return;
    }
    struct text shown = report_shown(file->report, span_text(source, tree->outside));
    struct text advice = advice_for_type(file, tree, types, shown);
    report_problem(file->report, source->places[tree->outside.start], "%s must be %s; `%.*s` is %s%.*s", what,
                   types_name(types), TEXT_ARGUMENTS(shown), type_name(tree->type), TEXT_ARGUMENTS(advice));
}

void rules_read_expression(struct file *file, const struct scope *scope, const char *what, uint32_t types,
                           const struct node *node, struct checked_expression *ret_expression) {
    if (node == NULL)
        return;
    struct tree *tree = parse_scalar(file, what, node, &ret_expression->source);
    check_parsed(file, scope, what, types, tree, ret_expression);
}

void rules_read_prose(struct file *file, const struct node *title, const struct node *about, struct text *ret_title,
                      struct text *ret_about) {
    settings_text(file->report, "`title`", title, ret_title);
    settings_text(file->report, "`about`", about, ret_about);
}

/* --- Clock and streams --- */

static void read_clock(struct file *file, const struct node *node) {
    enum { TICK, LATENESS, DUPLICATE_IDS, FUTURE_TOLERANCE, KEYS };
    static const struct key keys[KEYS] = {
        [TICK] = {TEXT("tick"), NULL},
        [LATENESS] = {TEXT("lateness"), NULL},
        [DUPLICATE_IDS] = {TEXT("duplicate_ids"), NULL},
        [FUTURE_TOLERANCE] = {TEXT("future_tolerance"), NULL},
    };
    const struct node *values[KEYS];
    struct program *program = &file->rules->program;
    struct subject subject = {"clock", TEXT_MISSING, {0, 0}};
    if (node == NULL || !settings_mapping(file->report, &subject, node, keys, KEYS, values))
        return;
    if (settings_duration(file->report, "`tick`", values[TICK], &program->tick_ms) && program->tick_ms == 0)
        report_problem(file->report, node_position(values[TICK]), "`tick` must be more than 0");
    program->lateness_given = values[LATENESS] != NULL &&
                              settings_duration(file->report, "`lateness`", values[LATENESS], &program->lateness_ms);
    settings_count(file->report, "`duplicate_ids`", values[DUPLICATE_IDS], DUPLICATE_IDS_MAX, &program->duplicate_ids);
    settings_duration(file->report, "`future_tolerance`", values[FUTURE_TOLERANCE], &program->future_tolerance_ms);
}

static void read_stream(struct file *file, const struct node *name, const struct node *node) {
    static const struct key keys[] = {{TEXT("stall_after"), NULL}};
    const struct node *stall_after;
    struct text names[STREAMS];
    struct text shown = report_shown(file->report, name->text);
    enum stream stream = stream_find(name->text);
    for (enum stream i = 0; i < STREAMS; i++)
        names[i] = stream_schemas[i].name;
    if (stream == STREAMS) {
        struct text choice = report_choice(file->report, name->text, "stream", names, STREAMS);
        report_problem(file->report, node_position(name), "there is no stream `%.*s`%.*s", TEXT_ARGUMENTS(shown),
                       TEXT_ARGUMENTS(choice));
        return;
    }
    if (stream == STREAM_ACCOUNT) {
        report_problem(file->report, node_position(name),
                       "account holds facts, which do not age: it has no settings here, only streams of events have");
        return;
    }
    struct subject subject = {"stream", name->text, node_position(name)};
    int64_t *stall_after_ms = &file->rules->program.stall_after_ms[stream];
    if (settings_mapping(file->report, &subject, node, keys, COUNT_OF(keys), &stall_after) &&
        settings_duration(file->report, "`stall_after`", stall_after, stall_after_ms) && stall_after != NULL &&
        *stall_after_ms == 0)
        report_problem(file->report, node_position(stall_after),
                       "`stall_after` must be more than 0; leave it out where a stream never stalls");
}

static void read_streams(struct file *file, const struct node *node) {
    if (node == NULL || !settings_any_mapping(file->report, "`streams`", node))
        return;
    for (uint32_t i = 0; i < node->count; i++)
        read_stream(file, node->keys[i], node->values[i]);
}

/* --- Names --- */

static bool is_name(struct text text) {
    for (uint32_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
        if (!is_letter && (i == 0 || byte < '0' || byte > '9'))
            return false;
    }
    return text.size > 0;
}

static void check_name(struct file *file, enum meaning meaning, const struct node *name) {
    const struct declaration *other = names_find(file->rules, name->text);
    struct text shown = report_shown(file->report, name->text);
    if (!is_name(name->text))
        report_problem(file->report, node_position(name),
                       "`%.*s` cannot name a %s: a name is made of letters, digits and _, and begins with no digit",
                       TEXT_ARGUMENTS(shown), meaning_name(meaning));
    else if (name_is_reserved(name->text))
        report_problem(file->report, node_position(name), "`%.*s` cannot name a %s: it is a %s", TEXT_ARGUMENTS(shown),
                       meaning_name(meaning), stream_find(name->text) != STREAMS ? "stream" : "word of the language");
    else if (name->text.size > NAME_SIZE_MAX)
        report_problem(file->report, node_position(name),
                       "a name has at most %d bytes, that of this %s has %u; take a short one, and say the rest in "
                       "`about`",
                       NAME_SIZE_MAX, meaning_name(meaning), name->text.size);
    else if (other != NULL)
        report_problem(file->report, node_position(name),
                       "`%.*s` is already the name of the %s at line %u; each name is given once",
                       TEXT_ARGUMENTS(shown), meaning_name(other->meaning), other->position.line);
}

static const char *section_name(enum meaning meaning) {
    static const char *const names[] = {
        [MEANING_METRIC] = "`metrics`",
        [MEANING_SCORE] = "`scores`",
        [MEANING_DIMENSION] = "`dimensions`",
        [MEANING_SEGMENT] = "`segments`",
    };
    return names[meaning];
}

/* Declares the section's names, wrong ones too, so that what they declare can be read. Gives back NULL where the
 * section holds nothing. */
static const struct node *declare(struct file *file, enum meaning meaning, const struct node *section) {
    struct checked_rules *rules = file->rules;
    if (section == NULL || !settings_any_mapping(file->report, section_name(meaning), section) || section->count == 0)
        return NULL;
    for (uint32_t i = 0; i < section->count; i++) {
        check_name(file, meaning, section->keys[i]);
        rules->declarations[rules->declarations_count++] = (struct declaration){section->keys[i]->text, meaning, i,
                                                                                node_position(section->keys[i])};
    }
    return section;
}

static uint32_t node_count(const struct node *node) {
    return node == NULL ? 0 : node->count;
}

/* All are parsed before the first is checked, so that a circle can be told from what is only in the wrong order. */
static void read_metrics(struct file *file, const struct node *section) {
    struct checked_metric *metrics = file->rules->metrics;
    for (uint32_t i = 0; section != NULL && i < section->count; i++) {
        metrics[i].name = section->keys[i]->text;
        metrics[i].parsed = parse_scalar(file, "a metric", section->values[i], &metrics[i].value.source);
    }
    for (uint32_t i = 0; section != NULL && i < section->count; i++) {
        struct scope scope = {.rules = file->rules, .place = MEANING_METRIC, .metrics = i};
        check_parsed(file, &scope, "a metric", TYPES_ANY, metrics[i].parsed, &metrics[i].value);
    }
}

/* Room for everything that the sections declare. */
static bool make_room(struct file *file, const struct node *const *values) {
    struct checked_rules *rules = file->rules;
    uint32_t metrics = node_count(values[METRICS]), scores = node_count(values[SCORES]);
    uint32_t dimensions = node_count(values[DIMENSIONS]), segments = node_count(values[SEGMENTS]);
    rules->declarations = report_alloc(file->report,
                                       (metrics + scores + dimensions + segments) * sizeof *rules->declarations);
    rules->metrics = report_alloc(file->report, metrics * sizeof *rules->metrics);
    rules->scores = report_alloc(file->report, scores * sizeof *rules->scores);
    rules->dimensions = report_alloc(file->report, dimensions * sizeof *rules->dimensions);
    rules->segments = report_alloc(file->report, segments * sizeof *rules->segments);
    return !file->report->memory_out;
}

static uint64_t values_size(const struct checked_dimension *checked) {
    const struct dimension *dimension = &checked->dimension;
    uint64_t size = 0;
    for (uint32_t i = 0; i < dimension->cases_count; i++)
        size += checked->cases[i].dimension_case.value.size;
    for (uint32_t i = 0; i < dimension->bands_count; i++)
        size += dimension->bands[i].name.size;
    return size;
}

/* All of them stand in a layout, which is one record of the changelog, and in an account's state once they left the
 * rules; but for scores', which stand in its status. */
static void check_decisions_size(struct file *file) {
    const struct checked_rules *rules = file->rules;
    uint64_t size = 0;
    for (uint32_t i = 0; i < rules->program.dimensions_count; i++)
        size += rules->dimensions[i].dimension.name.size + values_size(&rules->dimensions[i]);
    for (uint32_t i = 0; i < rules->program.segments_count; i++)
        size += rules->segments[i].segment.name.size;
    for (uint32_t i = 0; i < rules->program.scores_count; i++)
        size += rules->scores[i].score.name.size;
    if (size > DECISIONS_BYTES_MAX)
        report_problem(file->report, rules->position,
                       "these rules are too large: the names of scores, dimensions and segments, and the "
                       "dimensions' values, take %llu bytes together and may take %d; take shorter ones",
                       (unsigned long long)size, DECISIONS_BYTES_MAX);
}

static void read_sections(struct file *file, const struct node *const *values) {
    struct checked_rules *rules = file->rules;
    if (!make_room(file, values))
        return;
    const struct node *metrics = declare(file, MEANING_METRIC, values[METRICS]);
    const struct node *scores = declare(file, MEANING_SCORE, values[SCORES]);
    const struct node *dimensions = declare(file, MEANING_DIMENSION, values[DIMENSIONS]);
    const struct node *segments = declare(file, MEANING_SEGMENT, values[SEGMENTS]);
    rules->metrics_count = node_count(metrics);
    rules->program.scores_count = node_count(scores);
    rules->program.dimensions_count = node_count(dimensions);
    rules->program.segments_count = node_count(segments);
    read_metrics(file, metrics);
    for (uint32_t i = 0; i < rules->program.scores_count; i++)
        rules_read_score(file, i, scores->keys[i], scores->values[i]);
    for (uint32_t i = 0; i < rules->program.dimensions_count; i++)
        rules_read_dimension(file, i, dimensions->keys[i], dimensions->values[i]);
    for (uint32_t i = 0; i < rules->program.segments_count; i++)
        rules_read_segment(file, i, segments->keys[i], segments->values[i]);
    check_decisions_size(file);
}

void rules_read(struct report *report, const struct document *document, struct checked_rules *ret_rules) {
    struct file file = {report, ret_rules};
    struct subject subject = {"a rules file", TEXT_MISSING, {1, 1}};
    const struct node *values[SECTIONS];
    *ret_rules = (struct checked_rules){.position = {1, 1}};
    ret_rules->program.tick_ms = TICK_MS_DEFAULT;
    ret_rules->program.duplicate_ids = DUPLICATE_IDS_DEFAULT;
    ret_rules->program.future_tolerance_ms = FUTURE_TOLERANCE_MS_DEFAULT;
    if (document->root == NULL) {
        report_problem(report, subject.position,
                       "the file holds no rules; it begins with a label, such as ruleset: \"2026-11-01\", and then has "
                       "scores, dimensions and segments");
        return;
    }
    if (!settings_mapping(report, &subject, document->root, sections, SECTIONS, values))
        return;
    settings_text(report, "ruleset", values[RULESET], &ret_rules->program.ruleset);
    read_clock(&file, values[CLOCK]);
    read_streams(&file, values[STREAM_SETTINGS]);
    read_sections(&file, values);
}
