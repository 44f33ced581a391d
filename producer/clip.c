#include "producer/clip.h"

struct text clip_text(struct text text) {
    if (text.size <= CLIPPED_BYTES_MAX)
        return text;
    uint32_t size = CLIPPED_BYTES_MAX;
    while (size > 0 && ((uint8_t)text.data[size] & 0xC0) == 0x80) /* a continuation byte would begin what is cut */
        size--;
    return (struct text){text.data, size};
}

struct change clip_change(const struct change *change) {
    struct change clipped = *change;
    clipped.from = clip_text(change->from);
    clipped.to = clip_text(change->to);
    clipped.lifecycle_stage = clip_text(change->lifecycle_stage);
    for (uint32_t i = 0; i < change->because_count; i++) {
        struct because *because = &clipped.because[i];
        because->condition = clip_text(because->condition);
        because->left.text = clip_text(because->left.text);
        because->right.text = clip_text(because->right.text);
    }
    clipped.facts.name = clip_text(change->facts.name);
    clipped.facts.owner = clip_text(change->facts.owner);
    clipped.facts.plan = clip_text(change->facts.plan);
    clipped.facts.currency = clip_text(change->facts.currency);
    return clipped;
}

struct status clip_status(const struct status *status) {
    struct status clipped = *status;
    const struct stream_schema *schema = &stream_schemas[STREAM_ACCOUNT];
    for (uint32_t i = 0; i < schema->fields_count; i++)
        if (schema->fields[i].type == FIELD_STRING && event_has(&status->facts, i))
            clipped.facts.fields[i].text = clip_text(status->facts.fields[i].text);
    clipped.facts.entries_count = 0;
    return clipped;
}
