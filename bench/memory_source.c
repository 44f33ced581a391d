#include "bench/memory_source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/fail.h"
#include "consumer/own_schemas.h"

#define KEY_SIZE 16 /* "account-00000000" */

/* What is made as it is fetched: facts of all accounts are the load's first events, their first uses the next. */
static uint64_t fleeting_of(const struct load *load, enum stream stream) {
    if (load->kind != LOAD_STEADY)
        return 0;
    return stream == STREAM_ACCOUNT ? load->accounts : (uint64_t)load->accounts * load->prelude;
}

static void make_fleeting(const struct memory_source *source, enum stream stream, uint64_t offset,
                          struct event_maker *maker, struct event *ret_event) {
    maker->load = &source->load;
    load_event(maker, stream == STREAM_ACCOUNT ? offset : source->load.accounts + offset, ret_event);
    assert(ret_event->stream == stream);
}

static uint32_t account_of(const struct event *event) {
    unsigned account;
    if (sscanf(event->account_id.data, "account-%u", &account) != 1)
        bench_fail("an account's id cannot be read back");
    return account;
}

static void add_record(struct memory_source *source, const struct event *event) {
    struct memory_topic *topic = &source->topics[event->stream];
    size_t begin = source->values.size;
    event_write(event, &source->framings[event->stream], &source->values);
    topic->records[topic->count++ - topic->fleeting] = (struct memory_record){
        .begin = begin,
        .size = (uint32_t)(source->values.size - begin),
        .account = account_of(event),
        .timestamp_ms = event->place.timestamp_ms,
    };
}

static void open_topic(struct memory_source *source, enum stream stream, uint64_t records, bool fleeting) {
    struct memory_topic *topic = &source->topics[stream];
    topic->fleeting = topic->count = fleeting ? fleeting_of(&source->load, stream) : 0;
    topic->records = calloc(records - topic->fleeting + 1, sizeof *topic->records);
    topic->slots = calloc(MEMORY_SLOTS, sizeof *topic->slots);
    if (topic->records == NULL || topic->slots == NULL)
        bench_fail("memory is out: the load does not fit");
}

void memory_source_fill(struct memory_source *source, const struct load *load, bool fleeting) {
    struct event_maker maker = {.load = load};
    struct own_schemas own;
    struct error error;
    *source = (struct memory_source){.load = *load, .inputs = {{STREAM_ACCOUNT, 0}, {STREAM_USAGE, 0}}};
    must(own_schemas_load(&own, &error), &error);
    for (int i = 0; i < STREAMS; i++)
        source->framings[i] = (struct framing){.kind = FRAMING_SINGLE_OBJECT,
                                               .fingerprint = own.streams[i]->fingerprint};
    own_schemas_free(&own);
    open_topic(source, STREAM_ACCOUNT, load_records(load) - load_uses(load), fleeting);
    open_topic(source, STREAM_USAGE, load_uses(load), fleeting);
    for (uint32_t i = 0; i < load->accounts; i++)
        buffer_printf(&source->keys, "account-%08u", i);
    for (uint64_t i = source->topics[STREAM_ACCOUNT].fleeting + source->topics[STREAM_USAGE].fleeting;
         i < load_records(load); i++) {
        struct event event;
        load_event(&maker, i, &event);
        add_record(source, &event);
    }
    if (!buffer_ok(&source->values) || !buffer_ok(&source->keys))
        bench_fail("memory is out: the load does not fit");
}

void memory_source_free(struct memory_source *source) {
    buffer_free(&source->values);
    buffer_free(&source->keys);
    for (int i = 0; i < STREAMS; i++) {
        for (int j = 0; j < MEMORY_SLOTS && source->topics[i].slots != NULL; j++)
            buffer_free(&source->topics[i].slots[j]);
        free(source->topics[i].slots);
        free(source->topics[i].records);
    }
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
    if (!*ret_found)
        return ANSWER_OK;
    if ((uint64_t)offset < topic->fleeting) {
        struct event_maker maker;
        struct event event;
        make_fleeting(source, input.stream, (uint64_t)offset, &maker, &event);
        *ret_timestamp_ms = event.place.timestamp_ms;
    } else {
        *ret_timestamp_ms = topic->records[(uint64_t)offset - topic->fleeting].timestamp_ms;
    }
    return ANSWER_OK;
}

static struct text key_of(const struct memory_source *source, uint32_t account) {
    return (struct text){(const char *)source->keys.data + (size_t)account * KEY_SIZE, KEY_SIZE};
}

static void fetch_fleeting(struct memory_source *source, enum stream stream, struct message *message) {
    struct memory_topic *topic = &source->topics[stream];
    struct buffer *slot = &topic->slots[topic->position % MEMORY_SLOTS];
    struct event_maker maker;
    struct event event;
    make_fleeting(source, stream, topic->position, &maker, &event);
    buffer_clear(slot);
    event_write(&event, &source->framings[stream], slot);
    if (!buffer_ok(slot))
        bench_fail("memory is out: a record could not be made");
    message->key = key_of(source, account_of(&event));
    message->value = buffer_text(slot);
    message->timestamp_ms = event.place.timestamp_ms;
}

static void fetch_kept(const struct memory_source *source, enum stream stream, struct message *message) {
    const struct memory_topic *topic = &source->topics[stream];
    const struct memory_record *record = &topic->records[topic->position - topic->fleeting];
    message->key = key_of(source, record->account);
    message->value = (struct text){(const char *)source->values.data + record->begin, record->size};
    message->timestamp_ms = record->timestamp_ms;
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
        ret_messages[count] = (struct message){
            .stream = input.stream, .partition = input.partition, .offset = (int64_t)topic->position};
        if (topic->position < topic->fleeting)
            fetch_fleeting(source, input.stream, &ret_messages[count]);
        else
            fetch_kept(source, input.stream, &ret_messages[count]);
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
