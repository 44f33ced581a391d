#include "cli/change_line.h"

#include <ctype.h>
#include <math.h>

#include "base/instant.h"
#include "base/number.h"
#include "engine/core/scores.h"

#define CONDITIONS_SHOWN 3

#define DIM    "\033[2m"
#define BOLD   "\033[1m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define CYAN   "\033[36m"
#define PLAIN  "\033[0m"

void line_put_text(struct buffer *out, struct text text) {
    for (uint32_t i = 0; i < text.size; i++)
        buffer_put_u8(out, iscntrl((unsigned char)text.data[i]) ? '?' : (uint8_t)text.data[i]);
}

static void put_coloured(struct buffer *out, bool colour, const char *code, struct text text) {
    if (colour)
        buffer_put_string(out, code);
    line_put_text(out, text);
    if (colour)
        buffer_put_string(out, PLAIN);
}

/* `2026-03-14 09:12`: seconds are of no interest to people here. */
static void put_time(struct buffer *out, int64_t instant_ms, bool colour) {
    char text[INSTANT_TEXT_MAX];
    uint32_t size = instant_format(instant_ms, text);
    for (uint32_t i = 0; i < size; i++)
        if (text[i] == 'T')
            text[i] = ' ';
    put_coloured(out, colour, DIM, (struct text){text, size > 8 ? size - 8 : size});
}

static bool is_name_character(char character) {
    return isalnum((unsigned char)character) || character == '_';
}

/* Whether a text of the rules has a duration such as `7d` in it; `usage_90d` is a name. */
static bool speaks_of_duration(struct text condition) {
    for (uint32_t at = 0; at < condition.size; at++) {
        uint32_t end = at;
        while (end < condition.size && (isdigit((unsigned char)condition.data[end]) || condition.data[end] == '.'))
            end++;
        bool unit = end > at && end < condition.size && strchr("smhdw", condition.data[end]) != NULL;
        if (unit && (end + 1 == condition.size || !is_name_character(condition.data[end + 1])))
            return true;
        while (at < condition.size && is_name_character(condition.data[at]))
            at++;
    }
    return false;
}

static void put_duration(struct buffer *out, double duration_ms) {
    static const struct {
        double ms;
        const char *unit;
    } units[] = {{DAY, "d"}, {HOUR, "h"}, {MINUTE, "m"}, {SECOND, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (fabs(duration_ms) >= units[i].ms) {
            buffer_printf(out, "%.1f%s", duration_ms / units[i].ms, units[i].unit);
            return;
        }
    }
    buffer_printf(out, "%.0fms", duration_ms);
}

static void put_operand(struct buffer *out, const struct operand *operand, bool duration) {
    char number[NUMBER_TEXT_MAX];
    switch (operand->kind) {
    case OPERAND_NULL:
        buffer_put_string(out, "missing");
        break;
    case OPERAND_BOOLEAN:
        buffer_put_string(out, operand->number != 0 ? "true" : "false");
        break;
    case OPERAND_TEXT:
        line_put_text(out, operand->text);
        break;
    case OPERAND_NUMBER:
        if (duration) {
            put_duration(out, operand->number);
        } else {
            number_format(round_to_cents(operand->number) + 0.0, number); /* -0 is 0 */
            buffer_put_string(out, number);
        }
        break;
    }
}

/* The conditions that hold: those that compare something (`compares`), or those that are true or false by themselves.
 */
static uint32_t put_conditions(struct buffer *out, const struct change *change, bool compares, uint32_t shown) {
    for (uint32_t i = 0; i < change->because_count && shown < CONDITIONS_SHOWN; i++) {
        const struct because *because = &change->because[i];
        if (!because->holds || (because->left.kind != OPERAND_NULL) != compares)
            continue;
        buffer_put_string(out, shown++ == 0 ? "" : ", ");
        line_put_text(out, because->condition);
        if (!compares)
            continue;
        buffer_put_string(out, " (");
        put_operand(out, &because->left, speaks_of_duration(because->condition));
        buffer_put_string(out, ")");
    }
    return shown;
}

static void change_write_because(const struct change *change, struct buffer *out) {
    uint32_t shown = put_conditions(out, change, true, 0);
    if (shown == 0)
        (void)put_conditions(out, change, false, 0);
}

static void put_what(struct buffer *out, const struct change *change, bool colour) {
    switch (change->kind) {
    case CHANGE_MOVED:
        put_coloured(out, colour, BOLD, change->subject);
        buffer_put_string(out, ": ");
        line_put_text(out, text_is_missing(change->from) ? TEXT("(new)") : change->from);
        buffer_put_string(out, " -> ");
        put_coloured(out, colour, CYAN, text_is_missing(change->to) ? TEXT("(gone)") : change->to);
        break;
    case CHANGE_ENTERED:
        put_coloured(out, colour, YELLOW, TEXT("entered "));
        put_coloured(out, colour, BOLD, change->subject);
        break;
    case CHANGE_EXITED:
        put_coloured(out, colour, GREEN, TEXT("left "));
        put_coloured(out, colour, BOLD, change->subject);
        if (change->previous_since_ms == INSTANT_NONE)
            break;
        buffer_put_string(out, " after ");
        put_duration(out, (double)(change->at_ms - change->previous_since_ms));
        break;
    }
}

/* Two spaces between parts, none before the first. */
static void put_gap(struct buffer *out, size_t start) {
    if (out->size > start)
        buffer_put_string(out, "  ");
}

static void put_reasons(struct buffer *out, const struct change *change, size_t start) {
    bool scored = text_equals(change->reasons_of, "churn_risk") && !isnan(change->churn_risk);
    if (!scored && change->reasons_count == 0)
        return;
    put_gap(out, start);
    line_put_text(out, change->reasons_of);
    if (scored)
        buffer_printf(out, " %.0f", change->churn_risk);
    for (uint32_t i = 0; i < change->reasons_count; i++) {
        buffer_put_string(out, i == 0 ? " (" : ", ");
        line_put_text(out, change->reasons[i].signal);
        buffer_printf(out, " %.0f", change->reasons[i].contribution);
    }
    buffer_put_string(out, change->reasons_count == 0 ? "" : ")");
}

/* Of an entry the conditions that hold are the reason; of an exit they would be, or those that do not, as the rules are
 * written: that cannot be seen here. */
static void put_because(struct buffer *out, const struct change *change, size_t start) {
    size_t before = out->size;
    if (change->kind != CHANGE_ENTERED)
        return;
    put_gap(out, start);
    buffer_put_string(out, "because ");
    size_t prefix = out->size - before;
    change_write_because(change, out);
    if (out->size == before + prefix)
        out->size = before;
}

void change_write_what(const struct change *change, bool colour, struct buffer *out) {
    put_time(out, change->at_ms, colour);
    buffer_put_string(out, "  ");
    line_put_text(out, change->account_id);
    buffer_put_string(out, " ");
    line_put_text(out, change->facts.name);
    buffer_put_string(out, text_is_missing(change->facts.name) ? " " : "  ");
    put_what(out, change, colour);
    if (!text_is_missing(change->playbook) && change->kind != CHANGE_EXITED) {
        buffer_put_string(out, " => ");
        put_coloured(out, colour, RED, change->playbook);
    }
}

void change_write_why(const struct change *change, struct buffer *out) {
    size_t start = out->size;
    put_because(out, change, start);
    put_reasons(out, change, start);
    if (change->backfill || change->cause.kind == CAUSE_RULES_CHANGED || change->cause.kind == CAUSE_ACCOUNT_DELETED)
        put_gap(out, start);
    if (change->backfill)
        buffer_put_string(out, "(backfill)");
    else if (change->cause.kind == CAUSE_RULES_CHANGED)
        buffer_put_string(out, "(rules changed)");
    else if (change->cause.kind == CAUSE_ACCOUNT_DELETED)
        buffer_put_string(out, "(account deleted)");
}

void change_write_line(const struct change *change, bool colour, struct buffer *out) {
    change_write_what(change, colour, out);
    buffer_put_string(out, "  ");
    size_t before = out->size;
    change_write_why(change, out);
    if (out->size == before)
        out->size -= 2;
}

void line_cut(struct buffer *out, size_t start, uint32_t columns_max) {
    uint32_t columns = 0;
    bool coloured = false;
    for (size_t at = start; at < out->size; at++) {
        if (out->data[at] == '\033') {
            coloured = true;
            while (at < out->size && out->data[at] != 'm')
                at++;
        } else if ((out->data[at] & 0xC0) != 0x80 && ++columns > columns_max) {
            out->size = at;
            buffer_put_string(out, coloured ? PLAIN : "");
            return;
        }
    }
}
