#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/publishing.h"
#include "cli/rejection_log.h"
#include "cli/rules_file.h"
#include "producer/topics.h"

#define BROKERS_TIMEOUT_MS 5000 /* of one attempt: between two of them signals are looked at */
#define WATCH_EVERY_MS     200
#define TELL_WAITING_MS    30000
#define STOP_TIMEOUT_MS    120000

/* One reading of the rules file. The program of every reading lives as long as the process: a worker may still use it.
 */
struct rules_reading {
    struct rules_reading *before;
    struct arena arena;
    const struct program *program;
};

/* The process. */
struct session {
    const struct invocation *invocation;
    struct log *log;
    struct setup setup;
    struct schemas schemas;
    struct rules_reading *rules; /* the newest */
    struct daemon daemon;
    struct http_server *http;
    struct topics_report topics;
    struct rejection_log rejections;
    sigset_t signals;
    bool stopping;
    int64_t stop_before_ms;
};

/* ---- rules */

/* Reads and checks the rules; where they are wrong what there was stays in force. */
static enum result read_rules(struct session *session) {
    struct rules_reading *reading = calloc(1, sizeof *reading);
    struct findings findings = {.count = 0};
    if (reading == NULL)
        return RESULT_FATAL;
    findings.arena = &reading->arena;
    enum result result = rules_file_read(session->setup.configuration.rules.file.data, &reading->arena,
                                         &reading->program, &findings);
    if (result == RESULT_OK)
        rules_file_check_streams(reading->program, session->setup.topics, &findings);
    findings_log(&findings, session->log);
    if (result != RESULT_OK) {
        arena_free(&reading->arena);
        free(reading);
        return result;
    }
    reading->before = session->rules;
    session->rules = reading;
    return RESULT_OK;
}

static void free_rules(struct session *session) {
    for (struct rules_reading *reading = session->rules, *before; reading != NULL; reading = before) {
        before = reading->before;
        arena_free(&reading->arena);
        free(reading);
    }
}

static void reload_rules(struct session *session) {
    const struct program *former = session->rules->program;
    if (read_rules(session) != RESULT_OK) {
        log_write(session->log, LEVEL_ERROR, "the rules were not taken on: those of ruleset %.*s stay in force",
                  TEXT_ARGUMENTS(former->ruleset));
        return;
    }
    const struct program *program = session->rules->program;
    log_write(session->log, LEVEL_INFO, "the rules were read again: ruleset %.*s%s", TEXT_ARGUMENTS(program->ruleset),
              program->hash == former->hash ? ", in which nothing that matters differs" : "");
    daemon_reload(&session->daemon, program);
}

/* ---- signals */

/* Those that this process answers are taken by sigtimedwait on the first thread, and by nobody else. */
static void block_signals(sigset_t *ret_signals) {
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    sigaddset(ret_signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
}

static void begin_stop(struct session *session, const char *why) {
    if (session->stopping)
        return;
    log_write(session->log, LEVEL_INFO, "stopping: %s", why);
    session->stopping = true;
    session->stop_before_ms = clock_monotonic_ms() + STOP_TIMEOUT_MS;
    daemon_stop(&session->daemon);
}

/* Waits for a signal up to `timeout_ms`, and does what it asks. */
static void answer_signals(struct session *session, int timeout_ms) {
    struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
    int number = sigtimedwait(&session->signals, NULL, &timeout);
    if (number == SIGHUP && session->rules != NULL && !session->stopping)
        reload_rules(session);
    else if (number == SIGTERM)
        begin_stop(session, "SIGTERM");
    else if (number == SIGINT)
        begin_stop(session, "SIGINT");
}

/* ---- before the workers start */

/* Asks again until `attempt` has an answer that is not RETRY, or the process is to stop. What is waited for is told at
 * first, and then now and then. */
static enum result persist(struct session *session,
                           enum result (*attempt)(struct session *session, struct error *error), const char *what,
                           struct error *error) {
    int64_t tell_ms = 0;
    while (!session->stopping) {
        enum result result = attempt(session, error);
        if (result != RESULT_RETRY)
            return result;
        if (clock_monotonic_ms() >= tell_ms) {
            log_write(session->log, LEVEL_WARNING, "waiting for %s: %s", what, error->text);
            tell_ms = clock_monotonic_ms() + TELL_WAITING_MS;
        }
        answer_signals(session, 1000);
    }
    return RESULT_RETRY;
}

static enum result prepare_topics(struct session *session, struct error *error) {
    struct topics_plan plan = {
        .create_outputs = session->setup.configuration.kafka.create_topics,
        .value_bytes_max = client_value_bytes_max(session->setup.configuration.limits.account_bytes),
    };
    struct topics *topics;
    memcpy(plan.inputs, session->setup.topics, sizeof plan.inputs);
    memcpy(plan.outputs, session->setup.outputs, sizeof plan.outputs);
    enum result result = topics_open(&session->setup.properties, NULL, &topics, error);
    if (result != RESULT_OK)
        return result;
    result = topics_prepare(topics, &plan, &session->topics, BROKERS_TIMEOUT_MS, error);
    topics_close(topics);
    return result;
}

/* Whether it has been told what is wrong with them, by tell_topics. */
static bool topics_are_refused(const struct session *session) {
    for (uint32_t i = 0; i < session->topics.findings_count; i++)
        if (!session->topics.findings[i].is_warning)
            return true;
    return false;
}

/* What is wrong with the topics, all of it; the last error is the first finding and need not be told again. */
static void tell_topics(const struct session *session, bool usable) {
    for (uint32_t i = 0; i < session->topics.findings_count; i++) {
        const struct topic_finding *finding = &session->topics.findings[i];
        if (!finding->is_warning || usable)
            log_write(session->log, finding->is_warning ? LEVEL_WARNING : LEVEL_ERROR, "%s", finding->error.text);
    }
}

static enum result find_framings(struct session *session, struct error *error) {
    return publishing_output_framings(&session->setup, &session->schemas, &session->daemon.composition.changes,
                                      &session->daemon.composition.statuses, error);
}

static enum result start_http(struct session *session, struct error *error) {
    const struct address *address = &session->setup.configuration.http;
    struct http_server_options server_options = {
        .host = address->host,
        .port = address->port,
        .routes = status_routes,
        .routes_count = status_routes_count,
        .context = &session->daemon.view,
    };
    session->daemon.view.started_ms = clock_wall_ms();
    session->daemon.view.wall_ms = clock_wall_ms;
    if (text_is_missing(address->host))
        return RESULT_OK;
    enum result result = http_server_start(&server_options, &session->http, error);
    if (result == RESULT_OK)
        log_write(session->log, LEVEL_INFO, "serving /metrics and /health at http://%.*s:%u",
                  TEXT_ARGUMENTS(address->host), http_server_port(session->http));
    return result;
}

static enum result start_workers(struct session *session, struct error *error) {
    const struct configuration *configuration = &session->setup.configuration;
    struct composition *composition = &session->daemon.composition;
    composition->setup = &session->setup;
    composition->schemas = &session->schemas;
    composition->cluster_id = session->topics.cluster_id;
    composition->partitions = session->topics.partitions;
    composition->until_end = arguments_has(session->invocation->arguments, "until-end");
    composition->clock = clock_port();
    session->daemon.program = session->rules->program;
    enum result result = daemon_start(&session->daemon, (uint32_t)configuration->workers, error);
    if (result == RESULT_OK)
        log_write(session->log, LEVEL_INFO,
                  "started: group %.*s, instance %.*s, %" PRId64 " workers, %" PRId32 " partitions, ruleset %.*s",
                  TEXT_ARGUMENTS(configuration->kafka.group), TEXT_ARGUMENTS(configuration->kafka.instance_id),
                  configuration->workers, session->topics.partitions, TEXT_ARGUMENTS(session->rules->program->ruleset));
    return result;
}

/* ---- the life of the process */

/* RESULT_REJECT: the configuration or the rules are wrong, and that has been logged. */
static enum result read_all(struct session *session, struct error *error) {
    bool usable = setup_read(session->invocation, &session->setup) == RESULT_OK;
    findings_log(&session->setup.findings, session->log);
    if (!usable)
        return RESULT_REJECT;
    if (text_is_missing(session->setup.configuration.rules.file)) {
        log_write(session->log, LEVEL_ERROR, "no rules are named: write `rules: FILE`, or set BELLWETHER_RULES");
        return RESULT_REJECT;
    }
    if (read_rules(session) != RESULT_OK)
        return RESULT_REJECT;
    return schemas_open(&session->schemas, &session->setup, error);
}

static enum result start(struct session *session, struct error *error) {
    enum result result = start_http(session, error);
    if (result == RESULT_OK)
        result = persist(session, prepare_topics, "Kafka", error);
    if (result == RESULT_OK || result == RESULT_REJECT)
        tell_topics(session, result == RESULT_OK);
    if (result == RESULT_OK)
        result = persist(session, find_framings, "the schema registry", error);
    return result != RESULT_OK ? result : start_workers(session, error);
}

/* Until every worker has ended, of itself or because it was asked to. */
static enum exit_status watch(struct session *session) {
    const struct worker *failed = NULL;
    while (daemon_working(&session->daemon) > 0) {
        answer_signals(session, WATCH_EVERY_MS);
        rejection_log_look(&session->rejections, &session->daemon.view, clock_monotonic_ms(), &session->setup.logger);
        const struct worker *first = failed == NULL ? daemon_failed(&session->daemon) : NULL;
        if (first != NULL) {
            failed = first;
            log_write(session->log, LEVEL_ERROR, "%s", failed->error.text);
            begin_stop(session, "a worker has failed");
        }
        if (session->stopping && clock_monotonic_ms() >= session->stop_before_ms) {
            log_write(session->log, LEVEL_ERROR,
                      "the workers did not stop within two minutes: the process ends as if it had "
                      "been killed, and nothing is lost by that");
            _exit(EXIT_FAILED);
        }
    }
    if (failed == NULL && daemon_failed(&session->daemon) != NULL) {
        failed = daemon_failed(&session->daemon);
        log_write(session->log, LEVEL_ERROR, "%s", failed->error.text);
    }
    return failed == NULL ? EXIT_GOOD : EXIT_FAILED;
}

static void tell_end(const struct session *session) {
    const struct status_view *view = &session->daemon.view;
    uint64_t records = 0, changes = 0, rejected = 0;
    for (uint32_t i = 0; i < STREAMS; i++)
        records += status_counter(view, COUNTER_RECORDS + i);
    for (uint32_t i = 0; i <= CHANGE_EXITED; i++)
        changes += status_counter(view, COUNTER_CHANGES + i);
    for (uint32_t i = 0; i < REJECTION_REASONS; i++)
        rejected += status_counter(view, COUNTER_REJECTED + i);
    log_write(session->log, LEVEL_INFO, "stopped: %" PRIu64 " records, %" PRIu64 " changes, %" PRIu64 " rejected",
              records, changes, rejected);
}

static enum exit_status run_all(struct session *session) {
    struct error error;
    enum result result = read_all(session, &error);
    if (result == RESULT_REJECT)
        return EXIT_USAGE;
    if (result == RESULT_OK)
        result = start(session, &error);
    if (result == RESULT_RETRY)
        return EXIT_GOOD; /* stopped while it waited */
    if (result != RESULT_OK) {
        if (!topics_are_refused(session))
            log_write(session->log, LEVEL_ERROR, "%s", error.text);
        return result == RESULT_REJECT ? EXIT_USAGE : EXIT_FAILED;
    }
    enum exit_status status = watch(session);
    tell_end(session);
    return status;
}

static enum exit_status run(const struct invocation *invocation) {
    struct session session = {.invocation = invocation, .log = invocation->log};
    block_signals(&session.signals);
    enum exit_status status = run_all(&session);
    http_server_stop(session.http);
    daemon_end(&session.daemon);
    schemas_close(&session.schemas);
    free_rules(&session);
    setup_free(&session.setup);
    return status;
}

static const struct flag flags[] = {
    {"until-end", 0, NULL,
     .about =
         "Stops, with everything committed, once what the topics held at the start is done: for backfills and tests. "
         "Time then only moves with the records."},
    {0},
};

const struct command command_run = {
    .name = "run",
    .summary = "the daemon: consume, evaluate, publish",
    .about =
        "Reads the input topics, keeps every account's state, evaluates the rules at each record and as time passes, "
        "and "
        "publishes each change once: changes, statuses, dead letters, state and offsets in one Kafka transaction per "
        "commit. Start as many processes as you like with the same group: they share the partitions.\n\n"
        "`SIGTERM` and `SIGINT`: takes no more records, commits what is decided, leaves the group, and ends. `SIGHUP`: "
        "reads "
        "the rules file again; if it is good it takes effect with the next records, else the former rules stay in "
        "force and "
        "the log says why.\n\n"
        "Where Kafka or Redis is away it waits, and says so. Logs go to standard error; `/metrics` and `/health` are "
        "served at "
        "the address of the option `http`.",
    .flags = flags,
    .configured = true,
    .daemon = true,
    .examples = "bellwether run -c bellwether.yaml\n"
                "bellwether run -c bellwether.yaml --until-end\n"
                "kill -HUP $(pidof bellwether)",
    .run = run,
};
