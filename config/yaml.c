#include "config/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <yaml.h>

#include "config/yaml_places.h"

/* One reading of one file. */
struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct error *error;
    struct text file, source;
    /* libyaml counts characters: the one that was asked for last, and the byte where it starts. */
    size_t character;
    uint32_t byte;
};

/* The children of a mapping or sequence while they are read. */
struct children {
    struct node **keys, **values;
    uint32_t count, capacity;
};

static struct position position_of(yaml_mark_t mark) {
    return (struct position){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static enum result reject(struct reader *reader, struct position position, const char *format, ...) PRINTF_LIKE(3, 4);

static enum result reject(struct reader *reader, struct position position, const char *format, ...) {
    struct text message;
    char bytes[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(bytes, sizeof bytes, format, arguments);
    va_end(arguments);
    message = text_of(bytes);
    return error_set(reader->error, RESULT_REJECT, "%.*s:%u:%u: %.*s", TEXT_ARGUMENTS(reader->file), position.line,
                     position.column, TEXT_ARGUMENTS(message));
}

static enum result memory_is_out(struct reader *reader) {
    return error_set(reader->error, RESULT_FATAL, "memory is out while reading %.*s", TEXT_ARGUMENTS(reader->file));
}

/* The byte at which a mark's character starts. Marks are asked for in ascending order. */
static uint32_t byte_of(struct reader *reader, yaml_mark_t mark) {
    while (reader->character < mark.index && reader->byte < reader->source.size) {
        reader->byte++;
        reader->character += reader->byte == reader->source.size ||
                             ((unsigned char)reader->source.data[reader->byte] & 0xC0) != 0x80;
    }
    return reader->byte;
}

/* What people meet most, said in words that lead out of it. */
static const char *advice_for(const struct reader *reader, uint32_t byte) {
    struct text source = reader->source;
    if (byte < source.size && source.data[byte] == '\t')
        return "; a tab stands here: YAML is indented with spaces";
    if (byte < source.size && (source.data[byte] == '@' || source.data[byte] == '`' || source.data[byte] == '%'))
        return "; put the value in quotes";
    const char *problem = reader->parser.problem;
    if (strstr(problem, "expected key") != NULL || strstr(problem, "mapping values are not allowed") != NULL)
        return "; look at the indentation, and put a value that begins with a quote or holds `: ` in quotes as a whole";
    if (strstr(problem, "expected ','") != NULL)
        return "; look for a missing `,` or a closing bracket, and put a value that holds a comma or a bracket in "
               "quotes";
    if (strstr(problem, "unexpected end of stream") != NULL)
        return "; a quote that was opened is not closed";
    return "";
}

static enum result parser_error(struct reader *reader) {
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return memory_is_out(reader);
    yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem == NULL ? "cannot be read" : parser->problem;
    if (parser->error == YAML_READER_ERROR)
        return reject(reader, (struct position){1, 1}, "this is not text that YAML allows: %s, at byte %zu", problem,
                      parser->problem_offset);
    const char *advice = parser->problem == NULL ? "" : advice_for(reader, byte_of(reader, mark));
    if (parser->context == NULL)
        return reject(reader, position_of(mark), "this is not YAML: %s%s", problem, advice);
    return reject(reader, position_of(mark), "this is not YAML: %s %s that begins at line %zu%s", problem,
                  parser->context, parser->context_mark.line + 1, advice);
}

static enum result next_event(struct reader *reader, yaml_event_t *ret_event) {
    return yaml_parser_parse(&reader->parser, ret_event) ? RESULT_OK : parser_error(reader);
}

/* Anchors let one place change the meaning of another, tags the meaning of a scalar. */
static enum result refuse_properties(struct reader *reader, yaml_mark_t mark, const yaml_char_t *anchor,
                                     const yaml_char_t *tag) {
    if (anchor != NULL)
        return reject(reader, position_of(mark), "anchors are not allowed: `&%s`; write the value out where it is used",
                      (const char *)anchor);
    const char *name = (const char *)tag, *standard = "tag:yaml.org,2002:";
    bool is_standard = tag != NULL && strncmp(name, standard, strlen(standard)) == 0;
    if (tag != NULL)
        return reject(reader, position_of(mark), "tags are not allowed: `%s%s`; values are taken as their text",
                      is_standard ? "!!" : "", is_standard ? name + strlen(standard) : name);
    return RESULT_OK;
}

static enum scalar_style style_of(yaml_scalar_style_t style) {
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return SCALAR_SINGLE_QUOTED;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return SCALAR_DOUBLE_QUOTED;
    case YAML_LITERAL_SCALAR_STYLE:
        return SCALAR_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return SCALAR_FOLDED;
    default:
        return SCALAR_PLAIN;
    }
}

static struct node *node_create(struct reader *reader, enum node_kind kind, yaml_mark_t mark) {
    struct node *node = arena_alloc(reader->arena, sizeof *node);
    if (node != NULL) {
        node->kind = kind;
        node->position = position_of(mark);
    }
    return node;
}

static enum result read_scalar(struct reader *reader, const yaml_event_t *event, struct node **ret_node) {
    enum result result = refuse_properties(reader, event->start_mark, event->data.scalar.anchor,
                                           event->data.scalar.tag);
    if (result != RESULT_OK)
        return result;
    struct text value = {(const char *)event->data.scalar.value, (uint32_t)event->data.scalar.length};
    struct node *node = node_create(reader, NODE_SCALAR, event->start_mark);
    struct text text = arena_text(reader->arena, value);
    struct position *places = arena_alloc(reader->arena, ((size_t)value.size + 1) * sizeof *places);
    if (node == NULL || text_is_missing(text) || places == NULL)
        return memory_is_out(reader);
    uint32_t start = byte_of(reader, event->start_mark);
    struct text rest = {reader->source.data + start, reader->source.size - start};
    enum scalar_style style = style_of(event->data.scalar.style);
    yaml_places(rest, node->position, style, text, places);
    node->text = text;
    node->places = places;
    node->quoted = style == SCALAR_SINGLE_QUOTED || style == SCALAR_DOUBLE_QUOTED;
    *ret_node = node;
    return RESULT_OK;
}

static enum result children_add(struct reader *reader, struct children *children, struct node *key,
                                struct node *value) {
    if (children->count == children->capacity) {
        uint32_t capacity = children->capacity == 0 ? 8 : children->capacity * 2;
        struct node **keys = arena_alloc(reader->arena, capacity * sizeof *keys);
        struct node **values = arena_alloc(reader->arena, capacity * sizeof *values);
        if (keys == NULL || values == NULL)
            return memory_is_out(reader);
        for (uint32_t i = 0; i < children->count; i++) {
            keys[i] = children->keys[i];
            values[i] = children->values[i];
        }
        *children = (struct children){keys, values, children->count, capacity};
    }
    children->keys[children->count] = key;
    children->values[children->count++] = value;
    return RESULT_OK;
}

static enum result check_key(struct reader *reader, const struct children *children, const struct node *key) {
    if (key->kind != NODE_SCALAR)
        return reject(reader, key->position, "a key must be a single word or text, not a list or a mapping");
    if (children->count >= YAML_KEYS_MAX)
        return reject(reader, key->position, "a mapping has at most %d keys", YAML_KEYS_MAX);
    for (uint32_t i = 0; i < children->count; i++)
        if (text_equal(children->keys[i]->text, key->text))
            return reject(reader, key->position, "the key `%.*s` stands twice here; the first is at line %u",
                          TEXT_ARGUMENTS(key->text), children->keys[i]->position.line);
    return RESULT_OK;
}

static enum result read_node(struct reader *reader, const yaml_event_t *event, uint32_t depth, struct node **ret_node);

/* Reads the next node, or finds the `end` of the collection: then `*ret_node` is NULL. */
static enum result read_child(struct reader *reader, yaml_event_type_t end, uint32_t depth, struct node **ret_node) {
    yaml_event_t event;
    enum result result = next_event(reader, &event);
    if (result != RESULT_OK)
        return result;
    if (event.type == end)
        *ret_node = NULL;
    else
        result = read_node(reader, &event, depth + 1, ret_node);
    yaml_event_delete(&event);
    return result;
}

static enum result read_mapping(struct reader *reader, uint32_t depth, struct node *node) {
    struct children children = {NULL, NULL, 0, 0};
    for (;;) {
        struct node *key = NULL, *value = NULL;
        enum result result = read_child(reader, YAML_MAPPING_END_EVENT, depth, &key);
        if (result != RESULT_OK || key == NULL) {
            node->keys = children.keys;
            node->values = children.values;
            node->count = children.count;
            return result;
        }
        result = check_key(reader, &children, key);
        if (result == RESULT_OK)
            result = read_child(reader, YAML_NO_EVENT, depth, &value);
        if (result == RESULT_OK)
            result = children_add(reader, &children, key, value);
        if (result != RESULT_OK)
            return result;
    }
}

static enum result read_sequence(struct reader *reader, uint32_t depth, struct node *node) {
    struct children children = {NULL, NULL, 0, 0};
    for (;;) {
        struct node *item = NULL;
        enum result result = read_child(reader, YAML_SEQUENCE_END_EVENT, depth, &item);
        if (result == RESULT_OK && item != NULL)
            result = children_add(reader, &children, NULL, item);
        if (result != RESULT_OK || item == NULL) {
            node->values = children.values;
            node->count = children.count;
            return result;
        }
    }
}

static enum result read_collection(struct reader *reader, const yaml_event_t *event, uint32_t depth,
                                   struct node **ret_node) {
    bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
    enum result result = is_mapping ? refuse_properties(reader, event->start_mark, event->data.mapping_start.anchor,
                                                        event->data.mapping_start.tag)
                                    : refuse_properties(reader, event->start_mark, event->data.sequence_start.anchor,
                                                        event->data.sequence_start.tag);
    if (result != RESULT_OK)
        return result;
    if (depth > YAML_DEPTH_MAX)
        return reject(reader, position_of(event->start_mark), "nested deeper than %d levels", YAML_DEPTH_MAX);
    struct node *node = node_create(reader, is_mapping ? NODE_MAPPING : NODE_SEQUENCE, event->start_mark);
    if (node == NULL)
        return memory_is_out(reader);
    result = is_mapping ? read_mapping(reader, depth, node) : read_sequence(reader, depth, node);
    if (result == RESULT_OK)
        *ret_node = node;
    return result;
}

static enum result read_node(struct reader *reader, const yaml_event_t *event, uint32_t depth, struct node **ret_node) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event, ret_node);
    case YAML_ALIAS_EVENT:
        return reject(reader, position_of(event->start_mark),
                      "aliases are not allowed: `*%s`; write the value out, or put text that begins with * in quotes",
                      (const char *)event->data.alias.anchor);
    default:
        return read_collection(reader, event, depth, ret_node);
    }
}

/* Stream start, one document or none, stream end. */
static enum result read_document(struct reader *reader, struct node **ret_root) {
    struct node *root = NULL;
    for (;;) {
        yaml_event_t event;
        enum result result = next_event(reader, &event);
        if (result != RESULT_OK)
            return result;
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && root != NULL)
            result = reject(reader, position_of(event.start_mark), "a second document begins here; a file holds one");
        else if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT || type == YAML_MAPPING_START_EVENT ||
                 type == YAML_SEQUENCE_START_EVENT)
            result = read_node(reader, &event, 1, &root);
        yaml_event_delete(&event);
        if (result != RESULT_OK)
            return result;
        if (type == YAML_STREAM_END_EVENT)
            break;
    }
    bool nothing = root != NULL && root->kind == NODE_SCALAR && root->text.size == 0 && !root->quoted;
    *ret_root = nothing ? NULL : root;
    return RESULT_OK;
}

/* The line in which the first byte stands that is not UTF-8. */
static uint32_t first_bad_line(struct text source) {
    uint32_t line = 1, start = 0;
    for (uint32_t end = 0; end < source.size; end++) {
        if (source.data[end] != '\n')
            continue;
        if (!text_is_utf8((struct text){source.data + start, end - start}))
            return line;
        line++;
        start = end + 1;
    }
    return line;
}

static enum result check_text(struct reader *reader) {
    if (reader->source.size > YAML_BYTES_MAX)
        return reject(reader, (struct position){1, 1}, "the file has more than %u bytes", YAML_BYTES_MAX);
    if (!text_is_utf8(reader->source))
        return reject(reader, (struct position){first_bad_line(reader->source), 1},
                      "this line is not valid UTF-8; save the file as UTF-8");
    return RESULT_OK;
}

enum result yaml_read_text(struct text source, struct text file_name, struct arena *arena,
                           struct document *ret_document, struct error *error) {
    struct reader reader = {.arena = arena, .error = error, .file = file_name, .source = source};
    enum result result = check_text(&reader);
    if (result != RESULT_OK)
        return result;
    if (source.size >= 3 && memcmp(source.data, "\xEF\xBB\xBF", 3) == 0)
        reader.source = (struct text){source.data + 3, source.size - 3}; /* a byte order mark */
    struct text name = arena_text(arena, file_name);
    if (text_is_missing(name) || !yaml_parser_initialize(&reader.parser))
        return memory_is_out(&reader);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)reader.source.data, reader.source.size);
    struct node *root;
    result = read_document(&reader, &root);
    yaml_parser_delete(&reader.parser);
    if (result == RESULT_OK)
        *ret_document = (struct document){name, root};
    return result;
}

/* The whole file, one byte more than may be at the most, so that too much is noticed. */
static enum result read_bytes(FILE *file, const char *path, struct arena *arena, struct text *ret_source,
                              struct error *error) {
    size_t size = 0, capacity = 64 * 1024;
    char *bytes = arena_alloc(arena, capacity);
    while (bytes != NULL) {
        size += fread(bytes + size, 1, capacity - size, file);
        if (ferror(file))
            return error_set(error, RESULT_REJECT, "%s: cannot be read: %s", path, strerror(errno));
        if (size < capacity || capacity > YAML_BYTES_MAX) {
            *ret_source = (struct text){bytes, (uint32_t)size};
            return RESULT_OK;
        }
        char *larger = arena_alloc(arena, capacity * 4);
        if (larger != NULL)
            memcpy(larger, bytes, size);
        bytes = larger;
        capacity *= 4;
    }
    return error_set(error, RESULT_FATAL, "memory is out while reading %s", path);
}

enum result yaml_read_file(const char *path, struct arena *arena, struct document *ret_document, struct error *error) {
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return error_set(error, RESULT_REJECT, "%s: cannot be opened: %s", path, strerror(errno));
    struct text source;
    enum result result = read_bytes(file, path, arena, &source, error);
    fclose(file);
    return result == RESULT_OK ? yaml_read_text(source, text_of(path), arena, ret_document, error) : result;
}
