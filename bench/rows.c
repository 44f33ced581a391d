#include "bench/rows.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"

bool row_holds(const struct row *row) {
    return row->goal == GOAL_NONE || (row->goal == GOAL_AT_MOST ? row->value <= row->limit : row->value >= row->limit);
}

static const char *verdict(const struct row *row) {
    return row->goal == GOAL_NONE ? "" : row_holds(row) ? "holds" : "MISSED";
}

static void print_row(const struct row *row, FILE *out) {
    fprintf(out, "%-52s %10.3g %-8s", row->name, row->value, row->unit);
    if (row->goal != GOAL_NONE)
        fprintf(out, " limit %6g  stretch %6g  %s", row->limit, row->stretch, verdict(row));
    fprintf(out, "\n    %s\n", row->note);
}

void rows_add(struct rows *rows, const struct row *row) {
    assert(rows->count < ROWS_MAX);
    rows->items[rows->count++] = *row;
    print_row(row, stderr);
}

void rows_print(const struct rows *rows, FILE *out) {
    for (uint32_t i = 0; i < rows->count; i++)
        print_row(&rows->items[i], out);
}

static void put_number_of_goal(struct json *json, const struct row *row, const char *key, double number) {
    json_key(json, key);
    if (row->goal == GOAL_NONE)
        json_put_null(json);
    else
        json_put_number(json, number);
}

static void put_row(struct json *json, const struct row *row) {
    json_open_object(json);
    json_key(json, "name");
    json_put_string(json, row->name);
    json_key(json, "value");
    json_put_number(json, row->value);
    json_key(json, "unit");
    json_put_string(json, row->unit);
    put_number_of_goal(json, row, "limit", row->limit);
    put_number_of_goal(json, row, "stretch", row->stretch);
    json_key(json, "holds");
    if (row->goal == GOAL_NONE)
        json_put_null(json);
    else
        json_put_boolean(json, row_holds(row));
    json_key(json, "note");
    json_put_string(json, row->note);
    json_close_object(json);
}

void rows_print_json(const struct rows *rows, FILE *out) {
    struct buffer buffer = {0};
    struct json json = {.out = &buffer};
    json_open_object(&json);
    json_key(&json, "rows");
    json_open_array(&json);
    for (uint32_t i = 0; i < rows->count; i++)
        put_row(&json, &rows->items[i]);
    json_close_array(&json);
    json_close_object(&json);
    fprintf(out, "%.*s\n", (int)buffer.size, (const char *)buffer.data);
    buffer_free(&buffer);
}

void rows_print_markdown(const struct rows *rows, FILE *out) {
    fprintf(out, "| | measured | limit | stretch | | how |\n| --- | --- | --- | --- | --- | --- |\n");
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        if (row->curve != NULL)
            continue;
        fprintf(out, "| %s | %.3g %s |", row->name, row->value, row->unit);
        if (row->goal == GOAL_NONE)
            fprintf(out, " | | |");
        else
            fprintf(out, " %g | %g | %s |", row->limit, row->stretch, row_holds(row) ? "holds" : "**missed**");
        fprintf(out, " %s |\n", row->note);
    }
}

void rows_print_curves_markdown(const struct rows *rows, FILE *out) {
    const char *curve = NULL;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        if (row->curve == NULL)
            continue;
        if (curve == NULL || strcmp(curve, row->curve) != 0)
            fprintf(out, "\n| %s | %s | |\n| --- | --- | --- |\n", row->curve, row->unit);
        curve = row->curve;
        fprintf(out, "| %.10g | %.4g | %s |\n", row->x, row->value, row->note);
    }
}
