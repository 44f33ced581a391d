#include "cli/daemon.h"

#include <stdlib.h>

static void *work(void *context) {
    struct worker *worker = context;
    enum result result = pipeline_run(worker->pipeline, &worker->control, &worker->error);
    worker->state = result == RESULT_OK ? WORKER_DONE : WORKER_FAILED;
    return NULL;
}

/* A worker's ports and pipeline, used from now on by its thread alone. */
static enum result open_worker(struct daemon *daemon, struct worker *worker, uint32_t number, struct error *error) {
    struct pipeline_options pipeline_options = composition_options(&daemon->composition);
    worker->daemon = daemon;
    worker->number = number;
    enum result result = composition_open(&daemon->composition, number, &worker->ports, error);
    if (result != RESULT_OK)
        return result;
    result = pipeline_create(&pipeline_options, &worker->ports.all, daemon->program, &worker->counters, &daemon->board,
                             &worker->pipeline, error);
    if (result != RESULT_OK)
        composition_close(&worker->ports);
    return result;
}

static enum result start_worker(struct daemon *daemon, struct error *error) {
    struct worker *worker = &daemon->workers[daemon->workers_count];
    enum result result = open_worker(daemon, worker, daemon->workers_count, error);
    if (result != RESULT_OK)
        return result;
    if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
        pipeline_free(worker->pipeline);
        composition_close(&worker->ports);
        return error_set(error, RESULT_FATAL, "a thread cannot be started");
    }
    daemon->view.counters[daemon->workers_count++] = &worker->counters;
    return RESULT_OK;
}

enum result daemon_start(struct daemon *daemon, uint32_t count, struct error *error) {
    enum result result = shard_board_init(&daemon->board, daemon->composition.partitions, error);
    if (result != RESULT_OK)
        return result;
    daemon->workers = calloc(count, sizeof *daemon->workers);
    if (daemon->workers == NULL) {
        shard_board_free(&daemon->board);
        return error_set(error, RESULT_FATAL, "memory is out");
    }
    for (uint32_t i = 0; i < count && result == RESULT_OK; i++)
        result = start_worker(daemon, error);
    daemon->view.board = &daemon->board;
    daemon->view.counters_count = daemon->workers_count;
    if (result == RESULT_OK) {
        daemon->view.begun = true;
        return result;
    }
    daemon_stop(daemon);
    daemon_end(daemon);
    return result;
}

void daemon_stop(struct daemon *daemon) {
    for (uint32_t i = 0; i < daemon->workers_count; i++)
        daemon->workers[i].control.stop = true;
}

void daemon_reload(struct daemon *daemon, const struct program *program) {
    for (uint32_t i = 0; i < daemon->workers_count; i++)
        daemon->workers[i].control.program = program;
}

uint32_t daemon_working(const struct daemon *daemon) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < daemon->workers_count; i++)
        count += daemon->workers[i].state == WORKER_RUNNING;
    return count;
}

const struct worker *daemon_failed(const struct daemon *daemon) {
    for (uint32_t i = 0; i < daemon->workers_count; i++)
        if (daemon->workers[i].state == WORKER_FAILED)
            return &daemon->workers[i];
    return NULL;
}

void daemon_end(struct daemon *daemon) {
    for (uint32_t i = 0; i < daemon->workers_count; i++)
        pthread_join(daemon->workers[i].thread, NULL);
    for (uint32_t i = 0; i < daemon->workers_count; i++) {
        pipeline_free(daemon->workers[i].pipeline);
        composition_close(&daemon->workers[i].ports);
    }
    free(daemon->workers);
    shard_board_free(&daemon->board);
    daemon->workers = NULL;
    daemon->workers_count = 0;
}
