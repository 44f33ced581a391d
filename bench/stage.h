/* One run of one stage, in a process of its own so that its CPU time is its own: the pipeline as it is shipped, or as
 * much of it as the stage has. The first process (run_stage.c) starts it as `bench stage NAME [KEY=VALUE...]`, with the
 * configuration in its environment, and reads what it prints: a line `name value` for each figure.
 *
 * The stages `alone-...` need no server: their load comes from memory (memory_source.h), so that the engine can be
 * measured and profiled by itself: `bench stage alone-evaluate load=steady`, see stage.c for the keys. */
#pragma once

#include <stdbool.h>

enum stage {
    STAGE_BARE,     /* rd_kafka_consume_batch_queue, and nothing is done with the records: B */
    STAGE_CONSUME,  /* the source port */
    STAGE_DECODE,   /* and the decoder */
    STAGE_EVALUATE, /* the pipeline; no record is encoded, and nothing committed while it is measured */
    STAGE_PUBLISH,  /* and encoder, transactions, changelog; no store behind it */
    STAGE_ALL,      /* as it is shipped, with Redis */
    STAGE_PLAIN,    /* the same without transactions and without changelog */
    STAGE_ALONE_DECODE,
    STAGE_ALONE_EVALUATE,
    STAGE_ALONE_ENCODE, /* outputs and changelog records are made, and thrown away */
    STAGES,
};

static inline bool stage_is_alone(enum stage stage) {
    return stage >= STAGE_ALONE_DECODE;
}

extern const char *const stage_names[STAGES];

/* The process of `bench stage ...`; the arguments begin with the stage's name. */
int stage_main(int count, char *const *arguments);
