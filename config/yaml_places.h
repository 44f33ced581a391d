/* Where each byte of a YAML scalar's value stands in the file. libyaml says only where a scalar starts and ends, so the
 * scalar is read once more, with its value at hand: quotes, escapes, folded lines and indentation are what differs.
 * Where several bytes come from one escape, or a fold from several breaks, they share its place. */
#pragma once

#include "base/document.h"

enum scalar_style { SCALAR_PLAIN, SCALAR_SINGLE_QUOTED, SCALAR_DOUBLE_QUOTED, SCALAR_LITERAL, SCALAR_FOLDED };

/* `source` starts with the scalar's first character (a quote, `|`, ...), which stands at `start`, and is valid UTF-8.
 * Fills `ret_places[0..value.size]`. */
void yaml_places(struct text source, struct position start, enum scalar_style style, struct text value,
                 struct position *ret_places);
