#include "cli/rejection_log.h"

#include <inttypes.h>
#include <stdio.h>

/* `3 invalid-value, 1 undecodable`: what has come since it was told last; returns how many records that are. */
static uint64_t list_new(struct rejection_log *rejections, const struct status_view *view, char *ret_list,
                         size_t size) {
    uint64_t all = 0;
    size_t end = 0;
    ret_list[0] = '\0';
    for (uint32_t i = 0; i < REJECTION_REASONS; i++) {
        uint64_t count = status_counter(view, COUNTER_REJECTED + i), since = count - rejections->told[i];
        rejections->told[i] = count;
        if (since > 0 && end < size)
            end += (size_t)snprintf(ret_list + end, size - end, "%s%" PRIu64 " %s", all == 0 ? "" : ", ", since,
                                    rejection_definitions[i].name.data);
        all += since;
    }
    return all;
}

void rejection_log_look(struct rejection_log *rejections, const struct status_view *view, int64_t now_ms,
                        const struct logger *logger) {
    char list[512], line[1024];
    if (rejections->told_ms != 0 && now_ms - rejections->told_ms < REJECTION_TELL_MS)
        return;
    uint64_t count = list_new(rejections, view, list, sizeof list);
    if (count == 0)
        return;
    rejections->told_ms = now_ms;
    snprintf(line, sizeof line,
             "%" PRIu64 " %s rejected and put into the dead letters (%s); `bellwether tail --topic dead-letters "
             "--since 1h` says of each where it lies and what is wrong",
             count, count == 1 ? "record was" : "records were", list);
    logger->write(logger->context, LEVEL_WARNING, line);
}
