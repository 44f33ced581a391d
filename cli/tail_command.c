#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/json.h"
#include "cli/brokers.h"
#include "cli/change_line.h"
#include "cli/change_reader.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/letter.h"
#include "cli/printer.h"
#include "cli/setup.h"
#include "cli/topic_reader.h"
#include "cli/topic_value.h"

#define BROKERS_TIMEOUT_MS 30000
#define FOLLOW_SLICE_MS    500
#define SCHEMA_TIMEOUT_MS  30000 /* with --exit; else as long as it takes */
#define SCHEMA_SLICE_MS    100

enum topic_kind { TOPIC_CHANGES, TOPIC_DEAD_LETTERS, TOPIC_OTHER };

/* A run of the command. */
struct session {
    const struct invocation *invocation;
    struct setup setup;
    struct value_reader values;
    struct topic_reader *reader;
    struct printer printer;
    enum topic_kind kind;
    const char *topic;            /* its name */
    const char *record;           /* the schema of its values; NULL: not known */
    enum stream stream;           /* STREAMS: the topic is no input */
    struct text account, segment; /* missing: all */
    bool json, full, colour;
    bool until_end;
    bool waits; /* for a schema, and has said so */
    uint64_t unreadable;
};

/* ---- which topic */

/* A topic by the name that it has in the configuration (`dead-letters`, `login`), or by its own. */
static void choose_topic(struct session *session, const char *given) {
    const char *const *outputs = session->setup.outputs;
    static const struct {
        const char *name;
        enum output output;
        enum topic_kind kind;
        const char *record;
    } known[] = {
        {"segment-changes", OUTPUT_CHANGES, TOPIC_CHANGES, "SegmentChange"},
        {"account-status", OUTPUT_STATUSES, TOPIC_OTHER, "AccountStatus"},
        {"dead-letters", OUTPUT_DEAD_LETTERS, TOPIC_DEAD_LETTERS, NULL},
    };
    session->topic = given;
    session->kind = TOPIC_OTHER;
    session->stream = STREAMS;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(given, known[i].name) != 0 && strcmp(given, outputs[known[i].output]) != 0)
            continue;
        session->topic = outputs[known[i].output];
        session->kind = known[i].kind;
        session->record = known[i].record;
    }
    for (int i = 0; i < STREAMS; i++) {
        const char *topic = session->setup.configuration.streams.topics[i].data;
        if (strcmp(given, topic) != 0 && !text_equals(stream_schemas[i].name, given))
            continue;
        session->topic = topic;
        session->record = stream_schemas[i].record.data;
        session->stream = (enum stream)i;
    }
}

/* ---- what to show */

/* By the key, which is the account's id: what is another account's need not be decoded. */
static bool is_of_account(const struct session *session, const rd_kafka_message_t *message) {
    struct text key = {message->key, (uint32_t)message->key_len};
    return text_is_missing(session->account) || text_equal(session->account, key);
}

static void show_change(struct session *session, const struct published_change *published) {
    struct buffer *out = &session->printer.buffer;
    if (!text_is_missing(session->segment) && !text_equal(session->segment, published->change.subject))
        return;
    if (session->json)
        change_write_json(&published->change, session->full ? &published->origin : NULL, out);
    else
        change_write_line(&published->change, session->colour, out);
    buffer_put_string(out, "\n");
}

/* A record of an input as `replay` reads it: the stream before its fields, or an erasure. */
static json_t *as_input(const struct session *session, const rd_kafka_message_t *message, const json_t *tree) {
    char time[INSTANT_TEXT_MAX];
    json_t *input = json_object();
    (void)json_object_set_new(input, "stream", json_string(stream_schemas[session->stream].name.data));
    if (tree != NULL) {
        (void)json_object_update(input,
                                 (json_t *)(uintptr_t)tree); /* takes a reference to each value, changes nothing */
        return input;
    }
    instant_format(rd_kafka_message_timestamp(message, NULL), time);
    (void)json_object_set_new(input, "account_id", json_stringn(message->key, message->key_len));
    (void)json_object_set_new(input, "updated_at", json_string(time));
    (void)json_object_set_new(input, "deleted", json_true());
    return input;
}

/* `2026-11-01T10:00:00.000Z  3@17  acme  ` and what the value says. */
static void show_other(struct session *session, const rd_kafka_message_t *message, const json_t *tree) {
    struct buffer *out = &session->printer.buffer;
    struct text key = {message->key, (uint32_t)message->key_len};
    char time[INSTANT_TEXT_MAX];
    if (!session->json) {
        instant_format(rd_kafka_message_timestamp(message, NULL), time);
        buffer_printf(out, "%s  %d@%lld  ", time, message->partition, (long long)message->offset);
        line_put_text(out, key);
        buffer_put_string(out, "  ");
    }
    json_t *input = session->json && session->stream < STREAMS ? as_input(session, message, tree) : NULL;
    if (input != NULL)
        tree_write(input, out);
    else if (tree != NULL)
        tree_write(tree, out);
    else
        buffer_put_string(out, "null");
    json_decref(input);
    buffer_put_string(out, "\n");
}

static void tell_unreadable(struct session *session, const rd_kafka_message_t *message, const char *reason) {
    session->unreadable++;
    log_write(session->invocation->log, LEVEL_WARNING, "%s/%d@%lld: %s", session->topic, message->partition,
              (long long)message->offset, reason);
}

/* A registry that is away is waited for: a record that can be read later must not be left out. RETRY: the reader of our
 * output has gone meanwhile. */
static enum result read_value(struct session *session, struct text value, json_t **ret_tree, struct error *error) {
    int64_t until_ms = clock_monotonic_ms() + SCHEMA_TIMEOUT_MS;
    for (;;) {
        enum result result = value_read(&session->values, value, session->record, ret_tree, error);
        if (result != RESULT_RETRY) {
            session->waits = false;
            return result;
        }
        if (!session->waits)
            log_write(session->invocation->log, LEVEL_WARNING, "waiting: %s", error->text);
        session->waits = true;
        if (session->until_end && clock_monotonic_ms() > until_ms)
            return error_set(error, RESULT_FATAL, "%s", error->text);
        printer_flush(&session->printer);
        if (session->printer.closed)
            return RESULT_RETRY;
        poll(NULL, 0, SCHEMA_SLICE_MS);
    }
}

static enum result show_value(struct session *session, const rd_kafka_message_t *message, struct error *error) {
    struct text value = {message->payload, (uint32_t)message->len};
    struct published_change published;
    json_t *tree = NULL;
    if (message->payload == NULL) {
        if (session->kind == TOPIC_OTHER)
            show_other(session, message, NULL);
        return RESULT_OK;
    }
    enum result result = read_value(session, value, &tree, error);
    if (result == RESULT_OK && session->kind == TOPIC_CHANGES)
        result = change_read(tree, &published, error);
    if (result == RESULT_REJECT)
        tell_unreadable(session, message, error->text);
    else if (result == RESULT_OK && session->kind == TOPIC_CHANGES)
        show_change(session, &published);
    else if (result == RESULT_OK)
        show_other(session, message, tree);
    json_decref(tree);
    return result == RESULT_FATAL ? RESULT_FATAL : RESULT_OK;
}

static void show_letter(struct session *session, const rd_kafka_message_t *message) {
    struct letter letter;
    letter_read(message, &letter);
    if (session->json)
        letter_write_json(&letter, session->full, &session->printer.buffer);
    else
        letter_write_line(&letter, session->colour, &session->printer.buffer);
    buffer_put_string(&session->printer.buffer, "\n");
}

static enum result show(struct session *session, const rd_kafka_message_t *message, struct error *error) {
    enum result result = RESULT_OK;
    if (!is_of_account(session, message))
        return RESULT_OK;
    if (session->kind == TOPIC_DEAD_LETTERS)
        show_letter(session, message);
    else
        result = show_value(session, message, error);
    printer_end_line(&session->printer);
    return result;
}

/* ---- the command */

static enum result read_arguments(struct session *session, struct topic_reader_options *reader_options,
                                  struct error *error) {
    const struct arguments *arguments = session->invocation->arguments;
    const char *topic = arguments_value(arguments, "topic"), *since = arguments_value(arguments, "since");
    const char *format = arguments_value(arguments, "output");
    bool from_beginning = arguments_has(arguments, "from-beginning");
    session->account = text_of(arguments_value(arguments, "account"));
    session->segment = text_of(arguments_value(arguments, "segment"));
    session->full = arguments_has(arguments, "full");
    session->json = format != NULL && strcmp(format, "json") == 0;
    choose_topic(session, topic == NULL ? "segment-changes" : topic);
    reader_options->start = from_beginning ? READ_FROM_BEGINNING : READ_FROM_END;
    reader_options->until_end = session->until_end = arguments_has(arguments, "exit");
    if (format != NULL && !session->json && strcmp(format, "text") != 0)
        return error_set(error, RESULT_REJECT, "--output: `%s` is neither `text` nor `json`", format);
    if (from_beginning && since != NULL)
        return error_set(error, RESULT_REJECT, "--from-beginning and --since say two things: give one of them");
    if (reader_options->until_end && !from_beginning && since == NULL)
        return error_set(error, RESULT_REJECT, "--exit ends at the present end: give --from-beginning or --since too");
    if (strcmp(session->topic, session->setup.outputs[OUTPUT_CHANGELOG]) == 0)
        return error_set(error, RESULT_REJECT,
                         "--topic: %s is the changelog, of which nothing can be read: its records have a form of their "
                         "own; what came of them is in segment-changes and account-status",
                         session->topic);
    if (!text_is_missing(session->segment) && session->kind != TOPIC_CHANGES)
        return error_set(error, RESULT_REJECT, "--segment is for changes only");
    return since == NULL ? RESULT_OK : topic_reader_since(reader_options, since, clock_wall_ms(), error);
}

static enum result follow(struct session *session, struct error *error) {
    rd_kafka_message_t *message;
    enum result result = RESULT_OK;
    while (result == RESULT_OK && !session->printer.closed) {
        switch (topic_reader_next(session->reader, FOLLOW_SLICE_MS, &message, error)) {
        case READER_RECORD:
            result = show(session, message, error);
            rd_kafka_message_destroy(message);
            break;
        case READER_NOTHING:
            printer_flush(&session->printer);
            break;
        case READER_END:
            return RESULT_OK;
        case READER_FAILED:
            return RESULT_FATAL;
        }
    }
    return result;
}

static enum result tail_all(struct session *session, const struct topic_reader_options *reader_options,
                            struct error *error) {
    enum result result = value_reader_open(&session->values, &session->setup, error);
    if (result == RESULT_OK)
        result = brokers_await(&session->setup, BROKERS_TIMEOUT_MS, error);
    if (result == RESULT_OK)
        result = topic_reader_open(reader_options, BROKERS_TIMEOUT_MS, &session->reader, error);
    printer_open(&session->printer, STDOUT_FILENO);
    session->colour = printer_has_colour(STDOUT_FILENO, session->invocation->environment);
    if (result == RESULT_OK && !reader_options->until_end && isatty(STDERR_FILENO) == 1)
        log_write(session->invocation->log, LEVEL_INFO, "following %s, until Ctrl-C", session->topic);
    if (result == RESULT_OK)
        result = follow(session, error);
    struct error close_error;
    if (printer_close(&session->printer, &close_error) != RESULT_OK && result == RESULT_OK) {
        *error = close_error;
        result = RESULT_FATAL;
    }
    return result;
}

static enum exit_status run_session(struct session *session) {
    struct error error;
    struct topic_reader_options reader_options = {
        .properties = session->setup.properties,
        .group = session->setup.configuration.kafka.group.data,
        .logger = &session->setup.logger,
    };
    if (read_arguments(session, &reader_options, &error) != RESULT_OK) {
        log_write(session->invocation->log, LEVEL_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }
    reader_options.topics[reader_options.topics_count++] = session->topic;
    enum result result = tail_all(session, &reader_options, &error);
    if (result != RESULT_OK) {
        setup_log_failure(&session->setup, result, &error);
        return EXIT_FAILED;
    }
    return session->unreadable > 0 ? EXIT_REJECTED : EXIT_GOOD;
}

static enum exit_status run(const struct invocation *invocation) {
    struct session session = {.invocation = invocation};
    enum exit_status status = EXIT_USAGE;
    bool usable = setup_read(invocation, &session.setup) == RESULT_OK;
    findings_log(&session.setup.findings, invocation->log);
    if (usable)
        status = run_session(&session);
    topic_reader_close(session.reader);
    value_reader_close(&session.values);
    setup_free(&session.setup);
    return status;
}

static const struct flag flags[] = {
    {"topic", 't', "TOPIC",
     .about =
         "What to follow: `segment-changes` (the default), `account-status`, `dead-letters`, a stream such as `login`, "
         "or any topic by its name."},
    {"account", 'a', "ID", .about = "Only this account's."},
    {"segment", 0, "NAME", .about = "Only changes of this segment or dimension."},
    {"from-beginning", 0, NULL,
     .about = "Starts at the beginning of the topic; without this, and without --since, at its end."},
    {"since", 0, "WHEN", .about = "Starts at what was published then: `2h` is two hours ago, or an instant."},
    {"exit", 'e', NULL, .about = "Ends at the topic's present end, instead of waiting for more."},
    {"output", 'o', "FORMAT",
     .about =
         "`text`, a readable line each, or `json`: changes exactly as `replay` prints them, inputs as it reads them."},
    {"full", 'f', NULL,
     .about = "With JSON: also when a change was decided, and where the record lies that caused it; of a dead letter "
              "also its "
              "value."},
    {0},
};

const struct command command_tail = {
    .name = "tail",
    .summary = "follow changes, dead letters or any topic, decoded",
    .about = "Follows a topic and prints its records, decoded: each change on a readable line, or as JSON. Only what "
             "is committed "
             "is read. The records of the partitions are merged by the time of their publication.\n\n"
             "A record that cannot be decoded is reported on standard error with its partition and offset, and "
             "skipped; the exit "
             "status is then 3, at the end. A schema registry that is away is waited for, with --exit for 30 seconds.",
    .flags = flags,
    .configured = true,
    .examples = "bellwether tail --since 2h\n"
                "bellwether tail --account acme --from-beginning --exit\n"
                "bellwether tail --from-beginning --exit -o json >changes.jsonl\n"
                "bellwether tail --topic dead-letters\n"
                "bellwether tail --topic login --from-beginning --exit -o json >logins.jsonl",
    .run = run,
};
