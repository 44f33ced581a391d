#include "consumer/avro_file.h"

#include <string.h>
#include <zlib.h>

#define MAGIC_SIZE       4
#define HEADER_SIZE_MAX  (2 * SCHEMA_TEXT_MAX)
#define INFLATE_STEP     (256 * 1024)
#define METADATA_KEY_MAX 256

static const uint8_t magic[MAGIC_SIZE] = {'O', 'b', 'j', 1};

enum result avro_file_is_one(struct byte_source *bytes, bool *ret_is_one, struct error *error) {
    enum result result = byte_source_need(bytes, MAGIC_SIZE, error);
    if (result == RESULT_OK)
        *ret_is_one = byte_source_left(bytes) >= MAGIC_SIZE && memcmp(bytes->at, magic, MAGIC_SIZE) == 0;
    return result;
}

/* ---- the header ---- */

struct header_texts {
    struct text schema, codec;
};

/* A map of bytes, from which two entries are wanted. */
static bool read_metadata(struct cursor *cursor, struct header_texts *texts) {
    for (;;) {
        int64_t count = cursor_zigzag(cursor);
        if (count < 0) {
            cursor_zigzag(cursor);
            count = count == INT64_MIN ? 0 : -count;
        }
        if (!cursor_ok(cursor) || count == 0)
            return cursor_ok(cursor);
        for (int64_t i = 0; i < count && cursor_ok(cursor); i++) {
            int64_t key_size = cursor_zigzag(cursor);
            struct text key = cursor_text(cursor, key_size < 0 ? SIZE_MAX : (size_t)key_size);
            int64_t value_size = cursor_zigzag(cursor);
            struct text value = cursor_text(cursor, value_size < 0 ? SIZE_MAX : (size_t)value_size);
            if (text_equals(key, "avro.schema"))
                texts->schema = value;
            if (text_equals(key, "avro.codec"))
                texts->codec = value;
        }
    }
}

static enum result use_codec(struct avro_file *file, struct text codec, struct error *error) {
    file->deflated = text_equals(codec, "deflate");
    if (text_is_missing(codec) || text_equals(codec, "null") || file->deflated)
        return RESULT_OK;
    return error_set(error, RESULT_FATAL, "the Avro codec is %.*s; null and deflate can be read",
                     TEXT_ARGUMENTS(codec));
}

static enum result use_schema(struct avro_file *file, struct text json, const struct own_schemas *own,
                              enum stream stream, struct error *error) {
    if (text_is_missing(json))
        return error_set(error, RESULT_FATAL, "the Avro file has no schema");
    enum result result = schema_parse(json, NULL, &file->arena, &file->writer, error);
    if (result != RESULT_OK)
        return RESULT_FATAL;
    enum stream named = own_stream_of_record(file->writer->name);
    if (named != STREAMS)
        stream = named;
    if (stream == STREAMS) {
        char words[SCHEMA_WORDS_MAX];
        return error_set(error, RESULT_FATAL,
                         "the Avro file holds %s, expected records named Account, ProductUsage, Login, SupportTicket, "
                         "NpsResponse or CustomerEvent",
                         schema_words(file->writer, words));
    }
    result = avro_plan_compile(file->writer, stream, own->streams[stream]->schema, &file->arena, &file->plan, error);
    return result == RESULT_OK ? RESULT_OK : RESULT_FATAL;
}

/* Reads on until the whole header is there: how long it is, only its end tells. */
static enum result read_header(struct avro_file *file, struct header_texts *texts, struct error *error) {
    for (size_t size = 4096;; size *= 2) {
        enum result result = byte_source_need(file->bytes, size, error);
        if (result != RESULT_OK)
            return result;
        struct cursor cursor = cursor_of(file->bytes->at, byte_source_left(file->bytes));
        *texts = (struct header_texts){0};
        const uint8_t *sync = NULL;
        if (cursor_take(&cursor, MAGIC_SIZE) != NULL && read_metadata(&cursor, texts))
            sync = cursor_take(&cursor, AVRO_SYNC_SIZE);
        if (sync != NULL) {
            memcpy(file->sync, sync, AVRO_SYNC_SIZE);
            file->bytes->at = cursor.at;
            return RESULT_OK;
        }
        if (file->bytes->at_end || size > HEADER_SIZE_MAX)
            return error_set(error, RESULT_FATAL, "the Avro file's header is damaged or cut off");
    }
}

enum result avro_file_open(struct avro_file *file, struct byte_source *bytes, const struct own_schemas *own,
                           enum stream stream, struct error *error) {
    *file = (struct avro_file){.bytes = bytes};
    struct header_texts texts;
    enum result result = read_header(file, &texts, error);
    if (result == RESULT_OK)
        result = use_codec(file, texts.codec, error);
    if (result == RESULT_OK)
        result = use_schema(file, texts.schema, own, stream, error);
    return result;
}

void avro_file_close(struct avro_file *file) {
    avro_decoder_free(&file->decoder);
    arena_free(&file->arena);
    buffer_free(&file->inflated);
}

/* ---- blocks ---- */

static enum result damaged(const struct avro_file *file, const char *what, struct error *error) {
    return error_set(error, RESULT_FATAL, "block %llu of the Avro file %s", (unsigned long long)file->blocks, what);
}

/* Appends what the stream gives, step by step; what zlib says at its end. */
static int inflate_stream(z_stream *stream, struct buffer *out) {
    int status = Z_OK;
    while (status == Z_OK && out->size < AVRO_BLOCK_SIZE_MAX) {
        uint8_t *room = buffer_extend(out, INFLATE_STEP);
        if (room == NULL)
            return Z_MEM_ERROR;
        stream->next_out = room;
        stream->avail_out = INFLATE_STEP;
        status = inflate(stream, Z_NO_FLUSH);
        out->size -= stream->avail_out;
    }
    return status;
}

static enum result inflate_block(struct avro_file *file, const uint8_t *data, size_t size, struct error *error) {
    buffer_clear(&file->inflated);
    z_stream stream = {.next_in = (uint8_t *)data, .avail_in = (unsigned)size};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return error_set(error, RESULT_FATAL, "out of memory");
    int status = inflate_stream(&stream, &file->inflated);
    inflateEnd(&stream);
    if (status == Z_MEM_ERROR)
        return error_set(error, RESULT_FATAL, "out of memory");
    if (status == Z_OK)
        return damaged(file, "is larger than 64 MiB", error);
    if (status != Z_STREAM_END)
        return damaged(file, "is no deflated data", error);
    file->block = cursor_of(file->inflated.data, file->inflated.size);
    return RESULT_OK;
}

/* The block's two numbers. */
static enum result read_block_start(struct avro_file *file, int64_t *ret_count, int64_t *ret_size,
                                    struct error *error) {
    enum result result = byte_source_need(file->bytes, 2 * VARINT_SIZE_MAX, error);
    if (result != RESULT_OK)
        return result;
    struct cursor cursor = cursor_of(file->bytes->at, byte_source_left(file->bytes));
    int64_t count = cursor_zigzag(&cursor), size = cursor_zigzag(&cursor);
    if (!cursor_ok(&cursor) || count < 0 || size < 0)
        return damaged(file, "begins with a malformed count or size", error);
    if (size > AVRO_BLOCK_SIZE_MAX)
        return damaged(file, "is larger than 64 MiB", error);
    file->bytes->at = cursor.at;
    *ret_count = count;
    *ret_size = size;
    return RESULT_OK;
}

/* The bytes of a block stay in the window of the byte source until the next one is read. */
static enum result read_block(struct avro_file *file, struct error *error) {
    file->blocks++;
    int64_t count, size;
    enum result result = read_block_start(file, &count, &size, error);
    if (result == RESULT_OK)
        result = byte_source_need(file->bytes, (size_t)size + AVRO_SYNC_SIZE, error);
    if (result != RESULT_OK)
        return result;
    if (byte_source_left(file->bytes) < (size_t)size + AVRO_SYNC_SIZE)
        return damaged(file, "is cut off", error);
    const uint8_t *data = file->bytes->at;
    if (memcmp(data + size, file->sync, AVRO_SYNC_SIZE) != 0)
        return damaged(file, "does not end with the file's marker", error);
    file->bytes->at += (size_t)size + AVRO_SYNC_SIZE;
    file->block = cursor_of(data, (size_t)size);
    file->left = count;
    return file->deflated ? inflate_block(file, data, (size_t)size, error) : RESULT_OK;
}

/* ---- records ---- */

/* Goes behind a record that is refused; where its bytes can not be followed, behind its block. */
static void pass_over(struct avro_file *file, const uint8_t *record, struct error *error) {
    struct cursor cursor = {record, file->block.end, false};
    if (schema_skip(file->writer, &cursor)) {
        file->block = cursor;
        return;
    }
    struct error reason = *error;
    if (file->left > 0)
        error_set(error, RESULT_REJECT, "%s; so the %lld records behind it in its block are lost", reason.text,
                  (long long)file->left);
    file->number += (uint64_t)file->left;
    file->left = 0;
    file->block.at = file->block.end;
}

static enum result read_record(struct avro_file *file, struct file_record *record, struct error *error) {
    const uint8_t *start = file->block.at;
    file->left--;
    file->number++;
    struct rejection rejection;
    enum result result = avro_decode(&file->decoder, file->plan, &file->block, &record->event, &rejection);
    record->event.place = (struct place){-1, (int64_t)file->number, record->event.time_ms};
    record->has_recorded_at = false;
    if (result == RESULT_OK)
        return result;
    *error = rejection.detail;
    error_prefix(error, "record %llu", (unsigned long long)file->number);
    if (result == RESULT_REJECT)
        pass_over(file, start, error);
    return result;
}

enum result avro_file_next(struct avro_file *file, struct file_record *ret_record, bool *ret_end, struct error *error) {
    *ret_end = false;
    while (file->left == 0) {
        if (cursor_left(&file->block) > 0)
            return damaged(file, "has bytes behind its last record", error);
        enum result result = byte_source_need(file->bytes, 1, error);
        if (result == RESULT_OK && byte_source_left(file->bytes) == 0) {
            *ret_end = true;
            return RESULT_OK;
        }
        if (result == RESULT_OK)
            result = read_block(file, error);
        if (result != RESULT_OK)
            return result;
    }
    return read_record(file, ret_record, error);
}
