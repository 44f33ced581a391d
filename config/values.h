/* One option's value, from its text: each kind of option has one row here that says what it is called, what is expected
 * and how it is read. Pure. */
#pragma once

#include "base/arena.h"
#include "config/configuration.h"

#define SIZE_TEXT_MAX 32

/* `text`, `duration`, ...: what a value of the kind is called. */
const char *option_kind_text(enum option_kind kind);

/* Reads `written` (missing: null) as a value of the option and writes it into the configuration. The message of a
 * failure says what was met and what is expected, and never holds a secret. RESULT_REJECT. */
MUST_USE enum result option_set(struct arena *arena, const struct option *option, struct text written,
                                struct configuration *configuration, struct error *error);

/* A number and one of the units B KiB MiB GiB TiB (powers of 1024) kB MB GB TB (of 1000); whole bytes. */
bool size_parse(struct text text, int64_t *ret_bytes);
/* In the largest binary unit that divides it, zero-terminated. */
void size_format(int64_t bytes, char ret_text[SIZE_TEXT_MAX]);

/* `scheme://[user[:password]@]rest`, borrowed, as it is written. */
struct url_parts {
    struct text scheme;         /* with its `://` */
    struct text user, password; /* missing: none; see url_decoded */
    struct text rest;
};

/* The user and the password end at the last `@` before the path; with Redis at the very last, as what follows its host
 * is only a number, and a password may hold any sign. False: it has no scheme. */
bool url_split(struct text url, struct url_parts *ret_parts);
/* A part of a URL with its %xx put back, in the arena; missing where it is missing, or memory is out. */
struct text url_decoded(struct arena *arena, struct text part);

/* `host:port` or `[v6]:port`; the texts are borrowed from `text`. */
bool address_parse(struct text text, struct address *ret_address);
