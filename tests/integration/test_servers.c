// The harness itself: real servers start, keep what they are given over a restart, and never outlive the test.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/harness/command.h"
#include "tests/harness/fixture.h"
#include "tests/harness/kafka_client.h"

static struct kafka_record record(const char *topic, const char *key, const char *value) {
    return (struct kafka_record){
        .topic = topic,
        .partition = KAFKA_ANY_PARTITION,
        .key = key,
        .key_size = strlen(key),
        .value = value,
        .value_size = strlen(value),
        .timestamp_ms = 1700000000000,
        .header_count = 1,
        .headers = {{.name = "colour", .value = "blue", .value_size = 4}},
    };
}

static size_t count_records(const struct kafka_server *kafka, const char *topic, enum kafka_isolation isolation) {
    struct kafka_records records;
    kafka_consume_all(kafka, topic, isolation, &records);
    size_t count = records.count;
    kafka_records_free(&records);
    return count;
}

static void what_is_produced_is_read_back_whole(void **state) {
    struct fixture *fixture = *state;
    kafka_create_topic(&fixture->kafka, "plain", 1, NULL);
    struct kafka_record produced[] = {record("plain", "acme", "first"), record("plain", "acme", "second")};
    kafka_produce(&fixture->kafka, produced, 2);

    struct kafka_records read;
    kafka_consume_all(&fixture->kafka, "plain", KAFKA_READ_COMMITTED, &read);
    assert_int_equal(read.count, 2);
    assert_string_equal(read.items[0].key, "acme");
    assert_string_equal(read.items[0].value, "first");
    assert_int_equal(read.items[0].timestamp_ms, 1700000000000);
    assert_string_equal(kafka_header_text(&read.items[0], "colour"), "blue");
    assert_null(kafka_header_text(&read.items[0], "size"));
    assert_int_equal(read.items[1].offset, 1);
    assert_int_equal(kafka_end_offset(&fixture->kafka, "plain", 0), 2);
    kafka_records_free(&read);
}

static void only_an_uncommitted_reader_sees_an_aborted_transaction(void **state) {
    struct fixture *fixture = *state;
    kafka_create_topic(&fixture->kafka, "transactional", 3, NULL);
    struct kafka_record kept[] = {record("transactional", "acme", "1"), record("transactional", "globex", "2")};
    struct kafka_record dropped[] = {record("transactional", "initech", "3")};
    kafka_produce_transaction(&fixture->kafka, "writer", kept, 2, KAFKA_COMMIT);
    kafka_produce_transaction(&fixture->kafka, "writer", dropped, 1, KAFKA_ABORT);

    assert_int_equal(count_records(&fixture->kafka, "transactional", KAFKA_READ_COMMITTED), 2);
    assert_int_equal(count_records(&fixture->kafka, "transactional", KAFKA_READ_UNCOMMITTED), 3);
}

static void kafka_keeps_its_records_over_a_stop_and_a_kill(void **state) {
    struct fixture *fixture = *state;
    kafka_create_topic(&fixture->kafka, "durable", 1, (const char *[]){"cleanup.policy", "compact", NULL});
    struct kafka_record produced = record("durable", "acme", "kept");
    kafka_produce_transaction(&fixture->kafka, "writer", &produced, 1, KAFKA_COMMIT);

    kafka_server_stop(&fixture->kafka);
    kafka_server_restart(&fixture->kafka);
    assert_int_equal(count_records(&fixture->kafka, "durable", KAFKA_READ_COMMITTED), 1);

    kafka_server_kill(&fixture->kafka);
    kafka_server_restart(&fixture->kafka);
    assert_int_equal(count_records(&fixture->kafka, "durable", KAFKA_READ_COMMITTED), 1);
}

static void a_group_that_never_committed_has_no_offset(void **state) {
    struct fixture *fixture = *state;
    kafka_create_topic(&fixture->kafka, "unread", 1, NULL);
    assert_int_equal(kafka_committed_offset(&fixture->kafka, "nobody", "unread", 0), -1);
}

static void a_deleted_topic_can_be_created_anew(void **state) {
    struct fixture *fixture = *state;
    kafka_create_topic(&fixture->kafka, "recreated", 2, NULL);
    kafka_delete_topic(&fixture->kafka, "recreated");
    kafka_create_topic(&fixture->kafka, "recreated", 1, NULL);
    assert_int_equal(kafka_end_offset(&fixture->kafka, "recreated", 0), 0);
}

static void redis_keeps_its_data_over_a_stop_and_a_kill(void **state) {
    struct fixture *fixture = *state;
    freeReplyObject(redis_server_command(&fixture->redis, "SET account acme"));

    redis_server_stop(&fixture->redis);
    redis_server_restart(&fixture->redis);
    redis_server_kill(&fixture->redis);
    redis_server_restart(&fixture->redis);

    redisReply *reply = redis_server_command(&fixture->redis, "GET account");
    assert_string_equal(reply->str, "acme");
    freeReplyObject(reply);
}

static void redis_can_be_configured_while_it_runs(void **state) {
    struct fixture *fixture = *state;
    redis_server_configure(&fixture->redis, "maxmemory", "1");
    redisReply *reply = redis_server_command(&fixture->redis, "SET account globex");
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redis_server_configure(&fixture->redis, "maxmemory", "0");
}

static void a_server_that_is_closed_leaves_neither_process_nor_folder(void **state) {
    (void)state;
    struct redis_server redis;
    redis_server_start(0, (const char *[]){"--maxmemory", "10mb", NULL}, &redis);
    pid_t id = redis.process.id;
    struct temporary folder = redis.folder;
    redis_server_close(&redis);

    assert_int_equal(kill(id, 0), -1);
    struct stat status;
    assert_int_equal(stat(folder.path, &status), getenv("BELLWETHER_KEEP") ? 0 : -1);
    redis_server_close(&redis); // Once more: nothing is left to do.
}

static void a_command_gives_its_outputs_and_its_status(void **state) {
    (void)state;
    struct command_result result;
    const char *arguments[] = {"sh", "-c", "cat; echo $COLOUR >&2; exit 3", NULL};
    const char *environment[] = {"COLOUR=blue", NULL};
    command_run(arguments, &(struct command_options){.input = "in and out", .environment = environment}, &result);
    assert_int_equal(result.exit_status, 3);
    assert_string_equal(result.output, "in and out");
    assert_string_equal(result.error, "blue\n");
    command_result_free(&result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_produced_is_read_back_whole),
        cmocka_unit_test(only_an_uncommitted_reader_sees_an_aborted_transaction),
        cmocka_unit_test(kafka_keeps_its_records_over_a_stop_and_a_kill),
        cmocka_unit_test(a_group_that_never_committed_has_no_offset),
        cmocka_unit_test(a_deleted_topic_can_be_created_anew),
        cmocka_unit_test(redis_keeps_its_data_over_a_stop_and_a_kill),
        cmocka_unit_test(redis_can_be_configured_while_it_runs),
        cmocka_unit_test(a_server_that_is_closed_leaves_neither_process_nor_folder),
        cmocka_unit_test(a_command_gives_its_outputs_and_its_status),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_close);
}
