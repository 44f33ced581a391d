#include "config/options.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/instant.h"
#include "config/configuration.h"
#include "config/values.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const char *const partitioners[] = {"murmur2", "crc32", "fnv1a", "unchecked", NULL};
static const char *const encodings_in[] = {"auto", "confluent", "single-object", "plain", NULL};
static const char *const encodings_out[] = {"auto", "confluent", "single-object", "plain", "json", NULL};
static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const formats[] = {"auto", "human", "json", NULL};

#define AT(field)          offsetof(struct configuration, field)
#define BETWEEN(low, high) .lowest = (low), .highest = (high)

/* What each stream has; `number` is its place in enum stream. */
#define STREAM_ON(name, number)                                                                          \
    {                                                                                                    \
        "streams." name, OPTION_BOOLEAN, AT(streams.on[number]), "on",                                   \
            .about = "Whether the stream `" name "` is read. Switch off what the company does not have." \
    }
#define STREAM_TOPIC(name, number, topic) \
    { "topics." name, OPTION_TEXT, AT(streams.topics[number]), topic, .about = "The topic of the stream `" name "`." }
#define STREAM_ENCODING(name, number)                                                                                  \
    {                                                                                                                  \
        "encodings." name, OPTION_CHOICE, AT(streams.encodings[number]), "auto",                                       \
            .choices = encodings_in,                                                                                   \
            .about = "How the values of the stream `" name "` are encoded; `auto` is `confluent` where a registry is " \
                     "configured, else `single-object`."                                                               \
    }

const struct option option_table[] = {
    {"kafka.brokers", OPTION_TEXT, AT(kafka.brokers), "localhost:9092",
     .about = "Brokers to begin with, `host:port`, separated by commas. One that is up suffices; several survive the "
              "loss of one."},
    {"kafka.group", OPTION_TEXT, AT(kafka.group), "bellwether",
     .about = "The consumer group. All processes that share the work have the same; it is also the beginning of "
              "transactional ids and the name of the state in Redis. Two groups are two independent products."},
    {"kafka.instance_id", OPTION_TEXT, AT(kafka.instance_id), NULL,
     .about =
         "This process's own name in the group, the same after a restart (a StatefulSet's pod name); no two "
         "processes may share one. Null: the host's name. Of several `workers`, the first has this name, the second "
         "`NAME.worker2`, and so on; so no name may end like that."},
    {"kafka.partitioner", OPTION_CHOICE, AT(kafka.partitioner), "murmur2", .choices = partitioners,
     .about =
         "How the producers of the input topics choose an account's partition: `murmur2` (the Java client), `crc32` "
         "(librdkafka's `consistent`), `fnv1a` (Sarama), or `unchecked`. A record that lies elsewhere is rejected as "
         "`wrong-partition`; `check` samples the topics and names the one that fits."},
    {"kafka.create_topics", OPTION_BOOLEAN, AT(kafka.create_topics), "on",
     .about =
         "Whether output topics that are missing are created, with the inputs' number of partitions. The changelog is "
         "always created."},
    {"kafka.session_timeout", OPTION_DURATION, AT(kafka.session_timeout_ms), "30s", BETWEEN(1 * SECOND, 30 * MINUTE),
     .about =
         "After so long without a sign of life the brokers give a process's partitions to others. At least "
         "`kafka.transaction_timeout` plus `kafka.coordinator_interval`, so that a dead owner's transaction has ended "
         "by then."},
    {"kafka.transaction_timeout", OPTION_DURATION, AT(kafka.transaction_timeout_ms), "15s",
     BETWEEN(1 * SECOND, 15 * MINUTE),
     .about = "A transaction that has been open for so long is aborted by the brokers."},
    {"kafka.coordinator_interval", OPTION_DURATION, AT(kafka.coordinator_interval_ms), "10s", BETWEEN(100, 10 * MINUTE),
     .about = "How often the brokers look for transactions that have timed out: their setting "
              "`transaction.abort.timed.out.transaction.cleanup.interval.ms`."},
    {"kafka.end_slow", OPTION_DURATION, AT(kafka.end_slow_ms), "1s", BETWEEN(10, 1 * MINUTE),
     .about = "A commit whose last step alone takes longer is followed by a new producer: a late copy of the request "
              "could end the next transaction half-way."},
    {"kafka.password_file", OPTION_PATH, AT(kafka.password_file), NULL,
     .about = "A file that holds the password for the brokers; it becomes the property `sasl.password`."},
    {"kafka.properties", OPTION_PROPERTIES, AT(kafka.properties), NULL,
     .about = "Any other property of librdkafka, passed on as it is: `security.protocol`, `sasl.mechanism`, "
              "`ssl.ca.location`, ... Those that the protocol of exactly-once owns are refused by name, and a "
              "`fetch.wait.max.ms` above 500, as questions to the brokers wait as long. In the environment "
              "`BELLWETHER_KAFKA_PROPERTIES_SASL_USERNAME` is `sasl.username`."},

    STREAM_ON("account", 0),
    STREAM_ON("usage", 1),
    STREAM_ON("login", 2),
    STREAM_ON("ticket", 3),
    STREAM_ON("nps", 4),
    STREAM_ON("custom", 5),

    STREAM_TOPIC("account", 0, "accounts"),
    STREAM_TOPIC("usage", 1, "product-usage"),
    STREAM_TOPIC("login", 2, "logins"),
    STREAM_TOPIC("ticket", 3, "support-tickets"),
    STREAM_TOPIC("nps", 4, "nps-responses"),
    STREAM_TOPIC("custom", 5, "customer-events"),
    {"topics.changes", OPTION_TEXT, AT(outputs.changes), "segment-changes",
     .about = "Where changes are published: every move, entry and exit, once."},
    {"topics.status", OPTION_TEXT, AT(outputs.status), "account-status",
     .about = "Where each account's present status is kept (compacted)."},
    {"topics.dead_letters", OPTION_TEXT, AT(outputs.dead_letters), "dead-letters",
     .about = "Where rejected records go, as they came, with the reason in their headers."},
    {"topics.changelog", OPTION_TEXT, AT(outputs.changelog), NULL,
     .about = "The state itself (compacted). Created by the daemon; nobody else writes it, and it must never be "
              "deleted. Each group has its own; null: the group's name, then `-changelog`."},

    STREAM_ENCODING("account", 0),
    STREAM_ENCODING("usage", 1),
    STREAM_ENCODING("login", 2),
    STREAM_ENCODING("ticket", 3),
    STREAM_ENCODING("nps", 4),
    STREAM_ENCODING("custom", 5),
    {"encodings.changes", OPTION_CHOICE, AT(outputs.changes_encoding), "auto", .choices = encodings_out,
     .about = "How changes are encoded; `auto` as for the inputs."},
    {"encodings.status", OPTION_CHOICE, AT(outputs.status_encoding), "auto", .choices = encodings_out,
     .about = "How statuses are encoded; `auto` as for the inputs."},

    {"registry.url", OPTION_URL, AT(registry.url), NULL,
     .about = "The schema registry (Confluent's API). Needed for the encoding `confluent` only. A user and a password "
              "within it are used where `registry.user` and `registry.password` are not given; they are not published "
              "with the URL."},
    {"registry.user", OPTION_TEXT, AT(registry.user), NULL,
     .about = "The user of the registry (basic authentication)."},
    {"registry.password", OPTION_TEXT, AT(registry.password), NULL, .secret = true,
     .about = "The registry's password. Better from the environment or from `registry.password_file` than from here."},
    {"registry.password_file", OPTION_PATH, AT(registry.password_file), NULL,
     .about = "A file that holds the registry's password."},
    {"registry.timeout", OPTION_DURATION, AT(registry.timeout_ms), "10s", BETWEEN(100, 5 * MINUTE),
     .about = "How long one request to the registry may take before it is tried again."},
    {"schemas", OPTION_PATH, AT(schemas), NULL,
     .about = "A folder of `.avsc` files: the schemas of writers other than the built-in ones, for the encodings "
              "`single-object` and `plain`."},

    {"redis.url", OPTION_REDIS, AT(redis.url), "redis://localhost:6379/0",
     .about = "`redis://[user[:password]@]host[:port][/database]`. Give it a Redis of its own, with `maxmemory-policy "
              "noeviction`."},
    {"redis.password_file", OPTION_PATH, AT(redis.password_file), NULL,
     .about = "A file that holds the password for Redis; it goes before the one in the URL."},
    {"redis.timeout", OPTION_DURATION, AT(redis.timeout_ms), "5s", BETWEEN(10, 5 * MINUTE),
     .about = "How long connecting to Redis, and one answer of it, may take before the connection is given up and made "
              "anew."},

    {"rules", OPTION_PATH, AT(rules.file), NULL,
     .about = "The rules file. (With `rules.reactivate` beside it, it is written as `rules: { file: FILE, reactivate: "
              "on }`.)"},
    {"rules.reactivate", OPTION_BOOLEAN, AT(rules.reactivate), "off",
     .about =
         "Whether rules that were in force before, and were replaced, may come back into force. Off, so that a "
         "process with old rules cannot undo a change that the others have made; switch it on to go back on purpose."},

    {"start", OPTION_START, AT(start), "earliest",
     .about = "Where reading starts when nothing is committed yet: `earliest`, `latest` or an instant."},
    {"live_from", OPTION_INSTANT, AT(live_from_ms), NULL,
     .about =
         "Changes decided at an earlier event time are marked `BACKFILL`, on which no playbook should act. Set it to "
         "the moment of going live. Null: all are `LIVE`."},

    {"limits.account_bytes", OPTION_SIZE, AT(limits.account_bytes), "512KiB", BETWEEN(4 * KIB, 512 * KIB),
     .about = "The state of one account. An event that would make it larger is rejected as `account-too-large`."},
    {"limits.record_bytes", OPTION_SIZE, AT(limits.record_bytes), "1MiB", BETWEEN(1 * KIB, 64 * MIB),
     .about = "One input record, key and value together. A larger one is rejected as `record-too-large`."},
    {"limits.memory", OPTION_SIZE, AT(limits.memory_bytes), "1GiB", BETWEEN(16 * MIB, 4096 * GIB),
     .about =
         "What the accounts of all workers may take in memory. The rest stays in Redis and is fetched when needed."},
    {"workers", OPTION_COUNT, AT(workers), "1", BETWEEN(1, 256),
     .about =
         "Threads that work on partitions, each a member of the group. More than cores or partitions is of no use."},

    {"merge.wait_max", OPTION_DURATION, AT(merge.wait_max_ms), "30s", BETWEEN(100, 1 * HOUR),
     .about =
         "The partitions of one number are merged by time. When one of them is known to hold more and yields nothing "
         "for so long, the shard is shown as stalled; it never goes on without it."},
    {"commit.interval", OPTION_DURATION, AT(commit.interval_ms), "200ms", BETWEEN(10, 1 * MINUTE),
     .about = "How often is committed when live; a change is visible after so long at the latest, in good health."},
    {"commit.interval_max", OPTION_DURATION, AT(commit.interval_max_ms), "10s", BETWEEN(10, 10 * MINUTE),
     .about = "How often is committed at least while catching up: fewer commits cost less."},
    {"commit.bytes_max", OPTION_SIZE, AT(commit.bytes_max), "64MiB", BETWEEN(1 * MIB, 1 * GIB),
     .about = "So much changed state is committed at once at the most."},

    {"http", OPTION_ADDRESS, AT(http), "127.0.0.1:8410",
     .about =
         "Where `/metrics` and `/health` are served; null: nowhere. There is no authentication: do not offer it to "
         "the world."},
    {"log.level", OPTION_CHOICE, AT(log.level), "info", .choices = levels,
     .about = "What is logged, and all above it."},
    {"log.format", OPTION_CHOICE, AT(log.format), "auto", .choices = formats,
     .about = "`human` or `json` (a JSON object a line); `auto` is `human` on a terminal, else `json`."},
};
const size_t option_table_count = sizeof option_table / sizeof option_table[0];

static_assert(sizeof option_table / sizeof option_table[0] <= OPTIONS_MAX,
              "OPTIONS_MAX bounds the origins in struct configuration");

const struct option *option_find(struct text path) {
    for (size_t i = 0; i < option_table_count; i++)
        if (text_equals(path, option_table[i].path))
            return &option_table[i];
    return NULL;
}

bool option_is_group(struct text path) {
    for (size_t i = 0; i < option_table_count; i++)
        if (strlen(option_table[i].path) > path.size && memcmp(option_table[i].path, path.data, path.size) == 0 &&
            option_table[i].path[path.size] == '.')
            return true;
    return false;
}

struct text option_nearest(struct text path) {
    struct text paths[OPTIONS_MAX];
    for (size_t i = 0; i < option_table_count; i++)
        paths[i] = text_of(option_table[i].path);
    int nearest = text_nearest(path, paths, option_table_count);
    return nearest < 0 ? TEXT_MISSING : paths[nearest];
}

void option_environment(const struct option *option, char ret_name[OPTION_ENVIRONMENT_SIZE_MAX]) {
    size_t size = (size_t)snprintf(ret_name, OPTION_ENVIRONMENT_SIZE_MAX, "BELLWETHER_%s", option->path);
    assert(size < OPTION_ENVIRONMENT_SIZE_MAX);
    for (char *at = ret_name; *at != '\0'; at++)
        *at = *at == '.' ? '_' : (char)toupper((unsigned char)*at);
}

static void choices_text(const struct option *option, char *ret_text, size_t size) {
    size_t at = 0;
    for (const char *const *choice = option->choices; *choice != NULL && at < size; choice++)
        at += (size_t)snprintf(ret_text + at, size - at, "%s`%s`", choice == option->choices ? "" : ", ", *choice);
}

void option_values(const struct option *option, char *ret_text, size_t size) {
    char low[INSTANT_TEXT_MAX], high[INSTANT_TEXT_MAX];
    switch (option->kind) {
    case OPTION_COUNT:
        snprintf(ret_text, size, "number, %" PRId64 " to %" PRId64, option->lowest, option->highest);
        break;
    case OPTION_DURATION:
        duration_format(option->lowest, low);
        duration_format(option->highest, high);
        snprintf(ret_text, size, "duration, `%s` to `%s`", low, high);
        break;
    case OPTION_SIZE:
        size_format(option->lowest, low);
        size_format(option->highest, high);
        snprintf(ret_text, size, "size, `%s` to `%s`", low, high);
        break;
    case OPTION_CHOICE:
        choices_text(option, ret_text, size);
        break;
    default:
        snprintf(ret_text, size, "%s", option_kind_text(option->kind));
    }
}
