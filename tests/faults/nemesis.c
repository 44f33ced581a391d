#include "tests/faults/nemesis.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MIN_MS = 200,
    PATIENCE_MS = 60000, // For a worker that was asked to stop.
    SETTLING_MS = 10000, // A broker's start, during which it is left alone.
    LOOK_AGAIN_MS = 100,
    CUT_BYTES_MAX = 20000,
    END_TRANSACTION = 26, // EndTxn in Kafka's protocol.
    ENDED_BY_SIGABRT = 128 + SIGABRT,
    ENDED_BY_SIGTERM = 128 + SIGTERM, // It had only just been started, and held nothing.
};

static void suffer(struct nemesis *nemesis, int target, int least_ms, int most_ms,
                   void (*heal)(struct nemesis *nemesis, int target)) {
    int wait_ms = dice_between(&nemesis->dice, least_ms, most_ms);
    nemesis->sufferings[target].heal = heal;
    nemesis->sufferings[target].until = deadline_after(wait_ms);
}

static bool suffers(const struct nemesis *nemesis, int target) {
    return nemesis->sufferings[target].heal != NULL;
}

// One of `count` targets from `first` on that does not suffer; -1: all do.
static int pick(struct nemesis *nemesis, int first, int count) {
    int start = (int)dice_roll(&nemesis->dice, (unsigned)count);
    for (int i = 0; i < count; i++) {
        int target = first + (start + i) % count;
        if (!suffers(nemesis, target)) {
            return target;
        }
    }
    return -1;
}

// Workers

static struct process *worker_of(const struct nemesis *nemesis, int target) {
    return &nemesis->scene->workers.daemons[target - TARGET_WORKERS];
}

static void start_worker(struct nemesis *nemesis, int target) {
    scene_start_worker(nemesis->scene, target - TARGET_WORKERS);
    story_tell(nemesis->story, "worker %d starts", target - TARGET_WORKERS);
}

static void wake_worker(struct nemesis *nemesis, int target) {
    process_signal(worker_of(nemesis, target), SIGCONT);
    story_tell(nemesis->story, "worker %d wakes", target - TARGET_WORKERS);
}

static void tell_end(struct nemesis *nemesis, int target, const char *how) {
    char *tail = process_log_tail(worker_of(nemesis, target));
    story_violation(nemesis->story, "worker %d ended with status %d %s. The end of its log:\n%s",
                    target - TARGET_WORKERS, worker_of(nemesis, target)->exit_status, how, tail);
    free(tail);
}

static void see_worker_stopped(struct nemesis *nemesis, int target) {
    struct process *worker = worker_of(nemesis, target);
    struct suffering *suffering = &nemesis->sufferings[target];
    if (process_is_running(worker) && !deadline_passed(suffering->patience)) {
        suffering->heal = see_worker_stopped;
        suffering->until = deadline_after(LOOK_AGAIN_MS);
        return;
    }
    if (process_is_running(worker)) {
        process_kill(worker);
        tell_end(nemesis, target, "as it did not stop by itself");
    } else if (worker->exit_status != 0 && worker->exit_status != ENDED_BY_SIGTERM) {
        tell_end(nemesis, target, "when it was asked to stop");
    }
    start_worker(nemesis, target);
}

static bool kill_worker(struct nemesis *nemesis) {
    int target = pick(nemesis, TARGET_WORKERS, SCENE_WORKERS);
    if (target < 0) {
        return false;
    }
    process_kill(worker_of(nemesis, target));
    story_tell(nemesis->story, "worker %d is killed", target - TARGET_WORKERS);
    // Back at once, to its own shards, or long after others have taken them over.
    suffer(nemesis, target, 0, dice_chance(&nemesis->dice, 1, 2) ? 500 : 2 * SESSION_TIMEOUT_MS, start_worker);
    return true;
}

static bool put_worker_to_sleep(struct nemesis *nemesis) {
    int target = pick(nemesis, TARGET_WORKERS, SCENE_WORKERS);
    if (target < 0) {
        return false;
    }
    process_signal(worker_of(nemesis, target), SIGSTOP);
    story_tell(nemesis->story, "worker %d sleeps", target - TARGET_WORKERS);
    suffer(nemesis, target, SESSION_TIMEOUT_MS + 200, SESSION_TIMEOUT_MS + 4000, wake_worker);
    return true;
}

static bool stop_worker(struct nemesis *nemesis) {
    int target = pick(nemesis, TARGET_WORKERS, SCENE_WORKERS);
    if (target < 0) {
        return false;
    }
    process_signal(worker_of(nemesis, target), SIGTERM);
    story_tell(nemesis->story, "worker %d is asked to stop", target - TARGET_WORKERS);
    suffer(nemesis, target, 500, 5000, see_worker_stopped);
    nemesis->sufferings[target].patience = deadline_after(PATIENCE_MS);
    return true;
}

// Brokers

static struct kafka_server *broker_of(const struct nemesis *nemesis, int target) {
    return &nemesis->scene->cluster.nodes[target - TARGET_BROKERS];
}

// One at a time: two of three could not acknowledge anything, and one of one cannot be missed for long.
static int pick_broker(struct nemesis *nemesis) {
    int count = nemesis->scene->cluster.count;
    for (int i = 0; i < count; i++) {
        if (suffers(nemesis, TARGET_BROKERS + i)) {
            return -1;
        }
    }
    return pick(nemesis, TARGET_BROKERS, count);
}

static void see_broker_settled(struct nemesis *nemesis, int target) {
    (void)nemesis, (void)target;
}

static void start_broker(struct nemesis *nemesis, int target) {
    kafka_server_launch(broker_of(nemesis, target));
    story_tell(nemesis->story, "broker %d starts", target - TARGET_BROKERS);
    suffer(nemesis, target, SETTLING_MS, SETTLING_MS, see_broker_settled);
}

static void wake_broker(struct nemesis *nemesis, int target) {
    kafka_server_resume(broker_of(nemesis, target));
    story_tell(nemesis->story, "broker %d wakes", target - TARGET_BROKERS);
}

static bool kill_broker(struct nemesis *nemesis) {
    int target = pick_broker(nemesis);
    if (target < 0) {
        return false;
    }
    kafka_server_kill(broker_of(nemesis, target));
    story_tell(nemesis->story, "broker %d is killed", target - TARGET_BROKERS);
    suffer(nemesis, target, 0, nemesis->scene->cluster.count > 1 ? 6000 : 2500, start_broker);
    return true;
}

static bool put_broker_to_sleep(struct nemesis *nemesis) {
    int target = pick_broker(nemesis);
    if (target < 0) {
        return false;
    }
    kafka_server_pause(broker_of(nemesis, target));
    story_tell(nemesis->story, "broker %d sleeps", target - TARGET_BROKERS);
    suffer(nemesis, target, 300, 4000, wake_broker);
    return true;
}

// Redis

static void restart_redis(struct nemesis *nemesis, int target) {
    (void)target;
    redis_pair_restart(&nemesis->scene->redis);
    story_tell(nemesis->story, "Redis starts");
}

static void wake_redis(struct nemesis *nemesis, int target) {
    (void)target;
    redis_server_resume(redis_pair_master(&nemesis->scene->redis));
    story_tell(nemesis->story, "Redis wakes");
}

static void promote(struct nemesis *nemesis, int target) {
    (void)target;
    redis_pair_promote(&nemesis->scene->redis);
    story_tell(nemesis->story, "Redis is killed; its replica takes over");
}

static bool kill_redis(struct nemesis *nemesis) {
    if (suffers(nemesis, TARGET_REDIS)) {
        return false;
    }
    redis_server_kill(redis_pair_master(&nemesis->scene->redis));
    story_tell(nemesis->story, "Redis is killed");
    suffer(nemesis, TARGET_REDIS, 0, 2000, restart_redis);
    return true;
}

static bool cut_redis_file(struct nemesis *nemesis) {
    if (!kill_redis(nemesis)) {
        return false;
    }
    redis_pair_cut_file(&nemesis->scene->redis, &nemesis->dice);
    story_tell(nemesis->story, "Redis' file is cut");
    return true;
}

static bool promote_replica(struct nemesis *nemesis) {
    if (suffers(nemesis, TARGET_REDIS) || !redis_pair_lag(&nemesis->scene->redis)) {
        return false;
    }
    story_tell(nemesis->story, "Redis' replica lags");
    suffer(nemesis, TARGET_REDIS, 200, 2500, promote);
    return true;
}

static bool flush_redis(struct nemesis *nemesis) {
    if (suffers(nemesis, TARGET_REDIS)) {
        return false;
    }
    freeReplyObject(redis_server_command(redis_pair_master(&nemesis->scene->redis), "FLUSHALL"));
    story_tell(nemesis->story, "Redis is flushed");
    return true;
}

static bool put_redis_to_sleep(struct nemesis *nemesis) {
    if (suffers(nemesis, TARGET_REDIS)) {
        return false;
    }
    redis_server_pause(redis_pair_master(&nemesis->scene->redis));
    story_tell(nemesis->story, "Redis sleeps");
    suffer(nemesis, TARGET_REDIS, 200, 3000, wake_redis);
    return true;
}

// Proxies

static struct tcp_proxy *proxy_of(const struct nemesis *nemesis, int target) {
    return target == TARGET_REDIS_PROXY ? nemesis->scene->redis.proxy
                                        : nemesis->scene->cluster.proxies[target - TARGET_BROKER_PROXIES];
}

static const char *network_of(int target) {
    static const char *const names[] = {"the network to broker 0", "the network to broker 1",
                                        "the network to broker 2"};
    return target == TARGET_REDIS_PROXY ? "the network to Redis" : names[target - TARGET_BROKER_PROXIES];
}

static void mend_proxy(struct nemesis *nemesis, int target) {
    tcp_proxy_behave(proxy_of(nemesis, target), PROXY_PASSES, 0);
    story_tell(nemesis->story, "%s is well again", network_of(target));
}

static int pick_broker_proxy(struct nemesis *nemesis) {
    return pick(nemesis, TARGET_BROKER_PROXIES, nemesis->scene->cluster.count);
}

static int pick_redis_proxy(struct nemesis *nemesis) {
    return pick(nemesis, TARGET_REDIS_PROXY, 1);
}

static bool misbehave(struct nemesis *nemesis, int target, enum tcp_proxy_manner manner, int most_ms) {
    static const char *const how[] = {
        [PROXY_DELAYS] = "is slow", [PROXY_HANGS] = "hangs", [PROXY_SWALLOWS] = "loses answers"};
    if (target < 0) {
        return false;
    }
    tcp_proxy_behave(proxy_of(nemesis, target), manner, dice_between(&nemesis->dice, 10, 700));
    story_tell(nemesis->story, "%s %s", network_of(target), how[manner]);
    suffer(nemesis, target, 200, most_ms, mend_proxy);
    return true;
}

static bool cut_short(struct nemesis *nemesis, int target) {
    if (target < 0) {
        return false;
    }
    tcp_proxy_cut_after(proxy_of(nemesis, target), 1 + dice_roll(&nemesis->dice, CUT_BYTES_MAX));
    story_tell(nemesis->story, "%s will be cut in the middle", network_of(target));
    return true;
}

static bool slow_brokers(struct nemesis *nemesis) {
    return misbehave(nemesis, pick_broker_proxy(nemesis), PROXY_DELAYS, 5000);
}

static bool hang_brokers(struct nemesis *nemesis) {
    return misbehave(nemesis, pick_broker_proxy(nemesis), PROXY_HANGS, 4000);
}

static bool lose_answers(struct nemesis *nemesis) {
    return misbehave(nemesis, pick_broker_proxy(nemesis), PROXY_SWALLOWS, 4000);
}

static bool lose_commits(struct nemesis *nemesis) {
    int target = pick_broker_proxy(nemesis);
    if (target < 0) {
        return false;
    }
    tcp_proxy_swallow_from(proxy_of(nemesis, target), END_TRANSACTION);
    story_tell(nemesis->story, "%s loses answers from a commit on", network_of(target));
    // Longer than a transaction lasts: whether it was committed is not known then.
    suffer(nemesis, target, TRANSACTION_TIMEOUT_MS + 200, TRANSACTION_TIMEOUT_MS + 3000, mend_proxy);
    return true;
}

static bool cut_brokers_off(struct nemesis *nemesis) {
    int target = pick_broker_proxy(nemesis);
    if (target < 0) {
        return false;
    }
    tcp_proxy_cut(proxy_of(nemesis, target));
    story_tell(nemesis->story, "%s is cut", network_of(target));
    return true;
}

static bool cut_brokers_short(struct nemesis *nemesis) {
    return cut_short(nemesis, pick_broker_proxy(nemesis));
}

static bool slow_redis(struct nemesis *nemesis) {
    return misbehave(nemesis, pick_redis_proxy(nemesis), PROXY_DELAYS, 3000);
}

static bool lose_redis_answers(struct nemesis *nemesis) {
    return misbehave(nemesis, pick_redis_proxy(nemesis), PROXY_SWALLOWS, 2000);
}

static bool cut_redis_short(struct nemesis *nemesis) {
    return cut_short(nemesis, pick_redis_proxy(nemesis));
}

// The deck

static const struct {
    const char *name;
    int cards;
    bool kills;
    bool (*strike)(struct nemesis *nemesis); // False: it cannot be done now.
} faults[FAULTS] = {
    [FAULT_WORKER_KILLED] = {"worker killed (-9)", 6, true, kill_worker},
    [FAULT_WORKER_ASLEEP] = {"worker stopped past its session (SIGSTOP), then resumed", 2, false, put_worker_to_sleep},
    [FAULT_WORKER_STOPPED] = {"worker stopped in order (SIGTERM)", 1, false, stop_worker},
    [FAULT_BROKER_KILLED] = {"broker killed (-9)", 1, true, kill_broker},
    [FAULT_BROKER_ASLEEP] = {"broker stopped for a while (SIGSTOP)", 1, false, put_broker_to_sleep},
    [FAULT_REDIS_KILLED] = {"Redis killed (-9)", 1, true, kill_redis},
    [FAULT_REDIS_FILE_CUT] = {"Redis killed (-9), its file cut at a random byte", 1, true, cut_redis_file},
    [FAULT_REPLICA_PROMOTED] = {"Redis killed (-9), a lagging replica promoted", 1, true, promote_replica},
    [FAULT_REDIS_FLUSHED] = {"Redis flushed (FLUSHALL)", 1, false, flush_redis},
    [FAULT_REDIS_ASLEEP] = {"Redis stopped for a while (SIGSTOP)", 1, false, put_redis_to_sleep},
    [FAULT_BROKERS_SLOW] = {"network to a broker slow", 1, false, slow_brokers},
    [FAULT_BROKERS_HANG] = {"network to a broker hangs", 1, false, hang_brokers},
    [FAULT_ANSWERS_LOST] = {"answers of a broker lost", 1, false, lose_answers},
    [FAULT_COMMITS_LOST] = {"answers of a broker lost from the end of a transaction on", 3, false, lose_commits},
    [FAULT_BROKERS_CUT_OFF] = {"connections to a broker cut", 1, false, cut_brokers_off},
    [FAULT_BROKERS_CUT_SHORT] = {"connections to a broker cut at a random byte", 1, false, cut_brokers_short},
    [FAULT_REDIS_SLOW] = {"network to Redis slow", 1, false, slow_redis},
    [FAULT_REDIS_ANSWERS_LOST] = {"answers of Redis lost", 1, false, lose_redis_answers},
    [FAULT_REDIS_CUT_SHORT] = {"connections to Redis cut at a random byte", 1, false, cut_redis_short},
};

const char *fault_name(enum fault fault) {
    return faults[fault].name;
}

bool fault_kills(enum fault fault) {
    return faults[fault].kills;
}

static void shuffle(struct nemesis *nemesis) {
    for (int i = nemesis->deck_count - 1; i > 0; i--) {
        int j = (int)dice_roll(&nemesis->dice, (unsigned)i + 1);
        enum fault card = nemesis->deck[i];
        nemesis->deck[i] = nemesis->deck[j];
        nemesis->deck[j] = card;
    }
    nemesis->deck_next = 0;
}

void nemesis_init(struct scene *scene, struct story *story, uint64_t seed, int pause_max_ms,
                  struct nemesis *ret_nemesis) {
    *ret_nemesis = (struct nemesis){
        .scene = scene, .story = story, .dice = dice_of(~seed), .pause_max_ms = pause_max_ms};
    for (int fault = 0; fault < FAULTS; fault++) {
        for (int i = 0; i < faults[fault].cards; i++) {
            ret_nemesis->deck[ret_nemesis->deck_count++] = (enum fault)fault;
        }
    }
    shuffle(ret_nemesis);
    ret_nemesis->next = deadline_after(0);
}

// Plays the first card that can be played now; it goes to those that were played.
static void strike(struct nemesis *nemesis) {
    for (int i = nemesis->deck_next; i < nemesis->deck_count; i++) {
        enum fault card = nemesis->deck[i];
        if (!faults[card].strike(nemesis)) {
            continue;
        }
        nemesis->counts[card]++;
        nemesis->deck[i] = nemesis->deck[nemesis->deck_next];
        nemesis->deck[nemesis->deck_next++] = card;
        break;
    }
    if (nemesis->deck_next == nemesis->deck_count) {
        shuffle(nemesis);
    }
}

static void heal(struct nemesis *nemesis) {
    for (int target = 0; target < TARGETS; target++) {
        struct suffering *suffering = &nemesis->sufferings[target];
        if (!suffering->heal || !deadline_passed(suffering->until)) {
            continue;
        }
        void (*heal_it)(struct nemesis *, int) = suffering->heal;
        suffering->heal = NULL; // It may put off, or begin, something.
        heal_it(nemesis, target);
    }
}

// librdkafka (2.0.2) at times ends the process itself when a transaction's end is answered after it was given up: the
// state machine of rdkafka_txnmgr.c asserts that this cannot be. It is as a kill, of which there are enough; what is to
// be shown here is that nothing comes of it.
static bool was_aborted_by_library(struct nemesis *nemesis, int target) {
    char *tail = process_log_tail(worker_of(nemesis, target));
    bool was = worker_of(nemesis, target)->exit_status == ENDED_BY_SIGABRT && strstr(tail, ": rdkafka_") &&
               strstr(tail, "Assertion");
    free(tail);
    return was;
}

static void see_worker_ended(struct nemesis *nemesis, int target) {
    if (was_aborted_by_library(nemesis, target)) {
        nemesis->aborted++;
        story_tell(nemesis->story, "worker %d was ended by librdkafka", target - TARGET_WORKERS);
    } else {
        tell_end(nemesis, target, "by itself");
    }
    start_worker(nemesis, target);
}

static void look_after_workers(struct nemesis *nemesis) {
    for (int target = TARGET_WORKERS; target < TARGET_WORKERS + SCENE_WORKERS; target++) {
        if (!suffers(nemesis, target) && !process_is_running(worker_of(nemesis, target))) {
            see_worker_ended(nemesis, target);
        }
    }
}

bool nemesis_rest(struct nemesis *nemesis) {
    look_after_workers(nemesis);
    heal(nemesis);
    for (int target = 0; target < TARGETS; target++) {
        if (suffers(nemesis, target)) {
            return false;
        }
    }
    return true;
}

void nemesis_step(struct nemesis *nemesis) {
    nemesis_rest(nemesis);
    if (deadline_passed(nemesis->next)) {
        strike(nemesis);
        nemesis->next = deadline_after(dice_between(&nemesis->dice, PAUSE_MIN_MS, nemesis->pause_max_ms));
    }
}
