#include "engine/shard_board.h"

#include <stdlib.h>

#include "engine/core/change.h"

struct text shard_state_name(enum shard_state state) {
    static const struct text names[] = {
        [SHARD_ELSEWHERE] = TEXT("elsewhere"), [SHARD_TAKEOVER] = TEXT("takeover"),   [SHARD_RUNNING] = TEXT("running"),
        [SHARD_STALLED] = TEXT("stalled"),     [SHARD_HELD_BACK] = TEXT("held-back"),
    };
    return names[state];
}

enum result shard_board_init(struct shard_board *board, int32_t count, struct error *error) {
    struct shard_entry *entries = calloc((size_t)count, sizeof *entries);
    if (entries == NULL)
        return error_set(error, RESULT_FATAL, "Memory is out: no board of %d shards could be made.", count);
    for (int32_t i = 0; i < count; i++) {
        atomic_init(&entries[i].watermark_ms, INSTANT_NONE);
        atomic_init(&entries[i].record_ms, INSTANT_NONE);
    }
    *board = (struct shard_board){count, entries};
    return RESULT_OK;
}

void shard_board_free(struct shard_board *board) {
    free(board->entries);
    *board = (struct shard_board){0};
}
