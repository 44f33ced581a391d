#include "base/result.h"

#include <stdio.h>
#include <string.h>

enum result error_set(struct error *error, enum result result, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return result;
}

void error_prefix(struct error *error, const char *format, ...) {
    struct error whole;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(whole.text, sizeof whole.text, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length;
    if (used < sizeof whole.text - 1) {
        strncat(whole.text, ": ", sizeof whole.text - 1 - used);
        strncat(whole.text, error->text, sizeof whole.text - 1 - strlen(whole.text));
    }
    *error = whole;
}
