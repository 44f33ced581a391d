/* Every bound of the pipeline's queues, batches and waits, in one place. What an operator may set is an option
 * (config/), these are the rest. */
#pragma once

#define SHARDS_MAX        4096         /* partitions of a topic */
#define ACCOUNT_BYTES_MAX (512 * 1024) /* the default of limits.account_bytes, and the most it may be */

#define HEADS_PER_INPUT_MAX       512           /* messages that wait in the merge, for each input */
#define HEADS_BYTES_PER_INPUT_MAX (1024 * 1024) /* no more are fetched above it */
#define DEAD_LETTER_HEADERS_MAX   256           /* headers of a dead letter that are kept */

#define STORE_REQUESTS_MAX      256                /* open requests of a worker */
#define STORE_IDS_PER_LOAD_MAX  512                /* accounts of one load */
#define STORE_DUE_PER_QUERY_MAX 512                /* accounts of one page of due ones */
#define WRITE_BYTES_MAX         (64 * 1024 * 1024) /* of one request to the store, unless one commit is larger */

#define ATTEMPT_PAUSE_MS 200   /* before a failed transaction, takeover or claim is tried again */
#define SUSPECT_MS       60000 /* how long each commit has a producer of its own after trouble */
