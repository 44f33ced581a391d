/* What must hold of the topics before anything is read or written: docs/exactly-once.md, "Settings". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "producer/topics_state.h"

#define CLUSTER_ID_WAIT_MS 5000
#define REST_MS            50   /* between two questions about a topic that is just coming up */
#define START_WAIT_MS      2000 /* for an answer of leaders who may not be it any more */

struct examination {
    struct topics *topics;
    const struct topics_plan *plan;
    struct topics_report *report;
    struct topic_state inputs[STREAMS], outputs[OUTPUTS];
    int first_input; /* the first stream that is on and has a topic; STREAMS: none */
    int64_t deadline_ms;
};

static void find(struct examination *examination, bool is_warning, const char *format, ...) PRINTF_LIKE(3, 4);

static void find(struct examination *examination, bool is_warning, const char *format, ...) {
    struct topics_report *report = examination->report;
    if (report->findings_count == TOPIC_FINDINGS_MAX)
        return;
    struct topic_finding *finding = &report->findings[report->findings_count++];
    finding->is_warning = is_warning;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->error.text, sizeof finding->error.text, format, arguments);
    va_end(arguments);
}

/* ---- what there is */

static enum result look_at_all(struct examination *examination, struct error *error) {
    const struct topics_plan *plan = examination->plan;
    const char *names[STREAMS + OUTPUTS];
    struct topic_state states[STREAMS + OUTPUTS];
    for (int stream = 0; stream < STREAMS; stream++)
        names[stream] = plan->inputs[stream] == NULL ? "" : plan->inputs[stream];
    for (int output = 0; output < OUTPUTS; output++)
        names[STREAMS + output] = plan->outputs[output];
    enum result result = topics_look(examination->topics, names, STREAMS + OUTPUTS, states,
                                     client_left_ms(examination->deadline_ms), error);
    if (result != RESULT_OK)
        return result;
    examination->first_input = STREAMS;
    for (int stream = STREAMS - 1; stream >= 0; stream--) {
        examination->inputs[stream] = states[stream];
        if (states[stream].partitions > 0)
            examination->first_input = stream;
    }
    for (int output = 0; output < OUTPUTS; output++)
        examination->outputs[output] = states[STREAMS + output];
    return RESULT_OK;
}

/* ---- inputs */

static void examine_inputs(struct examination *examination) {
    const struct topics_plan *plan = examination->plan;
    const int first = examination->first_input;
    for (int stream = 0; stream < STREAMS; stream++) {
        const char *name = stream_schemas[stream].name.data;
        const struct topic_state *state = &examination->inputs[stream];
        if (plan->inputs[stream] == NULL)
            continue;
        if (state->partitions == 0)
            find(examination, false,
                 "The topic `%s` of the stream `%s` does not exist, or may not be described: create it, correct "
                 "`topics.%s`, or switch the stream off by `streams.%s: off`.",
                 plan->inputs[stream], name, name, name);
        else if (state->partitions != examination->inputs[first].partitions)
            find(examination, false,
                 "The topic `%s` has %" PRId32 " partitions and `%s` has %" PRId32
                 ": all inputs must have the same number, so that an account lies on the same one in each.",
                 plan->inputs[stream], state->partitions, plan->inputs[first], examination->inputs[first].partitions);
    }
    if (first == STREAMS)
        find(examination, false, "There is no input: no stream that is on has a topic.");
}

/* ---- the changelog */

/* Where the partitions begin. Those that were created a moment ago may have no leader that knows of it yet, and a
 * leader that gives no answer may have a follower by now: so it is looked again who leads before they are asked again.
 */
static rd_kafka_resp_err_t ask_for_starts(struct examination *examination,
                                          rd_kafka_topic_partition_list_t *partitions) {
    struct client *client = &examination->topics->client;
    for (;;) {
        struct error error;
        int left_ms = client_left_ms(examination->deadline_ms);
        rd_kafka_resp_err_t code = client_ask_offsets(client->handle, partitions, RD_KAFKA_OFFSET_BEGINNING,
                                                      left_ms < START_WAIT_MS ? left_ms : START_WAIT_MS);
        bool may_come = code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
                        code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                        code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (!may_come || left_ms == 0)
            return code;
        client_poll(client, REST_MS);
        if (look_at_all(examination, &error) != RESULT_OK)
            return code;
    }
}

static void judge_starts(struct examination *examination, const char *changelog,
                         const rd_kafka_topic_partition_list_t *partitions) {
    for (int i = 0; i < partitions->cnt; i++)
        if (partitions->elems[i].offset > 0)
            find(examination, false,
                 "The changelog `%s` lost its beginning: partition %" PRId32 " starts at offset %" PRId64
                 ", not 0. Records were deleted from it, so the state cannot be trusted any more.",
                 changelog, partitions->elems[i].partition, partitions->elems[i].offset);
}

/* RESULT_RETRY: nobody says where it begins, as while a partition is led by nobody. */
static enum result examine_log_start(struct examination *examination, const char *changelog, struct error *error) {
    const int32_t count = examination->outputs[OUTPUT_CHANGELOG].partitions;
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(count);
    rd_kafka_topic_partition_list_add_range(partitions, changelog, 0, count - 1);
    rd_kafka_resp_err_t code = ask_for_starts(examination, partitions);
    enum result result = RESULT_OK;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        judge_starts(examination, changelog, partitions);
    else if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        find(examination, false, "The changelog `%s` cannot be looked at: %s.", changelog, rd_kafka_err2str(code));
    else
        result = error_set(error, RESULT_RETRY,
                           "Where the partitions of the changelog `%s` begin is not told by their leaders: %s.",
                           changelog, rd_kafka_err2str(code));
    rd_kafka_topic_partition_list_destroy(partitions);
    return result;
}

/* The topic's setting as the answer has it, borrowed from it; NULL where it says nothing. */
static const char *find_setting(rd_kafka_event_t *event, const char *topic, const char *name) {
    size_t resources_count, entries_count;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &resources_count);
    for (size_t i = 0; i < resources_count; i++) {
        if (strcmp(rd_kafka_ConfigResource_name(resources[i]), topic) != 0 ||
            rd_kafka_ConfigResource_error(resources[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[i], &entries_count);
        for (size_t j = 0; j < entries_count; j++)
            if (strcmp(rd_kafka_ConfigEntry_name(entries[j]), name) == 0)
                return rd_kafka_ConfigEntry_value(entries[j]);
    }
    return NULL;
}

/* The configurations of the outputs that are there; NULL where none is, or no answer came in time. */
static rd_kafka_event_t *describe_outputs(struct examination *examination) {
    struct topics *topics = examination->topics;
    rd_kafka_ConfigResource_t *resources[OUTPUTS];
    char message[256];
    size_t count = 0;
    for (int output = 0; output < OUTPUTS; output++)
        if (examination->outputs[output].partitions > 0)
            resources[count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC,
                                                             examination->plan->outputs[output]);
    if (count == 0)
        return NULL;
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(topics->client.handle,
                                                                 RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, client_left_ms(examination->deadline_ms), message,
                                                    sizeof message);
    rd_kafka_DescribeConfigs(topics->client.handle, resources, count, options, topics->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    return topics_answer(topics, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT, examination->deadline_ms);
}

static void judge_changelog(struct examination *examination, const char *changelog, const char *policy) {
    if (policy == NULL)
        find(examination, true,
             "The configuration of the changelog `%s` cannot be read (it takes the permission DescribeConfigs): see "
             "for yourself that its cleanup.policy is `compact`.",
             changelog);
    else if (strcmp(policy, "compact") != 0)
        find(examination, false,
             "The changelog `%s` has the cleanup.policy `%s`, which deletes state: set it to `compact`.", changelog,
             policy);
}

/* Readers are promised each change, and a table. */
static void judge_output(struct examination *examination, enum output output, const char *policy) {
    const char *topic = examination->plan->outputs[output];
    if (policy == NULL)
        return;
    if (output == OUTPUT_STATUSES && strcmp(policy, "compact") != 0)
        find(examination, true,
             "The topic `%s` of the statuses has the cleanup.policy `%s`: an account of which nothing is published for "
             "long would be missing in it. Set it to `compact`.",
             topic, policy);
    if (output != OUTPUT_STATUSES && strstr(policy, "compact") != NULL)
        find(examination, true,
             "The topic `%s` has the cleanup.policy `%s`, which keeps the newest record of each account alone: a "
             "reader that comes late misses those before. Set it to `delete`.",
             topic, policy);
}

/* The largest record of an output, with its key and headers. */
static int64_t record_bytes_max(const struct examination *examination) {
    return (int64_t)examination->plan->value_bytes_max + RECORD_OVERHEAD_BYTES;
}

/* Brokers refuse what is larger each time that it comes, and with it the transaction. */
static void judge_size(struct examination *examination, const char *topic, const char *bytes_max) {
    int64_t batch = client_batch_bytes_max(rd_kafka_conf(examination->topics->client.handle));
    int64_t needed = record_bytes_max(examination) > batch ? record_bytes_max(examination) : batch;
    if (bytes_max != NULL && strtoll(bytes_max, NULL, 10) < needed)
        find(examination, false,
             "The topic `%s` has the max.message.bytes %s, and %" PRId64
             " bytes may come at once: set it to that at least, or a larger record stops its shard for good.",
             topic, bytes_max, needed);
}

static void examine_message_size(struct examination *examination) {
    int64_t bytes_max = client_number(rd_kafka_conf(examination->topics->client.handle), "message.max.bytes");
    if (client_is_set(&examination->topics->properties, "message.max.bytes") &&
        bytes_max < record_bytes_max(examination))
        find(examination, false,
             "The property `message.max.bytes` in kafka.properties is %" PRId64 ", and records are of up to %" PRId64
             " bytes: leave it out, or set it to that at least; a larger record stops its shard for good.",
             bytes_max, record_bytes_max(examination));
}

static void examine_settings(struct examination *examination) {
    rd_kafka_event_t *event = describe_outputs(examination);
    for (int output = 0; output < OUTPUTS; output++) {
        const char *topic = examination->plan->outputs[output];
        const char *policy = event == NULL ? NULL : find_setting(event, topic, "cleanup.policy");
        if (examination->outputs[output].partitions == 0)
            continue;
        if (output == OUTPUT_CHANGELOG)
            judge_changelog(examination, topic, policy);
        else
            judge_output(examination, (enum output)output, policy);
        judge_size(examination, topic, event == NULL ? NULL : find_setting(event, topic, "max.message.bytes"));
    }
    if (event != NULL)
        rd_kafka_event_destroy(event);
}

/* It was made with as many copies as the inputs; somebody may have made it before, or have given the inputs more. */
static void examine_copies(struct examination *examination, const char *changelog) {
    const int32_t copies = examination->outputs[OUTPUT_CHANGELOG].replication;
    for (int stream = 0; stream < STREAMS; stream++)
        if (examination->inputs[stream].partitions > 0 && examination->inputs[stream].replication > copies) {
            find(examination, true,
                 "The changelog `%s` has %" PRId32 " copies of each partition, and the input `%s` has %" PRId32
                 ": a broker that is lost could take the state with it. Reassign it to as many.",
                 changelog, copies, examination->plan->inputs[stream], examination->inputs[stream].replication);
            return;
        }
}

static enum result examine_changelog(struct examination *examination, struct error *error) {
    const char *changelog = examination->plan->outputs[OUTPUT_CHANGELOG];
    const struct topic_state *state = &examination->outputs[OUTPUT_CHANGELOG];
    const int first = examination->first_input;
    if (state->partitions == 0)
        return RESULT_OK;
    if (first < STREAMS && state->partitions != examination->inputs[first].partitions)
        find(examination, false,
             "The changelog `%s` has %" PRId32 " partitions and the input `%s` has %" PRId32
             ". Their number is fixed for the life of a group: give the inputs their former number, or begin anew with "
             "another `kafka.group` and `topics.changelog`.",
             changelog, state->partitions, examination->plan->inputs[first], examination->inputs[first].partitions);
    examine_copies(examination, changelog);
    return examine_log_start(examination, changelog, error);
}

/* ---- outputs */

static void examine_outputs(struct examination *examination) {
    static const char *const options[OUTPUTS] = {"topics.changes", "topics.status", "topics.dead_letters",
                                                 "topics.changelog"};
    for (int output = 0; output < OUTPUTS; output++)
        if (examination->outputs[output].partitions == 0 && output != OUTPUT_CHANGELOG &&
            !examination->plan->create_outputs)
            find(examination, false,
                 "The topic `%s` does not exist, or may not be described: create it, correct `%s`, or allow it by "
                 "`kafka.create_topics: on`.",
                 examination->plan->outputs[output], options[output]);
}

static void take_cluster_id(struct examination *examination) {
    struct topics_report *report = examination->report;
    int left_ms = client_left_ms(examination->deadline_ms);
    char *id = rd_kafka_clusterid(examination->topics->client.handle,
                                  left_ms < CLUSTER_ID_WAIT_MS ? left_ms : CLUSTER_ID_WAIT_MS);
    snprintf(report->cluster_id, sizeof report->cluster_id, "%s", id == NULL ? "" : id);
    if (id != NULL)
        rd_kafka_mem_free(examination->topics->client.handle, id);
}

static enum result examine(struct examination *examination, struct error *error) {
    take_cluster_id(examination);
    examine_inputs(examination);
    examine_outputs(examination);
    examine_message_size(examination);
    if (examination->first_input < STREAMS)
        examination->report->partitions = examination->inputs[examination->first_input].partitions;
    enum result result = examine_changelog(examination, error);
    if (result == RESULT_OK)
        examine_settings(examination);
    return result;
}

enum result topics_check(struct topics *topics, const struct topics_plan *plan, struct topics_report *ret_report,
                         int timeout_ms, struct error *error) {
    *ret_report = (struct topics_report){0};
    struct examination examination = {
        .topics = topics, .plan = plan, .report = ret_report, .deadline_ms = client_now_ms() + timeout_ms};
    enum result result = look_at_all(&examination, error);
    return result == RESULT_OK ? examine(&examination, error) : result;
}

/* ---- making what is missing */

/* The brokers look at a compressed batch, whose own head is small. */
static uint32_t batch_bytes_max(const struct topics_plan *plan) {
    return plan->value_bytes_max > VALUE_BYTES_USUAL ? plan->value_bytes_max + 4 * RECORD_OVERHEAD_BYTES : 0;
}

/* The missing outputs, as they are to be: with the inputs' number of partitions, and as many copies. */
static uint32_t wishes_of(const struct examination *examination, struct topic_wish ret_wishes[OUTPUTS]) {
    const struct topic_state *like = &examination->inputs[examination->first_input];
    uint32_t count = 0;
    for (int output = 0; output < OUTPUTS; output++)
        if (examination->outputs[output].partitions == 0 &&
            (output == OUTPUT_CHANGELOG || examination->plan->create_outputs))
            ret_wishes[count++] = (struct topic_wish){
                .name = examination->plan->outputs[output],
                .partitions = like->partitions,
                .replication = like->replication,
                .is_compacted = output == OUTPUT_CHANGELOG || output == OUTPUT_STATUSES,
                .batch_bytes_max = batch_bytes_max(examination->plan),
            };
    return count;
}

static bool inputs_are_equal(const struct examination *examination) {
    for (int stream = 0; stream < STREAMS; stream++)
        if (examination->inputs[stream].partitions > 0 &&
            examination->inputs[stream].partitions != examination->inputs[examination->first_input].partitions)
            return false;
    return examination->first_input < STREAMS;
}

enum result topics_prepare(struct topics *topics, const struct topics_plan *plan, struct topics_report *ret_report,
                           int timeout_ms, struct error *error) {
    *ret_report = (struct topics_report){0};
    struct topic_wish wishes[OUTPUTS];
    struct examination examination = {
        .topics = topics, .plan = plan, .report = ret_report, .deadline_ms = client_now_ms() + timeout_ms};
    enum result result = look_at_all(&examination, error);
    if (result == RESULT_OK && inputs_are_equal(&examination))
        result = topics_create(topics, wishes, wishes_of(&examination, wishes), client_left_ms(examination.deadline_ms),
                               error);
    if (result == RESULT_OK)
        result = look_at_all(&examination, error);
    if (result == RESULT_OK)
        result = examine(&examination, error);
    if (result != RESULT_OK)
        return result;
    for (uint32_t i = 0; i < ret_report->findings_count; i++)
        if (!ret_report->findings[i].is_warning) {
            *error = ret_report->findings[i].error;
            return RESULT_REJECT;
        }
    return RESULT_OK;
}
