#include "engine/core/aggregates.h"

#include <math.h>

#include "base/hash.h"
#include "engine/core/account/distinct.h"
#include "engine/core/account/latest.h"
#include "engine/core/account/tickets.h"

/* --- Made once --- */

/* TAKERS: none, as `open` has its own table. */
static enum taker_group group_of(enum aggregate_kind kind) {
    switch (kind) {
    case AGGREGATE_COUNT:
        return TAKERS_COUNT;
    case AGGREGATE_DISTINCT:
        return TAKERS_DISTINCT;
    case AGGREGATE_NEWEST:
        return TAKERS_NEWEST;
    case AGGREGATE_OLDEST:
        return TAKERS_OLDEST;
    case AGGREGATE_OPEN:
        return TAKERS;
    default:
        return TAKERS_OTHER;
    }
}

static struct taker taker_of(const struct aggregate *aggregate, uint32_t index) {
    struct taker taker = {.index = (uint16_t)index,
                          .filter = REGISTER_NONE,
                          .kind = (uint8_t)aggregate->kind,
                          .source = (uint8_t)aggregate->source,
                          .field = aggregate->field,
                          .unit = aggregate->slice_ms == DAY ? SLICES_OF_A_DAY : SLICES_OF_AN_HOUR,
                          .window_slices = aggregate->window_slices,
                          .window_slices_least = aggregate->window_slices_least};
    if (aggregate->source == SOURCE_NUMBER || aggregate->source == SOURCE_TEXT)
        taker.needs = test_of_field(aggregate->field);
    return taker;
}

static void add_taker(struct uptake *uptake, const struct program *program, uint32_t index) {
    const struct aggregate *aggregate = &program->aggregates[index];
    struct taker taker = taker_of(aggregate, index);
    uint64_t tests = 0;
    if (aggregate->filter != REGISTER_NONE &&
        !filters_add(&uptake->filters, program, aggregate->stream, aggregate->filter, &tests))
        taker.filter = aggregate->filter;
    taker.needs |= tests;
    if (taker.filter != REGISTER_NONE || taker.source == SOURCE_ENTRY)
        taker.needs |= TEST_NEVER;
    uptake->takers[uptake->takers_count++] = taker;
}

bool uptake_make(const struct program *program, enum stream stream, struct arena *arena, struct uptake *ret_uptake) {
    const uint16_t *indices = program->aggregates_of[stream];
    uint32_t count = program->aggregates_of_count[stream];
    struct uptake *uptake = ret_uptake;
    *uptake = (struct uptake){.takers = arena_alloc(arena, (count + 1) * sizeof *uptake->takers),
                              .late = arena_alloc(arena, (count + 1) * sizeof(struct taker *)),
                              .slots = count > 0 ? aggregate_slot(indices[count - 1]) + 1 : SLOT_AGGREGATES};
    if (uptake->takers == NULL || uptake->late == NULL)
        return false;
    for (enum taker_group group = 0; group < TAKERS; group++) {
        for (uint32_t i = 0; i < count; i++)
            if (group_of(program->aggregates[indices[i]].kind) == group)
                add_taker(uptake, program, indices[i]);
        uptake->takers_from[group + 1] = uptake->takers_count;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct aggregate *aggregate = &program->aggregates[indices[i]];
        uptake->filters.is_general |= aggregate->kind == AGGREGATE_OPEN && aggregate->filter != REGISTER_NONE;
    }
    return true;
}

/* --- An event on its way into the aggregates of its stream --- */

struct arrival {
    struct evaluation *evaluation;
    const struct uptake *uptake;
    const struct event *event;
    uint64_t lacking;                            /* what does not hold of it (filters_run) */
    int64_t its[SLICE_UNITS], look[SLICE_UNITS]; /* the slices where it falls, and where the stream is looked at from */
    uint16_t *changed;
    uint32_t late_count; /* of the takers that are still to come, the last section first */
    struct effect effect;
};

/* Divided is once for all events of an hour. The hour's beginning may lie before all time: it wraps, and so does what
 * is taken from it. */
static void set_slices(struct evaluation *evaluation, int64_t instant_ms, int64_t *ret_slices) {
    struct hour_slices *slices = &evaluation->slices;
    if ((uint64_t)instant_ms - (uint64_t)slices->begin_ms >= (uint64_t)HOUR) {
        slices->hour = slice_index(instant_ms, HOUR);
        slices->day = slice_index(instant_ms, DAY);
        slices->begin_ms = (int64_t)((uint64_t)slices->hour * (uint64_t)HOUR);
    }
    ret_slices[SLICES_OF_AN_HOUR] = slices->hour;
    ret_slices[SLICES_OF_A_DAY] = slices->day;
}

/* The first slice that counts in any window, and the first that counts in the shortest. */
static int64_t oldest_slice(const struct arrival *arrival, const struct taker *taker) {
    return arrival->look[taker->unit] - taker->window_slices;
}

static int64_t shortest_slice(const struct arrival *arrival, const struct taker *taker) {
    return arrival->look[taker->unit] - taker->window_slices_least;
}

static struct text text_value(const struct evaluation *evaluation, const struct taker *taker,
                              const struct event *event) {
    return taker->source == SOURCE_ENTRY ? event_entry(event, evaluation->program->aggregates[taker->index].key)
                                         : event->fields[taker->field].text;
}

static uint64_t value_hash(const struct evaluation *evaluation, const struct taker *taker, const struct event *event) {
    if (taker->source != SOURCE_NUMBER)
        return hash_text(text_value(evaluation, taker, event));
    double number = event->fields[taker->field].number + 0.0; /* -0 is 0 */
    return hash_bytes(&number, sizeof number, 0);
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
        evaluation->changed[evaluation->changed_count++] = (uint16_t)i;
        ticket.known |= bit;
        if (aggregate->filter == REGISTER_NONE || evaluation_true(evaluation, aggregate->filter))
            ticket.matches |= bit;
    }
    return !wanted || tickets_add(evaluation->state, &ticket);
}

static __attribute__((noinline)) bool meets_conditions(const struct arrival *arrival, const struct taker *taker) {
    const struct evaluation *evaluation = arrival->evaluation;
    return (taker->filter == REGISTER_NONE || evaluation_true(evaluation, taker->filter)) &&
           (taker->source != SOURCE_ENTRY || !text_is_missing(text_value(evaluation, taker, arrival->event)));
}

static inline bool takes(const struct arrival *arrival, const struct taker *taker, uint64_t lacking) {
    uint64_t lacks = taker->needs & lacking;
    return lacks == 0 || (lacks == TEST_NEVER && meets_conditions(arrival, taker));
}

/* What most events do to most aggregates: they are one more in the slice that the last one fell in, or the newest.
 * False, and nothing is done, where it takes more than to write over what is there. */
static inline __attribute__((always_inline)) bool add_in_place(const struct state *state, enum taker_group group,
                                                               const struct taker *taker, struct arrival *arrival) {
    uint32_t slot = aggregate_slot(taker->index);
    switch (group) {
    case TAKERS_COUNT:
        return window_count_again(state, slot, arrival->its[taker->unit], oldest_slice(arrival, taker));
    case TAKERS_DISTINCT:
        return distinct_again(state, slot, value_hash(arrival->evaluation, taker, arrival->event),
                              arrival->its[taker->unit], oldest_slice(arrival, taker), shortest_slice(arrival, taker),
                              &arrival->effect.anew);
    case TAKERS_NEWEST:
        return newest_again(state, slot, arrival->event->time_ms);
    case TAKERS_OLDEST:
        return oldest_stays(state, slot, arrival->event->time_ms);
    default:
        return false;
    }
}

/* Puts a taker off that takes more than that. */
static __attribute__((noinline)) void put_off(struct arrival *arrival, const struct taker *taker) {
    const struct taker **late = arrival->uptake->late;
    uint32_t at = arrival->late_count++;
    for (; at > 0 && late[at - 1]->index < taker->index; at--)
        late[at] = late[at - 1];
    late[at] = taker;
}

/* All takers of a group, which is known when this is compiled: a loop of its own has what it needs in registers. */
static inline __attribute__((always_inline)) void add_group(struct arrival *arrival, enum taker_group group) {
    const struct uptake *uptake = arrival->uptake;
    const struct taker *taker = uptake->takers + uptake->takers_from[group];
    const struct taker *end = uptake->takers + uptake->takers_from[group + 1];
    const struct state state = *arrival->evaluation->state;
    uint64_t lacking = arrival->lacking;
    uint16_t *changed = arrival->changed;
    for (; taker < end; taker++) {
        if (!takes(arrival, taker, lacking))
            continue;
        *changed++ = taker->index;
        if (!add_in_place(&state, group, taker, arrival))
            put_off(arrival, taker);
    }
    arrival->changed = changed;
}

/* Whether the event is another one than those before it to whoever looks at the aggregate. */
static bool is_first(const struct state *state, uint32_t slot, enum aggregate_kind kind, int64_t time_ms) {
    return state->offsets[slot] == 0 || (kind == AGGREGATE_OLDEST && time_ms < extreme_time(state, slot));
}

static enum window_outcome add_to_window(const struct arrival *arrival, uint32_t slot, const struct taker *taker) {
    const struct event *event = arrival->event;
    struct state *state = arrival->evaluation->state;
    int64_t slice = arrival->its[taker->unit], oldest = oldest_slice(arrival, taker);
    if (taker->kind == AGGREGATE_DISTINCT)
        return distinct_add(state, slot, value_hash(arrival->evaluation, taker, event), slice, oldest,
                            shortest_slice(arrival, taker));
    double value = taker->kind == AGGREGATE_COUNT ? 1 : event->fields[taker->field].number;
    return window_add(state, slot, (enum aggregate_kind)taker->kind, slice, oldest, value);
}

static bool add_latest(const struct arrival *arrival, uint32_t slot, const struct taker *taker) {
    const struct event *event = arrival->event;
    struct state *state = arrival->evaluation->state;
    if (taker->kind == AGGREGATE_NEWEST)
        return newest_add(state, slot, event->time_ms);
    if (taker->kind == AGGREGATE_OLDEST)
        return oldest_add(state, slot, event->time_ms);
    if (taker->source != SOURCE_NUMBER)
        return last_add_text(state, slot, event->time_ms, text_value(arrival->evaluation, taker, event));
    return last_add_number(state, slot, event->time_ms, event->fields[taker->field].number);
}

static bool is_window(enum aggregate_kind kind) {
    return kind <= AGGREGATE_DISTINCT;
}

/* The sections behind this one need not be found any more, so that it grows at no cost for them. */
static bool add(struct arrival *arrival, const struct taker *taker) {
    struct state *state = arrival->evaluation->state;
    struct effect *effect = &arrival->effect;
    uint32_t slot = aggregate_slot(taker->index);
    enum aggregate_kind kind = (enum aggregate_kind)taker->kind;
    enum window_outcome outcome = WINDOW_COUNTED;
    state_unbind_behind(state, slot);
    effect->first |= is_first(state, slot, kind, arrival->event->time_ms);
    if (is_window(kind))
        outcome = add_to_window(arrival, slot, taker);
    else if (!add_latest(arrival, slot, taker))
        outcome = WINDOW_NO_ROOM;
    effect->expired += outcome == WINDOW_EXPIRED;
    effect->anew |= outcome == WINDOW_COUNTED_ANEW;
    return outcome != WINDOW_NO_ROOM;
}

/* Whatever looks at an aggregate that is changed has to be valued again, if the account is evaluated. */
enum aggregates_outcome aggregates_add(struct evaluation *evaluation, const struct uptake *uptake,
                                       const struct event *event, struct effect *ret_effect) {
    struct arrival arrival = {.evaluation = evaluation,
                              .uptake = uptake,
                              .event = event,
                              .lacking = ~filters_run(&uptake->filters, evaluation, event),
                              .changed = evaluation->changed};
    set_slices(evaluation, event->time_ms, arrival.its);
    set_slices(evaluation, evaluation->look_ms[event->stream], arrival.look);
    add_group(&arrival, TAKERS_COUNT);
    add_group(&arrival, TAKERS_DISTINCT);
    add_group(&arrival, TAKERS_NEWEST);
    add_group(&arrival, TAKERS_OLDEST);
    add_group(&arrival, TAKERS_OTHER);
    evaluation->changed_count = (uint32_t)(arrival.changed - evaluation->changed);
    for (uint32_t i = 0; i < arrival.late_count; i++)
        if (!add(&arrival, uptake->late[i]))
            return AGGREGATES_NO_ROOM;
    if (event->stream == STREAM_TICKET && !add_ticket(evaluation, event))
        return AGGREGATES_NO_ROOM;
    *ret_effect = arrival.effect;
    return AGGREGATES_DONE;
}

/* --- Looking at them --- */

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
