/* What the parts of a stage's process share: stage.c prepares it and prints its figures, stage_source.c reads without
 * the pipeline, stage_pipeline.c runs it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "bench/memory_source.h"
#include "bench/stage.h"
#include "bench/substitute.h"
#include "cli/composition.h"
#include "producer/topics.h"

#define WORKERS_MAX 4

/* What is read at the beginning and at the end of what is measured. */
struct reading {
    int64_t cpu_ns, wall_ns, redis_cpu_ns;
    uint64_t records, changes, ticks, commits, commit_bytes;
};

struct bench_worker;

/* The process. Workers share `begun`, `ended` and their readings, which the first and the last of them take. */
struct bench_process {
    enum stage stage;
    int64_t gate_ms;  /* the instant from which on records are measured */
    uint64_t known;   /* records before it; 0: all are measured */
    uint64_t records; /* in all topics */
    pid_t redis;
    uint32_t workers_count;
    const char *rules;
    const char *perf_path; /* a FIFO that `perf record --control` reads; NULL: none */
    struct load load;      /* of the stages that are alone */

    struct log *log;
    struct setup setup;
    struct schemas schemas;
    struct arena arena;
    const struct program *program;
    struct composition composition;
    struct topics_report topics;
    struct memory_source memory;
    struct bench_worker *workers;
    atomic_bool begun;
    struct reading first, last;
    size_t resident_before;
    size_t resident_settled;
    uint64_t accounts_settled;
};

/* Takes the first reading, unless another worker has. */
void begin_measuring(struct bench_process *process);
/* Takes the last reading; each later one takes its place. */
void end_measuring(struct bench_process *process);
/* The same where there is no pipeline to count the records. */
void end_measuring_records(struct bench_process *process, uint64_t records);

/* The sum of `values` counters from `first` on over all workers. */
uint64_t count_all(const struct bench_process *process, uint32_t first, uint32_t values);

/* A worker's ports: the program's own, or from memory. */
void stage_open_ports(const struct bench_process *process, uint32_t number, struct worker_ports *ret_ports);

/* The stages, each until its load has been read. */
void run_bare(struct bench_process *process);
void run_source(struct bench_process *process);
void run_pipeline(struct bench_process *process);
