#include "engine/core/horizon.h"

#include <math.h>

#include "engine/core/decision.h"
#include "engine/core/dependence.h"

/* How far a look may go: the longer, the looser its bounds. */
static const double lengths_ms[] = {HOUR, 6 * HOUR, DAY, 4 * DAY, 16 * DAY, 64 * DAY, 100000.0 * DAY};
#define LEVELS    ((uint8_t)(sizeof lengths_ms / sizeof lengths_ms[0]))
#define LOOKS_MAX 4

static bool depends_on_time(enum operation operation) {
    return operation >= OP_COUNT && operation != OP_LAST_NUMBER && operation != OP_LAST_TEXT &&
           operation != OP_LAST_ENUM && operation != OP_OPEN;
}

/* The registers that the engine sets: they are what the decisions made of them. */
static void mark_decided(const struct program *program, bool *timed) {
    for (uint32_t i = 0; i < program->scores_count; i++)
        timed[program->scores[i].result] = true;
    for (uint32_t i = 0; i < program->dimensions_count; i++) {
        timed[program->dimensions[i].result] = true;
        if (program->dimensions[i].time_in != REGISTER_NONE)
            timed[program->dimensions[i].time_in] = true;
    }
    for (uint32_t i = 0; i < program->segments_count; i++) {
        if (program->segments[i].inside != REGISTER_NONE)
            timed[program->segments[i].inside] = true;
        if (program->segments[i].time_in != REGISTER_NONE)
            timed[program->segments[i].time_in] = true;
    }
}

/* Constants are set for good; the rest has no slope, whatever else it has. */
static void set_outlooks(const struct program *program, struct outlook *outlooks) {
    for (uint32_t i = 0; i < program->registers_count; i++)
        outlooks[i] = outlook_constant(i < program->constants_count ? program->constants[i].number : 0, INFINITY);
}

static bool is_timed(const struct instruction *instruction, const bool *timed) {
    enum operation operation = instruction->operation;
    if (depends_on_time(operation))
        return true;
    return has_operands(operation) && (timed[instruction->left] || timed[instruction->right]);
}

bool horizon_plan_make(const struct program *program, struct arena *arena, struct outlook *outlooks,
                       struct horizon_plan *ret_plan) {
    const struct code *code = &program->code;
    bool *timed = arena_alloc(arena, program->registers_count * sizeof *timed);
    struct horizon_plan plan = {.timed = arena_alloc(arena, code->count * sizeof *plan.timed),
                                .timed_before = arena_alloc(arena, (code->count + 1) * sizeof *plan.timed_before),
                                .fixed = arena_alloc(arena, code->count * sizeof *plan.fixed)};
    if (timed == NULL || plan.timed == NULL || plan.timed_before == NULL || plan.fixed == NULL)
        return false;
    mark_decided(program, timed);
    set_outlooks(program, outlooks);
    uint32_t count = 0;
    for (uint32_t i = 0; i < code->count; i++) {
        const struct instruction *instruction = &code->instructions[i];
        plan.timed_before[i] = count;
        timed[instruction->target] = is_timed(instruction, timed);
        if (timed[instruction->target])
            plan.timed[count++] = *instruction;
        else
            plan.fixed[plan.fixed_count++] = instruction->target;
    }
    plan.timed_before[code->count] = count;
    *ret_plan = plan;
    return true;
}

static void run(const struct horizon *horizon, uint32_t from, uint32_t to) {
    const struct instruction *end = horizon->plan->timed + horizon->plan->timed_before[to];
    for (const struct instruction *at = horizon->plan->timed + horizon->plan->timed_before[from]; at < end; at++)
        outlook_of_instruction(horizon, at, &horizon->outlooks[at->target]);
}

/* The values of this account that time does not change. */
static void set_fixed(const struct horizon *horizon) {
    for (uint32_t i = 0; i < horizon->plan->fixed_count; i++) {
        uint16_t fixed = horizon->plan->fixed[i];
        horizon->outlooks[fixed].low = horizon->outlooks[fixed].high = horizon->evaluation->registers[fixed].number;
    }
}

static double remaining(const struct horizon *horizon, int64_t since_ms, int64_t duration_ms) {
    return greater(0, (double)since_ms + (double)duration_ms - (double)horizon->evaluation->now_ms);
}

static double bands_until(const struct horizon *horizon, const struct dimension *dimension,
                          const struct dimension_memory *memory) {
    struct outlook score = horizon->outlooks[horizon->evaluation->program->scores[dimension->score].result];
    uint32_t band = band_find(dimension, memory->value);
    if (band == dimension->bands_count)
        return score.until;
    double until = score.until;
    if (band + 1 < dimension->bands_count)
        until = lesser(until, reaches_zero(score.high - dimension->bands[band + 1].lower, score.high_slope));
    if (band == 0)
        return until;
    double exit = band_exit(dimension, band), now = horizon->evaluation->scores[dimension->score].value;
    if (now < exit)
        return lesser(until, remaining(horizon, memory->since_ms, dimension->min_dwell_ms));
    return lesser(until, exceeds_zero(exit - score.low, -score.low_slope));
}

static double cases_until(const struct horizon *horizon, uint32_t index, const struct dimension_memory *memory) {
    const struct dimension *dimension = &horizon->evaluation->program->dimensions[index];
    struct dimension_decision decision = dimension_decide(horizon->evaluation, index, memory);
    double until = INFINITY;
    for (const struct dimension_case *other = dimension->cases; other <= decision.winner; other++)
        if (other->when.result != REGISTER_NONE)
            until = lesser(until, horizon->outlooks[other->when.result].until);
    if (decision.winner->value_of != REGISTER_NONE)
        until = lesser(until, horizon->outlooks[decision.winner->value_of].until);
    bool waits = !text_equal(decision.wanted, memory->value);
    return waits ? lesser(until, remaining(horizon, memory->since_ms, dimension->min_dwell_ms)) : until;
}

static double dimension_until(const struct horizon *horizon, uint32_t index) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct dimension *dimension = &evaluation->program->dimensions[index];
    struct dimension_memory memory = dimension_recall(evaluation->state, dimension_slot(evaluation->program, index));
    horizon->outlooks[dimension->result] = outlook_constant(0, INFINITY);
    if (dimension->time_in != REGISTER_NONE) {
        double lasted = evaluation->registers[dimension->time_in].number;
        horizon->outlooks[dimension->time_in] = (struct outlook){lasted, 1, lasted, 1, INFINITY};
    }
    return dimension->score == REGISTER_NONE ? cases_until(horizon, index, &memory)
                                             : bands_until(horizon, dimension, &memory);
}

/* How long it stays true that an account outside does, or does not, want in. */
static double wish_until(const struct horizon *horizon, const struct segment *segment) {
    double when_until = horizon->outlooks[segment->when.result].until;
    if (segment->until.result == REGISTER_NONE)
        return when_until;
    double until_until = horizon->outlooks[segment->until.result].until;
    bool when = evaluation_true(horizon->evaluation, segment->when.result);
    bool until = evaluation_true(horizon->evaluation, segment->until.result);
    if (when && !until)
        return lesser(when_until, until_until);
    if (!when && until)
        return greater(when_until, until_until);
    return when ? until_until : when_until;
}

static double outside_until(const struct horizon *horizon, const struct segment *segment,
                            const struct segment_memory *memory) {
    double wish = wish_until(horizon, segment);
    double cools = memory->exited_ms == INSTANT_NONE ? 0 : remaining(horizon, memory->exited_ms, segment->cooldown_ms);
    if (!segment_wants_in(horizon->evaluation, segment))
        return greater(wish, cools);
    if (cools > 0)
        return cools;
    return lesser(wish, remaining(horizon, memory->qualifying_ms, segment->for_ms));
}

static double inside_until(const struct horizon *horizon, const struct segment *segment,
                           const struct segment_memory *memory) {
    if (segment_until(horizon->evaluation, segment))
        return remaining(horizon, memory->since_ms, segment->min_dwell_ms);
    uint16_t decides = segment->until.result == REGISTER_NONE ? segment->when.result : segment->until.result;
    return greater(horizon->outlooks[decides].until, remaining(horizon, memory->since_ms, segment->min_dwell_ms));
}

static double segment_outlook(const struct horizon *horizon, uint32_t index) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct segment *segment = &evaluation->program->segments[index];
    struct segment_memory memory = segment_recall(evaluation->state, segment_slot(evaluation->program, index));
    bool inside = memory.since_ms != INSTANT_NONE;
    if (segment->inside != REGISTER_NONE)
        horizon->outlooks[segment->inside] = outlook_constant(inside, INFINITY);
    if (segment->time_in != REGISTER_NONE) {
        double lasted = evaluation->registers[segment->time_in].number;
        horizon->outlooks[segment->time_in] = (struct outlook){lasted, inside, lasted, inside, INFINITY};
    }
    return inside ? inside_until(horizon, segment, &memory) : outside_until(horizon, segment, &memory);
}

static double look_once(const struct horizon *horizon) {
    const struct program *program = horizon->evaluation->program;
    uint32_t done = 0;
    double until = horizon->length_ms;
    for (uint32_t i = 0; i < program->scores_count; i++) {
        run(horizon, done, program->scores[i].code_end);
        done = program->scores[i].code_end;
        outlook_of_score(horizon, i, &horizon->outlooks[program->scores[i].result]);
    }
    for (uint32_t i = 0; i < program->dimensions_count && until > 0; i++) {
        run(horizon, done, program->dimensions[i].code_end);
        done = program->dimensions[i].code_end;
        until = lesser(until, dimension_until(horizon, i));
    }
    for (uint32_t i = 0; i < program->segments_count && until > 0; i++) {
        run(horizon, done, program->segments[i].code_end);
        done = program->segments[i].code_end;
        until = lesser(until, segment_outlook(horizon, i));
    }
    return until;
}

double horizon_look(struct horizon *horizon, uint8_t *level) {
    double best = 0;
    set_fixed(horizon);
    uint8_t at = *level < LEVELS ? *level : LEVELS - 1;
    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        horizon->length_ms = lengths_ms[at];
        double until = look_once(horizon);
        best = greater(best, until);
        if (until >= horizon->length_ms) {
            *level = (uint8_t)(at + 1 < LEVELS ? at + 1 : at);
            return at + 1 == LEVELS ? INFINITY : best;
        }
        if (at == 0 || lengths_ms[at / 2] <= best)
            break;
        at /= 2;
    }
    *level = at;
    return best;
}
