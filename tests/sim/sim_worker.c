#include "tests/sim/sim_worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producer/change_json.h"
#include "tests/sim/sim_memory.h"

/* ---- what becomes of a call */

static void tell(struct sim_worker *worker, const char *what, int64_t one, const char *detail) {
    if (worker->story != NULL)
        sim_story_add(worker->story, worker->kafka->monotonic_ms, worker->process, what, one, -1, detail);
}

enum answer sim_failed(struct error *error, const char *why) {
    error_set(error, RESULT_RETRY, "%s", why);
    return ANSWER_FAILED;
}

static enum answer dead(struct error *error) {
    error_set(error, RESULT_FATAL, "The process was killed.");
    return ANSWER_FATAL;
}

struct sim_fate sim_call(struct sim_worker *worker, const char *what, int64_t one, int timeout_ms,
                         struct error *error) {
    struct sim_trouble *trouble = &worker->trouble;
    struct sim_fate fate = {ANSWER_OK, ANSWER_OK};
    worker->effects++;
    if (worker->faults.dead_after > 0 && --worker->faults.dead_after == 0)
        worker->dead = true;
    if (worker->dead) {
        fate.before = dead(error);
        return fate;
    }
    if (trouble->chance == NULL)
        return fate;
    if (sim_one_in(trouble->chance, trouble->dead)) {
        bool does = sim_one_in(trouble->chance, 2);
        tell(worker, does ? "is killed after" : "is killed before", one, what);
        worker->dead = true;
        *(does ? &fate.after : &fate.before) = dead(error);
    } else if (sim_one_in(trouble->chance, trouble->pending)) {
        tell(worker, "does not answer yet", one, what);
        sim_kafka_pass(worker->kafka, timeout_ms);
        fate.before = ANSWER_PENDING;
    } else if (sim_one_in(trouble->chance, trouble->failed)) {
        tell(worker, "fails", one, what);
        fate.before = sim_failed(error, "The simulator let it fail.");
    } else {
        tell(worker, what, one, NULL);
        if (sim_one_in(trouble->chance, trouble->failed_done))
            fate.after = ANSWER_FAILED;
    }
    if (sim_one_in(trouble->chance, trouble->library_error))
        worker->troubles++;
    return fate;
}

struct sim_fate sim_ask(struct sim_worker *worker, const char *what, int64_t one, int timeout_ms, struct error *error) {
    int64_t latency_ms = worker->faults.latency_ms;
    bool in_time = latency_ms <= timeout_ms;
    if (latency_ms > 0)
        sim_kafka_pass(worker->kafka, in_time ? latency_ms : timeout_ms);
    return in_time ? sim_call(worker, what, one, timeout_ms, error) : (struct sim_fate){.before = ANSWER_PENDING};
}

enum answer sim_done(struct sim_worker *worker, struct sim_fate fate, struct error *error) {
    if (fate.after == ANSWER_FAILED) {
        tell(worker, "its answer is lost", -1, NULL);
        return sim_failed(error, "The answer was lost.");
    }
    return fate.after == ANSWER_FATAL ? dead(error) : ANSWER_OK;
}

/* ---- decoder and encoder: the process' own code */

static enum result decode(void *context, const struct message *message, struct event *ret_event,
                          struct rejection *ret_rejection, struct error *error) {
    struct sim_worker *worker = context;
    struct file_record record;
    ret_rejection->reason = REJECTION_UNDECODABLE;
    json_lines_clear(worker->lines);
    if (text_is_missing(message->value) && message->stream != STREAM_ACCOUNT)
        return error_set(&ret_rejection->detail, RESULT_REJECT, "The record has no value.");
    if (text_is_missing(message->value)) {
        *ret_event = (struct event){
            .stream = STREAM_ACCOUNT, .tombstone = true, .account_id = message->key, .time_ms = message->timestamp_ms};
    } else {
        enum result result = json_lines_read(worker->lines, message->value, message->stream, &record, error);
        if (result != RESULT_OK) {
            ret_rejection->detail = *error;
            return result;
        }
        *ret_event = record.event;
    }
    ret_event->place = (struct place){message->partition, message->offset, message->timestamp_ms};
    return RESULT_OK;
}

static enum result add(struct sim_worker *worker, enum output output, struct text key, struct batch *batch,
                       struct error *error) {
    if (!buffer_ok(&worker->scratch))
        return error_set(error, RESULT_FATAL, "Memory is out: a record could not be encoded.");
    struct record record = {
        .output = output, .partition = PARTITION_BY_KEY, .key = key, .value = buffer_text(&worker->scratch)};
    return batch_add(batch, &record, error);
}

static enum result encode_change(void *context, const struct change *change, int64_t decided_at_ms, struct batch *batch,
                                 struct error *error) {
    struct sim_worker *worker = context;
    (void)decided_at_ms;
    buffer_clear(&worker->scratch);
    change_write_json(change, NULL, &worker->scratch);
    return add(worker, OUTPUT_CHANGES, change->account_id, batch, error);
}

static enum result encode_status(void *context, const struct status *status, struct batch *batch, struct error *error) {
    struct sim_worker *worker = context;
    struct record tombstone = {
        .output = OUTPUT_STATUSES, .partition = PARTITION_BY_KEY, .key = status->account_id, .value = TEXT_MISSING};
    if (status->erased)
        return batch_add(batch, &tombstone, error);
    buffer_clear(&worker->scratch);
    status_write_json(status, &worker->scratch);
    return add(worker, OUTPUT_STATUSES, status->account_id, batch, error);
}

static enum result encode_dead_letter(void *context, const struct dead_letter *letter, struct batch *batch,
                                      struct error *error) {
    struct sim_worker *worker = context;
    const struct message *message = letter->message;
    if (worker->spectator.rejected != NULL) {
        SIM_OUTSIDE;
        worker->spectator.rejected(worker->spectator.context, worker->process, message);
    }
    buffer_clear(&worker->scratch);
    buffer_put_text(&worker->scratch, rejection_definitions[letter->rejection->reason].name);
    buffer_printf(&worker->scratch, " %d %d %lld", (int)message->stream, message->partition,
                  (long long)message->offset);
    return add(worker, OUTPUT_DEAD_LETTERS, message->key, batch, error);
}

/* ---- clock, chance, log */

static int64_t wall_ms(void *context) {
    return ((struct sim_worker *)context)->kafka->wall_ms;
}

static int64_t monotonic_ms(void *context) {
    return ((struct sim_worker *)context)->kafka->monotonic_ms;
}

static void fill(void *context, void *data, size_t size) {
    struct sim_worker *worker = context;
    for (size_t i = 0; i < size; i++) {
        worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)data)[i] = (uint8_t)(worker->random >> 56);
    }
}

static void write_log(void *context, enum log_level level, const char *message) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    if (level <= LEVEL_WARNING)
        snprintf(worker->last_log, sizeof worker->last_log, "%s", message);
    if (level <= LEVEL_INFO)
        tell(worker, "says", -1, message);
    if (worker->verbose)
        fprintf(stderr, "[%d %8lld] %s\n", worker->number, (long long)worker->kafka->monotonic_ms, message);
}

/* ---- the store's connection */

/* A request leaves the process, unless it dies before. */
static bool sends(void *context) {
    struct sim_worker *worker = context;
    struct sim_trouble *trouble = &worker->trouble;
    worker->effects++;
    if (worker->faults.dead_after > 0 && --worker->faults.dead_after == 0)
        worker->dead = true;
    if (worker->dead || trouble->chance == NULL || !sim_one_in(trouble->chance, trouble->dead))
        return !worker->dead;
    bool does = sim_one_in(trouble->chance, 2);
    tell(worker, does ? "is killed after" : "is killed before", -1, "asks the store");
    worker->dead = true;
    return does;
}

static bool is_dead(void *context) {
    return ((struct sim_worker *)context)->dead;
}

static void pass(void *context, int64_t duration_ms) {
    sim_kafka_pass(((struct sim_worker *)context)->kafka, duration_ms);
}

static void connect_to(struct sim_worker *worker, struct sim_redis *server) {
    sim_connection_init(&worker->connection, server, &worker->clock);
    worker->connection.client.context = worker;
    worker->connection.client.sends = sends;
    worker->connection.client.is_dead = is_dead;
    worker->connection.client.pass = pass;
    worker->store = sim_connection_port(&worker->connection);
}

void sim_worker_init(struct sim_worker *worker, struct sim_kafka *kafka, struct sim_redis *server, int number) {
    struct error error;
    *worker = (struct sim_worker){.kafka = kafka, .server = server, .number = number, .process = number};
    worker->random = (uint64_t)number * 7919 + kafka->transactions_count + 1;
    worker->verbose = getenv("SIM_VERBOSE") != NULL;
    enum result result = json_lines_create(&worker->lines, &error);
    assert(result == RESULT_OK);
    sim_source_init(worker);
    sim_sink_init(worker);
    worker->decoder = (struct decoder){worker, decode};
    worker->encoder = (struct encoder){worker, encode_change, encode_status, encode_dead_letter};
    worker->clock = (struct clock){worker, wall_ms, monotonic_ms};
    connect_to(worker, server);
    worker->chance = (struct chance){worker, fill};
    worker->logger = (struct logger){worker, write_log};
    worker->ports = (struct pipeline_ports){&worker->source, &worker->decoder,   &worker->encoder,
                                            &worker->sink,   &worker->changelog, &worker->store,
                                            &worker->clock,  &worker->chance,    &worker->logger};
}

void sim_worker_free(struct sim_worker *worker) {
    sim_connection_free(&worker->connection);
    json_lines_free(worker->lines);
    buffer_free(&worker->scratch);
}
