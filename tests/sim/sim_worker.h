/* A process' ports on the simulated Kafka and store: what consumer/, producer/ and store/ are in the daemon. Its
 * decoder reads JSON lines, its encoder writes what `replay` prints.
 *
 * Faults come from two sides: a test sets `faults`, each of which is used up by the next call that it is about; a seed
 * of the simulator gives `trouble`, by whose rates every call may fail, wait, or be done without saying so. */
#pragma once

#include "base/buffer.h"
#include "consumer/json_lines.h"
#include "engine/pipeline.h"
#include "tests/sim/sim_connection.h"
#include "tests/sim/sim_kafka.h"
#include "tests/sim/sim_story.h"

struct sim_faults {
    bool commit_unknown_done;   /* the next commit is done, and nobody says so */
    bool commit_unknown_undone; /* the next commit never arrives */
    bool flush_fails;           /* the next flush: not committed, for sure */
    int64_t commit_pending;     /* so many calls of commit do not answer */
    bool reports_lack_offsets;  /* delivery reports have no offsets, for good */
    int64_t latency_ms;         /* of the brokers' answers about offsets, for good */
    int64_t dead_after;         /* effects until the process is killed; 0: never */
};

/* How often what happens, once in so many calls; 0: never. */
struct sim_trouble {
    struct sim_chance *chance;
    uint32_t pending;       /* a call does not answer yet */
    uint32_t failed;        /* it fails, and nothing was done */
    uint32_t failed_done;   /* it fails, though it was done */
    uint32_t dead;          /* the process dies before the effect, or just after it */
    uint32_t end_lost;      /* EndTxn arrives later, or never */
    uint32_t end_repeated;  /* a copy of EndTxn arrives later */
    uint32_t report_lost;   /* a delivery report lacks its offset */
    uint32_t library_error; /* the library has an error to report, and all goes on */
    uint32_t deaf;          /* the group's news take some polls to come */
    uint32_t hidden;        /* a fetch gives nothing, or not all, though there is more */
    uint32_t late_ms_max;   /* how late a request may arrive */
};

/* An EndTxn that the client waits for. */
struct sim_end_request {
    bool sent;
    bool failed;       /* the answer is that nobody knows */
    int64_t answer_ms; /* when the answer comes; INT64_MAX: never */
    enum sim_answer answer;
};

/* Who looks on: is told what the pipeline does, to compare it with what it should do. All may be NULL. */
struct sim_spectator {
    void *context;
    /* All shards' memory is gone, or given up. */
    void (*dropped)(void *context, int process);
    /* A transaction is open at the broker: the note that it carries to its end. */
    void *(*begun)(void *context, int process);
    void (*known)(void *context, int process);
    /* A record becomes a dead letter. */
    void (*rejected)(void *context, int process, const struct message *message);
};

struct sim_worker {
    struct sim_kafka *kafka;
    struct sim_redis *server;
    int number;  /* the instance: name of the member, transactional id */
    int process; /* differs where two processes have one name */
    struct sim_faults faults;
    struct sim_trouble trouble;
    struct sim_story *story; /* NULL: nobody wants to know */
    struct sim_spectator spectator;
    bool dead;
    uint64_t effects; /* calls that change the world, so far */

    /* source */
    struct input inputs[STREAMS * SIM_PARTITIONS_MAX];
    int64_t positions[STREAMS][SIM_PARTITIONS_MAX]; /* OFFSET_NONE: not assigned */
    int64_t ends_ms[SIM_PARTITIONS_MAX];            /* monotonic: when a takeover asked for the inputs' ends */
    int64_t reading[SIM_PARTITIONS_MAX];            /* of the changelog; OFFSET_NONE: not open */
    uint64_t borrowed;                              /* messages that were not released */
    struct error fatal;                             /* to be told at the next poll; empty: none */
    uint32_t member_id;                             /* 0: has not joined */
    int32_t generation;                             /* of the last assignment */
    bool holds;                                     /* has an assignment */
    bool told;                                      /* that it ends */

    /* sink */
    uint32_t epoch;
    bool has_begun, is_fresh;
    uint32_t added; /* outputs' partitions that the client holds for part of its transaction */
    bool offsets_added;
    bool was_refused; /* a record, which flush will tell */
    struct sim_end_request end;
    uint64_t troubles;

    struct json_lines *lines;
    struct buffer scratch;
    uint64_t random;
    bool verbose;
    char last_log[ERROR_TEXT_MAX];

    struct source source;
    struct decoder decoder;
    struct encoder encoder;
    struct sink sink;
    struct changelog changelog;
    struct store store;
    struct sim_connection connection;
    struct clock clock;
    struct chance chance;
    struct logger logger;
    struct pipeline_ports ports;
};

void sim_worker_init(struct sim_worker *worker, struct sim_kafka *kafka, struct sim_redis *server, int number);
void sim_worker_free(struct sim_worker *worker);

/* ---- what the worker's files share */

void sim_source_init(struct sim_worker *worker);
void sim_sink_init(struct sim_worker *worker);
/* What is to become of a call, drawn before its effect. OK: it is done as it should. */
struct sim_fate {
    enum answer before; /* anything but OK: answered without an effect */
    enum answer after;  /* the answer that takes the place of a good one */
};
/* A call that changes the world, or asks it; tells the story of it. `timeout_ms` passes where it is PENDING. */
struct sim_fate sim_call(struct sim_worker *worker, const char *what, int64_t one, int timeout_ms, struct error *error);
/* The same for a question about offsets, whose answer is dropped where it comes later. */
struct sim_fate sim_ask(struct sim_worker *worker, const char *what, int64_t one, int timeout_ms, struct error *error);
/* The answer after the effect. */
enum answer sim_done(struct sim_worker *worker, struct sim_fate fate, struct error *error);
enum answer sim_failed(struct error *error, const char *why);
