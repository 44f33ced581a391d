/* What people write who come from other languages, and what stands for it here. Only messages use it. */
#pragma once

#include "base/text.h"

struct stranger {
    struct text text;
    const char *advice;
};

/* The longest stranger among signs that `rest` begins with, or NULL. */
const struct stranger *stranger_sign(struct text rest);
/* A name, a call, or a word between two values, that is not of this language; or NULL. */
const struct stranger *stranger_name(struct text name);
const struct stranger *stranger_operator(struct text word);
const struct stranger *stranger_call(struct text name);
