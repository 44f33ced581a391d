/* What tests of a store ask it to write, however they came by it. */
#pragma once

#include "engine/ports.h"

/* Texts are borrowed. */
static inline struct stored_blob blob(const char *id, const char *bytes, int64_t offset, int64_t due_ms,
                                      uint32_t waits_for) {
    return (struct stored_blob){text_of(id), text_of(bytes), offset, due_ms, waits_for, false};
}

/* A commit of these accounts; `meta_offset` negative: without a meta. The blobs are borrowed. */
static inline struct store_write write_of(const struct stored_blob *blobs, uint32_t count, int64_t meta_offset) {
    return (struct store_write){.blobs = blobs,
                                .count = count,
                                .has_meta = meta_offset >= 0,
                                .changelog_offset = meta_offset,
                                .shard_record = TEXT("shard record"),
                                .layouts = TEXT("layouts")};
}
