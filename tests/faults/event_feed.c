#include "tests/faults/event_feed.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "consumer/json_lines.h"
#include "producer/produce.h"
#include "tests/faults/event_maker.h"
#include "tests/harness/deadline.h"
#include "tests/harness/event_lines.h"
#include "tests/harness/fail.h"
#include "tests/harness/kafka_client.h"

#define FIRST_DAY_MS INT64_C(2208988800000) // 2040-01-01

enum {
    TURN_MS = 20,
    ASK_MS = 1000,    // How long one question for the committed offsets may take.
    FLUSH_MS = 90000, // Until all is acknowledged, brokers being up.
    PAGE_EVENTS_MIN = 50,
    PAGE_EVENTS_MAX = 800,
    BURST_FACTOR = 10,
    LATE_OF = 20,
    AGAIN_OF = 50,
    POISON_OF = 200,
};

// One partition number of all topics.
struct lane {
    const char **accounts;
    int accounts_count;
    int64_t page;     // 0 before the first.
    int page_events;  // Still to be produced in the page.
    bool page_closed; // All of it is produced; it has to be committed before the next.
    int64_t now_ms, step_ms;
    bool begun[STREAMS];                       // Whether the page has an event of the stream.
    char again[STREAMS][EVENT_LINE_BYTES_MAX]; // The stream's newest line; empty: none.
    int64_t produced[STREAMS];                 // Records in the partition, so the offset of its end.
    FILE *file;
};

struct event_feed {
    struct event_feed_options options;
    struct dice dice;
    struct lane *lanes;
    char (*accounts)[32];
    struct event_producer *producer;
    struct json_lines *reader;
    rd_kafka_t *asker; // Has the group's id, is no member.
    pthread_t thread;
    atomic_bool finishing;
    struct event_feed_counts counts;
    struct error error;
    enum result result;
};

// Producing

static const char *pick_account(struct event_feed *feed, const struct lane *lane, int *ret_number) {
    // Some accounts are met often, most seldom.
    unsigned end = 1 + dice_roll(&feed->dice, (unsigned)lane->accounts_count);
    *ret_number = (int)dice_roll(&feed->dice, end);
    return lane->accounts[*ret_number];
}

// The stream of the account's events in the page.
static enum stream stream_of(const struct lane *lane, int account) {
    static const enum stream turns[] = {STREAM_ACCOUNT, STREAM_USAGE,  STREAM_LOGIN, STREAM_USAGE, STREAM_TICKET,
                                        STREAM_LOGIN,   STREAM_CUSTOM, STREAM_USAGE, STREAM_NPS,   STREAM_LOGIN};
    return turns[(size_t)(account + lane->page) % (sizeof(turns) / sizeof(turns[0]))];
}

static enum result produce_line(struct event_feed *feed, struct lane *lane, const char *line, bool poisoned) {
    struct file_record record;
    enum result result = json_lines_read(feed->reader, text_of(line), STREAMS, &record, &feed->error);
    if (result != RESULT_OK) {
        return result;
    }
    if (poisoned) {
        record.event.fields[stream_field(STREAM_NPS, text_of("score"))].number = 11;
        feed->counts.poisoned++;
    } else {
        fprintf(lane->file, "%s\n", line);
    }
    result = produce_event(feed->producer, &record.event, &feed->error);
    lane->produced[record.event.stream]++;
    feed->counts.events++;
    json_lines_clear(feed->reader);
    return result;
}

static enum result produce_one(struct event_feed *feed, struct lane *lane) {
    struct dice *dice = &feed->dice;
    int account;
    struct event_wish wish = {.account_id = pick_account(feed, lane, &account), .number = feed->counts.events};
    wish.stream = stream_of(lane, account);
    wish.recorded_ms = lane->now_ms += 1 + dice_roll(dice, (unsigned)lane->step_ms);
    bool first = !lane->begun[wish.stream];
    lane->begun[wish.stream] = true;
    char *line = lane->again[wish.stream];
    if (!first && dice_chance(dice, 1, AGAIN_OF)) {
        return produce_line(feed, lane, line, false);
    }
    if (!first && dice_chance(dice, 1, LATE_OF)) {
        wish.late_ms = (int64_t)dice_roll(dice, 3 * 24 * 60) * MINUTE;
    }
    if (!first && dice_chance(dice, 1, POISON_OF)) {
        char poison[EVENT_LINE_BYTES_MAX];
        wish.stream = STREAM_NPS;
        event_make(&wish, dice, poison);
        return produce_line(feed, lane, poison, true);
    }
    event_make(&wish, dice, line);
    return produce_line(feed, lane, line, false);
}

// Some events of the lane's page; at times many at once.
static enum result produce_some(struct event_feed *feed, struct lane *lane) {
    int usual = feed->options.events_per_second * TURN_MS / 1000 / feed->options.partitions + 1;
    int count = dice_between(&feed->dice, 0, 2 * usual);
    enum result result = RESULT_OK;
    count *= dice_chance(&feed->dice, 1, 100) ? BURST_FACTOR : 1;
    for (int i = 0; i < count && lane->page_events > 0 && result == RESULT_OK; i++, lane->page_events--) {
        result = produce_one(feed, lane);
    }
    lane->page_closed = lane->page_events == 0;
    return result;
}

// Pages

static void begin_page(struct event_feed *feed, struct lane *lane) {
    lane->page++;
    lane->page_closed = false;
    lane->page_events = dice_between(&feed->dice, PAGE_EVENTS_MIN, PAGE_EVENTS_MAX);
    lane->now_ms = FIRST_DAY_MS + lane->page * DAY;
    lane->step_ms = (DAY - HOUR) / lane->page_events;
    memset(lane->begun, 0, sizeof(lane->begun));
    feed->counts.pages++;
}

// How much of each lane the group has not committed; false: that cannot be said now.
static bool ask_lags(struct event_feed *feed, int64_t *ret_lags) {
    int partitions = feed->options.partitions;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(STREAMS * partitions);
    for (int stream = 0; stream < STREAMS; stream++) {
        rd_kafka_topic_partition_list_add_range(list, feed->options.topics[stream], 0, partitions - 1);
    }
    bool known = rd_kafka_committed(feed->asker, list, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
    memset(ret_lags, 0, (size_t)partitions * sizeof(*ret_lags));
    for (int i = 0; i < list->cnt && known; i++) {
        int64_t offset = list->elems[i].offset < 0 ? 0 : list->elems[i].offset;
        ret_lags[list->elems[i].partition] += feed->lanes[list->elems[i].partition].produced[i / partitions] - offset;
        known = list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return known;
}

static void begin_pages(struct event_feed *feed, int64_t *lags) {
    bool waits = false;
    for (int i = 0; i < feed->options.partitions; i++) {
        waits = waits || feed->lanes[i].page_closed;
    }
    if (!waits || !ask_lags(feed, lags)) {
        return;
    }
    for (int i = 0; i < feed->options.partitions; i++) {
        if (feed->lanes[i].page_closed && lags[i] == 0) {
            begin_page(feed, &feed->lanes[i]);
        }
    }
}

// The thread

static enum result produce_all(struct event_feed *feed, int64_t *lags) {
    enum result result = RESULT_OK;
    while (!atomic_load(&feed->finishing) && result == RESULT_OK) {
        begin_pages(feed, lags);
        for (int i = 0; i < feed->options.partitions && result == RESULT_OK; i++) {
            result = produce_some(feed, &feed->lanes[i]);
        }
        deadline_rest(deadline_after(TURN_MS));
    }
    return result == RESULT_OK ? produce_flush(feed->producer, FLUSH_MS, &feed->error) : result;
}

static void *run(void *context) {
    struct event_feed *feed = context;
    int64_t *lags = calloc((size_t)feed->options.partitions, sizeof(*lags));
    assert(lags);
    feed->result = produce_all(feed, lags);
    free(lags);
    struct produce_counts counts;
    produce_count(feed->producer, &counts);
    if (feed->result == RESULT_OK && counts.failed > 0) {
        feed->error = counts.failure;
        feed->result = RESULT_FATAL;
    }
    return NULL;
}

// Life

static void open_lane(struct event_feed *feed, int partition) {
    struct lane *lane = &feed->lanes[partition];
    char path[PATH_MAX];
    event_feed_path(feed, partition, path);
    lane->file = fopen(path, "w");
    lane->accounts = calloc((size_t)feed->options.accounts, sizeof(*lane->accounts));
    if (!lane->file || !lane->accounts) {
        harness_fail("cannot write %s", path);
    }
    for (int i = 0; i < feed->options.accounts; i++) {
        if (account_partition(feed->accounts[i], feed->options.partitions) == partition) {
            lane->accounts[lane->accounts_count++] = feed->accounts[i];
        }
    }
    assert(lane->accounts_count > 0);
    begin_page(feed, lane);
}

static void open_clients(struct event_feed *feed) {
    struct kafka_server server = {0}; // kafka_client_new asks for nothing but its address.
    const char *settings[] = {"group.id", feed->options.group, NULL};
    // A broker that was killed remembers of each producer only the last batch: of more in flight the others, sent
    // again, would be out of order for it.
    struct kafka_property own[] = {{"bootstrap.servers", feed->options.addresses},
                                   {"message.timeout.ms", "600000"},
                                   {"max.in.flight.requests.per.connection", "1"}};
    struct produce_options options = {.properties = {own, 3}, .partitioner = "murmur2_random"};
    struct error error;
    for (int stream = 0; stream < STREAMS; stream++) {
        options.topics[stream] = feed->options.topics[stream];
        options.framings[stream] = (struct framing){.kind = FRAMING_PLAIN};
    }
    snprintf(server.address, sizeof(server.address), "%s", feed->options.addresses);
    feed->asker = kafka_client_new(&server, RD_KAFKA_CONSUMER, settings);
    if (produce_open(&options, &feed->producer, &error) != RESULT_OK ||
        json_lines_create(&feed->reader, &error) != RESULT_OK) {
        harness_fail("the feed cannot be opened: %s", error.text);
    }
}

void event_feed_start(const struct event_feed_options *options, struct event_feed **ret_feed) {
    struct event_feed *feed = calloc(1, sizeof(*feed));
    assert(feed);
    *ret_feed = feed;
    feed->options = *options;
    feed->dice = dice_of(options->seed);
    feed->accounts = calloc((size_t)options->accounts, sizeof(*feed->accounts));
    feed->lanes = calloc((size_t)options->partitions, sizeof(*feed->lanes));
    assert(feed->accounts && feed->lanes);
    for (int i = 0; i < options->accounts; i++) {
        snprintf(feed->accounts[i], sizeof(feed->accounts[i]), i % 7 == 0 ? "Zürich %d" : "acme-%d", i);
    }
    for (int i = 0; i < options->partitions; i++) {
        open_lane(feed, i);
    }
    open_clients(feed);
    if (pthread_create(&feed->thread, NULL, run, feed) != 0) {
        harness_fail("the feed's thread cannot be started");
    }
}

enum result event_feed_finish(struct event_feed *feed, struct error *error) {
    atomic_store(&feed->finishing, true);
    pthread_join(feed->thread, NULL);
    for (int i = 0; i < feed->options.partitions; i++) {
        fflush(feed->lanes[i].file);
    }
    *error = feed->error;
    return feed->result;
}

int64_t event_feed_lag(struct event_feed *feed) {
    int64_t lag = 0, *lags = calloc((size_t)feed->options.partitions, sizeof(*lags));
    assert(lags);
    bool known = ask_lags(feed, lags);
    for (int i = 0; i < feed->options.partitions; i++) {
        lag += lags[i];
    }
    free(lags);
    return known ? lag : -1;
}

void event_feed_count(const struct event_feed *feed, struct event_feed_counts *ret_counts) {
    *ret_counts = feed->counts;
}

void event_feed_path(const struct event_feed *feed, int partition, char *ret_path) {
    snprintf(ret_path, PATH_MAX, "%s/events-%d.jsonl", feed->options.folder, partition);
}

void event_feed_free(struct event_feed *feed) {
    if (!feed) {
        return;
    }
    for (int i = 0; i < feed->options.partitions; i++) {
        fclose(feed->lanes[i].file);
        free(feed->lanes[i].accounts);
    }
    produce_close(feed->producer);
    json_lines_free(feed->reader);
    rd_kafka_consumer_close(feed->asker);
    rd_kafka_destroy(feed->asker);
    free(feed->accounts);
    free(feed->lanes);
    free(feed);
}
