#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "consumer/kafka_membership.h"

static struct buffer bytes;

static void put(int32_t generation, const char *group, const char *member) {
    buffer_clear(&bytes);
    buffer_put(&bytes, "CGMDv2:", 7);
    buffer_put(&bytes, &generation, sizeof generation);
    buffer_put(&bytes, group, strlen(group) + 1);
    buffer_put(&bytes, member, strlen(member) + 1);
    buffer_put_u8(&bytes, 1);
}

static void metadata_of_a_member_is_valid(void **state) {
    (void)state;
    put(0, "group", "member-1");
    assert_true(membership_is_valid(bytes.data, bytes.size));
}

static void metadata_without_generation_or_member_is_not(void **state) {
    (void)state;
    put(-1, "group", "member-1");
    assert_false(membership_is_valid(bytes.data, bytes.size));
    put(5, "group", "");
    assert_false(membership_is_valid(bytes.data, bytes.size));
}

static void a_cut_or_another_format_is_not(void **state) {
    (void)state;
    put(5, "group", "m");
    for (size_t size = 0; size < bytes.size - 1; size++)
        assert_false(membership_is_valid(bytes.data, size));
    bytes.data[5] = '3';
    assert_false(membership_is_valid(bytes.data, bytes.size));
}

static void what_the_library_writes_is_understood(void **state) {
    (void)state;
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata_new_with_genid(
        "group", 7, "member-1", "instance");
    void *data = NULL;
    size_t size = 0;
    assert_null(rd_kafka_consumer_group_metadata_write(metadata, &data, &size));
    assert_true(membership_is_valid(data, size));
    rd_kafka_mem_free(NULL, data);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    metadata = rd_kafka_consumer_group_metadata_new("group"); /* of no membership */
    assert_null(rd_kafka_consumer_group_metadata_write(metadata, &data, &size));
    assert_false(membership_is_valid(data, size));
    rd_kafka_mem_free(NULL, data);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    buffer_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_of_a_member_is_valid),
        cmocka_unit_test(metadata_without_generation_or_member_is_not),
        cmocka_unit_test(a_cut_or_another_format_is_not),
        cmocka_unit_test(what_the_library_writes_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
