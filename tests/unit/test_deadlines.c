/* Deadlines of accounts, and the set and the instants below them, against a plain array of deadlines. */
#include "engine/deadlines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/core/engine.h"
#include "tests/unit/account_state.h"

#define ACCOUNTS_MAX 9000 /* more than two words of the set's upper level */

/* The account that comes first by the array, or behind `account` among its like. */
static uint32_t expected(const int64_t *due_ms, uint32_t count, uint32_t account) {
    uint32_t found = INDEX_NONE;
    for (uint32_t i = account == INDEX_NONE ? 0 : account + 1; i < count; i++) {
        bool is_before = found == INDEX_NONE ? due_ms[i] != INSTANT_NEVER : due_ms[i] < due_ms[found];
        if (account == INDEX_NONE ? is_before : found == INDEX_NONE && due_ms[i] == due_ms[account])
            found = i;
    }
    return found;
}

static void check(struct deadlines *deadlines, const int64_t *due_ms, uint32_t count) {
    uint32_t first = expected(due_ms, count, INDEX_NONE);
    assert_int_equal(deadlines_first(deadlines, INSTANT_NEVER), first);
    assert_true(deadlines_first_ms(deadlines) == (first == INDEX_NONE ? INSTANT_NEVER : due_ms[first]));
    if (first == INDEX_NONE)
        return;
    assert_int_equal(deadlines_first(deadlines, due_ms[first]), first);
    if (due_ms[first] != INSTANT_NONE)
        assert_int_equal(deadlines_first(deadlines, due_ms[first] - 1), INDEX_NONE);
    assert_int_equal(deadlines_after(deadlines, first), expected(due_ms, count, first));
}

/* One of `instants`, the earliest possible, or none at all. */
static int64_t random_due(uint64_t *random, uint32_t instants) {
    switch (test_random(random, 16)) {
    case 0:
    case 1:
        return INSTANT_NEVER;
    case 2:
        return test_random(random, 16) == 0 ? INSTANT_NONE : -1;
    default:
        return (int64_t)test_random(random, instants) * 3600000;
    }
}

/* Room comes as it is needed, as it does for accounts. */
static void set_at_random(struct deadlines *deadlines, int64_t *due_ms, uint32_t instants, int sets) {
    uint64_t random = 7;
    uint32_t count = 10;
    for (uint32_t i = 0; i < ACCOUNTS_MAX; i++)
        due_ms[i] = INSTANT_NEVER;
    for (int i = 0; i < sets; i++) {
        if (count < ACCOUNTS_MAX && test_random(&random, 4) == 0)
            count++;
        assert_true(deadlines_reserve(deadlines, count));
        uint32_t account = test_random(&random, count);
        due_ms[account] = random_due(&random, instants);
        deadlines_set(deadlines, account, due_ms[account]);
        assert_true(deadlines_get(deadlines, account) == due_ms[account]);
        if (i % 64 == 0)
            check(deadlines, due_ms, count);
    }
}

/* Takes them out one by one; of what is due at one instant some come back to it, and to the one before. */
static void drain(struct deadlines *deadlines, int64_t *due_ms) {
    uint64_t random = 11;
    uint32_t account, left = ACCOUNTS_MAX;
    for (; (account = deadlines_first(deadlines, INSTANT_NEVER)) != INDEX_NONE; left--) {
        if (left % 16 == 0)
            check(deadlines, due_ms, ACCOUNTS_MAX);
        uint32_t again = test_random(&random, ACCOUNTS_MAX);
        int64_t instant_ms = due_ms[account];
        deadlines_set(deadlines, account, due_ms[account] = INSTANT_NEVER);
        if (left < ACCOUNTS_MAX / 8 || due_ms[again] == INSTANT_NEVER || instant_ms < 0)
            continue;
        due_ms[again] = instant_ms - (int64_t)test_random(&random, 2);
        deadlines_set(deadlines, again, due_ms[again]);
    }
    for (uint32_t i = 0; i < ACCOUNTS_MAX; i++)
        assert_true(due_ms[i] == INSTANT_NEVER);
    assert_true(deadlines_first_ms(deadlines) == INSTANT_NEVER);
    assert_int_equal(deadlines->ordered_slot, 0);
}

static void come_in_their_order(uint32_t instants) {
    struct deadlines deadlines = {0};
    int64_t *due_ms = calloc(ACCOUNTS_MAX, sizeof *due_ms);
    assert_non_null(due_ms);
    set_at_random(&deadlines, due_ms, instants, 60000);
    assert_true(deadlines.buckets * 2 >= deadlines.instants.count);
    drain(&deadlines, due_ms);
    deadlines_free(&deadlines);
    free(due_ms);
}

static void test_many_accounts_of_few_instants_come_in_their_order(void **unused) {
    (void)unused;
    come_in_their_order(5);
}

static void test_accounts_each_with_an_instant_of_its_own_come_in_their_order(void **unused) {
    (void)unused;
    come_in_their_order(1u << 30);
}

static void test_room_for_instants_is_counted_when_it_is_used(void **unused) {
    (void)unused;
    struct deadlines deadlines = {0};
    assert_true(deadlines_reserve(&deadlines, 1000));
    size_t bytes = deadlines_bytes(&deadlines);
    deadlines_set(&deadlines, 1, 50);
    size_t of_one = deadlines_bytes(&deadlines);
    assert_true(of_one > bytes);
    deadlines_set(&deadlines, 2, 50);
    assert_int_equal(deadlines_bytes(&deadlines), of_one);
    deadlines_set(&deadlines, 1, 60);
    assert_int_equal(deadlines_bytes(&deadlines) - of_one, of_one - bytes);
    deadlines_set(&deadlines, 2, 60);
    deadlines_set(&deadlines, 2, 70);
    assert_int_equal(deadlines_bytes(&deadlines) - of_one, of_one - bytes);
    deadlines_free(&deadlines);
}

static void test_a_set_of_indices_finds_its_members_across_words(void **unused) {
    (void)unused;
    const uint32_t members[] = {0, 63, 64, 4095, 4096, 8191, 12288, 12299};
    const uint32_t count = sizeof members / sizeof members[0];
    struct index_set set = {0};
    assert_int_equal(index_set_first(&set), INDEX_NONE);
    assert_true(index_set_reserve(&set, 5000));
    assert_true(index_set_reserve(&set, 12300));
    assert_int_equal(index_set_first(&set), INDEX_NONE);
    for (uint32_t i = count; i-- > 0;) {
        index_set_add(&set, members[i]);
        assert_int_equal(index_set_first(&set), members[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(index_set_first(&set), members[i]);
        assert_int_equal(index_set_after(&set, members[i]), i + 1 < count ? members[i + 1] : INDEX_NONE);
        index_set_remove(&set, members[i]);
    }
    assert_int_equal(index_set_first(&set), INDEX_NONE);
    index_set_add(&set, 100);
    assert_int_equal(index_set_first(&set), 100);
    for (uint32_t i = 0; i < count; i++)
        index_set_add(&set, members[i]);
    index_set_clear(&set);
    assert_int_equal(index_set_first(&set), INDEX_NONE);
    index_set_add(&set, 4097);
    index_set_add(&set, 4097);
    assert_int_equal(index_set_first(&set), 4097);
    assert_int_equal(index_set_after(&set, 4097), INDEX_NONE);
    index_set_remove(&set, 4097);
    index_set_remove(&set, 4097);
    assert_int_equal(index_set_first(&set), INDEX_NONE);
    index_set_free(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_accounts_of_few_instants_come_in_their_order),
        cmocka_unit_test(test_accounts_each_with_an_instant_of_its_own_come_in_their_order),
        cmocka_unit_test(test_room_for_instants_is_counted_when_it_is_used),
        cmocka_unit_test(test_a_set_of_indices_finds_its_members_across_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
