#include <assert.h>
#include <math.h>

#include "engine/core/change.h"
#include "engine/core/rules/compiler.h"

static bool is_text(const struct tree *tree) {
    return tree->type == TYPE_STRING;
}

/* Of -0 the 0 that it is equal to, and of all that is missing the same: what has one hash (digest.h) must be one
 * constant, or two aggregates would have one fingerprint. */
static double literal_number(double number) {
    if (isnan(number))
        return NAN;
    return number == 0 ? 0 : number;
}

static union literal literal_value(const struct tree *literal) {
    return is_text(literal) ? (union literal){.text = literal->text}
                            : (union literal){.number = literal_number(literal->number)};
}

static uint16_t key_constant(struct compiler *compiler, const struct tree *tree) {
    union literal key = {.text = tree->key};
    return emit_constant(&compiler->emitter, true, key);
}

/* The literals after `in`, in a row. */
static uint16_t choices(struct compiler *compiler, const struct tree *tree) {
    uint32_t count = 0;
    union literal *values = report_alloc(compiler->report, tree->operands_count * sizeof *values);
    for (const struct tree *choice = tree->operands->next; values != NULL && choice != NULL; choice = choice->next)
        values[count++] = literal_value(choice);
    return values == NULL ? 0 : emit_constants(&compiler->emitter, is_text(tree->operands), values, count);
}

void compile_gather(struct compiler *compiler, const struct tree *tree) {
    if (tree == NULL)
        return;
    if (tree->kind == TREE_LITERAL)
        emit_constant(&compiler->emitter, is_text(tree), literal_value(tree));
    if (!text_is_missing(tree->key))
        key_constant(compiler, tree);
    if (tree->kind == TREE_NAME && tree->meaning == MEANING_METRIC)
        compiler->metric_used[tree->index] = true;
    if (tree->kind == TREE_IN) {
        compile_gather(compiler, tree->operands);
        choices(compiler, tree);
        return;
    }
    for (const struct tree *operand = tree->operands; operand != NULL; operand = operand->next)
        compile_gather(compiler, operand);
    compile_gather(compiler, tree->where);
}

static uint16_t compile_field(struct compiler *compiler, uint32_t block, const struct tree *tree) {
    bool is_fact = tree->meaning == MEANING_FACT;
    enum operation operation = is_fact ? OP_FACT_NUMBER : OP_EVENT_NUMBER;
    uint16_t key = 0;
    if (!text_is_missing(tree->key)) {
        operation = is_fact ? OP_FACT_ENTRY : OP_EVENT_ENTRY;
        key = key_constant(compiler, tree);
    } else if (tree->symbols != NULL) {
        operation = is_fact ? OP_FACT_ENUM : OP_EVENT_ENUM;
    } else if (is_text(tree)) {
        operation = is_fact ? OP_FACT_TEXT : OP_EVENT_TEXT;
    }
    return emit(&compiler->emitter, block,
                (struct instruction){.operation = (uint16_t)operation, .left = (uint16_t)tree->index, .right = key});
}

static uint16_t compile_name(struct compiler *compiler, uint32_t block, const struct tree *tree) {
    switch (tree->meaning) {
    case MEANING_METRIC:
        return compiler->metric_registers[tree->index];
    case MEANING_SCORE:
        return compiler->scores[tree->index].result;
    case MEANING_DIMENSION:
        return compiler->dimensions[tree->index].result;
    default:
        return compile_field(compiler, block, tree);
    }
}

/* Registers that the engine sets are only made where they are asked for. */
static uint16_t asked_for(struct compiler *compiler, uint16_t *slot) {
    if (*slot == REGISTER_NONE)
        *slot = emit_register(&compiler->emitter, false);
    return *slot;
}

static uint16_t compile_membership(struct compiler *compiler, const struct tree *tree) {
    if (tree->meaning == MEANING_DIMENSION)
        return asked_for(compiler, &compiler->dimensions[tree->index].time_in);
    struct segment *segment = &compiler->segments[tree->index];
    bool asks_time = tree->membership == &language_memberships[MEMBERSHIP_TIME_IN];
    return asked_for(compiler, asks_time ? &segment->time_in : &segment->inside);
}

/* The instruction that takes what was joined so far, `left`, and the next operand, or where it can the next two: the
 * last that it takes. */
static const struct tree *compile_link(struct compiler *compiler, uint32_t block, const struct tree *operand,
                                       uint16_t *left) {
    enum operation operation = language_words[operand->joined].operation;
    struct instruction link = {(uint16_t)operation, 0, *left, compile_tree(compiler, block, operand), 0};
    if ((operation == OP_AND || operation == OP_OR) && operand->next != NULL) {
        operand = operand->next;
        link.operation = operation == OP_AND ? OP_AND3 : OP_OR3;
        link.extra = compile_tree(compiler, block, operand);
    }
    *left = emit(&compiler->emitter, block, link);
    return operand;
}

static uint16_t compile_chain(struct compiler *compiler, uint32_t block, const struct tree *tree) {
    uint16_t left = compile_tree(compiler, block, tree->operands);
    for (const struct tree *operand = tree->operands->next; operand != NULL; operand = operand->next)
        operand = compile_link(compiler, block, operand, &left);
    return left;
}

/* One or two operands and the operation that their type asks for. */
static uint16_t compile_operation(struct compiler *compiler, uint32_t block, const struct tree *tree,
                                  enum operation operation, enum operation operation_text) {
    const struct tree *operand = tree->operands;
    uint16_t left = compile_tree(compiler, block, operand);
    uint16_t right = operand->next == NULL ? 0 : compile_tree(compiler, block, operand->next);
    operation = is_text(operand) ? operation_text : operation;
    return emit(&compiler->emitter, block, (struct instruction){(uint16_t)operation, 0, left, right, 0});
}

/* Whether a tree is a call of such a function, and not of its twin for texts. */
static bool is_call_of(const struct tree *tree, enum operation operation) {
    return tree->kind == TREE_CALL && !is_text(tree->operands) && tree->function->operation == operation;
}

static uint16_t compile_not(struct compiler *compiler, uint32_t block, const struct tree *tree) {
    const struct tree *operand = tree->operands;
    if (operand->kind == TREE_CALL && operand->function->operation == OP_MISSING)
        return compile_operation(compiler, block, operand, OP_PRESENT, OP_PRESENT_TEXT);
    return compile_operation(compiler, block, tree, OP_NOT, OP_NOT);
}

/* coalesce(min2(x, y), coalesce(x, y)) and the same with max2 are the language's way to ask for one of two of which one
 * may be missing. */
static uint16_t compile_call(struct compiler *compiler, uint32_t block, const struct tree *tree) {
    const struct function_row *function = tree->function;
    const struct tree *both = tree->operands, *either = both->next;
    bool is_least = is_call_of(both, OP_MIN2);
    if (is_call_of(tree, OP_COALESCE) && (is_least || is_call_of(both, OP_MAX2)) && is_call_of(either, OP_COALESCE)) {
        const struct tree *x = both->operands;
        uint16_t left = compile_tree(compiler, block, x), right = compile_tree(compiler, block, x->next);
        x = either->operands;
        if (compile_tree(compiler, block, x) == left && compile_tree(compiler, block, x->next) == right)
            return emit(&compiler->emitter, block,
                        (struct instruction){is_least ? OP_LEAST_PRESENT : OP_GREATEST_PRESENT, 0, left, right, 0});
    }
    return compile_operation(compiler, block, tree, function->operation, function->operation_text);
}

static uint16_t compile_in(struct compiler *compiler, uint32_t block, const struct tree *tree) {
    const struct word_row *row = &language_words[WORD_IN];
    uint16_t operation = (uint16_t)(is_text(tree->operands) ? row->operation_text : row->operation);
    uint16_t left = compile_tree(compiler, block, tree->operands);
    uint16_t first = choices(compiler, tree);
    return emit(&compiler->emitter, block,
                (struct instruction){operation, 0, left, first, (uint16_t)(tree->operands_count - 1)});
}

uint16_t compile_tree(struct compiler *compiler, uint32_t block, const struct tree *tree) {
    const struct word_row *sign = &language_words[tree->sign];
    switch (tree->kind) {
    case TREE_LITERAL:
        return emit_constant(&compiler->emitter, is_text(tree), literal_value(tree));
    case TREE_NAME:
        return compile_name(compiler, block, tree);
    case TREE_FIELD:
        return compile_field(compiler, block, tree);
    case TREE_CHAIN:
        return compile_chain(compiler, block, tree);
    case TREE_NOT:
        return compile_not(compiler, block, tree);
    case TREE_NEGATE:
        return compile_operation(compiler, block, tree, OP_NEGATE, OP_NEGATE);
    case TREE_COMPARISON:
        return compile_operation(compiler, block, tree, sign->operation, sign->operation_text);
    case TREE_IN:
        return compile_in(compiler, block, tree);
    case TREE_CALL:
        return compile_call(compiler, block, tree);
    case TREE_AGGREGATE:
        return compile_aggregate(compiler, tree);
    case TREE_MEMBERSHIP:
        return compile_membership(compiler, tree);
    }
    assert(!"a kind of tree that is not known");
    return 0;
}

/* --- Conditions --- */

static bool is_joined(const struct tree *tree) {
    return tree->kind == TREE_CHAIN && language_words[tree->operands->next->joined].level <= LEVEL_AND;
}

static struct condition condition_of(struct compiler *compiler, const struct source *source, const struct tree *tree) {
    struct condition condition = {
        .text = span_text(source, tree->span),
        .left = REGISTER_NONE,
        .right = REGISTER_NONE,
        .holds = compile_tree(compiler, BLOCK_EVALUATION, tree),
    };
    if (tree->kind != TREE_COMPARISON && tree->kind != TREE_IN)
        return condition;
    const struct tree *left = tree->operands, *right = left->next;
    condition.left = compile_tree(compiler, BLOCK_EVALUATION, left);
    condition.left_type = left->type;
    if (tree->kind == TREE_IN)
        return condition;
    condition.right = compile_tree(compiler, BLOCK_EVALUATION, right);
    condition.right_type = right->type;
    return condition;
}

/* The comparisons and other booleans that `and`, `or` and `not` join, in the order of their text. */
static uint32_t gather_conditions(struct compiler *compiler, const struct source *source, const struct tree *tree,
                                  struct condition *conditions, uint32_t count) {
    if (count == CONDITIONS_MAX)
        return count;
    if (tree->kind != TREE_NOT && !is_joined(tree)) {
        conditions[count] = condition_of(compiler, source, tree);
        return count + 1;
    }
    for (const struct tree *operand = tree->operands; operand != NULL && count < CONDITIONS_MAX;
         operand = operand->next)
        count = gather_conditions(compiler, source, operand, conditions, count);
    return count;
}

struct expression compile_expression(struct compiler *compiler, const struct checked_expression *expression) {
    if (expression->tree == NULL)
        return (struct expression){.result = REGISTER_NONE};
    uint16_t result = compile_tree(compiler, BLOCK_EVALUATION, expression->tree);
    struct condition *conditions = report_alloc(compiler->report, CONDITIONS_MAX * sizeof *conditions);
    if (conditions == NULL)
        return (struct expression){.result = result};
    uint32_t count = gather_conditions(compiler, &expression->source, expression->tree, conditions, 0);
    return (struct expression){result, conditions, count};
}
