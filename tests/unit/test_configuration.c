#include "config/configuration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/print.h"
#include "config/values.h"
#include "engine/core/streams.h"
#include "engine/validate.h"

/* A configuration that is read from a file with this content, in this environment. */
struct fixture {
    struct arena arena;
    struct configuration configuration;
    struct findings findings;
    enum result result;
};

static char folder[] = "/tmp/bellwether-test-XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/c.yaml", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *name, const char *content) {
    FILE *file = fopen(name, "we");
    assert_non_null(file);
    fputs(content, file);
    assert_int_equal(fclose(file), 0);
}

static void read_all(struct fixture *fixture, const char *content, const char *const *environment, const char *set) {
    struct configuration_input input = {
        .file = content == NULL ? NULL : path,
        .environment = environment,
        .sets = &set,
        .sets_count = set == NULL ? 0 : 1,
    };
    if (content != NULL)
        write_file(path, content);
    *fixture = (struct fixture){0};
    fixture->findings.arena = &fixture->arena;
    fixture->result = configuration_read(&fixture->arena, &input, &fixture->configuration, &fixture->findings);
}

/* The one finding, as `where: what` without the folder. */
static const char *only_finding(struct fixture *fixture) {
    assert_int_equal(fixture->findings.count, 1);
    struct text where = fixture->findings.items[0].where, what = fixture->findings.items[0].what;
    size_t skip = where.size > strlen(folder) && memcmp(where.data, folder, strlen(folder)) == 0 ? strlen(folder) + 1
                                                                                                 : 0;
    return arena_printf(&fixture->arena, "%.*s: %.*s", (int)(where.size - skip), where.data + skip,
                        TEXT_ARGUMENTS(what))
        .data;
}

static void expect_finding(const char *content, const char *expected) {
    struct fixture fixture;
    read_all(&fixture, content, NULL, NULL);
    assert_int_equal(fixture.result, RESULT_REJECT);
    assert_string_equal(only_finding(&fixture), expected);
    arena_free(&fixture.arena);
}

static void test_every_option_has_a_valid_default(void **state) {
    (void)state;
    struct fixture fixture;
    read_all(&fixture, NULL, NULL, NULL);
    assert_int_equal(fixture.result, RESULT_OK);
    assert_true(text_equals(fixture.configuration.kafka.brokers, "localhost:9092"));
    assert_int_equal(fixture.configuration.commit.interval_ms, 200);
    assert_int_equal(fixture.configuration.commit.bytes_max, 64 << 20);
    assert_int_equal(fixture.configuration.live_from_ms, INSTANT_UNSET);
    assert_int_equal(fixture.configuration.start.kind, START_POINT_EARLIEST);
    assert_int_equal(fixture.configuration.http.port, 8410);
    assert_int_equal(fixture.configuration.streams.encodings[0], ENCODING_SINGLE_OBJECT);
    assert_true(fixture.configuration.kafka.instance_id.size > 0);
    arena_free(&fixture.arena);
}

static void test_streams_stand_in_the_order_of_the_schemas(void **state) {
    (void)state;
    assert_int_equal(CONFIGURED_STREAMS, STREAMS);
    for (int i = 0; i < STREAMS; i++) {
        char name[64];
        snprintf(name, sizeof name, "topics.%.*s", TEXT_ARGUMENTS(stream_schemas[i].name));
        const struct option *option = option_find(text_of(name));
        assert_non_null(option);
        assert_int_equal(option->offset, offsetof(struct configuration, streams.topics[i]));
        assert_true(text_equals(stream_schemas[i].topic, option->initial));
    }
}

static void test_partitioners_are_those_of_the_engine(void **state) {
    (void)state;
    const struct option *option = option_find(TEXT("kafka.partitioner"));
    assert_non_null(option);
    for (int i = 0; option->choices[i] != NULL; i++)
        assert_int_equal(partitioner_find(text_of(option->choices[i])), i);
    assert_null(option->choices[PARTITIONER_UNCHECKED + 1]);
}

static void test_the_file_overrides_defaults_and_the_environment_the_file(void **state) {
    (void)state;
    struct fixture fixture;
    const char *environment[] = {"BELLWETHER_KAFKA_GROUP=from-environment", "BELLWETHER_KAFKA_GROUPS=not-this",
                                 "BELLWETHER_KAFKA_PROPERTIES_SASL_USERNAME=me", NULL};
    read_all(&fixture, "kafka:\n  group: from-file\n  brokers: b:1\n  properties: { client.id: x }\nworkers: 3\n",
             environment, "workers=5");
    assert_int_equal(fixture.result, RESULT_OK);
    assert_true(text_equals(fixture.configuration.kafka.group, "from-environment"));
    assert_true(text_equals(fixture.configuration.kafka.brokers, "b:1"));
    assert_int_equal(fixture.configuration.workers, 5);
    assert_int_equal(fixture.configuration.kafka.properties.count, 2);
    assert_true(text_equals(fixture.configuration.kafka.properties.items[1].name, "sasl.username"));
    arena_free(&fixture.arena);
}

static void test_an_unknown_key_is_refused_with_its_place_and_the_nearest(void **state) {
    (void)state;
    expect_finding("kafka:\n  brokes: x:1\n",
                   "c.yaml:2:3: there is no option `kafka.brokes`; did you mean `kafka.brokers`?");
    expect_finding("qqqqqqqq: 1\n", "c.yaml:1:1: there is no option `qqqqqqqq`");
}

static void test_values_of_the_wrong_form_are_refused_with_what_is_expected(void **state) {
    (void)state;
    expect_finding(
        "commit: { interval: 200 }\n",
        "c.yaml:1:21: commit.interval: `200` is no duration: a number and one of ms s m h d w, as in `200ms`");
    expect_finding("commit: { interval: 2d }\n",
                   "c.yaml:1:21: commit.interval: out of range: expected a duration, `10ms` to `1m`");
    expect_finding(
        "limits: { memory: 10 GB ram }\n",
        "c.yaml:1:19: limits.memory: `10 GB ram` is no size: a number and one of B KiB MiB GiB, as in `64MiB`");
    expect_finding("workers: many\n", "c.yaml:1:10: workers: `many` is no whole number");
    expect_finding("streams: { nps: maybe }\n", "c.yaml:1:17: streams.nps: `maybe` is neither `on` nor `off`");
    expect_finding(
        "kafka: { partitioner: murmur }\n",
        "c.yaml:1:23: kafka.partitioner: `murmur` is none of `murmur2`, `crc32`, `fnv1a`, `unchecked`; did you "
        "mean `murmur2`?");
    expect_finding("start: yesterday\n",
                   "c.yaml:1:8: start: `yesterday` is neither `earliest` nor `latest` nor an instant, "
                   "as in `2026-11-01T08:00:00Z`");
    expect_finding("http: 8410\n", "c.yaml:1:7: http: `8410` is no address, as in `127.0.0.1:8410`");
    expect_finding("kafka: hello\n", "c.yaml:1:8: kafka: expected a mapping, its options indented below it");
    expect_finding("workers: [1]\n", "c.yaml:1:10: workers: expected a single value (number)");
    expect_finding("workers: null\n", "c.yaml:1:10: workers: may not be null; the default is `1`");
}

static void test_properties_of_the_protocol_are_refused_by_name(void **state) {
    (void)state;
    expect_finding(
        "kafka:\n  properties:\n    isolation.level: read_uncommitted\n",
        "c.yaml:3:5: the property `isolation.level` belongs to the exactly-once protocol, which sets it itself; "
        "leave it out");
    expect_finding("kafka:\n  properties:\n    group.id: x\n",
                   "c.yaml:3:5: the property `group.id` is written as kafka.group");
    expect_finding("kafka:\n  properties:\n    log.connection.close: false\n",
                   "c.yaml:3:5: the property `log.connection.close` is how the exactly-once protocol hears of broken "
                   "connections; leave it out");
    expect_finding(
        "kafka:\n  properties:\n    heartbeat.interval.ms: 500\n",
        "c.yaml:3:5: the property `heartbeat.interval.ms` is a tenth of kafka.session_timeout; leave it out");
    expect_finding("kafka:\n  properties:\n    fetch.wait.max.ms: 501\n",
                   "c.yaml:3:5: the property `fetch.wait.max.ms` is 500 at the most: questions to the brokers wait as "
                   "long");
}

static void test_a_session_shorter_than_a_transaction_is_refused(void **state) {
    (void)state;
    expect_finding(
        "kafka: { session_timeout: 20s }\n",
        "c.yaml:1:27: kafka.session_timeout is too short: it must be at least kafka.transaction_timeout plus "
        "kafka.coordinator_interval, 25s, so that a dead owner's transaction has ended when its partitions move");
}

static void test_confluent_without_a_registry_and_topics_used_twice_are_refused(void **state) {
    (void)state;
    expect_finding("encodings: { nps: confluent }\n",
                   "c.yaml:1:19: encodings.nps is `confluent`, which needs registry.url");
    expect_finding("topics: { nps: logins }\n",
                   "c.yaml:1:16: topics.login and topics.nps are both `logins`; each needs a topic of its own");
}

static void test_what_cannot_name_a_topic_is_refused_also_where_the_group_makes_the_name(void **state) {
    (void)state;
    expect_finding("topics: { nps: 'the scores' }\n",
                   "c.yaml:1:16: topics.nps: `the scores` cannot name a topic: letters, digits, `.`, `_` and `-` are "
                   "expected, at most 249");
    expect_finding("kafka: { group: 'a b' }\n",
                   "configuration: topics.changelog: `a b-changelog` cannot name a topic: letters, digits, `.`, `_` "
                   "and `-` are expected, at most 249");
    struct fixture fixture;
    read_all(&fixture,
             "kafka: { group: 'a b' }\ntopics: { changelog: a_b.changes-1, nps: 'n p', login: l }\n"
             "streams: { nps: off }\n",
             NULL, NULL);
    assert_int_equal(fixture.result, RESULT_OK);
    arena_free(&fixture.arena);
}

static void test_names_from_which_ids_are_made_are_bounded(void **state) {
    (void)state;
    char name[KAFKA_NAME_SIZE_MAX + 2], file[sizeof name + 64];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(file, sizeof file, "kafka: { instance_id: %s }\n", name);
    expect_finding(file, "c.yaml:1:23: kafka.instance_id has 241 bytes; 240 is the most");
    snprintf(file, sizeof file, "kafka: { group: %s }\ntopics: { changelog: c }\n", name);
    expect_finding(file, "c.yaml:1:17: kafka.group has 241 bytes; 240 is the most");
    struct fixture fixture;
    snprintf(file, sizeof file, "kafka: { instance_id: %s }\n", name + 1);
    read_all(&fixture, file, NULL, NULL);
    assert_int_equal(fixture.result, RESULT_OK);
    arena_free(&fixture.arena);
}

static void test_an_instance_is_not_called_as_a_further_worker_of_another_is(void **state) {
    (void)state;
    struct fixture fixture;
    static const char *const good[] = {"web-2", "web.worker", ".worke2", "worker2", "2", "web.worker2.example"};
    expect_finding("kafka: { instance_id: web.worker2 }\n",
                   "c.yaml:1:23: kafka.instance_id is `web.worker2`, which is what a further worker of the instance "
                   "`web` is called; give this process a name that does not end in `.worker` and a number");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char file[64];
        snprintf(file, sizeof file, "kafka: { instance_id: '%s' }\n", good[i]);
        read_all(&fixture, file, NULL, NULL);
        assert_int_equal(fixture.result, RESULT_OK);
        arena_free(&fixture.arena);
    }
}

static void test_all_that_is_wrong_is_found_at_once(void **state) {
    (void)state;
    struct fixture fixture;
    read_all(&fixture, "kafka: { group: null }\nworkers: 0\nzzz: 1\n", NULL, NULL);
    assert_int_equal(fixture.findings.errors, 3);
    arena_free(&fixture.arena);
}

static void test_a_file_that_is_missing_or_no_yaml_is_named(void **state) {
    (void)state;
    struct fixture fixture;
    read_all(&fixture, "kafka: [\n", NULL, NULL);
    assert_int_equal(fixture.result, RESULT_REJECT);
    assert_non_null(strstr(fixture.findings.items[0].what.data, "c.yaml:2"));
    assert_true(fixture.configuration.unreadable);
    arena_free(&fixture.arena);
}

static void test_rules_are_a_path_alone_or_a_mapping(void **state) {
    (void)state;
    struct fixture fixture;
    char expected[96];
    snprintf(expected, sizeof expected, "%s/r.yaml", folder);
    read_all(&fixture, "rules: r.yaml\n", NULL, NULL);
    assert_true(text_equals(fixture.configuration.rules.file, expected));
    assert_false(fixture.configuration.rules.reactivate);
    arena_free(&fixture.arena);
    read_all(&fixture, "rules: { file: r.yaml, reactivate: on }\n", NULL, NULL);
    assert_true(text_equals(fixture.configuration.rules.file, expected));
    assert_true(fixture.configuration.rules.reactivate);
    arena_free(&fixture.arena);
    const char *environment[] = {"BELLWETHER_RULES=elsewhere.yaml", NULL};
    read_all(&fixture, "rules: r.yaml\n", environment, NULL);
    assert_true(text_equals(fixture.configuration.rules.file, "elsewhere.yaml"));
    arena_free(&fixture.arena);
}

static void test_a_redis_url_is_taken_apart(void **state) {
    (void)state;
    struct fixture fixture;
    read_all(&fixture, "redis: { url: 'redis://me:p%40ss@cache.example:7000/3' }\n", NULL, NULL);
    assert_int_equal(fixture.result, RESULT_OK);
    const struct redis_address *redis = &fixture.configuration.redis.url;
    assert_true(text_equals(redis->host, "cache.example"));
    assert_int_equal(redis->port, 7000);
    assert_true(text_equals(redis->user, "me"));
    assert_true(text_equals(redis->password, "p@ss"));
    assert_int_equal(redis->database, 3);
    arena_free(&fixture.arena);
    read_all(&fixture, "redis: { url: 'redis://:pa/s@s:@h/1' }\n", NULL, NULL);
    assert_true(text_is_missing(redis->user));
    assert_true(text_equals(redis->password, "pa/s@s:"));
    assert_true(text_equals(redis->host, "h"));
    assert_int_equal(redis->port, 6379);
    assert_int_equal(redis->database, 1);
    arena_free(&fixture.arena);
    read_all(&fixture, "redis: { url: 'redis://[::1]' }\n", NULL, NULL);
    assert_true(text_equals(fixture.configuration.redis.url.host, "::1"));
    arena_free(&fixture.arena);
    expect_finding(
        "redis: { url: 'rediss://x' }\n",
        "c.yaml:1:15: redis.url: rediss:// (TLS) is not possible: this program is built with hiredis 0.14, which "
        "has no TLS; put a TLS proxy such as stunnel beside it and name that as redis://");
    expect_finding("redis: { url: 'localhost:6379' }\n",
                   "c.yaml:1:15: redis.url: expected redis://[user[:password]@]host[:port][/database]");
}

/* The URL is published with each change. */
static void test_a_registry_url_keeps_neither_user_nor_password(void **state) {
    (void)state;
    struct fixture fixture;
    struct buffer out = {0};
    read_all(&fixture, "registry: { url: 'https://me:hunter%402@h:8081/a@b//' }\n", NULL, NULL);
    assert_int_equal(fixture.result, RESULT_OK);
    assert_true(text_equals(fixture.configuration.registry.url, "https://h:8081/a@b"));
    assert_true(text_equals(fixture.configuration.registry.user, "me"));
    assert_true(text_equals(fixture.configuration.registry.password, "hunter@2"));
    configuration_print(&fixture.configuration, &out);
    assert_null(memmem(out.data, out.size, "hunter", 6));
    buffer_free(&out);
    arena_free(&fixture.arena);
    const char *environment[] = {"BELLWETHER_REGISTRY_PASSWORD=other", NULL};
    read_all(&fixture, "registry: { url: 'http://me:hunter2@[::1]:8081', user: you }\n", environment, NULL);
    assert_true(text_equals(fixture.configuration.registry.url, "http://[::1]:8081"));
    assert_true(text_equals(fixture.configuration.registry.user, "you"));
    assert_true(text_equals(fixture.configuration.registry.password, "other"));
    arena_free(&fixture.arena);
    expect_finding("registry: { url: 'http://me:pa/ss@h' }\n",
                   "c.yaml:1:18: registry.url: expected http://host:port or https://host:port, and %2F for a / in a "
                   "password");
}

static void test_a_password_of_the_registry_without_a_user_is_refused(void **state) {
    (void)state;
    expect_finding("registry: { url: 'http://h:8081', password: hunter2 }\n",
                   "c.yaml:1:45: registry.password gives a password, which is not used without registry.user");
    expect_finding("registry: { url: 'http://:hunter2@h:8081' }\n",
                   "c.yaml:1:18: registry.url gives a password, which is not used without registry.user");
}

static void test_secrets_come_from_files_and_are_never_shown(void **state) {
    (void)state;
    struct fixture fixture;
    char secret[96];
    struct buffer out = {0};
    snprintf(secret, sizeof secret, "%s/password", folder);
    write_file(secret, "hunter2\n");
    const char *environment[] = {"BELLWETHER_REGISTRY_PASSWORD=hunter3", NULL};
    read_all(&fixture,
             "redis: { url: 'redis://me:hunter1@h', password_file: password }\n"
             "kafka: { properties: { sasl.password: hunter4, ssl.ca.location: ca.pem }, password_file: password }\n",
             environment, NULL);
    unlink(secret);
    assert_int_equal(fixture.result, RESULT_OK);
    assert_true(text_equals(fixture.configuration.redis.url.password, "hunter2"));
    assert_true(text_equals(fixture.configuration.kafka.properties.items[0].value, "hunter2"));
    configuration_print(&fixture.configuration, &out);
    assert_true(buffer_ok(&out));
    assert_null(memmem(out.data, out.size, "hunter", 6));
    assert_non_null(memmem(out.data, out.size, "redis://me:********@h", 21));
    assert_non_null(memmem(out.data, out.size, "ca.pem", 6));
    buffer_free(&out);
    arena_free(&fixture.arena);
}

static void test_a_secret_on_the_command_line_is_refused(void **state) {
    (void)state;
    struct fixture fixture;
    read_all(&fixture, NULL, NULL, "kafka.properties.sasl.password=hunter2");
    assert_int_equal(fixture.result, RESULT_REJECT);
    assert_null(strstr(only_finding(&fixture), "hunter"));
    arena_free(&fixture.arena);
    static const char *const urls[] = {"redis.url=redis://:hunter2@h:1/0", "redis.url=redis://me:hunter2@h",
                                       "redis.url=redis://:hunt/er@h", "registry.url=https://me:hunter2@h:8081"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        read_all(&fixture, NULL, NULL, urls[i]);
        assert_int_equal(fixture.result, RESULT_REJECT);
        assert_non_null(strstr(only_finding(&fixture), "a secret on the command line"));
        assert_null(strstr(only_finding(&fixture), "hunt"));
        arena_free(&fixture.arena);
    }
    static const char *const harmless[] = {"redis.url=redis://me@h:1/0", "redis.url=redis://[::1]:1",
                                           "registry.url=http://h:8081/a@b"};
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        read_all(&fixture, NULL, NULL, harmless[i]);
        assert_int_equal(fixture.result, RESULT_OK);
        arena_free(&fixture.arena);
    }
}

static void test_an_unknown_option_on_the_command_line_is_refused_with_the_nearest(void **state) {
    (void)state;
    struct fixture fixture;
    read_all(&fixture, NULL, NULL, "kafka.broker=h:1");
    assert_string_equal(only_finding(&fixture),
                        "--set kafka.broker: there is no such option; did you mean `kafka.brokers`?");
    arena_free(&fixture.arena);
}

static void test_a_secret_file_that_cannot_be_read_is_named(void **state) {
    (void)state;
    struct fixture fixture;
    read_all(&fixture, "redis: { password_file: /nowhere/at/all }\n", NULL, NULL);
    assert_string_equal(only_finding(&fixture), "c.yaml:1:25: redis.password_file: the file /nowhere/at/all cannot be "
                                                "used: No such file or directory");
    arena_free(&fixture.arena);
    const char *environment[] = {"BELLWETHER_KAFKA_PASSWORD_FILE=/dev/null", NULL};
    read_all(&fixture, NULL, environment, NULL);
    assert_string_equal(only_finding(&fixture), "BELLWETHER_KAFKA_PASSWORD_FILE: kafka.password_file: the file "
                                                "/dev/null cannot be used: it holds no password in its first line");
    arena_free(&fixture.arena);
}

static void test_what_is_printed_reads_back_the_same(void **state) {
    (void)state;
    struct fixture fixture;
    struct buffer first = {0}, second = {0};
    read_all(
        &fixture,
        "kafka: { group: 'a: b #c' }\ntopics: { changelog: c }\nhttp: null\nlive_from: 2026-01-01\nrules: /r.yaml\n",
        NULL, NULL);
    assert_int_equal(fixture.result, RESULT_OK);
    configuration_print(&fixture.configuration, &first);
    buffer_put(&first, "", 1);
    arena_free(&fixture.arena);
    read_all(&fixture, (const char *)first.data, NULL, NULL);
    assert_int_equal(fixture.result, RESULT_OK);
    assert_true(text_equals(fixture.configuration.kafka.group, "a: b #c"));
    assert_true(text_is_missing(fixture.configuration.http.host));
    configuration_print(&fixture.configuration, &second);
    assert_true(buffer_ok(&second));
    buffer_free(&first);
    buffer_free(&second);
    arena_free(&fixture.arena);
}

static void test_sizes_are_read_and_written(void **state) {
    (void)state;
    int64_t bytes;
    char text[SIZE_TEXT_MAX];
    assert_true(size_parse(TEXT("1.5KiB"), &bytes));
    assert_int_equal(bytes, 1536);
    assert_true(size_parse(TEXT("2MB"), &bytes));
    assert_int_equal(bytes, 2000000);
    assert_false(size_parse(TEXT("12"), &bytes));
    assert_false(size_parse(TEXT("MiB"), &bytes));
    assert_false(size_parse(TEXT("-1MiB"), &bytes));
    assert_false(size_parse(TEXT("0.3B"), &bytes));
    size_format(512 << 10, text);
    assert_string_equal(text, "512KiB");
    size_format(1000, text);
    assert_string_equal(text, "1000B");
}

static void test_the_shipped_file_is_valid_and_shows_every_option(void **state) {
    (void)state;
    static char content[65536];
    struct fixture fixture = {0};
    struct configuration_input input = {.file = BELLWETHER_SOURCE_DIR "/config/bellwether.yaml"};
    fixture.findings.arena = &fixture.arena;
    assert_int_equal(configuration_read(&fixture.arena, &input, &fixture.configuration, &fixture.findings), RESULT_OK);
    arena_free(&fixture.arena);
    FILE *file = fopen(input.file, "re");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < option_table_count; i++) {
        const char *dot = strrchr(option_table[i].path, '.');
        char key[64];
        snprintf(key, sizeof key, "%s:", dot == NULL ? option_table[i].path : dot + 1);
        if (strstr(content, key) == NULL)
            fail_msg("config/bellwether.yaml does not show %s", option_table[i].path);
    }
}

static void test_the_documentation_is_what_the_table_says(void **state) {
    (void)state;
    struct buffer expected = {0};
    options_document(&expected);
    assert_true(buffer_ok(&expected));
    FILE *file = fopen(BELLWETHER_SOURCE_DIR "/docs/configuration.md", "re");
    assert_non_null(file);
    char *content = calloc(1, expected.size + 2);
    assert_non_null(content);
    size_t size = fread(content, 1, expected.size + 1, file);
    fclose(file);
    if (size != expected.size || memcmp(content, expected.data, size) != 0)
        fail_msg("docs/configuration.md is not up to date: bellwether help --options >docs/configuration.md");
    free(content);
    buffer_free(&expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_has_a_valid_default),
        cmocka_unit_test(test_streams_stand_in_the_order_of_the_schemas),
        cmocka_unit_test(test_partitioners_are_those_of_the_engine),
        cmocka_unit_test(test_the_file_overrides_defaults_and_the_environment_the_file),
        cmocka_unit_test(test_an_unknown_key_is_refused_with_its_place_and_the_nearest),
        cmocka_unit_test(test_values_of_the_wrong_form_are_refused_with_what_is_expected),
        cmocka_unit_test(test_properties_of_the_protocol_are_refused_by_name),
        cmocka_unit_test(test_a_session_shorter_than_a_transaction_is_refused),
        cmocka_unit_test(test_confluent_without_a_registry_and_topics_used_twice_are_refused),
        cmocka_unit_test(test_what_cannot_name_a_topic_is_refused_also_where_the_group_makes_the_name),
        cmocka_unit_test(test_names_from_which_ids_are_made_are_bounded),
        cmocka_unit_test(test_an_instance_is_not_called_as_a_further_worker_of_another_is),
        cmocka_unit_test(test_all_that_is_wrong_is_found_at_once),
        cmocka_unit_test(test_a_file_that_is_missing_or_no_yaml_is_named),
        cmocka_unit_test(test_rules_are_a_path_alone_or_a_mapping),
        cmocka_unit_test(test_a_redis_url_is_taken_apart),
        cmocka_unit_test(test_a_registry_url_keeps_neither_user_nor_password),
        cmocka_unit_test(test_a_password_of_the_registry_without_a_user_is_refused),
        cmocka_unit_test(test_secrets_come_from_files_and_are_never_shown),
        cmocka_unit_test(test_a_secret_on_the_command_line_is_refused),
        cmocka_unit_test(test_an_unknown_option_on_the_command_line_is_refused_with_the_nearest),
        cmocka_unit_test(test_a_secret_file_that_cannot_be_read_is_named),
        cmocka_unit_test(test_what_is_printed_reads_back_the_same),
        cmocka_unit_test(test_sizes_are_read_and_written),
        cmocka_unit_test(test_the_shipped_file_is_valid_and_shows_every_option),
        cmocka_unit_test(test_the_documentation_is_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
