/* A record that was read from a file. Plain data. */
#pragma once

#include "engine/core/event.h"

struct file_record {
    /* Its place: partition -1; the offset is the number of the line or of the record in its file, from 1; the timestamp
     * is `recorded_at`, or else the event's time. */
    struct event event;
    bool has_recorded_at; /* the file says when it was recorded */
};
