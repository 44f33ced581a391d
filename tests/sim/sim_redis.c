#include "tests/sim/sim_redis.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "tests/sim/sim_redis_link.h"
#include "tests/sim/sim_redis_scripts.h"

#define DATABASES 16

void sim_redis_init(struct sim_redis *redis, const int64_t *now_ms) {
    *redis = (struct sim_redis){.now_ms = now_ms, .scripts = sim_scripts_create()};
}

void sim_redis_free(struct sim_redis *redis) {
    for (uint32_t i = 0; i < redis->links_count; i++)
        sim_redis_link_free(redis->links[i]);
    free(redis->links);
    sim_scripts_free(redis->scripts);
    sim_data_free(&redis->data);
    *redis = (struct sim_redis){0};
}

/* ---- requests */

static const char loading[] = "LOADING Redis is loading the dataset in memory";
static const char read_only[] = "READONLY You can't write against a read only replica.";
static const char full[] = "OOM command not allowed when used memory > 'maxmemory'.";
static const char cannot_save[] =
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that "
    "may modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB "
    "error.";

static struct sim_refusals refusals_of(const struct sim_redis *redis) {
    struct sim_refusals refusals = {NULL, NULL};
    if (redis->condition == SIM_REDIS_IS_REPLICA)
        refusals.writes = read_only;
    else if (redis->condition == SIM_REDIS_CANNOT_SAVE)
        refusals.writes = cannot_save;
    else if (redis->condition == SIM_REDIS_IS_FULL)
        refusals.growth = full;
    return refusals;
}

static bool is_word(struct text text, const char *word) {
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

static void log_in(struct sim_redis *redis, struct sim_redis_link *link, const struct sim_redis_request *request) {
    bool is_default = request->count == 2 || text_equals(request->arguments[1], "default");
    if (redis->password == NULL && request->count == 2) {
        sim_answer_error(&link->out, "ERR AUTH <password> called without any password configured for the default user. "
                                     "Are you sure your configuration is correct?");
    } else if (is_default &&
               (redis->password == NULL || text_equals(request->arguments[request->count - 1], redis->password))) {
        link->has_logged_in = true;
        sim_answer_status(&link->out, "OK");
    } else {
        sim_answer_error(&link->out, "WRONGPASS invalid username-password pair or user is disabled.");
    }
}

static void select_database(struct sim_redis_link *link, const struct sim_redis_request *request) {
    long number = strtol(request->arguments[1].data, NULL, 10);
    if (number < 0 || number >= DATABASES) {
        sim_answer_error(&link->out, "ERR DB index is out of range");
        return;
    }
    link->database = (int)number;
    sim_answer_status(&link->out, "OK");
}

static void answer_info(const struct sim_redis *redis, struct buffer *out) {
    sim_answer_text(out, redis->evicts ? TEXT("# Memory\r\nmaxmemory_policy:allkeys-lru\r\n")
                                       : TEXT("# Memory\r\nmaxmemory_policy:noeviction\r\n"));
}

static void answer_unknown(const struct sim_command_call *call) {
    buffer_printf(call->out,
                  "-ERR unknown command '%.*s', with args beginning with: ", TEXT_ARGUMENTS(call->arguments[0]));
    for (uint32_t i = 1; i < call->count; i++)
        buffer_printf(call->out, "'%.*s' ", TEXT_ARGUMENTS(call->arguments[i]));
    buffer_put_string(call->out, "\r\n");
}

static void answer_misfit(const struct sim_command_call *call) {
    buffer_put_string(call->out, "-ERR wrong number of arguments for '");
    for (uint32_t i = 0; i < call->arguments[0].size; i++)
        buffer_put_u8(call->out, (uint8_t)tolower(call->arguments[0].data[i]));
    buffer_put_string(call->out, "' command\r\n");
}

const char *sim_redis_refusal(const struct sim_redis *redis, const struct sim_command *command) {
    struct sim_refusals refusals = refusals_of(redis);
    if (redis->condition == SIM_REDIS_LOADS)
        return loading;
    if (command->writes && refusals.writes != NULL)
        return refusals.writes;
    return command->grows ? refusals.growth : NULL;
}

const char *sim_redis_refuses_growth(const struct sim_redis *redis) {
    return refusals_of(redis).growth;
}

bool sim_redis_admits(const struct sim_redis *redis, const struct sim_command_call *call, bool queues) {
    const struct sim_command *command = sim_command_find(call->arguments[0]);
    const char *refusal = NULL;
    if (command == NULL) {
        answer_unknown(call);
        return false;
    }
    if (!sim_command_fits(command, call->count)) {
        answer_misfit(call);
        return false;
    }
    refusal = sim_redis_refusal(redis, command);
    if (refusal == NULL && queues)
        refusal = sim_redis_refuses_growth(redis); /* The queue itself takes memory. */
    if (refusal != NULL)
        sim_answer_error(call->out, refusal);
    return refusal == NULL;
}

static void run_command(struct sim_redis *redis, const struct sim_command_call *call) {
    if (sim_redis_admits(redis, call, false))
        sim_command_find(call->arguments[0])->run(call);
}

static void run_script(struct sim_redis *redis, const struct sim_command_call *call) {
    struct sim_refusals refusals = refusals_of(redis);
    sim_scripts_run(redis->scripts, call, &refusals);
    sim_redis_tell_write(redis);
}

static void answer_request(struct sim_redis *redis, struct sim_redis_link *link, struct sim_redis_request *request) {
    struct text name = request->arguments[0];
    struct sim_command_call call = {&redis->data, link->database, request->arguments, request->count, &link->out};
    sim_data_begin(&redis->data);
    if (is_word(name, "AUTH") && (request->count == 2 || request->count == 3))
        log_in(redis, link, request);
    else if (!link->has_logged_in)
        sim_answer_error(&link->out, "NOAUTH Authentication required.");
    else if (sim_transaction_answers(redis, link, request))
        return;
    else if (is_word(name, "SELECT") && request->count == 2)
        select_database(link, request);
    else if (is_word(name, "INFO") && request->count == 2)
        answer_info(redis, &link->out);
    else if (redis->condition == SIM_REDIS_LOADS)
        sim_answer_error(&link->out, loading);
    else if (is_word(name, "PING") && request->count == 1)
        sim_answer_status(&link->out, "PONG");
    else if (is_word(name, "SCRIPT") && request->count == 3 && is_word(request->arguments[1], "LOAD"))
        sim_scripts_load(redis->scripts, request->arguments[2], &link->out);
    else if (is_word(name, "EVALSHA") && request->count >= 3)
        run_script(redis, &call);
    else
        run_command(redis, &call);
}

bool sim_redis_command(struct sim_redis *redis, const char *const *arguments, uint32_t count) {
    struct text texts[8];
    struct buffer out = {0};
    struct sim_command_call call = {&redis->data, 0, texts, count, &out};
    assert(count > 0 && count <= sizeof texts / sizeof texts[0]);
    for (uint32_t i = 0; i < count; i++)
        texts[i] = text_of(arguments[i]);
    sim_data_begin(&redis->data);
    run_command(redis, &call);
    bool good = out.data[0] != '-';
    buffer_free(&out);
    return good;
}

/* ---- serving */

/* The link whose first request is the next to be done; NULL: none has arrived. */
static struct sim_redis_link *next_to_serve(const struct sim_redis *redis) {
    struct sim_redis_link *next = NULL;
    for (uint32_t i = 0; i < redis->links_count; i++) {
        struct sim_redis_link *link = redis->links[i];
        if (link->requests_count == 0 || link->requests[0].arrives_ms > *redis->now_ms)
            continue;
        const struct sim_redis_request *ours = &link->requests[0];
        const struct sim_redis_request *first = next == NULL ? NULL : &next->requests[0];
        if (first == NULL || ours->arrives_ms < first->arrives_ms ||
            (ours->arrives_ms == first->arrives_ms && ours->arrival < first->arrival))
            next = link;
    }
    return next;
}

/* Links that nobody holds, and on which nothing is left to be done. */
static void forget_closed(struct sim_redis *redis) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < redis->links_count; i++) {
        struct sim_redis_link *link = redis->links[i];
        if (link->closed && link->requests_count == 0)
            sim_redis_link_free(link);
        else
            redis->links[kept++] = link;
    }
    redis->links_count = kept;
}

void sim_redis_serve(struct sim_redis *redis) {
    struct sim_redis_link *link;
    if (redis->condition == SIM_REDIS_HANGS || redis->condition == SIM_REDIS_IS_DOWN)
        return;
    while ((link = next_to_serve(redis)) != NULL) {
        answer_request(redis, link, &link->requests[0]);
        redis->done++;
        sim_redis_link_answer(link, &link->requests[0], *redis->now_ms);
        if (link->closed)
            sim_redis_link_drop_answers(link);
        sim_redis_link_drop_first(link);
    }
    forget_closed(redis);
}

/* ---- faults */

static void break_links(struct sim_redis *redis) {
    redis->data.seed = ++redis->process;
    for (uint32_t i = 0; i < redis->links_count; i++)
        sim_redis_link_drop_requests(redis->links[i]);
    sim_scripts_forget(redis->scripts);
}

void sim_redis_set_condition(struct sim_redis *redis, enum sim_redis_condition condition) {
    if (condition == SIM_REDIS_IS_DOWN && redis->condition != SIM_REDIS_IS_DOWN)
        break_links(redis);
    redis->condition = condition;
    sim_redis_serve(redis);
}

void sim_redis_restart(struct sim_redis *redis) {
    break_links(redis);
}

void sim_redis_promote(struct sim_redis *redis, uint32_t missing) {
    break_links(redis);
    while (missing-- > 0) {
        struct sim_tag *newest = NULL;
        for (uint32_t i = 0; i < redis->data.tags_count; i++) {
            struct sim_tag *tag = redis->data.tags[i];
            if (tag->writes_count > 0 && (newest == NULL || tag->writes[tag->writes_count - 1].serial >
                                                                newest->writes[newest->writes_count - 1].serial))
                newest = tag;
        }
        if (newest == NULL)
            return;
        sim_tag_roll_back(newest, newest->writes_count - 1);
    }
}

static void clear_tag(struct sim_redis *redis, const struct sim_tag *tag) {
    for (uint32_t i = 0; i < tag->size; i++)
        if (tag->table[i] != NULL)
            sim_data_clear(&redis->data, tag->table[i]);
}

void sim_redis_flush(struct sim_redis *redis, int32_t shard) {
    const struct sim_tag *tag = sim_redis_tag(redis, shard);
    sim_data_begin(&redis->data);
    if (tag != NULL)
        clear_tag(redis, tag);
}

void sim_redis_flush_all(struct sim_redis *redis) {
    sim_data_begin(&redis->data);
    for (uint32_t i = 0; i < redis->data.tags_count; i++)
        clear_tag(redis, redis->data.tags[i]);
}

uint32_t sim_redis_writes(const struct sim_redis *redis, int32_t shard) {
    const struct sim_tag *tag = sim_redis_tag(redis, shard);
    return tag == NULL ? 0 : tag->writes_count;
}

void sim_redis_roll_back(struct sim_redis *redis, int32_t shard, uint32_t writes) {
    struct sim_tag *tag = sim_redis_tag(redis, shard);
    if (tag != NULL)
        sim_tag_roll_back(tag, writes);
}
