#include "engine/replay.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/limits.h"
#include "engine/validate.h"

struct replay {
    struct engine *engine;
    struct slab slab;
    struct shard *shard;
    struct counters *counters;
};

enum result replay_create(const struct program *program, const struct replay_options *options,
                          const struct shard_output *output, struct counters *counters, struct replay **ret_replay,
                          struct error *error) {
    struct replay *replay = calloc(1, sizeof *replay);
    if (replay == NULL)
        return error_set(error, RESULT_FATAL, "Memory is out: the replay could not begin.");
    replay->counters = counters;
    struct engine_options engine_options = {
        .account_bytes_max = options->account_bytes_max == 0 ? ACCOUNT_BYTES_MAX : options->account_bytes_max,
        .live_from_ms = options->live_from_ms,
        .visit_every_tick = options->visit_every_tick,
    };
    struct shard_options shard_options = {.lateness_ms = program->lateness_given ? program->lateness_ms : 0};
    enum result result = engine_create(program, &engine_options, &replay->engine, error);
    if (result == RESULT_OK)
        result = shard_create(replay->engine, &replay->slab, &shard_options, output, counters, &replay->shard, error);
    if (result != RESULT_OK) {
        replay_free(replay);
        return result;
    }
    *ret_replay = replay;
    return RESULT_OK;
}

void replay_free(struct replay *replay) {
    if (replay == NULL)
        return;
    shard_free(replay->shard);
    slab_free(&replay->slab);
    engine_free(replay->engine);
    free(replay);
}

static enum result reject(struct replay *replay, const struct rejection *rejection) {
    counters_add(replay->counters, COUNTER_REJECTED + rejection->reason, 1);
    return RESULT_REJECT;
}

enum result replay_record(struct replay *replay, const struct event *event, int64_t reference_ms,
                          struct rejection *ret_rejection, struct error *error) {
    counters_add(replay->counters, COUNTER_RECORDS + event->stream, 1);
    if (!validate_time(engine_program(replay->engine), event, reference_ms, ret_rejection))
        return reject(replay, ret_rejection);
    enum step_outcome outcome;
    enum result result = shard_take(replay->shard, ACCOUNT_NONE, event, &outcome, error);
    assert(result != RESULT_RETRY); /* There is no store. */
    if (result == RESULT_OK && outcome == STEP_ACCOUNT_TOO_LARGE) {
        reject_too_large(event, ret_rejection);
        return reject(replay, ret_rejection);
    }
    return result;
}

enum result replay_until(struct replay *replay, int64_t watermark_ms, struct error *error) {
    enum result result = shard_advance(replay->shard, watermark_ms, error);
    assert(result != RESULT_RETRY);
    return result;
}

struct engine *replay_engine(struct replay *replay) {
    return replay->engine;
}

struct shard *replay_shard(struct replay *replay) {
    return replay->shard;
}
