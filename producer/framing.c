#include "producer/framing.h"

#include <assert.h>

#include "producer/avro_encode.h"

static void put_prefix(const struct framing *framing, struct buffer *out) {
    switch (framing->kind) {
    case FRAMING_SINGLE_OBJECT:
        buffer_put_u8(out, 0xC3);
        buffer_put_u8(out, 0x01);
        buffer_put_u64(out, framing->fingerprint);
        break;
    case FRAMING_CONFLUENT:
        buffer_put_u8(out, 0);
        buffer_put_u32(out, __builtin_bswap32(framing->schema_id)); /* the one big-endian number of ours */
        break;
    case FRAMING_PLAIN:
    case FRAMING_JSON:
        break;
    }
}

void change_write(const struct change *change, const struct change_origin *origin, const struct framing *framing,
                  struct buffer *out) {
    put_prefix(framing, out);
    if (framing->kind == FRAMING_JSON)
        change_write_json(change, origin, out);
    else
        change_write_avro(change, origin, out);
}

void status_write(const struct status *status, const struct framing *framing, struct buffer *out) {
    put_prefix(framing, out);
    if (framing->kind == FRAMING_JSON)
        status_write_json(status, out);
    else
        status_write_avro(status, out);
}

void event_write(const struct event *event, const struct framing *framing, struct buffer *out) {
    assert(framing->kind != FRAMING_JSON);
    put_prefix(framing, out);
    event_write_avro(event, out);
}

struct text framing_content_type(const struct framing *framing) {
    return framing->kind == FRAMING_JSON ? TEXT("application/json") : TEXT("application/avro");
}
