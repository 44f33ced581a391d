#include "ops/log.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/instant.h"
#include "base/json.h"

#define REMEMBERED_MAX 64

/* A message that was written lately. */
struct remembered {
    uint64_t hash;
    int64_t since_ms; /* when its window began; 0: the place is free */
    uint32_t count;
    enum log_level level;
    char beginning[80]; /* to tell what was held back */
};

struct log {
    struct log_options options;
    _Atomic enum log_level level;
    pthread_mutex_t mutex;
    struct buffer line; /* under the mutex, as what follows */
    struct remembered remembered[REMEMBERED_MAX];
};

static const struct {
    const char *name, *colour;
} levels[] = {
    [LEVEL_ERROR] = {"error", "\033[1;31m"},
    [LEVEL_WARNING] = {"warning", "\033[33m"},
    [LEVEL_INFO] = {"info", ""},
    [LEVEL_DEBUG] = {"debug", "\033[2m"},
};

enum result log_create(const struct log_options *options, struct log **ret_log, struct error *error) {
    struct log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return error_set(error, RESULT_FATAL, "memory is out");
    log->options = *options;
    log->level = options->level;
    pthread_mutex_init(&log->mutex, NULL);
    *ret_log = log;
    return RESULT_OK;
}

void log_set_level(struct log *log, enum log_level level) {
    log->level = level;
}

void log_set_style(struct log *log, enum log_style style) {
    log->options.style = style;
}

/* What is no UTF-8 in a message is shown as the replacement character. */
static void put_message(struct json *json, struct text message) {
    struct buffer clean = {0};
    while (message.size > 0) {
        uint32_t size = text_character(message), taken = size == 0 ? 1 : size;
        buffer_put_text(&clean, size == 0 ? TEXT("\uFFFD") : (struct text){message.data, size});
        message = (struct text){message.data + taken, message.size - taken};
    }
    json_put_text(json, buffer_text(&clean));
    buffer_free(&clean);
}

static void put_json(struct log *log, enum log_level level, int64_t now_ms, const char *message) {
    struct json json = {.out = &log->line};
    struct text text = text_of(message);
    json_open_object(&json);
    json_key(&json, "time");
    json_put_instant(&json, now_ms);
    json_key(&json, "level");
    json_put_string(&json, levels[level].name);
    json_key(&json, "message");
    if (text_is_utf8(text))
        json_put_text(&json, text);
    else
        put_message(&json, text);
    json_close_object(&json);
}

static void put_human(struct log *log, enum log_level level, int64_t now_ms, const char *message) {
    char time[INSTANT_TEXT_MAX];
    instant_format(now_ms, time);
    buffer_printf(&log->line, "%s %s%-7s%s %s", time, log->options.colour ? levels[level].colour : "",
                  levels[level].name, log->options.colour ? "\033[0m" : "", message);
}

/* Under the mutex. A line that cannot be written is lost: there is nobody left to tell. */
static void write_line(struct log *log, enum log_level level, int64_t now_ms, const char *message) {
    buffer_clear(&log->line);
    if (log->options.style == LOG_STYLE_JSON)
        put_json(log, level, now_ms, message);
    else if (log->options.style == LOG_STYLE_HUMAN)
        put_human(log, level, now_ms, message);
    else
        buffer_printf(&log->line, "%s%s", level == LEVEL_ERROR ? "error: " : "", message);
    buffer_put_string(&log->line, "\n");
    if (buffer_ok(&log->line))
        (void)!write(log->options.descriptor, log->line.data, log->line.size);
}

static void tell_held_back(struct log *log, struct remembered *remembered, int64_t now_ms) {
    if (remembered->since_ms != 0 && remembered->count > LOG_REPEATS_MAX) {
        char message[160];
        snprintf(message, sizeof message, "%u more like this were not shown: %s", remembered->count - LOG_REPEATS_MAX,
                 remembered->beginning);
        write_line(log, remembered->level, now_ms, message);
    }
    remembered->since_ms = 0;
}

/* Messages that differ only in numbers have the same hash. */
static uint64_t message_hash(const char *message) {
    char skeleton[LOG_LINE_MAX];
    size_t size = 0;
    for (; *message != '\0' && size < sizeof skeleton; message++)
        if (!isdigit((unsigned char)*message))
            skeleton[size++] = *message;
    return hash_bytes(skeleton, size, 0);
}

/* Where the message is remembered: its own place, else a free one, else the oldest, which is told and given up. */
static struct remembered *place_for(struct log *log, uint64_t hash, int64_t now_ms) {
    struct remembered *oldest = &log->remembered[0];
    for (size_t i = 0; i < REMEMBERED_MAX; i++) {
        struct remembered *remembered = &log->remembered[i];
        if (remembered->since_ms != 0 && remembered->hash == hash)
            return remembered;
        if (remembered->since_ms < oldest->since_ms)
            oldest = remembered;
    }
    tell_held_back(log, oldest, now_ms);
    return oldest;
}

static bool is_held_back(struct log *log, enum log_level level, int64_t now_ms, const char *message) {
    for (size_t i = 0; i < REMEMBERED_MAX; i++)
        if (log->remembered[i].since_ms != 0 && now_ms - log->remembered[i].since_ms >= LOG_WINDOW_MS)
            tell_held_back(log, &log->remembered[i], now_ms);
    uint64_t hash = message_hash(message);
    struct remembered *remembered = place_for(log, hash, now_ms);
    if (remembered->since_ms == 0) {
        *remembered = (struct remembered){.hash = hash, .since_ms = now_ms, .level = level};
        (void)text_print(remembered->beginning, sizeof remembered->beginning, "%s", message);
    }
    return ++remembered->count > LOG_REPEATS_MAX;
}

void log_message(struct log *log, enum log_level level, const char *message) {
    char clean[LOG_LINE_MAX];
    if (level > log->level)
        return;
    (void)text_print(clean, sizeof clean, "%s", message);
    for (char *at = clean; *at != '\0'; at++)
        if (iscntrl((unsigned char)*at))
            *at = ' ';
    pthread_mutex_lock(&log->mutex);
    int64_t now_ms = log->options.wall_ms();
    if (level == LEVEL_ERROR || log->options.style == LOG_STYLE_PLAIN || !is_held_back(log, level, now_ms, clean))
        write_line(log, level, now_ms, clean);
    pthread_mutex_unlock(&log->mutex);
}

void log_write(struct log *log, enum log_level level, const char *format, ...) {
    char message[LOG_LINE_MAX];
    va_list arguments;
    if (level > log->level)
        return;
    va_start(arguments, format);
    (void)text_print_list(message, sizeof message, format, arguments);
    va_end(arguments);
    log_message(log, level, message);
}

void log_free(struct log *log) {
    if (log == NULL)
        return;
    int64_t now_ms = log->options.wall_ms();
    for (size_t i = 0; i < REMEMBERED_MAX; i++)
        tell_held_back(log, &log->remembered[i], now_ms);
    pthread_mutex_destroy(&log->mutex);
    buffer_free(&log->line);
    free(log);
}
