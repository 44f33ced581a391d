/* A rules file's structure: from the YAML tree to checked rules. One function for each kind of thing that a file
 * declares; they report what is wrong and go on. */
#pragma once

#include "engine/core/rules/checked.h"
#include "engine/core/rules/settings.h"

struct file {
    struct report *report;
    struct checked_rules *rules;
};

/* The whole file. The rules are complete only where no problem was reported. */
void rules_read(struct report *report, const struct document *document, struct checked_rules *ret_rules);

/* Each reads the `index`-th of its kind, of that name, from `node`; what came before it is read. */
void rules_read_score(struct file *file, uint32_t index, const struct node *name, const struct node *node);
void rules_read_dimension(struct file *file, uint32_t index, const struct node *name, const struct node *node);
void rules_read_segment(struct file *file, uint32_t index, const struct node *name, const struct node *node);

/* Parses and checks the scalar's text. `types`: the set that it may have; `what` it is, for messages. A NULL node is
 * not given. `tree` stays NULL where something is wrong. */
void rules_read_expression(struct file *file, const struct scope *scope, const char *what, uint32_t types,
                           const struct node *node, struct checked_expression *ret_expression);

/* `title` and `about`. */
void rules_read_prose(struct file *file, const struct node *title, const struct node *about, struct text *ret_title,
                      struct text *ret_about);
