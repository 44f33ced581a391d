#include "tests/sim/sim_process.h"

#include <stdlib.h>
#include <string.h>

#include "engine/pipeline_internal.h"
#include "tests/sim/sim_bounds.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_violation.h"

static void tell(struct sim_processes *processes, int process, const char *what, const char *detail) {
    sim_story_add(processes->story, processes->kafka->monotonic_ms, process, what, -1, -1, detail);
}

static void asked(void *context, const char *what, int32_t shard) {
    struct sim_worker *worker = context;
    sim_story_add(worker->story, worker->kafka->monotonic_ms, worker->process, what, shard, -1, NULL);
}

/* ---- life */

static void wire(struct sim_processes *processes, int process, const struct sim_trouble *trouble) {
    struct sim_worker *worker = &processes->all[process].worker;
    sim_worker_init(worker, processes->kafka, processes->store, process % SIM_INSTANCES_MAX);
    worker->process = process;
    worker->story = processes->story;
    worker->trouble = *trouble;
    worker->random = trouble->chance == NULL ? (uint64_t)process : sim_next(trouble->chance);
    worker->spectator = (struct sim_spectator){processes, sim_watch_dropped, sim_watch_begun, sim_watch_known,
                                               sim_watch_rejected};
    worker->connection.context = worker;
    worker->connection.asked = asked;
}

static void end(struct sim_processes *processes, int process) {
    struct sim_process *it = &processes->all[process];
    sim_watch_dropped(processes, process);
    sim_enter(&it->worker);
    pipeline_free(it->pipeline);
    sim_leave();
    it->pipeline = NULL;
    it->asleep = false;
    if (it->worker.borrowed != 0)
        sim_violation("messages are given back", "Process %d has kept %llu of them.", process,
                      (unsigned long long)it->worker.borrowed);
    sim_worker_free(&it->worker);
}

bool sim_process_start(struct sim_processes *processes, int process, const struct pipeline_options *options,
                       const struct program *program, const struct sim_trouble *trouble) {
    struct sim_process *it = &processes->all[process];
    struct error error = {0};
    wire(processes, process, trouble);
    sim_enter(&it->worker);
    enum result result = pipeline_create(options, &it->worker.ports, program, &processes->counters, NULL, &it->pipeline,
                                         &error);
    sim_leave();
    tell(processes, process, "starts", error.text);
    if (result == RESULT_OK)
        return true;
    it->pipeline = NULL;
    sim_worker_free(&it->worker);
    return false;
}

void sim_process_kill(struct sim_processes *processes, int process) {
    if (processes->all[process].pipeline == NULL)
        return;
    tell(processes, process, "is killed", NULL);
    processes->all[process].worker.dead = true;
    end(processes, process);
}

/* Why a process may end: there is nothing else that the simulator gives it a reason for. */
static bool may_say(const char *text) {
    return strstr(text, "was killed") != NULL || strstr(text, "emory is out") != NULL ||
           strstr(text, "out of memory") != NULL || strstr(text, "bears this one's name") != NULL;
}

void sim_process_turn(struct sim_processes *processes, int process) {
    struct sim_process *it = &processes->all[process];
    if (it->pipeline == NULL || it->asleep) {
        it->over_since_ms = 0;
        return;
    }
    struct error error = {0};
    sim_enter(&it->worker);
    enum pipeline_progress progress = pipeline_turn(it->pipeline, &error);
    sim_leave();
    if (progress == PIPELINE_RUNNING && !it->worker.dead) {
        sim_bounds_check(it, processes->kafka->monotonic_ms);
        return;
    }
    tell(processes, process, "ends", it->worker.dead ? "killed" : error.text);
    if (progress == PIPELINE_FAILED && !it->worker.dead && !may_say(error.text))
        sim_violation("a process ends only with a reason", "Process %d: %s", process, error.text);
    end(processes, process);
}
