/* Records of an Avro object container file, of the codecs `null` and `deflate`. Read by our own decoder, block by
 * block: whatever the file holds, a block takes AVRO_BLOCK_SIZE_MAX at most, twice where it is deflated. A record's map
 * may take 16 times its bytes beside that: an entry of two empty texts has two bytes in the file. A record that is not
 * valid costs no other. One thread. */
#pragma once

#include "consumer/avro_decoder.h"
#include "consumer/byte_source.h"
#include "consumer/file_record.h"
#include "consumer/own_schemas.h"

#define AVRO_BLOCK_SIZE_MAX (64 * 1024 * 1024)
#define AVRO_SYNC_SIZE      16

struct avro_file {
    struct byte_source *bytes;
    const struct avro_plan *plan;
    const struct schema *writer;
    struct arena arena; /* schema and plan */
    struct avro_decoder decoder;
    bool deflated;
    uint8_t sync[AVRO_SYNC_SIZE];
    struct buffer inflated;

    struct cursor block; /* what is left of it */
    int64_t left;        /* records in the block that were not read yet */
    uint64_t number;     /* of the record that was read last, from 1 */
    uint64_t blocks;
};

/* Whether the file begins like one. */
MUST_USE enum result avro_file_is_one(struct byte_source *bytes, bool *ret_is_one, struct error *error);

/* Reads the header. The record's name tells the stream, or else it is `stream` (STREAMS: it must tell). RESULT_FATAL:
 * it can not be read, or its schema can not be resolved to ours. To be closed in any case. */
MUST_USE enum result avro_file_open(struct avro_file *file, struct byte_source *bytes, const struct own_schemas *own,
                                    enum stream stream, struct error *error);
void avro_file_close(struct avro_file *file);

/* The next record; borrowed until the next call. `*ret_end`: there is none. RESULT_REJECT: this one is not valid, or
 * the rest of its block is not. RESULT_FATAL: the file is damaged. */
MUST_USE enum result avro_file_next(struct avro_file *file, struct file_record *ret_record, bool *ret_end,
                                    struct error *error);
