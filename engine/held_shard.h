/* A shard that the worker was assigned, with all that belongs to it. Part of the pipeline. */
#pragma once

#include "engine/changelog_record.h"
#include "engine/limits.h"
#include "engine/merge.h"
#include "engine/restore_page.h"
#include "engine/shard.h"
#include "engine/write_behind.h"

/* What a takeover knows of the shard so far; cleared when it starts anew. */
struct takeover_shard {
    int64_t committed[STREAMS]; /* the group's offsets; OFFSET_NONE */
    int64_t starts[STREAMS];    /* what the barrier commits */
    bool is_new;                /* there is no shard record: the barrier's transaction writes the first one */
    bool makes_id;
    bool group_is_behind; /* its offsets were set back or had expired; the shard record's are committed anew */
    struct text group;    /* whose changelog it is, in the shard's arena */
    int64_t noted_end;    /* the changelog's, before the barrier */
    struct barrier barrier;
    struct barrier found; /* a barrier that was read */
    bool open;            /* the changelog is, for this shard */
    bool asked;           /* the claim is on its way */
    bool claimed;
    bool restored; /* what was read last reached the barrier */
    int64_t position;
    struct restore_page page;
    bool writing;         /* the page is full, and on its way to the store */
    uint32_t written;     /* accounts of the page that were sent, */
    bool all_sent;        /* and whether those are all */
    uint32_t writes_open; /* that the store has not answered, the oldest first */
    struct stored_blob *writes[RESTORE_WRITES_MAX];
    struct buffer newest;  /* the newest shard record's bytes; empty: none was met */
    int64_t newest_place;  /* where it lies */
    struct buffer layouts; /* as the store has got them with the meta */
    int64_t meta_moved_ms;
    struct bounds bounds[STREAMS]; /* of the inputs, as they were asked at `bounds_ms` */
    int64_t bounds_ms;
    bool bounded;
    uint32_t checked; /* inputs */
    int64_t retry_until_ms;
};

struct held_shard {
    int32_t number;
    bool running;
    bool held_back; /* other rules followed ours: it is not evaluated here */
    struct takeover_shard takeover;

    struct shard *shard;
    struct merge *merge;
    struct arena arena;         /* of `record` and `layouts` */
    struct shard_record record; /* as it will be committed next, but for clocks and commit number */
    struct layouts layouts;     /* those that its changelog has, in the arena */
    bool adds_layout;           /* the commit that is being published brings the newest of them */
    uint8_t changelog_id[CHANGELOG_ID_SIZE];
    int64_t epoch;                /* the changelog offset of our barrier */
    int64_t newest_offset;        /* of the newest known record in the changelog, or a lower bound */
    bool moved;                   /* records were taken since the last commit began */
    bool sealed;                  /* it has a part in the commit that is under way */
    int64_t record_ms;            /* timestamp of the last one */
    int64_t decode_not_before_ms; /* the next record's schema was not to be had */

    struct batch changelog;              /* of the commit that is being published */
    struct committed_account *committed; /* the accounts that it begins with, */
    uint32_t committed_count;            /* and how many they are */
    struct write_behind behind;
    bool claimed; /* the store takes our requests */
    bool claiming;
    uint32_t loads; /* open requests for accounts */
    bool paging;    /* a page of due or of all accounts is on its way */
    bool verifying;
    int64_t verified_ms;
};
