#include <assert.h>

#include "engine/core/rules/checker.h"
#include "engine/core/rules/names.h"

/* --- Streams and fields --- */

/* Which of the stream's fields may have been meant. */
static struct text field_choice(struct checker *checker, enum stream stream, struct text name) {
    const struct stream_schema *schema = &stream_schemas[stream];
    struct text names[FIELDS_MAX];
    for (uint32_t i = 0; i < schema->fields_count; i++)
        names[i] = schema->fields[i].name;
    struct text choice = report_choice(checker->report, name, "field", names, schema->fields_count);
    if (checker->filter == STREAMS ||
        choice.size == report_nearest(checker->report, name, names, schema->fields_count).size)
        return choice;
    struct text quoted = arena_printf(checker->report->arena, "%.*s; a string is written in quotes",
                                      TEXT_ARGUMENTS(choice));
    checker->report->memory_out |= text_is_missing(quoted);
    return quoted;
}

/* The field's index; FIELDS_MAX where the stream has none of that name (reported). */
static uint32_t find_field(struct checker *checker, enum stream stream, struct text name, struct span span) {
    uint32_t field = stream_field(stream, name);
    if (field != FIELDS_MAX)
        return field;
    struct text shown = report_shown(checker->report, name);
    struct text choice = field_choice(checker, stream, name);
    struct text stream_name = stream_schemas[stream].name;
    const struct declaration *declaration = names_find(checker->scope->rules, name);
    if (checker->filter != STREAMS && declaration != NULL)
        report_problem(checker->report, checker_position(checker, span),
                       "a `where` sees nothing but the event's own fields; `%.*s` is a %s", TEXT_ARGUMENTS(shown),
                       meaning_name(declaration->meaning));
    else
        report_problem(checker->report, checker_position(checker, span), "%.*s has no field `%.*s`%.*s",
                       TEXT_ARGUMENTS(stream_name), TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(choice));
    return FIELDS_MAX;
}

/* A map is looked at by key, and nothing else is. */
static bool check_key(struct checker *checker, const struct tree *tree, const struct field *field, struct span span) {
    struct text shown = report_shown(checker->report, field->name);
    if (field->type == FIELD_MAP && text_is_missing(tree->key))
        report_problem(checker->report, checker_position(checker, span),
                       "`%.*s` holds many values; name one, as in %.*s[\"key\"]", TEXT_ARGUMENTS(shown),
                       TEXT_ARGUMENTS(shown));
    else if (field->type != FIELD_MAP && !text_is_missing(tree->key))
        report_problem(checker->report, checker_position(checker, tree->key_span),
                       "`%.*s` is one value and has no keys; write it without [ ]", TEXT_ARGUMENTS(shown));
    else
        return true;
    return false;
}

static void set_field_type(struct tree *tree, const struct field *field) {
    tree->type = field_value_type(field);
    tree->symbols = field->type == FIELD_ENUM ? field : NULL;
}

bool check_event_field(struct checker *checker, struct tree *tree) {
    uint32_t index = find_field(checker, checker->filter, tree->name, tree->name_span);
    if (index == FIELDS_MAX)
        return false;
    const struct field *field = &stream_schemas[checker->filter].fields[index];
    if (!check_key(checker, tree, field, tree->name_span))
        return false;
    tree->meaning = MEANING_EVENT_FIELD;
    tree->index = index;
    set_field_type(tree, field);
    tree->hash = digest_text(digest_text(digest_string(0, "field"), tree->name), tree->key);
    return true;
}

/* stream.field outside of a call. */
static void report_event_field(struct checker *checker, const struct tree *tree) {
    struct text shown = checker_shown(checker, tree->span);
    struct text field = report_shown(checker->report, tree->field);
    if (checker->filter != STREAMS)
        report_problem(checker->report, checker_position(checker, tree->span),
                       "inside `where` the event's fields stand alone: write `%.*s`", TEXT_ARGUMENTS(field));
    else
        report_problem(checker->report, checker_position(checker, tree->span),
                       "`%.*s` has a value in each of many events; ask for one, as in last(%.*s)",
                       TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown));
}

static void report_no_stream(struct checker *checker, struct text name, struct span span) {
    struct text names[STREAMS];
    for (enum stream stream = 0; stream < STREAMS; stream++)
        names[stream] = stream_schemas[stream].name;
    struct text shown = report_shown(checker->report, name);
    struct text choice = report_choice(checker->report, name, "stream", names, STREAMS);
    report_problem(checker->report, checker_position(checker, span), "there is no stream `%.*s`%.*s",
                   TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(choice));
}

bool check_fact(struct checker *checker, struct tree *tree) {
    enum stream stream = stream_find(tree->name);
    if (stream == STREAMS) {
        report_no_stream(checker, tree->name, tree->name_span);
        return false;
    }
    if (stream != STREAM_ACCOUNT) {
        if (find_field(checker, stream, tree->field, tree->field_span) != FIELDS_MAX)
            report_event_field(checker, tree);
        return false;
    }
    if (checker->filter != STREAMS) {
        report_problem(
            checker->report, checker_position(checker, tree->span),
            "a `where` sees nothing but the event's own fields; compare with the account's facts outside of it");
        return false;
    }
    uint32_t index = find_field(checker, STREAM_ACCOUNT, tree->field, tree->field_span);
    if (index == FIELDS_MAX)
        return false;
    const struct field *field = &stream_schemas[STREAM_ACCOUNT].fields[index];
    if (!check_key(checker, tree, field, tree->field_span))
        return false;
    tree->meaning = MEANING_FACT;
    tree->index = index;
    set_field_type(tree, field);
    tree->hash = digest_text(digest_text(digest_string(0, "fact"), tree->field), tree->key);
    return true;
}

/* --- Calls that look at a stream --- */

static bool check_stream(struct checker *checker, struct tree *tree) {
    const struct aggregate_row *row = tree->aggregate;
    tree->stream = stream_find(tree->name);
    struct text shown = report_shown(checker->report, tree->name);
    if (tree->stream == STREAMS)
        report_no_stream(checker, tree->name, tree->name_span);
    else if (tree->stream == STREAM_ACCOUNT)
        report_problem(
            checker->report, checker_position(checker, tree->name_span),
            "account holds facts, of which the last alone is known, not events; write account.plan for a fact");
    else if (row->stream != STREAMS && row->stream != tree->stream)
        report_problem(checker->report, checker_position(checker, tree->name_span),
                       "`%.*s` looks at the stream `%.*s` alone, not at `%.*s`; write %s", TEXT_ARGUMENTS(row->name),
                       TEXT_ARGUMENTS(stream_schemas[row->stream].name), TEXT_ARGUMENTS(shown), row->usage);
    else
        return true;
    return false;
}

static bool check_aggregate_field(struct checker *checker, struct tree *tree) {
    const struct aggregate_row *row = tree->aggregate;
    tree->field_index = FIELDS_MAX;
    if (text_is_missing(tree->field)) {
        if (row->field == FIELD_NOT_TAKEN)
            return true;
        report_problem(checker->report, checker_position(checker, tree->name_span),
                       "`%.*s` is of a field, and none is named; write %s", TEXT_ARGUMENTS(row->name), row->usage);
        return false;
    }
    if (row->field == FIELD_NOT_TAKEN) {
        report_problem(checker->report, checker_position(checker, tree->field_span),
                       "`%.*s` is about whole events, not about a field; write %s", TEXT_ARGUMENTS(row->name),
                       row->usage);
        return false;
    }
    uint32_t index = find_field(checker, tree->stream, tree->field, tree->field_span);
    if (index == FIELDS_MAX)
        return false;
    const struct field *field = &stream_schemas[tree->stream].fields[index];
    if (!check_key(checker, tree, field, tree->field_span))
        return false;
    if (row->field == FIELD_NUMERIC && field_value_type(field) != TYPE_NUMBER) {
        report_problem(checker->report, checker_position(checker, tree->field_span),
                       "`%.*s` is of a field of numbers; `%.*s` is %s", TEXT_ARGUMENTS(row->name),
                       TEXT_ARGUMENTS(field->name), type_name(field_value_type(field)));
        return false;
    }
    tree->field_index = index;
    return true;
}

static bool check_where(struct checker *checker, struct tree *tree) {
    const struct aggregate_row *row = tree->aggregate;
    if (tree->where == NULL)
        return true;
    if (!row->takes_where) {
        report_problem(checker->report, checker_position(checker, tree->where->outside),
                       "`%.*s` takes no `where`; write %s", TEXT_ARGUMENTS(row->name), row->usage);
        return false;
    }
    struct checker filter = *checker;
    filter.filter = tree->stream;
    if (!check_tree(&filter, tree->where))
        return false;
    if (tree->where->type == TYPE_BOOLEAN)
        return true;
    struct text shown = checker_shown(checker, tree->where->outside);
    report_problem(checker->report, checker_position(checker, tree->where->outside),
                   "`where` is followed by what is true or false of an event; `%.*s` is %s", TEXT_ARGUMENTS(shown),
                   type_name(tree->where->type));
    return false;
}

/* --- Windows --- */

/* Whole slices of the window, or 0 (reported). */
static uint32_t window_slices(struct checker *checker, const struct tree *window, int64_t slice_ms, bool is_trend) {
    double slices = window->number / (double)slice_ms;
    struct text shown = checker_shown(checker, window->span);
    struct position position = checker_position(checker, window->span);
    const char *unit = slice_ms == HOUR ? "hours" : "days";
    if (window->number <= 0)
        report_problem(checker->report, position, "a window must be longer than 0; `%.*s` is not",
                       TEXT_ARGUMENTS(shown));
    else if (slices != floor(slices))
        report_problem(checker->report, position,
                       "a window %s is a whole number of %s, `%.*s` is not; write `%.0f%s` or `%.0f%s`",
                       slice_ms == HOUR ? (is_trend ? "of a trend over up to 48h" : "of up to 48h")
                       : is_trend       ? "of a trend over more than 48h"
                                        : "of more than 48h",
                       unit, TEXT_ARGUMENTS(shown), fmax(floor(slices), 1), slice_ms == HOUR ? "h" : "d",
                       fmax(floor(slices), 1) + 1, slice_ms == HOUR ? "h" : "d");
    else if (slices > WINDOW_SLICES_MAX)
        report_problem(checker->report, position, "a window of `%.*s` is too long: at most %d %s",
                       TEXT_ARGUMENTS(shown), WINDOW_SLICES_MAX, unit);
    else
        return (uint32_t)slices;
    return 0;
}

static bool check_windows(struct checker *checker, struct tree *tree) {
    const struct aggregate_row *row = tree->aggregate;
    if (tree->windows_count != row->windows) {
        const char *expected = row->windows == 0   ? "no window"
                               : row->windows == 1 ? "one window, how far it looks back"
                                                   : "two windows, the one it looks at and the one before it";
        report_problem(checker->report, checker_position(checker, tree->span), "`%.*s` takes %s; write %s",
                       TEXT_ARGUMENTS(row->name), expected, row->usage);
        return false;
    }
    double whole_ms = 0;
    for (const struct tree *window = tree->windows; window != NULL; window = window->next)
        whole_ms += window->number;
    if (row->windows > 0)
        tree->slice_ms = whole_ms <= SLICES_OF_AN_HOUR_UP_TO ? HOUR : DAY;
    uint32_t i = 0, slices = 0;
    for (const struct tree *window = tree->windows; window != NULL; window = window->next, i++) {
        tree->slices[i] = window_slices(checker, window, tree->slice_ms, row->windows > 1);
        if (tree->slices[i] == 0)
            return false;
        slices += tree->slices[i];
    }
    if (slices <= WINDOW_SLICES_MAX)
        return true;
    report_problem(checker->report, checker_position(checker, tree->windows->span),
                   "the windows are too long together: at most %d %s", WINDOW_SLICES_MAX,
                   tree->slice_ms == HOUR ? "hours" : "days");
    return false;
}

static uint64_t aggregate_hash(const struct tree *tree) {
    uint64_t hash = digest_text(digest_string(0, "aggregate"), tree->aggregate->name);
    hash = digest_text(digest_text(digest_text(hash, tree->name), tree->field), tree->key);
    hash = digest_u64(hash, tree->where == NULL ? 0 : tree->where->hash);
    hash = digest_u64(hash, (uint64_t)tree->slice_ms);
    return digest_u64(digest_u64(hash, tree->slices[0]), tree->slices[1]);
}

bool check_aggregate(struct checker *checker, struct tree *tree) {
    const struct aggregate_row *row = tree->aggregate;
    if (checker->filter != STREAMS) {
        struct text shown = report_shown(checker->report, row->name);
        report_problem(checker->report, checker_position(checker, tree->span),
                       "a `where` looks at one event and cannot hold %.*s(...), which looks at many",
                       TEXT_ARGUMENTS(shown));
        return false;
    }
    if (!check_stream(checker, tree))
        return false;
    bool good = check_aggregate_field(checker, tree);
    good &= check_where(checker, tree);
    good &= check_windows(checker, tree);
    if (!good)
        return false;
    tree->type = row->result;
    if (row->gives_the_field)
        set_field_type(tree, &stream_schemas[tree->stream].fields[tree->field_index]);
    tree->hash = aggregate_hash(tree);
    return true;
}
