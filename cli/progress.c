#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/clock.h"

#define BAR_WIDTH       30
#define REDRAW_AFTER_MS 100

void progress_start(struct progress *progress, const char *unit, bool quiet) {
    int64_t now_ms = clock_monotonic_ms();
    *progress = (struct progress){
        .shown = !quiet && isatty(STDERR_FILENO) == 1,
        .started_ms = now_ms,
        .drawn_ms = now_ms,
        .unit = unit,
    };
}

const char *count_text(uint64_t count, char ret_text[COUNT_TEXT_MAX]) {
    char digits[COUNT_TEXT_MAX];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, count), at = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            ret_text[at++] = ',';
        ret_text[at++] = digits[i];
    }
    ret_text[at] = '\0';
    return ret_text;
}

double progress_seconds(const struct progress *progress) {
    return (double)(clock_monotonic_ms() - progress->started_ms) / 1000;
}

static void draw(struct progress *progress, double done, uint64_t count) {
    char bar[BAR_WIDTH + 1], counted[COUNT_TEXT_MAX], left[32] = "";
    double seconds = progress_seconds(progress);
    int filled = (int)(done * BAR_WIDTH);
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    if (done > 0.02)
        snprintf(left, sizeof left, ", %.0f s left", seconds / done - seconds);
    fprintf(stderr, "\r\033[K[%s] %3.0f %%  %s %s%s", bar, done * 100, count_text(count, counted), progress->unit,
            left);
}

void progress_update(struct progress *progress, uint64_t part, uint64_t whole, uint64_t count) {
    char counted[COUNT_TEXT_MAX];
    int64_t now_ms = progress->shown ? clock_monotonic_ms() : 0;
    if (!progress->shown || now_ms - progress->drawn_ms < REDRAW_AFTER_MS)
        return;
    if (whole > 0)
        draw(progress, part >= whole ? 1 : (double)part / (double)whole, count);
    else
        fprintf(stderr, "\r\033[K%s %s", count_text(count, counted), progress->unit);
    fflush(stderr);
    progress->drawn = true;
    progress->drawn_ms = now_ms;
}

void progress_clear(struct progress *progress) {
    if (progress->drawn) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
    }
    progress->drawn = false;
}
