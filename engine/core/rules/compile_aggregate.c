#include "engine/core/rules/compiler.h"
#include "engine/core/rules/digest.h"

/* Part of every fingerprint: never changed. */
static const char *const kind_names[] = {
    [AGGREGATE_COUNT] = "count",   [AGGREGATE_SUM] = "sum",           [AGGREGATE_MIN] = "min",
    [AGGREGATE_MAX] = "max",       [AGGREGATE_DISTINCT] = "distinct", [AGGREGATE_LAST] = "last",
    [AGGREGATE_NEWEST] = "newest", [AGGREGATE_OLDEST] = "oldest",     [AGGREGATE_OPEN] = "open",
};

/* What the aggregate remembers, by names that mean the same in every ruleset and version. */
static uint64_t fingerprint(const struct aggregate *aggregate, const struct tree *tree) {
    const struct stream_schema *schema = &stream_schemas[aggregate->stream];
    uint64_t digest = digest_string(0, kind_names[aggregate->kind]);
    digest = digest_text(digest, schema->name);
    digest = digest_text(digest, aggregate->field == FIELDS_MAX ? TEXT_MISSING : schema->fields[aggregate->field].name);
    digest = digest_text(digest, aggregate->key);
    digest = digest_u64(digest, tree->where == NULL ? 0 : tree->where->hash);
    return digest_u64(digest, (uint64_t)aggregate->slice_ms);
}

static void report_full(struct compiler *compiler, const char *what, int most) {
    if (!compiler->emitter.full)
        report_problem(compiler->report, compiler->rules->position,
                       "these rules are too large: they hold more than %d %s", most, what);
    compiler->emitter.full = true;
}

static bool same_aggregate(const struct aggregate *left, const struct aggregate *right) {
    return left->fingerprint == right->fingerprint && left->kind == right->kind && left->stream == right->stream &&
           left->field == right->field && left->filter == right->filter && left->slice_ms == right->slice_ms &&
           (text_equal(left->key, right->key) || (text_is_missing(left->key) && text_is_missing(right->key)));
}

/* The index of the aggregate that is like `wanted`; it serves both windows. */
static uint16_t share(struct compiler *compiler, struct aggregate wanted) {
    uint32_t i = 0;
    while (i < compiler->aggregates_count && !same_aggregate(&compiler->aggregates[i], &wanted))
        i++;
    if (i == compiler->aggregates_count) {
        uint32_t others = compiler->rules->program.dimensions_count + compiler->rules->program.segments_count;
        if (i + others >= SLOTS_MAX) {
            report_full(compiler, "aggregates, dimensions and segments together", SLOTS_MAX);
            return 0;
        }
        if (wanted.kind == AGGREGATE_OPEN && compiler->open_count == OPEN_FILTERS_MAX)
            report_full(compiler, "different calls of `open`", OPEN_FILTERS_MAX);
        else if (wanted.kind == AGGREGATE_OPEN)
            wanted.open_index = (uint16_t)compiler->open_count++;
        compiler->aggregates[compiler->aggregates_count++] = wanted;
    }
    struct aggregate *aggregate = &compiler->aggregates[i];
    if (aggregate->window_slices < wanted.window_slices)
        aggregate->window_slices = wanted.window_slices;
    if (aggregate->window_slices_least > wanted.window_slices_least)
        aggregate->window_slices_least = wanted.window_slices_least;
    return (uint16_t)i;
}

static enum value_source source_of(const struct tree *tree) {
    if (tree->field_index == FIELDS_MAX)
        return SOURCE_NONE;
    switch (stream_schemas[tree->stream].fields[tree->field_index].type) {
    case FIELD_STRING:
        return SOURCE_TEXT;
    case FIELD_MAP:
        return SOURCE_ENTRY;
    default:
        return SOURCE_NUMBER;
    }
}

/* What one of the call's aggregates must be. */
static uint16_t aggregate_of(struct compiler *compiler, const struct tree *tree, enum aggregate_kind kind,
                             uint16_t filter) {
    struct aggregate aggregate = {
        .kind = kind,
        .stream = tree->stream,
        .field = (uint8_t)tree->field_index,
        .source = source_of(tree),
        .key = tree->key,
        .filter = filter,
        .slice_ms = tree->slice_ms,
        .window_slices = tree->slices[0] + tree->slices[1],
        .window_slices_least = tree->slices[0] + tree->slices[1],
    };
    aggregate.fingerprint = fingerprint(&aggregate, tree);
    return share(compiler, aggregate);
}

static enum operation operation_of(const struct tree *tree) {
    if (tree->aggregate->operation != OP_LAST_NUMBER || tree->type != TYPE_STRING)
        return tree->aggregate->operation;
    return tree->symbols != NULL ? OP_LAST_ENUM : OP_LAST_TEXT;
}

uint16_t compile_aggregate(struct compiler *compiler, const struct tree *tree) {
    struct emitter *emitter = &compiler->emitter;
    const struct aggregate_row *row = tree->aggregate;
    uint16_t filter = tree->where == NULL ? REGISTER_NONE : compile_tree(compiler, tree->stream, tree->where);
    uint16_t index = aggregate_of(compiler, tree, row->kind, filter);
    uint16_t window = (uint16_t)tree->slices[0], before = (uint16_t)tree->slices[1];
    uint16_t value = emit(emitter, BLOCK_EVALUATION,
                          (struct instruction){(uint16_t)operation_of(tree), 0, index, window, before});
    if (!row->per_event)
        return value;
    uint16_t counted = aggregate_of(compiler, tree, AGGREGATE_COUNT, filter);
    uint16_t count = emit(emitter, BLOCK_EVALUATION, (struct instruction){OP_COUNT, 0, counted, window, 0});
    return emit(emitter, BLOCK_EVALUATION, (struct instruction){OP_DIVIDE, 0, value, count, 0});
}
