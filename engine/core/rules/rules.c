#include "engine/core/rules/rules.h"

#include "engine/core/rules/compile.h"
#include "engine/core/rules/file.h"

enum result rules_compile(const struct document *document, struct arena *arena, const struct program **ret_program,
                          struct problems *problems) {
    struct report report = {arena, problems, false};
    struct checked_rules *rules = report_alloc(&report, sizeof *rules);
    problems->count = 0;
    problems->has_more = false;
    if (rules == NULL)
        return RESULT_FATAL;
    rules_read(&report, document, rules);
    struct program *program = NULL;
    if (!report.memory_out && problems->count == 0)
        program = compile_rules(&report, rules);
    if (report.memory_out)
        return RESULT_FATAL;
    if (problems->count > 0)
        return RESULT_REJECT;
    *ret_program = program;
    return RESULT_OK;
}
