/* Which member of which generation of a group a consumer is. */
#pragma once

#include "consumer/kafka_handle.h"

struct membership {
    rd_kafka_consumer_group_metadata_t *metadata;
};

/* A copy of what the client is now. RESULT_REJECT: it is no member at this moment (generation below 0, or no member
 * id); brokers take such metadata unchecked, so that nothing must ever be committed with it. RESULT_FATAL: memory is
 * out. */
MUST_USE enum result membership_take(rd_kafka_t *client, struct membership **ret_membership, struct error *error);
void membership_free(struct membership *membership);

/* Whether serialised metadata, as librdkafka writes it, is that of a member. */
bool membership_is_valid(const void *data, size_t size);
