#include "consumer/kafka_membership.h"

#include <stdlib.h>
#include <string.h>

static const char magic[] = {'C', 'G', 'M', 'D', 'v', '2', ':'};

/* "CGMDv2:", the generation (32 bits of the host), the group and a zero, the member id and a zero, the instance. The
 * library offers no other way to look into it. */
bool membership_is_valid(const void *data, size_t size) {
    const char *at = data, *end = at + size;
    int32_t generation;
    if (size < sizeof magic + sizeof generation || memcmp(at, magic, sizeof magic) != 0)
        return false;
    memcpy(&generation, at + sizeof magic, sizeof generation);
    at += sizeof magic + sizeof generation;
    const char *group_end = memchr(at, '\0', (size_t)(end - at));
    if (generation < 0 || group_end == NULL)
        return false;
    const char *member = group_end + 1;
    return member < end && *member != '\0' && memchr(member, '\0', (size_t)(end - member)) != NULL;
}

static bool is_member(const rd_kafka_consumer_group_metadata_t *metadata) {
    void *data = NULL;
    size_t size = 0;
    rd_kafka_error_t *failure = rd_kafka_consumer_group_metadata_write(metadata, &data, &size);
    bool valid = failure == NULL && membership_is_valid(data, size);
    if (failure != NULL)
        rd_kafka_error_destroy(failure);
    else
        rd_kafka_mem_free(NULL, data);
    return valid;
}

enum result membership_take(rd_kafka_t *client, struct membership **ret_membership, struct error *error) {
    struct membership *membership = calloc(1, sizeof *membership);
    if (membership == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    membership->metadata = rd_kafka_consumer_group_metadata(client);
    if (membership->metadata == NULL || !is_member(membership->metadata)) {
        membership_free(membership);
        return error_set(error, RESULT_REJECT, "the assignment came from a membership that has ended already");
    }
    *ret_membership = membership;
    return RESULT_OK;
}

void membership_free(struct membership *membership) {
    if (membership == NULL)
        return;
    if (membership->metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(membership->metadata);
    free(membership);
}
