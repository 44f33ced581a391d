/* Tokens into a tree, by recursive descent: one function for each kind of operator, tables for the rest. */
#pragma once

#include "engine/core/rules/lex.h"

/* NULL where the text is no expression (reported) or memory is out. */
struct tree *parse_expression(struct report *report, const struct source *source);
