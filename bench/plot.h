/* Plots of rows as SVG files. Each returns false, and writes nothing, where there is nothing to plot. */
#pragma once

#include <stdio.h>

#include "bench/rows.h"

/* The rows of one unit that are no points of curves: bars that lie, each with its limit as a mark. */
bool plot_bars(const struct rows *rows, const char *unit, const char *title, FILE *(*create)(void *context),
               void *context);
/* All curves. Those whose names are alike up to the first comma share a panel, and what follows the comma tells them
 * apart. The axis of x is logarithmic, and for parts of one (below 1) shows how little is left. */
bool plot_curves(const struct rows *rows, FILE *(*create)(void *context), void *context);
