#include "consumer/record_file.h"

#include <stdlib.h>

#include "consumer/avro_file.h"
#include "consumer/json_lines.h"
#include "consumer/line_source.h"

struct record_file {
    struct byte_source bytes;
    enum stream stream;
    bool is_avro;
    struct avro_file avro;
    struct line_source lines;
    struct json_lines *json;
};

static enum result open_format(struct record_file *file, const struct own_schemas *own, struct error *error) {
    enum result result = avro_file_is_one(&file->bytes, &file->is_avro, error);
    if (result != RESULT_OK)
        return result;
    if (file->is_avro)
        return avro_file_open(&file->avro, &file->bytes, own, file->stream, error);
    file->lines = (struct line_source){.bytes = &file->bytes};
    return json_lines_create(&file->json, error);
}

enum result record_file_open(const char *path, enum stream stream, const struct own_schemas *own,
                             struct record_file **ret_file, struct error *error) {
    struct record_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    file->stream = stream;
    enum result result = byte_source_open(&file->bytes, path, error);
    if (result == RESULT_OK)
        result = open_format(file, own, error);
    if (result == RESULT_OK)
        *ret_file = file;
    else
        record_file_close(file);
    return result;
}

void record_file_close(struct record_file *file) {
    if (file == NULL)
        return;
    avro_file_close(&file->avro);
    json_lines_free(file->json);
    byte_source_close(&file->bytes);
    free(file);
}

static enum file_outcome next_avro(struct record_file *file, struct file_record *record, struct error *error) {
    bool end;
    enum result result = avro_file_next(&file->avro, record, &end, error);
    if (result == RESULT_OK)
        return end ? FILE_END : FILE_RECORD;
    return result == RESULT_REJECT ? FILE_REJECTED : FILE_FAILED;
}

static enum file_outcome read_line(struct record_file *file, struct text line, struct file_record *record,
                                   struct error *error) {
    json_lines_clear(file->json);
    enum result result = json_lines_read(file->json, line, file->stream, record, error);
    record->event.place.offset = (int64_t)file->lines.number;
    if (result == RESULT_OK)
        return FILE_RECORD;
    if (result != RESULT_REJECT)
        return FILE_FAILED;
    error_prefix(error, "line %llu", (unsigned long long)file->lines.number);
    return FILE_REJECTED;
}

static enum file_outcome next_line(struct record_file *file, struct file_record *record, struct error *error) {
    struct text line;
    enum line_outcome outcome;
    do
        outcome = line_source_next(&file->lines, &line, error);
    while (outcome == LINE_READ && json_line_is_blank(line));
    switch (outcome) {
    case LINE_READ:
        return read_line(file, line, record, error);
    case LINE_TOO_LONG:
        error_prefix(error, "line %llu", (unsigned long long)file->lines.number);
        return FILE_REJECTED;
    case LINE_END:
        return FILE_END;
    case LINE_FAILED:
        break;
    }
    return FILE_FAILED;
}

enum file_outcome record_file_next(struct record_file *file, struct file_record *ret_record, struct error *error) {
    return file->is_avro ? next_avro(file, ret_record, error) : next_line(file, ret_record, error);
}

void record_file_progress(const struct record_file *file, uint64_t *ret_read, uint64_t *ret_size) {
    byte_source_progress(&file->bytes, ret_read, ret_size);
}
