/* Any bytes as an account's blob, as a store that was damaged might hand them out: refused, or a state that can be
 * looked at, evaluated and encoded again, into a blob that is good. */
#include <assert.h>
#include <stdint.h>

#include "config/yaml.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    static struct engine *engine;
    struct state_bytes state;
    struct error error;
    if (engine == NULL)
        engine = make_engine(&arena);
    if (engine_decode(engine, data, size, NULL, INSTANT_NONE, &state, &error) == RESULT_OK)
        use(engine, state);
    return 0;
}
