/* Any bytes as a YAML file: read or refused, and of what is read each byte has a place that does not run backwards. */
#include <assert.h>
#include <stdint.h>

#include "config/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_before(struct position left, struct position right) {
    return left.line < right.line || (left.line == right.line && left.column < right.column);
}

/* Whether lines end with a line feed alone, and no byte order mark stands in front: what byte_at knows. */
static bool is_simple(struct text source) {
    static const char *const others[] = {"\r", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (memmem(source.data, source.size, others[i], strlen(others[i])) != NULL)
            return false;
    return true;
}

/* The source's byte at a place, or 0. Columns count characters. */
static char byte_at(struct text source, struct position place) {
    uint32_t at = 0;
    for (uint32_t line = 1; line < place.line && at < source.size; at++)
        line += source.data[at] == '\n';
    for (uint32_t column = 1; column < place.column && at < source.size; column++)
        do
            at++;
        while (at < source.size && ((unsigned char)source.data[at] & 0xC0) == 0x80);
    return at < source.size ? source.data[at] : 0;
}

/* Letters stand at their places as they are, but for those that a double-quoted scalar may have escaped. */
static void look_at_letters(struct text source, const struct node *scalar) {
    if (byte_at(source, scalar->position) == '"')
        return;
    for (uint32_t i = 0; i < scalar->text.size; i++)
        if (scalar->text.data[i] >= 'A' && scalar->text.data[i] <= 'z')
            assert(byte_at(source, scalar->places[i]) == scalar->text.data[i]);
}

static void look_at(struct text source, const struct node *node) {
    if (node == NULL)
        return;
    assert(node->position.line > 0 && node->position.column > 0);
    for (uint32_t i = 0; node->kind == NODE_SCALAR && i <= node->text.size; i++) {
        assert(!is_before(node->places[i], node->position));
        assert(i == 0 || !is_before(node->places[i], node->places[i - 1]));
    }
    if (node->kind == NODE_SCALAR && is_simple(source))
        look_at_letters(source, node);
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->kind == NODE_MAPPING)
            look_at(source, node->keys[i]);
        look_at(source, node->values[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = {0};
    struct document document = {TEXT_MISSING, NULL};
    struct error error = {""};
    struct text source = size == 0 ? TEXT("") : (struct text){(const char *)data, (uint32_t)size};
    if (yaml_read_text(source, TEXT("fuzz.yaml"), &arena, &document, &error) == RESULT_OK)
        look_at(source, document.root);
    else
        assert(error.text[0] != 0);
    arena_free(&arena);
    return 0;
}
