#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/yaml.h"

/* --- Memory that runs out: the linker (--wrap=malloc) gives every call of malloc in the house to malloc_that_fails ---
 */

void *malloc_of_libc(size_t size) __asm__("__real_malloc");
void *malloc_that_fails(size_t size) __asm__("__wrap_malloc");

static int allocations_left = -1; /* negative: no end of them */

void *malloc_that_fails(size_t size) {
    if (allocations_left == 0)
        return NULL;
    allocations_left -= allocations_left > 0;
    return malloc_of_libc(size);
}

static struct arena arena;

static int start(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct node *read(const char *source) {
    struct document document;
    struct error error;
    enum result result = yaml_read_text(text_of(source), TEXT("a.yaml"), &arena, &document, &error);
    if (result != RESULT_OK)
        fail_msg("%s", error.text);
    assert_true(text_equals(document.file, "a.yaml"));
    return document.root;
}

static void assert_refused(struct text source, const char *expected) {
    struct document document = {TEXT("untouched"), NULL};
    struct error error;
    assert_int_equal(yaml_read_text(source, TEXT("a.yaml"), &arena, &document, &error), RESULT_REJECT);
    assert_string_equal(error.text, expected);
    assert_true(text_equals(document.file, "untouched"));
}

static void assert_text(const struct node *node, const char *expected) {
    assert_non_null(node);
    assert_int_equal(node->kind, NODE_SCALAR);
    assert_true(text_equals(node->text, expected));
}

static void reads_mappings_sequences_and_scalars_in_their_order(void **state) {
    (void)state;
    struct node *root = read("b: 1\na: [x, {y: z}]\n");
    assert_int_equal(root->kind, NODE_MAPPING);
    assert_int_equal(root->count, 2);
    assert_text(root->keys[0], "b");
    assert_text(root->keys[1], "a");
    const struct node *list = node_get(root, "a");
    assert_int_equal(list->kind, NODE_SEQUENCE);
    assert_int_equal(list->count, 2);
    assert_text(list->values[0], "x");
    assert_text(node_get(list->values[1], "y"), "z");
    assert_null(node_get(root, "c"));
}

static void takes_scalars_as_their_text(void **state) {
    (void)state;
    struct node *root = read("a: yes\nb: 010\nc: ~\nd: 2026-11-01\ne: '1'\nf:\n");
    assert_text(node_get(root, "a"), "yes");
    assert_text(node_get(root, "b"), "010");
    assert_text(node_get(root, "c"), "~");
    assert_text(node_get(root, "d"), "2026-11-01");
    assert_false(node_get(root, "d")->quoted);
    assert_true(node_get(root, "e")->quoted);
    assert_text(node_get(root, "f"), "");
}

static void finds_nothing_in_an_empty_file(void **state) {
    (void)state;
    assert_null(read(""));
    assert_null(read("# only a comment\n"));
    assert_null(read("---\n...\n"));
    assert_non_null(read("''"));
}

static void leaves_a_byte_order_mark_out(void **state) {
    (void)state;
    struct node *root = read("\xEF\xBB\xBF"
                             "a: b\n");
    assert_text(node_get(root, "a"), "b");
    assert_int_equal(root->keys[0]->position.column, 1);
}

/* `expected` names the place of each byte, and of what follows the last, as line:column. */
static void assert_places(const char *source, const char *expected) {
    const struct node *scalar = node_get(read(source), "a");
    char places[400] = "";
    size_t size = 0;
    for (uint32_t i = 0; i <= scalar->text.size; i++)
        size += (size_t)snprintf(places + size, sizeof places - size, "%s%u:%u", i == 0 ? "" : " ",
                                 scalar->places[i].line, scalar->places[i].column);
    assert_string_equal(places, expected);
}

static void knows_the_place_of_each_byte_of_a_plain_scalar(void **state) {
    (void)state;
    assert_places("a: xy # comment\n", "1:4 1:5 1:6");
    assert_places("a:   xy\n", "1:6 1:7 1:8");
    assert_places("a: x\n   y\n", "1:4 1:5 2:4 2:5");
    assert_places("a: x  \n\n\n   y\n", "1:4 1:5 1:5 4:4 4:5");
    assert_places("a: \xC3\xA9x\n", "1:4 1:4 1:5 1:6"); /* columns count characters */
    assert_places("a: x\r\n  y\r\n", "1:4 1:5 2:3 2:4");
    assert_places("a:\n", "1:3");
}

static void knows_the_place_of_each_byte_of_a_quoted_scalar(void **state) {
    (void)state;
    assert_places("a: 'x''y'\n", "1:5 1:6 1:8 1:9");
    assert_places("a: \"x\\ty\"\n", "1:5 1:6 1:8 1:9");
    assert_places("a: \"\\u00e9x\"\n", "1:5 1:5 1:11 1:12");
    assert_places("a: \"\\x41\\U0001F600z\"\n", "1:5 1:9 1:9 1:9 1:9 1:19 1:20");
    assert_places("a: \"x\n   y\"\n", "1:5 1:6 2:4 2:5");
    assert_places("a: \"x\\\n   y\"\n", "1:5 2:4 2:5");
    assert_places("a: 'x\n\n   y'\n", "1:5 1:6 3:4 3:5");
    assert_places("a: ''\n", "1:5");
}

static void knows_the_place_of_each_byte_of_a_block(void **state) {
    (void)state;
    assert_places("a: |\n  x\n   y\n", "2:3 2:4 3:3 3:4 3:5 4:1");
    assert_places("a: |-\n  x\n\n  y\n", "2:3 2:4 3:1 4:3 4:4");
    assert_places("a: >-\n  x\n  y\n", "2:3 2:4 3:3 3:4");
    assert_places("a: >-\n  x\n\n  y\n", "2:3 2:4 4:3 4:4");
    assert_places("a: >-  # why\n  x\n    y\n", "2:3 2:4 3:3 3:4 3:5 3:6");
    assert_places("a: |2-\n    x\n", "2:3 2:4 2:5 2:6");
}

static void refuses_a_key_twice(void **state) {
    (void)state;
    assert_refused(TEXT("a: 1\nb: 2\na: 3\n"), "a.yaml:3:1: the key `a` stands twice here; the first is at line 1");
    assert_non_null(read("a: {x: 1}\nb: {x: 1}\n"));
}

static void refuses_what_hides_meaning(void **state) {
    (void)state;
    assert_refused(TEXT("a: &x 1\n"),
                   "a.yaml:1:4: anchors are not allowed: `&x`; write the value out where it is used");
    assert_refused(TEXT("a: {b: &x {}}\n"),
                   "a.yaml:1:8: anchors are not allowed: `&x`; write the value out where it is used");
    assert_refused(TEXT("a: &x []\n"),
                   "a.yaml:1:4: anchors are not allowed: `&x`; write the value out where it is used");
    assert_refused(TEXT("a: *x\n"), "a.yaml:1:4: aliases are not allowed: `*x`; write the value out, or put text that "
                                    "begins with * in quotes");
    assert_refused(TEXT("a: !!int 1\n"), "a.yaml:1:4: tags are not allowed: `!!int`; values are taken as their text");
    assert_refused(TEXT("a: !x 1\n"), "a.yaml:1:4: tags are not allowed: `!x`; values are taken as their text");
    assert_refused(TEXT("a: 1\n---\na: 2\n"), "a.yaml:2:1: a second document begins here; a file holds one");
    assert_refused(TEXT("? [a]\n: 1\n"), "a.yaml:1:3: a key must be a single word or text, not a list or a mapping");
}

static void says_what_is_wrong_with_what_is_no_yaml(void **state) {
    (void)state;
    assert_refused(
        TEXT("a: [1\n"),
        "a.yaml:2:1: this is not YAML: did not find expected ',' or ']' while parsing a flow sequence that "
        "begins at line 1; look for a missing `,` or a closing bracket, and put a value that holds a comma or "
        "a bracket in quotes");
    assert_refused(TEXT("a:\n\tb: 1\n"),
                   "a.yaml:2:1: this is not YAML: found character that cannot start any token while scanning for the "
                   "next token that begins at line 2; a tab stands here: YAML is indented with spaces");
    assert_refused(TEXT("a: 1\nb: \x01\n"),
                   "a.yaml:1:1: this is not text that YAML allows: control characters are not allowed, at byte 8");
}

static void refuses_bytes_that_are_not_utf8(void **state) {
    (void)state;
    assert_refused(TEXT("a: 1\nb: \xFF\n"), "a.yaml:2:1: this line is not valid UTF-8; save the file as UTF-8");
    assert_refused(TEXT("a: 1\nb: \xC3"), "a.yaml:2:1: this line is not valid UTF-8; save the file as UTF-8");
}

static void refuses_more_than_its_bounds(void **state) {
    (void)state;
    char deep[2 * (YAML_DEPTH_MAX + 1) + 1];
    memset(deep, '[', YAML_DEPTH_MAX + 1);
    memset(deep + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
    deep[sizeof deep - 1] = 0;
    assert_refused(text_of(deep), "a.yaml:1:51: nested deeper than 50 levels");
    deep[sizeof deep - 2] = 0; /* one level less */
    assert_non_null(read(deep + 1));
    struct text large = {calloc(1, YAML_BYTES_MAX + 1), YAML_BYTES_MAX + 1};
    assert_non_null(large.data);
    assert_refused(large, "a.yaml:1:1: the file has more than 8388608 bytes");
    free((char *)large.data);
}

static void names_the_file_that_it_cannot_open(void **state) {
    (void)state;
    struct document document;
    struct error error;
    assert_int_equal(yaml_read_file("/nowhere/a.yaml", &arena, &document, &error), RESULT_REJECT);
    assert_string_equal(error.text, "/nowhere/a.yaml: cannot be opened: No such file or directory");
    assert_int_equal(yaml_read_file("/", &arena, &document, &error), RESULT_REJECT);
    assert_string_equal(error.text, "/: cannot be read: Is a directory");
}

static void reads_a_file(void **state) {
    (void)state;
    struct document document;
    struct error error;
    const char *path = BELLWETHER_SOURCE_DIR "/config/rules/default.yaml";
    assert_int_equal(yaml_read_file(path, &arena, &document, &error), RESULT_OK);
    assert_true(text_equals(document.file, path));
    assert_int_equal(document.root->kind, NODE_MAPPING);
}

static enum result read_with(int allocations, struct text source) {
    struct arena memory = {0};
    struct document document = {TEXT_MISSING, NULL};
    struct error error;
    allocations_left = allocations;
    enum result result = yaml_read_text(source, TEXT("a.yaml"), &memory, &document, &error);
    allocations_left = -1;
    if (result == RESULT_FATAL)
        assert_string_equal(error.text, "memory is out while reading a.yaml");
    assert_int_equal(result == RESULT_OK, document.root != NULL);
    arena_free(&memory);
    return result;
}

static void whichever_allocation_fails_is_fatal_and_leaks_nothing(void **state) {
    (void)state;
    static char source[40000];
    memset(source, 'x', sizeof source);
    memcpy(source, "a: [1, {b: 'c'}]\nd: ", 20); /* and a scalar whose places fill chunks of their own */
    struct text text = {source, sizeof source};
    int allocations = 0;
    for (; read_with(allocations, text) != RESULT_OK; allocations++)
        assert_int_equal(read_with(allocations, text), RESULT_FATAL);
    assert_true(allocations > 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_mappings_sequences_and_scalars_in_their_order),
        TEST(takes_scalars_as_their_text),
        TEST(finds_nothing_in_an_empty_file),
        TEST(leaves_a_byte_order_mark_out),
        TEST(knows_the_place_of_each_byte_of_a_plain_scalar),
        TEST(knows_the_place_of_each_byte_of_a_quoted_scalar),
        TEST(knows_the_place_of_each_byte_of_a_block),
        TEST(refuses_a_key_twice),
        TEST(refuses_what_hides_meaning),
        TEST(says_what_is_wrong_with_what_is_no_yaml),
        TEST(refuses_bytes_that_are_not_utf8),
        TEST(refuses_more_than_its_bounds),
        TEST(names_the_file_that_it_cannot_open),
        TEST(reads_a_file),
        TEST(whichever_allocation_fails_is_fatal_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
