#include "cli/writer.h"

#include <errno.h>
#include <unistd.h>

#include "cli/arguments.h"

void writer_open(struct writer *writer, int descriptor) {
    *writer = (struct writer){.descriptor = descriptor, .live = isatty(descriptor) == 1};
}

void writer_flush(struct writer *writer) {
    size_t written = 0;
    if (!buffer_ok(&writer->buffer))
        writer->failed = ENOMEM;
    while (written < writer->buffer.size && !writer->closed && writer->failed == 0) {
        ssize_t size = write(writer->descriptor, writer->buffer.data + written, writer->buffer.size - written);
        if (size >= 0)
            written += (size_t)size;
        else if (errno == EPIPE)
            writer->closed = true;
        else if (errno != EINTR)
            writer->failed = errno;
    }
    buffer_clear(&writer->buffer);
}

void writer_end_line(struct writer *writer) {
    if (writer->live || writer->buffer.size >= WRITER_BUFFER_BYTES)
        writer_flush(writer);
}

enum result writer_close(struct writer *writer, struct error *error) {
    writer_flush(writer);
    buffer_free(&writer->buffer);
    if (writer->failed != 0)
        return error_set(error, RESULT_FATAL, "the output cannot be written: %s", strerror(writer->failed));
    return RESULT_OK;
}

bool writer_has_colour(int descriptor, const char *const *environment) {
    const char *no_color = environment_value(environment, "NO_COLOR");
    return isatty(descriptor) == 1 && (no_color == NULL || *no_color == '\0');
}
