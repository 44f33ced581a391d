#include "consumer/schema_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_schema(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".avsc") == 0;
}

static bool add(struct schema_folder *folder, struct folder_schema schema) {
    if (folder->count == folder->capacity) {
        uint32_t capacity = folder->capacity == 0 ? 16 : folder->capacity * 2;
        struct folder_schema *all = reallocarray(folder->all, capacity, sizeof *all);
        if (all == NULL)
            return false;
        folder->all = all;
        folder->capacity = capacity;
    }
    folder->all[folder->count++] = schema;
    return true;
}

/* The whole of a file, one byte more than may be there at the most: schema_parse refuses what is too long. */
static enum result read_file(int folder, const char *name, struct buffer *text, struct error *error) {
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(error, RESULT_REJECT, "%s", strerror(errno));
    ssize_t size = 1;
    while (size > 0 && text->size <= SCHEMA_TEXT_MAX) {
        uint8_t *room = buffer_extend(text, 65536);
        size = room == NULL ? -1 : read(file, room, 65536);
        text->size -= 65536 - (size < 0 ? 0 : (size_t)size);
    }
    int reason = errno;
    close(file);
    return size < 0 ? error_set(error, RESULT_REJECT, "%s", strerror(reason)) : RESULT_OK;
}

static enum result load_file(struct schema_folder *folder, int descriptor, const char *name, struct error *error) {
    struct buffer text = {0};
    struct folder_schema schema = {.file = arena_text(&folder->arena, text_of(name))};
    enum result result = read_file(descriptor, name, &text, error);
    if (result == RESULT_OK)
        result = schema_parse(buffer_text(&text), NULL, &folder->arena, &schema.schema, error);
    if (result == RESULT_OK)
        result = schema_fingerprint(schema.schema, &schema.fingerprint, error);
    if (result == RESULT_OK && (text_is_missing(schema.file) || !add(folder, schema)))
        result = error_set(error, RESULT_FATAL, "out of memory");
    buffer_free(&text);
    if (result == RESULT_REJECT)
        error_prefix(error, "%s", name);
    return result;
}

enum result schema_folder_load(const char *path, struct schema_folder *ret_folder, struct error *error) {
    *ret_folder = (struct schema_folder){0};
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent **entries = NULL;
    int count = descriptor < 0 ? -1 : scandirat(descriptor, ".", &entries, is_schema, alphasort);
    enum result result = RESULT_OK;
    if (count < 0)
        result = error_set(error, RESULT_REJECT, "%s", strerror(errno));
    else if (count > FOLDER_SCHEMAS_MAX)
        result = error_set(error, RESULT_REJECT, "there are more than %d schemas", FOLDER_SCHEMAS_MAX);
    for (int i = 0; i < count; i++) {
        if (result == RESULT_OK)
            result = load_file(ret_folder, descriptor, entries[i]->d_name, error);
        free(entries[i]);
    }
    free(entries);
    if (descriptor >= 0)
        close(descriptor);
    if (result == RESULT_REJECT)
        error_prefix(error, "the schemas in %s", path);
    return result;
}

void schema_folder_free(struct schema_folder *folder) {
    free(folder->all);
    arena_free(&folder->arena);
    *folder = (struct schema_folder){0};
}
