#include "consumer/line_source.h"

#include <string.h>

static struct text take_line(struct line_source *source, const uint8_t *line_end) {
    struct byte_source *bytes = source->bytes;
    struct text line = {(const char *)bytes->at, (uint32_t)(line_end - bytes->at)};
    bytes->at = line_end == bytes->end ? line_end : line_end + 1;
    source->number++;
    return line;
}

static enum line_outcome skip_line(struct line_source *source, struct error *error) {
    struct byte_source *bytes = source->bytes;
    source->number++;
    for (;;) {
        const uint8_t *line_end = memchr(bytes->at, '\n', byte_source_left(bytes));
        bytes->at = line_end == NULL ? bytes->end : line_end + 1;
        if (line_end != NULL || bytes->at_end)
            break;
        if (byte_source_fill(bytes, LINE_SIZE_MAX, error) != RESULT_OK)
            return LINE_FAILED;
    }
    error_set(error, RESULT_REJECT, "the line has more than %d bytes", LINE_SIZE_MAX);
    return LINE_TOO_LONG;
}

enum line_outcome line_source_next(struct line_source *source, struct text *ret_line, struct error *error) {
    struct byte_source *bytes = source->bytes;
    size_t searched = 0; /* of what is left: holds no line end */
    for (;;) {
        size_t left = byte_source_left(bytes);
        const uint8_t *line_end = left == searched ? NULL : memchr(bytes->at + searched, '\n', left - searched);
        if (line_end != NULL) {
            *ret_line = take_line(source, line_end);
            return LINE_READ;
        }
        if (bytes->at_end) {
            if (left == 0)
                return LINE_END;
            *ret_line = take_line(source, bytes->end);
            return LINE_READ;
        }
        searched = left;
        enum result result = byte_source_fill(bytes, LINE_SIZE_MAX, error);
        if (result == RESULT_REJECT)
            return skip_line(source, error);
        if (result != RESULT_OK)
            return LINE_FAILED;
    }
}
