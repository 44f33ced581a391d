#include "cli/brokers.h"

#include "producer/topics.h"

#define MOMENT_MS 2000

enum result brokers_await(const struct setup *setup, int timeout_ms, struct error *error) {
    struct topics *topics;
    int moment_ms = timeout_ms < MOMENT_MS ? timeout_ms : MOMENT_MS;
    enum result result = topics_open(&setup->properties, NULL, &topics, error);
    if (result != RESULT_OK)
        return result;
    result = topics_look(topics, NULL, 0, NULL, moment_ms, error);
    if (result == RESULT_RETRY && timeout_ms > moment_ms) {
        error_prefix(error, "waiting for Kafka, up to %d s", timeout_ms / 1000);
        setup->logger.write(setup->logger.context, LEVEL_WARNING, error->text);
        result = topics_look(topics, NULL, 0, NULL, timeout_ms - moment_ms, error);
    }
    topics_close(topics);
    return result;
}
