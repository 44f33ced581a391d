/* What a simulated Redis holds, and how it came to be: keys by their hash tag, and of each tag its writes in order, so
 * that any of them can be taken back as long as those after it are.
 *
 * A write is all that one command or one script changed. Bytes live in an arena until sim_data_free, as whatever was
 * overwritten may come back. Sizes are a simulation's: members are searched one by one. One thread. */
#pragma once

#include "base/arena.h"

enum sim_kind { SIM_STRING, SIM_HASH, SIM_SET, SIM_SORTED_SET };

struct sim_entry {
    struct text name;  /* field or member; empty in a string */
    struct text value; /* of a string or a hash */
    double score;      /* of a sorted set */
};

struct sim_value {
    struct sim_tag *tag;
    struct text key;
    enum sim_kind kind;
    struct sim_entry *entries; /* as they were inserted; in a sorted set by score, then name */
    uint32_t count, capacity;  /* none: there is no such key */
    uint64_t version;          /* grows with each change */
};

struct sim_undo {
    enum { UNDO_ADD, UNDO_CHANGE, UNDO_REMOVE } what;
    struct sim_value *value;
    enum sim_kind kind;     /* the value's, before */
    uint32_t place;         /* of the entry */
    struct sim_entry entry; /* as it was */
};

struct sim_write {
    uint64_t serial;     /* among the writes of all tags */
    uint32_t undo_begin; /* its first step in `undo` */
};

/* The keys of one hash tag. */
struct sim_tag {
    struct text name; /* `bw:GROUP:7`; of a key without tag the key itself */
    int database;
    struct sim_value **table; /* by the keys' hashes; open addressing, nothing is ever taken out */
    uint32_t used, size;
    struct sim_write *writes;
    uint32_t writes_count, writes_capacity;
    struct sim_undo *undo;
    uint32_t undo_count, undo_capacity;
};

struct sim_data {
    struct arena arena;
    struct sim_tag **tags;
    uint32_t tags_count;
    uint64_t serial; /* of the write that is under way, or of the last one */
    uint32_t seed;   /* of the process that serves them: where an entry lies in a large value */
};

void sim_data_free(struct sim_data *data);

/* NULL: there is none. */
struct sim_tag *sim_data_tag(const struct sim_data *data, int database, struct text name);
/* NULL: no such key. */
struct sim_value *sim_data_find(const struct sim_data *data, int database, struct text key);
/* Another one after each change of the key; of one that was never there 0. */
uint64_t sim_data_version(const struct sim_data *data, int database, struct text key);
const struct sim_entry *sim_value_find(const struct sim_value *value, struct text name);

/* ---- changing it; what follows a begin until the next one is one write */

void sim_data_begin(struct sim_data *data);
/* The key's value, to be changed: made, as the kind that is wanted, where there is none. */
struct sim_value *sim_data_make(struct sim_data *data, int database, struct text key, enum sim_kind kind);
/* True: the entry is new. */
bool sim_data_put(struct sim_data *data, struct sim_value *value, const struct sim_entry *entry);
/* True: there was one. */
bool sim_data_remove(struct sim_data *data, struct sim_value *value, struct text name);
void sim_data_clear(struct sim_data *data, struct sim_value *value);

/* Takes back what came after the tag's first `writes`. */
void sim_tag_roll_back(struct sim_tag *tag, uint32_t writes);
