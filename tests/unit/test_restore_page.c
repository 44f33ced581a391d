/* What a takeover gathers of the changelog before the store gets it. */
#include "engine/restore_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/instant.h"
#include "engine/core/account/state.h"
#include "engine/core/blob.h"

#define PLACES 7

struct fixture {
    struct slab slab;
    struct restore_page page;
    struct store store;
    struct buffer state;
};

/* Of what name_of gives. */
static uint32_t place_of(void *context, struct text account_id) {
    (void)context;
    return (uint32_t)strtoul(account_id.data + strlen("account-"), NULL, 10) % PLACES;
}

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->page.slab = &fixture->slab;
    fixture->store.place = place_of;
    *state = fixture;
    return 0;
}

static int end(void **state) {
    struct fixture *fixture = *state;
    restore_page_clear(&fixture->page);
    assert_int_equal(fixture->page.bytes, 0);
    slab_free(&fixture->slab); /* asserts that nothing is left in it */
    buffer_free(&fixture->state);
    free(fixture);
    return 0;
}

static struct text name_of(uint32_t number, char ret_name[32]) {
    return (struct text){ret_name, (uint32_t)snprintf(ret_name, 32, "account-%u", number)};
}

static void put_instant(struct buffer *out, int64_t instant_ms) {
    uint8_t bytes[PACKED_LONG];
    buffer_put(out, bytes, (size_t)(write_packed(bytes, instant_ms) - bytes));
}

/* A blob's header, and `tail` bytes behind it that nobody looks at. */
static struct text state_of(struct fixture *fixture, struct text account_id, int64_t due_ms, uint32_t tail) {
    const uint8_t first[] = {BLOB_VERSION, 0, 4, 0, BLOB_IS_DUE};
    struct buffer *out = &fixture->state;
    buffer_clear(out);
    buffer_put(out, first, sizeof first);
    buffer_put_u64(out, 0);
    buffer_put_u64(out, 0);
    buffer_put_varint(out, 1);
    put_instant(out, 0);
    put_instant(out, due_ms);
    buffer_put_varint(out, account_id.size);
    buffer_put_text(out, account_id);
    for (uint32_t i = 0; i < tail; i++)
        buffer_put_u8(out, (uint8_t)i);
    assert_true(buffer_ok(out));
    return buffer_text(out);
}

static void add(struct fixture *fixture, uint32_t number, int64_t offset, uint32_t tail) {
    char name[32];
    struct error error;
    struct text id = name_of(number, name);
    struct log_record record = {.offset = offset, .value = state_of(fixture, id, offset * 1000, tail)};
    assert_int_equal(restore_page_add(&fixture->page, &record, id, &error), RESULT_OK);
}

static struct stored_blob blob_at(const struct fixture *fixture, uint32_t place) {
    struct stored_blob blob;
    struct error error;
    assert_true(place < fixture->page.count);
    assert_int_equal(restore_page_blob(&fixture->page, place, &blob, &error), RESULT_OK);
    return blob;
}

static void each_account_comes_once_as_it_was_last(void **state) {
    struct fixture *fixture = *state;
    for (int64_t offset = 0; offset < 3000; offset++)
        add(fixture, (uint32_t)offset % 1000, offset, (uint32_t)(offset * 7 % 300));
    restore_page_order(&fixture->page, &fixture->store);
    assert_int_equal(fixture->page.count, 1000);
    bool seen[1000] = {false};
    for (uint32_t i = 0; i < 1000; i++) {
        struct stored_blob blob = blob_at(fixture, i);
        uint32_t number = (uint32_t)strtoul(blob.account_id.data + strlen("account-"), NULL, 10);
        int64_t offset = 2000 + number;
        assert_false(seen[number]);
        seen[number] = true;
        assert_int_equal(blob.changelog_offset, offset);
        assert_int_equal(blob.due_ms, offset * 1000);
        assert_int_equal(blob.waits_for, 4);
        assert_true(
            text_equal(blob.blob, state_of(fixture, blob.account_id, offset * 1000, (uint32_t)(offset * 7 % 300))));
    }
}

static void accounts_come_in_the_order_of_their_places(void **state) {
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 500; i++)
        add(fixture, i * 31 % 500, i, 0);
    restore_page_order(&fixture->page, &fixture->store);
    for (uint32_t i = 1; i < 500; i++)
        assert_true(place_of(NULL, blob_at(fixture, i - 1).account_id) <=
                    place_of(NULL, blob_at(fixture, i).account_id));
}

static void what_it_takes_follows_the_states(void **state) {
    struct fixture *fixture = *state;
    add(fixture, 1, 1, 1000);
    size_t large = fixture->page.bytes;
    assert_true(large >= 1000 && large == fixture->slab.bytes_used);
    add(fixture, 1, 2, 100);
    assert_true(fixture->page.bytes < large && fixture->page.bytes == fixture->slab.bytes_used);
    add(fixture, 1, 3, 1000);
    assert_true(fixture->page.bytes == large && large == fixture->slab.bytes_used);
    add(fixture, 2, 4, 1000);
    assert_true(fixture->page.bytes == 2 * large);
    restore_page_clear(&fixture->page);
    assert_int_equal(fixture->slab.bytes_used, 0);
    add(fixture, 3, 5, 1000);
    assert_true(fixture->page.count == 1 && fixture->page.bytes == large);
}

static void an_empty_page_is_in_order(void **state) {
    struct fixture *fixture = *state;
    restore_page_order(&fixture->page, &fixture->store);
    assert_int_equal(fixture->page.count, 0);
}

static void a_state_that_cannot_be_read_is_told_with_its_place(void **state) {
    struct fixture *fixture = *state;
    static const struct text bent[] = {TEXT(""), TEXT("\1"), TEXT("\2"), TEXT("\2\0\0\0")};
    for (size_t i = 0; i < sizeof bent / sizeof bent[0]; i++) {
        struct log_record record = {.offset = 77, .value = bent[i]};
        struct stored_blob blob;
        struct error error;
        restore_page_clear(&fixture->page);
        assert_int_equal(restore_page_add(&fixture->page, &record, TEXT("account-9"), &error), RESULT_OK);
        restore_page_order(&fixture->page, &fixture->store);
        assert_int_not_equal(restore_page_blob(&fixture->page, 0, &blob, &error), RESULT_OK);
        assert_non_null(strstr(error.text, "account-9"));
        assert_non_null(strstr(error.text, "offset 77"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_account_comes_once_as_it_was_last, begin, end),
        cmocka_unit_test_setup_teardown(accounts_come_in_the_order_of_their_places, begin, end),
        cmocka_unit_test_setup_teardown(what_it_takes_follows_the_states, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_page_is_in_order, begin, end),
        cmocka_unit_test_setup_teardown(a_state_that_cannot_be_read_is_told_with_its_place, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
