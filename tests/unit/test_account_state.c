#include "engine/core/account/state.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/core/account/event_ids.h"
#include "engine/core/account/facts.h"
#include "engine/core/account/former.h"
#include "engine/core/account/latest.h"
#include "engine/core/account/tickets.h"
#include "tests/unit/account_state.h"

static void fill(struct state *state, uint32_t slot, uint32_t size, uint8_t byte) {
    assert_true(state_resize(state, slot, 0, size));
    uint8_t *section = state_section(state, slot, &size);
    if (size > 0) // An empty section has no address.
        memset(section, byte, size);
}

static void assert_filled(const struct state *state, uint32_t slot, uint32_t wanted_size, uint8_t byte) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    assert_int_equal(size, wanted_size);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal(section[i], byte);
}

/* With nothing, or up to 299 bytes. */
static void refill(struct state *state, uint32_t *sizes, uint32_t slot, uint64_t *seed) {
    sizes[slot] = test_random(seed, 3) == 0 ? 0 : test_random(seed, 300);
    fill(state, slot, sizes[slot], (uint8_t)slot);
}

static void test_sections_keep_their_bytes_whatever_their_neighbours_do(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    uint32_t sizes[TEST_SLOTS] = {0};
    uint64_t seed = 7;
    for (int round = 0; round < 2000; round++) {
        refill(&state, sizes, test_random(&seed, TEST_SLOTS), &seed);
        for (uint32_t i = 0; i < TEST_SLOTS; i++)
            assert_filled(&state, i, sizes[i], (uint8_t)i);
    }
    assert_true(text_equals(state_id(&state), "acme"));
    test_state_end(&state);
}

static void test_bytes_bound_again_are_the_same_state(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    fill(&state, 3, 10, 3);
    fill(&state, 20, 50, 20);
    struct state again = test_state_begin();
    state_bind(&again, state.data, state.size, state.size);
    assert_filled(&again, 3, 10, 3);
    assert_filled(&again, 20, 50, 20);
    assert_filled(&again, 4, 0, 0);
    test_state_end(&again);
    test_state_end(&state);
}

#define MANY_SLOTS 150

/* More slots than a state of the other tests has: their bits fill several words. */
static struct state begin_with_many_slots(void) {
    struct state state = test_state_begin();
    free(state.offsets);
    state.offsets = calloc(MANY_SLOTS, sizeof(uint32_t));
    state.slots = MANY_SLOTS;
    state_begin(&state, TEXT("acme"));
    return state;
}

static void test_a_state_of_which_a_part_is_viewed_changes_as_a_whole_one_does(void **unused) {
    (void)unused;
    struct state state = begin_with_many_slots();
    uint32_t sizes[MANY_SLOTS] = {0};
    uint64_t seed = 11;
    for (int round = 0; round < 3000; round++) {
        uint32_t viewed = 1 + test_random(&seed, MANY_SLOTS);
        state_bind_first(&state, state.data, state.size, state.capacity, viewed);
        for (int changes = 0; changes < 3; changes++)
            refill(&state, sizes, test_random(&seed, viewed), &seed);
        uint32_t last = test_random(&seed, viewed);
        state_unbind_behind(&state, last);
        refill(&state, sizes, last, &seed);
        state_bind_rest(&state);
        refill(&state, sizes, test_random(&seed, MANY_SLOTS), &seed);
        for (uint32_t i = 0; i < MANY_SLOTS; i++)
            assert_filled(&state, i, sizes[i], (uint8_t)i);
    }
    test_state_end(&state);
}

static void test_a_state_that_outgrows_its_memory_goes_on_in_the_spare_buffer(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    _Alignas(16) uint8_t owned[128];
    uint32_t size = state.size;
    memcpy(owned, state.data, size);
    state_bind(&state, owned, size, sizeof owned);
    fill(&state, 9, 20, 1);
    assert_ptr_equal(state.data, owned);
    fill(&state, 10, 500, 2);
    assert_ptr_equal(state.data, state.spare);
    assert_filled(&state, 9, 20, 1);
    assert_filled(&state, 10, 500, 2);
    test_state_end(&state);
}

static void test_an_event_id_is_known_until_enough_others_came(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    for (uint64_t id = 1; id <= 10; id++)
        assert_true(event_ids_add(&state, STREAM_LOGIN, id, 4));
    for (uint64_t id = 1; id <= 10; id++)
        assert_int_equal(event_ids_has(state.data, state.size, STREAM_LOGIN, id), id > 6);
    assert_false(event_ids_has(state.data, state.size, STREAM_USAGE, 10));
    test_state_end(&state);
}

static void test_every_event_id_is_known_however_many_there_are(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    for (uint64_t held = 1; held <= 11; held++) {
        assert_true(event_ids_add(&state, STREAM_LOGIN, held, 64));
        for (uint64_t id = 1; id <= held; id++)
            assert_true(event_ids_has(state.data, state.size, STREAM_LOGIN, id));
        assert_false(event_ids_has(state.data, state.size, STREAM_LOGIN, held + 1));
    }
    test_state_end(&state);
}

static void test_no_event_id_is_known_where_none_is_kept(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    assert_true(event_ids_add(&state, STREAM_LOGIN, 1, 0));
    assert_false(event_ids_has(state.data, state.size, STREAM_LOGIN, 1));
    test_state_end(&state);
}

static void test_the_newest_counts_and_at_equal_times_the_later_arrival(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    assert_true(last_add_number(&state, 9, 100, 1));
    assert_true(last_add_number(&state, 9, 50, 2));
    assert_true(last_number(&state, 9) == 1);
    assert_true(last_add_number(&state, 9, 100, 3));
    assert_true(last_number(&state, 9) == 3);
    assert_true(last_add_text(&state, 10, 5, TEXT("short")));
    assert_true(last_add_text(&state, 10, 6, TEXT("a longer one")));
    assert_true(text_equals(last_text(&state, 10), "a longer one"));
    assert_true(last_add_text(&state, 10, 7, TEXT("")));
    assert_true(text_equals(last_text(&state, 10), ""));
    assert_true(newest_add(&state, 11, 9) && newest_add(&state, 11, 7));
    assert_int_equal(extreme_time(&state, 11), 9);
    assert_true(oldest_add(&state, 12, 9) && oldest_add(&state, 12, 7));
    assert_int_equal(extreme_time(&state, 12), 7);
    assert_true(isnan(last_number(&state, 13)));
    test_state_end(&state);
}

static void test_an_instant_that_takes_as_many_bytes_as_the_newest_is_written_over_it(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    assert_false(newest_again(&state, 11, PACKED_MIDDLE_MS));
    assert_true(newest_add(&state, 11, PACKED_MIDDLE_MS));
    assert_true(newest_again(&state, 11, PACKED_MIDDLE_MS + 1) && newest_again(&state, 11, PACKED_MIDDLE_MS - 1));
    assert_int_equal(extreme_time(&state, 11), PACKED_MIDDLE_MS + 1);
    assert_false(newest_again(&state, 11, INT64_MAX));
    assert_int_equal(extreme_time(&state, 11), PACKED_MIDDLE_MS + 1);
    assert_true(newest_add(&state, 11, INT64_MAX));
    assert_false(newest_again(&state, 11, PACKED_MIDDLE_MS));
    assert_int_equal(extreme_time(&state, 11), INT64_MAX);
    assert_false(oldest_stays(&state, 12, 5));
    assert_true(oldest_add(&state, 12, 5));
    assert_true(oldest_stays(&state, 12, 5) && oldest_stays(&state, 12, 6) && !oldest_stays(&state, 12, 4));
    test_state_end(&state);
}

static void assert_packs(int64_t instant_ms, uint32_t wanted_size) {
    uint8_t bytes[PACKED_LONG];
    int64_t again_ms;
    assert_int_equal(packed_size(instant_ms), wanted_size);
    assert_ptr_equal(write_packed(bytes, instant_ms), bytes + wanted_size);
    assert_ptr_equal(read_packed(bytes, &again_ms), bytes + wanted_size);
    assert_true(again_ms == instant_ms);
}

static void test_an_instant_of_our_days_takes_few_bytes_and_any_other_is_kept_too(void **unused) {
    (void)unused;
    const int64_t middle_ms = INT64_C(1893456000000), reach_ms = INT64_C(1) << 39;
    assert_packs(INT64_C(1793456000123), PACKED_SHORT);
    assert_packs(middle_ms, PACKED_SHORT);
    assert_packs(middle_ms - 1, PACKED_SHORT);
    assert_packs(middle_ms - reach_ms + 1, PACKED_SHORT);
    assert_packs(middle_ms + reach_ms - 1, PACKED_SHORT);
    assert_packs(middle_ms - reach_ms, PACKED_LONG);
    assert_packs(middle_ms + reach_ms, PACKED_LONG);
    assert_packs(0, PACKED_LONG);
    assert_packs(-1, PACKED_LONG);
    assert_packs(INT64_MAX, PACKED_LONG);
    assert_packs(INT64_MIN, PACKED_LONG);
}

static void test_a_section_grows_from_short_to_long_and_back(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    uint32_t empty = state.size, size;
    fill(&state, 3, 254, 3);
    fill(&state, 9, 7, 9);
    for (uint32_t added = 255; added < 258; added++) {
        assert_true(state_resize(&state, 3, added - 1, added));
        state_section(&state, 3, &size)[added - 1] = 3;
        assert_filled(&state, 3, added, 3);
        assert_filled(&state, 9, 7, 9);
    }
    assert_int_equal(state_peek(state.data, state.size, 3, &size) - state.data, state.offsets[3]);
    assert_int_equal(size, 257);
    assert_true(state_resize(&state, 3, 100, 253));
    assert_filled(&state, 3, 253, 3);
    assert_filled(&state, 9, 7, 9);
    assert_true(state_resize(&state, 3, 0, 0) && state_resize(&state, 9, 0, 0));
    assert_int_equal(state.size, empty);
    test_state_end(&state);
}

static void add_ticket(struct state *state, uint64_t id, int64_t time_ms, bool open, uint32_t matches) {
    struct ticket ticket = {id, time_ms, open, matches, UINT32_MAX};
    assert_true(tickets_add(state, &ticket));
}

static void test_a_ticket_is_what_its_newest_record_says(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    add_ticket(&state, 1, 10, true, 1);
    add_ticket(&state, 2, 10, true, 3);
    assert_true(tickets_open(&state, 0) == 2 && tickets_open(&state, 1) == 1);
    add_ticket(&state, 1, 20, false, 1);
    add_ticket(&state, 1, 15, true, 1); /* late */
    assert_true(tickets_open(&state, 0) == 1);
    add_ticket(&state, 1, 20, true, 2); /* at the same time, but it came later */
    assert_true(tickets_open(&state, 0) == 1 && tickets_open(&state, 1) == 2);
    test_state_end(&state);
}

static void test_the_longest_closed_tickets_are_forgotten_and_open_ones_never(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    for (uint64_t id = 0; id < 200; id++)
        add_ticket(&state, id, (int64_t)id, true, 1);
    for (uint64_t id = 200; id < 1000; id++)
        add_ticket(&state, id, (int64_t)id, false, 1);
    assert_int_equal(tickets_count(&state), TICKETS_KEPT);
    assert_true(tickets_open(&state, 0) == 200);
    add_ticket(&state, 999, 5, true, 1); /* remembered as closed: an old record changes nothing */
    assert_true(tickets_open(&state, 0) == 200);
    test_state_end(&state);
}

static void test_an_open_filter_that_is_younger_than_an_open_ticket_knows_nothing(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    struct ticket ticket = {1, 10, true, 1, 1};
    assert_true(tickets_add(&state, &ticket));
    assert_true(tickets_open(&state, 0) == 1);
    assert_true(isnan(tickets_open(&state, 1)));
    add_ticket(&state, 1, 11, true, 2);
    assert_true(tickets_open(&state, 1) == 1);
    test_state_end(&state);
}

static struct event some_facts(const struct map_entry *entries, uint32_t count) {
    struct event facts = {
        .stream = STREAM_ACCOUNT, .account_id = TEXT("acme"), .entries = entries, .entries_count = count};
    facts.present = UINT32_C(1) << 0 | UINT32_C(1) << 1 | UINT32_C(1) << FACT_NAME | UINT32_C(1) << 3 |
                    UINT32_C(1) << FACT_ARR;
    facts.fields[1].number = 1700000000000;
    facts.fields[FACT_NAME].text = TEXT("Acme Ltd");
    facts.fields[3].number = 2;
    facts.fields[FACT_ARR].number = 1200.5;
    return facts;
}

static void test_facts_come_back_as_they_came(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    const struct map_entry entries[] = {{TEXT("a"), TEXT("1")}, {TEXT("b"), TEXT("")}, {TEXT("a"), TEXT("2")}};
    struct event facts = some_facts(entries, 3), found;
    struct map_entry room[FACTS_ENTRIES_MAX];
    uint32_t fields_size;
    assert_false(facts_get(&state, &found, &fields_size));
    assert_int_equal(found.present, 0);
    assert_int_equal(facts_entries(&state, fields_size, room), 0);
    assert_true(facts_set(&state, &facts));
    assert_true(facts_get(&state, &found, &fields_size));
    assert_true(found.time_ms == 1700000000000 && text_equal(found.account_id, state_id(&state)));
    assert_int_equal(found.present, facts.present);
    assert_true(text_equals(found.fields[FACT_NAME].text, "Acme Ltd"));
    assert_true(found.fields[3].number == 2 && found.fields[FACT_ARR].number == 1200.5);
    assert_int_equal(facts_entries(&state, fields_size, room), 3);
    assert_true(text_equals(room[1].key, "b") && text_equals(room[1].value, ""));
    assert_true(text_equals(room[2].key, "a") && text_equals(room[2].value, "2"));
    assert_true(text_equals(facts_entry(&state, fields_size, TEXT("a")), "2"));
    assert_true(text_equals(facts_entry(&state, fields_size, TEXT("b")), ""));
    assert_true(text_is_missing(facts_entry(&state, fields_size, TEXT("c"))));
    test_state_end(&state);
}

static void test_what_left_the_rules_is_handed_out_once(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    static uint8_t copy[FORMER_BYTES_MAX];
    struct former first = {false, 5, TEXT("stage"), TEXT("new")}, second = {true, 6, TEXT("silent"), TEXT_MISSING};
    struct former found;
    assert_true(former_add(&state, &first) && former_add(&state, &second));
    struct cursor cursor = cursor_of(copy, former_take(&state, copy));
    assert_true(former_next(&cursor, &found));
    assert_true(!found.is_segment && found.since_ms == 5 && text_equals(found.value, "new"));
    assert_true(former_next(&cursor, &found));
    assert_true(found.is_segment && text_equals(found.name, "silent"));
    assert_false(former_next(&cursor, &found));
    assert_int_equal(former_take(&state, copy), 0);
    test_state_end(&state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_keep_their_bytes_whatever_their_neighbours_do),
        cmocka_unit_test(test_bytes_bound_again_are_the_same_state),
        cmocka_unit_test(test_a_state_of_which_a_part_is_viewed_changes_as_a_whole_one_does),
        cmocka_unit_test(test_an_instant_of_our_days_takes_few_bytes_and_any_other_is_kept_too),
        cmocka_unit_test(test_a_section_grows_from_short_to_long_and_back),
        cmocka_unit_test(test_a_state_that_outgrows_its_memory_goes_on_in_the_spare_buffer),
        cmocka_unit_test(test_an_event_id_is_known_until_enough_others_came),
        cmocka_unit_test(test_every_event_id_is_known_however_many_there_are),
        cmocka_unit_test(test_no_event_id_is_known_where_none_is_kept),
        cmocka_unit_test(test_the_newest_counts_and_at_equal_times_the_later_arrival),
        cmocka_unit_test(test_an_instant_that_takes_as_many_bytes_as_the_newest_is_written_over_it),
        cmocka_unit_test(test_a_ticket_is_what_its_newest_record_says),
        cmocka_unit_test(test_the_longest_closed_tickets_are_forgotten_and_open_ones_never),
        cmocka_unit_test(test_an_open_filter_that_is_younger_than_an_open_ticket_knows_nothing),
        cmocka_unit_test(test_facts_come_back_as_they_came),
        cmocka_unit_test(test_what_left_the_rules_is_handed_out_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
