/* The records of one test, repeated, sorted by arrival, and made into the records that the engine takes: by way of the
 * JSON lines that `replay` reads, so that a test means what a log means. One thread. */
#pragma once

#include "base/buffer.h"
#include "cli/test_suite.h"
#include "consumer/file_record.h"

struct test_feed;

/* The test outlives the feed. */
MUST_USE enum result test_feed_create(const struct test *test, struct test_feed **ret_feed, struct error *error);
void test_feed_free(struct test_feed *feed);

/* The next record that arrives no later than `until_ms`; `ret_source` NULL: there is none. The record is borrowed until
 * the next call. RESULT_REJECT: it is not valid, the message says why, and `ret_source` is where it is written. */
MUST_USE enum result test_feed_next(struct test_feed *feed, int64_t until_ms, struct file_record *ret_record,
                                    const struct test_record **ret_source, struct error *error);

/* ---- one record (test_record.c) */

/* Whether the key of a record's mapping is a field of the stream. */
bool test_record_is_field(const struct test_record *record, struct text key);
/* Appends the record's line, without a newline. `number`: makes the generated event id. */
void test_record_write(const struct test_record *record, uint32_t combination, int64_t time_ms, int64_t arrives_ms,
                       uint32_t number, struct buffer *out);
