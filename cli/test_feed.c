#include "cli/test_feed.h"

#include <stdlib.h>

#include "consumer/json_lines.h"

struct arrival {
    int64_t arrives_ms, time_ms;
    uint32_t record, combination;
    uint32_t number; /* in the order of writing */
    bool event;      /* facts come first where both arrive at once */
};

struct test_feed {
    const struct test *test;
    struct arrival *arrivals;
    uint32_t count, next;
    struct json_lines *lines;
    struct buffer line;
};

static uint32_t count_records(const struct test *test) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < test->records_count; i++)
        count += (uint64_t)test->records[i].times * test->records[i].combinations;
    return count > TEST_RECORDS_MAX ? UINT32_MAX : (uint32_t)count;
}

static void add_record(struct test_feed *feed, uint32_t index) {
    const struct test_record *record = &feed->test->records[index];
    for (uint32_t i = 0; i < record->times; i++)
        for (uint32_t combination = 0; combination < record->combinations; combination++) {
            int64_t time_ms = record->first_ms + (int64_t)i * record->step_ms;
            feed->arrivals[feed->count] = (struct arrival){
                .arrives_ms = record->arrives_ms == INSTANT_NONE ? time_ms : record->arrives_ms,
                .time_ms = time_ms,
                .record = index,
                .combination = combination,
                .number = feed->count + 1,
                .event = record->stream != STREAM_ACCOUNT};
            feed->count++;
        }
}

static int by_arrival(const void *left_pointer, const void *right_pointer) {
    const struct arrival *left = left_pointer, *right = right_pointer;
    if (left->arrives_ms != right->arrives_ms)
        return left->arrives_ms < right->arrives_ms ? -1 : 1;
    if (left->event != right->event)
        return left->event ? 1 : -1;
    return left->number < right->number ? -1 : 1;
}

enum result test_feed_create(const struct test *test, struct test_feed **ret_feed, struct error *error) {
    uint32_t count = count_records(test);
    if (count == UINT32_MAX)
        return error_set(error, RESULT_REJECT, "its records stand for more than %d", TEST_RECORDS_MAX);
    struct test_feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL)
        return error_set(error, RESULT_FATAL, "memory is out");
    feed->test = test;
    feed->arrivals = calloc((size_t)count + 1, sizeof *feed->arrivals);
    enum result result = feed->arrivals == NULL ? error_set(error, RESULT_FATAL, "memory is out")
                                                : json_lines_create(&feed->lines, error);
    if (result != RESULT_OK) {
        test_feed_free(feed);
        return result;
    }
    for (uint32_t i = 0; i < test->records_count; i++)
        add_record(feed, i);
    qsort(feed->arrivals, feed->count, sizeof *feed->arrivals, by_arrival);
    *ret_feed = feed;
    return RESULT_OK;
}

void test_feed_free(struct test_feed *feed) {
    if (feed == NULL)
        return;
    json_lines_free(feed->lines);
    buffer_free(&feed->line);
    free(feed->arrivals);
    free(feed);
}

enum result test_feed_next(struct test_feed *feed, int64_t until_ms, struct file_record *ret_record,
                           const struct test_record **ret_source, struct error *error) {
    *ret_source = NULL;
    if (feed->next == feed->count || feed->arrivals[feed->next].arrives_ms > until_ms)
        return RESULT_OK;
    const struct arrival *arrival = &feed->arrivals[feed->next++];
    *ret_source = &feed->test->records[arrival->record];
    json_lines_clear(feed->lines);
    buffer_clear(&feed->line);
    test_record_write(*ret_source, arrival->combination, arrival->time_ms, arrival->arrives_ms, arrival->number,
                      &feed->line);
    if (!buffer_ok(&feed->line))
        return error_set(error, RESULT_FATAL, "memory is out");
    return json_lines_read(feed->lines, buffer_text(&feed->line), STREAMS, ret_record, error);
}
