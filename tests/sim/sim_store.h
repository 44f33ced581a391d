/* A store in memory that keeps the fence of the real one: epoch, connection and write number are checked by the server
 * with each request. It outlives its workers, and tests may roll it back, flush it or take it away. One thread. */
#pragma once

#include "engine/ports.h"
#include "tests/sim/sim_kafka.h"

struct sim_blob {
    char *account_id, *blob;
    uint32_t id_size, blob_size;
    int64_t changelog_offset, due_ms;
    uint32_t waits_for;
};

struct sim_shard {
    bool exists;
    char cluster_id[64];
    uint8_t changelog_id[CHANGELOG_ID_SIZE];
    int32_t partitions;
    int64_t epoch;
    uint64_t connection, write_number;
    bool has_meta;
    int64_t changelog_offset;
    char *record;
    uint32_t record_size;
    struct sim_blob *blobs;
    uint32_t count, capacity;
};

#define SIM_COPIES_MAX 12

struct sim_store {
    struct sim_shard shards[SIM_PARTITIONS_MAX];
    struct sim_shard copies[SIM_PARTITIONS_MAX][SIM_COPIES_MAX]; /* as they were, the eldest first */
    uint32_t copies_count[SIM_PARTITIONS_MAX];
    bool down;
    uint64_t connections;
};

void sim_store_init(struct sim_store *store);
void sim_store_free(struct sim_store *store);
void sim_store_flush(struct sim_store *store, int32_t shard);
/* A copy of a shard, to go back to. */
struct sim_shard sim_shard_copy(const struct sim_shard *shard);
void sim_shard_free(struct sim_shard *shard);
/* Keeps the shard as it is now, to go back to. */
void sim_store_keep(struct sim_store *store, int32_t shard);
/* The shard goes back to what was kept, `ago` times before the last; nothing where it was kept less often. */
void sim_store_roll_back(struct sim_store *store, int32_t shard, uint32_t ago);
/* Calls for each account; returns how many there are. */
typedef void sim_store_visitor(void *context, const struct stored_blob *blob);
uint32_t sim_store_visit(const struct sim_store *store, int32_t shard, sim_store_visitor *visitor, void *context);
const struct sim_blob *sim_shard_find(const struct sim_shard *shard, struct text account_id);

#define SIM_EVENTS_MAX 64

/* An answer on its way: a copy of what the server had when it answered. */
struct sim_pending {
    struct store_event event;
    struct arena arena;
    int64_t ready_ms;
};

/* Is told of each write that the fence let through. */
struct sim_watcher {
    void *context;
    void (*written)(void *context, int32_t shard, const struct store_write *write);
    void (*asked)(void *context, const char *what, int32_t shard);
};

/* One worker's connection. */
struct sim_connection {
    struct sim_store *store;
    uint64_t connection;
    bool claimed[SIM_PARTITIONS_MAX];
    int64_t epoch[SIM_PARTITIONS_MAX];
    uint64_t write_number[SIM_PARTITIONS_MAX];
    struct sim_pending pending[SIM_EVENTS_MAX];
    uint32_t pending_count;
    bool broken;           /* to be reported by the next poll */
    struct arena borrowed; /* of the event that was handed out last */
    uint64_t *effects;
    bool *dead;
    const int64_t *now_ms;
    int64_t delay_ms; /* of its answers */
    struct sim_chance *chance;
    uint32_t cut_before, cut_after; /* once in so many requests the connection breaks, before or after it is done */
    struct sim_watcher watcher;
};

void sim_connection_init(struct sim_connection *connection, struct sim_store *store);
void sim_connection_free(struct sim_connection *connection);
/* Cuts the connection: what was asked is done, and nobody is told. */
void sim_connection_cut(struct sim_connection *connection);
struct store sim_connection_port(struct sim_connection *connection);
