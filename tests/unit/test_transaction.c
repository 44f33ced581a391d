/* What each of the sink's answers leads to, answer by answer. */
#include "engine/transaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SCRIPT_MAX 32

/* A sink that answers by a script: one letter a call, and the calls it got. Without a script it says OK. */
static struct {
    const char *answers; /* o: OK, p: PENDING, f: FAILED, z: ZOMBIE, x: FATAL */
    char calls[SCRIPT_MAX];
    int64_t now_ms, commit_takes_ms;
    uint64_t troubles;
    struct batch *published;
} script;

static enum answer answer(char call, struct error *error) {
    size_t count = strlen(script.calls);
    assert_true(count + 1 < SCRIPT_MAX);
    script.calls[count] = call;
    char letter = *script.answers == 0 ? 'o' : *script.answers++;
    if (letter != 'o' && letter != 'p')
        error_set(error, RESULT_RETRY, "because");
    return letter == 'o'   ? ANSWER_OK
           : letter == 'p' ? ANSWER_PENDING
           : letter == 'f' ? ANSWER_FAILED
           : letter == 'z' ? ANSWER_ZOMBIE
                           : ANSWER_FATAL;
}

static enum answer renew(void *context, int timeout_ms, struct error *error) {
    (void)context;
    (void)timeout_ms;
    return answer('n', error);
}

static enum answer begin(void *context, struct error *error) {
    (void)context;
    return answer('b', error);
}

static enum answer publish(void *context, struct batch *batch, int timeout_ms, struct error *error) {
    (void)context;
    (void)timeout_ms;
    script.published = batch;
    batch->records[0].offset = 5;
    return answer('p', error);
}

static enum answer flush(void *context, int timeout_ms, struct error *error) {
    (void)context;
    (void)timeout_ms;
    return answer('f', error);
}

static enum answer send_offsets(void *context, const struct input_offset *offsets, uint32_t count,
                                const struct membership *membership, int timeout_ms, struct error *error) {
    (void)context;
    (void)timeout_ms;
    (void)membership;
    assert_int_equal(count, 1);
    assert_int_equal(offsets[0].offset, 9);
    return answer('s', error);
}

static enum answer commit(void *context, int timeout_ms, struct error *error) {
    (void)context;
    (void)timeout_ms;
    script.now_ms += script.commit_takes_ms;
    return answer('c', error);
}

static enum answer abort_it(void *context, int timeout_ms, struct error *error) {
    (void)context;
    (void)timeout_ms;
    return answer('a', error);
}

static uint64_t troubles(void *context) {
    (void)context;
    return script.troubles;
}

static int64_t now_ms(void *context) {
    (void)context;
    return script.now_ms;
}

static const struct sink sink = {.renew = renew,
                                 .begin = begin,
                                 .publish = publish,
                                 .flush = flush,
                                 .send_offsets = send_offsets,
                                 .commit = commit,
                                 .abort = abort_it,
                                 .troubles = troubles};
static const struct clock clock = {.monotonic_ms = now_ms};

static struct transaction transaction;
static struct record record;
static struct batch batch = {.records = &record, .count = 1};
static struct batch *batches[] = {&batch};
static const struct input_offset offsets[] = {{.input = {STREAM_LOGIN, 0}, .offset = 9}};

static void start(const char *answers) {
    memset(script.calls, 0, sizeof script.calls);
    script.answers = answers;
    record.offset = OFFSET_NONE;
    transaction_start(&transaction, batches, 1, offsets, 1, NULL);
}

static int setup(void **state) {
    (void)state;
    struct transaction_options options = {.timeout_ms = 15000, .end_slow_ms = 1000};
    memset(&script, 0, sizeof script);
    script.now_ms = 1000000;
    transaction_init(&transaction, &sink, &clock, &options);
    return 0;
}

static struct error last_error;

static enum transaction_outcome run(void) {
    bool failed;
    struct error error = {0};
    for (int i = 0; i < 1000; i++) {
        enum transaction_outcome outcome = transaction_step(&transaction, 10, &failed, &error);
        last_error = error;
        error.text[0] = 0;
        if (outcome != TRANSACTION_PENDING)
            return outcome;
        script.now_ms += 10;
    }
    return TRANSACTION_PENDING;
}

static void ends(const char *answers, enum transaction_outcome outcome, const char *calls) {
    start(answers);
    assert_int_equal(run(), outcome);
    assert_string_equal(script.calls, calls);
    assert_false(transaction_is_running(&transaction));
}

static void all_good_is_known_and_the_producer_stays(void **state) {
    (void)state;
    ends("", TRANSACTION_KNOWN, "nbpfsc");
    assert_int_equal(record.offset, 5);
    ends("", TRANSACTION_KNOWN, "bpfsc");
}

static void calls_that_wait_are_made_again(void **state) {
    (void)state;
    ends("ppoopppopopopo", TRANSACTION_KNOWN, "nnnbppppffsscc");
}

static void a_failure_before_commit_is_repeated_with_the_same_bytes_and_a_new_producer(void **state) {
    (void)state;
    ends("oof", TRANSACTION_KNOWN, "nbpanbpfsc");
    ends("oof", TRANSACTION_KNOWN, "bpfanbpfsc");
    ends("ooof", TRANSACTION_KNOWN, "bpfsanbpfsc");
    assert_true(transaction.timed_out);
    assert_int_equal(transaction.attempts, 1);
}

static void an_abort_that_fails_discards_the_producer_before_the_batch_is_touched(void **state) {
    (void)state;
    ends("ooff", TRANSACTION_KNOWN, "nbpannbpfsc");
    ends("oooz", TRANSACTION_ZOMBIE, "bpfsa");
    ends("ooozf", TRANSACTION_ZOMBIE, "bpfsan");
    assert_true(transaction_needs_producer(&transaction));
}

static void offsets_of_an_aborted_attempt_count_for_nothing(void **state) {
    (void)state;
    ends("ooooz", TRANSACTION_ZOMBIE, "nbpfsa");
    assert_int_equal(record.offset, OFFSET_NONE);
}

static void a_zombie_aborts_and_does_not_try_again(void **state) {
    (void)state;
    ends("ooooz", TRANSACTION_ZOMBIE, "nbpfsa");
    assert_false(transaction_needs_producer(&transaction));
    assert_string_equal(last_error.text, "because");
    ends("ooozppf", TRANSACTION_ZOMBIE, "bpfsaaan");
    assert_string_equal(last_error.text, "because");
}

static void a_commit_that_fails_is_unknown_and_the_producer_is_not_used_again(void **state) {
    (void)state;
    ends("ooooof", TRANSACTION_UNKNOWN, "nbpfsc");
    assert_true(transaction_needs_producer(&transaction));
    ends("", TRANSACTION_KNOWN, "nbpfsc");
}

static void a_commit_that_never_answers_is_unknown_after_the_time_out(void **state) {
    (void)state;
    script.commit_takes_ms = 6000;
    ends("ooooopppp", TRANSACTION_UNKNOWN, "nbpfsccc");
}

static void a_slow_end_or_an_error_meanwhile_gives_each_commit_a_new_producer_for_a_minute(void **state) {
    (void)state;
    script.commit_takes_ms = 1001;
    ends("", TRANSACTION_KNOWN, "nbpfsc");
    assert_false(transaction_needs_producer(&transaction)); /* a new producer's first end may be slow */
    ends("", TRANSACTION_KNOWN, "bpfsc");
    assert_true(transaction_needs_producer(&transaction));
    script.commit_takes_ms = 0;
    ends("", TRANSACTION_KNOWN, "nbpfsc");
    ends("", TRANSACTION_KNOWN, "nbpfsc");
    script.now_ms += 60001;
    ends("", TRANSACTION_KNOWN, "bpfsc");
    start("");
    bool failed;
    struct error error;
    assert_int_equal(transaction_step(&transaction, 10, &failed, &error), TRANSACTION_PENDING);
    script.troubles++;
    assert_int_equal(run(), TRANSACTION_KNOWN);
    assert_true(transaction_needs_producer(&transaction));
}

static void an_error_during_an_abort_gives_the_next_transaction_a_new_producer_too(void **state) {
    (void)state;
    ends("oooozo", TRANSACTION_ZOMBIE, "nbpfsa");
    assert_false(transaction_needs_producer(&transaction));
    start("ooozo");
    bool failed;
    struct error error;
    for (int i = 0; i < 4; i++)
        assert_int_equal(transaction_step(&transaction, 10, &failed, &error), TRANSACTION_PENDING);
    script.troubles++; /* A copy of the abort may end the next transaction half-way. */
    assert_int_equal(run(), TRANSACTION_ZOMBIE);
    assert_true(transaction_needs_producer(&transaction));
}

static void what_is_given_up_before_commit_is_aborted_and_not_repeated(void **state) {
    (void)state;
    start("");
    bool failed;
    struct error error;
    for (int i = 0; i < 3; i++)
        assert_int_equal(transaction_step(&transaction, 10, &failed, &error), TRANSACTION_PENDING);
    transaction_abandon(&transaction);
    assert_int_equal(run(), TRANSACTION_ABANDONED);
    assert_string_equal(script.calls, "nbpa");
    start("");
    transaction_abandon(&transaction);
    assert_int_equal(run(), TRANSACTION_ABANDONED);
    assert_string_equal(script.calls, "");
}

static void what_is_given_up_while_commit_is_under_way_is_unknown(void **state) {
    (void)state;
    start("ooooop");
    bool failed;
    struct error error;
    for (int i = 0; i < 6; i++)
        assert_int_equal(transaction_step(&transaction, 10, &failed, &error), TRANSACTION_PENDING);
    assert_string_equal(script.calls, "nbpfsc");
    transaction_abandon(&transaction);
    assert_int_equal(run(), TRANSACTION_UNKNOWN);
    assert_true(transaction_needs_producer(&transaction));
}

static void what_cannot_become_good_is_fatal(void **state) {
    (void)state;
    ends("x", TRANSACTION_FATAL, "n");
    ends("oox", TRANSACTION_FATAL, "nbp");
}

static void records_that_kafka_does_not_take_in_time_are_tried_again(void **state) {
    (void)state;
    start("ooop");
    bool failed = false;
    struct error error;
    for (int i = 0; i < 4; i++)
        assert_int_equal(transaction_step(&transaction, 10, &failed, &error), TRANSACTION_PENDING);
    script.now_ms += 15001;
    script.answers = "p";
    assert_int_equal(transaction_step(&transaction, 10, &failed, &error), TRANSACTION_PENDING);
    assert_true(failed);
    assert_int_equal(run(), TRANSACTION_KNOWN);
    assert_string_equal(script.calls, "nbpffanbpfsc");
}

/* Takes steps until the sink has had `calls` calls, none of which may end the transaction. */
static void step_to(size_t calls) {
    bool failed;
    struct error error;
    for (; strlen(script.calls) < calls; script.now_ms += 10)
        assert_int_equal(transaction_step(&transaction, 10, &failed, &error), TRANSACTION_PENDING);
}

static void records_that_kafka_does_not_take_in_time_twice_are_given_up(void **state) {
    (void)state;
    start("ooopp"
          "oooopp");
    step_to(4);
    script.now_ms += 15001;
    step_to(10); /* aborted, and begun again with a new producer */
    script.now_ms += 15001;
    assert_int_equal(run(), TRANSACTION_ABANDONED);
    assert_string_equal(script.calls, "nbpffanbpffa");
    assert_non_null(strstr(last_error.text, "within 15000 ms"));
    assert_true(transaction.timed_out);
    assert_true(transaction_needs_producer(&transaction));
    ends("", TRANSACTION_KNOWN, "nbpfsc");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_good_is_known_and_the_producer_stays),
        TEST(calls_that_wait_are_made_again),
        TEST(a_failure_before_commit_is_repeated_with_the_same_bytes_and_a_new_producer),
        TEST(an_abort_that_fails_discards_the_producer_before_the_batch_is_touched),
        TEST(offsets_of_an_aborted_attempt_count_for_nothing),
        TEST(a_zombie_aborts_and_does_not_try_again),
        TEST(a_commit_that_fails_is_unknown_and_the_producer_is_not_used_again),
        TEST(a_commit_that_never_answers_is_unknown_after_the_time_out),
        TEST(a_slow_end_or_an_error_meanwhile_gives_each_commit_a_new_producer_for_a_minute),
        TEST(an_error_during_an_abort_gives_the_next_transaction_a_new_producer_too),
        TEST(what_is_given_up_before_commit_is_aborted_and_not_repeated),
        TEST(what_is_given_up_while_commit_is_under_way_is_unknown),
        TEST(what_cannot_become_good_is_fatal),
        TEST(records_that_kafka_does_not_take_in_time_are_tried_again),
        TEST(records_that_kafka_does_not_take_in_time_twice_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
