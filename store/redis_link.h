/* The connection: opened, introduced (AUTH, SELECT, the scripts), then used, all of it without blocking. It never
 * repeats a command; once it broke it is closed, and a new one is opened after a pause that grows. Bytes are carried by
 * a transport, answers are read by hiredis. */
#pragma once

#include "base/buffer.h"
#include "store/redis_store.h"

struct redisReader;
struct redisReply;

enum script { SCRIPT_CLAIM, SCRIPT_LOAD, SCRIPT_DUE, SCRIPT_SCAN, SCRIPT_VERIFY, SCRIPTS };

struct redis_link {
    struct redis_options options; /* strings are the link's own */
    struct clock clock;
    struct redis_socket socket; /* the transport's, where the options name none */
    struct redis_transport transport;
    struct redisReader *reader; /* of the answers; NULL: closed */
    char hashes[SCRIPTS][41];   /* SHA-1 of each script, as the server gave it */
    struct buffer out;          /* commands that were not sent yet */
    size_t sent;                /* of `out` */
    uint32_t step;              /* of the introduction, whose answer comes next */
    bool is_connected;          /* something could be sent */
    int64_t next_attempt_ms, pause_ms;
    int64_t waiting_since_ms; /* for an answer; 0: for none */
};

MUST_USE enum result redis_link_init(struct redis_link *link, const struct redis_options *options,
                                     const struct clock *clock, struct error *error);
void redis_link_free(struct redis_link *link);

static inline bool redis_link_is_open(const struct redis_link *link) {
    return link->reader != NULL;
}

/* Begins to open it, where the pause since the last attempt is over; does nothing on one that is open, or about to be.
 * RESULT_RETRY: it cannot be, or not yet; the error says why, and is empty where it is only the pause. */
MUST_USE enum result redis_link_open(struct redis_link *link, struct error *error);
/* Whether it is open for commands: nothing but redis_link_introduce is called on an open link before. */
bool redis_link_is_introduced(const struct redis_link *link);
/* Goes on with the introduction: takes its next answer, where one comes within `timeout_ms`. RESULT_RETRY: it failed,
 * and the link is closed. */
MUST_USE enum result redis_link_introduce(struct redis_link *link, int timeout_ms, bool *ret_came, struct error *error);
void redis_link_close(struct redis_link *link);
/* Lets time pass while it is closed. */
void redis_link_pause(struct redis_link *link, int64_t pause_ms);

/* Sends and receives what can be without waiting longer than `timeout_ms`, and takes the next answer, if there is one:
 * to be freed with freeReplyObject. RESULT_RETRY: the connection broke, or an answer is overdue. */
MUST_USE enum result redis_link_exchange(struct redis_link *link, bool awaits_answer, int timeout_ms,
                                         struct redisReply **ret_reply, struct error *error);
