#include "bench/plot.h"

#include <math.h>
#include <string.h>

/* ---- bars */

#define PLOT_WIDTH  760
#define LABEL_WIDTH 330
#define BAR_HEIGHT  22

static bool is_bar(const struct row *row, const char *unit) {
    return row->curve == NULL && strcmp(row->unit, unit) == 0;
}

static double longest(const struct rows *rows, const char *unit) {
    double most = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        if (!is_bar(row, unit))
            continue;
        most = row->value > most ? row->value : most;
        most = row->limit > most ? row->limit : most;
    }
    return most;
}

static void plot_row(FILE *out, const struct row *row, double scale, int y) {
    int length = (int)(row->value * scale), limit = LABEL_WIDTH + (int)(row->limit * scale);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", LABEL_WIDTH - 8, y + 15, row->name);
    fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", LABEL_WIDTH, y + 2, length,
            BAR_HEIGHT - 4,
            row->goal == GOAL_NONE ? "#9aa5b1"
            : row_holds(row)       ? "#3b8f5a"
                                   : "#c8553d");
    fprintf(out, "<text x=\"%d\" y=\"%d\">%.3g</text>\n", LABEL_WIDTH + length + 6, y + 15, row->value);
    if (row->goal != GOAL_NONE)
        fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"black\" stroke-width=\"2\"/>\n", limit,
                limit, y, y + BAR_HEIGHT);
}

static void begin_picture(FILE *out, int width, int height) {
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
            "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            width, height);
}

static void end_picture(FILE *out) {
    fputs("</svg>\n", out);
    fclose(out);
}

bool plot_bars(const struct rows *rows, const char *unit, const char *title, FILE *(*create)(void *context),
               void *context) {
    double most = longest(rows, unit);
    int y = 30, bars = 0;
    for (uint32_t i = 0; i < rows->count; i++)
        bars += is_bar(&rows->items[i], unit);
    if (bars == 0 || most <= 0)
        return false;
    FILE *out = create(context);
    begin_picture(out, PLOT_WIDTH, 40 + bars * BAR_HEIGHT);
    fprintf(out, "<text x=\"%d\" y=\"18\" font-weight=\"bold\">%s</text>\n", LABEL_WIDTH, title);
    for (uint32_t i = 0; i < rows->count; i++) {
        if (!is_bar(&rows->items[i], unit))
            continue;
        plot_row(out, &rows->items[i], (PLOT_WIDTH - LABEL_WIDTH - 60) / most, y);
        y += BAR_HEIGHT;
    }
    end_picture(out);
    return true;
}

/* ---- curves */

#define PANELS_MAX   16
#define PANEL_WIDTH  380
#define PANEL_HEIGHT 230
#define MARGIN_LEFT  60
#define MARGIN_RIGHT 20
#define MARGIN_TOP   46
#define MARGIN_BELOW 34

static const char *const colours[] = {"#2f6f9f", "#c8553d", "#3b8f5a", "#9aa5b1"};

/* Where a panel lies, and what its axes span. */
struct panel {
    const char *name;
    size_t name_size;
    int left, top;
    double x_least, x_most, y_most;
};

static size_t size_of_panel_name(const char *curve) {
    return strcspn(curve, ",");
}

static bool is_in(const struct panel *panel, const struct row *row) {
    return row->curve != NULL && size_of_panel_name(row->curve) == panel->name_size &&
           strncmp(row->curve, panel->name, panel->name_size) == 0;
}

static double position_of(double x) {
    return x < 1 ? -log10(1 - x) : log10(x);
}

static struct panel *find_panel(struct panel *panels, uint32_t *count, const struct row *row) {
    for (uint32_t i = 0; i < *count; i++)
        if (is_in(&panels[i], row))
            return &panels[i];
    if (*count == PANELS_MAX)
        return NULL;
    struct panel *panel = &panels[*count];
    *panel = (struct panel){
        .name = row->curve,
        .name_size = size_of_panel_name(row->curve),
        .left = (int)(*count % 2) * PANEL_WIDTH,
        .top = (int)(*count / 2) * PANEL_HEIGHT,
        .x_least = position_of(row->x),
        .x_most = position_of(row->x),
    };
    (*count)++;
    return panel;
}

static uint32_t lay_out(const struct rows *rows, struct panel *panels) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        struct panel *panel = row->curve == NULL ? NULL : find_panel(panels, &count, row);
        if (panel == NULL)
            continue;
        panel->x_least = fmin(panel->x_least, position_of(row->x));
        panel->x_most = fmax(panel->x_most, position_of(row->x));
        panel->y_most = fmax(panel->y_most, row->value);
    }
    return count;
}

static double across(const struct panel *panel, double x) {
    double width = PANEL_WIDTH - MARGIN_LEFT - MARGIN_RIGHT, span = panel->x_most - panel->x_least;
    return panel->left + MARGIN_LEFT + (span > 0 ? (position_of(x) - panel->x_least) / span : 0.5) * width;
}

static double down(const struct panel *panel, double y) {
    double height = PANEL_HEIGHT - MARGIN_TOP - MARGIN_BELOW;
    return panel->top + MARGIN_TOP + (1 - (panel->y_most > 0 ? y / panel->y_most : 0)) * height;
}

static void plot_axes(FILE *out, const struct panel *panel, const char *unit) {
    fprintf(out, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%.*s (%s)</text>\n", panel->left + MARGIN_LEFT,
            panel->top + 18, (int)panel->name_size, panel->name, unit);
    for (int i = 0; i <= 2; i++) {
        double y = panel->y_most * i / 2;
        fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#d0d5da\"/>\n",
                panel->left + MARGIN_LEFT, panel->left + PANEL_WIDTH - MARGIN_RIGHT, down(panel, y), down(panel, y));
        fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n", panel->left + MARGIN_LEFT - 6,
                down(panel, y) + 4, y);
    }
}

/* The points of the curve that begins at row `first`. */
static void plot_curve(FILE *out, const struct rows *rows, uint32_t first, const struct panel *panel, uint32_t place) {
    const char *curve = rows->items[first].curve, *colour = colours[place % (sizeof colours / sizeof colours[0])];
    const char *label = curve + panel->name_size + strspn(curve + panel->name_size, ", ");
    uint32_t end = first;
    for (; end < rows->count && rows->items[end].curve != NULL && strcmp(rows->items[end].curve, curve) == 0; end++) {
        const struct row *row = &rows->items[end];
        double x = across(panel, row->x), y = down(panel, row->value);
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, colour);
        if (place == 0)
            fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.10g</text>\n", x,
                    panel->top + PANEL_HEIGHT - MARGIN_BELOW + 16, row->x);
        if (end > first)
            fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
                    across(panel, row[-1].x), down(panel, row[-1].value), x, y, colour);
    }
    fprintf(out, "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n", panel->left + MARGIN_LEFT + (int)place * 150,
            panel->top + 34, colour, label);
}

static void plot_panel(FILE *out, const struct rows *rows, const struct panel *panel) {
    const char *last = NULL;
    uint32_t curves = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        if (!is_in(panel, row) || (last != NULL && strcmp(last, row->curve) == 0))
            continue;
        if (curves == 0)
            plot_axes(out, panel, row->unit);
        plot_curve(out, rows, i, panel, curves++);
        last = row->curve;
    }
}

bool plot_curves(const struct rows *rows, FILE *(*create)(void *context), void *context) {
    struct panel panels[PANELS_MAX];
    uint32_t count = lay_out(rows, panels);
    if (count == 0)
        return false;
    FILE *out = create(context);
    begin_picture(out, 2 * PANEL_WIDTH, (int)(count + 1) / 2 * PANEL_HEIGHT);
    for (uint32_t i = 0; i < count; i++)
        plot_panel(out, rows, &panels[i]);
    end_picture(out);
    return true;
}
