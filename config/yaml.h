/* Reads YAML into a `struct document` (base/document.h): a plain tree in the caller's arena, every scalar as its text,
 * every byte of it with its place in the file. What makes a file hard to read or to trust is refused: anchors, aliases,
 * tags, a key twice in one mapping, a second document.
 *
 * Any thread; nothing is kept between calls. RESULT_REJECT: the file is not such YAML, or cannot be read; the message
 * is `FILE:LINE:COLUMN: what is wrong`. RESULT_FATAL: memory is out. */
#pragma once

#include "base/arena.h"
#include "base/document.h"
#include "base/result.h"

#define YAML_BYTES_MAX (8u << 20)
#define YAML_DEPTH_MAX 50
#define YAML_KEYS_MAX  10000 /* of one mapping */

/* `path` as it is written becomes the document's name. */
MUST_USE enum result yaml_read_file(const char *path, struct arena *arena, struct document *ret_document,
                                    struct error *error);

/* The document borrows nothing from `source`. */
MUST_USE enum result yaml_read_text(struct text source, struct text file_name, struct arena *arena,
                                    struct document *ret_document, struct error *error);
