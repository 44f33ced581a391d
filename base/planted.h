/* Bugs that can be planted, to see the simulator find them: one at a time, `sim --bug NAME`. A build has them only with
 * the option BELLWETHER_PLANTED, which nothing that is shipped has; in every other one PLANTED() is a constant false.
 */
#pragma once

#include <stdbool.h>

/* Each with what it does instead of the right thing. */
#define PLANTED_BUGS(BUG)                                                                                          \
    BUG(offsets_unstable, "the group's offsets are read while a transaction still hangs over them")                \
    BUG(barrier_first, "the barrier is set before the offsets are stable")                                         \
    BUG(no_barrier, "a takeover sets no barrier, and takes the changelog's end for it")                            \
    BUG(offsets_left_out, "a commit sends no offsets")                                                             \
    BUG(offsets_short, "the offsets that are committed are those of the last record, not of the next one")         \
    BUG(membership_afresh, "the group's metadata is taken afresh at each commit, so that nothing is fenced by it") \
    BUG(producer_kept, "the same producer goes on though its EndTxn may have been sent twice")                     \
    BUG(commit_after_refusal, "a transaction is committed though the group refused its offsets")                   \
    BUG(unknown_taken_for_known, "a commit without an answer is taken for done")                                   \
    BUG(unknown_repeated, "a commit without an answer is published again as it stands")                            \
    BUG(memory_kept, "memory is kept after a commit that is not known to be done")                                 \
    BUG(lacking_offset_guessed, "a blob of which the delivery report has no offset is given one that is too late") \
    BUG(blob_before_known, "blobs go to the store before their commit is known")                                   \
    BUG(meta_before_blobs, "the meta moves with the first blob of a commit instead of the last one")               \
    BUG(owner_unchecked, "the store does not tell a shard's owners apart")                                         \
    BUG(write_number_unchecked, "the write number in the store is not looked at")                                  \
    BUG(watch_left_out, "the store's meta is looked at before a write, and not watched until it is done")          \
    BUG(watch_not_renewed, "the store's meta is watched for the first transaction of a write only")                \
    BUG(store_loss_ignored, "a store that has lost the shard's data is written to all the same")                   \
    BUG(claim_unchecked, "a new connection does not look whether the shard is as the old one left it")             \
    BUG(never_verified, "an idle owner never looks whether the store went back")                                   \
    BUG(restore_after_meta, "a restore begins behind the barrier instead of at the meta's offset")                 \
    BUG(restore_uncommitted, "a restore also reads what was aborted")                                              \
    BUG(shard_kept, "a shard that comes back goes on with the memory with which it was given up")                  \
    BUG(evicted_unacknowledged, "an account leaves memory before the store has acknowledged it")                   \
    BUG(tombstone_for_erased, "an erased account is a tombstone in the changelog")                                 \
    BUG(timer_lost, "deadlines are not restored at a takeover")                                                    \
    BUG(clocks_not_restored, "a shard's clocks begin anew at a takeover")                                          \
    BUG(chosen_not_restored, "a takeover in the middle of a record's ticks forgets which record that was")         \
    BUG(chosen_by_stream, "of the record whose ticks had begun a takeover knows the stream, and not which it was") \
    BUG(rules_change_forgotten, "a commit in the middle of a change of rules takes it for complete")               \
    BUG(cursor_kept, "pages of due accounts go on over a write")                                                   \
    BUG(noted_before_known, "a blob is left out of a write, as a later commit has it that is not known yet")       \
    BUG(scan_kept, "a scan of all accounts goes on after Redis was started anew")                                  \
    BUG(deadline_forgotten, "the deadline of an account that leaves memory is forgotten")                          \
    BUG(deadline_kept, "a deadline that the store has once is never sent again")                                   \
    BUG(status_without_change, "a status is published without the changes that led to it")                         \
    BUG(duplicate_commits, "the record of a shard is committed with the number of the commit before")              \
    BUG(group_believed, "the group's offsets win over the shard record's")                                         \
    BUG(layout_left_out, "blobs are committed without the layout that they are of")                                \
    BUG(layout_not_stored, "a layout is committed, and not written to the store")                                  \
    BUG(layout_not_restored, "a restore leaves the layouts that it reads out of the store")

#define PLANTED_ENUM(name, about) BUG_##name,
enum planted_bug { BUG_NONE, PLANTED_BUGS(PLANTED_ENUM) BUGS };
#undef PLANTED_ENUM

#ifdef BELLWETHER_PLANTED
extern enum planted_bug planted_bug; /* the simulator's */
static inline bool planted_is(enum planted_bug bug) {
    return planted_bug == bug;
}
#else
static inline bool planted_is(enum planted_bug bug) {
    (void)bug;
    return false;
}
#endif
#define PLANTED(name) planted_is(BUG_##name)
