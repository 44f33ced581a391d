/* Dead letters that somebody else has written: their headers may be anything. */
#include "cli/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OWN_MS INT64_C(1793527200000)

/* What librdkafka says of a message that has these headers. */
static rd_kafka_headers_t *headers;
rd_kafka_resp_err_t headers_of(const rd_kafka_message_t *message,
                               rd_kafka_headers_t **ret_headers) __asm__("__wrap_rd_kafka_message_headers");
int64_t timestamp_of(const rd_kafka_message_t *message,
                     rd_kafka_timestamp_type_t *ret_type) __asm__("__wrap_rd_kafka_message_timestamp");

rd_kafka_resp_err_t headers_of(const rd_kafka_message_t *message, rd_kafka_headers_t **ret_headers) {
    (void)message;
    *ret_headers = headers;
    return headers == NULL ? RD_KAFKA_RESP_ERR__NOENT : RD_KAFKA_RESP_ERR_NO_ERROR;
}

int64_t timestamp_of(const rd_kafka_message_t *message, rd_kafka_timestamp_type_t *ret_type) {
    (void)message, (void)ret_type;
    return OWN_MS;
}

static void assert_timestamp(const char *written, int64_t expected_ms) {
    rd_kafka_message_t message = {0};
    struct letter letter;
    headers = rd_kafka_headers_new(1);
    assert_int_equal(rd_kafka_header_add(headers, "bw_timestamp", -1, written, -1), RD_KAFKA_RESP_ERR_NO_ERROR);
    letter_read(&message, &letter);
    assert_int_equal(letter.timestamp_ms, expected_ms);
    rd_kafka_headers_destroy(headers);
    headers = NULL;
}

static void the_time_is_the_records_where_the_letter_says_it(void **state) {
    (void)state;
    assert_timestamp("1700000000000", 1700000000000);
    assert_timestamp("-1", -1);
    assert_timestamp("9007199254740992", INT64_C(9007199254740992));
}

static void a_time_that_is_none_is_the_letters_own(void **state) {
    (void)state;
    rd_kafka_message_t message = {0};
    struct letter letter;
    assert_timestamp("yesterday", OWN_MS);
    assert_timestamp("1e300", OWN_MS);
    assert_timestamp("-1e300", OWN_MS);
    assert_timestamp("9223372036854775808", OWN_MS);
    letter_read(&message, &letter);
    assert_int_equal(letter.timestamp_ms, OWN_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_is_the_records_where_the_letter_says_it),
        cmocka_unit_test(a_time_that_is_none_is_the_letters_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
