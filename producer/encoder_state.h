/* What the files of the encoder share: encoder.c (changes, statuses) and dead_letters.c. */
#pragma once

#include "base/arena.h"
#include "base/instant.h"
#include "producer/encoder.h"

#define CHANGE_HEADERS 8

struct encoder_state {
    struct encoder_options options; /* its texts are in the arena */
    struct arena arena;
    struct text source;                           /* ce_source */
    struct text dataschema;                       /* ce_dataschema */
    struct buffer value;                          /* of the record being made */
    struct header change_headers[CHANGE_HEADERS]; /* but for the values that are a change's own */
    struct header status_header;
    /* The instant that was written last: the next one is mostly of the same day. */
    int64_t at_day;
    uint32_t at_size;
    char at[INSTANT_TEXT_MAX];
};

/* Says that memory is out. */
enum result encode_failed(struct error *error);
enum result encode_dead_letter(void *context, const struct dead_letter *letter, struct batch *batch,
                               struct error *error);
