/* Layouts: what a blob's slots were, for rules that never saw those it was written under. */
#include "engine/core/layout.h"

#include <stdlib.h>

#include "base/hash.h"
#include "engine/core/blob.h"
#include "tests/unit/rich_account.h"

static const char *const other_rules = "ruleset: other\nsegments:\n"
                                       "  troubled: { when: 'open(ticket where severity == \"URGENT\") > 0' }\n"
                                       "  busy: { when: 'count(usage, 30d) > 1' }\n";

static void a_layout_tells_what_a_programs_slots_are(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, rich_rules);
    const struct program *program = world.program;
    const struct layout *layout = layout_in(&world);
    uint32_t filters = 0;
    assert_int_equal(layout->hash, hash_text(layout->bytes));
    assert_int_equal(layout->aggregates_count, program->aggregates_count);
    for (uint32_t i = 0; i < program->aggregates_count; i++) {
        const struct aggregate *aggregate = &program->aggregates[i];
        assert_true(layout->fingerprints[i] == aggregate->fingerprint);
        assert_true(layout_has_aggregate(layout, aggregate->fingerprint));
        if (aggregate->kind != AGGREGATE_OPEN)
            continue;
        assert_true(layout->filters[aggregate->open_index] == aggregate->fingerprint);
        filters++;
    }
    assert_int_equal(filters, 1);
    assert_int_equal(layout->filters_count, filters);
    assert_false(layout_has_aggregate(layout, 1));
    assert_int_equal(layout->dimensions_count, 1);
    assert_true(text_equals(layout->dimensions[0].name, "plan"));
    assert_int_equal(layout->segments_count, 3);
    assert_true(text_equals(layout->segments[1].name, "waiting"));
    assert_true(layout->segments[1].count_hash == program->segments[1].count_hash);
    world_end(&world);
}

static void rules_that_differ_only_in_what_a_dimension_decides_by_share_a_layout(void **state) {
    (void)state;
    struct world one, other, more, longer, fewer;
    world_begin(&one, "ruleset: one\ndimensions:\n"
                      "  size: { cases: [ { when: 'account.seats > 5', value: big }, { value: small } ] }\n");
    world_begin(&other, "ruleset: other\ndimensions:\n"
                        "  size: { cases: [ { when: 'account.seats > 9', value: big }, { value: small } ] }\n");
    world_begin(&more, "ruleset: more\ndimensions:\n"
                       "  size: { cases: [ { when: 'account.seats > 9', value: huge }, { value: small } ] }\n");
    assert_true(one.program->hash != other.program->hash);
    assert_true(layout_in(&one)->hash == layout_in(&other)->hash);
    assert_true(layout_in(&other)->hash != layout_in(&more)->hash);
    assert_true(text_equals(layout_in(&more)->dimensions[0].values[0], "huge"));
    world_begin(&longer, "ruleset: longer\nsegments: { busy: { when: 'count(usage, 30d) > 2', for: 1d } }\n");
    world_begin(&fewer, "ruleset: fewer\nsegments: { busy: { when: 'count(usage, 30d) > 1', for: 1d } }\n");
    assert_true(layout_in(&longer)->hash != layout_in(&fewer)->hash); /* A count for `for` does not go on. */
    world_end(&longer);
    world_end(&fewer);
    world_end(&one);
    world_end(&other);
    world_end(&more);
}

static void layouts_are_found_again_after_they_were_stored(void **state) {
    (void)state;
    struct world rich, other;
    struct arena arena = {0};
    struct layouts known = {0}, again = {0};
    struct error error;
    world_begin(&rich, rich_rules);
    world_begin(&other, other_rules);
    assert_null(layouts_find(&known, layout_in(&rich)->hash));
    for (int i = 0; i < 2; i++) { /* The second time nothing happens. */
        assert_int_equal(layouts_add(&known, layout_in(&rich)->bytes, &arena, &error), RESULT_OK);
        assert_int_equal(layouts_add(&known, layout_in(&other)->bytes, &arena, &error), RESULT_OK);
    }
    struct buffer stored = {0}, twice = {0};
    layouts_encode(&known, &stored);
    assert_int_equal(layouts_add_all(&again, buffer_text(&stored), &arena, &error), RESULT_OK);
    assert_int_equal(layouts_add_all(&again, buffer_text(&stored), &arena, &error), RESULT_OK);
    layouts_encode(&again, &twice);
    assert_int_equal(twice.size, stored.size);
    assert_true(text_equal(layouts_find(&again, layout_in(&rich)->hash)->bytes, layout_in(&rich)->bytes));
    assert_true(text_equals(layouts_find(&again, layout_in(&other)->hash)->segments[0].name, "troubled"));
    assert_null(layouts_find(&again, layout_in(&other)->hash + 1));
    struct text cut = {(const char *)stored.data, (uint32_t)stored.size - 1};
    struct layouts none = {0};
    assert_int_equal(layouts_add_all(&none, cut, &arena, &error), RESULT_REJECT);
    buffer_free(&stored);
    buffer_free(&twice);
    arena_free(&arena);
    world_end(&rich);
    world_end(&other);
}

static void a_blob_without_its_layout_is_refused_and_that_of_an_erased_account_needs_none(void **state) {
    (void)state;
    struct world rich, other;
    struct buffer blob = {0};
    struct state_bytes bound;
    struct error error;
    begin_rich(&rich, &blob);
    world_begin(&other, other_rules);
    struct engine *engine = replay_engine(other.replay);
    assert_int_equal(engine_decode(engine, blob.data, blob.size, NULL, INSTANT_NONE, &bound, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "its layout, "));
    world_take_string(&rich, "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":\"2026-01-08T00:00:00Z\","
                             "\"deleted\":true}");
    buffer_clear(&blob);
    encode_account(&rich, &blob);
    assert_int_equal(engine_decode(engine, blob.data, blob.size, NULL, INSTANT_NONE, &bound, &error), RESULT_OK);
    assert_true(state_is_erased(bound));
    buffer_free(&blob);
    world_end(&rich);
    world_end(&other);
}

/* The blob is of that layout, whatever it says of itself: refused, or a state all the same, and never a stray read. */
static void bind_with(struct world *world, struct buffer *blob, const char *bytes, uint32_t size) {
    struct arena arena = {0};
    struct layouts layouts = {0};
    struct state_bytes bound;
    struct error error;
    enum result result = layouts_add(&layouts, (struct text){bytes, size}, &arena, &error);
    assert_true(result == RESULT_REJECT || result == RESULT_OK);
    if (result == RESULT_OK) {
        memcpy(blob->data + LAYOUT_HASH_AT, &layouts.newest->hash, sizeof layouts.newest->hash);
        result = engine_decode(replay_engine(world->replay), blob->data, blob->size, &layouts, INSTANT_NONE, &bound,
                               &error);
        assert_true(result == RESULT_REJECT || (result == RESULT_OK && bound.size > 0));
    }
    arena_free(&arena);
}

static void a_layout_that_is_cut_off_or_bent_is_refused_or_leads_to_no_stray_read(void **state) {
    (void)state;
    struct world rich, other;
    struct buffer blob = {0};
    begin_rich(&rich, &blob);
    world_begin(&other, other_rules);
    struct text bytes = layout_in(&rich)->bytes;
    char *bent = malloc(bytes.size);
    assert_non_null(bent);
    memcpy(bent, bytes.data, bytes.size);
    for (uint32_t i = 0; i < bytes.size * 8; i++) {
        bent[i / 8] = (char)(bent[i / 8] ^ 1 << i % 8);
        bind_with(&other, &blob, bent, bytes.size);
        bind_with(&rich, &blob, bent, bytes.size);
        bent[i / 8] = (char)(bent[i / 8] ^ 1 << i % 8);
    }
    struct arena arena = {0};
    struct layouts layouts = {0};
    struct error error;
    for (uint32_t size = 0; size < bytes.size; size++)
        assert_int_equal(layouts_add(&layouts, (struct text){bent, size}, &arena, &error), RESULT_REJECT);
    bent[0] = 9;
    assert_int_equal(layouts_add(&layouts, (struct text){bent, bytes.size}, &arena, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "is of version 9, this program reads version 1"));
    assert_null(layouts.newest);
    arena_free(&arena);
    free(bent);
    buffer_free(&blob);
    world_end(&rich);
    world_end(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layout_tells_what_a_programs_slots_are),
        cmocka_unit_test(rules_that_differ_only_in_what_a_dimension_decides_by_share_a_layout),
        cmocka_unit_test(layouts_are_found_again_after_they_were_stored),
        cmocka_unit_test(a_blob_without_its_layout_is_refused_and_that_of_an_erased_account_needs_none),
        cmocka_unit_test(a_layout_that_is_cut_off_or_bent_is_refused_or_leads_to_no_stray_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
