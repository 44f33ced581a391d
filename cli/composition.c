#include "cli/composition.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/instant.h"

#define LATENESS_IN_RUN_MS (5 * MINUTE) /* where the rules give none */

/* What the allocator comes to by itself where the largest blocks are freed that it adapts to. */
#define KEPT_BLOCK_BYTES_MAX (32 * 1024 * 1024)
#define KEPT_BYTES_MAX       (64 * 1024 * 1024) /* at the end of a heap; a heap has no more */

/* The kernel gives up to 256 bytes without fail once it has begun to give any. */
static void fill_random(void *context, void *data, size_t size) {
    (void)context;
    for (uint8_t *at = data; size > 0;) {
        ssize_t got = getrandom(at, size < 256 ? size : 256, 0);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}

static void name_worker(const struct composition *composition, uint32_t number, struct worker_ports *ports) {
    const struct configuration *configuration = &composition->setup->configuration;
    /* The first worker has the instance's own name, so that one worker more or less renames no other. */
    if (number == 0)
        snprintf(ports->instance_id, sizeof ports->instance_id, "%s", configuration->kafka.instance_id.data);
    else
        snprintf(ports->instance_id, sizeof ports->instance_id, "%s" WORKER_SUFFIX "%u",
                 configuration->kafka.instance_id.data, number + 1);
    snprintf(ports->transactional_id, sizeof ports->transactional_id, "%s-%s", configuration->kafka.group.data,
             ports->instance_id);
}

static enum result open_source(const struct composition *composition, struct worker_ports *ports, struct error *error) {
    const struct setup *setup = composition->setup;
    const struct start_point *start = &setup->configuration.start;
    static const enum start kinds[] = {
        [START_POINT_EARLIEST] = START_EARLIEST,
        [START_POINT_LATEST] = START_LATEST,
        [START_POINT_INSTANT] = START_AT_INSTANT,
    };
    struct kafka_source_options source_options = {
        .properties = setup->consumer_properties,
        .group = setup->configuration.kafka.group.data,
        .instance_id = ports->instance_id,
        .session_timeout_ms = setup->configuration.kafka.session_timeout_ms,
        .partitions = composition->partitions,
        .start = kinds[start->kind],
        .start_ms = start->instant_ms,
        .logger = &setup->logger,
        .clock = &ports->clock,
    };
    memcpy(source_options.topics, setup->topics, sizeof source_options.topics);
    enum result result = kafka_source_create(&source_options, &ports->kafka_source, error);
    if (result == RESULT_OK)
        ports->source = kafka_source_port(ports->kafka_source);
    return result;
}

static enum result open_decoder(const struct composition *composition, struct worker_ports *ports,
                                struct error *error) {
    enum result result = value_decoder_create(&composition->schemas->decoder, &ports->value_decoder, error);
    if (result == RESULT_OK)
        ports->decoder = value_decoder_port(ports->value_decoder);
    return result;
}

static enum result open_sink(const struct composition *composition, struct worker_ports *ports, struct error *error) {
    const struct setup *setup = composition->setup;
    struct kafka_sink_options sink_options = {
        .properties = setup->properties,
        .transactional_id = ports->transactional_id,
        .transaction_timeout_ms = setup->configuration.kafka.transaction_timeout_ms,
        .value_bytes_max = client_value_bytes_max(setup->configuration.limits.account_bytes),
        .group_metadata = kafka_source_group_metadata,
        .logger = &setup->logger,
    };
    memcpy(sink_options.outputs, setup->outputs, sizeof sink_options.outputs);
    memcpy(sink_options.inputs, setup->topics, sizeof sink_options.inputs);
    enum result result = kafka_sink_create(&sink_options, &ports->kafka_sink, error);
    if (result == RESULT_OK)
        ports->sink = kafka_sink_port(ports->kafka_sink);
    return result;
}

static enum result open_encoder(const struct composition *composition, struct worker_ports *ports,
                                struct error *error) {
    const struct configuration *configuration = &composition->setup->configuration;
    struct encoder_options encoder_options = {
        .group = configuration->kafka.group,
        .changes = composition->changes,
        .statuses = composition->statuses,
        .registry_url = configuration->registry.url,
        .value_bytes_max = client_value_bytes_max(configuration->limits.account_bytes),
    };
    for (int i = 0; i < STREAMS; i++)
        encoder_options.topics[i] = configuration->streams.topics[i];
    return encoder_create(&encoder_options, &ports->encoder, error);
}

static enum result open_changelog(const struct composition *composition, struct worker_ports *ports,
                                  struct error *error) {
    const struct setup *setup = composition->setup;
    struct kafka_changelog_options changelog_options = {
        .properties = setup->consumer_properties,
        .topic = setup->outputs[OUTPUT_CHANGELOG],
        .partitions = composition->partitions,
        .logger = &setup->logger,
    };
    enum result result = kafka_changelog_create(&changelog_options, &ports->kafka_changelog, error);
    if (result == RESULT_OK)
        ports->changelog = kafka_changelog_port(ports->kafka_changelog);
    return result;
}

static enum result open_store(const struct composition *composition, struct worker_ports *ports, struct error *error) {
    const struct configuration *configuration = &composition->setup->configuration;
    const struct redis_address *address = &configuration->redis.url;
    struct redis_options redis_options = {
        .host = address->host.data,
        .port = address->port,
        .user = address->user.data,
        .password = address->password.data,
        .database = address->database,
        .group = configuration->kafka.group.data,
        .timeout_ms = configuration->redis.timeout_ms,
    };
    enum result result = redis_store_create(&redis_options, &ports->clock, &ports->redis_store, error);
    if (result == RESULT_OK)
        ports->store = redis_store_port(ports->redis_store);
    return result;
}

/* librdkafka allocates what it fetches and publishes, and frees it a batch later. The allocator would give these
 * megabytes back to the system whenever they come to lie at the end of a heap, and then ask for them again, page by
 * page: a tenth of what a record costs to consume. They are kept. And it would put small blocks aside when they are
 * freed, headers of changes most of them, and look all of those through for each large one that it is asked for. */
static void keep_memory(void) {
    (void)mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES_MAX);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES_MAX);
    (void)mallopt(M_MXFAST, 0);
}

enum result composition_open(const struct composition *composition, uint32_t number, struct worker_ports *ret_ports,
                             struct error *error) {
    struct worker_ports *ports = ret_ports;
    keep_memory();
    *ports = (struct worker_ports){.clock = composition->clock, .chance = {NULL, fill_random}};
    name_worker(composition, number, ports);
    enum result result = open_source(composition, ports, error);
    if (result == RESULT_OK)
        result = open_decoder(composition, ports, error);
    if (result == RESULT_OK)
        result = open_sink(composition, ports, error);
    if (result == RESULT_OK)
        result = open_encoder(composition, ports, error);
    if (result == RESULT_OK)
        result = open_changelog(composition, ports, error);
    if (result == RESULT_OK)
        result = open_store(composition, ports, error);
    ports->all = (struct pipeline_ports){
        .source = &ports->source,
        .decoder = &ports->decoder,
        .encoder = &ports->encoder,
        .sink = &ports->sink,
        .changelog = &ports->changelog,
        .store = &ports->store,
        .clock = &ports->clock,
        .chance = &ports->chance,
        .logger = &composition->setup->logger,
    };
    if (result != RESULT_OK)
        composition_close(ports);
    return result;
}

void composition_close(struct worker_ports *ports) {
    if (ports->redis_store != NULL)
        redis_store_free(ports->redis_store);
    if (ports->kafka_changelog != NULL)
        kafka_changelog_free(ports->kafka_changelog);
    if (ports->encoder.context != NULL)
        encoder_free(&ports->encoder);
    if (ports->kafka_sink != NULL)
        kafka_sink_free(ports->kafka_sink);
    if (ports->value_decoder != NULL)
        value_decoder_free(ports->value_decoder);
    if (ports->kafka_source != NULL)
        kafka_source_free(ports->kafka_source);
    *ports = (struct worker_ports){0};
}

struct pipeline_options composition_options(const struct composition *composition) {
    const struct configuration *configuration = &composition->setup->configuration;
    uint32_t streams = 0;
    for (int i = 0; i < STREAMS; i++)
        streams |= (uint32_t)configuration->streams.on[i] << i;
    return (struct pipeline_options){
        .cluster_id = text_of(composition->cluster_id),
        .group = configuration->kafka.group,
        .partitions = composition->partitions,
        .streams = streams,
        .partitioner = (enum partitioner)configuration->kafka.partitioner,
        .record_bytes_max = (size_t)configuration->limits.record_bytes,
        .account_bytes_max = (uint32_t)configuration->limits.account_bytes,
        .memory_bytes_max = (size_t)(configuration->limits.memory_bytes / configuration->workers),
        .live_from_ms = configuration->live_from_ms == INSTANT_UNSET ? INSTANT_NONE : configuration->live_from_ms,
        .lateness_ms = LATENESS_IN_RUN_MS,
        .merge_wait_max_ms = configuration->merge.wait_max_ms,
        .commit_interval_ms = configuration->commit.interval_ms,
        .commit_interval_max_ms = configuration->commit.interval_max_ms,
        .commit_bytes_max = (size_t)configuration->commit.bytes_max,
        .transaction_timeout_ms = configuration->kafka.transaction_timeout_ms,
        .end_slow_ms = configuration->kafka.end_slow_ms,
        .until_end = composition->until_end,
        .records_only = composition->records_only,
        .reactivate_rules = configuration->rules.reactivate,
    };
}
