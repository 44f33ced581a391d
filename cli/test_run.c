#include "cli/test_run.h"

#include <stdlib.h>

#include "cli/test_feed.h"
#include "engine/replay.h"

/* A replay and everything that came of it. */
struct run {
    const struct test_suite *suite;
    const struct test *test;
    struct replay *replay;
    struct test_feed *feed;
    struct arena arena; /* texts of the changes */
    struct kept_change *changes;
    uint32_t changes_count, changes_capacity;
    struct buffer *out;
    bool passed;
};

/* ---- changes ---- */

static struct kept_change keep(struct run *run, const struct change *change) {
    struct kept_change kept = {.account_id = arena_text(&run->arena, change->account_id),
                               .subject = arena_text(&run->arena, change->subject),
                               .from = arena_text(&run->arena, change->from),
                               .to = arena_text(&run->arena, change->to),
                               .playbook = arena_text(&run->arena, change->playbook),
                               .at_ms = change->at_ms,
                               .kind = change->kind,
                               .cause = change->cause.kind,
                               .reasons_count = change->reasons_count};
    for (uint32_t i = 0; i < change->reasons_count; i++)
        kept.reasons[i] = arena_text(&run->arena, change->reasons[i].signal);
    return kept;
}

static bool make_room(struct run *run, uint32_t count) {
    if (run->changes_count + count <= run->changes_capacity)
        return true;
    uint32_t capacity = 2 * (run->changes_capacity + count);
    struct kept_change *changes = realloc(run->changes, capacity * sizeof *changes);
    if (changes == NULL)
        return false;
    run->changes = changes;
    run->changes_capacity = capacity;
    return true;
}

static enum result keep_changes(void *context, const struct change *changes, uint32_t count,
                                const struct status *status, struct error *error) {
    struct run *run = context;
    (void)status;
    if (!make_room(run, count))
        return error_set(error, RESULT_FATAL, "memory is out");
    for (uint32_t i = 0; i < count; i++)
        run->changes[run->changes_count++] = keep(run, &changes[i]);
    return RESULT_OK;
}

/* ---- records ---- */

/* A record that the engine or the schema does not take: the test cannot mean what it says. */
static void report_record(struct run *run, const struct test_record *record, const char *reason) {
    buffer_printf(run->out, "  %.*s:%u:%u: this record is rejected: %s\n", TEXT_ARGUMENTS(run->suite->file),
                  record->position.line, record->position.column, reason);
    run->passed = false;
}

/* Feeds what arrives up to the instant, and lets time go on until then. */
static enum result advance(struct run *run, int64_t until_ms, struct error *error) {
    struct file_record record;
    const struct test_record *source;
    for (;;) {
        enum result result = test_feed_next(run->feed, until_ms, &record, &source, error);
        if (result == RESULT_OK && source == NULL)
            return replay_until(run->replay, until_ms, error);
        struct rejection rejection;
        const char *reason = error->text;
        if (result == RESULT_OK) {
            result = replay_record(run->replay, &record.event, record.event.place.timestamp_ms, &rejection, error);
            reason = rejection.detail.text;
        }
        if (result == RESULT_REJECT)
            report_record(run, source, reason);
        else if (result != RESULT_OK)
            return result;
    }
}

/* ---- checks ---- */

static void look(struct run *run, const struct test_check *check, struct test_view *ret_view) {
    struct shard *shard = replay_shard(run->replay);
    struct accounts *accounts = shard_accounts(shard);
    uint32_t account = accounts_find(accounts, check->account);
    *ret_view = (struct test_view){.test = run->test,
                                   .program = run->suite->program,
                                   .check = check,
                                   .engine = replay_engine(run->replay),
                                   .changes = run->changes,
                                   .changes_count = run->changes_count};
    if (account == ACCOUNT_NONE)
        return;
    struct state_bytes state = accounts_state(accounts, account);
    ret_view->exists = state.size > 0 && !state_is_erased(state);
    if (ret_view->exists)
        engine_explain(ret_view->engine, state, shard_clocks(shard), &ret_view->status);
}

static enum result run_checks(struct run *run, struct error *error) {
    for (uint32_t i = 0; i < run->test->checks_count; i++) {
        const struct test_check *check = &run->test->checks[i];
        struct test_view view;
        enum result result = advance(run, check->at_ms, error);
        if (result != RESULT_OK)
            return result;
        look(run, check, &view);
        for (uint32_t j = 0; j < check->expectations_count; j++) {
            if (test_expectation_holds(&view, &check->expectations[j]))
                continue;
            test_report(run->suite->file, &view, &check->expectations[j], run->out);
            run->passed = false;
        }
    }
    return RESULT_OK;
}

enum result test_run(const struct test_suite *suite, const struct test *test, struct buffer *out, bool *ret_passed,
                     struct error *error) {
    struct run run = {.suite = suite, .test = test, .out = out, .passed = true};
    /* Every account is evaluated at every tick: a score that is looked at is that of the last tick. */
    struct replay_options options = {.live_from_ms = INSTANT_NONE, .visit_every_tick = true};
    struct shard_output output = {&run, keep_changes};
    enum result result = replay_create(suite->program, &options, &output, NULL, &run.replay, error);
    if (result == RESULT_OK)
        result = test_feed_create(test, &run.feed, error);
    if (result == RESULT_OK)
        result = run_checks(&run, error);
    test_feed_free(run.feed);
    replay_free(run.replay);
    arena_free(&run.arena);
    free(run.changes);
    if (result == RESULT_OK)
        *ret_passed = run.passed;
    return result;
}
