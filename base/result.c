#include "base/result.h"

#include <stdio.h>
#include <string.h>

void error_write(struct error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

void error_prefix(struct error *error, const char *format, ...) {
    struct error whole;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(whole.text, sizeof whole.text, format, arguments);
    va_end(arguments);
    size_t used = strlen(whole.text);
    snprintf(whole.text + used, sizeof whole.text - used, ": %s", error->text); // What does not fit is cut off.
    *error = whole;
}
