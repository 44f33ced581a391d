/* Files for tests that lie in memory: given bytes under a path that any code can open. */
#pragma once

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory_file {
    int descriptor;
    char path[64];
};

static inline struct memory_file memory_file_create(const void *data, size_t size) {
    struct memory_file file = {.descriptor = memfd_create("test", MFD_CLOEXEC)};
    assert(file.descriptor >= 0);
    for (size_t done = 0; done < size;) {
        ssize_t written = write(file.descriptor, (const uint8_t *)data + done, size - done);
        assert(written > 0);
        done += (size_t)written;
    }
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.descriptor);
    return file;
}

static inline void memory_file_remove(struct memory_file *file) {
    close(file->descriptor);
}
