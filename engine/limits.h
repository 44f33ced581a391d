/* Every bound of the pipeline's queues, batches and waits, in one place. What an operator may set is an option
 * (config/), these are the rest. */
#pragma once

#define SHARDS_MAX        4096         /* partitions of a topic */
#define ACCOUNT_BYTES_MAX (512 * 1024) /* the default of limits.account_bytes, and the most it may be */

#define HEADS_PER_INPUT_MAX       512           /* messages that wait in the merge, for each input */
#define HEADS_BYTES_PER_INPUT_MAX (1024 * 1024) /* no more are fetched above it */
#define DEAD_LETTER_HEADERS_MAX   256           /* headers of a dead letter that are kept */

#define STORE_REQUESTS_MAX      8                  /* open requests for a shard */
#define STORE_IDS_PER_LOAD_MAX  512                /* accounts of one load */
#define STORE_DUE_PER_QUERY_MAX 512                /* accounts of one page of due ones */
#define WRITE_BYTES_MAX         (64 * 1024 * 1024) /* of one request to the store, unless one commit is larger */

#define ATTEMPT_PAUSE_MS 200   /* before a failed transaction, takeover or claim is tried again */
#define SUSPECT_MS       60000 /* how long each commit has a producer of its own after trouble */

#define FETCH_MAX                 256  /* messages of one fetch */
#define RECORDS_PER_TURN_MAX      256  /* that a shard takes before the others have their turn */
#define RECORDS_PER_LOOK          16   /* after so many it is looked whether the batch is full */
#define RECORDS_SOON              16   /* so many before its turn an account's state is on its way from memory, */
#define BLOBS_SOON                8    /* and so many before it is encoded for a commit; */
#define COMMITTED_SOON            16   /* what is known of one that was committed likewise */
#define EVALUATIONS_PER_TURN_MAX  4096 /* at a tick, before the worker looks round again */
#define STORE_EVENTS_PER_TURN_MAX 64
#define LOADS_PER_SHARD_MAX       4 /* open requests for accounts */

#define STORE_LAG_BYTES_MAX (256 * 1024 * 1024) /* of commits that wait for the store; then no more is taken */

#define BEHIND_INTERVALS 5 /* commit intervals, where nothing can be taken for a moment while catching up */

#define DECODE_PAUSE_MS     10    /* before a shard looks again for a schema that was not to be had */
#define LOG_AGAIN_MS        10000 /* how often the same trouble is logged */
#define TRANSACTION_WAIT_MS 10    /* in one call of the sink */
#define TAKEOVER_WAIT_MS    100   /* in one call of a takeover's step; twice as long after each answer that came too */
#define ANSWER_WAIT_MAX_MS  2000  /* late for a question that has to be asked anew then, up to this */
#define ENDS_WAIT_MS        200   /* for the inputs' ends, likewise */
#define ENDS_WAIT_MAX_MS    1000  /* as records wait meanwhile, */
#define ENDS_REST           4     /* and then they are left alone for so many times as long */
#define ENDS_EVERY_MS       2000  /* how often they are asked for */
#define ENDS_UNTOLD_MS      60000 /* after so long without them it is logged */
#define ENDS_CONFIRMED_MS   5000  /* how long an answer counts */
#define VERIFY_EVERY_MS     5000  /* an idle owner looks whether the store is as it was left */
#define STOP_MS             30000 /* for the store to catch up when the worker stops */
#define CLOSE_MS            5000
#define EVICT_EVERY_MS      500 /* while memory is short */
#define GAUGES_EVERY_MS     500
#define SERVE_EVERY_MS      1000 /* how often a library is heard that is not asked for anything */

#define RESTORE_WRITES_MAX         3                  /* on their way to the store at once, for each shard, */
#define RESTORE_WRITE_BYTES        (1024 * 1024)      /* of so much each, */
#define RESTORE_WRITE_ACCOUNTS_MAX 4096               /* and so many accounts; */
#define RESTORE_BYTES_MAX          (64 * 1024 * 1024) /* all shards' writes together, */
#define RESTORE_WRITE_BYTES_MIN    (32 * 1024)        /* as long as there are not too many of them */
#define RESTORE_RECORDS_MAX        512                /* of one read */
#define META_EVERY_MS              3000               /* how often the meta moves on in a restore */
#define INPUT_RANGE_MS             10000 /* for an input's bounds to become plausible after a leader has changed */
#define COMMIT_BYTES_MIN           (64 * 1024) /* slow commits halve the bytes of the next, down to this */
