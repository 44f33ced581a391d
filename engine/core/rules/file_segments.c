#include "engine/core/rules/file.h"

enum { TITLE, ABOUT, WHEN, UNTIL, FOR, MIN_DWELL, COOLDOWN, PLAYBOOK, SEGMENT_KEYS };
static const struct key segment_keys[SEGMENT_KEYS] = {
    [TITLE] = {TEXT("title"), NULL},
    [ABOUT] = {TEXT("about"), NULL},
    [WHEN] = {TEXT("when"), "what must hold to enter it, such as when: since(login) > 7d"},
    [UNTIL] = {TEXT("until"), NULL},
    [FOR] = {TEXT("for"), NULL},
    [MIN_DWELL] = {TEXT("min_dwell"), NULL},
    [COOLDOWN] = {TEXT("cooldown"), NULL},
    [PLAYBOOK] = {TEXT("playbook"), NULL},
};

void rules_read_segment(struct file *file, uint32_t index, const struct node *name, const struct node *node) {
    const struct node *values[SEGMENT_KEYS];
    struct subject subject = {"segment", name->text, node_position(name)};
    struct checked_rules *rules = file->rules;
    struct checked_segment *checked = &rules->segments[index];
    struct segment *segment = &checked->segment;
    struct scope scope = {
        rules, MEANING_SEGMENT, rules->metrics_count, rules->program.scores_count, rules->program.dimensions_count,
        index};
    segment->name = name->text;
    if (!settings_mapping(file->report, &subject, node, segment_keys, SEGMENT_KEYS, values))
        return;
    rules_read_prose(file, values[TITLE], values[ABOUT], &segment->title, &segment->about);
    rules_read_expression(file, &scope, "the `when` of a segment", BIT(TYPE_BOOLEAN), values[WHEN], &checked->when);
    rules_read_expression(file, &scope, "the `until` of a segment", BIT(TYPE_BOOLEAN), values[UNTIL], &checked->until);
    settings_duration(file->report, "`for`", values[FOR], &segment->for_ms);
    settings_duration(file->report, "`min_dwell`", values[MIN_DWELL], &segment->min_dwell_ms);
    settings_duration(file->report, "`cooldown`", values[COOLDOWN], &segment->cooldown_ms);
    settings_text(file->report, "`playbook`", values[PLAYBOOK], &segment->playbook);
}
