/* What the pipeline's files share. */
#pragma once

#include "engine/held_shard.h"
#include "engine/limits.h"
#include "engine/pipeline.h"
#include "engine/transaction.h"

enum pipeline_mode {
    MODE_WAITING,  /* no shards are held */
    MODE_TAKEOVER, /* the shards that are held are being taken over, all together */
    MODE_RUNNING,
};

/* In the order of docs/exactly-once.md, "Taking over a shard". */
enum takeover_step {
    TAKEOVER_PRODUCER,
    TAKEOVER_COMMITTED,
    TAKEOVER_BOUNDS,
    TAKEOVER_IDENTITY,
    TAKEOVER_HISTORY,
    TAKEOVER_STARTS,
    TAKEOVER_BARRIER,
    TAKEOVER_EPOCH,
    TAKEOVER_CLAIM,
    TAKEOVER_RESTORE,
    TAKEOVER_COMPARE,
    TAKEOVER_INPUTS,
    TAKEOVER_BEGIN,
    TAKEOVER_STEPS,
    TAKEOVER_LATER = TAKEOVER_STEPS, /* aside: is there a later owner's barrier? */
};

struct takeover {
    enum takeover_step step;
    uint32_t index; /* of the shard whose turn it is */
    bool entered;   /* the step has begun */
    int64_t not_before_ms;
    int wait_ms;                     /* for an answer that has to be asked for anew where it comes later */
    enum takeover_step waiting_step; /* that was met last, */
    int64_t waiting_since_ms;        /* and since when without another in between */
    struct batch batch;              /* the barriers */
    struct batch *batches[1];
    struct error suspicion; /* TAKEOVER_LATER: what is wrong, if there is none */
};

struct pipeline {
    struct pipeline_options options;
    struct pipeline_ports ports;
    const struct program *program;
    const struct program *next_program; /* to be taken on; NULL */
    bool reload_waits;                  /* for the store, as was told */
    struct engine *engine;
    struct slab slab;
    struct counters *counters;
    struct shard_board *board;
    enum pipeline_mode mode;
    bool stopping;          /* leaves as soon as it may, */
    bool stop_ordered;      /* as somebody wants it; else, as it has come to the end */
    bool revoked, lost;     /* an event that has not been answered yet */
    int64_t stop_before_ms; /* when a stop or a revocation is given no more time */

    struct membership *membership;
    struct held_shard *held;
    uint32_t held_count;
    /* Room for all inputs of all shards, scratch. */
    struct input_offset *offsets;
    struct input *inputs;
    struct bounds *bounds;

    struct takeover takeover;
    struct transaction transaction;
    struct batch outputs;   /* of the batch that is being computed, */
    struct batch sealed;    /* and of the one before it, which is being committed meanwhile */
    struct batch **batches; /* of the transaction: outputs, then each shard's changelog */
    size_t commit_bytes_allowed;
    int64_t batch_begun_ms; /* when the last commit began, or running did */
    bool dry;               /* the last intake found nothing to take */
    struct buffer scratch;

    uint64_t ticket;
    bool anew; /* the shards are to be taken over anew, once the transaction has ended; `anew_why` */
    struct error anew_why;
    bool may_evict;     /* accounts may have become clean */
    int64_t evicted_ms; /* when that was done last */
    uint32_t evict_next;
    int64_t unavailable_logged_ms, failure_logged_ms, waiting_logged_ms, schema_logged_ms, ends_logged_ms;
    int64_t unavailable_since_ms; /* the store, as was logged; 0: it answers, for all that was said */
    int64_t claim_not_before_ms;  /* after the store was unavailable */
    int64_t ends_due_ms;          /* when the inputs' ends are asked for next, */
    int64_t ends_told_ms;         /* when they were told last, */
    int ends_wait_ms;             /* and how long an answer is waited for */
    int64_t gauges_set_ms;
    int64_t served_ms;       /* the libraries */
    struct message *fetched; /* FETCH_MAX, scratch */
    struct held_shard *kept; /* by their numbers: for the planted bug shard_kept */
    struct shard_output output;
};

static inline int64_t wall_ms(const struct pipeline *pipeline) {
    return pipeline->ports.clock->wall_ms(pipeline->ports.clock->context);
}

static inline int64_t monotonic_ms(const struct pipeline *pipeline) {
    return pipeline->ports.clock->monotonic_ms(pipeline->ports.clock->context);
}

static inline bool has_stream(const struct pipeline *pipeline, int stream) {
    return (pipeline->options.streams >> stream & 1) != 0;
}

static inline bool pipeline_memory_is_short(const struct pipeline *pipeline) {
    return pipeline->slab.bytes_used > pipeline->options.memory_bytes_max;
}

/* How long to wait for the next answer, after one that has not come in time and has to be asked for anew: an answer
 * takes as long as it takes. */
static inline int longer_wait_ms(int wait_ms, int max_ms) {
    return wait_ms * 2 < max_ms ? wait_ms * 2 : max_ms;
}

void pipeline_log(struct pipeline *pipeline, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);
/* Whether a trouble that comes again and again is worth a line now; notes that it is. */
bool pipeline_logs_again(const struct pipeline *pipeline, int64_t *logged_ms);

/* Gives up all that is in memory of the shards, and takes them over from the first step; `why` is logged. The
 * transaction is not running. */
MUST_USE enum result pipeline_take_over_anew(struct pipeline *pipeline, const char *why, struct error *error);
/* The same as soon as the transaction has ended. */
void pipeline_lose(struct pipeline *pipeline, const char *why);

/* NULL: it is not held. */
struct held_shard *pipeline_find_shard(struct pipeline *pipeline, int32_t number);
/* Gives up all that is in memory of the shards; they stay ours, in that state. */
void pipeline_empty_shards(struct pipeline *pipeline, enum shard_state state);
/* Gives up all shards and the membership. The transaction is not running. */
void pipeline_drop_shards(struct pipeline *pipeline);

/* Gives the shard rules: activates them in its record, and makes a shard of them in the place of the one that it has,
 * if any. `clocks` may be that one's; `changed`: states in the store may be of other rules. */
MUST_USE enum result pipeline_bind_shard(struct pipeline *pipeline, struct held_shard *held, struct engine *engine,
                                         const struct program *program, const struct clocks *clocks, bool changed,
                                         struct error *error);
MUST_USE enum result pipeline_make_engine(const struct pipeline *pipeline, const struct program *program,
                                          struct engine **ret_engine, struct error *error);

/* Whether the store has everything, and owes nothing. */
bool pipeline_is_settled(const struct pipeline *pipeline);
/* How many of its shards are not evaluated, as other rules have followed ours. */
uint32_t pipeline_held_back(const struct pipeline *pipeline);

/* ---- reload.c */

/* Whether what is decided is committed and stored before anything else is taken: to stop, or to take on other rules,
 * which needs the store. */
bool pipeline_is_pausing(const struct pipeline *pipeline);
/* Takes on `next_program`, if there is one, as soon as that can be. No transaction runs. */
MUST_USE enum result reload_serve(struct pipeline *pipeline, struct error *error);

/* ---- intake.c */

/* Takes records as far as it goes, bounded; sets `dry`. */
MUST_USE enum result intake(struct pipeline *pipeline, struct error *error);
/* Asks for the ends of inputs that have run dry, and lets the watermark follow the clock. */
MUST_USE enum result intake_follow_clock(struct pipeline *pipeline, struct error *error);
/* The shards begin to run, and know the inputs' ends. */
void intake_begin(struct pipeline *pipeline);
/* Releases all messages of the shard's merge. */
void intake_drop(struct pipeline *pipeline, struct held_shard *held);
/* Where its shards hand on what they decide; borrowed until the next call. */
const struct shard_output *intake_output(struct pipeline *pipeline);

/* ---- paging.c */

/* Claims the shard in the store; `again`: on a new connection, as it was left on the last one. */
MUST_USE enum result paging_claim(struct pipeline *pipeline, const struct held_shard *held, int64_t newest_known,
                                  bool again, struct error *error);
/* Asks the store for the accounts of messages that wait. */
MUST_USE enum result paging_ahead(struct pipeline *pipeline, struct held_shard *held, struct error *error);
/* Asks for what the shard needs before it can go on. */
MUST_USE enum result paging_meet(struct pipeline *pipeline, struct held_shard *held, struct error *error);
MUST_USE enum result paging_event(struct pipeline *pipeline, struct held_shard *held, const struct store_event *event,
                                  struct error *error);
/* Writes behind, claims again, verifies, evicts. */
MUST_USE enum result paging_serve(struct pipeline *pipeline, struct error *error);
void paging_unavailable(struct pipeline *pipeline, const struct error *why);
/* The store has answered again. */
void paging_available(struct pipeline *pipeline);

/* ---- commit.c */

bool commit_is_empty(const struct pipeline *pipeline);
bool commit_is_full(const struct pipeline *pipeline);
bool commit_is_due(const struct pipeline *pipeline);
int64_t commit_due_in_ms(const struct pipeline *pipeline); /* 0: it is */
/* The transaction, if one runs, has lasted longer than an attempt and its repetition may. */
bool commit_hangs(const struct pipeline *pipeline);
MUST_USE enum result commit_begin(struct pipeline *pipeline, struct error *error);
/* What the transaction's end means for the batch that it was of, and, unless it is committed, for the next one. */
MUST_USE enum result commit_end(struct pipeline *pipeline, enum transaction_outcome outcome, struct error *error);

/* ---- takeover.c, takeover_log.c */

void takeover_start(struct pipeline *pipeline);
/* Makes one step. */
MUST_USE enum result takeover_turn(struct pipeline *pipeline, struct error *error);
MUST_USE enum result takeover_event(struct pipeline *pipeline, struct held_shard *held, const struct store_event *event,
                                    struct error *error);
/* What the end of the barriers' transaction means. */
MUST_USE enum result takeover_barrier_end(struct pipeline *pipeline, enum transaction_outcome outcome,
                                          struct error *error);
/* The planted bug shard_kept: the shards' memory outlives that they are given up, and until the process ends. */
void takeover_keep(struct pipeline *pipeline);
void takeover_forget_kept(struct pipeline *pipeline);
/* The store has forgotten the claims. */
void takeover_unavailable(struct pipeline *pipeline);
/* Gives up what the takeover holds. */
void takeover_drop(struct pipeline *pipeline, struct held_shard *held);
