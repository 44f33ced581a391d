/* Any bytes as a rules file: compiled, or refused with a place and a reason. */
#include <assert.h>
#include <stdint.h>

#include "config/yaml.h"
#include "engine/core/rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_problems(const struct problems *problems) {
    assert(problems->count > 0 && problems->count <= PROBLEMS_MAX);
    for (uint32_t i = 0; i < problems->count; i++) {
        assert(problems->items[i].position.line > 0 && problems->items[i].position.column > 0);
        assert(problems->items[i].message.size > 0);
        assert(text_is_utf8(problems->items[i].message));
    }
}

static void look_at_code(const struct program *program, struct code code) {
    for (uint32_t i = 0; i < code.count; i++) {
        assert(code.instructions[i].target >= program->constants_count);
        assert((uint32_t)code.instructions[i].target + makes_text((enum operation)code.instructions[i].operation) <
               program->registers_count);
    }
}

static void look_at_program(const struct program *program) {
    assert(program->registers_count <= REGISTERS_MAX);
    look_at_code(program, program->code);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        look_at_code(program, program->filters[stream]);
    for (uint32_t i = 0; i < program->aggregates_count; i++)
        assert(program->aggregates[i].window_slices <= WINDOW_SLICES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = {0};
    struct document document;
    struct error error;
    struct problems problems;
    const struct program *program;
    struct text source = size == 0 ? TEXT("") : (struct text){(const char *)data, (uint32_t)size};
    if (yaml_read_text(source, TEXT("fuzz.yaml"), &arena, &document, &error) == RESULT_OK) {
        enum result result = rules_compile(&document, &arena, &program, &problems);
        if (result == RESULT_OK)
            look_at_program(program);
        else
            look_at_problems(&problems);
    }
    arena_free(&arena);
    return 0;
}
