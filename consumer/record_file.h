/* The records of one file: JSON lines or an Avro container, plain or gzip; its content tells which. One thread. */
#pragma once

#include "consumer/file_record.h"
#include "consumer/own_schemas.h"

struct record_file;

enum file_outcome {
    FILE_RECORD,
    FILE_REJECTED, /* a record that is not valid; the next one may be */
    FILE_END,
    FILE_FAILED, /* the file can not be read on, or memory is out */
};

/* `path` may be "-": standard input. `stream` is that of records that name none; STREAMS: each must. `own` outlives the
 * file. RESULT_FATAL: it can not be opened, or is no file of records. Errors do not name the file. */
MUST_USE enum result record_file_open(const char *path, enum stream stream, const struct own_schemas *own,
                                      struct record_file **ret_file, struct error *error);
void record_file_close(struct record_file *file);

/* The next record; borrowed until the next call. REJECTED: the error says where and why ("line 12: nps score is 11,
 * expected 0 to 10"). */
MUST_USE enum file_outcome record_file_next(struct record_file *file, struct file_record *ret_record,
                                            struct error *error);

/* How much of the file was read, in bytes as it lies there; `ret_size` is 0 where it is not known. */
void record_file_progress(const struct record_file *file, uint64_t *ret_read, uint64_t *ret_size);
