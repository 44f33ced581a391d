#include "tests/faults/redis_pair.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/fail.h"

enum { FOLLOW_MS = 30000, NEAR_END_BYTES = 65536 };

// A replica that has lost its master tries again every second.
static const char *const extra_arguments[] = {"--repl-diskless-sync-delay", "0", "--repl-timeout", "10", NULL};

static struct redis_server *replica_of(struct redis_pair *pair) {
    return &pair->servers[1 - pair->master];
}

struct redis_server *redis_pair_master(struct redis_pair *pair) {
    return &pair->servers[pair->master];
}

static void command(const struct redis_server *server, const char *text) {
    redisReply *reply = redis_server_command(server, text);
    if (reply->type == REDIS_REPLY_ERROR) {
        harness_fail("%s refuses %s: %s", server->url, text, reply->str);
    }
    freeReplyObject(reply);
}

static void follow(struct redis_pair *pair) {
    char text[64];
    tcp_proxy_aim(pair->replication, redis_pair_master(pair)->port);
    tcp_proxy_behave(pair->replication, PROXY_PASSES, 0);
    tcp_proxy_cut(pair->replication);
    snprintf(text, sizeof(text), "REPLICAOF 127.0.0.1 %d", tcp_proxy_port(pair->replication));
    command(replica_of(pair), text);
}

static bool follows(void *context) {
    redisReply *reply = redis_server_command(replica_of(context), "INFO replication");
    bool up = reply->type == REDIS_REPLY_STRING && strstr(reply->str, "master_link_status:up");
    freeReplyObject(reply);
    return up;
}

void redis_pair_start(struct redis_pair *ret_pair) {
    struct redis_pair *pair = ret_pair;
    *pair = (struct redis_pair){.master = 0};
    for (int i = 0; i < 2; i++) {
        redis_server_start(0, extra_arguments, &pair->servers[i]);
    }
    pair->proxy = tcp_proxy_start(0, pair->servers[0].port);
    pair->replication = tcp_proxy_start(0, pair->servers[0].port);
    snprintf(pair->url, sizeof(pair->url), "redis://127.0.0.1:%d", tcp_proxy_port(pair->proxy));
    follow(pair);
    process_await(&replica_of(pair)->process, follows, pair, "a replica that follows", deadline_after(FOLLOW_MS));
}

void redis_pair_close(struct redis_pair *pair) {
    tcp_proxy_stop(pair->proxy);
    tcp_proxy_stop(pair->replication);
    for (int i = 0; i < 2; i++) {
        redis_server_close(&pair->servers[i]);
    }
    *pair = (struct redis_pair){0};
}

bool redis_pair_lag(struct redis_pair *pair) {
    if (!follows(pair)) {
        return false;
    }
    tcp_proxy_behave(pair->replication, PROXY_HANGS, 0);
    return true;
}

void redis_pair_promote(struct redis_pair *pair) {
    redis_server_kill(redis_pair_master(pair));
    tcp_proxy_cut(pair->replication); // What the replica has not got by now it will never get.
    command(replica_of(pair), "REPLICAOF NO ONE");
    pair->master = 1 - pair->master;
    tcp_proxy_aim(pair->proxy, redis_pair_master(pair)->port);
    tcp_proxy_cut(pair->proxy);
    redis_server_restart(replica_of(pair));
    follow(pair);
}

void redis_pair_restart(struct redis_pair *pair) {
    redis_server_restart(redis_pair_master(pair));
}

// The newest of the files that only ever grow: appendonly.aof.NUMBER.incr.aof.
static bool find_file(const char *folder, char *ret_path) {
    long newest = 0;
    DIR *entries = opendir(folder);
    if (!entries) {
        harness_fail("cannot read %s: %s", folder, strerror(errno));
    }
    for (struct dirent *entry; (entry = readdir(entries));) {
        static const char head[] = "appendonly.aof.";
        char *tail = entry->d_name;
        long number = strncmp(entry->d_name, head, strlen(head)) == 0 ? strtol(entry->d_name + strlen(head), &tail, 10)
                                                                      : 0;
        if (number > newest && strcmp(tail, ".incr.aof") == 0) {
            newest = number;
            snprintf(ret_path, PATH_MAX, "%s/%s", folder, entry->d_name);
        }
    }
    closedir(entries);
    return newest > 0;
}

void redis_pair_cut_file(struct redis_pair *pair, struct dice *dice) {
    char folder[PATH_MAX], path[PATH_MAX];
    struct stat status;
    temporary_path(&redis_pair_master(pair)->folder, "appendonlydir", folder);
    if (!find_file(folder, path) || stat(path, &status) != 0) {
        harness_fail("there is no append-only file in %s", folder);
    }
    // Half of the time only what was written last is lost.
    long size = (long)status.st_size, keep = 0;
    if (dice_chance(dice, 1, 2) && size > NEAR_END_BYTES) {
        keep = size - NEAR_END_BYTES;
    }
    long cut = keep + (long)dice_roll(dice, (unsigned)(size - keep) + 1);
    if (truncate(path, cut) != 0) {
        harness_fail("cannot cut %s: %s", path, strerror(errno));
    }
}
