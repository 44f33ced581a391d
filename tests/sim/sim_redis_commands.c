#include "tests/sim/sim_redis_commands.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/hash.h"
#include "tests/sim/sim_chance.h"

/* Up to so many entries, and in a hash of so many bytes each, a scan gives all at once. */
#define LISTPACK_ENTRIES_MAX 512
#define LISTPACK_BYTES_MAX   64

/* ---- answers */

void sim_answer_status(struct buffer *out, const char *status) {
    buffer_printf(out, "+%s\r\n", status);
}

void sim_answer_error(struct buffer *out, const char *error) {
    buffer_printf(out, "-%s\r\n", error);
}

void sim_answer_integer(struct buffer *out, int64_t integer) {
    buffer_printf(out, ":%lld\r\n", (long long)integer);
}

void sim_answer_text(struct buffer *out, struct text text) {
    if (text_is_missing(text)) {
        buffer_put_string(out, "$-1\r\n");
        return;
    }
    buffer_printf(out, "$%u\r\n", text.size);
    buffer_put_text(out, text);
    buffer_put_string(out, "\r\n");
}

void sim_answer_array(struct buffer *out, uint32_t count) {
    buffer_printf(out, "*%u\r\n", count);
}

/* ---- arguments */

static bool is_word(struct text text, const char *word) {
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

/* Arguments are followed by a zero. */
static bool number_of(struct text text, double *ret_number) {
    char *end;
    *ret_number = strtod(text.data, &end);
    return text.size > 0 && end == text.data + text.size && !isnan(*ret_number);
}

static bool integer_of(struct text text, int64_t *ret_integer) {
    char *end;
    errno = 0;
    *ret_integer = strtoll(text.data, &end, 10);
    return text.size > 0 && end == text.data + text.size && errno == 0;
}

/* The key's value, which must be of the kind; false: it is not, and that has been answered. `ret_value` is NULL where
 * there is no key, or one is made where it is to be written to. */
static bool value_of(const struct sim_command_call *call, enum sim_kind kind, bool make, struct sim_value **ret_value) {
    struct sim_value *value = sim_data_find(call->data, call->database, call->arguments[1]);
    if (value != NULL && value->kind != kind) {
        sim_answer_error(call->out, "WRONGTYPE Operation against a key holding the wrong kind of value");
        return false;
    }
    *ret_value = value != NULL || !make ? value : sim_data_make(call->data, call->database, call->arguments[1], kind);
    return true;
}

static struct text text_in(const struct sim_value *value, struct text name) {
    const struct sim_entry *entry = value == NULL ? NULL : sim_value_find(value, name);
    return entry == NULL ? TEXT_MISSING : entry->value;
}

/* ---- keys and strings */

static void run_exists(const struct sim_command_call *call) {
    int64_t found = 0;
    for (uint32_t i = 1; i < call->count; i++)
        found += sim_data_find(call->data, call->database, call->arguments[i]) != NULL;
    sim_answer_integer(call->out, found);
}

static void run_delete(const struct sim_command_call *call) {
    int64_t found = 0;
    for (uint32_t i = 1; i < call->count; i++) {
        struct sim_value *value = sim_data_find(call->data, call->database, call->arguments[i]);
        if (value == NULL)
            continue;
        sim_data_clear(call->data, value);
        found++;
    }
    sim_answer_integer(call->out, found);
}

static void run_get(const struct sim_command_call *call) {
    struct sim_value *value;
    if (value_of(call, SIM_STRING, false, &value))
        sim_answer_text(call->out, text_in(value, TEXT("")));
}

static void run_set(const struct sim_command_call *call) {
    struct sim_value *value = sim_data_find(call->data, call->database, call->arguments[1]);
    struct sim_entry entry = {.name = TEXT(""), .value = call->arguments[2]};
    if (value != NULL)
        sim_data_clear(call->data, value);
    value = sim_data_make(call->data, call->database, call->arguments[1], SIM_STRING);
    sim_data_put(call->data, value, &entry);
    sim_answer_status(call->out, "OK");
}

static void run_flushall(const struct sim_command_call *call) {
    for (uint32_t i = 0; i < call->data->tags_count; i++) {
        struct sim_tag *tag = call->data->tags[i];
        for (uint32_t j = 0; j < tag->size; j++)
            if (tag->table[j] != NULL)
                sim_data_clear(call->data, tag->table[j]);
    }
    sim_answer_status(call->out, "OK");
}

/* ---- hashes */

static void run_hget(const struct sim_command_call *call) {
    struct sim_value *value;
    if (value_of(call, SIM_HASH, false, &value))
        sim_answer_text(call->out, text_in(value, call->arguments[2]));
}

static void run_hmget(const struct sim_command_call *call) {
    struct sim_value *value;
    if (!value_of(call, SIM_HASH, false, &value))
        return;
    sim_answer_array(call->out, call->count - 2);
    for (uint32_t i = 2; i < call->count; i++)
        sim_answer_text(call->out, text_in(value, call->arguments[i]));
}

static void run_hset(const struct sim_command_call *call) {
    struct sim_value *value;
    int64_t added = 0;
    if (call->count % 2 != 0) {
        sim_answer_error(call->out, "ERR wrong number of arguments for 'hset' command");
        return;
    }
    if (!value_of(call, SIM_HASH, true, &value))
        return;
    for (uint32_t i = 2; i < call->count; i += 2) {
        struct sim_entry entry = {.name = call->arguments[i], .value = call->arguments[i + 1]};
        added += sim_data_put(call->data, value, &entry);
    }
    sim_answer_integer(call->out, added);
}

static bool is_large(const struct sim_value *value) {
    for (uint32_t i = 0; i < value->count && value->kind == SIM_HASH; i++)
        if (value->entries[i].name.size > LISTPACK_BYTES_MAX || value->entries[i].value.size > LISTPACK_BYTES_MAX)
            return true;
    return value->count > LISTPACK_ENTRIES_MAX;
}

/* Where the entry lies in a large value: each process of the server strews them by a seed of its own. Never 0. */
static int64_t order_of(const struct sim_data *data, const struct sim_entry *entry) {
    struct sim_chance chance = {hash_text(entry->name) ^ data->seed};
    return (int64_t)(sim_next(&chance) >> 32) + 1;
}

/* The first place at or behind `from` where an entry lies; 0: there is none. */
static int64_t next_place(const struct sim_data *data, const struct sim_value *value, int64_t from) {
    int64_t next = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        int64_t place = order_of(data, &value->entries[i]);
        if (place >= from && (next == 0 || place < next))
            next = place;
    }
    return next;
}

static bool is_between(const struct sim_data *data, const struct sim_entry *entry, int64_t from, int64_t next) {
    int64_t place = order_of(data, entry);
    return place >= from && (next == 0 || place < next);
}

/* The entries from the one place to before the next page's; 0: there is no next page. */
static void answer_page(const struct sim_command_call *call, const struct sim_value *value, int64_t from,
                        int64_t next) {
    char cursor[24];
    uint32_t count = 0;
    snprintf(cursor, sizeof cursor, "%lld", (long long)next);
    for (uint32_t i = 0; value != NULL && i < value->count; i++)
        count += is_between(call->data, &value->entries[i], from, next);
    sim_answer_array(call->out, 2);
    sim_answer_text(call->out, text_of(cursor));
    sim_answer_array(call->out, value != NULL && value->kind == SIM_HASH ? count * 2 : count);
    for (uint32_t i = 0; value != NULL && i < value->count; i++) {
        if (!is_between(call->data, &value->entries[i], from, next))
            continue;
        sim_answer_text(call->out, value->entries[i].name);
        if (value->kind == SIM_HASH)
            sim_answer_text(call->out, value->entries[i].value);
    }
}

/* A page from the cursor on: of large values about `COUNT` entries, of small ones all. The cursor of a large value is
 * the place of the next entry. */
static void run_scan(const struct sim_command_call *call, enum sim_kind kind) {
    struct sim_value *value;
    int64_t cursor, count = 10;
    if (!integer_of(call->arguments[2], &cursor) || cursor < 0) {
        sim_answer_error(call->out, "ERR invalid cursor");
        return;
    }
    if (call->count == 5 && is_word(call->arguments[3], "COUNT") && !integer_of(call->arguments[4], &count)) {
        sim_answer_error(call->out, "ERR value is not an integer or out of range");
        return;
    }
    if (!value_of(call, kind, false, &value))
        return;
    bool pages = value != NULL && is_large(value);
    int64_t from = pages ? cursor : 0, next = pages ? next_place(call->data, value, cursor) : 0;
    for (; next != 0 && count > 0; count--)
        next = next_place(call->data, value, next + 1);
    answer_page(call, value, from, next);
}

static void run_hscan(const struct sim_command_call *call) {
    run_scan(call, SIM_HASH);
}

/* ---- sets */

static void run_sscan(const struct sim_command_call *call) {
    run_scan(call, SIM_SET);
}

static void run_sadd(const struct sim_command_call *call) {
    struct sim_value *value;
    int64_t added = 0;
    if (!value_of(call, SIM_SET, true, &value))
        return;
    for (uint32_t i = 2; i < call->count; i++) {
        struct sim_entry entry = {.name = call->arguments[i]};
        if (sim_value_find(value, entry.name) == NULL)
            added += sim_data_put(call->data, value, &entry);
    }
    sim_answer_integer(call->out, added);
}

static void run_remove(const struct sim_command_call *call, enum sim_kind kind) {
    struct sim_value *value;
    int64_t removed = 0;
    if (!value_of(call, kind, false, &value))
        return;
    for (uint32_t i = 2; value != NULL && i < call->count; i++)
        removed += sim_data_remove(call->data, value, call->arguments[i]);
    sim_answer_integer(call->out, removed);
}

static void run_srem(const struct sim_command_call *call) {
    run_remove(call, SIM_SET);
}

/* ---- sorted sets */

static void run_zrem(const struct sim_command_call *call) {
    run_remove(call, SIM_SORTED_SET);
}

static void run_zadd(const struct sim_command_call *call) {
    struct sim_value *value;
    struct sim_entry entry = {.score = 0};
    int64_t added = 0;
    if (call->count % 2 != 0) {
        sim_answer_error(call->out, "ERR syntax error");
        return;
    }
    for (uint32_t i = 2; i < call->count; i += 2)
        if (!number_of(call->arguments[i], &entry.score)) {
            sim_answer_error(call->out, "ERR value is not a valid float");
            return;
        }
    if (!value_of(call, SIM_SORTED_SET, true, &value))
        return;
    for (uint32_t i = 2; i < call->count; i += 2) {
        entry.name = call->arguments[i + 1];
        (void)number_of(call->arguments[i], &entry.score);
        const struct sim_entry *found = sim_value_find(value, entry.name);
        if (found == NULL || found->score != entry.score)
            added += sim_data_put(call->data, value, &entry);
    }
    sim_answer_integer(call->out, added);
}

/* One end of a range: a score, which is left out where it has a parenthesis before it. */
struct bound {
    double score;
    bool exclusive;
};

static bool bound_of(struct text text, struct bound *ret_bound) {
    ret_bound->exclusive = text.size > 0 && text.data[0] == '(';
    if (ret_bound->exclusive)
        text = (struct text){text.data + 1, text.size - 1};
    return number_of(text, &ret_bound->score);
}

struct range {
    struct bound low, high;
    bool with_scores;
    int64_t skip, limit; /* below 0: all */
};

/* False: refused, and that has been answered. */
static bool range_of(const struct sim_command_call *call, struct range *ret_range) {
    *ret_range = (struct range){.limit = -1};
    if (!bound_of(call->arguments[2], &ret_range->low) || !bound_of(call->arguments[3], &ret_range->high)) {
        sim_answer_error(call->out, "ERR min or max is not a float");
        return false;
    }
    for (uint32_t i = 4; i < call->count; i++) {
        if (is_word(call->arguments[i], "WITHSCORES")) {
            ret_range->with_scores = true;
        } else if (is_word(call->arguments[i], "LIMIT") && i + 2 < call->count) {
            if (!integer_of(call->arguments[i + 1], &ret_range->skip) ||
                !integer_of(call->arguments[i + 2], &ret_range->limit)) {
                sim_answer_error(call->out, "ERR value is not an integer or out of range");
                return false;
            }
            i += 2;
        } else {
            sim_answer_error(call->out, "ERR syntax error");
            return false;
        }
    }
    return true;
}

static void put_score(struct buffer *out, double score) {
    char digits[40];
    snprintf(digits, sizeof digits, "%.17g", score); /* which is how Redis writes infinities too */
    sim_answer_text(out, text_of(digits));
}

static bool is_above(const struct bound *low, double score) {
    return low->exclusive ? score > low->score : score >= low->score;
}

static bool is_below(const struct bound *high, double score) {
    return high->exclusive ? score < high->score : score <= high->score;
}

static void run_zrangebyscore(const struct sim_command_call *call) {
    struct sim_value *value;
    struct range range;
    if (!range_of(call, &range) || !value_of(call, SIM_SORTED_SET, false, &value))
        return;
    uint32_t from = 0, to = 0;
    while (value != NULL && from < value->count && !is_above(&range.low, value->entries[from].score))
        from++;
    for (to = from; value != NULL && to < value->count && is_below(&range.high, value->entries[to].score);)
        to++;
    from = range.skip >= 0 && range.skip < to - from ? from + (uint32_t)range.skip : to;
    if (range.limit >= 0 && range.limit < to - from)
        to = from + (uint32_t)range.limit;
    sim_answer_array(call->out, (to - from) * (range.with_scores ? 2 : 1));
    for (uint32_t i = from; i < to; i++) {
        sim_answer_text(call->out, value->entries[i].name);
        if (range.with_scores)
            put_score(call->out, value->entries[i].score);
    }
}

/* ---- the table */

static const struct sim_command commands[] = {
    {"HMGET", -3, false, false, run_hmget},
    {"HGET", 3, false, false, run_hget},
    {"HSET", -4, true, true, run_hset},
    {"HSCAN", -3, false, false, run_hscan},
    {"ZADD", -4, true, true, run_zadd},
    {"ZREM", -3, true, false, run_zrem},
    {"ZRANGEBYSCORE", -4, false, false, run_zrangebyscore},
    {"SADD", -3, true, true, run_sadd},
    {"SREM", -3, true, false, run_srem},
    {"SSCAN", -3, false, false, run_sscan},
    {"EXISTS", -2, false, false, run_exists},
    {"DEL", -2, true, false, run_delete},
    {"GET", 2, false, false, run_get},
    {"SET", 3, true, true, run_set},
    {"FLUSHALL", 1, true, false, run_flushall},
};

const struct sim_command *sim_command_find(struct text name) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (is_word(name, commands[i].name))
            return &commands[i];
    return NULL;
}

bool sim_command_fits(const struct sim_command *command, uint32_t count) {
    return command->arity < 0 ? count >= (uint32_t)-command->arity : count == (uint32_t)command->arity;
}
