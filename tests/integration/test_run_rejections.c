/* Records that cannot be taken lie in the dead letters, each with its reason and as it came, and disturb nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "tests/harness/change_lines.h"
#include "tests/harness/fixture.h"

#define FROM_MS INT64_C(1717200000000) /* 2024-06-01 */

enum { PARTITIONS = 2, VALUE_BYTES_MAX = 32768, HEADER_BYTES = 10, RECORD_BYTES = 20000, LETTERS_MAX = 64 };

static const char rules[] = "ruleset: rejections\n"
                            "clock: { tick: 1h, lateness: 0s }\n"
                            "segments:\n"
                            "  silent: { when: 'since(login) > 2d' }\n"
                            "  busy: { when: 'count(usage, 7d) >= 3' }\n"
                            "  detractor: { when: 'last(nps.score) <= 6' }\n";

/* ---- Avro by hand */

struct bytes {
    unsigned char data[VALUE_BYTES_MAX];
    size_t size;
};

static void put_bytes(struct bytes *bytes, const void *data, size_t size) {
    assert_true(bytes->size + size <= sizeof bytes->data);
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void put_long(struct bytes *bytes, int64_t number) {
    uint64_t rest = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    do {
        unsigned char byte = (unsigned char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        put_bytes(bytes, &byte, 1);
        rest >>= 7;
    } while (rest != 0);
}

static void put_string(struct bytes *bytes, const char *text, size_t size) {
    put_long(bytes, (int64_t)size);
    put_bytes(bytes, text, size);
}

/* The fields of a login; what is not given is as it should be. */
struct login {
    const char *event_id, *account_id, *user_id;
    size_t event_id_size, account_id_size, user_id_size; /* 0: the text's */
    int64_t occurred_at_ms;
    int64_t method;
};

/* `header`: what a login's single-object encoding begins with. */
static void put_login(struct bytes *bytes, const void *header, const struct login *login) {
    const char *event_id = login->event_id == NULL ? "e1" : login->event_id;
    const char *account_id = login->account_id == NULL ? "acme" : login->account_id;
    const char *user_id = login->user_id == NULL ? "u1" : login->user_id;
    put_bytes(bytes, header, HEADER_BYTES);
    put_string(bytes, event_id, login->event_id_size > 0 ? login->event_id_size : strlen(event_id));
    put_string(bytes, account_id, login->account_id_size > 0 ? login->account_id_size : strlen(account_id));
    put_string(bytes, user_id, login->user_id_size > 0 ? login->user_id_size : strlen(user_id));
    put_long(bytes, login->occurred_at_ms == 0 ? FROM_MS + DAY : login->occurred_at_ms);
    put_long(bytes, login->method);
    put_bytes(bytes, "\1", 1);
}

/* ---- poison */

struct poison {
    const char *name; /* also in a header, by which the letter is found again */
    const char *reason;
    const char *topic;
    struct bytes value;
    bool is_null;
    int32_t partition;
    int64_t timestamp_ms;
};

struct poisons {
    struct poison items[LETTERS_MAX];
    size_t count;
    unsigned char login_header[HEADER_BYTES], nps[256];
    size_t nps_size;
};

static struct poison *add(struct poisons *poisons, const char *name, const char *reason, const char *topic) {
    struct poison *poison = &poisons->items[poisons->count++];
    assert_true(poisons->count <= LETTERS_MAX);
    poison->name = name;
    poison->reason = reason;
    poison->topic = topic;
    poison->partition = (int32_t)account_partition("acme", PARTITIONS);
    poison->timestamp_ms = FROM_MS + DAY;
    return poison;
}

static void add_login(struct poisons *poisons, const char *name, const char *reason, struct login login) {
    put_login(&add(poisons, name, reason, "logins")->value, poisons->login_header, &login);
}

static void add_bytes(struct poisons *poisons, const char *name, const char *reason, const char *data, size_t size) {
    put_bytes(&add(poisons, name, reason, "logins")->value, data, size);
}

/* A login's header, and then these bytes. */
static void add_body(struct poisons *poisons, const char *name, const char *data, size_t size) {
    struct poison *poison = add(poisons, name, "undecodable", "logins");
    put_bytes(&poison->value, poisons->login_header, HEADER_BYTES);
    put_bytes(&poison->value, data, size);
}

static void add_undecodable(struct poisons *poisons) {
    struct poison *poison;
    add_bytes(poisons, "garbage", "undecodable", "\xff\x00garbage", 9);
    add_bytes(poisons, "empty value", "undecodable", "", 0);
    add_bytes(poisons, "half a header", "undecodable", "\xc3\x01\x02", 3);
    add_body(poisons, "nothing behind the header", "", 0);
    add_body(poisons, "a negative length", "\x03x", 2);
    add_body(poisons, "a huge length", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 11);
    add_body(poisons, "a number without end", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    add_login(poisons, "cut short", "undecodable", (struct login){.event_id = "e2"});
    poisons->items[poisons->count - 1].value.size -= 4;
    add_login(poisons, "a symbol beyond the enum", "undecodable", (struct login){.method = 99});
    poison = add(poisons, "null where no tombstone may be", "invalid-value", "logins");
    poison->is_null = true;
    add_login(poisons, "unknown fingerprint", "unknown-schema", (struct login){0});
    poisons->items[poisons->count - 1].value.data[5] ^= 0x55;
}

static void add_invalid(struct poisons *poisons) {
    static char long_text[10240];
    memset(long_text, 'x', sizeof long_text);
    add_login(poisons, "empty event id", "invalid-value", (struct login){.event_id = ""});
    add_login(poisons, "event id of 10 kB", "invalid-value",
              (struct login){.event_id = long_text, .event_id_size = sizeof long_text});
    add_login(poisons, "event id of 513 bytes", "invalid-value",
              (struct login){.event_id = long_text, .event_id_size = 513});
    add_login(poisons, "user id that is not UTF-8", "invalid-value", (struct login){.user_id = "\xff\xfe"});
    add_login(poisons, "empty account id", "invalid-account-id", (struct login){.account_id = ""});
    add_login(poisons, "account id of 10 kB", "invalid-account-id",
              (struct login){.account_id = long_text, .account_id_size = sizeof long_text});
    add_login(poisons, "account id that is not UTF-8", "invalid-account-id", (struct login){.account_id = "a\xc3("});
    add_login(poisons, "the year 2099", "future-timestamp", (struct login){.occurred_at_ms = INT64_C(4070908800000)});
    add_login(poisons, "the end of time", "invalid-value", (struct login){.occurred_at_ms = INT64_MAX});
    add_login(poisons, "an hour before its time", "future-timestamp",
              (struct login){.occurred_at_ms = FROM_MS + DAY + HOUR});
    add_login(poisons, "the other partition", "wrong-partition", (struct login){.event_id = "e3"});
    poisons->items[poisons->count - 1].partition ^= 1;
    struct bytes large = {.size = 0};
    memset(large.data, 'x', sizeof large.data);
    add_login(poisons, "20 kB", "record-too-large",
              (struct login){.user_id = (const char *)large.data, .user_id_size = RECORD_BYTES});
}

/* An NPS record whose score, the last but one byte, is another. */
static void add_nps(struct poisons *poisons, const char *name, unsigned char zigzag) {
    struct poison *poison = add(poisons, name, "invalid-value", "nps-responses");
    put_bytes(&poison->value, poisons->nps, poisons->nps_size);
    poison->value.data[poison->value.size - 2] = zigzag;
}

/* What valid records look like is learnt from those that are there. */
static void learn(struct deployment *deployment, struct poisons *poisons) {
    struct kafka_records records;
    char topic[128];
    deployment_topic(deployment, "logins", topic);
    kafka_consume_all(deployment->kafka, topic, KAFKA_READ_COMMITTED, &records);
    memcpy(poisons->login_header, records.items[0].value, HEADER_BYTES);
    kafka_records_free(&records);
    deployment_topic(deployment, "nps-responses", topic);
    kafka_consume_all(deployment->kafka, topic, KAFKA_READ_COMMITTED, &records);
    assert_true(records.count > 0);
    poisons->nps_size = records.items[0].value_size;
    memcpy(poisons->nps, records.items[0].value, poisons->nps_size);
    assert_true(poisons->nps[poisons->nps_size - 2] <= 20); /* at most 10, as Avro writes it */
    kafka_records_free(&records);
}

static void produce_poison(struct deployment *deployment, const struct poison *poison) {
    char topic[128];
    struct kafka_record record = {
        .topic = deployment_topic(deployment, poison->topic, topic),
        .partition = poison->partition,
        .timestamp_ms = poison->timestamp_ms,
        .key = "acme",
        .key_size = 4,
        .value = poison->is_null ? NULL : poison->value.data,
        .value_size = poison->is_null ? 0 : poison->value.size,
        .header_count = 2,
        .headers = {{"name", poison->name, strlen(poison->name)}, {"bw_reason", "of an earlier life", 18}},
    };
    kafka_produce(deployment->kafka, &record, 1);
}

/* ---- letters */

static const struct kafka_record *letter_of(const struct kafka_records *letters, const char *name) {
    const struct kafka_record *found = NULL;
    for (size_t i = 0; i < letters->count; i++) {
        const char *given = kafka_header_text(&letters->items[i], "name");
        if (given == NULL || strcmp(given, name) != 0)
            continue;
        if (found != NULL)
            fail_msg("two dead letters of: %s", name);
        found = &letters->items[i];
    }
    if (found == NULL)
        fail_msg("no dead letter of: %s", name);
    return found;
}

static size_t headers_named(const struct kafka_record *record, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < record->header_count; i++)
        count += strcmp(record->headers[i].name, name) == 0;
    return count;
}

static void assert_letter(const struct deployment *deployment, const struct kafka_records *letters,
                          const struct poison *poison) {
    char topic[128], number[32];
    const struct kafka_record *letter = letter_of(letters, poison->name);
    const char *reason = kafka_header_text(letter, "bw_reason");
    if (reason == NULL || strcmp(reason, poison->reason) != 0)
        fail_msg("%s: rejected as %s (%s), not as %s", poison->name, reason == NULL ? "nothing" : reason,
                 kafka_header_text(letter, "bw_detail"), poison->reason);
    assert_int_equal(headers_named(letter, "bw_reason"), 1);
    assert_true(strlen(kafka_header_text(letter, "bw_detail")) > 10);
    assert_string_equal(kafka_header_text(letter, "bw_topic"), deployment_topic(deployment, poison->topic, topic));
    snprintf(number, sizeof number, "%d", (int)poison->partition);
    assert_string_equal(kafka_header_text(letter, "bw_partition"), number);
    snprintf(number, sizeof number, "%lld", (long long)poison->timestamp_ms);
    assert_string_equal(kafka_header_text(letter, "bw_timestamp"), number);
    assert_non_null(kafka_header_text(letter, "bw_offset"));
    assert_string_equal(letter->key, "acme");
    assert_int_equal(letter->value == NULL, poison->is_null);
    if (!poison->is_null) {
        assert_int_equal(letter->value_size, poison->value.size);
        assert_memory_equal(letter->value, poison->value.data, poison->value.size);
    }
}

/* ---- tests */

static void make_good(struct event_lines *ret_lines) {
    struct made_up_options options = {
        .seed = 2, .events = 800, .accounts = 12, .from_ms = FROM_MS, .to_ms = FROM_MS + 20 * DAY};
    event_lines_make_up(&options, ret_lines);
}

static void each_poisoned_record_is_a_dead_letter_and_disturbs_nothing(void **state) {
    static struct poisons poisons;
    struct deployment *deployment = fixture_deploy(*state, "poison", PARTITIONS, rules);
    struct event_lines lines;
    struct kafka_records letters;
    char topic[128];
    make_good(&lines);
    deployment_set(deployment, "LIMITS_RECORD_BYTES", "16KiB");
    deployment_produce(deployment, &lines, 0, lines.count / 2);
    learn(deployment, &poisons);
    add_undecodable(&poisons);
    add_invalid(&poisons);
    add_nps(&poisons, "an NPS of 11", 22);
    add_nps(&poisons, "an NPS of -1", 1);
    for (size_t i = 0; i < poisons.count; i++)
        produce_poison(deployment, &poisons.items[i]);
    deployment_produce(deployment, &lines, lines.count / 2, lines.count);
    deployment_run_until_end(deployment);

    deployment_topic(deployment, "dead-letters", topic);
    kafka_consume_all(deployment->kafka, topic, KAFKA_READ_COMMITTED, &letters);
    for (size_t i = 0; i < poisons.count; i++)
        assert_letter(deployment, &letters, &poisons.items[i]);
    assert_int_equal(letters.count, poisons.count);
    kafka_records_free(&letters);

    char *all = deployment_changes(deployment), *expected = deployment_expected(deployment, &lines);
    assert_true(count_lines(expected) > 20);
    assert_same_changes(all, expected);
    free(all);
    free(expected);
    event_lines_free(&lines);
}

/* A login of the account `other` that is no Avro. */
static void produce_garbage(const struct deployment *deployment) {
    char topic[128];
    struct kafka_record garbage = {.topic = deployment_topic(deployment, "logins", topic),
                                   .key = "other",
                                   .key_size = 5,
                                   .value = "\xff\xfe",
                                   .value_size = 2,
                                   .partition = KAFKA_ANY_PARTITION};
    kafka_produce(deployment->kafka, &garbage, 1);
}

static void dead_letters_are_read_with_their_reasons(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "letters", PARTITIONS, rules);
    deployment_produce_text(deployment, "{\"stream\":\"login\",\"event_id\":\"n2\",\"account_id\":\"acme\",\"user_id\":"
                                        "\"u\",\"occurred_at\":\"2099-01-01\"}\n");
    produce_garbage(deployment);
    deployment_run_until_end(deployment);
    const char *as_json[] = {"tail",   "--topic", "dead-letters", "--from-beginning", "--exit", "-o", "json",
                             "--full", NULL};
    char *json = deployment_command(deployment, as_json, 0);
    assert_int_equal(count_lines(json), 2);
    assert_int_equal(count_lines_with(json, "\"reason\":\"future-timestamp\""), 1);
    assert_int_equal(count_lines_with(json, "\"value\":\"0xfffe\""), 1);
    free(json);
    const char *as_text[] = {"tail",   "--topic",   "dead-letters", "--from-beginning",
                             "--exit", "--account", "acme",         NULL};
    char *text = deployment_command(deployment, as_text, 0);
    assert_int_equal(count_lines(text), 1);
    assert_int_equal(count_lines_with(text, "2099"), 1);
    free(text);
}

static void what_is_unreadable_is_told_of_the_account_that_is_asked_for_alone(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "unreadable", PARTITIONS, rules);
    deployment_produce_text(deployment, "{\"stream\":\"login\",\"event_id\":\"n1\",\"account_id\":\"acme\",\"user_id\":"
                                        "\"u\",\"occurred_at\":\"2024-06-01\"}\n");
    produce_garbage(deployment);
    const char *all[] = {"tail", "--topic", "login", "--from-beginning", "--exit", NULL};
    char *text = deployment_command(deployment, all, 3);
    assert_int_equal(count_lines(text), 1);
    free(text);
    const char *of_one[] = {"tail", "--topic", "login", "--from-beginning", "--exit", "--account", "acme", NULL};
    text = deployment_command(deployment, of_one, 0);
    assert_int_equal(count_lines(text), 1);
    free(text);
}

/* Facts of 100 kB where the state may have 64 KiB. */
static void an_account_that_would_grow_too_large_stays_as_it_was(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "too-large", PARTITIONS,
                                                   "ruleset: sizes\n"
                                                   "clock: { tick: 1h, lateness: 0s }\n"
                                                   "dimensions:\n"
                                                   "  plan: { cases: [ { value_of: account.plan } ] }\n");
    static const char *const plans[] = {"small", "huge", "again"};
    static char lines[120000], attribute[100001];
    struct kafka_records letters;
    char topic[128];
    memset(attribute, 'x', sizeof attribute - 1);
    attribute[sizeof attribute - 1] = '\0';
    for (int i = 0; i < 3; i++)
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines),
                 "{\"stream\":\"account\",\"account_id\":\"acme\",\"plan\":\"%s\",\"updated_at\":%lld,"
                 "\"attributes\":{\"note\":\"%s\"}}\n",
                 plans[i], (long long)(FROM_MS + i * HOUR), i == 1 ? attribute : "short");
    deployment_set(deployment, "LIMITS_ACCOUNT_BYTES", "64KiB");
    deployment_produce_text(deployment, lines);
    deployment_run_until_end(deployment);
    char *changes = deployment_changes(deployment);
    assert_int_equal(count_lines(changes), 2);
    assert_int_equal(count_lines_with(changes, "\"from\":\"small\",\"to\":\"again\""), 1);
    free(changes);
    deployment_topic(deployment, "dead-letters", topic);
    kafka_consume_all(deployment->kafka, topic, KAFKA_READ_COMMITTED, &letters);
    assert_int_equal(letters.count, 1);
    assert_string_equal(kafka_header_text(&letters.items[0], "bw_reason"), "account-too-large");
    assert_true(letters.items[0].value_size > 100000);
    kafka_records_free(&letters);
}

#define TEST(name) cmocka_unit_test_teardown(name, fixture_close_deployment)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_poisoned_record_is_a_dead_letter_and_disturbs_nothing),
        TEST(dead_letters_are_read_with_their_reasons),
        TEST(what_is_unreadable_is_told_of_the_account_that_is_asked_for_alone),
        TEST(an_account_that_would_grow_too_large_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_close);
}
