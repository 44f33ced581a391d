/* Any bytes as a line of JSON: whatever is taken is what the engine may rely on. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "consumer/json_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct text text) {
    assert(!text_is_missing(text) && text_is_utf8(text));
}

static void check_event(const struct event *event) {
    assert(event->stream < STREAMS);
    const struct stream_schema *schema = &stream_schemas[event->stream];
    check_text(event->account_id);
    assert(event->account_id.size >= 1 && event->account_id.size <= ID_SIZE_MAX);
    assert(text_is_missing(event->event_id) == (event->stream == STREAM_ACCOUNT));
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        const struct field *field = &schema->fields[i];
        if (!event_has(event, i))
            continue;
        if (field->type == FIELD_STRING)
            check_text(event->fields[i].text);
        else if (field->type == FIELD_ENUM)
            assert(event->fields[i].number < field->symbols_count);
        else if (field->type != FIELD_MAP)
            assert(isfinite(event->fields[i].number));
    }
    for (uint32_t i = 0; i < event->entries_count; i++) {
        check_text(event->entries[i].key);
        check_text(event->entries[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct json_lines *reader;
    struct file_record record;
    struct error error;
    if (reader == NULL && json_lines_create(&reader, &error) != RESULT_OK)
        abort();
    struct text line = {(const char *)data, (uint32_t)size};
    if (data == NULL || json_line_is_blank(line))
        return 0;
    json_lines_clear(reader);
    if (json_lines_read(reader, line, STREAMS, &record, &error) == RESULT_OK)
        check_event(&record.event);
    else
        assert(error.text[0] != '\0');
    return 0;
}
