/* The one table of the options of the configuration file. The parser, the defaults, the environment overrides,
 * `check --print`, docs/configuration.md and the manual page all come from it. Constant; readable from any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define OPTIONS_MAX                 96
#define OPTION_ENVIRONMENT_SIZE_MAX 64

/* What is written, and what it becomes in struct configuration. */
enum option_kind {
    OPTION_TEXT,       /* struct text */
    OPTION_PATH,       /* struct text; relative to the configuration file's folder */
    OPTION_COUNT,      /* int64_t */
    OPTION_DURATION,   /* `200ms`: int64_t, milliseconds */
    OPTION_SIZE,       /* `64MiB`: int64_t, bytes */
    OPTION_BOOLEAN,    /* bool */
    OPTION_CHOICE,     /* int, the index in `choices` */
    OPTION_INSTANT,    /* int64_t, milliseconds since the epoch; INSTANT_UNSET where null */
    OPTION_START,      /* struct start_point */
    OPTION_ADDRESS,    /* struct address */
    OPTION_URL,        /* struct text, `http://` or `https://` */
    OPTION_REDIS,      /* struct redis_address */
    OPTION_PROPERTIES, /* struct properties: a mapping of librdkafka's properties */
};

struct option {
    const char *path; /* `kafka.brokers`; in the file each dot is a level */
    enum option_kind kind;
    size_t offset;              /* of its value in struct configuration */
    const char *initial;        /* the default as one would write it; NULL: none (null) */
    bool secret;                /* never shown */
    int64_t lowest, highest;    /* count, duration, size: both inclusive */
    const char *const *choices; /* choice: ends with NULL */
    const char *about;          /* what it does, and when to change it */
};

extern const struct option option_table[];
extern const size_t option_table_count;

/* NULL where there is none. */
const struct option *option_find(struct text path);
/* Whether `path` is the beginning of some option's path: `kafka`. */
bool option_is_group(struct text path);
/* The known path nearest to a mistyped one; missing where none is near. */
struct text option_nearest(struct text path);
/* `BELLWETHER_KAFKA_BROKERS`. */
void option_environment(const struct option *option, char ret_name[OPTION_ENVIRONMENT_SIZE_MAX]);
/* What may be written, for people: `duration, 10ms to 1m`. */
void option_values(const struct option *option, char *ret_text, size_t size);
