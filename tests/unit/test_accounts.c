/* The table that owns the accounts' life, and the memory below it. */
#include "engine/accounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/instant.h"
#include "engine/core/account/state.h"
#include "tests/harness/commit_accounts.h"

#define STATE_SIZE_MAX 200000

struct fixture {
    struct slab slab;
    struct accounts *accounts;
    uint8_t bytes[STATE_SIZE_MAX] __attribute__((aligned(16)));
};

static struct fixture *begin(void) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error;
    assert_int_equal(accounts_create(&fixture->slab, &fixture->accounts, &error), RESULT_OK);
    return fixture;
}

static void end(struct fixture *fixture) {
    accounts_free(fixture->accounts);
    slab_free(&fixture->slab); /* asserts that nothing is left in it */
    free(fixture);
}

/* Enough for a header and the longest id. */
#define STATE_SIZE_MIN ((uint32_t)sizeof(struct state_header) + 32)

/* A state of `size` bytes that holds nothing but its id. */
static struct state_bytes state_of(struct fixture *fixture, struct text id, uint32_t size) {
    assert_in_range(size, 1, STATE_SIZE_MAX);
    memset(fixture->bytes, 0, size);
    ((struct state_header *)(void *)fixture->bytes)->id_size = (uint16_t)id.size;
    memcpy(fixture->bytes + sizeof(struct state_header), id.data, id.size);
    return (struct state_bytes){fixture->bytes, size, sizeof fixture->bytes};
}

static struct text name_of(int number, char ret_name[32]) {
    return (struct text){ret_name, (uint32_t)snprintf(ret_name, 32, "account-%d", number)};
}

static uint32_t change(struct fixture *fixture, int number, uint32_t size, int64_t due_ms, uint32_t waits_for) {
    char name[32];
    struct error error;
    struct text id = name_of(number, name);
    assert_int_equal(accounts_change(fixture->accounts, id, state_of(fixture, id, size), due_ms, waits_for, &error),
                     RESULT_OK);
    return accounts_find(fixture->accounts, id);
}

static uint32_t find(struct fixture *fixture, int number) {
    char name[32];
    return accounts_find(fixture->accounts, name_of(number, name));
}

static void a_guess_is_right_where_the_account_is_here_and_none_where_it_is_not(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    uint32_t accounts[3] = {change(fixture, 0, 200, INSTANT_NEVER, 0), change(fixture, 1, 200, INSTANT_NEVER, 0)};
    struct error error;
    assert_int_equal(accounts_expect(fixture->accounts, TEXT("expected"), &accounts[2], &error), RESULT_OK);
    uint32_t guesses[4];
    accounts_guess(fixture->accounts,
                   (struct text[]){TEXT("account-0"), TEXT("unknown"), TEXT("expected"), TEXT("account-1")}, 4,
                   guesses);
    assert_int_equal(guesses[0], accounts[0]);
    assert_int_equal(guesses[1], ACCOUNT_NONE);
    assert_int_equal(guesses[2], accounts[2]);
    assert_int_equal(guesses[3], accounts[1]);
    end(fixture);
}

static void an_account_is_found_whatever_is_guessed(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    uint32_t first = change(fixture, 0, 200, INSTANT_NEVER, 0), second = change(fixture, 1, 200, INSTANT_NEVER, 0);
    uint32_t gone;
    struct error error;
    assert_int_equal(accounts_expect(fixture->accounts, TEXT("gone"), &gone, &error), RESULT_OK);
    accounts_forget_loading(fixture->accounts);
    uint32_t guesses[] = {first, second, gone, gone + 1, ACCOUNT_NONE};
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
        assert_int_equal(accounts_find_guessed(fixture->accounts, guesses[i], TEXT("account-1")), second);
        assert_int_equal(accounts_find_guessed(fixture->accounts, guesses[i], TEXT("gone")), ACCOUNT_NONE);
        accounts_prefetch(fixture->accounts, guesses[i], guesses[i]);
    }
    end(fixture);
}

static void accounts_are_found_by_their_ids_whatever_their_number(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    for (int i = 0; i < 5000; i++)
        assert_int_equal(change(fixture, i, 100 + (uint32_t)i % 900, INSTANT_NEVER, 0), i);
    assert_int_equal(accounts_count(fixture->accounts), 5000);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(find(fixture, i), i);
        assert_int_equal(accounts_state(fixture->accounts, (uint32_t)i).size, 100 + i % 900);
    }
    assert_int_equal(find(fixture, 5000), ACCOUNT_NONE);
    end(fixture);
}

static void a_state_worked_on_in_place_keeps_its_memory_and_shrinks_out_of_it(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    struct error error;
    uint32_t account = change(fixture, 1, 2000, INSTANT_NEVER, 0);
    struct state_bytes own = accounts_state(fixture->accounts, account);
    assert_true(own.capacity >= own.size);
    struct state_bytes grown = {own.data, own.capacity, own.capacity};
    assert_int_equal(accounts_change(fixture->accounts, TEXT("account-1"), grown, INSTANT_NEVER, 0, &error), RESULT_OK);
    assert_ptr_equal(accounts_state(fixture->accounts, account).data, own.data);
    struct state_bytes small = {own.data, 90, own.capacity};
    assert_int_equal(accounts_change(fixture->accounts, TEXT("account-1"), small, INSTANT_NEVER, 0, &error), RESULT_OK);
    assert_true(accounts_state(fixture->accounts, account).capacity < 200);
    assert_true(text_equals(accounts_id(fixture->accounts, account), "account-1"));
    end(fixture);
}

/* As events do that add a little each: the engine works on a copy, where the block is too small. Returns how often the
 * state had to move. */
static uint32_t grow(struct fixture *fixture, uint32_t from, uint32_t to, uint32_t step) {
    uint32_t account = change(fixture, 1, from, INSTANT_NEVER, 0), moves = 0;
    const uint8_t *block = accounts_state(fixture->accounts, account).data;
    for (uint32_t size = from + step; size <= to; size += step) {
        change(fixture, 1, size, INSTANT_NEVER, 0);
        struct state_bytes state = accounts_state(fixture->accounts, account);
        assert_int_equal(state.size, size);
        assert_true(state.capacity >= size);
        moves += state.data != block;
        block = state.data;
    }
    return moves;
}

static void an_account_that_grows_has_room_to_go_on(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    assert_in_range(grow(fixture, 300, 900, 10), 1, 10);
    end(fixture);
    fixture = begin(); /* Beyond what the slab has chunks for. */
    assert_in_range(grow(fixture, 50000, STATE_SIZE_MAX, 100), 1, 30);
    end(fixture);
}

static void the_first_due_is_the_earliest_and_of_equal_ones_the_first_that_appeared(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    assert_int_equal(accounts_first_due(fixture->accounts, INSTANT_NEVER), ACCOUNT_NONE);
    assert_true(accounts_first_due_ms(fixture->accounts) == INSTANT_NEVER);
    change(fixture, 0, 100, 300, 0);
    change(fixture, 1, 100, 200, 0);
    change(fixture, 2, 100, 200, 0);
    change(fixture, 3, 100, INSTANT_NEVER, 0);
    assert_int_equal(accounts_first_due(fixture->accounts, 199), ACCOUNT_NONE);
    assert_int_equal(accounts_first_due(fixture->accounts, 200), 1);
    assert_int_equal(accounts_first_due_ms(fixture->accounts), 200);
    change(fixture, 1, 100, 400, 0);
    assert_int_equal(accounts_first_due(fixture->accounts, INSTANT_NEVER), 2);
    change(fixture, 2, 100, INSTANT_NEVER, 0);
    assert_int_equal(accounts_first_due(fixture->accounts, INSTANT_NEVER), 0);
    change(fixture, 0, 100, 500, 0);
    assert_int_equal(accounts_first_due(fixture->accounts, INSTANT_NEVER), 1);
    end(fixture);
}

static void those_that_wait_for_a_stream_are_woken_once(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    uint32_t login = 1u << STREAM_LOGIN, usage = 1u << STREAM_USAGE;
    change(fixture, 0, 100, INSTANT_NEVER, login);
    change(fixture, 1, 100, 50, login | usage);
    change(fixture, 2, 100, 500, usage);
    assert_int_equal(accounts_waits(fixture->accounts), login | usage);
    accounts_wake(fixture->accounts, STREAM_LOGIN, 100);
    assert_int_equal(accounts_due(fixture->accounts, 0), 100);
    assert_int_equal(accounts_due(fixture->accounts, 1), 50);
    assert_int_equal(accounts_due(fixture->accounts, 2), 500);
    assert_int_equal(accounts_waits(fixture->accounts), usage);
    change(fixture, 1, 100, 50, 0);
    change(fixture, 2, 100, 500, 0);
    assert_int_equal(accounts_waits(fixture->accounts), 0);
    end(fixture);
}

static void an_account_is_dirty_then_written_then_clean_unless_it_changed_meanwhile(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    uint32_t first = change(fixture, 1, 100, INSTANT_NEVER, 0), second = change(fixture, 2, 200, INSTANT_NEVER, 0);
    change(fixture, 1, 100, INSTANT_NEVER, 0);
    assert_int_equal(accounts_dirty_count(fixture->accounts), 2);
    assert_int_equal(accounts_dirty_bytes(fixture->accounts), 300);
    assert_int_equal(accounts_dirty(fixture->accounts, 0), first);
    commit_accounts(fixture->accounts, 7);
    assert_int_equal(accounts_dirty_count(fixture->accounts), 0);
    assert_int_equal(accounts_phase(fixture->accounts, first), ACCOUNT_WRITTEN);
    assert_int_equal(accounts_commit(fixture->accounts, first), 7);

    change(fixture, 1, 100, INSTANT_NEVER, 0);
    accounts_acknowledged(fixture->accounts, first, 7);
    accounts_acknowledged(fixture->accounts, second, 7);
    assert_int_equal(accounts_phase(fixture->accounts, first), ACCOUNT_DIRTY);
    assert_int_equal(accounts_phase(fixture->accounts, second), ACCOUNT_CLEAN);

    commit_accounts(fixture->accounts, 8);
    accounts_acknowledged(fixture->accounts, first, 7);
    assert_int_equal(accounts_phase(fixture->accounts, first), ACCOUNT_WRITTEN);
    accounts_acknowledged(fixture->accounts, first, 8);
    assert_int_equal(accounts_phase(fixture->accounts, first), ACCOUNT_CLEAN);
    end(fixture);
}

static void what_changes_while_a_commit_is_under_way_belongs_to_the_next(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    struct accounts *accounts = fixture->accounts;
    change(fixture, 1, 100, INSTANT_NEVER, 0);
    change(fixture, 2, 100, INSTANT_NEVER, 0);
    uint32_t first = find(fixture, 1), second = find(fixture, 2);
    commit_accounts(accounts, 6);
    change(fixture, 1, 100, INSTANT_NEVER, 0);
    change(fixture, 2, 100, INSTANT_NEVER, 0);
    accounts_seal(accounts);
    assert_int_equal(accounts_dirty_count(accounts), 0);
    assert_int_equal(accounts_dirty_bytes(accounts), 0);
    assert_int_equal(accounts_phase(accounts, first), ACCOUNT_SEALED);

    change(fixture, 1, 100, INSTANT_NEVER, 0);
    assert_int_equal(accounts_dirty_count(accounts), 1);
    assert_int_equal(accounts_dirty(accounts, 0), first);
    accounts_acknowledged(accounts, second, 6); /* The store has the one before only. */
    assert_int_equal(accounts_phase(accounts, second), ACCOUNT_SEALED);
    assert_int_equal(accounts_commit(accounts, first), 6); /* What is not known must not stand for what is. */

    accounts_written(accounts, first, 7);
    accounts_written(accounts, second, 7);
    assert_int_equal(accounts_phase(accounts, first), ACCOUNT_DIRTY);
    assert_int_equal(accounts_phase(accounts, second), ACCOUNT_WRITTEN);
    assert_int_equal(accounts_commit(accounts, first), 7);
    accounts_acknowledged(accounts, first, 7);
    accounts_acknowledged(accounts, second, 7);
    assert_int_equal(accounts_phase(accounts, first), ACCOUNT_DIRTY);
    assert_int_equal(accounts_phase(accounts, second), ACCOUNT_CLEAN);
    end(fixture);
}

static void what_is_asked_for_is_loading_until_it_comes_or_is_forgotten(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    struct error error;
    uint32_t known, unknown, forgotten;
    assert_int_equal(accounts_expect(fixture->accounts, TEXT("known"), &known, &error), RESULT_OK);
    assert_int_equal(accounts_expect(fixture->accounts, TEXT("unknown"), &unknown, &error), RESULT_OK);
    assert_int_equal(accounts_expect(fixture->accounts, TEXT("forgotten"), &forgotten, &error), RESULT_OK);
    assert_int_equal(accounts_phase(fixture->accounts, known), ACCOUNT_LOADING);
    assert_true(text_equals(accounts_id(fixture->accounts, known), "known"));
    assert_int_equal(
        accounts_loaded(fixture->accounts, TEXT("known"), state_of(fixture, TEXT("known"), 500), 90, 0, &error),
        RESULT_OK);
    assert_int_equal(
        accounts_loaded(fixture->accounts, TEXT("unknown"), (struct state_bytes){0}, INSTANT_NEVER, 0, &error),
        RESULT_OK);
    accounts_forget_loading(fixture->accounts);
    assert_int_equal(accounts_phase(fixture->accounts, known), ACCOUNT_CLEAN);
    assert_int_equal(accounts_due(fixture->accounts, known), 90);
    assert_int_equal(accounts_state(fixture->accounts, unknown).size, 0);
    assert_int_equal(accounts_find(fixture->accounts, TEXT("unknown")), unknown);
    assert_int_equal(accounts_find(fixture->accounts, TEXT("forgotten")), ACCOUNT_NONE);
    end(fixture);
}

/* The accounts of these indices, of all that are dirty. */
static void make_clean(struct fixture *fixture, uint32_t from, uint32_t to) {
    commit_accounts(fixture->accounts, 1);
    for (uint32_t i = from; i < to; i++)
        accounts_acknowledged(fixture->accounts, i, 1);
}

static void a_deadline_is_sent_until_the_store_is_known_to_have_it(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    struct accounts *accounts = fixture->accounts;
    uint32_t account = change(fixture, 0, 500, 90, 1), other = change(fixture, 1, 500, 90, 1);
    assert_false(accounts_send_deadline(accounts, account, 90, 1));
    assert_false(accounts_send_deadline(accounts, account, 90, 1)); /* on its way is not there yet */
    accounts_deadline_stored(accounts, account, 90, 1);
    assert_true(accounts_send_deadline(accounts, account, 90, 1));
    assert_false(accounts_send_deadline(accounts, other, 90, 1));
    change(fixture, 0, 600, 90, 1);
    assert_true(accounts_send_deadline(accounts, account, 90, 1));
    end(fixture);
}

static void another_deadline_or_another_wait_is_sent(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    struct accounts *accounts = fixture->accounts;
    uint32_t account = change(fixture, 0, 500, 90, 1);
    accounts_deadline_stored(accounts, account, 90, 1);
    assert_false(accounts_send_deadline(accounts, account, 91, 1));
    accounts_deadline_stored(accounts, account, 91, 1);
    assert_false(accounts_send_deadline(accounts, account, 91, 1u << STREAM_CUSTOM));
    accounts_deadline_stored(accounts, account, INSTANT_NEVER, 1u << STREAM_CUSTOM);
    assert_true(accounts_send_deadline(accounts, account, INSTANT_NEVER, 1u << STREAM_CUSTOM));
    assert_false(accounts_send_deadline(accounts, account, INSTANT_NEVER, 0));
    end(fixture);
}

/* The connection broke, and nobody knows whether the store took the other one. */
static void a_deadline_is_sent_again_after_another_that_was_never_acknowledged(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    struct accounts *accounts = fixture->accounts;
    uint32_t account = change(fixture, 0, 500, 90, 0);
    accounts_deadline_stored(accounts, account, 90, 0);
    assert_false(accounts_send_deadline(accounts, account, 91, 0));
    assert_false(accounts_send_deadline(accounts, account, 90, 0));
    end(fixture);
}

static void of_what_came_from_the_store_or_left_no_deadline_is_known(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    struct accounts *accounts = fixture->accounts;
    struct error error;
    uint32_t account = change(fixture, 0, 500, 90, 0);
    accounts_deadline_stored(accounts, account, 90, 0);
    make_clean(fixture, 0, 1);
    struct evicted evicted = {.due_ms = INSTANT_NEVER};
    accounts_evict(accounts, 0, INSTANT_NONE, &evicted);
    assert_int_equal(evicted.count, 1);
    struct state_bytes loaded = state_of(fixture, TEXT("account-0"), 500);
    assert_int_equal(accounts_expect(accounts, TEXT("account-0"), &account, &error), RESULT_OK);
    assert_int_equal(accounts_loaded(accounts, TEXT("account-0"), loaded, 90, 0, &error), RESULT_OK);
    assert_false(accounts_send_deadline(accounts, account, 90, 0));
    end(fixture);
}

static void only_what_the_store_has_may_leave(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    for (int i = 0; i < 300; i++)
        change(fixture, i, 1000, 1000 + i, i == 250 ? 1u << STREAM_NPS : 0);
    make_clean(fixture, 0, 290); /* the last ten are not acknowledged */
    change(fixture, 5, 1000, 77, 0);
    struct evicted evicted = {.due_ms = INSTANT_NEVER};
    accounts_evict(fixture->accounts, 0, 1009, &evicted);
    assert_int_equal(evicted.count, 280); /* not those that are due by then */
    assert_int_equal(evicted.due_ms, 1010);
    assert_int_equal(evicted.waits_for, 1u << STREAM_NPS);
    assert_int_equal(accounts_count(fixture->accounts), 20);
    assert_int_not_equal(find(fixture, 5), ACCOUNT_NONE);
    assert_int_not_equal(find(fixture, 9), ACCOUNT_NONE);
    assert_int_equal(find(fixture, 10), ACCOUNT_NONE);
    assert_int_not_equal(find(fixture, 290), ACCOUNT_NONE);
    end(fixture);
}

static void eviction_stops_at_the_bound_and_places_are_used_again(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    for (int i = 0; i < 2000; i++)
        change(fixture, i, 1000, INSTANT_NEVER, 0);
    make_clean(fixture, 0, 2000);
    struct evicted evicted = {.due_ms = INSTANT_NEVER};
    size_t half = fixture->slab.bytes_used / 2;
    accounts_evict(fixture->accounts, half, INSTANT_NONE, &evicted);
    assert_int_equal(evicted.count, 1000);
    size_t reserved = fixture->slab.bytes_reserved, table = accounts_bytes(fixture->accounts);
    for (int i = 2000; i < 3000; i++)
        assert_true(change(fixture, i, 1000, INSTANT_NEVER, 0) < 2000);
    assert_int_equal(fixture->slab.bytes_reserved, reserved);
    assert_int_equal(accounts_bytes(fixture->accounts), table);
    end(fixture);
}

static void an_account_that_was_loaded_is_there_for_its_record(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    struct error error;
    struct evicted evicted = {.due_ms = INSTANT_NEVER};
    struct text id = TEXT("loaded");
    assert_int_equal(accounts_loaded(fixture->accounts, id, state_of(fixture, id, 500), 90, 0, &error), RESULT_OK);
    accounts_evict(fixture->accounts, 0, INSTANT_NONE, &evicted);
    assert_int_equal(evicted.count, 0);
    accounts_evict(fixture->accounts, 0, INSTANT_NONE, &evicted);
    assert_int_equal(evicted.count, 1); /* nobody came for it */
    end(fixture);
}

static void those_that_were_used_go_last(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    for (int i = 0; i < 100; i++)
        change(fixture, i, 1000, INSTANT_NEVER, 0);
    make_clean(fixture, 0, 100);
    struct evicted evicted = {.due_ms = INSTANT_NEVER};
    accounts_evict(fixture->accounts, fixture->slab.bytes_used - 1, INSTANT_NONE, &evicted);
    assert_int_equal(evicted.count, 1); /* a whole look was needed to find that all had been used */
    find(fixture, 7);
    accounts_evict(fixture->accounts, fixture->slab.bytes_used / 2, INSTANT_NONE, &evicted);
    assert_int_not_equal(find(fixture, 7), ACCOUNT_NONE);
    assert_int_equal(find(fixture, 8), ACCOUNT_NONE);
    end(fixture);
}

static void a_random_life_agrees_with_a_plain_model(void **state) {
    (void)state;
    struct fixture *fixture = begin();
    uint32_t sizes[200] = {0};
    uint64_t random = 3;
    uint64_t commit = 0;
    for (int i = 0; i < 50000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int number = (int)(random >> 33) % 200;
        if (random >> 61 < 6) {
            sizes[number] = STATE_SIZE_MIN + (uint32_t)(random >> 10 & 2047);
            change(fixture, number, sizes[number], (int64_t)(random >> 50), 0);
        } else if (random >> 61 == 6) {
            uint32_t dirty[200], count = accounts_dirty_count(fixture->accounts);
            for (uint32_t j = 0; j < count; j++)
                dirty[j] = accounts_dirty(fixture->accounts, j);
            commit_accounts(fixture->accounts, ++commit);
            for (uint32_t j = 0; j < count; j++)
                accounts_acknowledged(fixture->accounts, dirty[j], commit);
        } else {
            struct evicted evicted = {.due_ms = INSTANT_NEVER};
            accounts_evict(fixture->accounts, 50000, INSTANT_NONE, &evicted);
        }
        uint32_t account = find(fixture, number);
        if (account != ACCOUNT_NONE)
            assert_int_equal(accounts_state(fixture->accounts, account).size, sizes[number]);
    }
    end(fixture);
}

static void blocks_of_all_sizes_hold_what_they_say(void **state) {
    (void)state;
    struct slab slab = {0};
    for (size_t size = 1; size < 200000; size += 1 + size / 7) {
        uint8_t *blocks[20];
        for (int i = 0; i < 20; i++) {
            blocks[i] = slab_alloc(&slab, size);
            assert_non_null(blocks[i]);
            assert_true((uintptr_t)blocks[i] % 16 == 0);
            assert_true(slab_block_bytes(size) >= size);
            memset(blocks[i], i, slab_block_bytes(size));
        }
        for (int i = 0; i < 20; i++) {
            assert_int_equal(blocks[i][0], i);
            assert_int_equal(blocks[i][slab_block_bytes(size) - 1], i);
            slab_release(&slab, blocks[i], size);
        }
    }
    assert_int_equal(slab.bytes_used, 0);
    assert_true(slab.bytes_reserved <= 22 * SLAB_CHUNK); /* empty chunks served one class after the other */
    slab_free(&slab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_are_found_by_their_ids_whatever_their_number),
        cmocka_unit_test(a_guess_is_right_where_the_account_is_here_and_none_where_it_is_not),
        cmocka_unit_test(an_account_is_found_whatever_is_guessed),
        cmocka_unit_test(a_state_worked_on_in_place_keeps_its_memory_and_shrinks_out_of_it),
        cmocka_unit_test(an_account_that_grows_has_room_to_go_on),
        cmocka_unit_test(the_first_due_is_the_earliest_and_of_equal_ones_the_first_that_appeared),
        cmocka_unit_test(those_that_wait_for_a_stream_are_woken_once),
        cmocka_unit_test(an_account_is_dirty_then_written_then_clean_unless_it_changed_meanwhile),
        cmocka_unit_test(what_changes_while_a_commit_is_under_way_belongs_to_the_next),
        cmocka_unit_test(what_is_asked_for_is_loading_until_it_comes_or_is_forgotten),
        cmocka_unit_test(a_deadline_is_sent_until_the_store_is_known_to_have_it),
        cmocka_unit_test(another_deadline_or_another_wait_is_sent),
        cmocka_unit_test(a_deadline_is_sent_again_after_another_that_was_never_acknowledged),
        cmocka_unit_test(of_what_came_from_the_store_or_left_no_deadline_is_known),
        cmocka_unit_test(only_what_the_store_has_may_leave),
        cmocka_unit_test(eviction_stops_at_the_bound_and_places_are_used_again),
        cmocka_unit_test(an_account_that_was_loaded_is_there_for_its_record),
        cmocka_unit_test(those_that_were_used_go_last),
        cmocka_unit_test(a_random_life_agrees_with_a_plain_model),
        cmocka_unit_test(blocks_of_all_sizes_hold_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
