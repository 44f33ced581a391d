#include "cli/rules_file.h"

#include <assert.h>
#include <stdio.h>

#include "config/yaml.h"
#include "embedded/packs.h"
#include "engine/core/rules/rules.h"

static enum result compile(const struct document *document, struct arena *arena, const struct program **ret_program,
                           struct findings *findings) {
    struct problems problems = {.count = 0};
    enum result result = rules_compile(document, arena, ret_program, &problems);
    for (uint32_t i = 0; i < problems.count; i++)
        finding_add(findings, SEVERITY_ERROR,
                    place_text(findings->arena, document->file, problems.items[i].position.line,
                               problems.items[i].position.column),
                    "%.*s", TEXT_ARGUMENTS(problems.items[i].message));
    if (problems.has_more)
        finding_add(findings, SEVERITY_ERROR, document->file, "there are more problems behind these %d", PROBLEMS_MAX);
    if (result == RESULT_FATAL)
        finding_add(findings, SEVERITY_ERROR, document->file, "memory is out");
    return result;
}

/* `error` has its place in it already. */
static enum result unreadable(struct findings *findings, enum result result, const struct error *error) {
    finding_add(findings, SEVERITY_ERROR, TEXT(""), "%s", error->text);
    return result;
}

enum result rules_file_read(const char *path, struct arena *arena, const struct program **ret_program,
                            struct findings *findings) {
    struct document document;
    struct error error;
    enum result result = yaml_read_file(path, arena, &document, &error);
    return result == RESULT_OK ? compile(&document, arena, ret_program, findings)
                               : unreadable(findings, result, &error);
}

enum result rules_pack_read(const char *name, struct arena *arena, const struct program **ret_program,
                            struct findings *findings) {
    const struct embedded_file *pack = packs_files;
    struct document document;
    struct error error;
    char path[64];
    snprintf(path, sizeof path, "rules/%s", name);
    while (pack < packs_files + packs_files_count && strcmp(pack->name, path) != 0)
        pack++;
    assert(pack < packs_files + packs_files_count);
    enum result result = yaml_read_text((struct text){pack->text, (uint32_t)pack->length}, text_of(pack->name), arena,
                                        &document, &error);
    return result == RESULT_OK ? compile(&document, arena, ret_program, findings)
                               : unreadable(findings, result, &error);
}

static uint32_t count_facts(const struct program *program) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->code.count; i++) {
        uint16_t operation = program->code.instructions[i].operation;
        count += operation >= OP_FACT_NUMBER && operation <= OP_FACT_ENTRY;
    }
    return count;
}

void rules_file_check_streams(const struct program *program, const char *const topics[STREAMS],
                              struct findings *findings) {
    for (int i = 0; i < STREAMS; i++) {
        struct text where = arena_printf(findings->arena, "streams.%.*s", TEXT_ARGUMENTS(stream_schemas[i].name));
        if (topics[i] == NULL && program->aggregates_of_count[i] > 0)
            finding_add(findings, SEVERITY_WARNING, where,
                        "it is off, and the rules look at it: to them nothing ever happens there, so that counts and "
                        "sums of it are 0 for every account, and all else of it is missing");
        if (topics[i] == NULL && i == STREAM_ACCOUNT && count_facts(program) > 0)
            finding_add(findings, SEVERITY_WARNING, where,
                        "it is off, and the rules look at facts: they are missing for every account");
    }
}
