#include "producer/clip.h"

struct text clip_text(struct text text, uint32_t bytes_max) {
    if (text.size <= bytes_max)
        return text;
    uint32_t size = bytes_max;
    while (size > 0 && ((uint8_t)text.data[size] & 0xC0) == 0x80) /* a continuation byte would begin what is cut */
        size--;
    return (struct text){text.data, size};
}

static void clip(struct text *text, uint32_t bytes_max) {
    *text = clip_text(*text, bytes_max);
}

struct change clip_change(const struct change *change, uint32_t bytes_max) {
    struct change clipped = *change;
    struct text *const texts[] = {
        &clipped.from,        &clipped.to,         &clipped.lifecycle_stage, &clipped.reasons_of, &clipped.facts.name,
        &clipped.facts.owner, &clipped.facts.plan, &clipped.facts.currency,  &clipped.ruleset,    &clipped.playbook};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        clip(texts[i], bytes_max);
    for (uint32_t i = 0; i < change->reasons_count; i++)
        clip(&clipped.reasons[i].signal, bytes_max);
    for (uint32_t i = 0; i < change->because_count; i++) {
        clip(&clipped.because[i].condition, bytes_max);
        clip(&clipped.because[i].left.text, bytes_max);
        clip(&clipped.because[i].right.text, bytes_max);
    }
    return clipped;
}

struct status clip_status(const struct status *status, uint32_t bytes_max, struct dimension_status *dimensions) {
    struct status clipped = *status;
    const struct stream_schema *schema = &stream_schemas[STREAM_ACCOUNT];
    for (uint32_t i = 0; i < schema->fields_count; i++)
        if (schema->fields[i].type == FIELD_STRING && event_has(&status->facts, i))
            clip(&clipped.facts.fields[i].text, bytes_max);
    clipped.facts.entries_count = 0;
    clip(&clipped.ruleset, bytes_max);
    for (uint32_t i = 0; i < status->dimensions_count; i++) {
        dimensions[i] = status->dimensions[i];
        clip(&dimensions[i].value, bytes_max);
    }
    clipped.dimensions = dimensions;
    return clipped;
}
