// Strikes the scene with faults in an order that a seed decides: from a deck of cards that is shuffled anew whenever
// all have been played, so that each kind comes in its turn. Faults overlap; each heals by itself after a while. Main
// thread only.
#pragma once

#include "tests/faults/scene.h"
#include "tests/faults/story.h"

enum fault {
    FAULT_WORKER_KILLED,
    FAULT_WORKER_ASLEEP, // Past its session: a zombie when it wakes.
    FAULT_WORKER_STOPPED,
    FAULT_BROKER_KILLED,
    FAULT_BROKER_ASLEEP,
    FAULT_REDIS_KILLED,
    FAULT_REDIS_FILE_CUT,
    FAULT_REPLICA_PROMOTED, // One that lagged.
    FAULT_REDIS_FLUSHED,
    FAULT_REDIS_ASLEEP,
    FAULT_BROKERS_SLOW,
    FAULT_BROKERS_HANG,
    FAULT_ANSWERS_LOST, // What was asked of the brokers is done, and nobody learns of it.
    FAULT_COMMITS_LOST, // The same, of ends of transactions.
    FAULT_BROKERS_CUT_OFF,
    FAULT_BROKERS_CUT_SHORT, // In the middle of something.
    FAULT_REDIS_SLOW,
    FAULT_REDIS_ANSWERS_LOST,
    FAULT_REDIS_CUT_SHORT,
    FAULTS,
};

// What faults befall; each suffers one at a time.
enum target {
    TARGET_WORKERS,
    TARGET_BROKERS = TARGET_WORKERS + SCENE_WORKERS,
    TARGET_BROKER_PROXIES = TARGET_BROKERS + KAFKA_NODES_MAX,
    TARGET_REDIS = TARGET_BROKER_PROXIES + KAFKA_NODES_MAX,
    TARGET_REDIS_PROXY,
    TARGETS,
};

struct nemesis;

struct suffering {
    void (*heal)(struct nemesis *nemesis, int target); // NULL: it does not suffer.
    struct deadline until;
    struct deadline patience; // Of an orderly stop.
};

enum { DECK_MAX = 64 };

struct nemesis {
    struct scene *scene;
    struct story *story;
    struct dice dice;
    struct suffering sufferings[TARGETS];
    enum fault deck[DECK_MAX];
    int deck_count, deck_next;
    struct deadline next; // Strike.
    int pause_max_ms;
    unsigned counts[FAULTS];
    unsigned aborted; // Workers that an assert of librdkafka's own has ended.
};

// `pause_max_ms`: the longest time between two strikes.
void nemesis_init(struct scene *scene, struct story *story, uint64_t seed, int pause_max_ms,
                  struct nemesis *ret_nemesis);

// To be called all the time: strikes where it is time to, heals, and looks whether a worker has ended by itself, which
// none may.
void nemesis_step(struct nemesis *nemesis);

// The same without a strike; whether nothing suffers any more.
bool nemesis_rest(struct nemesis *nemesis);

const char *fault_name(enum fault fault);

// Whether a process is killed by it.
bool fault_kills(enum fault fault);
