#include "engine/core/event.h"

struct text event_entry(const struct event *event, struct text key) {
    for (uint32_t i = event->entries_count; i-- > 0;)
        if (text_equal(event->entries[i].key, key))
            return event->entries[i].value;
    return TEXT_MISSING;
}
