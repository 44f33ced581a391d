/* What is asked of a record before it is taken; partitions as librdkafka's own partitioners give them. */
#include "engine/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

#include "base/instant.h"
#include "engine/counters.h"

static void partitions_are_those_of_the_library(void **state) {
    (void)state;
    char key[64];
    uint64_t random = 5;
    for (int i = 0; i < 3000; i++) {
        size_t size = 1 + (size_t)i % 40;
        for (size_t j = 0; j < size; j++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            key[j] = (char)(random >> 56);
        }
        struct text text = {key, (uint32_t)size};
        int32_t partitions = 1 + i % 100;
        assert_int_equal(partitioner_partition(PARTITIONER_MURMUR2, text, partitions),
                         rd_kafka_msg_partitioner_murmur2(NULL, key, size, partitions, NULL, NULL));
        assert_int_equal(partitioner_partition(PARTITIONER_CRC32, text, partitions),
                         rd_kafka_msg_partitioner_consistent(NULL, key, size, partitions, NULL, NULL));
        assert_int_equal(partitioner_partition(PARTITIONER_FNV1A, text, partitions),
                         rd_kafka_msg_partitioner_fnv1a(NULL, key, size, partitions, NULL, NULL));
        assert_int_equal(partitioner_partition(PARTITIONER_UNCHECKED, text, partitions), -1);
    }
}

static void partitioners_have_the_configurations_names(void **state) {
    (void)state;
    assert_int_equal(partitioner_find(TEXT("murmur2")), PARTITIONER_MURMUR2);
    assert_int_equal(partitioner_find(TEXT("crc32")), PARTITIONER_CRC32);
    assert_int_equal(partitioner_find(TEXT("fnv1a")), PARTITIONER_FNV1A);
    assert_int_equal(partitioner_find(TEXT("unchecked")), PARTITIONER_UNCHECKED);
    assert_int_equal(partitioner_find(TEXT("random")), -1);
}

static void a_record_elsewhere_than_its_account_belongs_is_refused(void **state) {
    (void)state;
    struct rejection rejection;
    struct event event = {.account_id = TEXT("acme")};
    event.place.partition = partitioner_partition(PARTITIONER_MURMUR2, event.account_id, 12);
    assert_true(validate_partition(PARTITIONER_MURMUR2, 12, &event, &rejection));
    event.place.partition = (event.place.partition + 1) % 12;
    assert_false(validate_partition(PARTITIONER_MURMUR2, 12, &event, &rejection));
    assert_int_equal(rejection.reason, REJECTION_WRONG_PARTITION);
    assert_non_null(strstr(rejection.detail.text, "murmur2"));
    assert_true(validate_partition(PARTITIONER_UNCHECKED, 12, &event, &rejection));
}

static void a_time_in_the_future_is_refused_beyond_the_tolerance(void **state) {
    (void)state;
    struct rejection rejection;
    struct program program = {.future_tolerance_ms = 5 * MINUTE};
    struct event event = {.time_ms = 1000 * DAY + 5 * MINUTE};
    assert_true(validate_time(&program, &event, 1000 * DAY, &rejection));
    event.time_ms++;
    assert_false(validate_time(&program, &event, 1000 * DAY, &rejection));
    assert_int_equal(rejection.reason, REJECTION_FUTURE_TIMESTAMP);
    event.time_ms = INT64_MAX;
    assert_true(validate_time(&program, &event, INT64_MAX - 1, &rejection));
}

static void a_record_that_is_too_large_is_refused(void **state) {
    (void)state;
    struct rejection rejection;
    assert_true(validate_size(100, 100, &rejection));
    assert_false(validate_size(101, 100, &rejection));
    assert_int_equal(rejection.reason, REJECTION_RECORD_TOO_LARGE);
}

static void every_reason_has_a_name_that_finds_it(void **state) {
    (void)state;
    for (int i = 0; i < REJECTION_REASONS; i++) {
        assert_true(rejection_definitions[i].help.size > 0);
        assert_int_equal(rejection_find(rejection_definitions[i].name), i);
    }
    assert_int_equal(rejection_find(TEXT("bad-luck")), REJECTION_REASONS);
}

static void the_families_of_counters_cover_every_value_once(void **state) {
    (void)state;
    uint32_t next = 0;
    for (uint32_t i = 0; i < counter_families_count; i++) {
        const struct counter_family *family = &counter_families[i];
        assert_int_equal(family->first, next);
        next += family->values;
        for (uint32_t j = 0; family->label != NULL && j < family->values; j++)
            assert_true(family->label_value(j).size > 0);
    }
    assert_int_equal(next, COUNTERS);
}

static void a_duration_is_counted_in_its_bucket_and_in_the_sum(void **state) {
    (void)state;
    struct counters counters = {0};
    counters_add_duration(&counters, COUNTER_COMMIT_DURATION, 0);
    counters_add_duration(&counters, COUNTER_COMMIT_DURATION, 5);
    counters_add_duration(&counters, COUNTER_COMMIT_DURATION, 6);
    counters_add_duration(&counters, COUNTER_COMMIT_DURATION, 1000000);
    assert_int_equal(counters_get(&counters, COUNTER_COMMIT_DURATION), 2);
    assert_int_equal(counters_get(&counters, COUNTER_COMMIT_DURATION + 1), 1);
    assert_int_equal(counters_get(&counters, COUNTER_COMMIT_DURATION + DURATION_BUCKETS - 1), 1);
    assert_int_equal(counters_get(&counters, COUNTER_COMMIT_DURATION + DURATION_BUCKETS), 1000011);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_are_those_of_the_library),
        cmocka_unit_test(partitioners_have_the_configurations_names),
        cmocka_unit_test(a_record_elsewhere_than_its_account_belongs_is_refused),
        cmocka_unit_test(a_time_in_the_future_is_refused_beyond_the_tolerance),
        cmocka_unit_test(a_record_that_is_too_large_is_refused),
        cmocka_unit_test(every_reason_has_a_name_that_finds_it),
        cmocka_unit_test(the_families_of_counters_cover_every_value_once),
        cmocka_unit_test(a_duration_is_counted_in_its_bucket_and_in_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
