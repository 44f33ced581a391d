#include "base/result.h"

#include "base/text.h"

void error_write(struct error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)text_print_list(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

void error_prefix(struct error *error, const char *format, ...) {
    struct error whole;
    va_list arguments;
    va_start(arguments, format);
    uint32_t used = text_print_list(whole.text, sizeof whole.text, format, arguments);
    va_end(arguments);
    (void)text_print(whole.text + used, sizeof whole.text - used, ": %s", error->text);
    *error = whole;
}
