#include "tests/harness/event_lines.h"

#include <assert.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "tests/harness/fail.h"
#include "tests/harness/temporary.h"

static const char *const streams[] = {"account", "usage", "login", "ticket", "nps", "custom"};

enum { STREAM_COUNT = sizeof(streams) / sizeof(streams[0]), LINE_BYTES_MAX = 1024 };

// Reading

static bool read_instant(const json_t *value, int64_t *ret_ms) {
    if (json_is_number(value)) {
        *ret_ms = (int64_t)json_number_value(value);
        return true;
    }
    return json_is_string(value) && instant_parse(text_of(json_string_value(value)), ret_ms);
}

static int stream_number(const char *name) {
    int number = 0;
    while (number < STREAM_COUNT && (name == NULL || strcmp(name, streams[number]) != 0)) {
        number++;
    }
    return number;
}

static struct event_line *append(struct event_lines *lines) {
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity ? lines->capacity * 2 : 256;
        lines->items = realloc(lines->items, lines->capacity * sizeof(*lines->items));
        assert(lines->items);
    }
    struct event_line *line = &lines->items[lines->count++];
    *line = (struct event_line){.number = lines->count};
    return line;
}

// A tombstone in Kafka has no time but its record's, so that it must not have another in the file.
static char *line_text(json_t *object, const char *text) {
    if (json_is_true(json_object_get(object, "deleted")) && json_object_del(object, "recorded_at") == 0) {
        return json_dumps(object, JSON_COMPACT);
    }
    return strdup(text);
}

static void take_line(struct event_lines *lines, const char *text) {
    json_t *object = json_loads(text, 0, NULL);
    const char *account_id = json_string_value(json_object_get(object, "account_id"));
    int stream = stream_number(json_string_value(json_object_get(object, "stream")));
    char *own = line_text(object, text);
    int64_t record_ms;
    bool has_time = read_instant(json_object_get(object, "recorded_at"), &record_ms) ||
                    read_instant(json_object_get(object, stream == 0 ? "updated_at" : "occurred_at"), &record_ms);
    if (account_id && stream < STREAM_COUNT && has_time) {
        struct event_line *line = append(lines);
        line->text = own;
        line->account_id = strdup(account_id);
        line->record_ms = record_ms;
        line->stream = stream;
    } else {
        free(own);
    }
    json_decref(object);
}

static int compare_lines(const void *left, const void *right) {
    const struct event_line *a = left, *b = right;
    if (a->record_ms != b->record_ms) {
        return a->record_ms < b->record_ms ? -1 : 1;
    }
    if (a->stream != b->stream) {
        return a->stream - b->stream;
    }
    return a->number < b->number ? -1 : 1;
}

static void sort(struct event_lines *lines) {
    qsort(lines->items, lines->count, sizeof(*lines->items), compare_lines);
}

void event_lines_read(const char *path, struct event_lines *ret_lines) {
    char *all = file_read(path, NULL), *rest = all;
    *ret_lines = (struct event_lines){0};
    for (char *line; (line = strsep(&rest, "\n"));) {
        take_line(ret_lines, line);
    }
    free(all);
    sort(ret_lines);
}

// Making up

struct maker {
    struct event_lines *lines;
    uint64_t random;
    int64_t now_ms;
    size_t number;
    char account_id[32];
};

// 0 to `end` - 1 (xorshift64*).
static unsigned dice(struct maker *maker, unsigned end) {
    maker->random ^= maker->random >> 12;
    maker->random ^= maker->random << 25;
    maker->random ^= maker->random >> 27;
    return (unsigned)((maker->random * UINT64_C(2685821657736338717)) >> 33) % end;
}

__attribute__((format(printf, 3, 4))) static void put(struct maker *maker, int stream, const char *format, ...) {
    char text[LINE_BYTES_MAX];
    int head = snprintf(text, sizeof(text), "{\"stream\":\"%s\",\"account_id\":\"%s\",", streams[stream],
                        maker->account_id);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + head, sizeof(text) - (size_t)head, format, arguments);
    va_end(arguments);
    struct event_line *line = append(maker->lines);
    line->text = strdup(text);
    line->account_id = strdup(maker->account_id);
    line->record_ms = maker->now_ms;
    line->stream = stream;
}

static void put_facts(struct maker *maker) {
    static const char *const status[] = {"TRIAL", "ACTIVE", "ACTIVE", "ACTIVE", "PAUSED", "CANCELLED"};
    static const char *const plan[] = {"free", "team", "enterprise"};
    put(maker, 0,
        "\"updated_at\":%lld,\"name\":\"Company %s\",\"status\":\"%s\",\"plan\":\"%s\",\"arr\":%u,\"currency\":\"EUR\","
        "\"seats\":%u,\"employees\":%u,\"created_at\":%lld,\"renews_at\":%lld,\"owner\":\"kim\","
        "\"attributes\":{\"region\":\"r%u\"}}",
        (long long)maker->now_ms, maker->account_id, status[dice(maker, 6)], plan[dice(maker, 3)],
        dice(maker, 50) * 4000, 1 + dice(maker, 60), 1 + dice(maker, 3000),
        (long long)(maker->now_ms - dice(maker, 700) * DAY), (long long)(maker->now_ms + dice(maker, 300) * DAY),
        dice(maker, 5));
}

// What all events begin with: some took place a while before they were recorded.
static const char *event_head(struct maker *maker, char ret_text[LINE_BYTES_MAX]) {
    int64_t late_ms = dice(maker, 20) == 0 ? (int64_t)dice(maker, 120) * MINUTE : 0;
    snprintf(ret_text, LINE_BYTES_MAX,
             "\"event_id\":\"e%zu\",\"user_id\":\"u%u\",\"occurred_at\":%lld,\"recorded_at\":%lld", maker->number,
             dice(maker, 40), (long long)(maker->now_ms - late_ms), (long long)maker->now_ms);
    return ret_text;
}

static void put_event(struct maker *maker) {
    static const char *const actions[] = {"OPENED", "UPDATED", "ESCALATED", "REOPENED", "RESOLVED", "CLOSED"};
    static const char *const severities[] = {"LOW", "NORMAL", "HIGH", "URGENT"};
    static const char *const names[] = {"invoice_overdue", "csm_call", "outcome_reached", "invoice_paid",
                                        "integration_connected"};
    char head[LINE_BYTES_MAX];
    unsigned kind = dice(maker, 100);
    event_head(maker, head);
    if (kind < 45) {
        put(maker, 1, "%s,\"feature\":\"f%u\",\"quantity\":%u}", head, dice(maker, 12), 1 + dice(maker, 9));
    } else if (kind < 80) {
        put(maker, 2, "%s,\"succeeded\":%s}", head, dice(maker, 10) ? "true" : "false");
    } else if (kind < 90) {
        put(maker, 3, "%s,\"ticket_id\":\"t%u\",\"action\":\"%s\",\"severity\":\"%s\"}", head, dice(maker, 9),
            actions[dice(maker, 6)], severities[dice(maker, 4)]);
    } else if (kind < 94) {
        put(maker, 4, "%s,\"score\":%u}", head, dice(maker, 11));
    } else {
        put(maker, 5, "%s,\"name\":\"%s\",\"value\":%u}", head, names[dice(maker, 5)], dice(maker, 1000));
    }
}

static void put_again(struct maker *maker) {
    const struct event_line *line = &maker->lines->items[maker->lines->count - 1];
    char *text = strdup(line->text), *account_id = strdup(line->account_id);
    int stream = line->stream;
    struct event_line *copy = append(maker->lines);
    copy->text = text;
    copy->account_id = account_id;
    copy->record_ms = maker->now_ms;
    copy->stream = stream;
}

void event_lines_make_up(const struct made_up_options *options, struct event_lines *ret_lines) {
    struct maker maker = {.lines = ret_lines, .random = options->seed * 2 + 1};
    *ret_lines = (struct event_lines){0};
    for (size_t i = 0; i < options->events; i++) {
        unsigned account = dice(&maker, (unsigned)options->accounts), kind = dice(&maker, 1000);
        maker.number = i;
        maker.now_ms = options->from_ms +
                       (int64_t)((double)(options->to_ms - options->from_ms) * (double)i / (double)options->events);
        snprintf(maker.account_id, sizeof(maker.account_id), account % 7 == 0 ? "Zürich %u" : "acme-%u", account);
        if (kind < 30) {
            put_facts(&maker);
        } else if (kind < 31) {
            put(&maker, 0, "\"updated_at\":%lld,\"deleted\":true}", (long long)maker.now_ms);
        } else {
            put_event(&maker);
        }
        if (kind % 100 == 99) {
            put_again(&maker);
        }
    }
    sort(ret_lines);
}

// Writing

int account_partition(const char *account_id, int partitions) {
    return rd_kafka_msg_partitioner_murmur2(NULL, account_id, strlen(account_id), partitions, NULL, NULL);
}

void event_lines_write(const struct event_lines *lines, size_t first, size_t end, int partitions, int partition,
                       const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) {
        harness_fail("cannot write %s", path);
    }
    for (size_t i = first; i < end && i < lines->count; i++) {
        const struct event_line *line = &lines->items[i];
        if (partition < 0 || account_partition(line->account_id, partitions) == partition) {
            fprintf(file, "%s\n", line->text);
        }
    }
    fclose(file);
}

void event_lines_free(struct event_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->items[i].text);
        free(lines->items[i].account_id);
    }
    free(lines->items);
    *lines = (struct event_lines){0};
}
