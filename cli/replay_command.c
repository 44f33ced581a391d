#include <unistd.h>

#include "base/instant.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/printer.h"
#include "cli/record_files.h"
#include "cli/rules_file.h"
#include "cli/setup.h"
#include "engine/replay.h"
#include "producer/change_json.h"

/* All that a run of the command is about. */
struct session {
    const struct invocation *invocation;
    struct arena arena;
    struct findings findings;
    struct replay *replay;
    struct record_files files;
    struct printer printer;
    int64_t until_ms; /* INSTANT_NONE: not given */
    int64_t wall_ms;  /* when the clock was looked at last */
    uint64_t changes;
};

static enum result write_changes(void *context, const struct change *changes, uint32_t count,
                                 const struct status *status, struct error *error) {
    struct session *session = context;
    (void)status;
    session->changes += count;
    for (uint32_t i = 0; i < count; i++) {
        change_write_json(&changes[i], NULL, &session->printer.buffer);
        buffer_put_string(&session->printer.buffer, "\n");
        if (!buffer_ok(&session->printer.buffer))
            return error_set(error, RESULT_FATAL, "memory is out");
        printer_end_line(&session->printer);
    }
    return RESULT_OK;
}

/* What records are refused for that lie too far in the future. Of one that lies in the past, the clock is not asked how
 * far. */
static int64_t reference_ms(struct session *session, const struct file_record *record) {
    if (record->has_recorded_at)
        return record->event.place.timestamp_ms;
    if (record->event.time_ms > session->wall_ms)
        session->wall_ms = clock_wall_ms();
    return session->wall_ms;
}

static enum result take_record(struct session *session, const struct file_record *record, struct error *error) {
    struct rejection rejection;
    enum result result = replay_record(session->replay, &record->event, reference_ms(session, record), &rejection,
                                       error);
    if (result != RESULT_REJECT)
        return result;
    record_files_reject(&session->files, rejection.detail.text);
    return RESULT_OK;
}

static enum result replay_files(struct session *session, struct error *error) {
    struct file_record record;
    bool end = false;
    while (!session->printer.closed) {
        enum result result = record_files_next(&session->files, &record, &end, error);
        if (end)
            break;
        if (result == RESULT_OK)
            result = take_record(session, &record, error);
        if (result != RESULT_OK)
            return result;
    }
    return session->until_ms == INSTANT_NONE ? RESULT_OK : replay_until(session->replay, session->until_ms, error);
}

/* The instant that a flag gives; `ret_instant_ms` is left alone where it is not given. */
static enum result instant_argument(const struct arguments *arguments, const char *name, int64_t *ret_instant_ms,
                                    struct error *error) {
    const char *value = arguments_value(arguments, name);
    if (value == NULL || instant_parse(text_of(value), ret_instant_ms))
        return RESULT_OK;
    return error_set(error, RESULT_REJECT, "--%s: `%s` is no instant, as in 2026-11-01T08:00:00Z", name, value);
}

/* RESULT_REJECT: the command line or the rules are wrong, and that has been logged. */
static enum result session_open(struct session *session, struct error *error) {
    const struct arguments *arguments = session->invocation->arguments;
    struct replay_options replay_options = {.live_from_ms = INSTANT_NONE};
    struct shard_output output = {session, write_changes};
    const struct program *program;
    if (instant_argument(arguments, "until", &session->until_ms, error) != RESULT_OK ||
        instant_argument(arguments, "live-from", &replay_options.live_from_ms, error) != RESULT_OK) {
        log_write(session->invocation->log, LEVEL_ERROR, "%s", error->text);
        return RESULT_REJECT;
    }
    enum result result = rules_file_read(arguments_value(arguments, "rules"), &session->arena, &program,
                                         &session->findings);
    findings_log(&session->findings, session->invocation->log);
    if (result != RESULT_OK)
        return RESULT_REJECT;
    return replay_create(program, &replay_options, &output, NULL, &session->replay, error);
}

static void tell_summary(const struct session *session) {
    char records[COUNT_TEXT_MAX], changes[COUNT_TEXT_MAX], rejected[COUNT_TEXT_MAX];
    if (session->files.progress.shown)
        log_write(session->invocation->log, LEVEL_INFO, "%s records, %s changes, %s rejected, in %.1f s",
                  count_text(session->files.records, records), count_text(session->changes, changes),
                  count_text(session->files.rejected, rejected), progress_seconds(&session->files.progress));
}

static enum exit_status replay_all(struct session *session, struct error *error) {
    const struct arguments *arguments = session->invocation->arguments;
    enum result result = session_open(session, error);
    if (result == RESULT_REJECT)
        return EXIT_USAGE;
    printer_open(&session->printer, STDOUT_FILENO);
    /* Where both are the same terminal, the bar would stand among the changes. */
    if (result == RESULT_OK)
        result = record_files_open(&session->files, arguments->operands, arguments->operands_count, STREAMS,
                                   session->invocation->log, session->printer.live, error);
    if (result == RESULT_OK)
        result = replay_files(session, error);
    record_files_close(&session->files);
    struct error close_error;
    if (printer_close(&session->printer, &close_error) != RESULT_OK && result == RESULT_OK) {
        result = RESULT_FATAL;
        *error = close_error;
    }
    if (result != RESULT_OK) {
        log_write(session->invocation->log, LEVEL_ERROR, "%s", error->text);
        return EXIT_FAILED;
    }
    tell_summary(session);
    return session->files.rejected > 0 ? EXIT_REJECTED : EXIT_GOOD;
}

static enum exit_status run(const struct invocation *invocation) {
    struct session session = {.invocation = invocation, .until_ms = INSTANT_NONE};
    struct error error;
    session.findings.arena = &session.arena;
    enum exit_status status = replay_all(&session, &error);
    replay_free(session.replay);
    arena_free(&session.arena);
    return status;
}

static const struct flag flags[] = {
    {"rules", 'r', "FILE", "The rules to replay with.", .environment = "BELLWETHER_RULES", .required = true},
    {"until", 'u', "INSTANT", .about = "At the end, lets time go on until then: who stays silent is noticed."},
    {"live-from", 'l', "INSTANT", .about = "Changes that are decided before are marked `BACKFILL`."},
    {0},
};

const struct command command_replay = {
    .name = "replay",
    .summary = "the same engine over files, with no servers",
    .operands = "FILE...",
    .operands_min = 1,
    .operands_max = UINT32_MAX,
    .about =
        "Evaluates rules over the records of files, as `run` would over the topics, and prints each change as a line "
        "of "
        "JSON, at once and in order. Needs no servers.\n\n"
        "A file holds JSON lines such as `{\"stream\": \"login\", \"account_id\": \"a\", ...}`, plain or compressed by "
        "gzip, "
        "or is an Avro container file; `-` is standard input. The order of the records is the order of their arrival: "
        "several files are read one after the other, so merge them by time first where that matters.\n\n"
        "A record that is not valid, or is dated in the future (later than its `recorded_at`, or else than now, by "
        "more "
        "than the rules tolerate), is reported on standard error as `FILE:LINE: reason`, and skipped; the exit status "
        "is "
        "then 3, at the end.",
    .flags = flags,
    .examples = "bellwether replay --rules rules.yaml events.jsonl.gz >changes.jsonl\n"
                "bellwether replay --rules rules.yaml --until 2026-11-01 events.jsonl\n"
                "zstdcat events.jsonl.zst | bellwether replay --rules rules.yaml -",
    .run = run,
};
