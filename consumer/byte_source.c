#include "consumer/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define WINDOW_SIZE (512 * 1024)
#define GZIP_BUFFER (64 * 1024) /* far smaller than the window, so that it is inflated right into that */

static enum result open_descriptor(const char *path, int *ret_descriptor, struct error *error) {
    bool is_standard_input = strcmp(path, "-") == 0;
    int descriptor = is_standard_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_set(error, RESULT_FATAL, "%s", strerror(errno));
    *ret_descriptor = descriptor;
    return RESULT_OK;
}

enum result byte_source_open(struct byte_source *source, const char *path, struct error *error) {
    *source = (struct byte_source){0};
    int descriptor;
    enum result result = open_descriptor(path, &descriptor, error);
    if (result != RESULT_OK)
        return result;
    struct stat status;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
        source->size = (uint64_t)status.st_size;
    gzFile file = gzdopen(descriptor, "rb");
    if (file == NULL) {
        close(descriptor);
        return error_set(error, RESULT_FATAL, "out of memory");
    }
    gzbuffer(file, GZIP_BUFFER);
    source->file = file;
    return RESULT_OK;
}

void byte_source_close(struct byte_source *source) {
    if (source->file != NULL)
        gzclose_r(source->file);
    free(source->buffer);
    *source = (struct byte_source){0};
}

/* Makes room behind what is left, by moving it to the front or by a larger window. */
static enum result make_room(struct byte_source *source, size_t size_max, struct error *error) {
    size_t left = byte_source_left(source);
    if (left >= size_max)
        return error_set(error, RESULT_REJECT, "more than %zu bytes in one piece", size_max);
    if (left > 0 && source->at != source->buffer)
        memmove(source->buffer, source->at, left);
    if (left * 2 >= source->capacity) {
        size_t capacity = source->capacity == 0 ? WINDOW_SIZE : source->capacity * 2;
        uint8_t *buffer = realloc(source->buffer, capacity);
        if (buffer == NULL)
            return error_set(error, RESULT_FATAL, "out of memory");
        source->buffer = buffer;
        source->capacity = capacity;
    }
    source->at = source->buffer;
    source->end = source->buffer + left;
    return RESULT_OK;
}

/* Without the name that the library makes up for a descriptor: `<fd:3>: unexpected end of file`. */
static const char *reason_of(const char *problem) {
    const char *end = problem[0] == '<' ? strstr(problem, ">: ") : NULL;
    return end == NULL ? problem : end + strlen(">: ");
}

enum result byte_source_fill(struct byte_source *source, size_t size_max, struct error *error) {
    enum result result = make_room(source, size_max, error);
    if (result != RESULT_OK || source->at_end)
        return result;
    size_t left = byte_source_left(source);
    size_t room = source->capacity < size_max ? source->capacity - left : size_max - left;
    int count = gzread(source->file, source->buffer + left, (unsigned)room);
    int number = Z_OK;
    const char *problem = gzerror(source->file, &number);
    if (count < 0 || (count == 0 && number == Z_BUF_ERROR))
        return error_set(error, RESULT_FATAL, "%s", number == Z_ERRNO ? strerror(errno) : reason_of(problem));
    source->end += count;
    source->at_end = count == 0;
    return RESULT_OK;
}

enum result byte_source_need(struct byte_source *source, size_t size, struct error *error) {
    while (byte_source_left(source) < size && !source->at_end) {
        enum result result = byte_source_fill(source, SIZE_MAX, error);
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}

void byte_source_progress(const struct byte_source *source, uint64_t *ret_read, uint64_t *ret_size) {
    z_off_t offset = gzoffset(source->file);
    *ret_read = offset < 0 ? 0 : (uint64_t)offset;
    *ret_size = source->size;
}
