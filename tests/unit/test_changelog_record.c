/* What lies in the changelog: what was written is read again, and what was not written so is refused. */
#include "engine/changelog_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/rulesets.h"

static const struct ruleset_record rulesets[] = {
    {.hash = 1, .label = TEXT("first")},
    {.hash = 2, .label = TEXT("")},
};

static struct shard_record example(void) {
    struct shard_record record = {.commit = 1234567890123,
                                  .partitions = 12,
                                  .clocks = CLOCKS_INITIAL,
                                  .rules_changed = true,
                                  .chosen = STREAM_NPS,
                                  .chosen_offset = 4711,
                                  .rulesets = rulesets,
                                  .rulesets_count = 2};
    record.clocks.watermark_ms = -5;
    record.clocks.newest_ms[STREAM_LOGIN] = INT64_MAX;
    for (int i = 0; i < STREAMS; i++)
        record.inputs[i] = (struct input_record){
            .next_offset = 10 + i, .last_offset = OFFSET_NONE, .last_timestamp_ms = i};
    return record;
}

/* The example as its bytes, for one test; what is read of them lies in the arena. */
static struct buffer bytes;
static struct arena arena;
static struct error error;

static int encode_example(void **state) {
    (void)state;
    struct shard_record record = example();
    shard_record_encode(&record, &bytes);
    return 0;
}

static int free_all(void **state) {
    (void)state;
    buffer_free(&bytes);
    arena_free(&arena);
    return 0;
}

static void a_shard_record_is_read_as_it_was_written(void **state) {
    (void)state;
    struct shard_record wanted = example(), found;
    assert_int_equal(shard_record_decode(buffer_text(&bytes), &arena, &found, &error), RESULT_OK);
    assert_int_equal(found.commit, wanted.commit);
    assert_int_equal(found.partitions, 12);
    assert_true(found.rules_changed);
    assert_int_equal(found.chosen, STREAM_NPS);
    assert_int_equal(found.chosen_offset, 4711);
    assert_memory_equal(&found.clocks, &wanted.clocks, sizeof found.clocks);
    assert_memory_equal(found.inputs, wanted.inputs, sizeof found.inputs);
    assert_int_equal(found.rulesets_count, 2);
    assert_true(text_equals(found.rulesets[0].label, "first"));
    assert_int_equal(found.rulesets[1].hash, 2);
    assert_int_equal(found.rulesets[1].label.size, 0);
}

static void a_shard_record_that_is_cut_off_or_longer_is_refused(void **state) {
    (void)state;
    struct shard_record found;
    for (uint32_t size = 0; size < bytes.size; size++) {
        struct text cut = {(const char *)bytes.data, size};
        assert_int_equal(shard_record_decode(cut, &arena, &found, &error), RESULT_REJECT);
    }
    buffer_put_u8(&bytes, 0);
    assert_int_equal(shard_record_decode(buffer_text(&bytes), &arena, &found, &error), RESULT_REJECT);
    bytes.data[0] = 99;
    assert_int_equal(shard_record_decode(buffer_text(&bytes), &arena, &found, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "version 99"));
}

static void flipped_bits_never_read_beyond_the_end(void **state) {
    (void)state;
    struct shard_record found;
    for (size_t i = 0; i < bytes.size * 8; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
        uint8_t *exact = malloc(bytes.size); /* so that a sanitizer sees the end */
        assert_non_null(exact);
        memcpy(exact, bytes.data, bytes.size);
        enum result result = shard_record_decode((struct text){(const char *)exact, (uint32_t)bytes.size}, &arena,
                                                 &found, &error);
        assert_true(result == RESULT_OK || result == RESULT_REJECT);
        free(exact);
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

static void a_barrier_is_read_as_it_was_written(void **state) {
    (void)state;
    struct barrier wanted = {.nonce = "0123456789abcde", .partitions = 7}, found;
    barrier_encode(&wanted, &bytes);
    assert_int_equal(barrier_decode(buffer_text(&bytes), &found, &error), RESULT_OK);
    assert_memory_equal(&found, &wanted, sizeof found);
    for (uint32_t size = 0; size < bytes.size; size++)
        assert_int_equal(barrier_decode((struct text){(const char *)bytes.data, size}, &found, &error), RESULT_REJECT);
}

static void an_id_names_the_group_whose_changelog_it_is(void **state) {
    (void)state;
    struct text group;
    const uint8_t wanted[CHANGELOG_ID_SIZE] = "0123456789abcde";
    uint8_t found[CHANGELOG_ID_SIZE];
    changelog_encode_id(wanted, TEXT("ours"), &bytes);
    assert_int_equal(changelog_decode_id(buffer_text(&bytes), found, &group, &error), RESULT_OK);
    assert_memory_equal(found, wanted, sizeof found);
    assert_true(text_equals(group, "ours"));
    for (uint32_t size = 0; size < CHANGELOG_ID_SIZE; size++)
        assert_int_equal(changelog_decode_id((struct text){(const char *)bytes.data, size}, found, &group, &error),
                         RESULT_REJECT);
}

static void keys_say_what_lies_under_them(void **state) {
    (void)state;
    uint8_t key[2], layout_key[LAYOUT_KEY_SIZE];
    struct text id;
    for (int i = CHANGELOG_ID; i <= CHANGELOG_SHARD; i++)
        assert_int_equal(changelog_kind_of(changelog_key((enum changelog_kind)i), &id), i);
    assert_ptr_equal(changelog_write_account_key(TEXT("s"), key), key + sizeof key);
    assert_int_equal(changelog_kind_of((struct text){(const char *)key, sizeof key}, &id), CHANGELOG_ACCOUNT);
    assert_true(text_equals(id, "s"));
    changelog_write_layout_key(UINT64_C(0x0807060504030201), layout_key);
    assert_memory_equal(layout_key, "l\1\2\3\4\5\6\7\10", sizeof layout_key);
    assert_int_equal(changelog_kind_of((struct text){(const char *)layout_key, sizeof layout_key}, &id),
                     CHANGELOG_LAYOUT);
    assert_int_equal(changelog_kind_of((struct text){(const char *)layout_key, sizeof layout_key - 1}, &id),
                     CHANGELOG_OTHER);
    assert_int_equal(changelog_kind_of(TEXT(""), &id), CHANGELOG_OTHER);
    assert_int_equal(changelog_kind_of(TEXT("a"), &id), CHANGELOG_OTHER);
    assert_int_equal(changelog_kind_of(TEXT("sx"), &id), CHANGELOG_OTHER);
    assert_int_equal(changelog_kind_of(TEXT_MISSING, &id), CHANGELOG_OTHER);
}

static void rules_that_others_followed_are_former_until_they_are_activated_again(void **state) {
    (void)state;
    struct shard_record record = example();
    struct program program = {.ruleset = TEXT("first again"), .hash = 1};
    assert_int_equal(rulesets_standing(&record, 1), RULESET_FORMER);
    assert_int_equal(rulesets_standing(&record, 2), RULESET_CURRENT);
    assert_int_equal(rulesets_standing(&record, 3), RULESET_NEW);
    assert_int_equal(rulesets_activate(&record, &program, &arena, &error), RESULT_OK);
    assert_int_equal(record.rulesets_count, 2);
    assert_int_equal(rulesets_standing(&record, 1), RULESET_CURRENT);
    assert_int_equal(rulesets_standing(&record, 2), RULESET_FORMER);
    assert_true(text_equals(record.rulesets[1].label, "first again"));
}

static void the_oldest_rules_are_forgotten_first(void **state) {
    (void)state;
    struct shard_record record = {0};
    for (uint64_t hash = 1; hash <= RULESETS_MAX + 3; hash++) {
        struct program program = {.ruleset = TEXT("r"), .hash = hash};
        assert_int_equal(rulesets_activate(&record, &program, &arena, &error), RESULT_OK);
    }
    assert_int_equal(record.rulesets_count, RULESETS_MAX);
    assert_int_equal(record.rulesets[0].hash, 4);
    assert_int_equal(record.rulesets[RULESETS_MAX - 1].hash, RULESETS_MAX + 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_shard_record_is_read_as_it_was_written, encode_example, free_all),
        cmocka_unit_test_setup_teardown(a_shard_record_that_is_cut_off_or_longer_is_refused, encode_example, free_all),
        cmocka_unit_test_setup_teardown(flipped_bits_never_read_beyond_the_end, encode_example, free_all),
        cmocka_unit_test_teardown(a_barrier_is_read_as_it_was_written, free_all),
        cmocka_unit_test_teardown(an_id_names_the_group_whose_changelog_it_is, free_all),
        cmocka_unit_test(keys_say_what_lies_under_them),
        cmocka_unit_test_teardown(rules_that_others_followed_are_former_until_they_are_activated_again, free_all),
        cmocka_unit_test_teardown(the_oldest_rules_are_forgotten_first, free_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
