#include "engine/core/rules/emit.h"

#include <assert.h>

#include "base/hash.h"
#include "base/number.h"

#define BUCKETS 1024

enum constant_kind { CONSTANT_NUMBER, CONSTANT_TEXT, CONSTANT_TEXT_REST };

struct emitted {
    struct instruction instruction;
    uint32_t block;
    struct emitted *next_in_bucket, *next_in_block;
};

bool emitter_init(struct emitter *emitter, struct report *report, struct position position) {
    *emitter = (struct emitter){.report = report, .position = position};
    emitter->buckets = report_alloc(report, BUCKETS * sizeof *emitter->buckets);
    emitter->constants = report_alloc(report, REGISTERS_MAX * sizeof *emitter->constants);
    emitter->constant_kinds = report_alloc(report, REGISTERS_MAX);
    emitter->constant_buckets = report_alloc(report, BUCKETS * sizeof *emitter->constant_buckets);
    emitter->constant_next = report_alloc(report, REGISTERS_MAX * sizeof *emitter->constant_next);
    return !report->memory_out;
}

/* Whether there is room for `more` registers. */
static bool has_room(struct emitter *emitter, uint32_t more) {
    uint32_t count = emitter->registers_count > 0 ? emitter->registers_count : emitter->constants_count;
    if (!emitter->full && count + more <= REGISTERS_MAX)
        return true;
    if (!emitter->full)
        report_problem(
            emitter->report, emitter->position,
            "these rules are too large: they need more than %d registers, one for each different value or step and two "
            "for each text",
            REGISTERS_MAX);
    emitter->full = true;
    return false;
}

/* Constants are told apart by their bits: what is missing is equal to itself here. */
static bool constant_equals(const struct emitter *emitter, uint32_t at, bool is_text, union literal literal) {
    if (emitter->constant_kinds[at] != (is_text ? CONSTANT_TEXT : CONSTANT_NUMBER))
        return false;
    return is_text ? text_equal(text_in_register(emitter->constants, at), literal.text)
                   : emitter->constants[at].bits == number_bits(literal.number);
}

static uint32_t registers_of(bool is_text) {
    return is_text ? TEXT_REGISTERS : 1;
}

static bool constants_equal(const struct emitter *emitter, uint32_t at, bool is_text, const union literal *literals,
                            uint32_t count) {
    uint32_t same = 0;
    while (same < count && constant_equals(emitter, at + same * registers_of(is_text), is_text, literals[same]))
        same++;
    return same == count;
}

static uint16_t *constant_bucket(const struct emitter *emitter, bool is_text, union literal literal) {
    uint64_t bits = is_text ? 0 : number_bits(literal.number);
    uint64_t hash = is_text ? hash_text(literal.text) : hash_bytes(&bits, sizeof bits, 0);
    return &emitter->constant_buckets[hash % BUCKETS];
}

static void constant_add(struct emitter *emitter, bool is_text, union literal literal) {
    uint16_t *bucket = constant_bucket(emitter, is_text, literal);
    uint32_t at = emitter->constants_count;
    emitter->constant_kinds[at] = is_text ? CONSTANT_TEXT : CONSTANT_NUMBER;
    if (is_text) {
        set_text_in_register(emitter->constants, at, literal.text);
        emitter->constant_kinds[at + 1] = CONSTANT_TEXT_REST;
    } else {
        emitter->constants[at].number = literal.number;
    }
    emitter->constant_next[at] = *bucket;
    *bucket = (uint16_t)(at + 1);
    emitter->constants_count += registers_of(is_text);
}

uint16_t emit_constants(struct emitter *emitter, bool is_text, const union literal *literals, uint32_t count) {
    uint32_t registers = count * registers_of(is_text);
    for (uint32_t next = *constant_bucket(emitter, is_text, literals[0]); next != 0;
         next = emitter->constant_next[next - 1])
        if (next - 1 + registers <= emitter->constants_count &&
            constants_equal(emitter, next - 1, is_text, literals, count))
            return (uint16_t)(next - 1);
    assert(emitter->registers_count == 0 || emitter->full);
    if (!has_room(emitter, registers))
        return 0;
    for (uint32_t i = 0; i < count; i++)
        constant_add(emitter, is_text, literals[i]);
    return (uint16_t)(emitter->constants_count - registers);
}

uint16_t emit_constant(struct emitter *emitter, bool is_text, union literal literal) {
    return emit_constants(emitter, is_text, &literal, 1);
}

void emit_begin(struct emitter *emitter) {
    emitter->registers_count = emitter->constants_count;
}

uint16_t emit_register(struct emitter *emitter, bool is_text) {
    uint32_t at = emitter->registers_count, registers = registers_of(is_text);
    if (!has_room(emitter, registers))
        return 0;
    emitter->registers_count += registers;
    return (uint16_t)at;
}

static uint64_t bucket_of(uint32_t block, struct instruction instruction) {
    uint16_t key[] = {(uint16_t)block, instruction.operation, instruction.left, instruction.right, instruction.extra};
    return hash_bytes(key, sizeof key, 0) % BUCKETS;
}

static bool same_instruction(struct instruction left, struct instruction right) {
    return left.operation == right.operation && left.left == right.left && left.right == right.right &&
           left.extra == right.extra;
}

uint16_t emit(struct emitter *emitter, uint32_t block, struct instruction instruction) {
    struct emitted **bucket = &emitter->buckets[bucket_of(block, instruction)];
    for (const struct emitted *known = *bucket; known != NULL; known = known->next_in_bucket)
        if (known->block == block && same_instruction(known->instruction, instruction))
            return known->instruction.target;
    struct emitted *emitted = report_alloc(emitter->report, sizeof *emitted);
    if (emitted == NULL)
        return 0;
    instruction.target = emit_register(emitter, makes_text((enum operation)instruction.operation));
    *emitted = (struct emitted){instruction, block, *bucket, NULL};
    *bucket = emitted;
    if (emitter->last[block] == NULL)
        emitter->first[block] = emitted;
    else
        emitter->last[block]->next_in_block = emitted;
    emitter->last[block] = emitted;
    emitter->counts[block]++;
    return instruction.target;
}

struct code emit_code(struct emitter *emitter, uint32_t block) {
    uint32_t count = 0;
    struct instruction *instructions = report_alloc(emitter->report, emitter->counts[block] * sizeof *instructions);
    for (const struct emitted *emitted = emitter->first[block]; instructions != NULL && emitted != NULL;
         emitted = emitted->next_in_block)
        instructions[count++] = emitted->instruction;
    return (struct code){instructions, count};
}
