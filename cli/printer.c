#include "cli/printer.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/arguments.h"

void printer_open(struct printer *printer, int descriptor) {
    *printer = (struct printer){.descriptor = descriptor, .live = isatty(descriptor) == 1};
}

void printer_flush(struct printer *printer) {
    size_t written = 0;
    if (!buffer_ok(&printer->buffer))
        printer->failed = ENOMEM;
    while (written < printer->buffer.size && !printer->closed && printer->failed == 0) {
        ssize_t size = write(printer->descriptor, printer->buffer.data + written, printer->buffer.size - written);
        if (size >= 0)
            written += (size_t)size;
        else if (errno == EPIPE)
            printer->closed = true;
        else if (errno != EINTR)
            printer->failed = errno;
    }
    buffer_clear(&printer->buffer);
}

void printer_end_line(struct printer *printer) {
    if (printer->live || printer->buffer.size >= PRINTER_BUFFER_BYTES)
        printer_flush(printer);
}

enum result printer_close(struct printer *printer, struct error *error) {
    printer_flush(printer);
    buffer_free(&printer->buffer);
    if (printer->failed != 0)
        return error_set(error, RESULT_FATAL, "the output cannot be written: %s", strerror(printer->failed));
    return RESULT_OK;
}

bool printer_has_colour(int descriptor, const char *const *environment) {
    const char *no_color = environment_value(environment, "NO_COLOR");
    return isatty(descriptor) == 1 && (no_color == NULL || *no_color == '\0');
}

uint32_t printer_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
