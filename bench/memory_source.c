#include "bench/memory_source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/fail.h"
#include "consumer/own_schemas.h"

#define KEY_SIZE 16 /* "account-00000000" */

static void add_record(struct memory_source *source, const struct event *event, const struct framing *framing) {
    struct memory_topic *topic = &source->topics[event->stream];
    unsigned account;
    if (sscanf(event->account_id.data, "account-%u", &account) != 1)
        bench_fail("an account's id cannot be read back");
    size_t begin = source->values.size;
    event_write(event, framing, &source->values);
    topic->records[topic->count++] = (struct memory_record){
        .begin = begin,
        .size = (uint32_t)(source->values.size - begin),
        .account = account,
        .timestamp_ms = event->place.timestamp_ms,
    };
    while (source->keys.size <= (size_t)account * KEY_SIZE)
        buffer_printf(&source->keys, "account-%08zu", source->keys.size / KEY_SIZE);
}

void memory_source_fill(struct memory_source *source, const struct load *load) {
    struct event_maker maker = {.load = load};
    struct framing framings[STREAMS];
    struct own_schemas own;
    struct error error;
    must(own_schemas_load(&own, &error), &error);
    for (int i = 0; i < STREAMS; i++)
        framings[i] = (struct framing){.kind = FRAMING_SINGLE_OBJECT, .fingerprint = own.streams[i]->fingerprint};
    own_schemas_free(&own);
    *source = (struct memory_source){.inputs = {{STREAM_ACCOUNT, 0}, {STREAM_USAGE, 0}}};
    source->topics[STREAM_ACCOUNT].records = calloc(load_records(load) - load_uses(load), sizeof(struct memory_record));
    source->topics[STREAM_USAGE].records = calloc(load_uses(load), sizeof(struct memory_record));
    assert(source->topics[STREAM_ACCOUNT].records != NULL && source->topics[STREAM_USAGE].records != NULL);
    for (uint64_t i = 0; i < load_records(load); i++) {
        struct event event;
        load_event(&maker, i, &event);
        add_record(source, &event, &framings[event.stream]);
    }
    if (!buffer_ok(&source->values) || !buffer_ok(&source->keys))
        bench_fail("memory is out: the load does not fit");
}

void memory_source_free(struct memory_source *source) {
    buffer_free(&source->values);
    buffer_free(&source->keys);
    for (int i = 0; i < STREAMS; i++)
        free(source->topics[i].records);
}

/* ---- the port */

static void memory_poll(void *context, int timeout_ms, struct source_event *ret_event) {
    struct memory_source *source = context;
    (void)timeout_ms;
    *ret_event = (struct source_event){.kind = SOURCE_NOTHING};
    if (source->told)
        return;
    source->told = true;
    ret_event->kind = SOURCE_ASSIGNED;
    ret_event->inputs = source->inputs;
    ret_event->inputs_count = 2;
    ret_event->membership = (struct membership *)source; /* Nobody looks into it. */
}

static enum answer memory_assign(void *context, const struct input_offset *positions, uint32_t count,
                                 struct error *error) {
    struct memory_source *source = context;
    (void)error;
    for (int i = 0; i < STREAMS; i++)
        source->topics[i].assigned = false;
    for (uint32_t i = 0; i < count; i++) {
        struct memory_topic *topic = &source->topics[positions[i].input.stream];
        topic->assigned = true;
        topic->position = (uint64_t)positions[i].offset;
    }
    return ANSWER_OK;
}

static enum answer memory_unassign(void *context, struct error *error) {
    return memory_assign(context, NULL, 0, error);
}

static enum answer answer_all(struct input_offset *positions, uint32_t count, int64_t offset) {
    for (uint32_t i = 0; i < count; i++)
        positions[i].offset = offset;
    return ANSWER_OK;
}

static enum answer memory_committed(void *context, struct input_offset *positions, uint32_t count, int timeout_ms,
                                    struct error *error) {
    (void)context, (void)timeout_ms, (void)error;
    return answer_all(positions, count, OFFSET_NONE);
}

static enum answer memory_starts(void *context, struct input_offset *positions, uint32_t count, int timeout_ms,
                                 struct error *error) {
    (void)context, (void)timeout_ms, (void)error;
    return answer_all(positions, count, 0);
}

static enum answer memory_bounds(void *context, const struct input *inputs, uint32_t count, struct bounds *ret_bounds,
                                 int timeout_ms, struct error *error) {
    const struct memory_source *source = context;
    (void)timeout_ms, (void)error;
    for (uint32_t i = 0; i < count; i++)
        ret_bounds[i] = (struct bounds){0, (int64_t)source->topics[inputs[i].stream].count};
    return ANSWER_OK;
}

static enum answer memory_timestamp(void *context, struct input input, int64_t offset, bool *ret_found,
                                    int64_t *ret_timestamp_ms, int timeout_ms, struct error *error) {
    const struct memory_source *source = context;
    const struct memory_topic *topic = &source->topics[input.stream];
    (void)timeout_ms, (void)error;
    *ret_found = offset >= 0 && (uint64_t)offset < topic->count;
    if (*ret_found)
        *ret_timestamp_ms = topic->records[offset].timestamp_ms;
    return ANSWER_OK;
}

static void memory_fetch(void *context, struct input input, struct message *ret_messages, uint32_t max,
                         struct fetched *ret_fetched) {
    struct memory_source *source = context;
    struct memory_topic *topic = &source->topics[input.stream];
    uint32_t count = 0;
    *ret_fetched = (struct fetched){0, OFFSET_NONE};
    if (!topic->assigned)
        return;
    for (; count < max && topic->position < topic->count; count++, topic->position++) {
        const struct memory_record *record = &topic->records[topic->position];
        ret_messages[count] = (struct message){
            .stream = input.stream,
            .partition = input.partition,
            .offset = (int64_t)topic->position,
            .timestamp_ms = record->timestamp_ms,
            .key = {(const char *)source->keys.data + (size_t)record->account * KEY_SIZE, KEY_SIZE},
            .value = {(const char *)source->values.data + record->begin, record->size},
        };
    }
    *ret_fetched = (struct fetched){count, (int64_t)topic->position};
}

static void memory_release(void *context, const struct message *messages, uint32_t count) {
    (void)context, (void)messages, (void)count;
}

static uint32_t memory_headers(void *context, const struct message *message, struct header *ret_headers, uint32_t max) {
    (void)context, (void)message, (void)ret_headers, (void)max;
    return 0;
}

static void memory_release_membership(void *context, struct membership *membership) {
    (void)context, (void)membership;
}

static void memory_close(void *context, int timeout_ms) {
    (void)context, (void)timeout_ms;
}

struct source memory_source_port(struct memory_source *source) {
    return (struct source){
        .context = source,
        .poll = memory_poll,
        .assign = memory_assign,
        .unassign = memory_unassign,
        .committed = memory_committed,
        .starts = memory_starts,
        .bounds = memory_bounds,
        .timestamp = memory_timestamp,
        .fetch = memory_fetch,
        .release = memory_release,
        .headers = memory_headers,
        .release_membership = memory_release_membership,
        .close = memory_close,
    };
}
