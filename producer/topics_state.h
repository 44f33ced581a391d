/* What the files about topics share: topics.c (looking, creating), topics_check.c (what must hold of them). */
#pragma once

#include "producer/topics.h"

#define TOPICS_MAX 32 /* of one call; Bellwether's own are ten */

struct topics {
    struct client client;
    struct kafka_properties properties;
    rd_kafka_queue_t *answers; /* to requests of the admin interface */
};

rd_kafka_event_t *topics_answer(struct topics *topics, rd_kafka_event_type_t type, int64_t deadline_ms);
