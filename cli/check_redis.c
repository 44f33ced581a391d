#include "cli/check_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

/* A connection, and where its troubles go. */
struct inspection {
    redisContext *context;
    const struct configuration *configuration;
    struct findings *findings;
    struct text where; /* `redis 127.0.0.1:6379/0` */
};

/* The reply, to be freed; NULL, and a finding, where there is none or an error. `what` is what could not be done. */
static redisReply *command(struct inspection *inspection, const char *what, int count, const char *const *words) {
    redisReply *reply = redisCommandArgv(inspection->context, count, (const char **)(uintptr_t)words, NULL);
    if (reply == NULL)
        finding_add(inspection->findings, SEVERITY_ERROR, inspection->where, "%s: %s", what,
                    inspection->context->errstr);
    else if (reply->type == REDIS_REPLY_ERROR)
        finding_add(inspection->findings, SEVERITY_ERROR, inspection->where, "%s: %s", what, reply->str);
    else
        return reply;
    if (reply != NULL)
        freeReplyObject(reply);
    return NULL;
}

#define COMMAND(inspection, what, ...)                                                       \
    command(inspection, what, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), \
            (const char *const[]){__VA_ARGS__})

static bool succeeds(redisReply *reply) {
    if (reply != NULL)
        freeReplyObject(reply);
    return reply != NULL;
}

static bool connect_to(struct inspection *inspection) {
    const struct redis_address *redis = &inspection->configuration->redis.url;
    int64_t timeout_ms = inspection->configuration->redis.timeout_ms;
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    inspection->context = redisConnectWithTimeout(redis->host.data, redis->port, timeout);
    if (inspection->context == NULL || inspection->context->err != 0) {
        finding_add(inspection->findings, SEVERITY_ERROR, inspection->where,
                    "it cannot be reached (%s): is Redis running there? The option is redis.url",
                    inspection->context == NULL ? "memory is out" : inspection->context->errstr);
        return false;
    }
    redisSetTimeout(inspection->context, timeout);
    return true;
}

static bool log_in(struct inspection *inspection) {
    static const char what[] = "the user or the password is wrong (redis.url, redis.password_file)";
    const struct redis_address *redis = &inspection->configuration->redis.url;
    if (text_is_missing(redis->password))
        return true;
    if (text_is_missing(redis->user))
        return succeeds(COMMAND(inspection, what, "AUTH", redis->password.data));
    return succeeds(COMMAND(inspection, what, "AUTH", redis->user.data, redis->password.data));
}

static bool select_database(struct inspection *inspection) {
    char number[16];
    snprintf(number, sizeof number, "%d", inspection->configuration->redis.url.database);
    return succeeds(COMMAND(inspection, "it refuses the database", "SELECT", number)) &&
           succeeds(COMMAND(inspection, "it does not answer PING", "PING"));
}

/* A line's value in the reply to INFO; empty where there is none. */
static void info_value(const char *info, const char *name, char *ret_value, size_t size) {
    size_t length = strlen(name);
    const char *at = info;
    ret_value[0] = '\0';
    while ((at = strstr(at, name)) != NULL) {
        if ((at == info || at[-1] == '\n') && at[length] == ':') {
            at += length + 1;
            snprintf(ret_value, size, "%.*s", (int)strcspn(at, "\r\n"), at);
            return;
        }
        at += length;
    }
}

static void judge_info(struct inspection *inspection, const char *info, struct redis_report *report) {
    char policy[32], role[32], limit[32], used[32], loading[8];
    info_value(info, "redis_version", report->version, sizeof report->version);
    info_value(info, "maxmemory_policy", policy, sizeof policy);
    info_value(info, "maxmemory_human", limit, sizeof limit);
    info_value(info, "used_memory_human", used, sizeof used);
    info_value(info, "role", role, sizeof role);
    info_value(info, "loading", loading, sizeof loading);
    snprintf(report->memory, sizeof report->memory, "%s used, limit %s", used,
             strcmp(limit, "0B") == 0 ? "none" : limit);
    if (policy[0] != '\0' && strcmp(policy, "noeviction") != 0)
        finding_add(
            inspection->findings, SEVERITY_ERROR, inspection->where,
            "its maxmemory-policy is `%s`: it would throw accounts away when it is full. Set it to `noeviction`, "
            "by CONFIG SET and in redis.conf",
            policy);
    if (strcmp(role, "slave") == 0)
        finding_add(inspection->findings, SEVERITY_ERROR, inspection->where,
                    "it is a replica: name its master in redis.url");
    if (strcmp(loading, "1") == 0)
        finding_add(inspection->findings, SEVERITY_WARNING, inspection->where, "it is still loading its data");
}

/* A key of the group's own, so that permissions by pattern are seen too. */
static void probe_writing(struct inspection *inspection) {
    char key[512];
    snprintf(key, sizeof key, "{bw:%.*s:check}", TEXT_ARGUMENTS(inspection->configuration->kafka.group));
    if (succeeds(COMMAND(inspection, "it cannot be written", "SET", key, "1", "EX", "60")))
        (void)succeeds(COMMAND(inspection, "a key cannot be deleted", "DEL", key));
    (void)succeeds(COMMAND(inspection, "it does not run scripts", "EVAL", "return 1", "0"));
}

/* Looks at some keys: whether there are any that are not Bellwether's. */
static void look_for_strangers(struct inspection *inspection, struct redis_report *report) {
    redisReply *size = COMMAND(inspection, "its keys cannot be counted", "DBSIZE");
    report->keys = size == NULL ? 0 : size->integer;
    if (size != NULL)
        freeReplyObject(size);
    redisReply *scan = report->keys == 0
                           ? NULL
                           : COMMAND(inspection, "its keys cannot be listed", "SCAN", "0", "COUNT", "1000");
    if (scan == NULL)
        return;
    const redisReply *keys = scan->elements == 2 ? scan->element[1] : NULL;
    for (size_t i = 0; keys != NULL && i < keys->elements; i++) {
        if (strncmp(keys->element[i]->str, "{bw:", 4) != 0) {
            finding_add(
                inspection->findings, SEVERITY_WARNING, inspection->where,
                "it holds data of something else, such as the key `%.64s`: better give Bellwether a Redis, or a "
                "database, of its own",
                keys->element[i]->str);
            break;
        }
    }
    freeReplyObject(scan);
}

enum result check_redis(const struct configuration *configuration, struct findings *findings,
                        struct redis_report *ret_report) {
    struct inspection inspection = {NULL, configuration, findings, TEXT("redis")};
    *ret_report = (struct redis_report){0};
    inspection.where = arena_printf(findings->arena, "redis %.*s:%u/%d", TEXT_ARGUMENTS(configuration->redis.url.host),
                                    configuration->redis.url.port, configuration->redis.url.database);
    bool reached = connect_to(&inspection) && log_in(&inspection) && select_database(&inspection);
    redisReply *info = reached ? COMMAND(&inspection, "it does not answer INFO", "INFO") : NULL;
    if (info != NULL) {
        judge_info(&inspection, info->str, ret_report);
        freeReplyObject(info);
    }
    if (reached) {
        probe_writing(&inspection);
        look_for_strangers(&inspection, ret_report);
    }
    if (inspection.context != NULL)
        redisFree(inspection.context);
    return reached ? RESULT_OK : RESULT_RETRY;
}
