/* One line of JSON into a record of its stream:
 *
 *     {"stream": "login", "event_id": "l1", "account_id": "a", "user_id": "u", "occurred_at": "2026-11-01T10:20:30Z"}
 *
 * docs/rules.md says what is valid. The line is read once, without a tree: each known key's value is remembered where
 * it lies (the last one, where a key stands twice), and then turned into the fields of the stream that "stream" names,
 * wherever in the object it stands.
 *
 * A reader belongs to one thread. The texts of a record are borrowed from the line and from the reader: they are valid
 * as long as the line is and until json_lines_clear. */
#pragma once

#include "base/result.h"
#include "consumer/file_record.h"

struct json_lines;

MUST_USE enum result json_lines_create(struct json_lines **ret_reader, struct error *error);
void json_lines_free(struct json_lines *reader);

/* Nothing but white space, which is no line at all. */
bool json_line_is_blank(struct text line);

/* `stream` is that of lines that name none; STREAMS: each must name its own. RESULT_REJECT: the line is not valid; the
 * error is the reason, without the line's number, and the record is of no use. RESULT_FATAL: out of memory. The
 * record's place is partition -1, offset 0. */
MUST_USE enum result json_lines_read(struct json_lines *reader, struct text line, enum stream stream,
                                     struct file_record *ret_record, struct error *error);

/* Ends the validity of all records so far; to be called once for a batch of lines. */
void json_lines_clear(struct json_lines *reader);
