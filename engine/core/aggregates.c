#include "engine/core/aggregates.h"

#include <math.h>

#include "base/hash.h"
#include "engine/core/account/distinct.h"
#include "engine/core/account/latest.h"
#include "engine/core/account/tickets.h"

static bool has_value(const struct aggregate *aggregate, const struct event *event) {
    if (aggregate->source == SOURCE_NONE)
        return true;
    if (aggregate->source == SOURCE_ENTRY)
        return !text_is_missing(event_entry(event, aggregate->key));
    return event_has(event, aggregate->field);
}

static struct text text_value(const struct aggregate *aggregate, const struct event *event) {
    return aggregate->source == SOURCE_ENTRY ? event_entry(event, aggregate->key)
                                             : event->fields[aggregate->field].text;
}

static uint64_t value_hash(const struct aggregate *aggregate, const struct event *event) {
    if (aggregate->source != SOURCE_NUMBER)
        return hash_text(text_value(aggregate, event));
    double number = event->fields[aggregate->field].number + 0.0; /* -0 is 0 */
    return hash_bytes(&number, sizeof number, 0);
}

/* The slices of an hour and of a day that an instant falls in: one division each for all aggregates. */
struct slice_indices {
    int64_t hour, day;
};

static struct slice_indices slices_at(int64_t instant_ms) {
    return (struct slice_indices){slice_index(instant_ms, HOUR), slice_index(instant_ms, DAY)};
}

static int64_t slice_of(const struct slice_indices *slices, const struct aggregate *aggregate) {
    return aggregate->slice_ms == DAY ? slices->day : slices->hour;
}

/* An event on its way into the aggregates of its stream. */
struct arrival {
    const struct event *event;
    struct slice_indices its, look; /* where it falls; where the stream is looked at from */
};

static enum window_outcome add_to_window(struct state *state, uint32_t slot, const struct aggregate *aggregate,
                                         const struct arrival *arrival) {
    const struct event *event = arrival->event;
    int64_t slice = slice_of(&arrival->its, aggregate), last = slice_of(&arrival->look, aggregate);
    int64_t oldest = last - aggregate->window_slices;
    if (aggregate->kind == AGGREGATE_DISTINCT)
        return distinct_add(state, slot, value_hash(aggregate, event), slice, oldest,
                            last - aggregate->window_slices_least);
    double value = aggregate->kind == AGGREGATE_COUNT ? 1 : event->fields[aggregate->field].number;
    return window_add(state, slot, aggregate->kind, slice, oldest, value);
}

static bool add_latest(struct state *state, uint32_t slot, const struct aggregate *aggregate,
                       const struct event *event) {
    if (aggregate->kind == AGGREGATE_NEWEST)
        return newest_add(state, slot, event->time_ms);
    if (aggregate->kind == AGGREGATE_OLDEST)
        return oldest_add(state, slot, event->time_ms);
    if (aggregate->source != SOURCE_NUMBER)
        return last_add_text(state, slot, event->time_ms, text_value(aggregate, event));
    return last_add_number(state, slot, event->time_ms, event->fields[aggregate->field].number);
}

/* Whatever looks at the aggregate has to be valued again, if the account is evaluated. */
static void changed(struct evaluation *evaluation, uint32_t index) {
    evaluation->changed[evaluation->changed_count++] = (uint16_t)index;
}

/* All `open` aggregates share one table of tickets. */
static bool add_ticket(struct evaluation *evaluation, const struct event *event) {
    const struct program *program = evaluation->program;
    unsigned action = (unsigned)event->fields[TICKET_ACTION].number;
    struct ticket ticket = {.id_hash = hash_text(event->fields[TICKET_ID].text),
                            .time_ms = event->time_ms,
                            .open = action != TICKET_RESOLVED && action != TICKET_CLOSED};
    bool wanted = false;
    for (uint32_t at = 0; at < program->aggregates_of_count[STREAM_TICKET]; at++) {
        uint32_t i = program->aggregates_of[STREAM_TICKET][at];
        const struct aggregate *aggregate = &program->aggregates[i];
        if (aggregate->kind != AGGREGATE_OPEN)
            continue;
        uint32_t bit = UINT32_C(1) << aggregate->open_index;
        wanted = true;
        changed(evaluation, i);
        ticket.known |= bit;
        if (aggregate->filter == REGISTER_NONE || evaluation_true(evaluation, aggregate->filter))
            ticket.matches |= bit;
    }
    return !wanted || tickets_add(evaluation->state, &ticket);
}

static bool is_window(enum aggregate_kind kind) {
    return kind <= AGGREGATE_DISTINCT;
}

/* What most events do to most aggregates: they are one more in the slice that the last one fell in, or the newest.
 * False, and nothing is done, where it takes more than to write over what is there. */
static inline bool add_in_place(const struct state *state, uint32_t slot, const struct aggregate *aggregate,
                                const struct arrival *arrival) {
    switch (aggregate->kind) {
    case AGGREGATE_COUNT:
        return window_count_again(state, slot, slice_of(&arrival->its, aggregate),
                                  slice_of(&arrival->look, aggregate) - aggregate->window_slices);
    case AGGREGATE_NEWEST:
        return newest_again(state, slot, arrival->event->time_ms);
    case AGGREGATE_OLDEST:
        return oldest_stays(state, slot, arrival->event->time_ms);
    default:
        return false;
    }
}

/* Whether the event is another one than those before it to whoever looks at the aggregate. */
static bool is_first(const struct state *state, uint32_t slot, enum aggregate_kind kind, int64_t time_ms) {
    return state->offsets[slot] == 0 || (kind == AGGREGATE_OLDEST && time_ms < extreme_time(state, slot));
}

static bool takes(const struct evaluation *evaluation, const struct aggregate *aggregate, const struct event *event) {
    return aggregate->kind != AGGREGATE_OPEN &&
           (aggregate->filter == REGISTER_NONE || evaluation_true(evaluation, aggregate->filter)) &&
           has_value(aggregate, event);
}

static enum window_outcome add(struct state *state, uint32_t slot, const struct aggregate *aggregate,
                               const struct arrival *arrival) {
    if (is_window(aggregate->kind))
        return add_to_window(state, slot, aggregate, arrival);
    return add_latest(state, slot, aggregate, arrival->event) ? WINDOW_COUNTED : WINDOW_NO_ROOM;
}

enum aggregates_outcome aggregates_add(struct evaluation *evaluation, const struct event *event,
                                       struct effect *ret_effect) {
    const struct program *program = evaluation->program;
    const uint16_t *indices = program->aggregates_of[event->stream];
    uint32_t count = program->aggregates_of_count[event->stream];
    struct effect effect = {0};
    struct arrival arrival = {event, slices_at(event->time_ms), slices_at(evaluation->look_ms[event->stream])};
    for (uint32_t i = 0; i < count; i++) {
        const struct aggregate *aggregate = &program->aggregates[indices[i]];
        uint32_t slot = aggregate_slot(indices[i]);
        if (!takes(evaluation, aggregate, event))
            continue;
        changed(evaluation, indices[i]);
        if (add_in_place(evaluation->state, slot, aggregate, &arrival))
            continue;
        effect.first |= is_first(evaluation->state, slot, aggregate->kind, event->time_ms);
        enum window_outcome outcome = add(evaluation->state, slot, aggregate, &arrival);
        if (outcome == WINDOW_NO_ROOM)
            return AGGREGATES_NO_ROOM;
        effect.expired += outcome == WINDOW_EXPIRED;
        effect.anew |= outcome == WINDOW_COUNTED_ANEW;
    }
    if (event->stream == STREAM_TICKET && !add_ticket(evaluation, event))
        return AGGREGATES_NO_ROOM;
    *ret_effect = effect;
    return AGGREGATES_DONE;
}

int64_t aggregate_counting_since(const struct state *state, uint32_t aggregate) {
    uint32_t size;
    const uint8_t *section = state_section(state, SLOT_COUNTING, &size);
    for (uint32_t at = 0; at < size; at += COUNTING_ENTRY_SIZE)
        if (read_u32(section + at) == aggregate)
            return read_i64(section + at + 4);
    return INSTANT_NONE;
}

int64_t aggregate_counts_from_slice(const struct evaluation *evaluation, uint32_t aggregate) {
    int64_t since_ms = aggregate_counting_since(evaluation->state, aggregate);
    int64_t slice_ms = evaluation->program->aggregates[aggregate].slice_ms;
    return since_ms == INSTANT_NONE ? AGGREGATE_ALWAYS : slice_index(since_ms - 1, slice_ms) + 1;
}

static double trend(const struct evaluation *evaluation, const struct instruction *instruction) {
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    const struct state *state = evaluation->state;
    int64_t index = look_slice(evaluation, aggregate);
    uint32_t recent = instruction->right, before = instruction->extra;
    int64_t first = index - recent - before, first_event_ms = state_header(state)->first_event_ms;
    if (first_event_ms == INSTANT_NONE || slice_index(first_event_ms, aggregate->slice_ms) > first)
        return NAN;
    if (!aggregate_covers(evaluation, instruction->left, first))
        return NAN;
    uint32_t slot = aggregate_slot(instruction->left);
    double a = window_count(state, slot, (struct window){index - recent, index - 1});
    double b = window_count(state, slot, (struct window){first, index - recent - 1});
    return trend_value(instruction, a, b);
}

/* A duration since an instant, by the stream's clock; never negative. */
static double since(const struct evaluation *evaluation, enum stream stream, int64_t instant_ms) {
    if (instant_ms == INSTANT_NONE)
        return NAN;
    double duration = (double)evaluation->look_ms[stream] - (double)instant_ms;
    return duration < 0 ? 0 : duration;
}

static double since_first(const struct evaluation *evaluation, const struct instruction *instruction) {
    if (aggregate_counting_since(evaluation->state, instruction->left) != INSTANT_NONE)
        return NAN; /* an older event may have gone by unseen */
    return since(evaluation, evaluation->program->aggregates[instruction->left].stream,
                 extreme_time(evaluation->state, aggregate_slot(instruction->left)));
}

double aggregate_over_window(const struct evaluation *evaluation, const struct instruction *instruction) {
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    struct window window = aggregate_window(evaluation, aggregate, instruction->right);
    uint32_t slot = aggregate_slot(instruction->left);
    if (!aggregate_covers(evaluation, instruction->left, window.first))
        return NAN;
    switch (instruction->operation) {
    case OP_COUNT:
        return window_count(evaluation->state, slot, window);
    case OP_SUM:
        return finite_or_missing(window_sum(evaluation->state, slot, window));
    case OP_MIN:
        return window_least(evaluation->state, slot, window);
    case OP_MAX:
        return window_greatest(evaluation->state, slot, window);
    default:
        return distinct_count(evaluation->state, slot, window);
    }
}

double aggregate_number(const struct evaluation *evaluation, const struct instruction *instruction) {
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    uint32_t slot = aggregate_slot(instruction->left);
    switch (instruction->operation) {
    case OP_TREND:
        return trend(evaluation, instruction);
    case OP_LAST_NUMBER:
        return last_number(evaluation->state, slot);
    case OP_SINCE:
        return since(evaluation, aggregate->stream, extreme_time(evaluation->state, slot));
    case OP_SINCE_FIRST:
        return since_first(evaluation, instruction);
    default:
        return tickets_open(evaluation->state, aggregate->open_index);
    }
}

struct text aggregate_text(const struct evaluation *evaluation, const struct instruction *instruction) {
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    uint32_t slot = aggregate_slot(instruction->left);
    if (instruction->operation == OP_LAST_TEXT)
        return last_text(evaluation->state, slot);
    double symbol = last_number(evaluation->state, slot);
    if (isnan(symbol))
        return TEXT_MISSING;
    return stream_schemas[aggregate->stream].fields[aggregate->field].symbols[(uint32_t)symbol];
}
