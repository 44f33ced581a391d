#include "config/values.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/instant.h"
#include "base/number.h"

struct size_unit {
    const char *name;
    int64_t bytes;
};

/* The binary ones first, the largest first: size_format goes down these. */
static const struct size_unit size_units[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"TB", 1000000000000},
    {"GB", INT64_C(1) * 1000000000},
    {"MB", INT64_C(1) * 1000000},
    {"kB", 1000},
    {"KB", 1000},
    {"B", 1},
};
#define SIZE_UNITS        (sizeof size_units / sizeof size_units[0])
#define SIZE_UNITS_BINARY 4

bool size_parse(struct text text, int64_t *ret_bytes) {
    for (size_t i = 0; i < SIZE_UNITS; i++) {
        size_t unit = strlen(size_units[i].name);
        double number;
        if (text.size <= unit || memcmp(text.data + text.size - unit, size_units[i].name, unit) != 0)
            continue;
        if (!number_parse((struct text){text.data, text.size - (uint32_t)unit}, &number))
            return false;
        double bytes = number * (double)size_units[i].bytes;
        if (bytes < 0 || bytes > 0x1p53 || bytes != floor(bytes))
            return false;
        *ret_bytes = (int64_t)bytes;
        return true;
    }
    return false;
}

void size_format(int64_t bytes, char ret_text[SIZE_TEXT_MAX]) {
    for (size_t i = 0; i < SIZE_UNITS_BINARY; i++) {
        if (bytes != 0 && bytes % size_units[i].bytes == 0) {
            snprintf(ret_text, SIZE_TEXT_MAX, "%" PRId64 "%s", bytes / size_units[i].bytes, size_units[i].name);
            return;
        }
    }
    snprintf(ret_text, SIZE_TEXT_MAX, "%" PRId64 "B", bytes);
}

static bool whole_number_parse(struct text text, int64_t lowest, int64_t highest, int64_t *ret_number) {
    double number;
    if (!number_parse(text, &number) || number != floor(number) || number < (double)lowest || number > (double)highest)
        return false;
    *ret_number = (int64_t)number;
    return true;
}

/* The last place of `character` in the text, or -1. */
static int64_t text_last(struct text text, char character) {
    for (int64_t i = (int64_t)text.size - 1; i >= 0; i--)
        if (text.data[i] == character)
            return i;
    return -1;
}

static struct text text_slice(struct text text, int64_t from, int64_t to) {
    return (struct text){text.data + from, (uint32_t)(to - from)};
}

bool address_parse(struct text text, struct address *ret_address) {
    int64_t colon = text_last(text, ':');
    int64_t port;
    if (colon < 1 || !whole_number_parse(text_slice(text, colon + 1, text.size), 0, UINT16_MAX, &port))
        return false;
    struct text host = text_slice(text, 0, colon);
    if (host.data[0] == '[' && host.data[host.size - 1] == ']')
        host = text_slice(host, 1, host.size - 1);
    else if (text_last(host, ':') >= 0)
        return false;
    *ret_address = (struct address){host, (uint16_t)port};
    return host.size > 0;
}

static int hex_digit(char character) {
    if (character >= '0' && character <= '9')
        return character - '0';
    character = (char)(character | 0x20);
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

struct text url_decoded(struct arena *arena, struct text part) {
    char *copy = text_is_missing(part) ? NULL : arena_alloc(arena, (size_t)part.size + 1);
    uint32_t size = 0;
    for (uint32_t i = 0; copy != NULL && i < part.size; i++) {
        int high = part.data[i] == '%' && i + 2 < part.size ? hex_digit(part.data[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_digit(part.data[i + 2]);
        copy[size++] = low < 0 ? part.data[i] : (char)(high * 16 + low);
        i += low < 0 ? 0 : 2;
    }
    return copy == NULL ? TEXT_MISSING : (struct text){copy, size};
}

bool url_split(struct text url, struct url_parts *ret_parts) {
    const char *scheme_end = text_is_missing(url) ? NULL : memmem(url.data, url.size, "://", 3);
    if (scheme_end == NULL)
        return false;
    int64_t begin = scheme_end - url.data + 3;
    struct url_parts parts = {.scheme = text_slice(url, 0, begin), .rest = text_slice(url, begin, url.size)};
    bool is_redis = text_equals(parts.scheme, "redis://") || text_equals(parts.scheme, "rediss://");
    const char *path = is_redis ? NULL : memchr(parts.rest.data, '/', parts.rest.size);
    int64_t at = text_last(path == NULL ? parts.rest : text_slice(parts.rest, 0, path - parts.rest.data), '@');
    if (at >= 0) {
        const char *colon = memchr(parts.rest.data, ':', (size_t)at);
        int64_t user_end = colon == NULL ? at : colon - parts.rest.data;
        parts.user = user_end == 0 ? TEXT_MISSING : text_slice(parts.rest, 0, user_end);
        parts.password = colon == NULL ? TEXT_MISSING : text_slice(parts.rest, user_end + 1, at);
        parts.rest = text_slice(parts.rest, at + 1, parts.rest.size);
    }
    *ret_parts = parts;
    return true;
}

/* `host`, `host:port` or `[v6]:port`; where none is written the port stays. Borrowed. */
static bool host_parse(struct text text, struct address *address) {
    bool has_port = text_last(text, ':') > text_last(text, ']');
    if (text.size == 0 || (has_port && !address_parse(text, address)))
        return false;
    if (!has_port)
        address->host = text;
    if (!has_port && text.data[0] == '[' && text.data[text.size - 1] == ']')
        address->host = text_slice(text, 1, text.size - 1);
    return address->host.size > 0;
}

static enum result redis_reject(struct error *error) {
    return error_set(error, RESULT_REJECT, "expected redis://[user[:password]@]host[:port][/database]");
}

static enum result redis_parse(struct arena *arena, struct text url, struct redis_address *ret_redis,
                               struct error *error) {
    if (url.size > 9 && memcmp(url.data, "rediss://", 9) == 0)
        return error_set(error, RESULT_REJECT,
                         "rediss:// (TLS) is not possible: this program is built with hiredis 0.14, which has no TLS; "
                         "put a TLS proxy such as stunnel beside it and name that as redis://");
    struct url_parts parts;
    if (!url_split(url, &parts) || !text_equals(parts.scheme, "redis://"))
        return redis_reject(error);
    int64_t slash = text_last(parts.rest, '/');
    int64_t database = 0;
    if (slash >= 0) {
        struct text number = text_slice(parts.rest, slash + 1, parts.rest.size);
        if (number.size > 0 && !whole_number_parse(number, 0, 1000000, &database))
            return redis_reject(error);
        parts.rest = text_slice(parts.rest, 0, slash);
    }
    struct address address = {.port = 6379};
    if (!host_parse(parts.rest, &address))
        return redis_reject(error);
    *ret_redis = (struct redis_address){
        .host = arena_text(arena, address.host),
        .port = address.port,
        .user = url_decoded(arena, parts.user),
        .password = url_decoded(arena, parts.password),
        .database = (int)database,
    };
    return RESULT_OK;
}

/* Where a value of each kind lies. */
struct slot {
    struct arena *arena;
    const struct option *option;
    void *value;
};

typedef enum result value_reader(const struct slot *slot, struct text written, struct error *error);

static enum result read_text(const struct slot *slot, struct text written, struct error *error) {
    if (!text_is_missing(written) && written.size == 0)
        return error_set(error, RESULT_REJECT, "is empty; leave it out, or write null");
    *(struct text *)slot->value = arena_text(slot->arena, written);
    return RESULT_OK;
}

static enum result read_url(const struct slot *slot, struct text written, struct error *error) {
    struct url_parts parts;
    struct address address = {0};
    bool good = url_split(written, &parts) &&
                (text_equals(parts.scheme, "http://") || text_equals(parts.scheme, "https://"));
    const char *path = good ? memchr(parts.rest.data, '/', parts.rest.size) : NULL;
    if (path != NULL)
        parts.rest = text_slice(parts.rest, 0, path - parts.rest.data);
    if (!good || !host_parse(parts.rest, &address)) /* a password's `/`, too, ends up here */
        return error_set(error, RESULT_REJECT,
                         "expected http://host:port or https://host:port, and %%2F for a / in a password");
    return read_text(slot, written, error);
}

static enum result check_range(const struct option *option, int64_t number, struct error *error) {
    if (number >= option->lowest && number <= option->highest)
        return RESULT_OK;
    char values[256];
    option_values(option, values, sizeof values);
    return error_set(error, RESULT_REJECT, "out of range: expected a %s", values);
}

static enum result read_count(const struct slot *slot, struct text written, struct error *error) {
    int64_t number;
    if (!whole_number_parse(written, -(INT64_C(1) << 53), INT64_C(1) << 53, &number))
        return error_set(error, RESULT_REJECT, "`%.*s` is no whole number", TEXT_ARGUMENTS(written));
    enum result result = check_range(slot->option, number, error);
    if (result == RESULT_OK)
        *(int64_t *)slot->value = number;
    return result;
}

static enum result read_duration(const struct slot *slot, struct text written, struct error *error) {
    double duration_ms;
    if (!duration_parse(written, &duration_ms) || duration_ms != floor(duration_ms) || duration_ms > 0x1p53)
        return error_set(error, RESULT_REJECT, "`%.*s` is no duration: a number and one of ms s m h d w, as in `200ms`",
                         TEXT_ARGUMENTS(written));
    enum result result = check_range(slot->option, (int64_t)duration_ms, error);
    if (result == RESULT_OK)
        *(int64_t *)slot->value = (int64_t)duration_ms;
    return result;
}

static enum result read_size(const struct slot *slot, struct text written, struct error *error) {
    int64_t bytes;
    if (!size_parse(written, &bytes))
        return error_set(error, RESULT_REJECT, "`%.*s` is no size: a number and one of B KiB MiB GiB, as in `64MiB`",
                         TEXT_ARGUMENTS(written));
    enum result result = check_range(slot->option, bytes, error);
    if (result == RESULT_OK)
        *(int64_t *)slot->value = bytes;
    return result;
}

static enum result read_boolean(const struct slot *slot, struct text written, struct error *error) {
    bool on = text_equals(written, "on") || text_equals(written, "true");
    if (!on && !text_equals(written, "off") && !text_equals(written, "false"))
        return error_set(error, RESULT_REJECT, "`%.*s` is neither `on` nor `off`", TEXT_ARGUMENTS(written));
    *(bool *)slot->value = on;
    return RESULT_OK;
}

static enum result read_choice(const struct slot *slot, struct text written, struct error *error) {
    struct text known[16];
    size_t count = 0;
    for (; slot->option->choices[count] != NULL; count++) {
        assert(count < sizeof known / sizeof known[0]);
        known[count] = text_of(slot->option->choices[count]);
        if (text_equal(written, known[count])) {
            *(int *)slot->value = (int)count;
            return RESULT_OK;
        }
    }
    char values[256];
    option_values(slot->option, values, sizeof values);
    int nearest = text_nearest(written, known, count);
    if (nearest < 0)
        return error_set(error, RESULT_REJECT, "`%.*s` is none of %s", TEXT_ARGUMENTS(written), values);
    return error_set(error, RESULT_REJECT, "`%.*s` is none of %s; did you mean `%.*s`?", TEXT_ARGUMENTS(written),
                     values, TEXT_ARGUMENTS(known[nearest]));
}

static enum result read_instant(const struct slot *slot, struct text written, struct error *error) {
    int64_t instant_ms = INSTANT_UNSET;
    if (!text_is_missing(written) && !instant_parse(written, &instant_ms))
        return error_set(error, RESULT_REJECT, "`%.*s` is no instant, as in `2026-11-01T08:00:00Z`",
                         TEXT_ARGUMENTS(written));
    *(int64_t *)slot->value = instant_ms;
    return RESULT_OK;
}

static enum result read_start(const struct slot *slot, struct text written, struct error *error) {
    struct start_point start = {.kind = START_POINT_INSTANT};
    if (text_equals(written, "earliest"))
        start.kind = START_POINT_EARLIEST;
    else if (text_equals(written, "latest"))
        start.kind = START_POINT_LATEST;
    else if (!instant_parse(written, &start.instant_ms))
        return error_set(error, RESULT_REJECT,
                         "`%.*s` is neither `earliest` nor `latest` nor an instant, as in `2026-11-01T08:00:00Z`",
                         TEXT_ARGUMENTS(written));
    *(struct start_point *)slot->value = start;
    return RESULT_OK;
}

static enum result read_address(const struct slot *slot, struct text written, struct error *error) {
    struct address address = {TEXT_MISSING, 0};
    if (!text_is_missing(written) && !address_parse(written, &address))
        return error_set(error, RESULT_REJECT, "`%.*s` is no address, as in `127.0.0.1:8410`", TEXT_ARGUMENTS(written));
    address.host = arena_text(slot->arena, address.host);
    *(struct address *)slot->value = address;
    return RESULT_OK;
}

static enum result read_redis(const struct slot *slot, struct text written, struct error *error) {
    return redis_parse(slot->arena, written, slot->value, error);
}

static enum result read_properties(const struct slot *slot, struct text written, struct error *error) {
    (void)slot;
    if (!text_is_missing(written))
        return error_set(error, RESULT_REJECT, "expected a mapping of librdkafka's properties to their values");
    return RESULT_OK;
}

static const struct {
    const char *text;
    value_reader *read;
} kinds[] = {
    [OPTION_TEXT] = {"text", read_text},
    [OPTION_PATH] = {"path", read_text},
    [OPTION_COUNT] = {"number", read_count},
    [OPTION_DURATION] = {"duration", read_duration},
    [OPTION_SIZE] = {"size", read_size},
    [OPTION_BOOLEAN] = {"`on` or `off`", read_boolean},
    [OPTION_CHOICE] = {"one of a few", read_choice},
    [OPTION_INSTANT] = {"instant", read_instant},
    [OPTION_START] = {"`earliest`, `latest` or an instant", read_start},
    [OPTION_ADDRESS] = {"`host:port`, or null", read_address},
    [OPTION_URL] = {"URL", read_url},
    [OPTION_REDIS] = {"URL", read_redis},
    [OPTION_PROPERTIES] = {"mapping", read_properties},
};

const char *option_kind_text(enum option_kind kind) {
    return kinds[kind].text;
}

enum result option_set(struct arena *arena, const struct option *option, struct text written,
                       struct configuration *configuration, struct error *error) {
    bool takes_null = option->initial == NULL || option->kind == OPTION_ADDRESS;
    struct slot slot = {arena, option, (char *)configuration + option->offset};
    if (text_is_missing(written) && !takes_null)
        return error_set(error, RESULT_REJECT, "may not be null; the default is `%s`", option->initial);
    if (text_is_missing(written) && option->kind == OPTION_URL)
        return read_text(&slot, written, error);
    return kinds[option->kind].read(&slot, written, error);
}
