/* A YAML file as plain data: a tree of mappings, sequences and scalars, each with its place in the file. Scalars are
 * kept as their text, whatever YAML would make of them. Read by config/yaml.h, used by the configuration, the rules
 * language and the tests of rules. Everything lives in the arena that it was read into. */
#pragma once

#include <stdint.h>

#include "base/text.h"

enum node_kind { NODE_SCALAR, NODE_MAPPING, NODE_SEQUENCE };

struct position {
    uint32_t line, column; /* from 1; column counts characters */
};

struct node {
    enum node_kind kind;
    struct position position; /* of the first character (a quoted scalar's opening quote) */
    struct text text;         /* scalar: its value */
    bool quoted;              /* scalar: written with quotes */
    /* scalar: for each byte of `text` its place in the file, `text.size + 1` entries (the last: just behind the end) */
    const struct position *places;
    struct node **keys;   /* mapping: scalars; a key stands once */
    struct node **values; /* mapping: a value each; sequence: the items */
    uint32_t count;
};

struct document {
    struct text file;  /* the name to speak of it by */
    struct node *root; /* NULL where the file holds nothing */
};

/* The value under `key`, or NULL. */
static inline struct node *node_get(const struct node *mapping, const char *key) {
    for (uint32_t i = 0; mapping != NULL && mapping->kind == NODE_MAPPING && i < mapping->count; i++)
        if (text_equals(mapping->keys[i]->text, key))
            return mapping->values[i];
    return NULL;
}
