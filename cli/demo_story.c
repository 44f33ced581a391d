#include "cli/demo_story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change_line.h"

#define STAGES_MAX   16
#define SEGMENTS_MAX 64
#define STORY_LINES  16 /* of one account */
#define STAGE_WIDTH  12

/* A change, as much of it as the summary needs. */
struct told {
    struct text account_id, subject, from, to, what, why;
    enum change_kind kind;
    bool step; /* of an account's story: what it came to, not what it left */
};

struct segment_count {
    struct text name;
    uint32_t entered, left;
};

struct story {
    struct arena arena;
    struct told *told;
    uint32_t count, capacity;
    struct buffer what, why; /* scratch */
};

enum result story_create(struct story **ret_story, struct error *error) {
    struct story *story = calloc(1, sizeof *story);
    if (story == NULL)
        return error_set(error, RESULT_FATAL, "memory is out");
    *ret_story = story;
    return RESULT_OK;
}

void story_free(struct story *story) {
    if (story == NULL)
        return;
    arena_free(&story->arena);
    buffer_free(&story->what);
    buffer_free(&story->why);
    free(story->told);
    free(story);
}

bool story_is_news(const struct change *change) {
    static const char *const facts[] = {"industry",         "country",          "plan",
                                        "line_of_business", "company_size",     "tenure",
                                        "value_tier",       "growth_potential", "growth_horizon"};
    if (change->kind == CHANGE_MOVED &&
        (text_is_missing(change->from) || text_equals(change->from, "unknown") || text_equals(change->to, "unknown")))
        return false;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (text_equals(change->subject, facts[i]))
            return false;
    return true;
}

enum result story_add(struct story *story, const struct change *change, struct error *error) {
    if (story->count == story->capacity) {
        uint32_t capacity = story->capacity == 0 ? 1024 : story->capacity * 2;
        struct told *grown = realloc(story->told, capacity * sizeof *grown);
        if (grown == NULL)
            return error_set(error, RESULT_FATAL, "memory is out");
        story->told = grown;
        story->capacity = capacity;
    }
    buffer_clear(&story->what);
    buffer_clear(&story->why);
    change_write_what(change, false, &story->what);
    change_write_why(change, &story->why);
    story->told[story->count++] = (struct told){
        .account_id = arena_text(&story->arena, change->account_id),
        .subject = arena_text(&story->arena, change->subject),
        .from = arena_text(&story->arena, change->from),
        .to = arena_text(&story->arena, change->to),
        .what = arena_text(&story->arena, buffer_text(&story->what)),
        .why = arena_text(&story->arena, buffer_text(&story->why)),
        .kind = change->kind,
        .step = story_is_news(change) && change->kind != CHANGE_EXITED,
    };
    return RESULT_OK;
}

uint64_t story_changes(const struct story *story) {
    return story->count;
}

static void put_heading(struct buffer *out, bool colour, const char *text) {
    buffer_printf(out, "\n%s%s%s\n\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

/* ---- movement between stages */

struct matrix {
    struct text stages[STAGES_MAX];
    uint32_t count;
    uint32_t moves[STAGES_MAX][STAGES_MAX];
};

/* The stage's place, which it gets when it is met first; STAGES_MAX where there is no more room. */
static uint32_t stage_index(struct matrix *matrix, struct text stage) {
    uint32_t at = 0;
    while (at < matrix->count && !text_equal(matrix->stages[at], stage))
        at++;
    if (at == matrix->count && at < STAGES_MAX)
        matrix->stages[matrix->count++] = stage;
    return at;
}

static void fill_matrix(const struct story *story, struct matrix *matrix) {
    static const char *const usual[] = {"onboarding", "activating", "adopting", "established",
                                        "renewing",   "dormant",    "churned"};
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        (void)stage_index(matrix, text_of(usual[i]));
    for (uint32_t i = 0; i < story->count; i++) {
        const struct told *told = &story->told[i];
        if (!text_equals(told->subject, "lifecycle_stage") || text_is_missing(told->from) || text_is_missing(told->to))
            continue;
        uint32_t from = stage_index(matrix, told->from), to = stage_index(matrix, told->to);
        if (from < STAGES_MAX && to < STAGES_MAX)
            matrix->moves[from][to]++;
    }
}

static void put_matrix(const struct story *story, bool colour, struct buffer *out) {
    struct matrix matrix = {.count = 0};
    fill_matrix(story, &matrix);
    put_heading(out, colour, "Movement between lifecycle stages (from the row to the column)");
    buffer_printf(out, "  %-*s", STAGE_WIDTH, "");
    for (uint32_t to = 0; to < matrix.count; to++)
        buffer_printf(out, "%*.*s", STAGE_WIDTH, TEXT_ARGUMENTS(matrix.stages[to]));
    buffer_put_string(out, "\n");
    for (uint32_t from = 0; from < matrix.count; from++) {
        buffer_printf(out, "  %-*.*s", STAGE_WIDTH, TEXT_ARGUMENTS(matrix.stages[from]));
        for (uint32_t to = 0; to < matrix.count; to++) {
            if (matrix.moves[from][to] == 0)
                buffer_printf(out, "%*s", STAGE_WIDTH, ".");
            else
                buffer_printf(out, "%*" PRIu32, STAGE_WIDTH, matrix.moves[from][to]);
        }
        buffer_put_string(out, "\n");
    }
}

/* ---- segments */

static int by_entered(const void *left, const void *right) {
    const struct segment_count *a = left, *b = right;
    if (a->entered != b->entered)
        return a->entered < b->entered ? 1 : -1;
    return text_compare(a->name, b->name);
}

static uint32_t count_segments(const struct story *story, struct segment_count segments[SEGMENTS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < story->count; i++) {
        const struct told *told = &story->told[i];
        uint32_t at = 0;
        if (told->kind == CHANGE_MOVED)
            continue;
        while (at < count && !text_equal(segments[at].name, told->subject))
            at++;
        if (at == SEGMENTS_MAX)
            continue;
        if (at == count)
            segments[count++] = (struct segment_count){.name = told->subject};
        segments[at].entered += told->kind == CHANGE_ENTERED;
        segments[at].left += told->kind == CHANGE_EXITED;
    }
    qsort(segments, count, sizeof *segments, by_entered);
    return count;
}

static void put_segments(const struct story *story, bool colour, struct buffer *out) {
    struct segment_count segments[SEGMENTS_MAX];
    uint32_t count = count_segments(story, segments);
    if (count == 0)
        return;
    put_heading(out, colour, "Segments");
    buffer_printf(out, "  %-30s%8s%8s%8s\n", "", "entered", "left", "now");
    for (uint32_t i = 0; i < count; i++)
        buffer_printf(out, "  %-30.*s%8" PRIu32 "%8" PRIu32 "%8" PRIu32 "\n", TEXT_ARGUMENTS(segments[i].name),
                      segments[i].entered, segments[i].left, segments[i].entered - segments[i].left);
}

/* ---- one account's story */

static uint32_t steps_of(const struct story *story, struct text account_id) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < story->count; i++)
        count += story->told[i].step && text_equal(story->told[i].account_id, account_id);
    return count;
}

/* Of the accounts that declined and left, the one with the most to tell; missing where there is none. */
static struct text chosen_account(const struct story *story, const struct simulation *simulation) {
    struct text chosen = TEXT_MISSING;
    uint32_t most = 0;
    for (uint32_t i = 0; i < story->count; i++) {
        const struct told *told = &story->told[i];
        const char *life = simulation_life(simulation, told->account_id);
        if (life == NULL || strcmp(life, "declines and leaves") != 0 ||
            !text_equals(told->subject, "lifecycle_stage") || !text_equals(told->to, "churned"))
            continue;
        uint32_t steps = steps_of(story, told->account_id);
        if (steps > most) {
            most = steps;
            chosen = told->account_id;
        }
    }
    return chosen;
}

static void put_line(struct buffer *out, const char *before, struct text text, const char *after, uint32_t columns) {
    size_t start = out->size;
    buffer_printf(out, "%s%.*s%s", before, TEXT_ARGUMENTS(text), after);
    if (columns > 0)
        line_cut(out, start, columns);
    buffer_put_string(out, "\n");
}

static void put_account(const struct story *story, const struct simulation *simulation, bool colour, uint32_t columns,
                        struct buffer *out) {
    struct text account_id = chosen_account(story, simulation);
    if (text_is_missing(account_id))
        return;
    char title[160];
    snprintf(title, sizeof title, "The story of %.*s, who %s", TEXT_ARGUMENTS(account_id),
             simulation_life(simulation, account_id));
    put_heading(out, colour, title);
    uint32_t skip = steps_of(story, account_id), shown = 0;
    skip = skip > STORY_LINES ? skip - STORY_LINES : 0;
    for (uint32_t i = 0; i < story->count; i++) {
        const struct told *told = &story->told[i];
        if (!told->step || !text_equal(told->account_id, account_id) || shown++ < skip)
            continue;
        put_line(out, "  ", told->what, "", columns);
        if (told->why.size > 0)
            put_line(out, colour ? "\033[2m                      " : "                      ", told->why,
                     colour ? "\033[0m" : "", columns);
    }
}

void story_write_summary(const struct story *story, const struct simulation *simulation, bool colour, uint32_t columns,
                         struct buffer *out) {
    put_matrix(story, colour, out);
    put_segments(story, colour, out);
    put_account(story, simulation, colour, columns, out);
}
