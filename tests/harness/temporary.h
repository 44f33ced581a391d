// A private folder for one server or one test, below TMPDIR (or /tmp). With BELLWETHER_KEEP=1 in the environment it is
// left where it is, and its path is printed, so that the logs of a failed test can be read.
#pragma once

#include <limits.h>
#include <stddef.h>

struct temporary {
    char path[PATH_MAX];
};

void temporary_create(const char *name, struct temporary *ret_temporary);

// Removes the folder with all that is in it. Does nothing on one that is zeroed or already removed.
void temporary_remove(struct temporary *temporary);

// Writes `text` to the file `name` of the folder and gives its path, of PATH_MAX bytes at most.
void temporary_write(const struct temporary *temporary, const char *name, const char *text, char *ret_path);

// The path of `name` in the folder; the file need not exist. `ret_path` holds PATH_MAX bytes.
void temporary_path(const struct temporary *temporary, const char *name, char *ret_path);

// The whole of a file, with a zero after its last byte; the caller frees it. `ret_size` may be NULL.
char *file_read(const char *path, size_t *ret_size);
