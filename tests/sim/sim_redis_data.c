#include "tests/sim/sim_redis_data.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "tests/sim/sim_memory.h"

static struct text copied(struct sim_data *data, struct text text) {
    struct text copy = arena_text(&data->arena, text);
    assert(text_is_missing(text) || !text_is_missing(copy));
    return copy;
}

static void tag_free(struct sim_tag *tag) {
    for (uint32_t i = 0; i < tag->size; i++)
        if (tag->table[i] != NULL)
            free(tag->table[i]->entries);
    free(tag->table);
    free(tag->writes);
    free(tag->undo);
}

void sim_data_free(struct sim_data *data) {
    for (uint32_t i = 0; i < data->tags_count; i++)
        tag_free(data->tags[i]);
    free(data->tags);
    arena_free(&data->arena);
    *data = (struct sim_data){0};
}

/* ---- finding */

/* What decides about the slot in a cluster: what is between the first brace and the next, where it is something. */
static struct text tag_name(struct text key) {
    const char *open = memchr(key.data, '{', key.size);
    if (open == NULL)
        return key;
    const char *close = memchr(open, '}', key.size - (size_t)(open - key.data));
    if (close == NULL || close == open + 1)
        return key;
    return (struct text){open + 1, (uint32_t)(close - open - 1)};
}

struct sim_tag *sim_data_tag(const struct sim_data *data, int database, struct text name) {
    for (uint32_t i = 0; i < data->tags_count; i++)
        if (data->tags[i]->database == database && text_equal(data->tags[i]->name, name))
            return data->tags[i];
    return NULL;
}

/* The key's place in the table, or the free one where it would be. */
static struct sim_value **place_of(const struct sim_tag *tag, struct text key) {
    uint32_t mask = tag->size - 1, i = (uint32_t)hash_text(key) & mask;
    while (tag->table[i] != NULL && !text_equal(tag->table[i]->key, key))
        i = (i + 1) & mask;
    return &tag->table[i];
}

/* Also one that is empty, which is no key any more. */
static struct sim_value *value_of(const struct sim_data *data, int database, struct text key) {
    const struct sim_tag *tag = sim_data_tag(data, database, tag_name(key));
    return tag == NULL ? NULL : *place_of(tag, key);
}

struct sim_value *sim_data_find(const struct sim_data *data, int database, struct text key) {
    struct sim_value *value = value_of(data, database, key);
    return value == NULL || value->count == 0 ? NULL : value;
}

uint64_t sim_data_version(const struct sim_data *data, int database, struct text key) {
    const struct sim_value *value = value_of(data, database, key);
    return value == NULL ? 0 : value->version;
}

const struct sim_entry *sim_value_find(const struct sim_value *value, struct text name) {
    for (uint32_t i = 0; i < value->count; i++)
        if (text_equal(value->entries[i].name, name))
            return &value->entries[i];
    return NULL;
}

/* ---- changing */

void sim_data_begin(struct sim_data *data) {
    data->serial++;
}

static void widen(struct sim_tag *tag) {
    struct sim_tag old = *tag;
    tag->size = old.size == 0 ? 64 : old.size * 2;
    tag->table = calloc(tag->size, sizeof(struct sim_value *));
    assert(tag->table != NULL);
    for (uint32_t i = 0; i < old.size; i++)
        if (old.table[i] != NULL)
            *place_of(tag, old.table[i]->key) = old.table[i];
    free(old.table);
}

static struct sim_tag *make_tag(struct sim_data *data, int database, struct text name) {
    struct sim_tag *tag = sim_data_tag(data, database, name);
    if (tag != NULL)
        return tag;
    tag = arena_alloc(&data->arena, sizeof *tag);
    data->tags = realloc(data->tags, (data->tags_count + 1) * sizeof(struct sim_tag *));
    assert(tag != NULL && data->tags != NULL);
    data->tags[data->tags_count++] = tag;
    tag->name = copied(data, name);
    tag->database = database;
    widen(tag);
    return tag;
}

struct sim_value *sim_data_make(struct sim_data *data, int database, struct text key, enum sim_kind kind) {
    struct sim_tag *tag = make_tag(data, database, tag_name(key));
    struct sim_value **place = place_of(tag, key);
    if (*place == NULL) {
        struct sim_value *value = arena_alloc(&data->arena, sizeof *value);
        assert(value != NULL);
        value->tag = tag;
        value->key = copied(data, key);
        *place = value;
        if (++tag->used * 2 > tag->size)
            widen(tag);
        place = place_of(tag, key);
    }
    if ((*place)->count == 0)
        (*place)->kind = kind;
    return *place;
}

static void insert(struct sim_value *value, uint32_t place, const struct sim_entry *entry) {
    value->entries = sim_grown(value->entries, value->count, &value->capacity, sizeof *value->entries);
    memmove(value->entries + place + 1, value->entries + place, (value->count - place) * sizeof *value->entries);
    value->entries[place] = *entry;
    value->count++;
}

static void take_out(struct sim_value *value, uint32_t place) {
    value->count--;
    memmove(value->entries + place, value->entries + place + 1, (value->count - place) * sizeof *value->entries);
}

static void remember(struct sim_data *data, struct sim_undo undo) {
    struct sim_tag *tag = undo.value->tag;
    if (tag->writes_count == 0 || tag->writes[tag->writes_count - 1].serial != data->serial) {
        tag->writes = sim_grown(tag->writes, tag->writes_count, &tag->writes_capacity, sizeof *tag->writes);
        tag->writes[tag->writes_count++] = (struct sim_write){data->serial, tag->undo_count};
    }
    tag->undo = sim_grown(tag->undo, tag->undo_count, &tag->undo_capacity, sizeof *tag->undo);
    tag->undo[tag->undo_count++] = undo;
    undo.value->version++;
}

/* Where an entry goes that is not there. */
static uint32_t place_for(const struct sim_value *value, const struct sim_entry *entry) {
    uint32_t low = 0, high = value->count;
    if (value->kind != SIM_SORTED_SET)
        return high;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct sim_entry *other = &value->entries[middle];
        if (other->score < entry->score || (other->score == entry->score && text_compare(other->name, entry->name) < 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool sim_data_put(struct sim_data *data, struct sim_value *value, const struct sim_entry *entry) {
    const struct sim_entry *found = sim_value_find(value, entry->name);
    struct sim_entry new = {.value = copied(data, entry->value), .score = entry->score};
    if (found != NULL && value->kind != SIM_SORTED_SET) {
        uint32_t place = (uint32_t)(found - value->entries);
        remember(data, (struct sim_undo){UNDO_CHANGE, value, value->kind, place, *found});
        value->entries[place].value = new.value;
        return false;
    }
    new.name = found != NULL ? found->name : copied(data, entry->name);
    if (found != NULL)
        sim_data_remove(data, value, new.name);
    uint32_t place = place_for(value, &new);
    remember(data, (struct sim_undo){UNDO_ADD, value, value->kind, place, {.score = 0}});
    insert(value, place, &new);
    return found == NULL;
}

bool sim_data_remove(struct sim_data *data, struct sim_value *value, struct text name) {
    const struct sim_entry *found = sim_value_find(value, name);
    if (found == NULL)
        return false;
    uint32_t place = (uint32_t)(found - value->entries);
    remember(data, (struct sim_undo){UNDO_REMOVE, value, value->kind, place, *found});
    take_out(value, place);
    return true;
}

void sim_data_clear(struct sim_data *data, struct sim_value *value) {
    while (value->count > 0)
        sim_data_remove(data, value, value->entries[value->count - 1].name);
}

/* ---- going back */

static void take_back(const struct sim_undo *undo) {
    struct sim_value *value = undo->value;
    value->version++;
    switch (undo->what) {
    case UNDO_ADD:
        take_out(value, undo->place);
        break;
    case UNDO_CHANGE:
        value->entries[undo->place] = undo->entry;
        break;
    case UNDO_REMOVE:
        value->kind = undo->kind;
        insert(value, undo->place, &undo->entry);
    }
}

void sim_tag_roll_back(struct sim_tag *tag, uint32_t writes) {
    if (writes >= tag->writes_count)
        return;
    while (tag->undo_count > tag->writes[writes].undo_begin)
        take_back(&tag->undo[--tag->undo_count]);
    tag->writes_count = writes;
}
