#include <stdlib.h>
#include <unistd.h>

#include "cli/brokers.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/publishing.h"
#include "cli/record_files.h"
#include "cli/setup.h"
#include "engine/limits.h"
#include "producer/produce.h"
#include "producer/topics.h"

#define BROKERS_TIMEOUT_MS 30000
#define FLUSH_SLICE_MS     1000

/* A run of the command. */
struct session {
    const struct invocation *invocation;
    struct setup setup;
    struct schemas schemas;
    struct record_files files;
    struct event_producer *producer;
    enum stream stream;     /* of lines that name none; STREAMS: each must */
    int32_t partitions_new; /* of topics that are created; 0: none are */
    uint64_t unwanted;      /* records of streams that are off */
};

/* RESULT_REJECT: the command line or the configuration is wrong. */
static enum result read_arguments(struct session *session, struct error *error) {
    const char *stream = arguments_value(session->invocation->arguments, "stream");
    const char *partitions = arguments_value(session->invocation->arguments, "create-topics");
    session->stream = stream == NULL ? STREAMS : stream_find(text_of(stream));
    if (stream != NULL && session->stream == STREAMS)
        return error_set(error, RESULT_REJECT,
                         "--stream: there is no stream `%s`; there are account, usage, login, ticket, nps and custom",
                         stream);
    char *end = NULL;
    long number = partitions == NULL ? 0 : strtol(partitions, &end, 10);
    if (partitions != NULL && (*end != '\0' || number < 1 || number > SHARDS_MAX))
        return error_set(error, RESULT_REJECT, "--create-topics: `%s` is no number of partitions, 1 to %d", partitions,
                         SHARDS_MAX);
    session->partitions_new = (int32_t)number;
    return RESULT_OK;
}

/* None of them is compacted, accounts neither: what is produced here is history, and all of it counts. */
static enum result create_topics(struct session *session, struct error *error) {
    struct topic_wish wishes[STREAMS];
    struct topics *topics;
    uint32_t count = 0;
    for (int i = 0; i < STREAMS; i++)
        if (session->setup.topics[i] != NULL)
            wishes[count++] = (struct topic_wish){
                .name = session->setup.topics[i],
                .partitions = session->partitions_new,
                .replication = REPLICATION_DEFAULT,
                .is_kept = true,
            };
    enum result result = topics_open(&session->setup.properties, &session->setup.logger, &topics, error);
    if (result != RESULT_OK)
        return result;
    result = topics_create(topics, wishes, count, BROKERS_TIMEOUT_MS, error);
    topics_close(topics);
    return result;
}

/* So that what is missing is told at once, and not by each record. */
static enum result see_topics(struct session *session, struct error *error) {
    struct topic_state states[STREAMS];
    const char *names[STREAMS];
    struct topics *topics;
    for (int i = 0; i < STREAMS; i++)
        names[i] = session->setup.topics[i] == NULL ? "" : session->setup.topics[i];
    enum result result = topics_open(&session->setup.properties, &session->setup.logger, &topics, error);
    if (result != RESULT_OK)
        return result;
    result = topics_look(topics, names, STREAMS, states, BROKERS_TIMEOUT_MS, error);
    topics_close(topics);
    for (int i = 0; i < STREAMS && result == RESULT_OK; i++)
        if (names[i][0] != '\0' && states[i].partitions == 0)
            result = error_set(error, RESULT_FATAL,
                               "the topic `%s` does not exist: create it, or have it created by --create-topics N",
                               names[i]);
    return result;
}

static enum result open_producer(struct session *session, struct error *error) {
    struct produce_options produce_options = {
        .properties = session->setup.properties,
        .partitioner = publishing_partitioner(&session->setup.configuration),
        .logger = &session->setup.logger,
    };
    memcpy(produce_options.topics, session->setup.topics, sizeof produce_options.topics);
    enum result result = schemas_open(&session->schemas, &session->setup, error);
    if (result == RESULT_OK)
        result = publishing_input_framings(&session->setup, &session->schemas, produce_options.framings, error);
    return result != RESULT_OK ? result : produce_open(&produce_options, &session->producer, error);
}

static enum result send_record(struct session *session, const struct event *record, struct error *error) {
    struct event event = *record;
    int64_t now_ms = clock_wall_ms();
    if (session->setup.topics[event.stream] == NULL) {
        session->unwanted++;
        return RESULT_OK;
    }
    /* Brokers refuse records of the future; as one of now it arrives, and is rejected by its own time where all can
     * see. */
    if (event.place.timestamp_ms > now_ms)
        event.place.timestamp_ms = now_ms;
    enum result result = produce_event(session->producer, &event, error);
    if (result != RESULT_REJECT)
        return result;
    record_files_reject(&session->files, error->text);
    return RESULT_OK;
}

static enum result send_files(struct session *session, struct error *error) {
    struct file_record record;
    bool end = false;
    for (;;) {
        enum result result = record_files_next(&session->files, &record, &end, error);
        if (result == RESULT_OK && !end)
            result = send_record(session, &record.event, error);
        if (result != RESULT_OK)
            return result;
        if (end)
            break;
    }
    progress_clear(&session->files.progress);
    enum result result;
    do
        result = produce_flush(session->producer, FLUSH_SLICE_MS, error);
    while (result == RESULT_RETRY);
    return result;
}

static enum result produce_all(struct session *session, struct error *error) {
    static const char *const standard_input[] = {"-"};
    const struct arguments *arguments = session->invocation->arguments;
    bool given = arguments->operands_count > 0, typed = !given && isatty(STDIN_FILENO) == 1;
    enum result result = record_files_open(&session->files, given ? arguments->operands : standard_input,
                                           given ? arguments->operands_count : 1, session->stream,
                                           session->invocation->log, false, error);
    if (result == RESULT_OK)
        result = brokers_await(&session->setup, BROKERS_TIMEOUT_MS, error);
    if (result == RESULT_OK)
        result = session->partitions_new > 0 ? create_topics(session, error) : see_topics(session, error);
    if (result == RESULT_OK)
        result = open_producer(session, error);
    if (result != RESULT_OK)
        return result;
    if (typed && session->partitions_new > 0)
        return RESULT_OK; /* the topics were all that was wanted */
    if (typed)
        log_write(session->invocation->log, LEVEL_INFO, "reading lines of JSON from the terminal, until Ctrl-D");
    return send_files(session, error);
}

static enum exit_status tell_outcome(const struct session *session) {
    struct produce_counts counts;
    char delivered[COUNT_TEXT_MAX], rejected[COUNT_TEXT_MAX];
    struct log *log = session->invocation->log;
    produce_count(session->producer, &counts);
    log_write(log, LEVEL_INFO, "%s records delivered, %s rejected, in %.1f s", count_text(counts.delivered, delivered),
              count_text(session->files.rejected, rejected), progress_seconds(&session->files.progress));
    if (session->unwanted > 0)
        log_write(log, LEVEL_WARNING, "%llu records were not sent: their streams are switched off",
                  (unsigned long long)session->unwanted);
    if (counts.failed > 0) {
        log_write(log, LEVEL_ERROR, "%llu records were not delivered, the first because: %s",
                  (unsigned long long)counts.failed, counts.failure.text);
        return EXIT_FAILED;
    }
    return session->files.rejected > 0 ? EXIT_REJECTED : EXIT_GOOD;
}

static enum exit_status run(const struct invocation *invocation) {
    struct session session = {.invocation = invocation};
    struct error error;
    enum exit_status status = EXIT_USAGE;
    bool usable = setup_read(invocation, &session.setup) == RESULT_OK;
    findings_log(&session.setup.findings, invocation->log);
    if (usable && read_arguments(&session, &error) != RESULT_OK) {
        log_write(invocation->log, LEVEL_ERROR, "%s", error.text);
        usable = false;
    }
    enum result result = usable ? produce_all(&session, &error) : RESULT_REJECT;
    if (usable && result != RESULT_OK)
        setup_log_failure(&session.setup, result, &error);
    if (usable)
        status = result == RESULT_OK ? tell_outcome(&session) : EXIT_FAILED;
    if (session.producer != NULL)
        produce_close(session.producer);
    record_files_close(&session.files);
    schemas_close(&session.schemas);
    setup_free(&session.setup);
    return status;
}

static const struct flag flags[] = {
    {"stream", 's', "STREAM",
     .about = "The stream of lines that name none: account, usage, login, ticket, nps or custom."},
    {"create-topics", 0, "N",
     .about = "First creates the topics of all streams that are on and that do not exist, with so many partitions. "
              "They keep "
              "everything, also where a topic of your own would be compacted."},
    {0},
};

const struct command command_produce = {
    .name = "produce",
    .summary = "write events from files into the input topics",
    .operands = "[FILE...]",
    .operands_max = UINT32_MAX,
    .about = "Reads the same files as `replay` does (without one: standard input), and writes their records into the "
             "topics of "
             "their streams: encoded as the configuration says, keyed by the account's id, on the partition that "
             "`kafka.partitioner` gives, with `recorded_at`, or else the event's own time, as the record's time (now, "
             "where that "
             "lies in the future).\n\n"
             "A record that is not valid is reported on standard error as `FILE:LINE: reason`, and skipped; the exit "
             "status is "
             "then 3, at the end.",
    .flags = flags,
    .configured = true,
    .examples = "bellwether produce --create-topics 12 events.jsonl.gz\n"
                "bellwether produce -c bellwether.yaml --stream login logins.jsonl\n"
                "BELLWETHER_KAFKA_BROKERS=localhost:9092 bellwether produce <events.jsonl",
    .run = run,
};
