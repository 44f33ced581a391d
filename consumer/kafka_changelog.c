#include "consumer/kafka_changelog.h"

#include <assert.h>
#include <stdlib.h>

#include "consumer/kafka_offsets.h"
#include "consumer/partition_reader.h"

struct kafka_changelog {
    struct kafka_changelog_options options;
    struct kafka_handle committed, uncommitted;
    struct partition_reader **shards; /* by number; NULL: not open */
};

enum result kafka_changelog_create(const struct kafka_changelog_options *options,
                                   struct kafka_changelog **ret_changelog, struct error *error) {
    struct kafka_changelog *changelog = calloc(1, sizeof *changelog);
    if (changelog == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    changelog->options = *options;
    changelog->shards = calloc((size_t)options->partitions, sizeof(struct partition_reader *));
    enum result result = changelog->shards == NULL ? error_set(error, RESULT_FATAL, "out of memory") : RESULT_OK;
    if (result == RESULT_OK)
        result = partition_reader_handle(&changelog->committed, &options->properties, true, options->logger, error);
    if (result == RESULT_OK)
        result = partition_reader_handle(&changelog->uncommitted, &options->properties, false, options->logger, error);
    if (result == RESULT_OK)
        *ret_changelog = changelog;
    else
        kafka_changelog_free(changelog);
    return result;
}

static void changelog_close(void *context, int32_t shard) {
    struct kafka_changelog *changelog = context;
    struct partition_reader *reader = changelog->shards[shard];
    if (reader == NULL)
        return;
    partition_reader_close(reader);
    free(reader);
    changelog->shards[shard] = NULL;
}

void kafka_changelog_free(struct kafka_changelog *changelog) {
    if (changelog == NULL)
        return;
    for (int32_t i = 0; i < changelog->options.partitions && changelog->shards != NULL; i++)
        changelog_close(changelog, i);
    kafka_handle_close(&changelog->committed);
    kafka_handle_close(&changelog->uncommitted);
    free(changelog->shards);
    free(changelog);
}

static enum answer ask(struct kafka_handle *handle, rd_kafka_topic_partition_list_t *partition, int64_t what,
                       int timeout_ms, int64_t *ret_offset, struct error *error) {
    enum answer answer = kafka_offsets_ask(handle, partition, what, timeout_ms, error);
    if (answer == ANSWER_OK)
        *ret_offset = partition->elems[0].offset;
    return answer;
}

static enum answer changelog_bounds(void *context, int32_t shard, struct log_bounds *ret_bounds, int timeout_ms,
                                    struct error *error) {
    struct kafka_changelog *changelog = context;
    assert(shard >= 0 && shard < changelog->options.partitions);
    kafka_handle_serve(&changelog->uncommitted);
    rd_kafka_topic_partition_list_t *partition = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(partition, changelog->options.topic, shard);
    struct log_bounds bounds;
    enum answer answer = ask(&changelog->uncommitted, partition, OFFSETS_EARLIEST, timeout_ms, &bounds.low, error);
    if (answer == ANSWER_OK)
        answer = ask(&changelog->uncommitted, partition, OFFSETS_LATEST, timeout_ms, &bounds.high, error);
    if (answer == ANSWER_OK)
        answer = ask(&changelog->committed, partition, OFFSETS_LATEST, timeout_ms, &bounds.stable, error);
    rd_kafka_topic_partition_list_destroy(partition);
    if (answer == ANSWER_OK)
        *ret_bounds = bounds;
    return answer;
}

static enum answer changelog_open(void *context, int32_t shard, int64_t from_offset, struct error *error) {
    struct kafka_changelog *changelog = context;
    assert(shard >= 0 && shard < changelog->options.partitions);
    changelog_close(changelog, shard);
    struct partition_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        error_set(error, RESULT_FATAL, "out of memory");
        return ANSWER_FATAL;
    }
    enum answer answer = partition_reader_open(reader, &changelog->committed, changelog->options.topic, shard,
                                               from_offset, error);
    if (answer == ANSWER_OK)
        changelog->shards[shard] = reader;
    else
        free(reader);
    return answer;
}

static enum answer changelog_read(void *context, int32_t shard, struct log_record *ret_records, uint32_t max,
                                  int timeout_ms, uint32_t *ret_count, int64_t *ret_position, struct error *error) {
    struct kafka_changelog *changelog = context;
    struct partition_reader *reader = changelog->shards[shard];
    assert(reader != NULL);
    kafka_handle_serve(&changelog->committed);
    enum answer answer = partition_reader_read(reader, max, timeout_ms, error);
    if (answer != ANSWER_OK)
        return answer;
    for (uint32_t i = 0; i < reader->count; i++) {
        const rd_kafka_message_t *message = reader->messages[i];
        ret_records[i] = (struct log_record){
            .offset = message->offset,
            .key = {message->key, (uint32_t)message->key_len},
            .value = {message->payload, (uint32_t)message->len},
        };
    }
    *ret_count = reader->count;
    *ret_position = reader->position;
    return ANSWER_OK;
}

static void changelog_serve(void *context) {
    struct kafka_changelog *changelog = context;
    kafka_handle_serve(&changelog->committed);
    kafka_handle_serve(&changelog->uncommitted);
}

struct changelog kafka_changelog_port(struct kafka_changelog *changelog) {
    return (struct changelog){
        .context = changelog,
        .bounds = changelog_bounds,
        .open = changelog_open,
        .read = changelog_read,
        .close = changelog_close,
        .serve = changelog_serve,
    };
}
