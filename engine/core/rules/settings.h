/* Readers of a rules file's parts: mappings with known keys, and scalars as text, numbers, durations. Each reports what
 * is wrong, and then gives false and leaves its output as it was. */
#pragma once

#include "base/document.h"
#include "engine/core/rules/report.h"

/* What is read, to speak of it: "score `churn_risk`". */
struct subject {
    const char *kind;
    struct text name;         /* missing where there is one only */
    struct position position; /* of its name, or of itself */
};

/* A key that a mapping may have. */
struct key {
    struct text name;
    const char *required; /* how it is written, where it must stand; NULL: it may be left out */
};

/* Fills `ret_values[i]` with the node of `keys[i]`, or NULL where the mapping has none. Unknown keys and missing ones
 * are reported; what is there can still be read. False where `node` is no mapping. An empty scalar is an empty one. */
bool settings_mapping(struct report *report, const struct subject *subject, const struct node *node,
                      const struct key *keys, uint32_t keys_count, const struct node **ret_values);

/* A mapping whose keys are free. */
bool settings_any_mapping(struct report *report, const char *what, const struct node *node);

/* `what` names the setting in messages. A `node` that is NULL is not given: true, and the output stays. */
bool settings_text(struct report *report, const char *what, const struct node *node, struct text *ret_text);
bool settings_number(struct report *report, const char *what, const struct node *node, double *ret_number);
bool settings_count(struct report *report, const char *what, const struct node *node, uint32_t most,
                    uint32_t *ret_count);
bool settings_duration(struct report *report, const char *what, const struct node *node, int64_t *ret_duration_ms);
bool settings_boolean(struct report *report, const char *what, const struct node *node, bool *ret_boolean);

/* The place of a node to point at. */
static inline struct position node_position(const struct node *node) {
    bool is_text = node->kind == NODE_SCALAR && node->text.size > 0;
    return is_text ? node->places[0] : node->position;
}
