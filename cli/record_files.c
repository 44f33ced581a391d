#include "cli/record_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_EVERY 256 /* records */

/* So that a mistyped name is told at once, and not after hours with the files before it. */
static enum result see_files(const char *const *paths, uint32_t count, struct error *error) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(paths[i], "-") != 0 && access(paths[i], R_OK) != 0)
            return error_set(error, RESULT_FATAL, "%s: %s", paths[i], strerror(errno));
    return RESULT_OK;
}

enum result record_files_open(struct record_files *files, const char *const *paths, uint32_t paths_count,
                              enum stream stream, struct log *log, bool quiet, struct error *error) {
    *files = (struct record_files){.paths = paths, .paths_count = paths_count, .stream = stream, .log = log};
    progress_start(&files->progress, "records", quiet);
    enum result result = see_files(paths, paths_count, error);
    return result == RESULT_OK ? own_schemas_load(&files->schemas, error) : result;
}

static void close_file(struct record_files *files) {
    if (files->file != NULL)
        record_file_close(files->file);
    files->file = NULL;
}

void record_files_close(struct record_files *files) {
    progress_clear(&files->progress);
    close_file(files);
    own_schemas_free(&files->schemas);
}

static void report(struct record_files *files, uint64_t line, const char *reason) {
    progress_clear(&files->progress);
    log_write(files->log, LEVEL_WARNING, "%s:%" PRIu64 ": %s", files->name, line, reason);
    files->rejected++;
}

/* A record of which the file says "line 12: reason": as `FILE:12: reason`, which editors understand. */
static void report_invalid(struct record_files *files, const struct error *error) {
    uint64_t line;
    int rest = 0;
    if (sscanf(error->text, "%*[a-z] %" SCNu64 ": %n", &line, &rest) == 1 && rest > 0) {
        report(files, line, error->text + rest);
        return;
    }
    progress_clear(&files->progress);
    log_write(files->log, LEVEL_WARNING, "%s: %s", files->name, error->text);
    files->rejected++;
}

void record_files_reject(struct record_files *files, const char *reason) {
    report(files, files->last_line, reason);
}

static enum result open_next(struct record_files *files, struct error *error) {
    const char *path = files->paths[files->next_path++];
    files->name = strcmp(path, "-") == 0 ? "standard input" : path;
    enum result result = record_file_open(path, files->stream, &files->schemas, &files->file, error);
    if (result != RESULT_OK)
        error_prefix(error, "%s", files->name);
    return result;
}

static void show_progress(struct record_files *files) {
    uint64_t part, whole;
    if (files->records % PROGRESS_EVERY != 0)
        return;
    record_file_progress(files->file, &part, &whole);
    progress_update(&files->progress, part, whole, files->records);
}

enum result record_files_next(struct record_files *files, struct file_record *ret_record, bool *ret_end,
                              struct error *error) {
    for (;;) {
        if (files->file == NULL && files->next_path == files->paths_count) {
            *ret_end = true;
            return RESULT_OK;
        }
        if (files->file == NULL && open_next(files, error) != RESULT_OK)
            return RESULT_FATAL;
        switch (record_file_next(files->file, ret_record, error)) {
        case FILE_RECORD:
            files->records++;
            files->last_line = (uint64_t)ret_record->event.place.offset;
            show_progress(files);
            return RESULT_OK;
        case FILE_REJECTED:
            report_invalid(files, error);
            break;
        case FILE_END:
            close_file(files);
            break;
        case FILE_FAILED:
            error_prefix(error, "%s", files->name);
            return RESULT_FATAL;
        }
    }
}
