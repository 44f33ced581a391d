/* A value of a JSON line into the value of a field: what json_lines.h is made of. A rejection names the stream and the
 * field, what was met, and what was expected. */
#pragma once

#include "base/arena.h"
#include "consumer/entries.h"
#include "consumer/json_scan.h"

#define DATE_LENGTH 10 /* 2026-11-01 */

/* Zero is a good beginning, with `stream` and `error` set before each line. Texts that are made here live in the arena.
 */
struct json_values {
    enum stream stream; /* for messages; STREAMS: not known yet */
    struct error *error;

    struct arena arena;
    struct entries entries;

    /* Lines of a log lie close together in time: the newest date is seldom worked out anew. */
    char date[DATE_LENGTH];
    int64_t date_ms;
};

void json_values_free(struct json_values *values);

/* `token` is not null. An instant goes to `instant_ms` too, where no digit of it is lost; a map's entries go to
 * `event`; a double that is not finite is NaN. RESULT_REJECT or RESULT_FATAL: `values->error` is set. */
MUST_USE enum result json_values_read(struct json_values *values, const struct field *field,
                                      const struct json_token *token, union field_value *value, int64_t *instant_ms,
                                      struct event *event);

MUST_USE enum result json_values_string(struct json_values *values, const struct field *field,
                                        const struct json_token *token, struct text *ret_text);
MUST_USE enum result json_values_instant(struct json_values *values, const struct field *field,
                                         const struct json_token *token, int64_t *ret_instant_ms);

/* Always RESULT_REJECT: "login method is "X", expected ...". */
MUST_USE enum result json_values_reject(struct json_values *values, const struct field *field,
                                        const struct json_token *value, const char *expected);
