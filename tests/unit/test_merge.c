/* The merge's order, and whom it waits for: driven by hand, with messages that are made up here. */
#include "engine/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/limits.h"

#define STREAMS_OF_TWO ((1u << STREAM_ACCOUNT) | (1u << STREAM_LOGIN))

static struct merge *two_inputs(void) {
    struct merge_options options = {.streams = STREAMS_OF_TWO, .wait_max_ms = 30000, .confirm_max_ms = 5000};
    struct merge *merge;
    struct error error;
    assert_int_equal(merge_create(&options, &merge, &error), RESULT_OK);
    merge_begin(merge, STREAM_ACCOUNT, 0);
    merge_begin(merge, STREAM_LOGIN, 0);
    return merge;
}

static void put(struct merge *merge, enum stream stream, int64_t offset, int64_t timestamp_ms) {
    struct message message = {.stream = stream, .offset = offset, .timestamp_ms = timestamp_ms};
    assert_int_equal(merge_put(merge, stream, &message, 1, offset + 1), 1);
}

static void confirm(struct merge *merge, enum stream stream, int64_t stable, int64_t asked_ms) {
    merge_confirm(merge, stream, stable, asked_ms);
}

static enum merge_state next(struct merge *merge, int64_t now_ms) {
    enum stream stream;
    return merge_next(merge, now_ms, &stream);
}

static void takes(struct merge *merge, enum stream stream, int64_t offset) {
    enum stream chosen;
    assert_int_equal(merge_next(merge, 0, &chosen), MERGE_HEAD);
    assert_int_equal(chosen, stream);
    assert_int_equal(merge_head(merge)->offset, offset);
    assert_int_equal(merge_take(merge)->offset, offset);
}

static void end(struct merge *merge) {
    struct message message;
    while (merge_clear(merge, &message))
        continue;
    merge_free(merge);
}

static void records_are_taken_by_timestamp_and_at_equal_times_by_stream(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 2, 0);
    confirm(merge, STREAM_LOGIN, 3, 0);
    put(merge, STREAM_LOGIN, 0, 100);
    put(merge, STREAM_LOGIN, 1, 200);
    put(merge, STREAM_LOGIN, 2, 150);
    put(merge, STREAM_ACCOUNT, 0, 100);
    put(merge, STREAM_ACCOUNT, 1, 300);
    takes(merge, STREAM_ACCOUNT, 0);
    takes(merge, STREAM_LOGIN, 0);
    takes(merge, STREAM_LOGIN, 1);
    takes(merge, STREAM_LOGIN, 2); /* Within an input the offset counts, whatever the timestamp says. */
    takes(merge, STREAM_ACCOUNT, 1);
    assert_int_equal(next(merge, 0), MERGE_END);
    end(merge);
}

static void an_input_that_comes_first_again_and_again_gives_way_to_what_comes_before_it(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 2, 0);
    confirm(merge, STREAM_LOGIN, 5, 0);
    for (int64_t offset = 0; offset < 5; offset++)
        put(merge, STREAM_LOGIN, offset, 100 * offset);
    put(merge, STREAM_ACCOUNT, 0, 100);
    put(merge, STREAM_ACCOUNT, 1, 350);
    takes(merge, STREAM_LOGIN, 0);
    takes(merge, STREAM_ACCOUNT, 0);
    takes(merge, STREAM_LOGIN, 1);
    takes(merge, STREAM_LOGIN, 2);
    takes(merge, STREAM_LOGIN, 3);
    takes(merge, STREAM_ACCOUNT, 1);
    takes(merge, STREAM_LOGIN, 4);
    end(merge);
}

static void what_arrives_or_is_known_to_be_there_is_minded_by_the_next_choice(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 0, 0);
    confirm(merge, STREAM_LOGIN, 4, 0);
    for (int64_t offset = 0; offset < 4; offset++)
        put(merge, STREAM_LOGIN, offset, 100 + offset);
    takes(merge, STREAM_LOGIN, 0);
    put(merge, STREAM_ACCOUNT, 0, 50);
    takes(merge, STREAM_ACCOUNT, 0);
    takes(merge, STREAM_LOGIN, 1);
    confirm(merge, STREAM_ACCOUNT, 2, 0);
    assert_int_equal(next(merge, 0), MERGE_AWAITED);
    assert_int_equal(merge_put(merge, STREAM_ACCOUNT, NULL, 0, 2), 0);
    takes(merge, STREAM_LOGIN, 2);
    merge_choose(merge, STREAM_ACCOUNT, 2);
    assert_int_equal(next(merge, 0), MERGE_AWAITED);
    put(merge, STREAM_ACCOUNT, 2, 900);
    takes(merge, STREAM_ACCOUNT, 2);
    takes(merge, STREAM_LOGIN, 3);
    end(merge);
}

static void an_input_whose_end_was_never_asked_is_awaited(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    put(merge, STREAM_LOGIN, 0, 100);
    assert_int_equal(next(merge, 0), MERGE_AWAITED);
    confirm(merge, STREAM_ACCOUNT, 0, 0);
    takes(merge, STREAM_LOGIN, 0);
    end(merge);
}

static void an_input_that_is_known_to_hold_more_holds_up_the_others_for_ever(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 5, 0);
    confirm(merge, STREAM_LOGIN, 1, 0);
    put(merge, STREAM_LOGIN, 0, 100);
    assert_int_equal(next(merge, 1000), MERGE_AWAITED);
    assert_int_equal(merge_stalled(merge, 31000), 0);
    assert_int_equal(next(merge, 31001), MERGE_AWAITED);
    assert_int_equal(merge_stalled(merge, 31001), 1u << STREAM_ACCOUNT);
    assert_int_equal(next(merge, 9999999), MERGE_AWAITED);
    put(merge, STREAM_ACCOUNT, 0, 50);
    assert_int_equal(merge_stalled(merge, 9999999), 0);
    takes(merge, STREAM_ACCOUNT, 0);
    end(merge);
}

static void transaction_markers_at_the_end_are_passed_by_the_end_of_partition_event(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 2, 0); /* one record and its marker */
    confirm(merge, STREAM_LOGIN, 0, 0);
    put(merge, STREAM_ACCOUNT, 0, 100);
    takes(merge, STREAM_ACCOUNT, 0);
    assert_int_equal(next(merge, 0), MERGE_AWAITED);
    assert_int_equal(merge_put(merge, STREAM_ACCOUNT, NULL, 0, 2), 0);
    assert_int_equal(next(merge, 0), MERGE_END);
    end(merge);
}

static void an_end_that_was_seen_never_goes_back(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 5, 0);
    confirm(merge, STREAM_ACCOUNT, 3, 10); /* a replica that lags */
    confirm(merge, STREAM_LOGIN, 0, 10);
    assert_int_equal(merge_put(merge, STREAM_ACCOUNT, NULL, 0, 4), 0);
    assert_int_equal(next(merge, 10), MERGE_AWAITED);
    end(merge);
}

static void ends_are_confirmed_for_five_seconds_and_only_while_nothing_waits(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 0, 1000);
    assert_false(merge_confirmed(merge, 1000));
    confirm(merge, STREAM_LOGIN, 0, 2000);
    assert_true(merge_confirmed(merge, 2000));
    assert_true(merge_confirmed(merge, 6000));
    assert_false(merge_confirmed(merge, 6001));
    confirm(merge, STREAM_ACCOUNT, 0, 6001);
    assert_true(merge_confirmed(merge, 6001));
    put(merge, STREAM_LOGIN, 0, 100);
    assert_false(merge_confirmed(merge, 6001));
    takes(merge, STREAM_LOGIN, 0);
    assert_true(merge_confirmed(merge, 6001));
    end(merge);
}

static void a_record_that_was_chosen_stays_next_whatever_arrives(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 0, 0);
    confirm(merge, STREAM_LOGIN, 1, 0);
    put(merge, STREAM_LOGIN, 0, 100);
    assert_int_equal(next(merge, 0), MERGE_HEAD);
    put(merge, STREAM_ACCOUNT, 0, 50);
    takes(merge, STREAM_LOGIN, 0);
    takes(merge, STREAM_ACCOUNT, 0);
    end(merge);
}

static void a_record_chosen_by_an_earlier_owner_is_waited_for(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 1, 0);
    confirm(merge, STREAM_LOGIN, 1, 0);
    merge_choose(merge, STREAM_LOGIN, 0);
    put(merge, STREAM_ACCOUNT, 0, 50);
    assert_int_equal(next(merge, 0), MERGE_AWAITED);
    put(merge, STREAM_LOGIN, 0, 100);
    takes(merge, STREAM_LOGIN, 0);
    takes(merge, STREAM_ACCOUNT, 0);
    end(merge);
}

static void a_record_chosen_by_an_earlier_owner_that_is_gone_holds_up_nobody(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 3, 0);
    confirm(merge, STREAM_LOGIN, 1, 0);
    merge_choose(merge, STREAM_ACCOUNT, 1);
    put(merge, STREAM_LOGIN, 0, 100);
    assert_int_equal(next(merge, 0), MERGE_AWAITED);
    assert_int_equal(merge_chosen(merge), STREAM_ACCOUNT);
    assert_int_equal(merge_put(merge, STREAM_ACCOUNT, NULL, 0, 1), 0);
    assert_int_equal(merge_chosen(merge), STREAM_ACCOUNT);
    assert_int_equal(merge_put(merge, STREAM_ACCOUNT, NULL, 0, 3), 0); /* Nothing was left behind it either. */
    assert_int_equal(merge_chosen(merge), STREAMS);
    takes(merge, STREAM_LOGIN, 0);
    end(merge);
}

static void a_later_record_of_its_input_does_not_take_the_place_of_one_that_is_gone(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 8, 0);
    confirm(merge, STREAM_LOGIN, 1, 0);
    merge_choose(merge, STREAM_ACCOUNT, 1);
    put(merge, STREAM_LOGIN, 0, 100);
    put(merge, STREAM_ACCOUNT, 7, 9000);
    assert_int_equal(merge_chosen(merge), STREAMS);
    takes(merge, STREAM_LOGIN, 0);
    takes(merge, STREAM_ACCOUNT, 7);
    end(merge);
}

static void a_record_chosen_by_an_earlier_owner_is_waited_for_beyond_the_end_of_a_leader_that_lags(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    confirm(merge, STREAM_ACCOUNT, 4, 0);
    confirm(merge, STREAM_LOGIN, 1, 0);
    merge_choose(merge, STREAM_ACCOUNT, 5);
    put(merge, STREAM_LOGIN, 0, 100);
    assert_int_equal(merge_put(merge, STREAM_ACCOUNT, NULL, 0, 4), 0);
    assert_int_equal(next(merge, 0), MERGE_AWAITED);
    assert_int_equal(merge_stalled(merge, 30001), 1u << STREAM_ACCOUNT);
    put(merge, STREAM_ACCOUNT, 5, 50);
    takes(merge, STREAM_ACCOUNT, 5);
    takes(merge, STREAM_LOGIN, 0);
    end(merge);
}

static void nothing_is_taken_at_or_behind_the_limit(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    merge_limit(merge, STREAM_ACCOUNT, 0);
    merge_limit(merge, STREAM_LOGIN, 1);
    confirm(merge, STREAM_ACCOUNT, 7, 0);
    confirm(merge, STREAM_LOGIN, 7, 0);
    struct message messages[2] = {{.stream = STREAM_LOGIN, .offset = 0, .timestamp_ms = 100},
                                  {.stream = STREAM_LOGIN, .offset = 1, .timestamp_ms = 101}};
    assert_false(merge_finished(merge));
    assert_int_equal(merge_put(merge, STREAM_LOGIN, messages, 2, 2), 1);
    assert_false(merge_finished(merge));
    takes(merge, STREAM_LOGIN, 0);
    assert_true(merge_finished(merge));
    assert_int_equal(next(merge, 0), MERGE_END);
    end(merge);
}

static void a_full_queue_has_no_room_and_the_others_do(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    for (int64_t i = 0; i < HEADS_PER_INPUT_MAX; i++)
        put(merge, STREAM_LOGIN, i, i);
    assert_int_equal(merge_room(merge, STREAM_LOGIN), 0);
    assert_int_equal(merge_room(merge, STREAM_ACCOUNT), HEADS_PER_INPUT_MAX);
    confirm(merge, STREAM_ACCOUNT, 0, 0);
    takes(merge, STREAM_LOGIN, 0);
    assert_int_equal(merge_room(merge, STREAM_LOGIN), 1);
    end(merge);
}

static void large_records_fill_the_queue_by_their_bytes(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    struct message message = {.stream = STREAM_LOGIN, .value = {"", HEADS_BYTES_PER_INPUT_MAX}};
    assert_int_equal(merge_put(merge, STREAM_LOGIN, &message, 1, 1), 1);
    assert_int_equal(merge_room(merge, STREAM_LOGIN), 0);
    confirm(merge, STREAM_ACCOUNT, 0, 0);
    takes(merge, STREAM_LOGIN, 0);
    assert_int_equal(merge_room(merge, STREAM_LOGIN), HEADS_PER_INPUT_MAX);
    end(merge);
}

static void each_waiting_message_is_given_out_ahead_once(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    put(merge, STREAM_LOGIN, 0, 100);
    put(merge, STREAM_LOGIN, 1, 101);
    uint32_t *note;
    assert_int_equal(merge_ahead(merge, &note)->offset, 0);
    assert_int_equal(merge_ahead(merge, &note)->offset, 1);
    assert_null(merge_ahead(merge, &note));
    confirm(merge, STREAM_ACCOUNT, 0, 0);
    takes(merge, STREAM_LOGIN, 0);
    put(merge, STREAM_LOGIN, 2, 102);
    assert_int_equal(merge_ahead(merge, &note)->offset, 2);
    merge_ahead_again(merge);
    assert_int_equal(merge_ahead(merge, &note)->offset, 1);
    end(merge);
}

static void a_note_stays_with_its_message_until_that_is_taken(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    uint32_t *note;
    confirm(merge, STREAM_ACCOUNT, 0, 0);
    put(merge, STREAM_LOGIN, 0, 100);
    put(merge, STREAM_LOGIN, 1, 101);
    assert_int_equal(merge_note(merge, STREAM_LOGIN, 0), MERGE_NOTE_NONE);
    for (uint32_t i = 0; i < 2; i++) {
        merge_ahead(merge, &note);
        *note = 7 + i;
    }
    put(merge, STREAM_LOGIN, 2, 102);
    assert_int_equal(merge_note(merge, STREAM_LOGIN, 0), 7);
    assert_int_equal(merge_note(merge, STREAM_LOGIN, 1), 8);
    assert_int_equal(merge_note(merge, STREAM_LOGIN, 2), MERGE_NOTE_NONE);
    assert_int_equal(merge_note(merge, STREAM_LOGIN, 3), MERGE_NOTE_NONE);
    takes(merge, STREAM_LOGIN, 0);
    assert_int_equal(merge_note(merge, STREAM_LOGIN, 0), 8);
    end(merge);
}

static void a_note_does_not_pass_to_the_message_that_comes_to_its_place(void **state) {
    (void)state;
    struct merge *merge = two_inputs();
    uint32_t *note;
    confirm(merge, STREAM_ACCOUNT, 0, 0);
    for (int64_t i = 0; i < HEADS_PER_INPUT_MAX; i++) {
        put(merge, STREAM_LOGIN, i, 100 + i);
        merge_ahead(merge, &note);
        *note = 7;
        takes(merge, STREAM_LOGIN, i);
    }
    put(merge, STREAM_LOGIN, HEADS_PER_INPUT_MAX, 100 + HEADS_PER_INPUT_MAX);
    assert_int_equal(merge_note(merge, STREAM_LOGIN, 0), MERGE_NOTE_NONE);
    end(merge);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_taken_by_timestamp_and_at_equal_times_by_stream),
        cmocka_unit_test(an_input_that_comes_first_again_and_again_gives_way_to_what_comes_before_it),
        cmocka_unit_test(what_arrives_or_is_known_to_be_there_is_minded_by_the_next_choice),
        cmocka_unit_test(an_input_whose_end_was_never_asked_is_awaited),
        cmocka_unit_test(an_input_that_is_known_to_hold_more_holds_up_the_others_for_ever),
        cmocka_unit_test(transaction_markers_at_the_end_are_passed_by_the_end_of_partition_event),
        cmocka_unit_test(an_end_that_was_seen_never_goes_back),
        cmocka_unit_test(ends_are_confirmed_for_five_seconds_and_only_while_nothing_waits),
        cmocka_unit_test(a_record_that_was_chosen_stays_next_whatever_arrives),
        cmocka_unit_test(a_record_chosen_by_an_earlier_owner_is_waited_for),
        cmocka_unit_test(a_record_chosen_by_an_earlier_owner_that_is_gone_holds_up_nobody),
        cmocka_unit_test(a_later_record_of_its_input_does_not_take_the_place_of_one_that_is_gone),
        cmocka_unit_test(a_record_chosen_by_an_earlier_owner_is_waited_for_beyond_the_end_of_a_leader_that_lags),
        cmocka_unit_test(nothing_is_taken_at_or_behind_the_limit),
        cmocka_unit_test(a_full_queue_has_no_room_and_the_others_do),
        cmocka_unit_test(large_records_fill_the_queue_by_their_bytes),
        cmocka_unit_test(each_waiting_message_is_given_out_ahead_once),
        cmocka_unit_test(a_note_stays_with_its_message_until_that_is_taken),
        cmocka_unit_test(a_note_does_not_pass_to_the_message_that_comes_to_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
