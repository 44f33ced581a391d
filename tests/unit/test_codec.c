/* Blobs: what is stored comes back the same, under the same rules; and as the contract says, under others. */
#include <assert.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/account/facts.h"
#include "engine/core/account/state.h"
#include "engine/core/horizon.h"
#include "tests/unit/rich_account.h"

static struct text read_file(const char *path, struct arena *arena) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    rewind(file);
    char *bytes = arena_alloc(arena, (size_t)size + 1);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    fclose(file);
    return (struct text){bytes, (uint32_t)size};
}

/* Takes the file's lines, and calls after each. */
static void take_lines(struct world *world, struct text lines, void (*after)(struct world *world)) {
    const char *at = lines.data, *end = at + lines.size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        world_take(world, (struct text){at, (uint32_t)(stop - at)});
        if (after != NULL)
            after(world);
        at = stop + 1;
    }
}

/* What is not kept: which evaluation was the last, and which events might pass without one. */
static void forget(struct state_header *header) {
    state_set_stamp(header, 0);
    header->flags &= (uint8_t)~STATE_QUIET;
    header->quiet_margin_ms = 0;
    header->quiet_events = 0;
    header->quiet_horizon = HORIZON_FIRST_QUIET;
    header->quiet_values = 0;
    header->lively = 0;
    header->touched = 0;
}

static void compare_with_blob(void *context, uint32_t account, struct state_bytes state) {
    struct engine *engine = context;
    struct buffer blob = {0}, copy = {0};
    struct state_bytes again;
    struct blob_summary summary;
    struct error error;
    (void)account;
    buffer_put(&copy, state.data, state.size);
    assert(buffer_ok(&copy) && copy.data != NULL);
    forget((struct state_header *)(void *)copy.data);
    engine_encode(engine, state, &blob);
    assert_true(buffer_ok(&blob));
    enum result result = engine_decode(engine, blob.data, blob.size, NULL, INSTANT_NONE, &again, &error);
    if (result != RESULT_OK)
        fail_msg("%s", error.text);
    assert_int_equal(again.size, copy.size);
    assert_memory_equal(again.data, copy.data, copy.size);
    assert_int_equal(blob_summarise(blob.data, blob.size, &summary, &error), RESULT_OK);
    assert_true(text_equal(summary.account_id, state_account_id(state)));
    assert_int_equal(summary.due_ms, state_due_ms(state));
    buffer_free(&blob);
    buffer_free(&copy);
}

static void compare_all(struct world *world) {
    accounts_visit(shard_accounts(replay_shard(world->replay)), compare_with_blob, replay_engine(world->replay));
}

static void test_every_state_of_the_golden_cases_survives_its_blob(void **unused) {
    (void)unused;
    glob_t cases;
    assert_int_equal(glob(BELLWETHER_SOURCE_DIR "/tests/golden/[0-9]*", 0, NULL, &cases), 0);
    for (size_t i = 0; i < cases.gl_pathc; i++) {
        struct world world = {.program = NULL};
        struct document document;
        struct error error;
        char path[4096];
        snprintf(path, sizeof path, "%s/rules.yaml", cases.gl_pathv[i]);
        assert_int_equal(yaml_read_file(path, &world.arena, &document, &error), RESULT_OK);
        world_begin_document(&world, &document, (struct replay_options){.live_from_ms = INSTANT_NONE});
        snprintf(path, sizeof path, "%s/events.jsonl", cases.gl_pathv[i]);
        take_lines(&world, read_file(path, &world.arena), compare_all);
        world_end(&world);
    }
    globfree(&cases);
}

static const char *const far_rules =
    "ruleset: far\n"
    "scores:\n"
    "  staleness:\n"
    "    method: weighted\n"
    "    signals:\n"
    "      age: { value: 'age(account.created_at)', curve: [[0d, 0], [10d, 1]], weight: 1 }\n"
    "dimensions:\n"
    "  due: { cases: [ { when: 'until(account.renews_at) < 30d', value: soon }, { value: later } ] }\n"
    "segments:\n"
    "  busy: { when: 'count(login, 30d) > 1', for: 1d }\n"
    "  waiting: { when: 'open(ticket where severity == \"URGENT\") > 0', for: 30d }\n"
    "  quiet: { when: 'since(login) > 7d and last(login.user_id) == \"u\"' }\n";

/* What the readers accept at the most, for each instant that a record has: a state that could not be read again would
 * stop its shard for good. */
static void test_states_of_the_farthest_instants_survive_their_blob(void **unused) {
    (void)unused;
    static const char *const instants[] = {"-9007199254740992", "9007199254740992", "-9007199254740992", "0"};
    static const struct {
        const char *before, *between, *after; /* an instant comes twice */
    } forms[] = {
        {"{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":0,\"created_at\":", ",\"renews_at\":", "}"},
        {"{\"stream\":\"login\",\"event_id\":\"l", "\",\"account_id\":\"a\",\"user_id\":\"u\",\"occurred_at\":", "}"},
        {"{\"stream\":\"ticket\",\"event_id\":\"t",
         "\",\"account_id\":\"a\",\"ticket_id\":\"T\",\"action\":\"OPENED\",\"severity\":\"URGENT\",\"occurred_at\":",
         "}"},
        {"{\"stream\":\"account\",\"account_id\":\"b", "\",\"updated_at\":", "}"},
    };
    for (size_t first = 0; first < sizeof instants / sizeof instants[0]; first++) {
        struct world world;
        world_begin(&world, far_rules);
        for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
            for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
                const char *instant = instants[(first + i) % (sizeof instants / sizeof instants[0])];
                char line[256];
                snprintf(line, sizeof line, "%s%s%s%s%s", forms[form].before, instant, forms[form].between, instant,
                         forms[form].after);
                world_take_string(&world, line);
                compare_all(&world);
            }
        }
        world_end(&world);
    }
}

/* Where the bits are that say which sections are there: behind the account's id. */
static size_t bits_at(const struct buffer *blob) {
    return (size_t)((uint8_t *)memmem(blob->data, blob->size, "\001a", 2) - blob->data) + 2;
}

/* Where the sections begin, with the facts'. */
static size_t sections_at(const struct buffer *blob) {
    return bits_at(blob) + 1 + blob->data[bits_at(blob)] * 2u;
}

static enum result decode(struct world *world, const void *bytes, size_t size, struct error *error) {
    struct state_bytes state;
    enum result result = engine_decode(replay_engine(world->replay), bytes, size, NULL, INSTANT_NONE, &state, error);
    assert_true(result == RESULT_REJECT || (result == RESULT_OK && state.size > 0));
    return result;
}

/* Every beginning of it, and it with every bit turned: refused, or a state all the same, and never a stray read. */
static void damage(struct world *world, struct buffer *blob) {
    struct error error;
    for (size_t size = 0; size < blob->size; size++) {
        uint8_t *exact = malloc(size + 1); /* of the very size, so that a read beyond it is noticed */
        memcpy(exact, blob->data, size);
        (void)decode(world, exact, size, &error); /* cut behind its id it is whole */
        free(exact);
    }
    for (size_t at = 0; at < blob->size; at++)
        for (int bit = 0; bit < 8; bit++) {
            blob->data[at] ^= (uint8_t)(1 << bit);
            (void)decode(world, blob->data, blob->size, &error);
            blob->data[at] ^= (uint8_t)(1 << bit);
        }
}

static const char *const poor_rules = "ruleset: poor\nsegments:\n"
                                      "  often: { when: 'count(usage where feature == \"g\", 7d) > 0' }\n";

static void test_a_blob_that_is_cut_off_or_bent_is_rejected_and_never_trusted(void **unused) {
    (void)unused;
    struct world world, changed;
    struct buffer blob = {0}, bound = {0};
    struct state_bytes state;
    struct error error;
    begin_rich(&world, &blob);
    world_begin(&changed, poor_rules);
    /* Bound to other rules, and not evaluated with them yet: with what left, and with an aggregate that came. */
    assert_int_equal(decode_under(&changed, &world, &blob, INSTANT_NONE, &state, &error), RESULT_OK);
    engine_encode(replay_engine(changed.replay), state, &bound);
    damage(&world, &blob);
    damage(&world, &bound);
    damage(&changed, &bound);
    buffer_free(&blob);
    buffer_free(&bound);
    world_end(&world);
    world_end(&changed);
}

static void test_another_version_is_named_as_such(void **unused) {
    (void)unused;
    struct world world;
    struct buffer blob = {0};
    struct error error;
    begin_rich(&world, &blob);
    blob.data[0] = 9;
    assert_int_equal(decode(&world, blob.data, blob.size, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "is of version 9, this program reads version 3"));
    blob.data[0] = 1;
    assert_int_equal(decode(&world, blob.data, 1, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "is of version 1, this program reads version 3"));
    buffer_free(&blob);
    world_end(&world);
}

/* Where the header's instants begin: behind its fixed bytes and a sequence below 128. */
#define INSTANTS_AT 22

/* The blob with `size` bytes at `at` replaced, and what comes of it. */
static enum result decode_replaced(struct world *world, const struct buffer *blob, size_t at, size_t size,
                                   const void *bytes, size_t bytes_size) {
    struct buffer bent = {0};
    struct error error;
    buffer_put(&bent, blob->data, at);
    buffer_put(&bent, bytes, bytes_size);
    buffer_put(&bent, blob->data + at + size, blob->size - at - size);
    enum result result = decode(world, bent.data, bent.size, &error);
    buffer_free(&bent);
    return result;
}

static void test_an_instant_or_a_size_in_another_form_than_its_own_is_refused(void **unused) {
    (void)unused;
    struct world world;
    struct buffer blob = {0};
    begin_rich(&world, &blob);
    const uint8_t *now = blob.data + INSTANTS_AT;
    uint8_t longer[PACKED_LONG], size_longer[5] = {SECTION_LONG, 0, 0, 0, SECTION_LONG};
    int64_t now_ms;
    assert_ptr_equal(read_packed(now, &now_ms), now + PACKED_SHORT);
    assert_ptr_equal(write_packed(longer, INT64_MAX / 8), longer + PACKED_LONG);
    assert_int_equal(decode_replaced(&world, &blob, INSTANTS_AT, PACKED_SHORT, longer, PACKED_LONG), RESULT_OK);
    write_i64(longer + PACKED_SHORT, now_ms);
    assert_int_equal(decode_replaced(&world, &blob, INSTANTS_AT, PACKED_SHORT, longer, PACKED_LONG), RESULT_REJECT);
    write_i64(longer + PACKED_SHORT, INSTANT_NONE);
    assert_int_equal(decode_replaced(&world, &blob, INSTANTS_AT, PACKED_SHORT, longer, PACKED_LONG), RESULT_REJECT);

    size_t facts_at = sections_at(&blob);
    size_longer[1] = blob.data[facts_at];
    assert_int_equal(decode_replaced(&world, &blob, facts_at, 1, &blob.data[facts_at], 1), RESULT_OK);
    assert_int_equal(decode_replaced(&world, &blob, facts_at, 1, size_longer, sizeof size_longer), RESULT_REJECT);
    buffer_free(&blob);
    world_end(&world);
}

/* The blob with so many bytes of zeros behind its facts, in which they are empty texts, and what comes of it. */
static enum result decode_with_more_facts(struct world *world, const struct buffer *blob, uint32_t zeros) {
    struct buffer section = {0};
    size_t at = sections_at(blob);
    uint32_t size = blob->data[at], longer = size + zeros;
    if (longer > SECTION_SHORT_MAX) {
        buffer_put_u8(&section, SECTION_LONG);
        longer |= (uint32_t)SECTION_LONG << 24;
        buffer_put(&section, &longer, sizeof longer);
    } else {
        buffer_put_u8(&section, (uint8_t)longer);
    }
    buffer_put(&section, blob->data + at + 1, size);
    for (uint32_t i = 0; i < zeros; i++)
        buffer_put_u8(&section, 0);
    enum result result = decode_replaced(world, blob, at, 1 + size, section.data, section.size);
    buffer_free(&section);
    return result;
}

static void test_facts_whose_map_is_no_map_are_refused(void **unused) {
    (void)unused;
    struct world world;
    struct buffer blob = {0};
    begin_rich(&world, &blob); /* with one entry in the map */
    assert_int_equal(decode_with_more_facts(&world, &blob, 0), RESULT_OK);
    assert_int_equal(decode_with_more_facts(&world, &blob, 4), RESULT_REJECT); /* a key that has no value */
    assert_int_equal(decode_with_more_facts(&world, &blob, 8), RESULT_OK);
    assert_int_equal(decode_with_more_facts(&world, &blob, 8 * (FACTS_ENTRIES_MAX - 1)), RESULT_OK);
    assert_int_equal(decode_with_more_facts(&world, &blob, 8 * FACTS_ENTRIES_MAX), RESULT_REJECT);
    buffer_free(&blob);
    world_end(&world);
}

static void test_sections_other_than_those_that_it_names_are_refused(void **unused) {
    (void)unused;
    struct world world;
    struct buffer blob = {0};
    begin_rich(&world, &blob);
    size_t bits = bits_at(&blob), at = sections_at(&blob), last = at - 1;
    uint8_t more = (uint8_t)(blob.data[bits] + 1), beyond = blob.data[last] | 0x80;
    assert_int_equal(decode_replaced(&world, &blob, blob.size, 0, blob.data + at, blob.size - at), RESULT_REJECT);
    assert_int_equal(decode_replaced(&world, &blob, at, blob.data[at] + 1u, NULL, 0), RESULT_REJECT);
    assert_int_equal(decode_replaced(&world, &blob, bits, 1, &more, 1), RESULT_REJECT);
    assert_int_equal(decode_replaced(&world, &blob, last, 1, &beyond, 1), RESULT_REJECT);
    buffer_free(&blob);
    world_end(&world);
}

/* The account's state with another header, compared with what becomes of it in a blob; its size there. */
static size_t compare_with_header(struct world *world, int64_t now_ms, int64_t due_ms, int64_t first_event_ms) {
    struct state_bytes state = world_state(world, "a");
    struct buffer copy = {0}, blob = {0};
    buffer_put(&copy, state.data, state.size);
    struct state_header *header = (struct state_header *)(void *)copy.data;
    assert(buffer_ok(&copy) && header != NULL);
    header->now_ms = now_ms;
    header->due_ms = due_ms;
    header->first_event_ms = first_event_ms;
    state = (struct state_bytes){copy.data, state.size, state.size};
    engine_encode(replay_engine(world->replay), state, &blob);
    size_t size = blob.size;
    buffer_free(&blob);
    compare_with_blob(replay_engine(world->replay), 0, state);
    buffer_free(&copy);
    return size;
}

static void test_instants_come_back_whether_they_are_there_or_not_and_of_any_year(void **unused) {
    (void)unused;
    static const int64_t some_ms = INT64_C(1767700000000), ancient_ms = INT64_C(-9000000000000);
    struct world world;
    world_begin(&world, rich_rules);
    take_some_records(&world);
    size_t size = compare_with_header(&world, some_ms, some_ms + 1, some_ms - DAY);
    assert_int_equal(compare_with_header(&world, some_ms, INSTANT_NEVER, some_ms), size - PACKED_SHORT);
    assert_int_equal(compare_with_header(&world, some_ms, INSTANT_NONE, some_ms), size - PACKED_SHORT);
    assert_int_equal(compare_with_header(&world, some_ms, INSTANT_NONE, INSTANT_NONE), size - 2 * PACKED_SHORT);
    assert_int_equal(compare_with_header(&world, ancient_ms, some_ms, some_ms), size + PACKED_LONG - PACKED_SHORT);
    compare_with_header(&world, some_ms, ancient_ms, ancient_ms);
    compare_with_header(&world, some_ms, INSTANT_NEVER - 1, INSTANT_NONE);
    compare_with_header(&world, some_ms, INSTANT_NONE + 1, INSTANT_NONE);
    world_end(&world);
}

/* Records of an account that is called like the year that they are of. */
static void take_a_year(struct world *world, const char *year) {
    static const char *const lines[] = {
        "{\"stream\":\"account\",\"account_id\":\"YYYY\",\"updated_at\":\"YYYY-01-01T00:00:00Z\",\"plan\":\"pro\"}",
        "{\"stream\":\"login\",\"event_id\":\"l\",\"account_id\":\"YYYY\",\"user_id\":\"u\","
        "\"occurred_at\":\"YYYY-01-02T10:00:00Z\"}",
        "{\"stream\":\"ticket\",\"event_id\":\"t\",\"account_id\":\"YYYY\",\"ticket_id\":\"T\",\"action\":\"OPENED\","
        "\"severity\":\"URGENT\",\"occurred_at\":\"YYYY-01-03T00:00:00Z\"}",
        "{\"stream\":\"account\",\"account_id\":\"YYYY\",\"updated_at\":\"YYYY-03-01T00:00:00Z\",\"plan\":\"free\"}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char line[512];
        snprintf(line, sizeof line, "%s", lines[i]);
        for (char *at = strstr(line, "YYYY"); at != NULL; at = strstr(at, "YYYY"))
            memcpy(at, year, 4);
        world_take_string(world, line);
        compare_all(world);
    }
}

static void test_states_of_years_that_no_short_instant_has_survive_their_blobs(void **unused) {
    (void)unused;
    struct world world;
    world_begin(&world, rich_rules);
    take_a_year(&world, "1999");
    take_a_year(&world, "2026");
    take_a_year(&world, "2099");
    assert_true(world_state(&world, "1999").size > world_state(&world, "2026").size);
    assert_true(world_state(&world, "2099").size > world_state(&world, "2026").size);
    world_end(&world);
}

static void test_an_erased_account_keeps_its_sequence_and_nothing_else(void **unused) {
    (void)unused;
    struct world world;
    struct buffer blob = {0};
    struct state_bytes state;
    struct error error;
    world_begin(&world, rich_rules);
    take_some_records(&world);
    uint64_t sequence = state_sequence(world_state(&world, "a"));
    world_take_string(&world, "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":\"2026-01-08T00:00:00Z\","
                              "\"deleted\":true}");
    assert_true(DECIDED(&world, "\"kind\":\"EXITED\"", "\"subject\":\"busy\"", "ACCOUNT_DELETED"));
    encode_account(&world, &blob);
    assert_true(blob.size < 64);
    assert_int_equal(
        engine_decode(replay_engine(world.replay), blob.data, blob.size, NULL, INSTANT_NONE, &state, &error),
        RESULT_OK);
    assert_true(state_is_erased(state));
    assert_true(state_sequence(state) > sequence);
    assert_int_equal(state_due_ms(state), INSTANT_NEVER);
    buffer_free(&blob);
    world_end(&world);
}

static void test_an_account_larger_than_a_limit_that_was_lowered_lives_on_and_grows_no_more(void **unused) {
    (void)unused;
    struct world world;
    struct buffer blob = {0};
    struct state_bytes state;
    struct error error;
    struct step step;
    struct engine *small;
    struct engine_options options = {.account_bytes_max = 4096, .live_from_ms = INSTANT_NONE};
    world_begin(&world, rich_rules);
    take_some_records(&world);
    for (int i = 0; i < 2000; i++) {
        char line[256];
        snprintf(line, sizeof line,
                 "{\"stream\":\"ticket\",\"event_id\":\"more-%d\",\"account_id\":\"a\",\"ticket_id\":\"of many, "
                 "number %d\",\"action\":\"OPENED\",\"severity\":\"URGENT\",\"occurred_at\":\"2026-01-07T00:00:00Z\"}",
                 i, i);
        world_take_string(&world, line);
    }
    encode_account(&world, &blob);
    compare_all(&world);
    assert_int_equal(engine_create(world.program, &options, &small, &error), RESULT_OK);
    if (engine_decode(small, blob.data, blob.size, NULL, INSTANT_NONE, &state, &error) != RESULT_OK)
        fail_msg("%s", error.text);
    assert_true(state.size > 40000);
    uint8_t *owned = malloc(state.size);
    assert_non_null(owned);
    memcpy(owned, state.data, state.size);
    state = (struct state_bytes){owned, state.size, state.size};

    struct event login = {.stream = STREAM_LOGIN, .account_id = TEXT("a"), .event_id = TEXT("l2")};
    login.time_ms = NEXT_TICK_MS;
    struct clocks clocks = CLOCKS_INITIAL;
    engine_apply(small, state, &login, event_id_hash(&login), &clocks, &step);
    assert_int_equal(step.outcome, STEP_ACCOUNT_TOO_LARGE);
    engine_tick(small, state, NEXT_TICK_MS + 30 * DAY, &clocks, &step);
    assert_int_equal(step.outcome, STEP_APPLIED);
    assert_true(step.changes_count > 0);
    engine_free(small);
    free(owned);
    buffer_free(&blob);
    world_end(&world);
}

/* Whether the event was refused; what then is left of the account's bytes is compared. */
static bool is_refused(struct engine *engine, const struct event *event, const uint8_t *before, uint32_t size,
                       uint8_t *owned, uint32_t capacity) {
    struct clocks clocks = CLOCKS_INITIAL;
    struct step step;
    memcpy(owned, before, size);
    engine_apply(engine, (struct state_bytes){owned, size, capacity}, event, 0, &clocks, &step);
    if (step.outcome == STEP_ACCOUNT_TOO_LARGE)
        assert_memory_equal(owned, before, size);
    else
        assert_in_range(step.state.size, 1, 4096);
    return step.outcome == STEP_ACCOUNT_TOO_LARGE;
}

static void test_an_event_that_does_not_fit_leaves_no_trace(void **unused) {
    (void)unused;
    struct world world;
    struct engine *small;
    struct error error;
    struct engine_options options = {.account_bytes_max = 4096, .live_from_ms = INSTANT_NONE};
    static char text[5000];
    static uint8_t before[8192];
    static _Alignas(16) uint8_t owned[16384];
    memset(text, 'x', sizeof text);
    world_begin(&world, rich_rules);
    take_some_records(&world);
    struct state_bytes state = world_state(&world, "a");
    uint32_t size = state.size, refused = 0;
    assert(state.data != NULL);
    assert_in_range(size, 1, sizeof before);
    memcpy(before, state.data, size);
    assert_int_equal(engine_create(world.program, &options, &small, &error), RESULT_OK);
    uint32_t plan = stream_field(STREAM_ACCOUNT, TEXT("plan"));
    for (uint32_t length = 0; length < sizeof text; length++) {
        struct event facts = {.stream = STREAM_ACCOUNT, .account_id = TEXT("a"), .time_ms = NEXT_TICK_MS};
        facts.fields[plan].text = (struct text){text, length};
        facts.present = UINT32_C(1) << plan;
        bool is_too_long = is_refused(small, &facts, before, size, owned, sizeof owned);
        assert_true(is_too_long || refused == 0); /* What is longer fits even less. */
        refused += is_too_long;
    }
    assert_in_range(refused, 1000, 3500);
    engine_free(small);
    world_end(&world);
}

/* The default rules in the least that limits.account_bytes may be. */
static void test_a_small_account_fits_into_a_small_limit(void **unused) {
    (void)unused;
    struct world world;
    struct document document;
    struct engine *small;
    struct error error;
    struct step step;
    struct clocks clocks = CLOCKS_INITIAL;
    struct engine_options options = {.account_bytes_max = 4096, .live_from_ms = INSTANT_NONE};
    struct event login = {
        .stream = STREAM_LOGIN, .account_id = TEXT("a"), .event_id = TEXT("l"), .time_ms = NEXT_TICK_MS};
    world = (struct world){.program = NULL};
    assert_int_equal(
        yaml_read_file(BELLWETHER_SOURCE_DIR "/config/rules/default.yaml", &world.arena, &document, &error), RESULT_OK);
    world_begin_document(&world, &document, (struct replay_options){.live_from_ms = INSTANT_NONE});
    assert_int_equal(engine_create(world.program, &options, &small, &error), RESULT_OK);
    login.fields[stream_schemas[STREAM_LOGIN].account_id].text = login.account_id;
    engine_apply(small, (struct state_bytes){0}, &login, event_id_hash(&login), &clocks, &step);
    assert_int_equal(step.outcome, STEP_APPLIED);
    engine_free(small);
    world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_of_the_golden_cases_survives_its_blob),
        cmocka_unit_test(test_states_of_the_farthest_instants_survive_their_blob),
        cmocka_unit_test(test_a_blob_that_is_cut_off_or_bent_is_rejected_and_never_trusted),
        cmocka_unit_test(test_another_version_is_named_as_such),
        cmocka_unit_test(test_an_instant_or_a_size_in_another_form_than_its_own_is_refused),
        cmocka_unit_test(test_facts_whose_map_is_no_map_are_refused),
        cmocka_unit_test(test_sections_other_than_those_that_it_names_are_refused),
        cmocka_unit_test(test_instants_come_back_whether_they_are_there_or_not_and_of_any_year),
        cmocka_unit_test(test_states_of_years_that_no_short_instant_has_survive_their_blobs),
        cmocka_unit_test(test_an_erased_account_keeps_its_sequence_and_nothing_else),
        cmocka_unit_test(test_an_event_that_does_not_fit_leaves_no_trace),
        cmocka_unit_test(test_a_small_account_fits_into_a_small_limit),
        cmocka_unit_test(test_an_account_larger_than_a_limit_that_was_lowered_lives_on_and_grows_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
