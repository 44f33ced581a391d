/* The questions of the source port, which change nothing. */
#include <stdlib.h>

#include "consumer/kafka_offsets.h"
#include "consumer/kafka_source_state.h"

static rd_kafka_topic_partition_list_t *list_of_inputs(const struct kafka_source *source,
                                                       const struct input_offset *positions, uint32_t count) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count + 1);
    for (uint32_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, source->options.topics[positions[i].input.stream],
                                          positions[i].input.partition);
    return list;
}

/* The library may answer in another order than it was asked. */
static int64_t offset_in(const struct kafka_source *source, rd_kafka_topic_partition_list_t *list, struct input input) {
    rd_kafka_topic_partition_t *found = rd_kafka_topic_partition_list_find(list, source->options.topics[input.stream],
                                                                           input.partition);
    return found == NULL || found->offset < 0 ? OFFSET_NONE : found->offset;
}

enum answer kafka_source_committed(void *context, struct input_offset *positions, uint32_t count, int timeout_ms,
                                   struct error *error) {
    struct kafka_source *source = context;
    rd_kafka_topic_partition_list_t *list = list_of_inputs(source, positions, count);
    enum answer answer = kafka_answer_set(error, rd_kafka_committed(source->handle.client, list, timeout_ms),
                                          "asking for the offsets of the group %s", source->options.group);
    for (int i = 0; i < list->cnt && answer == ANSWER_OK; i++)
        answer = kafka_answer_set(error, list->elems[i].err, "asking for the group's offset of %s [%d]",
                                  list->elems[i].topic, list->elems[i].partition);
    for (uint32_t i = 0; i < count && answer == ANSWER_OK; i++)
        positions[i].offset = offset_in(source, list, positions[i].input);
    rd_kafka_topic_partition_list_destroy(list);
    return answer == ANSWER_FATAL && kafka_source_is_fenced(source) ? ANSWER_PENDING : answer;
}

/* Asks for `what`, and for the end of those partitions that have nothing so late. */
static enum answer ask(struct kafka_source *source, struct input_offset *positions, uint32_t count, int64_t what,
                       int timeout_ms, struct error *error) {
    rd_kafka_topic_partition_list_t *list = list_of_inputs(source, positions, count);
    enum answer answer = count == 0 ? ANSWER_OK : kafka_offsets_ask(&source->handle, list, what, timeout_ms, error);
    for (uint32_t i = 0; i < count && answer == ANSWER_OK; i++)
        positions[i].offset = offset_in(source, list, positions[i].input);
    rd_kafka_topic_partition_list_destroy(list);
    return answer;
}

enum answer kafka_source_starts(void *context, struct input_offset *positions, uint32_t count, int timeout_ms,
                                struct error *error) {
    struct kafka_source *source = context;
    if (source->options.start == START_LATEST)
        return ask(source, positions, count, OFFSETS_LATEST, timeout_ms, error);
    if (source->options.start == START_EARLIEST || source->options.start_ms < 0)
        return ask(source, positions, count, OFFSETS_EARLIEST, timeout_ms, error);
    enum answer answer = ask(source, positions, count, source->options.start_ms, timeout_ms, error);
    for (uint32_t i = 0; i < count && answer == ANSWER_OK; i++)
        if (positions[i].offset == OFFSET_NONE)
            answer = ask(source, &positions[i], 1, OFFSETS_LATEST, timeout_ms, error);
    return answer;
}

enum answer kafka_source_bounds(void *context, const struct input *inputs, uint32_t count, struct bounds *ret_bounds,
                                int timeout_ms, struct error *error) {
    struct kafka_source *source = context;
    struct input_offset *positions = calloc((size_t)count + 1, sizeof *positions);
    if (positions == NULL) {
        error_set(error, RESULT_FATAL, "out of memory");
        return ANSWER_FATAL;
    }
    for (uint32_t i = 0; i < count; i++)
        positions[i].input = inputs[i];
    enum answer answer = ask(source, positions, count, OFFSETS_EARLIEST, timeout_ms, error);
    for (uint32_t i = 0; i < count && answer == ANSWER_OK; i++)
        ret_bounds[i].low = positions[i].offset;
    if (answer == ANSWER_OK)
        answer = ask(source, positions, count, OFFSETS_LATEST, timeout_ms, error);
    for (uint32_t i = 0; i < count && answer == ANSWER_OK; i++)
        ret_bounds[i].stable = positions[i].offset;
    free(positions);
    return answer;
}

enum answer kafka_source_timestamp(void *context, struct input input, int64_t offset, bool *ret_found,
                                   int64_t *ret_timestamp_ms, int timeout_ms, struct error *error) {
    struct kafka_source *source = context;
    return kafka_probe(&source->probe, source, input, offset, ret_found, ret_timestamp_ms, timeout_ms, error);
}
