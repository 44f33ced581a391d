/* The configuration: defaults, then the file, then the environment, then `--set`, each overriding the one before. Read
 * once at start, constant afterwards. Every text lives in the arena that it was read into, and a zero follows it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "config/findings.h"
#include "config/options.h"

#define INSTANT_UNSET  INT64_MIN
#define PROPERTIES_MAX 128

/* In the order of engine/core/streams.h; a unit test holds the two together. */
enum { CONFIGURED_STREAMS = 6 };

enum start_point_kind { START_POINT_EARLIEST, START_POINT_LATEST, START_POINT_INSTANT };

struct start_point {
    enum start_point_kind kind;
    int64_t instant_ms; /* START_POINT_INSTANT */
};

struct address {
    struct text host; /* missing: null was written */
    uint16_t port;
};

struct redis_address {
    struct text host;
    uint16_t port;
    struct text user, password; /* missing where the URL has none */
    int database;
};

struct property {
    struct text name, value;
    struct text where; /* `bellwether.yaml:7:5`, or the environment variable */
};

struct properties {
    struct property items[PROPERTIES_MAX];
    uint32_t count;
};

/* The indices of their choices in options.c. */
enum encoding_choice { ENCODING_AUTO, ENCODING_CONFLUENT, ENCODING_SINGLE_OBJECT, ENCODING_PLAIN, ENCODING_JSON };
enum log_format_choice { LOG_FORMAT_AUTO, LOG_FORMAT_HUMAN, LOG_FORMAT_JSON };

enum origin_kind { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_COMMAND_LINE };

/* Where an option's effective value came from. */
struct origin {
    enum origin_kind kind;
    uint32_t line, column; /* ORIGIN_FILE */
    struct text written;   /* as it was written; missing: null */
};

#define KAFKA_NAME_SIZE_MAX 240 /* bytes of kafka.group and kafka.instance_id: of both and a number ids are made */

/* What a process's further workers have behind its instance's name, and then their number, from 2 on: no instance may
 * have such a name, or two members of the group would have one, and fence one another. */
#define WORKER_SUFFIX ".worker"

struct configuration {
    struct text file; /* missing: none was read */
    bool unreadable;  /* the file: what it would have said is not known */
    struct origin origins[OPTIONS_MAX];

    struct {
        struct text brokers, group, instance_id, password_file;
        struct properties properties;
        int partitioner; /* enum partitioner of engine/validate.h, a unit test holds the two together */
        int64_t end_slow_ms, session_timeout_ms, transaction_timeout_ms, coordinator_interval_ms;
        bool create_topics;
    } kafka;
    struct {
        bool on[CONFIGURED_STREAMS];
        struct text topics[CONFIGURED_STREAMS];
        int encodings[CONFIGURED_STREAMS];
    } streams;
    struct {
        struct text changes, status, dead_letters, changelog;
        int changes_encoding, status_encoding;
    } outputs;
    struct {
        struct text url, user, password, password_file;
        int64_t timeout_ms;
    } registry;
    struct text schemas;
    struct {
        struct redis_address url;
        struct text password_file;
        int64_t timeout_ms;
    } redis;
    struct {
        struct text file;
        bool reactivate;
    } rules;
    struct {
        int64_t account_bytes, memory_bytes, record_bytes;
    } limits;
    struct start_point start;
    int64_t live_from_ms;
    struct {
        int64_t wait_max_ms;
    } merge;
    struct {
        int64_t interval_ms, interval_max_ms, bytes_max;
    } commit;
    int64_t workers;
    struct address http;
    struct {
        int level; /* enum log_level */
        int format;
    } log;
};

struct configuration_input {
    const char *file;               /* NULL: no file */
    const char *const *environment; /* NAME=VALUE, ends with NULL; NULL: none */
    const char *const *sets;        /* PATH=VALUE from the command line */
    uint32_t sets_count;
};

/* Reads and checks everything; all that is wrong goes to `findings`. RESULT_OK where it holds no error.
 * `ret_configuration` is filled in any case, as far as it goes: `check --print` shows it. Encodings left to `auto` are
 * decided: ENCODING_AUTO does not come out of it. */
MUST_USE enum result configuration_read(struct arena *arena, const struct configuration_input *input,
                                        struct configuration *ret_configuration, struct findings *findings);
