#include "engine/core/decision.h"

#include <assert.h>
#include <math.h>

#include "engine/core/scores.h"

#define UNKNOWN TEXT("unknown")

#define NUMBER_SIZE 1u

static const struct dimension *dimension_of(const struct state *state, uint32_t slot) {
    return &state->program->dimensions[slot - dimension_slot(state->program, 0)];
}

uint32_t dimension_values(const struct dimension *dimension) {
    return 1 + (dimension->score == REGISTER_NONE ? dimension->cases_count : dimension->bands_count);
}

/* Behind the rules' own values comes `unknown`. */
struct text dimension_value(const struct dimension *dimension, uint32_t number) {
    assert(number >= 1 && number <= dimension_values(dimension));
    if (number == dimension_values(dimension))
        return UNKNOWN;
    return dimension->score == REGISTER_NONE ? dimension->cases[number - 1].value : dimension->bands[number - 1].name;
}

uint32_t dimension_number(const struct dimension *dimension, struct text value) {
    for (uint32_t number = 1; number <= dimension_values(dimension) && number <= UINT8_MAX; number++)
        if (text_equal(dimension_value(dimension, number), value))
            return number;
    return VALUE_WRITTEN;
}

uint32_t dimension_numbers(const struct dimension *dimension) {
    uint32_t numbers = dimension_values(dimension) + 1;
    return numbers < UINT8_MAX + 1u ? numbers : UINT8_MAX + 1u;
}

struct dimension_memory dimension_recall(const struct state *state, uint32_t slot) {
    uint32_t size;
    const uint8_t *payload = state_section(state, slot, &size);
    assert(slot < state->bound);
    if (payload == NULL)
        return (struct dimension_memory){.since_ms = INSTANT_NONE};
    struct dimension_section section = dimension_section(payload, size);
    struct text value = section.number == VALUE_WRITTEN ? section.written
                                                        : dimension_value(dimension_of(state, slot), section.number);
    return (struct dimension_memory){true, section.since_ms, value};
}

bool dimension_remember(struct state *state, uint32_t slot, int64_t since_ms, struct text value) {
    uint32_t number = dimension_number(dimension_of(state, slot), value), size;
    uint32_t text_size = number == VALUE_WRITTEN ? value.size : 0;
    if (!state_resize(state, slot, 0, NUMBER_SIZE + packed_size(since_ms) + text_size))
        return false;
    uint8_t *section = state_section(state, slot, &size);
    *section = (uint8_t)number;
    uint8_t *text = write_packed(section + NUMBER_SIZE, since_ms);
    if (text_size > 0)
        memmove(text, value.data, text_size);
    return true;
}

struct segment_memory segment_recall(const struct state *state, uint32_t slot) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    assert(slot < state->bound);
    struct segment_memory memory = {INSTANT_NONE, INSTANT_NONE, INSTANT_NONE};
    if (section == NULL)
        return memory;
    uint8_t flags = *section++;
    if ((flags & SEGMENT_INSIDE) != 0)
        section = read_packed(section, &memory.since_ms);
    if ((flags & SEGMENT_HAS_EXITED) != 0)
        section = read_packed(section, &memory.exited_ms);
    if ((flags & SEGMENT_QUALIFYING) != 0)
        read_packed(section, &memory.qualifying_ms);
    return memory;
}

bool segment_remember(struct state *state, uint32_t slot, const struct segment_memory *memory) {
    const int64_t fields[] = {memory->since_ms, memory->exited_ms, memory->qualifying_ms};
    uint32_t size = 1;
    uint8_t flags = 0;
    for (uint32_t i = 0; i < 3; i++) {
        flags |= (uint8_t)((fields[i] != INSTANT_NONE) << i);
        size += fields[i] != INSTANT_NONE ? packed_size(fields[i]) : 0;
    }
    if (!state_resize(state, slot, 0, flags == 0 ? 0 : size))
        return false;
    uint8_t *section = state_section(state, slot, &size);
    if (section == NULL)
        return true;
    *section++ = flags;
    for (uint32_t i = 0; i < 3; i++)
        if (fields[i] != INSTANT_NONE)
            section = write_packed(section, fields[i]);
    return true;
}

uint32_t band_of(const struct dimension *dimension, double score) {
    if (isnan(score))
        return dimension->bands_count;
    uint32_t band = 0;
    while (band + 1 < dimension->bands_count && score >= dimension->bands[band + 1].lower)
        band++;
    return band;
}

uint32_t band_find(const struct dimension *dimension, struct text name) {
    uint32_t band = 0;
    while (band < dimension->bands_count && !text_equal(dimension->bands[band].name, name))
        band++;
    return band;
}

uint32_t dimension_band(const struct dimension *dimension, const struct dimension_section *section) {
    return section->number == VALUE_WRITTEN ? band_find(dimension, section->written) : section->number - 1;
}

double band_exit(const struct dimension *dimension, uint32_t band) {
    return round_to_cents(dimension->bands[band].lower - dimension->hysteresis);
}

static bool dwelt(const struct evaluation *evaluation, int64_t since_ms, int64_t min_dwell_ms) {
    return evaluation->now_ms - since_ms >= min_dwell_ms;
}

const struct dimension_case *dimension_winner(const struct evaluation *evaluation, const struct dimension *dimension) {
    const struct dimension_case *cases = dimension->cases;
    while (cases->when.result != REGISTER_NONE && !evaluation_true(evaluation, cases->when.result))
        cases++;
    return cases;
}

struct text dimension_case_value(const struct evaluation *evaluation, const struct dimension_case *given) {
    if (given->value_of == REGISTER_NONE)
        return given->value;
    struct text value = text_in_register(evaluation->registers, given->value_of);
    return text_is_missing(value) || value.size > DIMENSION_VALUE_MAX ? UNKNOWN : value;
}

static struct dimension_decision decide_by_cases(const struct evaluation *evaluation, const struct dimension *dimension,
                                                 const struct dimension_memory *memory) {
    const struct dimension_case *winner = dimension_winner(evaluation, dimension);
    struct text wanted = dimension_case_value(evaluation, winner);
    struct dimension_decision decision = {.value = wanted, .wanted = wanted, .winner = winner};
    if (memory->known && text_equal(memory->value, wanted))
        return decision;
    decision.moves = !memory->known || winner->urgent || dwelt(evaluation, memory->since_ms, dimension->min_dwell_ms);
    decision.waits = !decision.moves;
    if (decision.waits)
        decision.value = memory->value;
    return decision;
}

static bool band_moves(const struct evaluation *evaluation, const struct dimension *dimension,
                       const struct dimension_memory *memory, uint32_t target, double score) {
    uint32_t present = memory->known ? band_find(dimension, memory->value) : dimension->bands_count;
    if (!memory->known || present == dimension->bands_count || target == dimension->bands_count)
        return !memory->known || present != target || !text_equal(memory->value, UNKNOWN);
    if (target > present)
        return true;
    return target < present && score < band_exit(dimension, present) &&
           dwelt(evaluation, memory->since_ms, dimension->min_dwell_ms);
}

static struct dimension_decision decide_by_bands(const struct evaluation *evaluation, const struct dimension *dimension,
                                                 const struct dimension_memory *memory) {
    double score = evaluation->scores[dimension->score].value;
    uint32_t target = band_of(dimension, score);
    struct text name = target == dimension->bands_count ? UNKNOWN : dimension->bands[target].name;
    bool moves = band_moves(evaluation, dimension, memory, target, score);
    bool waits = !moves && !text_equal(name, memory->value);
    return (struct dimension_decision){
        .moves = moves, .waits = waits, .value = waits ? memory->value : name, .band = target};
}

struct dimension_decision dimension_decide(const struct evaluation *evaluation, uint32_t index,
                                           const struct dimension_memory *memory) {
    const struct dimension *dimension = &evaluation->program->dimensions[index];
    return dimension->score == REGISTER_NONE ? decide_by_cases(evaluation, dimension, memory)
                                             : decide_by_bands(evaluation, dimension, memory);
}

/* A value has one number, or none. */
static bool is_remembered(const struct dimension *dimension, const struct dimension_section *section,
                          const struct dimension_case *winner, struct text value) {
    if (winner->value_of == REGISTER_NONE && winner->number != VALUE_WRITTEN)
        return section->number == winner->number;
    return text_equal(value, section->number == VALUE_WRITTEN ? section->written
                                                              : dimension_value(dimension, section->number));
}

bool dimension_stays(const struct evaluation *evaluation, uint32_t index, struct text *ret_value,
                     int64_t *ret_since_ms) {
    const struct dimension *dimension = &evaluation->program->dimensions[index];
    uint32_t size;
    const uint8_t *payload = state_section(evaluation->state, dimension_slot(evaluation->program, index), &size);
    *ret_since_ms = INSTANT_NONE;
    if (payload == NULL)
        return false;
    struct dimension_section section = dimension_section(payload, size);
    *ret_since_ms = section.since_ms;
    if (dimension->score == REGISTER_NONE) {
        const struct dimension_case *winner = dimension_winner(evaluation, dimension);
        *ret_value = dimension_case_value(evaluation, winner);
        return is_remembered(dimension, &section, winner, *ret_value);
    }
    uint32_t band = band_of(dimension, evaluation->scores[dimension->score].value);
    *ret_value = band == dimension->bands_count ? UNKNOWN : dimension->bands[band].name;
    return section.number == band + 1;
}

static enum segment_decision decide_outside(const struct evaluation *evaluation, const struct segment *segment,
                                            struct segment_memory *memory) {
    bool cooled = memory->exited_ms == INSTANT_NONE || dwelt(evaluation, memory->exited_ms, segment->cooldown_ms);
    if (!cooled || !segment_wants_in(evaluation, segment)) {
        memory->qualifying_ms = INSTANT_NONE;
        return SEGMENT_STAYS;
    }
    if (memory->qualifying_ms == INSTANT_NONE)
        memory->qualifying_ms = evaluation->now_ms;
    if (!dwelt(evaluation, memory->qualifying_ms, segment->for_ms))
        return SEGMENT_STAYS;
    memory->qualifying_ms = INSTANT_NONE;
    memory->since_ms = evaluation->now_ms;
    return SEGMENT_ENTERS;
}

enum segment_decision segment_decide(const struct evaluation *evaluation, uint32_t index,
                                     struct segment_memory *memory) {
    const struct segment *segment = &evaluation->program->segments[index];
    if (memory->since_ms == INSTANT_NONE)
        return decide_outside(evaluation, segment, memory);
    if (!segment_until(evaluation, segment) || !dwelt(evaluation, memory->since_ms, segment->min_dwell_ms))
        return SEGMENT_STAYS;
    memory->since_ms = INSTANT_NONE;
    memory->exited_ms = evaluation->now_ms;
    return SEGMENT_LEAVES;
}
