/* A folder of .avsc files: the schemas of writers other than the built-in ones. Read once, at the start. */
#pragma once

#include "consumer/writers.h"

struct folder_schema {
    struct text file; /* its name */
    const struct schema *schema;
    uint64_t fingerprint;
};

struct schema_folder {
    struct folder_schema *all; /* in the order of their files' names */
    uint32_t count, capacity;
    struct arena arena;
};

#define FOLDER_SCHEMAS_MAX 4096

/* RESULT_REJECT: the folder or a file in it can not be read, or is no schema; the error names it. To be freed in any
 * case. */
MUST_USE enum result schema_folder_load(const char *path, struct schema_folder *ret_folder, struct error *error);
void schema_folder_free(struct schema_folder *folder);
