/* What the benchmark found, row by row: printed as it comes, then as a table, as JSON, and for docs/benchmark.md. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ROWS_MAX      128
#define ROW_TEXT_SIZE 640

enum goal {
    GOAL_NONE,    /* told for comparison */
    GOAL_AT_MOST, /* the limit and what lies below it */
    GOAL_AT_LEAST,
};

struct row {
    char name[96];
    char unit[24];
    double value, limit, stretch;
    enum goal goal;
    char note[ROW_TEXT_SIZE]; /* how it was come by: sizes, spread, what it is a ratio of */
    const char *curve;        /* of which this is a point, at `x`; NULL: a row for itself. A static text */
    double x;
};

struct rows {
    struct row items[ROWS_MAX];
    uint32_t count;
};

/* Copies it and prints it on standard error. */
void rows_add(struct rows *rows, const struct row *row);
bool row_holds(const struct row *row);
void rows_print(const struct rows *rows, FILE *out);
void rows_print_json(const struct rows *rows, FILE *out);
/* Tables of Markdown: of the rows for themselves, of the points. */
void rows_print_markdown(const struct rows *rows, FILE *out);
void rows_print_curves_markdown(const struct rows *rows, FILE *out);
