// Whether Redis is what it should be: a copy of the changelog. Main thread only.
#pragma once

#include "tests/faults/newest.h"
#include "tests/faults/story.h"

// Compares what the server holds of the group with the newest records of its changelog: of each account the state and
// the deadline, of each shard the record; nothing may be missing or too much. Returns the number of differences, and
// tells the first of each shard as violations (NULL: tells nothing).
size_t redis_copy_compare(const struct redis_server *server, const char *group, int partitions,
                          const struct newest *changelog, struct story *story);
