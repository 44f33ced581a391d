/* What the contract asks of a value beyond its type, and how messages speak of fields; one place for every format that
 * records come in. Pure. */
#pragma once

#include "base/instant.h"
#include "base/result.h"
#include "engine/core/event.h"

/* Of an account id or event id: 1 to ID_SIZE_MAX bytes. */
static inline bool field_id_fits(struct text id) {
    return id.size >= 1 && id.size <= ID_SIZE_MAX;
}

/* With the message where it does not. */
MUST_USE enum result field_check_id(enum stream stream, const struct field *field, struct text id, struct error *error);

/* Out of the field's bounds: always RESULT_REJECT, with the message. */
MUST_USE enum result field_out_of_bounds(enum stream stream, const struct field *field, double number,
                                         struct error *error);

/* An instant that is further from 1970 than any calendar is a mistake, or stands for "never", and a double, which the
 * rules compute with, would not hold it. What is accepted here has to be far within what a state may hold
 * (engine/core/blob_check.h). */
#define FIELD_INSTANT_MAX_MS INSTANT_READ_MAX

static inline bool field_instant_fits(int64_t instant_ms) {
    return instant_ms >= -FIELD_INSTANT_MAX_MS && instant_ms <= FIELD_INSTANT_MAX_MS;
}

/* What is expected of an instant, for messages. */
#define FIELD_INSTANT_EXPECTED "at the most 9007199254740992 ms (2^53) before or after 1970"

static inline bool field_in_bounds(const struct field *field, double number) {
    return field->lowest > field->highest || (number >= field->lowest && number <= field->highest);
}

/* "expected one of OPENED, UPDATED": the symbols of an enum, for messages; zero-terminated, cut where it is too long.
 */
#define SYMBOLS_TEXT_MAX 256
void field_symbols(const struct field *field, char ret_text[SYMBOLS_TEXT_MAX]);

/* Of a text that may be long: a beginning that fits into a message, cut between characters; `*ret_cut` is what to write
 * behind it. */
struct text message_excerpt(struct text text, const char **ret_cut);
