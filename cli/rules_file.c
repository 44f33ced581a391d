#include "cli/rules_file.h"

#include "config/yaml.h"
#include "engine/core/rules/rules.h"

enum result rules_file_read(const char *path, struct arena *arena, const struct program **ret_program,
                            struct findings *findings) {
    struct document document;
    struct error error;
    struct problems problems = {.count = 0};
    enum result result = yaml_read_file(path, arena, &document, &error);
    if (result != RESULT_OK) {
        /* The message has its place in it already. */
        finding_add(findings, SEVERITY_ERROR, TEXT(""), "%s", error.text);
        return result;
    }
    result = rules_compile(&document, arena, ret_program, &problems);
    for (uint32_t i = 0; i < problems.count; i++)
        finding_add(findings, SEVERITY_ERROR,
                    place_text(findings->arena, document.file, problems.items[i].position.line,
                               problems.items[i].position.column),
                    "%.*s", TEXT_ARGUMENTS(problems.items[i].message));
    if (result == RESULT_FATAL)
        finding_add(findings, SEVERITY_ERROR, document.file, "memory is out");
    return result;
}
