/* What all measurements share: servers of their own, which are started when they are first needed, and the rows that
 * were found. One thread, the main one. */
#pragma once

#include "bench/load.h"
#include "bench/meter.h"
#include "bench/rows.h"
#include "bench/stage.h"
#include "tests/harness/deployment.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/redis_server.h"
#include "tests/harness/temporary.h"

#define LOADS_KEPT_MAX   16
#define MEASUREMENTS_MAX 16

struct bench {
    bool quick;
    int pairs;            /* how often each stage is run, one after the other: A B A B */
    const char *only;     /* NULL: all */
    const char *log_path; /* a log of events for `replay`; NULL: there is none */
    const char *program;  /* this one's path */
    int64_t now_ms;       /* before which all loads lie */
    bool served;
    struct kafka_server kafka;
    struct redis_server redis;
    struct temporary folder;
    const char *filled[LOADS_KEPT_MAX]; /* the loads whose topics are there */
    uint32_t filled_count;
    uint32_t runs;        /* so far: each has a group and outputs of its own */
    double account_bytes; /* that an account of the steady load takes in memory; 0: not measured */
    struct rows rows;
    const char *missing[MEASUREMENTS_MAX]; /* measurements that are wanted and have no rows */
    uint32_t missing_count;
};

/* Starts Kafka and Redis, once. */
void bench_serve(struct bench *bench);
/* The load of the limits, before the bench's now. */
struct load bench_default_load(const struct bench *bench, enum load_kind kind);
/* Creates the load's topics and fills them, unless they are there: measurements may share them. `name` is static. */
void bench_load(struct bench *bench, const struct load *load);
/* Fills them, and deploys a daemon that consumes uses alone, under the default rules, to be started. */
void bench_deploy(struct bench *bench, const struct load *load, struct deployment *ret_deployment);
void bench_drop_load(struct bench *bench, const struct load *load);

/* ---- one run of a stage */

struct run {
    enum stage stage;
    const struct load *load;  /* of the stages that are alone: in memory */
    uint32_t workers;         /* 0: one, pinned to a processor of its own */
    const char *rules;        /* a file; NULL: the load's own */
    const char *commit_every; /* NULL: as is the default */
    int times;                /* for each of the others' one; 0: once */
};

/* Those that take a second or two differ most from run to run, and every ratio rests on one of them. */
#define SHORT_STAGE_TIMES 3

/* What the process of the stage printed, see stage.c. */
struct figures {
    double cpu_ns, wall_ns, redis_cpu_ns, records, changes, ticks, commits, commit_bytes;
    double resident_before, resident_settled, accounts_settled;
};

void bench_run(struct bench *bench, const struct run *run, struct figures *ret_figures);

/* The same stages in turn, `pairs` times, those of more `times` again after each turn; the series are nanoseconds of
 * CPU for each record. */
struct repeated {
    struct series process, redis, wall;
    struct figures last;
};

void bench_repeat(struct bench *bench, const struct run *runs, uint32_t count, struct repeated *ret_repeated);

/* ---- the measurements; each adds its rows */

void measure_machine(struct bench *bench);
void measure_steady(struct bench *bench);
void measure_restless(struct bench *bench);
void measure_kills(struct bench *bench);
void measure_restore(struct bench *bench);
void measure_decoder(struct bench *bench);
void measure_replay(struct bench *bench);
void measure_tick(struct bench *bench);
void measure_accounts(struct bench *bench);
void measure_curves(struct bench *bench);
void measure_workers(struct bench *bench);
void measure_partitions(struct bench *bench);
void measure_latency(struct bench *bench);
