/* Any Avro value as a JSON tree, to be shown: a union is the value of its branch, an instant ISO-8601 text, bytes text
 * with a character for each byte, a number that is not finite null. Pure.
 *
 * However little it takes to write that an array has a million nulls: there are no more values in it than bytes, and
 * AVRO_JSON_EMPTY_MAX. */
#pragma once

#include <jansson.h>

#include "base/cursor.h"
#include "consumer/avro_schema.h"

#define AVRO_JSON_DEPTH_MAX 64
#define AVRO_JSON_EMPTY_MAX 100000

/* The next value; the caller's (json_decref). NULL where the bytes are malformed, the values too many, or memory is
 * out. */
json_t *avro_json_read(const struct schema *schema, struct cursor *cursor);
