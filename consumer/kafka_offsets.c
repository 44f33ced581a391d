#include "consumer/kafka_offsets.h"

#include <assert.h>

static enum answer worse(enum answer left, enum answer right) {
    return left > right ? left : right;
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
    return answer;
}
