#include "config/properties.h"

#include <ctype.h>

#include "base/number.h"

#define KEPT_FOR_EXACTLY_ONCE "belongs to the exactly-once protocol, which sets it itself; leave it out"

/* Properties that are refused, with the way out. */
static const struct {
    const char *name;
    const char *way_out;
} refused[] = {
    {"bootstrap.servers", "is written as kafka.brokers"},
    {"metadata.broker.list", "is written as kafka.brokers"},
    {"group.id", "is written as kafka.group"},
    {"group.instance.id", "is written as kafka.instance_id"},
    {"transactional.id", "is made of kafka.group and kafka.instance_id; leave it out"},
    {"session.timeout.ms", "is written as kafka.session_timeout"},
    {"heartbeat.interval.ms", "is a tenth of kafka.session_timeout; leave it out"},
    {"transaction.timeout.ms", "is written as kafka.transaction_timeout"},
    {"auto.offset.reset", "is written as start"},
    {"partitioner", "is written as kafka.partitioner"},
    {"isolation.level", KEPT_FOR_EXACTLY_ONCE},
    {"enable.auto.commit", KEPT_FOR_EXACTLY_ONCE},
    {"auto.commit.enable", KEPT_FOR_EXACTLY_ONCE},
    {"auto.commit.interval.ms", KEPT_FOR_EXACTLY_ONCE},
    {"enable.auto.offset.store", KEPT_FOR_EXACTLY_ONCE},
    {"enable.partition.eof", KEPT_FOR_EXACTLY_ONCE},
    {"partition.assignment.strategy", KEPT_FOR_EXACTLY_ONCE},
    {"group.protocol", KEPT_FOR_EXACTLY_ONCE},
    {"enable.idempotence", KEPT_FOR_EXACTLY_ONCE},
    {"enable.gapless.guarantee", KEPT_FOR_EXACTLY_ONCE},
    {"acks", KEPT_FOR_EXACTLY_ONCE},
    {"request.required.acks", KEPT_FOR_EXACTLY_ONCE},
    /* Silenced, a connection that breaks in the middle of a commit is told to nobody. */
    {"log.connection.close", "is how the exactly-once protocol hears of broken connections; leave it out"},
};

/* The brokers answer a connection's requests one after the other, and so what is asked about the ends of partitions
 * only once a fetch has had its records, or waited so long for them. */
#define FETCH_WAIT_MAX_MS 500

static bool is_beyond(const struct property *property, const char *name, double max) {
    double value;
    return text_equals(property->name, name) && number_parse(property->value, &value) && value > max;
}

/* A property whose name holds one of these is never shown. */
static const char *const secret_parts[] = {
    "password", "secret", ".key", "ssl.certificate.pem", "sasl.oauthbearer.config", "sasl.jaas"};

static bool text_contains(struct text text, const char *part) {
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

bool property_is_secret(struct text name) {
    if (text_contains(name, "location"))
        return false;
    for (size_t i = 0; i < sizeof secret_parts / sizeof secret_parts[0]; i++)
        if (text_contains(name, secret_parts[i]))
            return true;
    return false;
}

enum result property_set(struct properties *properties, const struct property *property, struct error *error) {
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (text_equals(property->name, refused[i].name))
            return error_set(error, RESULT_REJECT, "the property `%s` %s", refused[i].name, refused[i].way_out);
    if (is_beyond(property, "fetch.wait.max.ms", FETCH_WAIT_MAX_MS))
        return error_set(error, RESULT_REJECT,
                         "the property `fetch.wait.max.ms` is %d at the most: questions to the brokers wait as long",
                         FETCH_WAIT_MAX_MS);
    uint32_t at = 0;
    while (at < properties->count && !text_equal(properties->items[at].name, property->name))
        at++;
    if (at == PROPERTIES_MAX)
        return error_set(error, RESULT_REJECT, "more than %d properties of librdkafka", PROPERTIES_MAX);
    properties->items[at] = *property;
    properties->count += at == properties->count;
    return RESULT_OK;
}

struct text property_of_environment(struct arena *arena, struct text end) {
    char *name = arena_alloc(arena, (size_t)end.size + 1);
    if (name == NULL)
        return TEXT_MISSING;
    for (uint32_t i = 0; i < end.size; i++)
        name[i] = end.data[i] == '_' ? '.' : (char)tolower((unsigned char)end.data[i]);
    return (struct text){name, end.size};
}
