#include "cli/test_reader.h"
#include "producer/change_json.h"

static const char *const change_keys[] = {"kind", "subject", "from", "to", "at", "cause", "playbook", "reasons", NULL};

static bool read_kind(struct test_reader *reader, const struct node *node, struct expected_change *change) {
    struct text names[CHANGE_EXITED + 1];
    for (enum change_kind kind = 0; kind <= CHANGE_EXITED; kind++)
        names[kind] = text_of(change_kind_name(kind));
    int kind = test_is_scalar(reader, node, "a kind") ? test_name(reader, node, "kind", names, CHANGE_EXITED + 1) : -1;
    change->has_kind = kind >= 0;
    change->kind = kind < 0 ? CHANGE_MOVED : (enum change_kind)kind;
    return change->has_kind;
}

static bool read_cause(struct test_reader *reader, const struct node *node, struct expected_change *change) {
    struct text names[CAUSE_ACCOUNT_DELETED + 1];
    for (enum cause_kind kind = 0; kind <= CAUSE_ACCOUNT_DELETED; kind++)
        names[kind] = text_of(cause_kind_name(kind));
    int kind = test_is_scalar(reader, node, "a cause")
                   ? test_name(reader, node, "cause", names, CAUSE_ACCOUNT_DELETED + 1)
                   : -1;
    change->has_cause = kind >= 0;
    change->cause = kind < 0 ? CAUSE_EVENT : (enum cause_kind)kind;
    return change->has_cause;
}

static bool read_subject(struct test_reader *reader, const struct node *node, struct expected_change *change) {
    const struct program *program = reader->program;
    uint32_t count = program->dimensions_count + program->segments_count;
    struct text *names = test_array(reader, count, sizeof *names);
    if (names == NULL || !test_is_scalar(reader, node, "a subject"))
        return false;
    for (uint32_t i = 0; i < program->dimensions_count; i++)
        names[i] = program->dimensions[i].name;
    for (uint32_t i = 0; i < program->segments_count; i++)
        names[program->dimensions_count + i] = program->segments[i].name;
    change->subject = node->text;
    return test_name(reader, node, "dimension or segment", names, count) >= 0;
}

/* A text, or null. */
static bool read_text(struct test_reader *reader, const struct node *node, bool *ret_given, struct text *ret_text) {
    *ret_given = true;
    *ret_text = test_is_null(node) ? TEXT_MISSING : node->text;
    return test_is_scalar(reader, node, "a value");
}

static bool read_key(struct test_reader *reader, struct text key, const struct node *node,
                     struct expected_change *change) {
    if (text_equals(key, "kind"))
        return read_kind(reader, node, change);
    if (text_equals(key, "cause"))
        return read_cause(reader, node, change);
    if (text_equals(key, "subject"))
        return read_subject(reader, node, change);
    if (text_equals(key, "from"))
        return read_text(reader, node, &change->has_from, &change->from);
    if (text_equals(key, "to"))
        return read_text(reader, node, &change->has_to, &change->to);
    if (text_equals(key, "playbook"))
        return read_text(reader, node, &change->has_playbook, &change->playbook);
    if (text_equals(key, "at")) {
        change->has_at = true;
        return test_instant(reader, node, &change->at_ms);
    }
    change->has_reasons = true;
    return test_texts(reader, node, "a signal", &change->reasons, &change->reasons_count);
}

/* The change as the file writes it, in one line, for messages. */
static struct text write_change(struct test_reader *reader, const struct node *node) {
    struct text line = TEXT("");
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node *value = node->values[i];
        const char *comma = i == 0 ? "" : ", ";
        if (value->kind == NODE_SCALAR) {
            line = arena_printf(reader->arena, "%.*s%s%.*s: %.*s", TEXT_ARGUMENTS(line), comma,
                                TEXT_ARGUMENTS(node->keys[i]->text), TEXT_ARGUMENTS(value->text));
            continue;
        }
        line = arena_printf(reader->arena, "%.*s%s%.*s: [", TEXT_ARGUMENTS(line), comma,
                            TEXT_ARGUMENTS(node->keys[i]->text));
        for (uint32_t j = 0; j < value->count; j++)
            line = arena_printf(reader->arena, "%.*s%s%.*s", TEXT_ARGUMENTS(line), j == 0 ? "" : ", ",
                                TEXT_ARGUMENTS(value->values[j]->text));
        line = arena_printf(reader->arena, "%.*s]", TEXT_ARGUMENTS(line));
    }
    return line;
}

bool test_change_read(struct test_reader *reader, const struct node *node, struct expected_change *ret_change) {
    if (!test_is_mapping(reader, node, "a change"))
        return false;
    uint32_t errors = reader->findings->errors;
    test_keys(reader, node, change_keys);
    *ret_change = (struct expected_change){.position = node->position};
    for (uint32_t i = 0; i < node->count && errors == reader->findings->errors; i++)
        read_key(reader, node->keys[i]->text, node->values[i], ret_change);
    if (errors != reader->findings->errors)
        return false;
    ret_change->written = write_change(reader, node);
    return true;
}
