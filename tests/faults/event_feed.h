// A producer that keeps going, on a thread of its own, whatever happens to the brokers; and a file for each partition
// number with the same events, for `replay`.
//
// Events that are read while they are produced can be merged in more than one order: where one partition is at its end,
// another's later record is taken. The feed leaves nothing to that choice. Each partition number's time is divided into
// pages of a day, which is also the rules' tick. Within a page all of an account's events are in one stream (in the
// next page in another), and the first event of each stream is on time, so that the day's tick fires before anything
// else whichever comes first. A page begins only when the group has committed all of the one before. So each account's
// changes are the same in whatever order its shard's partitions are merged.
//
// All times lie in a future that no test lives to see: the wall clock, which moves time where nothing comes, is behind.
#pragma once

#include <stdint.h>

#include "base/result.h"
#include "engine/core/streams.h"

struct event_feed;

struct event_feed_options {
    uint64_t seed;
    const char *addresses;       // Of the brokers.
    const char *group;           // Whose commits are waited for.
    const char *topics[STREAMS]; // Empty so far, and written by nobody else.
    int partitions;
    int accounts;
    int events_per_second;
    const char *folder; // For the files.
};

struct event_feed_counts {
    uint64_t events;   // All that were produced.
    uint64_t poisoned; // Those of them that cannot but be rejected; they are in no file.
    uint64_t pages;    // That were begun.
};

// Main thread; the texts of `options` are borrowed.
void event_feed_start(const struct event_feed_options *options, struct event_feed **ret_feed);

// Produces no more and awaits that all that was produced is acknowledged.
MUST_USE enum result event_feed_finish(struct event_feed *feed, struct error *error);

// After event_feed_finish: how many records the group has not committed yet; -1: not known at the moment.
int64_t event_feed_lag(struct event_feed *feed);
void event_feed_count(const struct event_feed *feed, struct event_feed_counts *ret_counts);

// The file of one partition number, of PATH_MAX bytes at most.
void event_feed_path(const struct event_feed *feed, int partition, char *ret_path);
void event_feed_free(struct event_feed *feed);
