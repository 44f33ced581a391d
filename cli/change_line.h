/* A change as one line for people. Pure. */
#pragma once

#include "base/buffer.h"
#include "engine/core/change.h"

/* Appends it, without a newline:
 *
 *     2026-03-14 09:12  acme-014 Bright Labs  risk_band: medium -> high  churn_risk 71.2 (usage_decline 31, inactivity
 * 20)
 */
void change_write_line(const struct change *change, bool colour, struct buffer *out);

/* Text from outside: what would move a terminal's cursor or change its colours is shown as `?`. */
void line_put_text(struct buffer *out, struct text text);

/* Cuts a line with colours, which begins at `start`, to so many columns of a terminal. */
void line_cut(struct buffer *out, size_t start, uint32_t columns_max);

/* The line's two halves: what happened, and why as far as the change says it (that may be nothing). */
void change_write_what(const struct change *change, bool colour, struct buffer *out);
void change_write_why(const struct change *change, struct buffer *out);
