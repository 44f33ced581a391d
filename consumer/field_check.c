#include "consumer/field_check.h"

#include <stdio.h>

#include "base/number.h"

#define EXCERPT_SIZE_MAX 80

enum result field_check_id(enum stream stream, const struct field *field, struct text id, struct error *error) {
    if (field_id_fits(id))
        return RESULT_OK;
    struct text name = stream_schemas[stream].name;
    if (id.size == 0)
        return error_set(error, RESULT_REJECT, "%.*s %.*s is empty", TEXT_ARGUMENTS(name), TEXT_ARGUMENTS(field->name));
    return error_set(error, RESULT_REJECT, "%.*s %.*s has %u bytes; %d is the most", TEXT_ARGUMENTS(name),
                     TEXT_ARGUMENTS(field->name), id.size, ID_SIZE_MAX);
}

enum result field_out_of_bounds(enum stream stream, const struct field *field, double number, struct error *error) {
    char met[NUMBER_TEXT_MAX], lowest[NUMBER_TEXT_MAX], highest[NUMBER_TEXT_MAX];
    number_format(number, met);
    number_format(field->lowest, lowest);
    number_format(field->highest, highest);
    return error_set(error, RESULT_REJECT, "%.*s %.*s is %s, expected %s to %s",
                     TEXT_ARGUMENTS(stream_schemas[stream].name), TEXT_ARGUMENTS(field->name), met, lowest, highest);
}

void field_symbols(const struct field *field, char ret_text[SYMBOLS_TEXT_MAX]) {
    int used = 0;
    ret_text[0] = '\0';
    for (uint32_t i = 0; i < field->symbols_count && used < SYMBOLS_TEXT_MAX; i++)
        used += snprintf(ret_text + used, (size_t)(SYMBOLS_TEXT_MAX - used), "%s%.*s", i == 0 ? "" : ", ",
                         TEXT_ARGUMENTS(field->symbols[i]));
}

struct text message_excerpt(struct text text, const char **ret_cut) {
    *ret_cut = text.size <= EXCERPT_SIZE_MAX ? "" : "...";
    return text_beginning(text, EXCERPT_SIZE_MAX);
}
