/* Changes, statuses and events as JSON, in the layout of section "A change" in docs/rules.md and of docs/contract.md:
 * compact, keys in the contract's order, the same bytes for the same input. Pure functions; thread-safe. */
#pragma once

#include "base/buffer.h"
#include "engine/core/change.h"

/* What a published change has beside what the rules decide: `--full`, and topics whose encoding is `json`. */
struct change_origin {
    int64_t decided_at_ms;   /* wall clock */
    struct text cause_topic; /* where the causing record lies; missing: the cause has no place */
};

/* Appends the change as one JSON object, without a newline. `origin` NULL: as `replay` prints it; else with
 * `decided_at`, and with the cause's `topic`, `partition` and `offset`. */
void change_write_json(const struct change *change, const struct change_origin *origin, struct buffer *out);

/* Appends the status as one JSON object, without a newline. The status is not erased: such a one has no value. */
void status_write_json(const struct status *status, struct buffer *out);

/* Appends the event as `replay` reads it, without a newline; fields that are null are left out. */
void event_write_json(const struct event *event, struct buffer *out);

/* The words of the contract, shared by JSON and the Avro schemas' symbols. */
const char *change_kind_name(enum change_kind kind);
const char *cause_kind_name(enum cause_kind kind);

/* A coverage as it is published: 4 decimals. */
double coverage_rounded(double coverage);
