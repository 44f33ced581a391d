#include "bench/fail.h"

#include <stdio.h>
#include <stdlib.h>

void bench_fail(const char *format, ...) {
    va_list arguments;
    fputs("bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void must(enum result result, const struct error *error) {
    if (result != RESULT_OK)
        bench_fail("%s", error->text);
}
