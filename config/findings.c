#include "config/findings.h"

#include <stdio.h>

void finding_add(struct findings *findings, enum severity severity, struct text where, const char *format, ...) {
    *(severity == SEVERITY_ERROR ? &findings->errors : &findings->warnings) += 1;
    if (findings->count == FINDINGS_MAX)
        return;
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct text what = arena_text(findings->arena, text_of(text));
    findings->items[findings->count++] = (struct finding){
        .severity = severity,
        .where = text_is_missing(where) ? TEXT("configuration") : where,
        .what = text_is_missing(what) ? TEXT("memory ran out while a finding was described") : what,
    };
}

struct text place_text(struct arena *arena, struct text file, uint32_t line, uint32_t column) {
    return arena_printf(arena, "%.*s:%u:%u", TEXT_ARGUMENTS(file), line, column);
}
