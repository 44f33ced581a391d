/* What is published, as its readers find it: tail, the headers of a change, the table of statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "tests/harness/change_lines.h"
#include "tests/harness/fixture.h"

#define FROM_MS INT64_C(1717200000000) /* 2024-06-01 */

enum { PARTITIONS = 3 };

static const char rules[] = "ruleset: outputs\n"
                            "clock: { tick: 1h, lateness: 0s }\n"
                            "dimensions:\n"
                            "  plan: { cases: [ { value_of: account.plan } ] }\n"
                            "segments:\n"
                            "  silent: { when: 'since(login) > 2d' }\n"
                            "  busy: { when: 'count(usage, 7d) >= 3', playbook: thank }\n";

/* Published from a made-up log; in which encoding may be set before. */
static struct deployment *publish(struct fixture *fixture, const char *name, const char *encoding) {
    struct made_up_options options = {
        .seed = 21, .events = 3000, .accounts = 40, .from_ms = FROM_MS, .to_ms = FROM_MS + 40 * DAY};
    struct event_lines lines;
    struct deployment *deployment = fixture_deploy(fixture, name, PARTITIONS, rules);
    event_lines_make_up(&options, &lines);
    deployment_set(deployment, "ENCODINGS_CHANGES", encoding);
    deployment_set(deployment, "ENCODINGS_STATUS", encoding);
    deployment_produce(deployment, &lines, 0, lines.count);
    deployment_run_until_end(deployment);
    char *actual = deployment_changes(deployment), *expected = deployment_expected(deployment, &lines);
    assert_true(count_lines(actual) > 200);
    assert_same_changes(actual, expected);
    free(actual);
    free(expected);
    event_lines_free(&lines);
    return deployment;
}

/* ---- tail */

/* Those lines that hold the text, joined; the caller frees them. */
static char *lines_with(const char *lines, const char *text) {
    char *found = calloc(1, strlen(lines) + 1), *at = found;
    assert_non_null(found);
    for (const char *end; (end = strchr(lines, '\n')) != NULL; lines = end + 1) {
        size_t size = (size_t)(end + 1 - lines);
        if (memmem(lines, size, text, strlen(text)) != NULL)
            at = mempcpy(at, lines, size);
    }
    return found;
}

static void assert_tail(struct deployment *deployment, const char *flag, const char *value, const char *text) {
    const char *arguments[] = {"tail", "--from-beginning", "--exit", "-o", "json", flag, value, NULL};
    char *all = deployment_changes(deployment), *expected = lines_with(all, text);
    char *actual = deployment_command(deployment, arguments, 0);
    assert_true(count_lines(expected) > 0);
    assert_same_changes(actual, expected);
    free(all);
    free(expected);
    free(actual);
}

static void tail_shows_one_account_or_one_segment(void **state) {
    struct deployment *deployment = publish(*state, "tail", "single-object");
    assert_tail(deployment, "--account", "acme-3", "{\"account_id\":\"acme-3\",");
    assert_tail(deployment, "--account", "Zürich 7", "{\"account_id\":\"Zürich 7\",");
    assert_tail(deployment, "--segment", "silent", "\"subject\":\"silent\"");
    assert_tail(deployment, "--segment", "plan", "\"subject\":\"plan\"");
    const char *nobody[] = {"tail", "--from-beginning", "--exit", "-o", "json", "--account", "nobody", NULL};
    char *none = deployment_command(deployment, nobody, 0);
    assert_string_equal(none, "");
    free(none);
    const char *as_text[] = {"tail", "--from-beginning", "--exit", NULL};
    char *all = deployment_changes(deployment), *text = deployment_command(deployment, as_text, 0);
    assert_int_equal(count_lines(text), count_lines(all)); /* a line each */
    free(all);
    free(text);
}

/* A commit is answered before readers can see it: what a process has just published must not be missed. */
static void tail_awaits_transactions_that_are_open_at_the_end(void **state) {
    struct fixture *fixture = *state;
    struct deployment *deployment = fixture_deploy(fixture, "open-transaction", PARTITIONS, rules);
    const char *settings[] = {"transactional.id", "open-transaction", NULL};
    char topic[128], path[PATH_MAX];
    kafka_create_topic(&fixture->kafka, deployment_topic(deployment, "dead-letters", topic), PARTITIONS, NULL);
    rd_kafka_t *producer = kafka_client_new(&fixture->kafka, RD_KAFKA_PRODUCER, settings);
    assert_null(rd_kafka_init_transactions(producer, 30000));
    assert_null(rd_kafka_begin_transaction(producer));
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(1),
                                       RD_KAFKA_V_KEY("acme", 4), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(producer, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
    temporary_path(&deployment->folder, "tail.log", path);
    const char *arguments[] = {"tail", "--topic", "dead-letters", "--from-beginning", "--exit", "-o", "json", NULL};
    struct process *tail = &deployment->daemons[0];
    bellwether_start(arguments, (const char *const *)deployment->environment, path, tail);
    assert_false(process_await_end(tail, deadline_after(2000)));
    assert_null(rd_kafka_commit_transaction(producer, 30000));
    assert_true(process_await_end(tail, deadline_after(30000)));
    assert_int_equal(tail->exit_status, 0);
    rd_kafka_destroy(producer);
    char *output = file_read(path, NULL);
    assert_int_equal(count_lines_with(output, "\"key\":\"acme\""), 1);
    free(output);
}

static void changes_as_json_are_tailed_like_avro(void **state) {
    struct deployment *deployment = publish(*state, "json", "json");
    struct kafka_records records;
    char topic[128];
    deployment_topic(deployment, "segment-changes", topic);
    kafka_consume_all(deployment->kafka, topic, KAFKA_READ_COMMITTED, &records);
    assert_string_equal(kafka_header_text(&records.items[0], "content-type"), "application/json");
    json_t *change = json_loads(records.items[0].value, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(change, "account_id")), records.items[0].key);
    json_decref(change);
    kafka_records_free(&records);
}

/* ---- headers */

static void assert_header(const struct kafka_record *record, const char *name, const char *expected) {
    const char *actual = kafka_header_text(record, name);
    if (actual == NULL || strcmp(actual, expected) != 0)
        fail_msg("the header %s is %s, not %s", name, actual == NULL ? "missing" : actual, expected);
}

/* `line`: the same change as tail prints it. */
static void assert_cloud_event(const struct kafka_record *record, const json_t *change) {
    static const char *const types[][2] = {{"ENTERED", "bellwether.segment.entered"},
                                           {"EXITED", "bellwether.segment.exited"},
                                           {"MOVED", "bellwether.dimension.moved"}};
    const char *account_id = json_string_value(json_object_get(change, "account_id"));
    const char *kind = json_string_value(json_object_get(change, "kind"));
    char id[256];
    snprintf(id, sizeof id, "%s/%lld", account_id, (long long)json_integer_value(json_object_get(change, "sequence")));
    assert_string_equal(record->key, account_id);
    assert_header(record, "ce_specversion", "1.0");
    assert_header(record, "ce_id", id);
    assert_header(record, "ce_source", "/bellwether/headers");
    assert_header(record, "ce_subject", account_id);
    assert_header(record, "ce_time", json_string_value(json_object_get(change, "at")));
    assert_header(record, "ce_dataschema", "urn:bellwether:v1:SegmentChange");
    assert_header(record, "content-type", "application/avro");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(kind, types[i][0]) == 0)
            assert_header(record, "ce_type", types[i][1]);
}

/* Which record of the topic the change is; by its id. */
static const struct kafka_record *record_of(const struct kafka_records *records, const json_t *change) {
    char id[256];
    snprintf(id, sizeof id, "%s/%lld", json_string_value(json_object_get(change, "account_id")),
             (long long)json_integer_value(json_object_get(change, "sequence")));
    for (size_t i = 0; i < records->count; i++) {
        const char *given = kafka_header_text(&records->items[i], "ce_id");
        if (given != NULL && strcmp(given, id) == 0)
            return &records->items[i];
    }
    fail_msg("no record has the ce_id %s", id);
    return NULL;
}

static void each_change_is_a_cloud_event(void **state) {
    struct deployment *deployment = publish(*state, "headers", "single-object");
    struct kafka_records records;
    char topic[128];
    deployment_topic(deployment, "segment-changes", topic);
    kafka_consume_all(deployment->kafka, topic, KAFKA_READ_COMMITTED, &records);
    char *changes = deployment_changes(deployment), *rest = changes;
    assert_int_equal(count_lines(changes), records.count);
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        json_t *change = json_loads(line, 0, NULL);
        assert_cloud_event(record_of(&records, change), change);
        json_decref(change);
    }
    free(changes);
    kafka_records_free(&records);
}

/* ---- statuses */

/* The account's last change; NULL where there is none. */
static json_t *last_change(const char *changes, const char *account_id) {
    char *quoted, *own;
    assert_true(asprintf(&quoted, "{\"account_id\":\"%s\",", account_id) > 0);
    own = lines_with(changes, quoted);
    size_t size = strlen(own);
    if (size > 0)
        own[size - 1] = '\0';
    const char *last = strrchr(own, '\n');
    json_t *change = size == 0 ? NULL : json_loads(last == NULL ? own : last + 1, 0, NULL);
    free(quoted);
    free(own);
    return change;
}

static void assert_status(const struct kafka_record *record, const char *changes) {
    json_t *change = last_change(changes, record->key);
    assert_non_null(change);
    const char *cause = json_string_value(json_object_get(json_object_get(change, "cause"), "kind"));
    assert_int_equal(record->value == NULL, strcmp(cause, "ACCOUNT_DELETED") == 0);
    if (record->value != NULL) {
        json_t *status = json_loads(record->value, 0, NULL);
        json_t *are = json_object_get(status, "segments"), *should = json_object_get(change, "segments");
        assert_true(json_equal(json_object_get(status, "sequence"), json_object_get(change, "sequence")));
        assert_true(json_equal(json_object_get(status, "at"), json_object_get(change, "at")));
        assert_string_equal(json_string_value(json_object_get(status, "ruleset")), "outputs");
        assert_int_equal(json_array_size(are), json_array_size(should));
        for (size_t i = 0; i < json_array_size(are); i++)
            assert_true(json_equal(json_object_get(json_array_get(are, i), "name"), json_array_get(should, i)));
        json_decref(status);
    }
    json_decref(change);
}

static bool is_last_of_its_key(const struct kafka_records *records, size_t i) {
    for (size_t j = i + 1; j < records->count; j++)
        if (strcmp(records->items[i].key, records->items[j].key) == 0)
            return false;
    return true;
}

/* Accounts leave all their segments when they are erased only where they are in one, so each of these is. */
static void the_newest_status_of_each_account_is_as_its_last_change_says(void **state) {
    struct deployment *deployment = publish(*state, "status", "json");
    struct kafka_records records;
    size_t accounts = 0;
    char topic[128], *changes = deployment_changes(deployment);
    deployment_topic(deployment, "account-status", topic);
    kafka_consume_all(deployment->kafka, topic, KAFKA_READ_COMMITTED, &records);
    for (size_t i = 0; i < records.count; i++) {
        if (!is_last_of_its_key(&records, i))
            continue;
        accounts++;
        assert_status(&records.items[i], changes);
    }
    assert_int_equal(accounts, 40);
    free(changes);
    kafka_records_free(&records);
}

#define TEST(name) cmocka_unit_test_teardown(name, fixture_close_deployment)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(tail_shows_one_account_or_one_segment),
        TEST(tail_awaits_transactions_that_are_open_at_the_end),
        TEST(changes_as_json_are_tailed_like_avro),
        TEST(each_change_is_a_cloud_event),
        TEST(the_newest_status_of_each_account_is_as_its_last_change_says),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_close);
}
