/* What the files of the encoder share: encoder.c (changes, statuses) and dead_letters.c. */
#pragma once

#include "base/arena.h"
#include "producer/encoder.h"

struct encoder_state {
    struct encoder_options options; /* its texts are in the arena */
    struct arena arena;
    struct text source;     /* ce_source */
    struct text dataschema; /* ce_dataschema */
    struct buffer value;    /* of the record being made */
};

/* Says that memory is out. */
enum result encode_failed(struct error *error);
enum result encode_dead_letter(void *context, const struct dead_letter *letter, struct batch *batch,
                               struct error *error);
