// What two blobs of an account mean, as bytes can differ where states do not: a blob also says how far its process had
// looked ahead, which depends on when the account came into memory. Two states are the same when they are so after the
// same tick. Main thread only.
#pragma once

#include <stdbool.h>

#include "tests/harness/kafka_client.h"

struct states;

// `rules_path`: the rules of both. states_close the result.
void states_open(const char *rules_path, struct states **ret_states);

// The values of both records are blobs.
bool states_are_same(struct states *states, const struct kafka_record *a, const struct kafka_record *b);
void states_close(struct states *states);
