/* What the guards count the instructions of (check.sh): a small steady load of the benchmark (bench/load.h), one phase
 * of the work on it at a time. What is counted is what happens within a function `counted_...`; callgrind is told so.
 *
 *     guards decode     values of Kafka records into events
 *     guards take       events into states, and what the default rules decide: update and evaluate
 *     guards encode     a change, its status and the state behind it, as bytes
 *     guards compiler   what it was built with
 *
 * Prints how many there were of what was counted. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "bench/fail.h"
#include "cli/rules_file.h"
#include "consumer/own_schemas.h"
#include "engine/replay.h"
#include "producer/encoder.h"
#include "tests/guards/guards.h"

#define VALUE_SIZE (1 << 20)

#define STRING(text)    #text
#define STRING_OF(name) STRING(name)

const struct load guards_load = {
    .kind = LOAD_STEADY, .accounts = 500, .prelude = 1, .events = 2000, .base_ms = GUARDS_BEGAN_MS + 6 * HOUR};

/* What a phase works with. */
struct guards {
    struct own_schemas own;
    struct arena arena;
    struct replay *replay;
    struct encoder encoder;
    struct batch batch;
    struct buffer state;
    bool encodes;
    uint64_t decided; /* changes that were encoded */
};

/* ---- encode */

COUNTED static enum result counted_encode(struct guards *guards, const struct change *change,
                                          const struct status *status, struct error *error) {
    enum result result = guards->encoder.change(guards->encoder.context, change, GUARDS_NOW_MS, &guards->batch, error);
    if (result == RESULT_OK)
        result = guards->encoder.status(guards->encoder.context, status, &guards->batch, error);
    return result;
}

COUNTED static void counted_encode_state(struct guards *guards, struct state_bytes state) {
    engine_encode(replay_engine(guards->replay), state, &guards->state);
}

/* Encodes one of what an event decided. */
static enum result take_decided(void *context, const struct change *changes, uint32_t count,
                                const struct status *status, struct error *error) {
    struct guards *guards = context;
    if (!guards->encodes || count == 0)
        return RESULT_OK;
    guards->decided++;
    batch_clear(&guards->batch);
    return counted_encode(guards, &changes[0], status, error);
}

/* The event's account is in the table now, as it was left. */
static void encode_state(struct guards *guards, const struct event *event) {
    struct accounts *accounts = shard_accounts(replay_shard(guards->replay));
    uint32_t account = accounts_find(accounts, event->account_id);
    assert(account != ACCOUNT_NONE);
    buffer_clear(&guards->state);
    counted_encode_state(guards, accounts_state(accounts, account));
}

static void open_encoder(struct guards *guards) {
    struct encoder_options options = {.group = TEXT("guards"), .value_bytes_max = VALUE_SIZE};
    struct error error;
    for (int i = 0; i < STREAMS; i++)
        options.topics[i] = stream_schemas[i].name;
    options.changes.fingerprint = own_schemas_find(&guards->own, TEXT("SegmentChange"))->fingerprint;
    options.statuses.fingerprint = own_schemas_find(&guards->own, TEXT("AccountStatus"))->fingerprint;
    must(encoder_create(&options, &guards->encoder, &error), &error);
}

/* ---- update, evaluate */

COUNTED static enum result counted_take(struct replay *replay, const struct event *event, struct rejection *rejection,
                                        struct error *error) {
    return replay_record(replay, event, GUARDS_NOW_MS, rejection, error);
}

static enum result take_uncounted(struct replay *replay, const struct event *event, struct rejection *rejection,
                                  struct error *error) {
    return replay_record(replay, event, GUARDS_NOW_MS, rejection, error);
}

static uint64_t take_all(struct guards *guards) {
    struct findings findings = {.arena = &guards->arena};
    struct replay_options options = {.live_from_ms = INSTANT_NONE};
    struct shard_output output = {guards, take_decided};
    struct event_maker maker = {.load = &guards_load};
    const struct program *program;
    struct error error;
    if (rules_pack_read("default.yaml", &guards->arena, &program, &findings) != RESULT_OK)
        bench_fail("the default rules are not good");
    must(replay_create(program, &options, &output, NULL, &guards->replay, &error), &error);
    for (uint64_t i = 0; i < load_records(&guards_load); i++) {
        struct event event;
        struct rejection rejection;
        load_event(&maker, i, &event);
        uint64_t decided = guards->decided;
        bool measured = i >= load_known_records(&guards_load);
        must((measured ? counted_take : take_uncounted)(guards->replay, &event, &rejection, &error), &error);
        if (guards->decided > decided)
            encode_state(guards, &event);
    }
    replay_free(guards->replay);
    return guards_load.events;
}

static uint64_t run_phase(struct guards *guards, const char *phase) {
    if (strcmp(phase, "decode") == 0)
        return guards_decode(&guards->own);
    guards->encodes = strcmp(phase, "encode") == 0;
    open_encoder(guards);
    uint64_t taken = take_all(guards);
    encoder_free(&guards->encoder);
    return guards->encodes ? guards->decided : taken;
}

#ifdef __clang__
static const char compiler[] = "clang " STRING_OF(__clang_major__);
#else
static const char compiler[] = "gcc " STRING_OF(__GNUC__);
#endif

int main(int count, char **arguments) {
    struct guards guards = {0};
    struct error error;
    if (count != 2)
        bench_fail("usage: guards decode|take|encode|compiler");
    if (strcmp(arguments[1], "compiler") == 0) {
        puts(compiler);
        return EXIT_SUCCESS;
    }
    must(own_schemas_load(&guards.own, &error), &error);
    printf("%llu\n", (unsigned long long)run_phase(&guards, arguments[1]));
    batch_free(&guards.batch);
    buffer_free(&guards.state);
    own_schemas_free(&guards.own);
    arena_free(&guards.arena);
    return EXIT_SUCCESS;
}
