#include "consumer/kafka_offsets.h"

#include <assert.h>
#include <stdlib.h>

static enum answer worse(enum answer left, enum answer right) {
    return left > right ? left : right;
}

/* A client that fetches nothing keeps what it was told of a partition's leader for a quarter of an hour
 * (metadata.max.age.ms), whatever that leader answers by then, if it is there at all. Asks who leads now, of all topics
 * in one go: those of which there is a handle. */
static void ask_for_leaders(struct kafka_handle *handle, const rd_kafka_topic_partition_list_t *partitions,
                            int timeout_ms) {
    rd_kafka_topic_t **topics = calloc((size_t)partitions->cnt, sizeof(rd_kafka_topic_t *));
    const struct rd_kafka_metadata *metadata = NULL;
    for (int i = 0; i < partitions->cnt && topics != NULL; i++)
        topics[i] = rd_kafka_topic_new(handle->client, partitions->elems[i].topic, NULL);
    /* An answer that comes later counts as well. */
    if (rd_kafka_metadata(handle->client, 0, NULL, &metadata, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
    for (int i = 0; i < partitions->cnt && topics != NULL; i++)
        if (topics[i] != NULL)
            rd_kafka_topic_destroy(topics[i]);
    free(topics);
}

enum answer kafka_offsets_ask(struct kafka_handle *handle, rd_kafka_topic_partition_list_t *partitions,
                              int64_t instant_ms, int timeout_ms, struct error *error) {
    assert(partitions->cnt > 0);
    for (int i = 0; i < partitions->cnt; i++)
        partitions->elems[i].offset = instant_ms;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(handle->client, partitions, timeout_ms);
    enum answer answer = kafka_answer_set(error, code, "asking where partitions begin and end");
    for (int i = 0; i < partitions->cnt && answer == ANSWER_OK; i++) {
        const rd_kafka_topic_partition_t *partition = &partitions->elems[i];
        answer = worse(answer, kafka_answer_set(error, partition->err, "asking where %s [%d] begins and ends",
                                                partition->topic, partition->partition));
    }
    if (answer == ANSWER_PENDING)
        ask_for_leaders(handle, partitions, timeout_ms);
    return answer;
}
