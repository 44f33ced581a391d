#include "engine/core/horizon.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/core/decision.h"
#include "engine/core/outlook.h"

/* How far a look may go, and with how many events: the further, the looser its bounds. As windows of days lose their
 * slices at midnight, all but the first two lengths end there. */
static const struct reach {
    double hours;  /* where not 0 */
    uint32_t days; /* whole ones behind the coming midnight */
    uint32_t events, values;
} reaches[] = {{1, 0, 6, 2},   {6, 0, 8, 2},   {0, 0, 8, 2},      {0, 1, 12, 2},  {0, 2, 16, 2},
               {0, 3, 20, 2},  {0, 5, 24, 2},  {0, 7, 32, 2},     {0, 11, 40, 2}, {0, 15, 48, 3},
               {0, 31, 64, 3}, {0, 63, 64, 3}, {0, 100000, 64, 3}};
#define LEVELS           ((uint8_t)(sizeof reaches / sizeof reaches[0]))
#define LEVEL_TONIGHT    2
#define LEVEL_FAR        4
#define LOOKS_MAX        3
#define PATIENCE         2 /* looks that succeed before one dares to look further, after one that failed */
#define SCALE_MAX        3 /* each is 2^SCALE_SHIFT times as many events */
#define SCALE_SHIFT      2
#define VALUES_PER_SCALE 2
#define ENOUGH_MS        ((double)DAY)

/* Has those steps taken that look at a register that moves. */
static void spread(const struct horizon *horizon, uint16_t target) {
    if (target == REGISTER_NONE || !outlook_moves(horizon, &horizon->outlooks[target]))
        return;
    horizon->marks[target] = MARK_MOVES;
    set_add_readers(horizon->evaluation->pending, horizon->evaluation->dependence, target);
}

static double remaining(const struct horizon *horizon, int64_t since_ms, int64_t duration_ms) {
    return greater(0, (double)since_ms + (double)duration_ms - (double)horizon->evaluation->now_ms);
}

static double bands_until(const struct horizon *horizon, uint32_t index) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct dimension *dimension = &evaluation->program->dimensions[index];
    struct outlook score = *outlook_at(horizon, evaluation->program->scores[dimension->score].result);
    uint32_t size;
    const uint8_t *payload = state_section(evaluation->state, dimension_slot(evaluation->program, index), &size);
    assert(payload != NULL);
    struct dimension_section section = dimension_section(payload, size);
    uint32_t band = dimension_band(dimension, &section);
    if (band == dimension->bands_count)
        return score.until;
    double until = score.until;
    if (band + 1 < dimension->bands_count)
        until = lesser(until, reaches_zero(score.high - dimension->bands[band + 1].lower, score.high_slope));
    if (band == 0)
        return until;
    double exit = band_exit(dimension, band), now = evaluation->scores[dimension->score].value;
    if (now < exit)
        return lesser(until, remaining(horizon, section.since_ms, dimension->min_dwell_ms));
    return lesser(until, exceeds_zero(exit - score.low, -score.low_slope));
}

/* How long no case that is urgent can come to win: one above the winner as long as it is false, one below as long as
 * the winner's is true. */
static double urgent_until(const struct horizon *horizon, const struct dimension *dimension,
                           const struct dimension_case *winner) {
    double until = INFINITY;
    for (uint32_t i = 0; i < dimension->cases_count; i++) {
        const struct dimension_case *other = &dimension->cases[i];
        const struct dimension_case *decides = other < winner ? other : winner;
        if (other->urgent && decides->when.result != REGISTER_NONE)
            until = lesser(until, truth_until(horizon, decides->when.result));
    }
    bool moves = winner->urgent && winner->value_of != REGISTER_NONE;
    return moves ? lesser(until, outlook_at(horizon, winner->value_of)->until) : until;
}

/* How long the same value is wanted. */
static double wanted_until(const struct horizon *horizon, const struct dimension *dimension,
                           const struct dimension_case *winner) {
    double until = winner->value_of == REGISTER_NONE ? INFINITY : outlook_at(horizon, winner->value_of)->until;
    for (const struct dimension_case *other = dimension->cases; other <= winner; other++)
        if (other->when.result != REGISTER_NONE)
            until = lesser(until, truth_until(horizon, other->when.result));
    return until;
}

/* Before the dwell is over, only what is urgent moves the dimension, whatever else may be wanted. */
static double cases_until(const struct horizon *horizon, uint32_t index) {
    const struct dimension *dimension = &horizon->evaluation->program->dimensions[index];
    const struct dimension_case *winner = dimension_winner(horizon->evaluation, dimension);
    struct text wanted;
    int64_t since_ms;
    bool is_wanted = dimension_stays(horizon->evaluation, index, &wanted, &since_ms);
    double dwells = remaining(horizon, since_ms, dimension->min_dwell_ms);
    double until = dwells;
    if (is_wanted && dwells < horizon->length_ms)
        until = greater(until, wanted_until(horizon, dimension, winner));
    return dwells > 0 ? lesser(until, urgent_until(horizon, dimension, winner)) : until;
}

static double dimension_until(const struct horizon *horizon, uint32_t index) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct dimension *dimension = &evaluation->program->dimensions[index];
    if (dimension->time_in != REGISTER_NONE) {
        double lasted = evaluation->registers[dimension->time_in].number;
        horizon->outlooks[dimension->time_in] = (struct outlook){lasted, 1, lasted, 1, INFINITY};
    }
    return dimension->score == REGISTER_NONE ? cases_until(horizon, index) : bands_until(horizon, index);
}

/* How long it stays true that an account outside does, or does not, want in. */
static double wish_until(const struct horizon *horizon, const struct segment *segment) {
    uint16_t when = segment->when.result, until = segment->until.result;
    if (until == REGISTER_NONE)
        return truth_until(horizon, when);
    bool wants = evaluation_true(horizon->evaluation, when), leaves = evaluation_true(horizon->evaluation, until);
    if (wants && leaves)
        return truth_until(horizon, until);
    if (!wants && !leaves)
        return truth_until(horizon, when);
    double when_until = truth_until(horizon, when), until_until = truth_until(horizon, until);
    return wants ? lesser(when_until, until_until) : greater(when_until, until_until);
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
    return greater(truth_until(horizon, decides), remaining(horizon, memory->since_ms, segment->min_dwell_ms));
}

static double segment_outlook(const struct horizon *horizon, uint32_t index) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct segment *segment = &evaluation->program->segments[index];
    struct segment_memory memory = segment_recall(evaluation->state, segment_slot(evaluation->program, index));
    bool inside = memory.since_ms != INSTANT_NONE;
    if (segment->time_in != REGISTER_NONE) {
        double lasted = evaluation->registers[segment->time_in].number;
        horizon->outlooks[segment->time_in] = (struct outlook){lasted, inside, lasted, inside, INFINITY};
    }
    return inside ? inside_until(horizon, segment, &memory) : outside_until(horizon, segment, &memory);
}

static void score_outlook(const struct horizon *horizon, uint32_t index) {
    uint16_t result = horizon->evaluation->program->scores[index].result;
    outlook_of_score(horizon, index, &horizon->outlooks[result]);
    spread(horizon, result);
}

/* Takes a step that is no instruction; returns until when it decides the same. */
static double take_decision(const struct horizon *horizon, const struct evaluation_step *step) {
    const struct program *program = horizon->evaluation->program;
    double until = INFINITY;
    if (step->kind == STEP_SCORE) {
        score_outlook(horizon, step->index);
    } else if (step->kind == STEP_DIMENSION) {
        until = dimension_until(horizon, step->index);
        spread(horizon, program->dimensions[step->index].time_in);
    } else {
        until = segment_outlook(horizon, step->index);
        spread(horizon, program->segments[step->index].time_in);
    }
    return until;
}

/* Scores lie between bounds, which are the looser the longer the stretch is; most other decisions wait for an instant
 * that is known. */
static bool is_loose(const struct horizon *horizon, const struct evaluation_step *step) {
    return step->kind == STEP_DIMENSION && horizon->evaluation->program->dimensions[step->index].score != REGISTER_NONE;
}

/* The steps that look at what moves with the time. Events that are reckoned with only add to windows and durations,
 * which do so anyway. */
static void find_first(const struct horizon *horizon) {
    uint32_t words = horizon->evaluation->dependence->words;
    memcpy(horizon->first, horizon->restless, words * sizeof *horizon->first);
    evaluation_add_timed(horizon->evaluation, true, horizon->first);
}

static void begin_look(const struct horizon *horizon) {
    const struct program *program = horizon->evaluation->program;
    uint32_t words = horizon->evaluation->dependence->words;
    memset(horizon->marks + program->constants_count, MARK_NONE, program->registers_count - program->constants_count);
    memcpy(horizon->evaluation->pending, horizon->first, words * sizeof *horizon->first);
}

static inline void take_instruction(const struct horizon *horizon, const struct evaluation_step *step) {
    uint16_t target = step->instruction->target;
    if (!step->maker(horizon, step->instruction, &horizon->outlooks[target]))
        return;
    horizon->marks[target] = MARK_MOVES;
    set_add_readers_of_step(horizon->evaluation->pending, horizon->evaluation->dependence, step);
}

/* A decision that is not come to sees nothing that moves, and waits for no time: it stays as it is. What is loose and
 * ends the stretch before `too_soon_ms` ends the look, and nothing is proven. */
static double look_once(const struct horizon *horizon, double too_soon_ms, bool *ret_is_loose) {
    const struct dependence *dependence = horizon->evaluation->dependence;
    uint64_t *pending = horizon->evaluation->pending;
    double until = horizon->length_ms;
    *ret_is_loose = false;
    begin_look(horizon);
    for (uint32_t i = 0; i < dependence->words; i++) {
        while (pending[i] != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(pending[i]);
            const struct evaluation_step *step = &dependence->steps[i * 64 + bit];
            pending[i] &= pending[i] - 1;
            if (step->instruction != NULL) {
                take_instruction(horizon, step);
                continue;
            }
            double stays = take_decision(horizon, step);
            if (stays >= until)
                continue;
            until = stays;
            *ret_is_loose = is_loose(horizon, step);
            if (until <= (*ret_is_loose ? too_soon_ms : 0))
                return 0;
        }
    }
    return until;
}

static double length_of(const struct horizon *horizon, uint32_t level) {
    int64_t now_ms = horizon->evaluation->now_ms;
    if (reaches[level].hours > 0)
        return reaches[level].hours * HOUR;
    return (double)((slice_index(now_ms, DAY) + 1 + reaches[level].days) * DAY - now_ms);
}

/* The stretch ends before the instant at its end. */
static struct slices slices_to_end(const struct horizon *horizon, int64_t slice_ms) {
    int64_t now_ms = horizon->evaluation->now_ms;
    return (struct slices){slice_index(now_ms, slice_ms),
                           slice_index(now_ms + (int64_t)horizon->length_ms - 1, slice_ms)};
}

static void set_reach(struct horizon *horizon, uint32_t level, uint32_t scale) {
    uint32_t events = reaches[level].events << SCALE_SHIFT * scale;
    horizon->length_ms = length_of(horizon, level);
    horizon->hours = slices_to_end(horizon, HOUR);
    horizon->days = slices_to_end(horizon, DAY);
    horizon->events = horizon->lively == 0 ? 0 : events < HORIZON_EVENTS_MAX ? events : HORIZON_EVENTS_MAX;
    horizon->values = horizon->lively == 0 ? 0 : reaches[level].values + VALUES_PER_SCALE * scale;
}

static uint32_t level_below(uint32_t level) {
    if (level > LEVEL_FAR)
        return level - 2;
    return level > LEVEL_TONIGHT ? LEVEL_TONIGHT : 0;
}

/* After a success. The lengths below a day are only there for what moves within it: not to climb over. */
static uint32_t level_above(uint32_t level) {
    return level < LEVEL_TONIGHT ? LEVEL_TONIGHT : level + 1u < LEVELS ? level + 1 : level;
}

/* What an account remembers of its looks: the level, the patience, and how many more events than usual to reckon with.
 */
struct habit {
    uint32_t level, patience, scale;
};

static struct habit habit_of(uint8_t remembered) {
    struct habit habit = {remembered & 15, remembered >> 4 & 3, remembered >> 6};
    habit.level = habit.level < LEVELS ? habit.level : LEVELS - 1u;
    return habit;
}

static uint8_t remembered(struct habit habit) {
    return (uint8_t)(habit.level | habit.patience << 4 | habit.scale << 6);
}

static void succeed(struct habit *habit) {
    habit->patience -= habit->patience > 0;
    if (habit->patience == 0)
        habit->level = level_above(habit->level);
}

/* Looks less far; false: there is nothing to be gained by that. */
static bool lower(const struct horizon *horizon, struct habit *habit, double best, bool is_loose) {
    uint32_t below = level_below(habit->level);
    if (!is_loose && best >= ENOUGH_MS)
        return false;
    if (habit->scale > 0) {
        habit->scale = 0;
        return true;
    }
    if (habit->level == 0 || (best > 0 && length_of(horizon, below) <= best))
        return false;
    habit->level = below;
    habit->patience = below < LEVEL_FAR ? 0 : PATIENCE;
    return true;
}

/* A bound that is loose and ends the stretch before half of the next length: that length promises more. */
static double too_soon(const struct horizon *horizon, const struct habit *habit) {
    if (habit->scale > 0)
        return horizon->length_ms / 2;
    return habit->level > 0 ? length_of(horizon, level_below(habit->level)) / 2 : 0;
}

double horizon_look(struct horizon *horizon, uint8_t *habits) {
    double best = 0;
    struct habit habit = habit_of(*habits);
    uint32_t first = habit.level;
    find_first(horizon);
    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        set_reach(horizon, habit.level, habit.scale);
        bool is_loose;
        double too_soon_ms = best > 0 || looks + 1 == LOOKS_MAX ? 0 : too_soon(horizon, &habit);
        double until = look_once(horizon, too_soon_ms, &is_loose);
        if (best > 0 &&
            until <= best) { /* It is no loose bound that ends it: behind that instant, look as far as before. */
            habit.level = first;
            break;
        }
        best = greater(best, until);
        if (until >= horizon->length_ms) {
            bool is_farthest = habit.level + 1 == LEVELS;
            succeed(&habit);
            *habits = remembered(habit);
            return is_farthest ? INFINITY : best;
        }
        if (!lower(horizon, &habit, best, is_loose))
            break;
    }
    *habits = remembered(habit);
    return best;
}

void horizon_begin(const struct program *program, struct outlook *outlooks, uint8_t *marks) {
    for (uint32_t i = 0; i < program->constants_count; i++) {
        outlooks[i] = outlook_constant(program->constants[i].number, INFINITY);
        marks[i] = MARK_STAYS;
    }
}

void horizon_expect_more(uint8_t *habits) {
    struct habit habit = habit_of(*habits);
    habit.scale += habit.scale < SCALE_MAX;
    *habits = remembered(habit);
}
