/* The records of the files that a command was given, one file after the other. What is not valid is reported as
 * `FILE:LINE: reason` and passed over; how far it is is shown on a terminal. One thread. */
#pragma once

#include "cli/progress.h"
#include "consumer/record_file.h"
#include "ops/log.h"

struct record_files {
    const char *const *paths; /* `-` is standard input */
    uint32_t paths_count;
    enum stream stream; /* of records that name none; STREAMS: each must */
    struct log *log;
    struct progress progress;
    uint64_t records, rejected;
    /* Its own. */
    struct own_schemas schemas;
    uint32_t next_path;
    struct record_file *file;
    const char *name;   /* of the file that is open */
    uint64_t last_line; /* of the record that was given last */
};

/* Borrows paths and log. `quiet`: no progress is shown. RESULT_FATAL: one of the files is not there, or may not be
 * read, and none was begun. */
MUST_USE enum result record_files_open(struct record_files *files, const char *const *paths, uint32_t paths_count,
                                       enum stream stream, struct log *log, bool quiet, struct error *error);
void record_files_close(struct record_files *files);

/* The next valid record, borrowed until the next call; `ret_end`: there is none any more. RESULT_FATAL: a file cannot
 * be read. */
MUST_USE enum result record_files_next(struct record_files *files, struct file_record *ret_record, bool *ret_end,
                                       struct error *error);

/* Reports the record that was given last as one that is refused after all. */
void record_files_reject(struct record_files *files, const char *reason);
