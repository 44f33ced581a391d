#include "consumer/kafka_source_state.h"

#include <assert.h>

void kafka_probe_close(struct kafka_probe *probe) {
    partition_reader_close(&probe->reader);
    kafka_handle_close(&probe->handle);
}

static enum answer start(struct kafka_probe *probe, const struct kafka_source *source, struct input input,
                         int64_t offset, struct error *error) {
    if (probe->handle.client == NULL && partition_reader_handle(&probe->handle, &source->options.properties, true,
                                                                source->options.logger, error) != RESULT_OK)
        return ANSWER_FATAL;
    kafka_handle_serve(&probe->handle);
    bool same = probe->input.stream == input.stream && probe->input.partition == input.partition &&
                probe->offset == offset;
    if (probe->reader.topic != NULL && same)
        return ANSWER_OK;
    partition_reader_close(&probe->reader);
    probe->input = input;
    probe->offset = offset;
    return partition_reader_open(&probe->reader, &probe->handle, source->options.topics[input.stream], input.partition,
                                 offset, error);
}

/* An answer to the question: the record there, or that there is none. */
static enum answer read_one(struct kafka_probe *probe, int timeout_ms, bool *ret_found, int64_t *ret_timestamp_ms,
                            struct error *error) {
    enum answer answer = partition_reader_read(&probe->reader, 1, timeout_ms, error);
    if (answer == ANSWER_FAILED) { /* out of range: retention, or a shorter topic */
        *ret_found = false;
        return ANSWER_OK;
    }
    if (answer != ANSWER_OK)
        return answer;
    if (probe->reader.count == 0 && probe->reader.position == OFFSET_NONE)
        return ANSWER_PENDING;
    *ret_found = probe->reader.count > 0 && probe->reader.messages[0]->offset == probe->offset;
    if (*ret_found)
        *ret_timestamp_ms = rd_kafka_message_timestamp(probe->reader.messages[0], NULL);
    return ANSWER_OK;
}

enum answer kafka_probe(struct kafka_probe *probe, const struct kafka_source *source, struct input input,
                        int64_t offset, bool *ret_found, int64_t *ret_timestamp_ms, int timeout_ms,
                        struct error *error) {
    assert(offset >= 0);
    enum answer answer = start(probe, source, input, offset, error);
    if (answer == ANSWER_OK)
        answer = read_one(probe, timeout_ms, ret_found, ret_timestamp_ms, error);
    if (answer != ANSWER_PENDING)
        partition_reader_close(&probe->reader);
    return answer;
}
