/* Any bytes as an account's blob, and as the layout that it is of, as a store that was damaged might hand them out:
 * refused, or a state that can be looked at, evaluated and encoded again, into a blob that is good. An input is the
 * size of a layout (16 bits; 0: the blob is of the rules below), the layout, and the blob. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/cursor.h"
#include "config/yaml.h"
#include "engine/core/blob.h"
#include "engine/core/engine.h"
#include "engine/core/rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] =
    "ruleset: fuzz\n"
    "scores:\n"
    "  churn_risk:\n"
    "    method: weighted\n"
    "    signals:\n"
    "      use: { value: 'count(usage, 30d)', curve: [[0, 1], [10, 0]], weight: 1 }\n"
    "      users: { value: 'distinct(login.user_id, 24h)', curve: [[0, 1], [9, 0]], weight: 1 }\n"
    "      best: { value: 'max(usage.quantity, 7d)', weight: 1 }\n"
    "      down: { value: 'trend(usage, 7d, 14d)', weight: 1 }\n"
    "dimensions:\n"
    "  risk: { score: churn_risk, bands: { low: 0, high: 50 } }\n"
    "  plan: { cases: [ { value_of: account.plan } ] }\n"
    "  action: { cases: [ { value_of: last(ticket.action) } ] }\n"
    "segments:\n"
    "  waiting: { when: 'open(ticket where severity == \"URGENT\") > 0', for: 1d, cooldown: 2d }\n"
    "  quiet: { when: 'since(login) > 7d or account.attributes[\"k\"] == \"v\"' }\n";

/* Made once, for all inputs. */
static struct engine *make_engine(struct arena *arena) {
    struct document document;
    struct problems problems;
    struct error error;
    const struct program *program;
    struct engine *engine;
    struct engine_options options = {.account_bytes_max = 512 * 1024, .live_from_ms = INSTANT_NONE};
    enum result result = yaml_read_text(text_of(rules), TEXT("rules"), arena, &document, &error);
    assert(result == RESULT_OK);
    result = rules_compile(&document, arena, &program, &problems);
    assert(result == RESULT_OK);
    result = engine_create(program, &options, &engine, &error);
    assert(result == RESULT_OK);
    return engine;
}

static volatile uint8_t seen;

/* Reads all of a text: what lies beyond its memory is noticed. */
static void read_text(struct text text) {
    for (uint32_t i = 0; i < text.size; i++)
        seen ^= (uint8_t)text.data[i];
}

static void read_facts(const struct event *facts) {
    const struct stream_schema *schema = &stream_schemas[STREAM_ACCOUNT];
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        if (!event_has(facts, i))
            continue;
        if (schema->fields[i].type == FIELD_STRING)
            read_text(facts->fields[i].text);
        else if (schema->fields[i].type == FIELD_ENUM)
            read_text(schema->fields[i].symbols[(uint32_t)facts->fields[i].number]);
    }
    for (uint32_t i = 0; i < facts->entries_count; i++) {
        read_text(facts->entries[i].key);
        read_text(facts->entries[i].value);
    }
}

static void read_status(struct engine *engine, struct state_bytes state) {
    struct clocks clocks = CLOCKS_INITIAL;
    struct status status;
    engine_status(engine, state, &clocks, &status);
    read_text(status.account_id);
    for (uint32_t i = 0; i < status.dimensions_count; i++)
        read_text(status.dimensions[i].value);
    for (uint32_t i = 0; i < status.segments_count; i++)
        read_text(status.segments[i].name);
    if (status.has_facts)
        read_facts(&status.facts);
}

static void use(struct engine *engine, struct state_bytes state) {
    struct clocks clocks = CLOCKS_INITIAL;
    struct step step;
    struct buffer blob = {0};
    struct error error;
    if (!state_is_erased(state)) {
        read_status(engine, state);
        engine_tick(engine, state, INT64_C(1767747600000), &clocks, &step);
        state = step.state;
    }
    engine_encode(engine, state, &blob);
    enum result result = engine_decode(engine, blob.data, blob.size, NULL, INSTANT_NONE, &state, &error);
    assert(result == RESULT_OK);
    buffer_free(&blob);
}

/* Takes the layout off the front; false where there is none that can be read. */
static bool take_layout(struct cursor *cursor, struct arena *arena, struct layouts *layouts) {
    struct error error;
    uint16_t size = cursor_u16(cursor);
    struct text bytes = cursor_text(cursor, size);
    return cursor_ok(cursor) && (size == 0 || layouts_add(layouts, bytes, arena, &error) == RESULT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    static struct engine *engine;
    struct arena of_layouts = {0};
    struct layouts layouts = {0};
    struct cursor cursor = cursor_of(data, size);
    struct buffer blob = {0};
    struct state_bytes state;
    struct error error;
    if (engine == NULL)
        engine = make_engine(&arena);
    if (take_layout(&cursor, &of_layouts, &layouts)) {
        buffer_put(&blob, cursor.at, cursor_left(&cursor));
        if (layouts.newest != NULL && blob.size >= LAYOUT_HASH_AT + sizeof(uint64_t))
            memcpy(blob.data + LAYOUT_HASH_AT, &layouts.newest->hash, sizeof(uint64_t));
        if (engine_decode(engine, blob.data, blob.size, &layouts, INSTANT_NONE, &state, &error) == RESULT_OK)
            use(engine, state);
    }
    buffer_free(&blob);
    arena_free(&of_layouts);
    return 0;
}
