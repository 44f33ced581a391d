#include "tests/harness/temporary.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/harness/fail.h"

enum { OPEN_FOLDERS_MAX = 16 };

void temporary_create(const char *name, struct temporary *ret_temporary) {
    const char *parent = getenv("TMPDIR");
    struct temporary temporary;
    int length = snprintf(temporary.path, sizeof(temporary.path), "%s/bellwether-%s-XXXXXX", parent ? parent : "/tmp",
                          name);
    if (length < 0 || (size_t)length >= sizeof(temporary.path) || !mkdtemp(temporary.path)) {
        harness_fail("cannot create a temporary folder like %s: %s", temporary.path, strerror(errno));
    }
    *ret_temporary = temporary;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position) {
    (void)status, (void)kind, (void)position;
    return remove(path);
}

void temporary_remove(struct temporary *temporary) {
    if (temporary->path[0] == '\0') {
        return;
    }
    const char *keep = getenv("BELLWETHER_KEEP");
    if (keep && strcmp(keep, "1") == 0) {
        fprintf(stderr, "kept, as BELLWETHER_KEEP asks: %s\n", temporary->path);
    } else {
        nftw(temporary->path, remove_entry, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
    }
    temporary->path[0] = '\0';
}

void temporary_path(const struct temporary *temporary, const char *name, char *ret_path) {
    int length = snprintf(ret_path, PATH_MAX, "%s/%s", temporary->path, name);
    if (length < 0 || length >= PATH_MAX) {
        harness_fail("the path of %s in %s is too long", name, temporary->path);
    }
}

void temporary_write(const struct temporary *temporary, const char *name, const char *text, char *ret_path) {
    temporary_path(temporary, name, ret_path);
    FILE *file = fopen(ret_path, "w");
    if (!file) {
        harness_fail("cannot write %s: %s", ret_path, strerror(errno));
    }
    fputs(text, file);
    if (fclose(file) != 0) {
        harness_fail("cannot write %s: %s", ret_path, strerror(errno));
    }
}

char *file_read(const char *path, size_t *ret_size) {
    FILE *file = fopen(path, "r");
    if (!file) {
        harness_fail("cannot read %s: %s", path, strerror(errno));
    }
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    char *bytes = length < 0 ? NULL : malloc((size_t)length + 1);
    if (!bytes) {
        harness_fail("cannot hold %s in memory", path);
    }
    size_t size = fread(bytes, 1, (size_t)length, file);
    bytes[size] = '\0';
    fclose(file);
    if (ret_size) {
        *ret_size = size;
    }
    return bytes;
}
