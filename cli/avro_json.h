/* Any Avro value as a JSON tree, to be shown: a union is the value of its branch, an instant ISO-8601 text, bytes text
 * with a character for each byte, a number that is not finite null. Bounded by the bytes that are there. Pure. */
#pragma once

#include <jansson.h>

#include "base/cursor.h"
#include "consumer/avro_schema.h"

#define AVRO_JSON_DEPTH_MAX 64
#define AVRO_JSON_ITEMS_MAX 100000 /* of arrays whose items take no bytes */

/* The next value; the caller's (json_decref). NULL where the bytes are malformed, or memory is out. */
json_t *avro_json_read(const struct schema *schema, struct cursor *cursor);
