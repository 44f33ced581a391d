/* visits EVENTS FROM UNTIL RULES...: whether an engine that looks ahead decides the same, byte for byte, as one that
 * visits every account at every tick, and as one that looks ahead, but stores each account's state after each record
 * and reads it back. EVENTS are lines as `replay` reads them, of which those before FROM and behind
 * UNTIL are left out, two instants: a record of 1970 would take half a million visits. Exit status 1: they differ under
 * some of the rules, and the first change of each that does is printed. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/harness/temporary.h"
#include "tests/unit/rules_world.h"

struct log {
    struct text lines;
    int64_t from_ms, until_ms;
};

enum way { VISITING, AHEAD, STORING, WAYS };
static const char *const way_names[WAYS] = {
    [VISITING] = "visiting every tick", [AHEAD] = "looking ahead", [STORING] = "storing every state"};

/* Puts in every state's place what becomes of it in the store. */
static void store_and_read_back(struct world *world) {
    struct accounts *accounts = shard_accounts(replay_shard(world->replay));
    struct engine *engine = replay_engine(world->replay);
    struct buffer blob = {0};
    for (uint32_t account = 0; account < accounts_count(accounts); account++) {
        struct state_bytes state = accounts_state(accounts, account);
        struct error error;
        blob.size = 0;
        engine_encode(engine, state, &blob);
        assert_true(buffer_ok(&blob));
        enum result result = engine_decode(engine, blob.data, blob.size, NULL,
                                           shard_clocks(replay_shard(world->replay))->ticked_ms, &state, &error);
        if (result != RESULT_OK)
            fail_msg("%s", error.text);
        assert_int_equal(accounts_change_at(accounts, account, state, accounts_due(accounts, account),
                                            state_waits_for(state), &error),
                         RESULT_OK);
    }
    buffer_free(&blob);
}

static void take(struct world *world, const struct log *log, enum way way, struct text line) {
    struct file_record record;
    struct rejection rejection;
    struct error error;
    if (json_line_is_blank(line) || json_lines_read(world->reader, line, STREAMS, &record, &error) != RESULT_OK)
        return;
    if (record.event.time_ms >= log->from_ms && record.event.time_ms <= log->until_ms) {
        enum result result = replay_record(world->replay, &record.event, record.event.time_ms, &rejection, &error);
        assert_true(result == RESULT_OK || result == RESULT_REJECT);
        if (way == STORING)
            store_and_read_back(world);
    }
    json_lines_clear(world->reader);
}

/* What is decided of the log under the rules is in `ret_world->changes`. */
static void decide(const struct log *log, const char *rules, enum way way, struct world *ret_world) {
    struct error error;
    world_begin_visiting(ret_world, rules, way == VISITING);
    const char *at = log->lines.data, *end = at + log->lines.size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        take(ret_world, log, way, (struct text){at, (uint32_t)(stop - at)});
        at = stop + 1;
    }
    assert_int_equal(replay_until(ret_world->replay, log->until_ms, &error), RESULT_OK);
}

/* Of lines, the first that is another one in `others`. */
static struct text first_other(const struct buffer *lines, const struct buffer *others) {
    size_t at = 0, line = 0;
    while (at < lines->size && at < others->size && lines->data[at] == others->data[at])
        if (lines->data[at++] == '\n')
            line = at;
    const char *from = (const char *)lines->data + line;
    const char *stop = memchr(from, '\n', lines->size - line);
    return (struct text){from, stop == NULL ? 0 : (uint32_t)(stop - from)};
}

static bool are_same(const struct buffer *left, const struct buffer *right) {
    return left->size == right->size && (left->size == 0 || memcmp(left->data, right->data, left->size) == 0);
}

static bool differs(const struct log *log, const char *path) {
    struct world worlds[WAYS];
    char *rules = file_read(path, NULL);
    bool differ = false;
    for (enum way way = 0; way < WAYS; way++)
        decide(log, rules, way, &worlds[way]);
    const struct buffer *visiting = &worlds[VISITING].changes;
    for (enum way way = VISITING + 1; way < WAYS; way++) {
        const struct buffer *other = &worlds[way].changes;
        if (are_same(visiting, other))
            continue;
        printf("%s\n  %s: %.*s\n  %s: %.*s\n", path, way_names[VISITING], TEXT_ARGUMENTS(first_other(visiting, other)),
               way_names[way], TEXT_ARGUMENTS(first_other(other, visiting)));
        differ = true;
    }
    for (enum way way = 0; way < WAYS; way++)
        world_end(&worlds[way]);
    free(rules);
    return differ;
}

int main(int count, char **arguments) {
    struct log log;
    size_t size;
    int differing = 0;
    if (count < 5 || !instant_parse(text_of(arguments[2]), &log.from_ms) ||
        !instant_parse(text_of(arguments[3]), &log.until_ms)) {
        fprintf(stderr, "usage: %s EVENTS FROM UNTIL RULES...\n", arguments[0]);
        return 2;
    }
    char *events = file_read(arguments[1], &size);
    log.lines = (struct text){events, (uint32_t)size};
    for (int i = 4; i < count; i++)
        differing += differs(&log, arguments[i]);
    free(events);
    return differing > 0;
}
