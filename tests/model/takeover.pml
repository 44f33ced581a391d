/* The protocol of docs/exactly-once.md between two workers, for spin: who may publish, when a takeover is safe, and what
 * Redis may be believed. ./check.sh runs it: as it is (no error), then with each step left out (an error each).
 *
 * What there is. SHARDS shards; each has an input of RECORDS records, a log (its partition of the changelog) and a copy
 * in Redis. Record n of a shard belongs to its account A (n odd) or B (n even). A's first record arms a timer; it fires,
 * once, at the tick before record DUE, and is an output of that record's commit. Record ERASE erases its account.
 *
 * A commit is a transaction of one record each of some of the worker's shards: for each a log record that stands for the
 * outputs, the blobs of the accounts that it touched, and the shard record (its number is also the input's offset); and
 * the offsets of all shards that the worker holds.
 *
 * What may happen. Between two atomics every process may stop for ever (a crash), or for as long as it likes (a zombie).
 * An end of a transaction may be decided and not answered, arrive late, or twice; its markers reach the offsets and each
 * log later, in any order. The coordinator may end a transaction that takes too long. The group may give any shard to
 * anybody. Redis may go back to any earlier state, or be flushed; the log may be compacted up to any place below its last
 * stable offset; the group's offsets may be lost. How often each: see below, and README.md.
 *
 * What must hold: the assertions. A transaction that is decided holds the very next record of each shard, its timer where
 * it is due and nowhere else, behind all former ones, and the offset that belongs to it; an owner that has taken over
 * has in Redis what the log says; and when nothing can move any more, everything is published and in Redis. */

/* ---- bounds */

#ifndef SHARDS
#define SHARDS 1
#endif
#ifndef RECORDS
#define RECORDS 2 /* of each shard */
#endif
#ifndef DUE
#define DUE 2 /* the record before which the timer fires; even: it is not A's own */
#endif
#ifndef ERASE
#define ERASE 9 /* the record that erases; beyond RECORDS: none */
#endif
#ifndef REBALANCES
#define REBALANCES 1
#endif
#ifndef FAULTS
#define FAULTS 1 /* crashes, ends that are unanswered, late or doubled, connections to Redis lost */
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 0 /* transactions that the coordinator ends */
#endif
#ifndef ROLLBACKS
#define ROLLBACKS 0 /* 1: Redis goes back, or is flushed, once */
#endif
#ifndef COMPACTIONS
#define COMPACTIONS 0
#endif
#ifndef FINE
#define FINE 1 /* 0: a shard's whole restore is one script, as is all that is written behind; accounts stay in memory */
#endif

#define LOG_MAX  16 /* asserted */
#define ACCOUNTS (2 * SHARDS)
#define AT(s, a) (2 * (s) + (a)) /* an account's place in arrays over all shards */
#define A        0
#define B        1

/* A blob's value: how many records of the account it counts, whether its timer has fired; or that it was erased. */
#define FIRED    4
#define STUB     7
#define armed(v) ((v) > 0 && (v) < FIRED)

#define account_of(n) (((n) - 1) % 2)
/* The value that account a must have after the first p records. */
#define counted(a, p)  (((p) + 1 - (a)) / 2)
#define expected(a, p) ((p) >= ERASE && (a) == account_of(ERASE) -> STUB : counted(a, p) + ((a) == A && (p) >= DUE -> FIRED : 0))

#ifdef TOMBSTONE_FOR_ERASED
#define is_tombstone(v) ((v) == STUB)
#else
#define is_tombstone(v) 0
#endif
/* What Redis must have of it. */
#define in_redis(a, p) (is_tombstone(expected(a, p)) -> 0 : expected(a, p))

/* ---- the group and its offsets */

byte generation = 1;
byte owner[SHARDS];                  /* of each shard: worker 0 or 1 */
byte committed[SHARDS];              /* offsets */
byte committed_place[SHARDS], offsets_written; /* in the partition of __consumer_offsets: the later record counts */
bool expired;                        /* the offsets were lost, and none was committed since */

/* ---- the coordinator of transactions, by worker: each has one transactional id */

byte epoch[2];
bool in_transaction[2];              /* one is open, and not decided */
byte markers[2];                     /* still to be written: bit s for the log of shard s, OFFSETS */
byte pending[2];                     /* bit s: offsets of shard s are pending */
byte pending_place[2];
typedef Offsets { byte shard[SHARDS] };
Offsets pending_offset[2];
byte late[2];                        /* an EndTxn under way: its producer's epoch; 0: none */
#define OFFSETS 128

/* ---- the changelog */

#define FREE    0
#define DATA    1 /* blobs and shard record of a commit */
#define BARRIER 2
#define OPEN      0
#define COMMITTED 1
#define ABORTED   2
typedef Log {
    byte count;
    byte kind[LOG_MAX], writer[LOG_MAX], state[LOG_MAX];
    byte number[LOG_MAX];            /* of the commit */
    bool fired[LOG_MAX];             /* the timer's output is in it */
    byte blob[2 * LOG_MAX];          /* values, AT(record, account); 0: not touched */
    byte cleaned;                    /* compacted up to here */
};
Log log[SHARDS];

/* ---- Redis: of each shard a meta, two blobs, and the set of accounts that are due */

typedef Redis {
    byte epoch, write;
#ifdef DELAYED_WRITE
    byte claim;                      /* its nonce; of each epoch there is one where no connection is lost */
#endif
    byte place, number;              /* the meta: everything below this place of the log is here; the newest commit */
    byte blob[2], blob_place[2];     /* blob_place: the record's place + 1; 0: there is none */
    bool due;                        /* A is in the set */
};
Redis redis[SHARDS];
#if ROLLBACKS
Redis kept[1], nothing;              /* what shard 0 may go back to */
byte rollback;                       /* 0: nothing is kept yet, 1: it is, 2: done */
#ifdef DELAYED_WRITE
#define same_claim (redis[0].claim == kept[0].claim)
#else
#define same_claim 1
#endif
#define is_as_kept (redis[0].epoch == kept[0].epoch && same_claim && redis[0].write == kept[0].write)
#endif

/* ---- ghosts */

byte published[SHARDS];              /* records whose outputs are committed */
byte last_place[SHARDS];             /* of the last one */

byte faults = FAULTS, timeouts = TIMEOUTS, rebalances = REBALANCES, compactions = COMPACTIONS;
#ifdef OFFSETS_EXPIRE
bool may_expire = 1;
#endif

/* ---- the steps of Kafka; i and x are the caller's scratch, 0 before and after */

inline append(s, what) {
    assert(log[s].count < LOG_MAX);
    log[s].kind[log[s].count] = what;
    log[s].writer[log[s].count] = me;
    log[s].count++
}

inline set_state(s, worker, outcome) {
    for (i : 0 .. log[s].count - 1) {
        if :: log[s].writer[i] == worker && log[s].state[i] == OPEN -> log[s].state[i] = outcome :: else fi
    }
    i = 0
}

inline drop_pending(worker) {
    for (x : 0 .. SHARDS - 1) { pending_offset[worker].shard[x] = 0 }
    x = 0;
    pending[worker] = 0;
    pending_place[worker] = 0
}

inline abort(worker) {
    for (x : 0 .. SHARDS - 1) { set_state(x, worker, ABORTED) }
    x = 0;
    drop_pending(worker);
    in_transaction[worker] = 0
}

/* init_transactions: a new epoch; what is open under an older one is aborted, what is decided is waited for. */
inline new_producer(worker) {
    markers[worker] == 0;
    epoch[worker]++;
    if :: in_transaction[worker] -> abort(worker) :: else fi
}

/* What is published is what an undisturbed run would publish next. */
inline judge_record(s, i) {
    assert(log[s].number[i] == published[s] + 1 && i >= last_place[s]);
    assert(log[s].fired[i] == (log[s].number[i] == DUE));
    assert(log[s].blob[AT(i, A)] == 0 || log[s].blob[AT(i, A)] == expected(A, log[s].number[i]));
    assert(log[s].blob[AT(i, B)] == 0 || log[s].blob[AT(i, B)] == expected(B, log[s].number[i]));
    published[s]++;
    last_place[s] = i;
    expired = 0
}

/* EndTxn(commit) is accepted: from now on it holds, and its markers are on their way. */
inline decide(worker) {
    for (x : 0 .. SHARDS - 1) {
        i = 0;
        do
        :: i < log[x].count ->
            if
            :: log[x].writer[i] == worker && log[x].state[i] == OPEN ->
                markers[worker] = markers[worker] | (1 << x);
                if :: log[x].kind[i] == DATA -> judge_record(x, i) :: else fi
            :: else
            fi;
            i++
        :: else -> break
        od;
        assert(!(pending[worker] >> x & 1) || pending_offset[worker].shard[x] == published[x] || expired)
    }
    i = 0;
    x = 0;
    if :: pending[worker] -> markers[worker] = markers[worker] | OFFSETS :: else fi;
    in_transaction[worker] = 0
}

inline write_offsets_marker(worker) {
    for (x : 0 .. SHARDS - 1) {
        if
        :: (pending[worker] >> x & 1) && pending_place[worker] > committed_place[x] ->
            committed[x] = pending_offset[worker].shard[x];
            committed_place[x] = pending_place[worker]
        :: else
        fi
    }
    x = 0;
    drop_pending(worker);
    markers[worker] = markers[worker] & ~OFFSETS;
    if
    :: markers[0] == 0 && markers[1] == 0 && !expired ->
        for (x : 0 .. SHARDS - 1) { assert(committed[x] == published[x]) }
        x = 0
    :: else
    fi
}

inline set_timer(s, v) { redis[s].due = armed(v) }

#ifdef DELAYED_WRITE
/* A claim's nonce: no two have the same. */
byte claims;
#ifdef CLAIM_UNCHECKED
#define is_claim(nonce) 1
#else
#define is_claim(nonce) (redis[0].claim == (nonce))
#endif
inline note_claim() {
    claims++;
    claim = claims;
    redis[0].claim = claim
}

/* A write on a connection that was given up; it arrives late, or never. */
typedef Delayed { bool under_way; byte epoch, claim, write, account, value, place };
Delayed delayed[2];
inline receive_delayed(worker) {
    if
    :: redis[0].epoch == delayed[worker].epoch && is_claim(delayed[worker].claim) &&
       redis[0].write == delayed[worker].write ->
        redis[0].blob[delayed[worker].account] = delayed[worker].value;
        redis[0].blob_place[delayed[worker].account] = delayed[worker].place;
        if :: delayed[worker].account == A -> redis[0].due = armed(delayed[worker].value) :: else fi;
        redis[0].write++
    :: else
    fi;
    delayed[worker].under_way = 0; delayed[worker].epoch = 0; delayed[worker].claim = 0; delayed[worker].write = 0;
    delayed[worker].account = 0; delayed[worker].value = 0; delayed[worker].place = 0
}
#endif

/* ---- what happens by itself */

proctype Network(byte worker) {
    byte i, x;
end:
    do
    :: atomic {
        late[worker] != 0 ->
        if :: late[worker] == epoch[worker] && in_transaction[worker] -> decide(worker) :: else fi;
        late[worker] = 0
       }
    :: atomic { markers[worker] & 1 -> set_state(0, worker, COMMITTED); markers[worker] = markers[worker] & ~1 }
#if SHARDS > 1
    :: atomic { markers[worker] & 2 -> set_state(1, worker, COMMITTED); markers[worker] = markers[worker] & ~2 }
#endif
    :: atomic { markers[worker] & OFFSETS -> write_offsets_marker(worker) }
    :: atomic { timeouts > 0 && in_transaction[worker] -> timeouts--; epoch[worker]++; abort(worker) }
#ifdef DELAYED_WRITE
    :: atomic { delayed[worker].under_way -> receive_delayed(worker) }
#endif
    od
}

inline copy(from, to) {
    to.epoch = from.epoch;
    to.write = from.write;
#ifdef DELAYED_WRITE
    to.claim = from.claim;
#endif
    to.place = from.place;
    to.number = from.number;
    to.blob[A] = from.blob[A];
    to.blob[B] = from.blob[B];
    to.blob_place[A] = from.blob_place[A];
    to.blob_place[B] = from.blob_place[B];
    to.due = from.due
}

proctype World() {
    byte i, x;
end:
    do
    :: atomic {
        rebalances > 0 -> rebalances--; generation++;
        for (x : 0 .. SHARDS - 1) { if :: owner[x] = 1 - owner[x] :: skip fi }
        x = 0
       }
#if COMPACTIONS
    :: atomic { /* of shard 0, to any place below its last stable offset */
        compactions > 0 && log[0].count > 1 -> compactions--;
        i = log[0].cleaned;
        do
        :: i < log[0].count && log[0].state[i] != OPEN -> i++
        :: break
        od;
        log[0].cleaned = i;
        i = 0
       }
#endif
#if ROLLBACKS /* of shard 0 */
    :: atomic { rollback == 0 && redis[0].epoch > 0 -> rollback = 1; copy(redis[0], kept[0]) }
    :: atomic { rollback == 0 && redis[0].epoch > 0 -> rollback = 2; copy(kept[0], redis[0]) } /* flushed: it is empty */
    :: atomic { rollback == 1 && !is_as_kept -> rollback = 2; copy(kept[0], redis[0]); copy(nothing, kept[0]) }
#endif
#ifdef OFFSETS_EXPIRE
    :: atomic { may_expire && pending[0] == 0 && pending[1] == 0 && committed[0] > 0 -> may_expire = 0; committed[0] = 0; expired = 1 }
#endif
    od
}

/* ---- a worker */

/* Redis answers a script of the owner only where epoch, claim and write number are what the owner left. */
#ifdef EPOCH_UNCHECKED
#define same_epoch(s) 1
#else
#define same_epoch(s) (redis[s].epoch == barrier[s])
#endif
#ifdef WRITE_NUMBER_UNCHECKED
#define same_write(s) 1
#else
#define same_write(s) (redis[s].write == write[s])
#endif
#ifdef DELAYED_WRITE
#define mine(s)    (same_epoch(s) && is_claim(claim) && same_write(s))
#else
#define mine(s)    (same_epoch(s) && same_write(s))
#endif
#define holds(s)   (held >> (s) & 1)
#define is_member  (generation == gen)
#define is_fenced  (epoch[me] != producer)
#define has_shards (owner[0] == me || owner[SHARDS - 1] == me)

/* Whether the offsets that are committed can be had: no transaction hangs over them. */
#ifdef OFFSETS_BEFORE_STABLE
#define is_stable 1
#else
#define is_stable (((pending[0] | pending[1]) & held) == 0)
#endif

inline fetch_offsets() {
    for (x : 0 .. SHARDS - 1) {
        if
        :: holds(x) ->
            offset[x] = committed[x];
#ifndef OFFSETS_BEFORE_STABLE
            assert(!is_member || offset[x] == published[x] || expired)
#endif
        :: else
        fi
    }
    x = 0
}

inline forget_shard(s) {
    offset[s] = 0; barrier[s] = 0; write[s] = 0; position[s] = 0; known[s] = 0; meta[s] = 0; at[s] = 0;
    value[AT(s, A)] = 0; value[AT(s, B)] = 0; dirty[AT(s, A)] = 0; dirty[AT(s, B)] = 0;
    in_memory = in_memory & ~(3 << AT(s, A));
    looked = looked & ~(1 << s)
}

inline forget() {
    d_step {
        for (x : 0 .. SHARDS - 1) { forget_shard(x) }
        x = 0; s = 0; a = 0; i = 0; gen = 0; held = 0; batch = 0; touched = 0; firing = 0; newest = 0; found = 0; ok = 0;
        again = 0; apart = 0
    }
}

/* The offsets of all shards that are held, with the metadata that was copied when they were assigned; a fence. */
inline send_offsets() {
    offsets_written++;
    pending[me] = held;
    pending_place[me] = offsets_written;
    for (x : 0 .. SHARDS - 1) {
        if :: holds(x) -> pending_offset[me].shard[x] = offset[x] :: else fi
    }
    x = 0
}

/* EndTxn(commit): ok: it is known to be done. Else nobody knows; only a new producer finds out, by ending it. */
inline end_transaction() {
    if
    :: is_fenced -> ok = 0
    :: !is_fenced -> decide(me); ok = 1
    :: !is_fenced && faults > 0 -> faults--; decide(me); ok = 0                                 /* its answer is lost */
    :: !is_fenced && faults > 0 && late[me] == 0 -> faults--; late[me] = producer; ok = 0       /* it is on its way */
    :: !is_fenced && faults > 0 && late[me] == 0 -> faults--; decide(me); ok = 1; late[me] = producer; again = 1
                                                                                /* it was sent twice: one is on its way */
    fi
}

/* Whether the last stable offset of the log has passed our barrier. */
#define hides(s, n) ((n) < barrier[s] && log[s].state[n] == OPEN)
#if defined(READ_UNCOMMITTED) || defined(NO_BARRIER)
#define is_log_stable(s) 1
#else
#define is_log_stable(s) \
    (!(hides(s, 0) || hides(s, 1) || hides(s, 2) || hides(s, 3) || hides(s, 4) || hides(s, 5) || hides(s, 6) || \
       hides(s, 7) || hides(s, 8) || hides(s, 9) || hides(s, 10) || hides(s, 11) || hides(s, 12) || hides(s, 13) || \
       hides(s, 14) || hides(s, 15)))
#endif
#ifdef READ_UNCOMMITTED
#define is_readable(s, n) (log[s].kind[n] == DATA)
#else
#define is_readable(s, n) (log[s].kind[n] == DATA && log[s].state[n] == COMMITTED)
#endif

/* Which blobs of record i of the log a reader finds, and whether its shard record: compaction keeps the newest of a key.
 * In `found`: bit A, bit B, 4: the shard record. */
inline look_at(s) {
    found = 0;
    if
    :: is_readable(s, i) ->
        found = 4 | (log[s].blob[AT(i, A)] != 0) | (log[s].blob[AT(i, B)] != 0) << 1;
#if COMPACTIONS
        x = i + 1;
        do
        :: x < log[s].cleaned ->
            if
            :: log[s].state[x] == COMMITTED && log[s].kind[x] == DATA ->
                found = found & ~(4 | (log[s].blob[AT(x, A)] != 0) | (log[s].blob[AT(x, B)] != 0) << 1)
#ifdef ONE_KEY_FOR_BARRIER_AND_SHARD
            :: log[s].state[x] == COMMITTED && log[s].kind[x] == BARRIER -> found = found & ~4
#endif
            :: else
            fi;
            x++
        :: else -> break
        od;
        x = 0;
        for (x : A .. B) {
            if :: i < log[s].cleaned && is_tombstone(log[s].blob[AT(i, x)]) -> found = found & ~(1 << x) :: else fi
        }
        x = 0
#endif
    :: else
    fi
}

/* A blob of the log's record i goes to Redis, unless Redis' own is as new. */
#ifdef RESTORE_OVERWRITES
#define is_wanted(s, a) 1
#elif defined(RESTORE_SKIPS_WHAT_IS_THERE)
#define is_wanted(s, a) (redis[s].blob_place[a] == 0)
#else
#define is_wanted(s, a) (i + 1 > redis[s].blob_place[a])
#endif
inline put(s, a, place, v) {
    if
    :: is_tombstone(v) -> redis[s].blob[a] = 0; redis[s].blob_place[a] = 0
    :: else -> redis[s].blob[a] = v; redis[s].blob_place[a] = place
    fi
}

inline restore_record(s) {
    for (x : A .. B) {
        if
        :: (found >> x & 1) && is_wanted(s, x) ->
            put(s, x, i + 1, log[s].blob[AT(i, x)]);
#ifndef TIMER_NOT_RESTORED
            if :: x == A -> set_timer(s, log[s].blob[AT(i, A)]) :: else fi
#endif
        :: else
        fi
    }
    x = 0;
    redis[s].write++;
    write[s]++
}

#define knows(s, a)   (in_memory >> AT(s, a) & 1)
#define next(s)       (position[s] + 1)
#define has_next(s)   (holds(s) && position[s] < RECORDS)
/* Whether the next record of the shard may be taken: its account is in memory, and what is due at the tick before it. */
#ifdef TIMER_FROM_STORE_ALONE
#define needs_due(s)  (next(s) >= DUE && !(looked >> (s) & 1))
#else
#define needs_due(s)  (next(s) >= DUE && !knows(s, A) && !(looked >> (s) & 1))
#endif
#define is_ready(s)   (has_next(s) && (!FINE || (knows(s, account_of(next(s))) && !needs_due(s))))

/* One record of a shard, and the tick before it: in memory only. */
inline compute(s) {
    batch = batch | 1 << s;
    if
#ifdef TIMER_FROM_STORE_ALONE
    :: next(s) >= DUE && redis[s].due ->
#else
    :: next(s) >= DUE && knows(s, A) && armed(value[AT(s, A)]) ->
#endif
        value[AT(s, A)] = value[AT(s, A)] | FIRED;
        touched = touched | 1 << AT(s, A);
        firing = firing | 1 << s
    :: else
    fi;
    a = account_of(next(s));
    value[AT(s, a)] = (next(s) == ERASE -> STUB : value[AT(s, a)] + 1);
    touched = touched | 1 << AT(s, a);
    a = 0;
    looked = looked & ~(1 << s);
    position[s]++
}

#define blob_of(s, a) (touched >> AT(s, a) & 1 -> value[AT(s, a)] : 0)
#ifdef LOWER_BOUND_OF_PLACES
#define place_for(s) (known[s] + 1) /* the delivery report had no offset */
#else
#define place_for(s) (at[s])
#endif
#define is_dirty(s)   (dirty[AT(s, A)] || dirty[AT(s, B)])

/* What a worker does between two transactions; each is one script of Redis, and a script that is refused means that all
 * shards are taken over anew. */

#define can_load(s) (FINE && has_next(s) && !knows(s, account_of(next(s))))
inline load(s) {
    if :: !mine(s) -> goto TAKE :: else fi;
    a = account_of(next(s));
    value[AT(s, a)] = redis[s].blob[a];
    in_memory = in_memory | 1 << AT(s, a);
    assert(!is_member || value[AT(s, a)] == expected(a, position[s]));
    a = 0
}

/* The set of due accounts counts for those that are not in memory. */
#define can_look(s) (FINE && has_next(s) && needs_due(s))
inline look_for_due(s) {
    if :: !mine(s) -> goto TAKE :: else fi;
    looked = looked | 1 << s;
    if
    :: redis[s].due && !knows(s, A) ->
        value[AT(s, A)] = redis[s].blob[A];
        in_memory = in_memory | 1 << AT(s, A)
    :: else
    fi
}

/* The newest blob of an account, and its deadline. */
#define can_write(s) (FINE && holds(s) && is_dirty(s))
inline write_behind(s) {
    if :: dirty[AT(s, A)] -> a = A :: dirty[AT(s, B)] -> a = B fi;
    if :: !mine(s) -> goto TAKE :: else fi;
    put(s, a, dirty[AT(s, a)], value[AT(s, a)]);
#ifdef TIMER_APART
    if :: a == A -> apart = 1 :: else fi;
#else
    if :: a == A -> set_timer(s, value[AT(s, A)]) :: else fi;
#endif
    redis[s].write++;
    write[s]++;
    dirty[AT(s, a)] = 0;
    a = 0
}

#ifdef META_BEFORE_BLOBS
#define can_move_meta(s) (holds(s) && meta[s] < known[s])
#else
#define can_move_meta(s) (holds(s) && meta[s] < known[s] && (!FINE || !is_dirty(s)))
#endif
inline move_meta(s) {
    if :: !mine(s) -> goto TAKE :: else fi;
#if !FINE
    for (a : A .. B) {
        if :: dirty[AT(s, a)] -> put(s, a, dirty[AT(s, a)], value[AT(s, a)]); dirty[AT(s, a)] = 0 :: else fi
    }
    a = 0;
    set_timer(s, value[AT(s, A)]);
#endif
    redis[s].place = known[s];
    redis[s].number = position[s];
    meta[s] = known[s];
    redis[s].write++;
    write[s]++;
#if !defined(META_BEFORE_BLOBS) && !defined(TIMER_APART)
    assert(redis[s].blob[A] == in_redis(A, position[s]) && redis[s].blob[B] == in_redis(B, position[s]));
    assert(redis[s].due == armed(redis[s].blob[A]))
#endif
}

/* Once Redis has its newest blob. */
#ifdef EVICTED_BEFORE_ACKNOWLEDGED
#define can_evict(s, a) (FINE && has_next(s) && knows(s, a))
#else
#define can_evict(s, a) (FINE && has_next(s) && knows(s, a) && !dirty[AT(s, a)])
#endif
inline evict(s, a) {
    in_memory = in_memory & ~(1 << AT(s, a));
    looked = looked & ~(1 << s);
    value[AT(s, a)] = 0;
    dirty[AT(s, a)] = 0
}

#define is_idle(s) (holds(s) && position[s] == RECORDS && meta[s] == known[s])

/* Whether the present assignment is the one that the worker has. */
#if SHARDS > 1
#define has_kept_all ((owner[0] == me) == holds(0) && (owner[1] == me) == holds(1))
#else
#define has_kept_all (owner[0] == me)
#endif


proctype Worker(byte me) {
    byte i, x, s, a;
    byte gen, held;                  /* the generation and the shards of the assignment */
    byte producer;                   /* its epoch */
    byte offset[SHARDS], barrier[SHARDS], write[SHARDS];
    byte position[SHARDS];           /* records that are in memory's states */
    byte known[SHARDS];              /* everything of ours below this place of the log is known to be committed */
    byte meta[SHARDS];               /* what we last let Redis' meta say */
    byte at[SHARDS];                 /* restore: how far the log was read */
    byte newest;                     /* restore: number of the newest shard record */
    byte value[ACCOUNTS], dirty[ACCOUNTS]; /* dirty: place + 1 of a blob that Redis has not got; 0: none */
    byte in_memory, looked;          /* accounts; shards whose set of due ones was looked at for the next record */
    byte batch, touched, firing;     /* of the transaction: shards, accounts, timers */
    byte found;
    bool ok, again;
    bool apart;                      /* of two of the bugs */
#ifdef DELAYED_WRITE
    byte claim;
#endif

START: /* of the process, or with a new producer after an end that nobody knows */
    forget();
    atomic { new_producer(me); producer = epoch[me] }

TAKE: /* with the producer that there is */
    forget();
end_waiting:
    atomic {
        has_shards ->
        gen = generation;
        for (x : 0 .. SHARDS - 1) { held = held | (owner[x] == me) << x }
        x = 0
    }

OFFSETS_AGAIN:
    /* 2. Wait until the offsets are stable. */
#ifndef BARRIER_BEFORE_OFFSETS
    atomic {
        if
        :: is_stable -> fetch_offsets()
        :: !is_member -> goto TAKE
        fi
    }
#else
    atomic { for (x : 0 .. SHARDS - 1) { offset[x] = committed[x] } x = 0 }
#endif

    /* 3. The barrier: a transaction. */
#ifdef NO_BARRIER
    d_step {
        for (x : 0 .. SHARDS - 1) {
            i = 0;
            do :: i < log[x].count && log[x].state[i] != OPEN -> i++ :: else -> break od;
            barrier[x] = i
        }
        i = 0;
        x = 0
    }
#else
    atomic {
        is_fenced || markers[me] == 0;
        if :: is_fenced -> goto START :: else fi;
        in_transaction[me] = 1;
        for (x : 0 .. SHARDS - 1) {
            if :: holds(x) -> append(x, BARRIER); barrier[x] = log[x].count :: else fi
        }
        x = 0
    }
    atomic {
        if
        :: is_fenced -> goto START
#ifndef BARRIER_WITHOUT_FENCE
        :: !is_fenced && !is_member -> abort(me); goto TAKE
        :: !is_fenced && is_member -> send_offsets()
#else
        :: !is_fenced
#endif
        fi
    }
    atomic {
        end_transaction();
        if :: !ok -> goto START :: else fi;
        ok = 0
    }
#ifndef PRODUCER_KEPT_AFTER_TROUBLE
    atomic { if :: again -> again = 0; new_producer(me); producer = epoch[me] :: else fi }
#endif
#ifdef BARRIER_BEFORE_OFFSETS
    atomic {
        if
        :: is_stable -> for (x : 0 .. SHARDS - 1) { offset[x] = committed[x] } x = 0
        :: !is_member -> goto TAKE
        fi
    }
#endif
#endif

    /* 4. Claim; 5. restore; 6. compare: one shard after the other. */
    do
    :: s < SHARDS && !holds(s) -> s++
    :: s < SHARDS && holds(s) ->
        atomic {
#ifndef EPOCH_UNCHECKED
            if :: redis[s].epoch > barrier[s] -> goto TAKE :: else fi;
#endif
            redis[s].epoch = barrier[s];
#ifdef DELAYED_WRITE
            note_claim();
#endif
            write[s] = redis[s].write;
            newest = redis[s].number;
            at[s] = redis[s].place;
#ifdef SHARD_RECORD_OF_META_IGNORED
            newest = 0;
#endif
#ifdef RESTORE_BEGINS_LATE
            at[s]++;
#endif
#ifdef META_BEFORE_RESTORE
            redis[s].place = barrier[s];
#endif
        }
        if
        :: is_log_stable(s)
        :: !is_log_stable(s) && !is_member -> goto TAKE
        fi;
#if FINE
        do
        :: at[s] < barrier[s] ->
            atomic {
                i = at[s];
                do /* what was compacted away, aborted, or is a barrier has nothing to restore */
                :: i < barrier[s] -> look_at(s); if :: found -> break :: else -> i++ fi
                :: else -> break
                od;
                if :: found & 4 -> newest = log[s].number[i] :: else fi;
                if
                :: found & 3 ->
                    if :: !mine(s) -> goto TAKE :: else fi;
                    restore_record(s);
#ifdef META_IN_RESTORE
                    redis[s].place = i + 1;
                    redis[s].number = newest
#endif
                :: else
                fi;
                at[s] = (i < barrier[s] -> i + 1 : barrier[s]);
                i = 0;
                found = 0
            }
        :: else -> break
        od;
        atomic {
#else
        atomic {
            if :: !mine(s) -> goto TAKE :: else fi;
            for (i : at[s] .. barrier[s] - 1) {
                look_at(s);
                if :: found & 4 -> newest = log[s].number[i] :: else fi;
                restore_record(s)
            }
            i = 0;
            found = 0;
#endif
#ifdef REFUSES_WITHOUT_LOOKING
            assert(newest == offset[s]);
#else
            assert(newest == offset[s] || !is_member || (expired && newest >= offset[s]));
#endif
            if :: !mine(s) -> goto TAKE :: else fi;
            redis[s].place = barrier[s];
            redis[s].number = newest;
            redis[s].write++;
            write[s]++;
            position[s] = newest;
#if !FINE
            value[AT(s, A)] = redis[s].blob[A];
            value[AT(s, B)] = redis[s].blob[B];
            in_memory = in_memory | 3 << AT(s, A);
#endif
            meta[s] = barrier[s];
            known[s] = barrier[s];
            assert(!is_member || (redis[s].blob[A] == in_redis(A, position[s]) && redis[s].blob[B] == in_redis(B, position[s])));
            assert(!is_member || redis[s].due == armed(redis[s].blob[A]));
            newest = 0;
            offset[s] = 0;
            at[s] = 0;
            s++
        }
    :: else -> s = 0; break
    od;
#ifdef OTHER_SHARDS_KEPT
    atomic { if :: apart -> held = 3; apart = 0 :: else fi }
#endif

WORK:
end_idle:
    do
    :: atomic { can_load(0) -> load(0) }
    :: atomic { can_look(0) -> look_for_due(0) }
    :: atomic { is_ready(0) -> compute(0) }; goto PUBLISH
    :: atomic { can_write(0) -> write_behind(0) }
    :: atomic { can_move_meta(0) -> move_meta(0) }
    :: atomic { can_evict(0, A) -> evict(0, A) }
    :: atomic { can_evict(0, B) -> evict(0, B) }
    :: atomic { is_idle(0) && is_member && !mine(0) -> goto TAKE } /* It looks at Redis now and then. */
#if SHARDS > 1
    :: atomic { can_load(1) -> load(1) }
    :: atomic { can_look(1) -> look_for_due(1) }
    :: atomic { is_ready(1) -> compute(1) }; goto PUBLISH
    :: atomic { is_ready(0) && is_ready(1) -> compute(0); compute(1) }; goto PUBLISH
    :: atomic { can_write(1) -> write_behind(1) }
    :: atomic { can_move_meta(1) -> move_meta(1) }
    :: atomic { can_evict(1, A) -> evict(1, A) }
    :: atomic { can_evict(1, B) -> evict(1, B) }
    :: atomic { is_idle(1) && is_member && !mine(1) -> goto TAKE }
#endif
#ifdef TIMER_APART
    :: atomic { apart -> if :: !mine(0) -> goto TAKE :: else fi; set_timer(0, value[A]); redis[0].write++; write[0]++; apart = 0 }
#endif
#ifdef DELAYED_WRITE
    :: atomic { /* no answer: a new connection, and the claim again */
        faults > 0 && is_dirty(0) && !delayed[me].under_way -> faults--;
        if :: dirty[AT(0, A)] -> a = A :: dirty[AT(0, B)] -> a = B fi;
        delayed[me].under_way = 1;
        delayed[me].epoch = barrier[0];
        delayed[me].claim = claim;
        delayed[me].write = write[0];
        delayed[me].account = a;
        delayed[me].value = value[AT(0, a)];
        delayed[me].place = dirty[AT(0, a)]
       }
       atomic {
        if
        :: redis[0].epoch != barrier[0] || !is_claim(claim) || redis[0].write < write[0] || redis[0].write > write[0] + 1 -> goto TAKE
        :: else
        fi;
        if :: redis[0].write == write[0] + 1 -> dirty[AT(0, a)] = 0 :: else fi;
        note_claim();
        write[0] = redis[0].write;
        a = 0
       }
#endif
    /* The process is killed, and comes back. */
    :: atomic { faults > 0 -> faults-- }; goto START
    /* Another generation. */
#ifdef KEPT_IN_THE_NEXT_GENERATION
    :: atomic { generation == gen + 1 && has_kept_all -> gen = generation }
    :: atomic { generation == gen + 1 && !has_kept_all -> goto TAKE }
    :: atomic { generation > gen + 1 -> goto TAKE }
#elif defined(KEPT_OVER_TWO_GENERATIONS)
    :: atomic { generation != gen && has_kept_all -> gen = generation }
    :: atomic { generation != gen && !has_kept_all -> goto TAKE }
#else
    :: atomic { generation != gen -> goto TAKE }
#endif
    od;

PUBLISH: /* begin, and the records */
    atomic {
        is_fenced || markers[me] == 0;
        if :: is_fenced -> goto START :: else fi;
        in_transaction[me] = 1;
        for (x : 0 .. SHARDS - 1) {
            if
            :: batch >> x & 1 ->
                i = log[x].count;
                append(x, DATA);
                log[x].number[i] = position[x];
                log[x].fired[i] = firing >> x & 1;
                log[x].blob[AT(i, A)] = blob_of(x, A);
                log[x].blob[AT(i, B)] = blob_of(x, B);
                i = 0;
                at[x] = log[x].count
            :: else
            fi
        }
        x = 0
    }
#ifdef BLOB_BEFORE_KNOWN
    atomic { if :: batch & 1 && mine(0) && blob_of(0, B) -> put(0, B, at[0], value[AT(0, B)]); redis[0].write++; write[0]++
                :: batch & 1 && mine(0) && blob_of(0, A) -> put(0, A, at[0], value[AT(0, A)]); set_timer(0, value[AT(0, A)]); redis[0].write++; write[0]++
                :: skip fi }
#endif
    /* The offsets. */
    atomic {
#ifdef METADATA_AFRESH
        gen = generation;
#endif
#ifndef NO_OFFSETS
        for (x : 0 .. SHARDS - 1) { offset[x] = position[x] }
        x = 0;
        if
        :: is_fenced -> goto START
        :: is_fenced && is_member -> /* its end was never sent: a new producer, the same bytes again */
            if :: markers[me] != 0 -> goto START :: else fi;
            new_producer(me);
            producer = epoch[me];
            goto PUBLISH
#ifdef COMMIT_AFTER_REFUSAL
        :: !is_fenced && !is_member -> skip
#elif defined(MEMORY_KEPT_AFTER_ABORT)
        :: !is_fenced && !is_member ->
            abort(me);
            if :: owner[0] != me -> goto TAKE :: else fi;
            gen = generation;
            goto PUBLISHED
#else
        :: !is_fenced && !is_member -> abort(me); goto TAKE
#endif
        :: !is_fenced && is_member -> send_offsets()
        fi
#else
        skip
#endif
    }
    atomic {
        end_transaction();
#ifdef OTHER_SHARDS_KEPT
        if
        :: !ok && held == 3 ->
            new_producer(me);
            producer = epoch[me];
            held = 1;
            apart = 1;
            forget_shard(0);
            batch = 0; touched = 0; firing = 0;
            goto OFFSETS_AGAIN
        :: else
        fi;
#endif
        if :: !ok -> goto START :: else fi;
        for (x : 0 .. SHARDS - 1) {
            offset[x] = 0;
            if :: touched >> AT(x, A) & 1 -> dirty[AT(x, A)] = place_for(x) :: else fi;
            if :: touched >> AT(x, B) & 1 -> dirty[AT(x, B)] = place_for(x) :: else fi;
            if :: batch >> x & 1 -> known[x] = at[x] :: else fi;
            at[x] = 0
        }
        x = 0;
        ok = 0
    }
PUBLISHED:
    atomic {
        batch = 0; touched = 0; firing = 0;
#ifndef PRODUCER_KEPT_AFTER_TROUBLE
        if :: again -> again = 0; new_producer(me); producer = epoch[me] :: else fi
#endif
    }
    goto WORK
}

proctype Judge() { /* nothing can move any more */
    byte x;
    timeout ->
    for (x : 0 .. SHARDS - 1) {
        assert(published[x] == RECORDS && (committed[x] == RECORDS || expired));
        assert(redis[x].number == RECORDS && redis[x].place > last_place[x]);
        assert(redis[x].blob[A] == in_redis(A, RECORDS) && redis[x].blob[B] == in_redis(B, RECORDS));
        assert(redis[x].due == armed(redis[x].blob[A]))
    }
}

init {
    atomic { run Network(0); run Network(1); run World(); run Worker(0); run Worker(1); run Judge() }
}
