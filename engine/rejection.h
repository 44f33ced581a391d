/* Why a record is refused: the closed list of reasons. Dead letters, counters, `tail` and the docs take their words
 * from this table. Plain data. */
#pragma once

#include "base/result.h"
#include "base/text.h"

enum rejection_reason {
    REJECTION_UNDECODABLE,
    REJECTION_UNKNOWN_SCHEMA,
    REJECTION_INVALID_VALUE,
    REJECTION_INVALID_ACCOUNT_ID,
    REJECTION_FUTURE_TIMESTAMP,
    REJECTION_WRONG_PARTITION,
    REJECTION_RECORD_TOO_LARGE,
    REJECTION_ACCOUNT_TOO_LARGE,
    REJECTION_REASONS,
};

struct rejection_definition {
    struct text name; /* as in the header bw_reason: "undecodable" */
    struct text help; /* a sentence for people */
};

extern const struct rejection_definition rejection_definitions[REJECTION_REASONS];

/* REJECTION_REASONS where there is none of that name. */
enum rejection_reason rejection_find(struct text name);

struct rejection {
    enum rejection_reason reason;
    struct error detail; /* what was met and what was expected, for people */
};
