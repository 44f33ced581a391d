#include "tests/faults/event_maker.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/instant.h"

enum { NOTE_BYTES_MAX = 2000, ERASURES_OF = 40, USERS = 25 };

struct line {
    char *text;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    line->size += (size_t)vsnprintf(line->text + line->size, EVENT_LINE_BYTES_MAX - line->size, format, arguments);
    va_end(arguments);
    assert(line->size < EVENT_LINE_BYTES_MAX);
}

// A note makes states of different sizes, so that some memories are too small for all of them.
static void put_facts(struct line *line, const struct event_wish *wish, struct dice *dice) {
    static const char *const status[] = {"TRIAL", "ACTIVE", "ACTIVE", "ACTIVE", "PAUSED", "CANCELLED"};
    static const char *const plan[] = {"free", "team", "enterprise"};
    char note[NOTE_BYTES_MAX + 1];
    size_t note_size = dice_roll(dice, NOTE_BYTES_MAX);
    memset(note, 'n', note_size);
    note[note_size] = '\0';
    put(line, "\"updated_at\":%lld", (long long)wish->recorded_ms);
    if (dice_roll(dice, ERASURES_OF) == 0) {
        put(line, ",\"deleted\":true");
        return;
    }
    put(line, ",\"name\":\"Company %s\",\"status\":\"%s\",\"plan\":\"%s\"", wish->account_id,
        status[dice_roll(dice, 6)], plan[dice_roll(dice, 3)]);
    put(line, ",\"arr\":%u,\"currency\":\"EUR\",\"seats\":%u,\"employees\":%u", dice_roll(dice, 50) * 4000,
        1 + dice_roll(dice, 60), 1 + dice_roll(dice, 3000));
    put(line, ",\"created_at\":%lld,\"renews_at\":%lld,\"owner\":\"kim\"",
        (long long)(wish->recorded_ms - (int64_t)dice_roll(dice, 700) * DAY),
        (long long)(wish->recorded_ms + (int64_t)dice_roll(dice, 90) * DAY));
    put(line, ",\"attributes\":{\"region\":\"r%u\",\"note\":\"%s\"}", dice_roll(dice, 5), note);
}

static void put_ticket(struct line *line, struct dice *dice) {
    static const char *const actions[] = {"OPENED", "UPDATED", "ESCALATED", "REOPENED", "RESOLVED", "CLOSED"};
    static const char *const severities[] = {"LOW", "NORMAL", "HIGH", "URGENT"};
    put(line, ",\"ticket_id\":\"t%u\",\"action\":\"%s\",\"severity\":\"%s\"", dice_roll(dice, 9),
        actions[dice_roll(dice, 6)], severities[dice_roll(dice, 4)]);
}

static void put_custom(struct line *line, struct dice *dice) {
    static const char *const names[] = {"invoice_overdue",       "invoice_paid", "csm_call",   "outcome_reached",
                                        "integration_connected", "error_shown",  "help_opened"};
    put(line, ",\"name\":\"%s\",\"value\":%u", names[dice_roll(dice, 7)], dice_roll(dice, 1000));
}

static void put_event(struct line *line, const struct event_wish *wish, struct dice *dice) {
    put(line, "\"event_id\":\"e%llu\",\"user_id\":\"u%u\",\"occurred_at\":%lld,\"recorded_at\":%lld",
        (unsigned long long)wish->number, dice_roll(dice, USERS), (long long)(wish->recorded_ms - wish->late_ms),
        (long long)wish->recorded_ms);
    switch (wish->stream) {
    case STREAM_USAGE:
        put(line, ",\"feature\":\"f%u\",\"quantity\":%u", dice_roll(dice, 12), 1 + dice_roll(dice, 9));
        break;
    case STREAM_LOGIN:
        put(line, ",\"succeeded\":%s", dice_chance(dice, 9, 10) ? "true" : "false");
        break;
    case STREAM_TICKET:
        put_ticket(line, dice);
        break;
    case STREAM_NPS:
        put(line, ",\"score\":%u", dice_roll(dice, 11));
        break;
    default:
        put_custom(line, dice);
        break;
    }
}

void event_make(const struct event_wish *wish, struct dice *dice, char ret_line[EVENT_LINE_BYTES_MAX]) {
    struct line line = {ret_line, 0};
    put(&line, "{\"stream\":\"%s\",\"account_id\":\"%s\",", stream_schemas[wish->stream].name.data, wish->account_id);
    if (wish->stream == STREAM_ACCOUNT) {
        put_facts(&line, wish, dice);
    } else {
        put_event(&line, wish, dice);
    }
    put(&line, "}");
}
