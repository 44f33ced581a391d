#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/instant.h"
#include "cli/change_line.h"
#include "cli/change_reader.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/demo_servers.h"
#include "cli/demo_story.h"
#include "cli/printer.h"
#include "cli/progress.h"
#include "cli/publishing.h"
#include "cli/rules_file.h"
#include "cli/topic_reader.h"
#include "cli/topic_value.h"
#include "producer/produce.h"

#define PARTITIONS        6
#define DAY_MS            130 /* of real time for each simulated day, unless --fast */
#define LINES_PER_DAY     4   /* that are told; the rest is counted */
#define FLUSH_TIMEOUT_MS  10000
#define ASSIGNMENT_MAX_MS 20000 /* until the group has formed */
#define STANDSTILL_MS     30000 /* without a further record or change, at the end */
#define SETS_MAX          12
#define SET_SIZE_MAX      320

/* The show. */
struct session {
    const struct invocation *invocation;
    struct log *log;
    struct demo_servers servers;
    char sets[SETS_MAX][SET_SIZE_MAX];
    struct setup setup;
    struct schemas schemas;
    struct arena rules_arena;
    struct daemon daemon;
    struct simulation *simulation;
    struct event_producer *producer;
    struct topic_reader *reader;
    struct value_reader values;
    struct story *story;
    struct printer printer;
    bool colour, fast;
    int64_t first_day_ms;
    uint64_t seed, events;
    uint32_t told_today, untold_today;
    uint64_t subjects_today[LINES_PER_DAY]; /* hashes */
    uint32_t columns;                       /* of the terminal; 0: lines are not cut */
    sigset_t signals;
    bool interrupted;
};

/* ---- putting it up */

/* Commits come quickly, since somebody watches; and the mock waits out each fetch of an empty topic. */
static enum result read_setup(struct session *session) {
    const char *sets[SETS_MAX];
    uint32_t count = 0;
    snprintf(session->sets[count++], SET_SIZE_MAX, "kafka.brokers=%s", session->servers.brokers);
    snprintf(session->sets[count++], SET_SIZE_MAX, "redis.url=%s", session->servers.redis_url);
    snprintf(session->sets[count++], SET_SIZE_MAX, "kafka.group=demo");
    snprintf(session->sets[count++], SET_SIZE_MAX, "kafka.instance_id=demo");
    snprintf(session->sets[count++], SET_SIZE_MAX, "kafka.properties.fetch.wait.max.ms=10");
    snprintf(session->sets[count++], SET_SIZE_MAX, "commit.interval=50ms");
    snprintf(session->sets[count++], SET_SIZE_MAX, "commit.interval_max=100ms");
    snprintf(session->sets[count++], SET_SIZE_MAX, "http=null");
    for (uint32_t i = 0; i < count; i++)
        sets[i] = session->sets[i];
    struct configuration_input input = {.sets = sets, .sets_count = count};
    enum result result = setup_read_input(&input, session->log, &session->setup);
    findings_log(&session->setup.findings, session->log);
    return result;
}

static enum result create_topics(struct session *session, struct error *error) {
    for (int i = 0; i < STREAMS; i++) {
        enum result result = demo_servers_create_topic(&session->servers, session->setup.topics[i], PARTITIONS, error);
        if (result != RESULT_OK)
            return result;
    }
    for (int i = 0; i < OUTPUTS; i++) {
        enum result result = demo_servers_create_topic(&session->servers, session->setup.outputs[i], PARTITIONS, error);
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}

/* What is wrong with them is logged. */
static enum result read_rules(struct session *session) {
    const char *path = arguments_value(session->invocation->arguments, "rules");
    struct findings findings = {.arena = &session->rules_arena};
    enum result result = path == NULL
                             ? rules_pack_read("default.yaml", &session->rules_arena, &session->daemon.program,
                                               &findings)
                             : rules_file_read(path, &session->rules_arena, &session->daemon.program, &findings);
    findings_log(&findings, session->log);
    return result;
}

static enum result start_daemon(struct session *session, struct error *error) {
    struct composition *composition = &session->daemon.composition;
    composition->setup = &session->setup;
    composition->schemas = &session->schemas;
    composition->cluster_id = "demo";
    composition->partitions = PARTITIONS;
    composition->records_only = true;
    composition->clock = clock_port();
    enum result result = publishing_output_framings(&session->setup, &session->schemas, &composition->changes,
                                                    &composition->statuses, error);
    return result != RESULT_OK ? result : daemon_start(&session->daemon, 1, error);
}

static enum result open_producer(struct session *session, struct error *error) {
    struct produce_options produce_options = {
        .properties = session->setup.properties,
        .partitioner = publishing_partitioner(&session->setup.configuration),
        .logger = &session->setup.logger,
    };
    memcpy(produce_options.topics, session->setup.topics, sizeof produce_options.topics);
    enum result result = publishing_input_framings(&session->setup, &session->schemas, produce_options.framings, error);
    return result != RESULT_OK ? result : produce_open(&produce_options, &session->producer, error);
}

static enum result open_reader(struct session *session, struct error *error) {
    struct topic_reader_options reader_options = {
        .properties = session->setup.properties,
        .group = "demo-audience",
        .topics = {session->setup.outputs[OUTPUT_CHANGES]},
        .topics_count = 1,
        .start = READ_FROM_BEGINNING,
        .logger = &session->setup.logger,
    };
    enum result result = value_reader_open(&session->values, &session->setup, error);
    return result != RESULT_OK ? result : topic_reader_open(&reader_options, FLUSH_TIMEOUT_MS, &session->reader, error);
}

static enum result put_up(struct session *session, struct error *error) {
    enum result result = demo_servers_start(&session->servers, error);
    if (result != RESULT_OK)
        return result;
    if (read_setup(session) != RESULT_OK)
        return error_set(error, RESULT_FATAL, "the demo's own configuration is not good");
    session->first_day_ms = floor_divide(clock_wall_ms(), DAY) * DAY - SIMULATION_DAYS * DAY;
    if (result == RESULT_OK)
        result = schemas_open(&session->schemas, &session->setup, error);
    if (result == RESULT_OK)
        result = create_topics(session, error);
    if (result == RESULT_OK)
        result = start_daemon(session, error);
    if (result == RESULT_OK)
        result = open_producer(session, error);
    if (result == RESULT_OK)
        result = open_reader(session, error);
    if (result == RESULT_OK)
        result = story_create(&session->story, error);
    if (result == RESULT_OK)
        result = simulation_create(session->seed, session->first_day_ms, &session->simulation, error);
    return result;
}

static void take_down(struct session *session) {
    daemon_stop(&session->daemon);
    daemon_end(&session->daemon);
    if (session->producer != NULL)
        produce_close(session->producer);
    topic_reader_close(session->reader);
    value_reader_close(&session->values);
    demo_servers_stop(&session->servers);
    simulation_free(session->simulation);
    story_free(session->story);
    schemas_close(&session->schemas);
    arena_free(&session->rules_arena);
    setup_free(&session->setup);
}

/* ---- telling it */

/* A few lines a day, and each subject once: that an afternoon has twenty of them is a number, not news. */
static bool is_to_be_told(struct session *session, const struct change *change) {
    uint64_t subject = hash_text(change->subject);
    for (uint32_t i = 0; i < session->told_today; i++)
        if (session->subjects_today[i] == subject)
            return false;
    if (session->told_today == LINES_PER_DAY)
        return false;
    session->subjects_today[session->told_today++] = subject;
    return true;
}

static void tell_change(struct session *session, const struct change *change) {
    struct buffer *out = &session->printer.buffer;
    size_t start = out->size;
    if (!story_is_news(change))
        return;
    if (!is_to_be_told(session, change)) {
        session->untold_today++;
        return;
    }
    change_write_line(change, session->colour, out);
    if (session->columns > 0)
        line_cut(out, start, session->columns);
    buffer_put_string(out, "\n");
    printer_end_line(&session->printer);
}

static enum result take_change(struct session *session, const rd_kafka_message_t *message, struct error *error) {
    struct text value = {message->payload, (uint32_t)message->len};
    struct published_change published;
    json_t *tree;
    enum result result = value_read(&session->values, value, "SegmentChange", &tree, error);
    if (result != RESULT_OK)
        return result;
    result = change_read(tree, &published, error);
    if (result == RESULT_OK)
        result = story_add(session->story, &published.change, error);
    if (result == RESULT_OK)
        tell_change(session, &published.change);
    json_decref(tree);
    return result;
}

/* Takes and tells changes until `until_ms` on the monotonic clock. */
static enum result take_changes(struct session *session, int64_t until_ms, struct error *error) {
    rd_kafka_message_t *message;
    enum reader_outcome outcome = READER_RECORD;
    while (outcome == READER_RECORD) {
        int64_t left_ms = until_ms - clock_monotonic_ms();
        outcome = topic_reader_next(session->reader, left_ms < 0 ? 0 : (int)left_ms, &message, error);
        if (outcome != READER_RECORD)
            break;
        enum result result = take_change(session, message, error);
        rd_kafka_message_destroy(message);
        if (result != RESULT_OK)
            return result;
    }
    return outcome == READER_FAILED ? RESULT_FATAL : RESULT_OK;
}

static enum result send_events(struct session *session, const struct event *events, uint32_t count, bool facts,
                               struct error *error) {
    for (uint32_t i = 0; i < count; i++) {
        enum result result = (events[i].stream == STREAM_ACCOUNT) == facts
                                 ? produce_event(session->producer, &events[i], error)
                                 : RESULT_OK;
        if (result != RESULT_OK)
            return result;
    }
    return produce_flush(session->producer, FLUSH_TIMEOUT_MS, error);
}

/* Facts go first: nobody can merge a record with one that has not come yet. */
static enum result send_day(struct session *session, int day, struct error *error) {
    const struct event *events;
    uint32_t count;
    enum result result = simulation_day(session->simulation, day, &events, &count, error);
    if (result == RESULT_OK)
        result = send_events(session, events, count, true, error);
    if (result == RESULT_OK)
        result = send_events(session, events, count, false, error);
    session->events += count;
    return result;
}

static bool was_interrupted(struct session *session) {
    static const struct timespec at_once = {0, 0};
    int number = sigtimedwait(&session->signals, NULL, &at_once);
    session->interrupted = session->interrupted || number == SIGINT || number == SIGTERM;
    return session->interrupted;
}

static enum result worker_failure(const struct session *session, struct error *error) {
    const struct worker *failed = daemon_failed(&session->daemon);
    if (failed == NULL)
        return RESULT_OK;
    return error_set(error, RESULT_FATAL, "%s", failed->error.text);
}

/* Until all partitions are held: so that nothing of the first days is told late. */
static enum result await_workers(struct session *session, struct error *error) {
    static const struct timespec pause = {0, 20 * 1000000};
    int64_t deadline_ms = clock_monotonic_ms() + ASSIGNMENT_MAX_MS;
    for (;;) {
        int32_t running = 0;
        for (int32_t i = 0; i < session->daemon.board.count; i++)
            running += session->daemon.board.entries[i].state == SHARD_RUNNING;
        if (running == session->daemon.board.count || was_interrupted(session))
            return RESULT_OK;
        enum result result = worker_failure(session, error);
        if (result != RESULT_OK)
            return result;
        if (clock_monotonic_ms() >= deadline_ms)
            return error_set(error, RESULT_FATAL, "the pipeline did not get its partitions");
        nanosleep(&pause, NULL);
    }
}

static enum result live_days(struct session *session, struct error *error) {
    int64_t begun_ms = clock_monotonic_ms();
    for (int day = 0; day < SIMULATION_DAYS && !was_interrupted(session); day++) {
        enum result result = send_day(session, day, error);
        if (result == RESULT_OK)
            result = take_changes(session, session->fast ? 0 : begun_ms + (day + 1) * DAY_MS, error);
        if (result == RESULT_OK)
            result = worker_failure(session, error);
        if (result != RESULT_OK || session->printer.closed)
            return result;
        if (session->untold_today > 0)
            buffer_printf(&session->printer.buffer, "%s                  ... and %u more%s\n",
                          session->colour ? "\033[2m" : "", session->untold_today, session->colour ? "\033[0m" : "");
        session->told_today = session->untold_today = 0;
        printer_end_line(&session->printer);
    }
    return RESULT_OK;
}

static uint64_t records_taken(const struct session *session) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < STREAMS; i++)
        sum += status_counter(&session->daemon.view, COUNTER_RECORDS + i);
    return sum;
}

static uint64_t changes_decided(const struct session *session) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i <= CHANGE_EXITED; i++)
        sum += status_counter(&session->daemon.view, COUNTER_CHANGES + i);
    return sum;
}

/* Until every record is taken and every change that was decided has been read back from the topic. */
static enum result catch_up(struct session *session, struct error *error) {
    int64_t deadline_ms = 0;
    uint64_t progress = UINT64_MAX;
    while (!was_interrupted(session)) {
        enum result result = take_changes(session, clock_monotonic_ms() + 50, error);
        if (result == RESULT_OK)
            result = worker_failure(session, error);
        if (result != RESULT_OK)
            return result;
        if (records_taken(session) == session->events && story_changes(session->story) == changes_decided(session))
            return RESULT_OK;
        uint64_t former = progress;
        progress = records_taken(session) + story_changes(session->story);
        if (progress != former)
            deadline_ms = clock_monotonic_ms() + STANDSTILL_MS;
        if (clock_monotonic_ms() >= deadline_ms)
            return error_set(error, RESULT_FATAL,
                             "the pipeline took %llu of %llu records and published %llu changes, then "
                             "nothing came any more",
                             (unsigned long long)records_taken(session), (unsigned long long)session->events,
                             (unsigned long long)story_changes(session->story));
    }
    return RESULT_OK;
}

static void tell_beginning(struct session *session) {
    char first[INSTANT_TEXT_MAX];
    instant_format(session->first_day_ms, first);
    buffer_printf(&session->printer.buffer,
                  "%d made-up customers, %d days from %.10s on: a Kafka inside this process, a Redis of its own,\n"
                  "the real pipeline, and the rules of %s. Each line is a change, as it comes out of the topic %s.\n\n",
                  SIMULATION_ACCOUNTS, SIMULATION_DAYS, first,
                  arguments_has(session->invocation->arguments, "rules")
                      ? arguments_value(session->invocation->arguments, "rules")
                      : "config/rules/default.yaml",
                  session->setup.outputs[OUTPUT_CHANGES]);
    printer_flush(&session->printer);
}

static void tell_end(struct session *session, double seconds) {
    char events[COUNT_TEXT_MAX], changes[COUNT_TEXT_MAX], commits[COUNT_TEXT_MAX];
    struct buffer *out = &session->printer.buffer;
    story_write_summary(session->story, session->simulation, session->colour, session->columns, out);
    buffer_printf(out,
                  "\n%s events made %s changes, published exactly once in %s transactions, in %.1f s.\n"
                  "Next: `bellwether check -c config/bellwether.yaml` looks at your own Kafka and Redis.\n",
                  count_text(session->events, events), count_text(story_changes(session->story), changes),
                  count_text(status_counter(&session->daemon.view, COUNTER_COMMITS), commits), seconds);
}

/* ---- the command */

static enum result show(struct session *session, struct error *error) {
    int64_t begun_ms = clock_monotonic_ms();
    enum result result = put_up(session, error);
    if (result != RESULT_OK)
        return result;
    tell_beginning(session);
    result = await_workers(session, error);
    if (result == RESULT_OK)
        result = live_days(session, error);
    if (result == RESULT_OK && !session->interrupted && !session->printer.closed)
        result = catch_up(session, error);
    if (result == RESULT_OK && !session->interrupted && !session->printer.closed)
        tell_end(session, (double)(clock_monotonic_ms() - begun_ms) / 1000);
    return result;
}

static enum result read_seed(struct session *session, struct error *error) {
    const char *seed = arguments_value(session->invocation->arguments, "seed");
    char *end = NULL;
    session->seed = seed == NULL ? 1 : strtoull(seed, &end, 10);
    if (seed != NULL && (*seed == '\0' || *end != '\0'))
        return error_set(error, RESULT_REJECT, "--seed: `%s` is no number", seed);
    return RESULT_OK;
}

static void block_signals(sigset_t *ret_signals) {
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
}

static enum exit_status run(const struct invocation *invocation) {
    struct session session = {
        .invocation = invocation,
        .log = invocation->log,
        .fast = arguments_has(invocation->arguments, "fast"),
        .colour = printer_has_colour(STDOUT_FILENO, invocation->environment),
        .columns = printer_columns(STDOUT_FILENO),
    };
    struct error error;
    /* What the library and the pipeline have to say is not the show, unless it is wanted. */
    if (!arguments_has(invocation->arguments, "log-level"))
        log_set_level(invocation->log, LEVEL_ERROR);
    if (read_seed(&session, &error) != RESULT_OK) {
        log_write(invocation->log, LEVEL_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }
    if (read_rules(&session) != RESULT_OK) {
        arena_free(&session.rules_arena);
        return EXIT_USAGE;
    }
    block_signals(&session.signals);
    printer_open(&session.printer, STDOUT_FILENO);
    enum result result = show(&session, &error);
    if (result != RESULT_OK)
        log_write(invocation->log, LEVEL_ERROR, "%s", error.text);
    struct error close_error;
    enum result closed = printer_close(&session.printer, &close_error);
    take_down(&session);
    return result != RESULT_OK || closed != RESULT_OK || session.interrupted ? EXIT_FAILED : EXIT_GOOD;
}

static const struct flag flags[] = {
    {"seed", 0, "NUMBER", .about = "Other customers: the same number gives the same ones. Default 1."},
    {"rules", 'r', "FILE", .about = "Other rules than the default pack."},
    {"fast", 0, NULL, .about = "As fast as it goes, with no pause between the days."},
    {0},
};

const struct command command_demo = {
    .name = "demo",
    .summary = "everything at once, with nothing installed but the build",
    .about = "Shows the real pipeline at work on made-up customers, who live through 120 days in about 20 seconds: "
             "some thrive, "
             "some decline, complain, go silent, do not pay, renew or leave. Their events go through a Kafka inside "
             "this process "
             "(librdkafka's mock cluster) and a private Redis, which is stopped and removed at the end; nothing else "
             "is needed, and "
             "nothing of yours is touched.\n\n"
             "The changes are told as they come. At the end stand the movement between lifecycle stages, the segments, "
             "and one "
             "account's story with its reasons.",
    .flags = flags,
    .examples = "bellwether demo\n"
                "bellwether demo --seed 7 --fast\n"
                "bellwether demo --rules rules.yaml",
    .run = run,
};
