#include "consumer/avro_schema.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE_MAX 1024

static const struct text primitive_names[] = {TEXT("null"),  TEXT("boolean"), TEXT("int"),   TEXT("long"),
                                              TEXT("float"), TEXT("double"),  TEXT("bytes"), TEXT("string")};

struct parser {
    struct arena *arena;
    struct schema_names *names;
    struct error *error;
    uint32_t nodes;
    uint32_t depth;
};

static enum result parse_type(struct parser *parser, const json_t *json, struct text space,
                              const struct schema **ret_schema);

static enum result out_of_memory(struct parser *parser) {
    return error_set(parser->error, RESULT_FATAL, "out of memory");
}

static enum result count_node(struct parser *parser) {
    if (++parser->nodes <= SCHEMA_NODES_MAX)
        return RESULT_OK;
    return error_set(parser->error, RESULT_REJECT, "the schema has more than %d types and fields", SCHEMA_NODES_MAX);
}

static enum result create_schema(struct parser *parser, enum schema_kind kind, struct schema **ret_schema) {
    enum result result = count_node(parser);
    if (result != RESULT_OK)
        return result;
    struct schema *schema = arena_alloc(parser->arena, sizeof *schema);
    if (schema == NULL)
        return out_of_memory(parser);
    schema->kind = kind;
    schema->default_symbol = UINT32_MAX;
    *ret_schema = schema;
    return RESULT_OK;
}

static struct text json_text(const json_t *json) {
    if (!json_is_string(json))
        return TEXT_MISSING;
    return (struct text){json_string_value(json), (uint32_t)json_string_length(json)};
}

/* ---- names ---- */

struct text schema_short_name(struct text name) {
    const char *dot = name.size == 0 ? NULL : memrchr(name.data, '.', name.size);
    return dot == NULL ? name : (struct text){dot + 1, (uint32_t)(name.data + name.size - dot - 1)};
}

/* The namespace of a full name; empty where it has none. */
static struct text name_space(struct text name) {
    struct text last = schema_short_name(name);
    return last.size == name.size ? TEXT("") : (struct text){name.data, name.size - last.size - 1};
}

/* A name as it is written, seen from the namespace that it stands in. */
static enum result full_name(struct parser *parser, struct text name, struct text space, struct text *ret_name) {
    if (name.size == 0 || name.size > NAME_SIZE_MAX || space.size > NAME_SIZE_MAX)
        return error_set(parser->error, RESULT_REJECT, "a name is empty or longer than %d bytes", NAME_SIZE_MAX);
    bool whole = memchr(name.data, '.', name.size) != NULL || space.size == 0;
    *ret_name = whole ? arena_text(parser->arena, name)
                      : arena_printf(parser->arena, "%.*s.%.*s", TEXT_ARGUMENTS(space), TEXT_ARGUMENTS(name));
    if (text_is_missing(*ret_name))
        return out_of_memory(parser);
    if (ret_name->data[0] == '.') /* ".Name" has no namespace */
        *ret_name = schema_short_name(*ret_name);
    return RESULT_OK;
}

static struct schema *find_name(const struct schema_names *names, struct text name) {
    for (uint32_t i = 0; i < names->count; i++)
        if (text_equal(names->types[i]->name, name))
            return names->types[i];
    return NULL;
}

static enum result add_name(struct parser *parser, struct schema *schema) {
    struct schema_names *names = parser->names;
    if (find_name(names, schema->name) != NULL)
        return error_set(parser->error, RESULT_REJECT, "the type %.*s is defined twice", TEXT_ARGUMENTS(schema->name));
    if (names->count == names->capacity) {
        uint32_t capacity = names->capacity == 0 ? 16 : names->capacity * 2;
        struct schema **types = arena_alloc(parser->arena, capacity * sizeof(struct schema *));
        if (types == NULL)
            return out_of_memory(parser);
        if (names->count > 0)
            memcpy(types, names->types, names->count * sizeof(struct schema *));
        names->types = types;
        names->capacity = capacity;
    }
    names->types[names->count++] = schema;
    return RESULT_OK;
}

/* A type that is meant by its name: a primitive one, or one defined before. */
static enum result parse_name(struct parser *parser, struct text name, struct text space,
                              const struct schema **ret_schema) {
    for (enum schema_kind kind = SCHEMA_NULL; kind <= SCHEMA_STRING; kind++) {
        if (!text_equal(primitive_names[kind], name))
            continue;
        struct schema *schema;
        enum result result = create_schema(parser, kind, &schema);
        if (result != RESULT_OK)
            return result;
        schema->empty = kind == SCHEMA_NULL;
        *ret_schema = schema;
        return RESULT_OK;
    }
    struct text whole;
    enum result result = full_name(parser, name, space, &whole);
    if (result != RESULT_OK)
        return result;
    struct schema *found = find_name(parser->names, whole);
    if (found == NULL)
        found = find_name(parser->names, name); /* one without a namespace */
    if (found == NULL)
        return error_set(parser->error, RESULT_REJECT, "the type %.*s is not defined", TEXT_ARGUMENTS(whole));
    *ret_schema = found;
    return RESULT_OK;
}

/* ---- the parts of a definition ---- */

static enum result parse_texts(struct parser *parser, const json_t *array, const char *what, struct text **ret_texts,
                               uint32_t *ret_count) {
    size_t count = json_array_size(array);
    struct text *texts = arena_alloc(parser->arena, (count + 1) * sizeof *texts);
    if (texts == NULL)
        return out_of_memory(parser);
    for (size_t i = 0; i < count; i++) {
        struct text text = json_text(json_array_get(array, i));
        enum result result = count_node(parser);
        if (result != RESULT_OK)
            return result;
        if (text_is_missing(text))
            return error_set(parser->error, RESULT_REJECT, "%s has something that is not a string", what);
        texts[i] = arena_text(parser->arena, text);
        if (text_is_missing(texts[i]))
            return out_of_memory(parser);
    }
    *ret_texts = texts;
    *ret_count = (uint32_t)count;
    return RESULT_OK;
}

/* Of a type `space` is its namespace; of a field there is none. */
static enum result parse_aliases(struct parser *parser, const json_t *json, struct text space,
                                 const struct text **ret_aliases, uint32_t *ret_count) {
    struct text *aliases;
    uint32_t count;
    enum result result = parse_texts(parser, json_object_get(json, "aliases"), "aliases", &aliases, &count);
    for (uint32_t i = 0; result == RESULT_OK && i < count && space.size > 0; i++)
        result = full_name(parser, aliases[i], space, &aliases[i]);
    if (result != RESULT_OK)
        return result;
    *ret_aliases = aliases;
    *ret_count = count;
    return RESULT_OK;
}

static enum result parse_definition(struct parser *parser, const json_t *json, enum schema_kind kind, struct text space,
                                    struct schema **ret_schema) {
    struct text name = json_text(json_object_get(json, "name"));
    if (text_is_missing(name))
        return error_set(parser->error, RESULT_REJECT, "a record, enum or fixed has no name");
    struct text own_space = json_text(json_object_get(json, "namespace"));
    struct schema *schema;
    enum result result = create_schema(parser, kind, &schema);
    if (result == RESULT_OK)
        result = full_name(parser, name, text_is_missing(own_space) ? space : own_space, &schema->name);
    if (result == RESULT_OK)
        result = parse_aliases(parser, json, name_space(schema->name), &schema->aliases, &schema->aliases_count);
    if (result == RESULT_OK)
        result = add_name(parser, schema);
    if (result == RESULT_OK)
        *ret_schema = schema;
    return result;
}

static enum result parse_default(struct parser *parser, const json_t *json, struct schema_field *field) {
    const json_t *value = json_object_get(json, "default");
    if (value == NULL)
        return RESULT_OK;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    if (text == NULL)
        return out_of_memory(parser);
    field->default_json = arena_text(parser->arena, text_of(text));
    free(text);
    return text_is_missing(field->default_json) ? out_of_memory(parser) : RESULT_OK;
}

static enum result parse_field(struct parser *parser, const json_t *json, struct text space,
                               struct schema_field *field) {
    struct text name = json_text(json_object_get(json, "name"));
    const json_t *type = json_object_get(json, "type");
    if (text_is_missing(name) || name.size == 0 || type == NULL)
        return error_set(parser->error, RESULT_REJECT, "a field has no name or no type");
    enum result result = count_node(parser);
    if (result != RESULT_OK)
        return result;
    field->name = arena_text(parser->arena, name);
    if (text_is_missing(field->name))
        return out_of_memory(parser);
    result = parse_aliases(parser, json, TEXT(""), &field->aliases, &field->aliases_count);
    if (result == RESULT_OK)
        result = parse_default(parser, json, field);
    if (result != RESULT_OK)
        return result;
    result = parse_type(parser, type, space, &field->type);
    if (result == RESULT_REJECT)
        error_prefix(parser->error, "field %.*s", TEXT_ARGUMENTS(field->name));
    return result;
}

/* ---- the kinds ---- */

static enum result parse_record(struct parser *parser, const json_t *json, struct text space,
                                const struct schema **ret_schema) {
    const json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields))
        return error_set(parser->error, RESULT_REJECT, "a record has no array of fields");
    struct schema *schema;
    enum result result = parse_definition(parser, json, SCHEMA_RECORD, space, &schema);
    if (result != RESULT_OK)
        return result;
    size_t count = json_array_size(fields);
    schema->fields = arena_alloc(parser->arena, (count + 1) * sizeof *schema->fields);
    if (schema->fields == NULL)
        return out_of_memory(parser);
    bool empty = true;
    for (size_t i = 0; i < count; i++) {
        result = parse_field(parser, json_array_get(fields, i), name_space(schema->name), &schema->fields[i]);
        if (result != RESULT_OK)
            return result;
        for (size_t j = 0; j < i; j++)
            if (text_equal(schema->fields[j].name, schema->fields[i].name))
                return error_set(parser->error, RESULT_REJECT, "the record %.*s has the field %.*s twice",
                                 TEXT_ARGUMENTS(schema->name), TEXT_ARGUMENTS(schema->fields[i].name));
        empty = empty && schema->fields[i].type->empty;
    }
    schema->count = (uint32_t)count;
    schema->empty = empty;
    *ret_schema = schema;
    return RESULT_OK;
}

static enum result parse_enum(struct parser *parser, const json_t *json, struct text space,
                              const struct schema **ret_schema) {
    struct schema *schema;
    enum result result = parse_definition(parser, json, SCHEMA_ENUM, space, &schema);
    if (result != RESULT_OK)
        return result;
    struct text *symbols;
    result = parse_texts(parser, json_object_get(json, "symbols"), "symbols", &symbols, &schema->count);
    if (result != RESULT_OK)
        return result;
    schema->symbols = symbols;
    struct text default_symbol = json_text(json_object_get(json, "default"));
    for (uint32_t i = 0; i < schema->count; i++)
        if (text_equal(symbols[i], default_symbol))
            schema->default_symbol = i;
    if (!text_is_missing(default_symbol) && schema->default_symbol == UINT32_MAX)
        return error_set(parser->error, RESULT_REJECT, "the default of the enum %.*s is none of its symbols",
                         TEXT_ARGUMENTS(schema->name));
    *ret_schema = schema;
    return RESULT_OK;
}

static enum result parse_fixed(struct parser *parser, const json_t *json, struct text space,
                               const struct schema **ret_schema) {
    const json_t *size = json_object_get(json, "size");
    json_int_t bytes = json_integer_value(size);
    if (!json_is_integer(size) || bytes < 0 || bytes > INT32_MAX)
        return error_set(parser->error, RESULT_REJECT, "a fixed has no size, or one out of range");
    struct schema *schema;
    enum result result = parse_definition(parser, json, SCHEMA_FIXED, space, &schema);
    if (result != RESULT_OK)
        return result;
    schema->count = (uint32_t)bytes;
    schema->empty = bytes == 0;
    *ret_schema = schema;
    return RESULT_OK;
}

static enum result parse_items(struct parser *parser, const json_t *json, enum schema_kind kind, struct text space,
                               const struct schema **ret_schema) {
    const json_t *items = json_object_get(json, kind == SCHEMA_MAP ? "values" : "items");
    if (items == NULL)
        return error_set(parser->error, RESULT_REJECT, "an array has no items, or a map no values");
    struct schema *schema;
    enum result result = create_schema(parser, kind, &schema);
    if (result == RESULT_OK)
        result = parse_type(parser, items, space, &schema->items);
    if (result == RESULT_OK)
        *ret_schema = schema;
    return result;
}

static enum result parse_union(struct parser *parser, const json_t *json, struct text space,
                               const struct schema **ret_schema) {
    struct schema *schema;
    enum result result = create_schema(parser, SCHEMA_UNION, &schema);
    if (result != RESULT_OK)
        return result;
    size_t count = json_array_size(json);
    schema->branches = arena_alloc(parser->arena, (count + 1) * sizeof(struct schema *));
    if (schema->branches == NULL)
        return out_of_memory(parser);
    for (size_t i = 0; i < count; i++) {
        result = parse_type(parser, json_array_get(json, i), space, &schema->branches[i]);
        if (result != RESULT_OK)
            return result;
        if (schema->branches[i]->kind == SCHEMA_UNION)
            return error_set(parser->error, RESULT_REJECT, "a union stands right in a union");
    }
    schema->count = (uint32_t)count;
    *ret_schema = schema;
    return RESULT_OK;
}

static enum schema_unit unit_of(struct text logical_type) {
    static const struct {
        struct text name;
        enum schema_unit unit;
    } units[] = {
        {TEXT("timestamp-millis"), UNIT_MILLISECONDS},
        {TEXT("local-timestamp-millis"), UNIT_MILLISECONDS},
        {TEXT("timestamp-micros"), UNIT_MICROSECONDS},
        {TEXT("local-timestamp-micros"), UNIT_MICROSECONDS},
        {TEXT("timestamp-nanos"), UNIT_NANOSECONDS},
        {TEXT("local-timestamp-nanos"), UNIT_NANOSECONDS},
        {TEXT("date"), UNIT_OTHER},
        {TEXT("time-millis"), UNIT_OTHER},
        {TEXT("time-micros"), UNIT_OTHER},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (text_equal(units[i].name, logical_type))
            return units[i].unit;
    return UNIT_NONE;
}

static enum result parse_object(struct parser *parser, const json_t *json, struct text space,
                                const struct schema **ret_schema) {
    const json_t *type = json_object_get(json, "type");
    struct text name = json_text(type);
    if (text_equals(name, "record") || text_equals(name, "error"))
        return parse_record(parser, json, space, ret_schema);
    if (text_equals(name, "enum"))
        return parse_enum(parser, json, space, ret_schema);
    if (text_equals(name, "fixed"))
        return parse_fixed(parser, json, space, ret_schema);
    if (text_equals(name, "array"))
        return parse_items(parser, json, SCHEMA_ARRAY, space, ret_schema);
    if (text_equals(name, "map"))
        return parse_items(parser, json, SCHEMA_MAP, space, ret_schema);
    if (type == NULL)
        return error_set(parser->error, RESULT_REJECT, "a type has no \"type\"");
    const struct schema *inner;
    enum result result = parse_type(parser, type, space, &inner);
    if (result != RESULT_OK)
        return result;
    enum schema_unit unit = unit_of(json_text(json_object_get(json, "logicalType")));
    *ret_schema = inner;
    if (unit == UNIT_NONE || (inner->kind != SCHEMA_LONG && inner->kind != SCHEMA_INT))
        return RESULT_OK;
    struct schema *with_unit;
    result = create_schema(parser, inner->kind, &with_unit);
    if (result != RESULT_OK)
        return result;
    with_unit->unit = unit;
    *ret_schema = with_unit;
    return RESULT_OK;
}

static enum result parse_type(struct parser *parser, const json_t *json, struct text space,
                              const struct schema **ret_schema) {
    if (parser->depth == SCHEMA_DEPTH_MAX)
        return error_set(parser->error, RESULT_REJECT, "types are nested deeper than %d", SCHEMA_DEPTH_MAX);
    parser->depth++;
    enum result result;
    if (json_is_string(json))
        result = parse_name(parser, json_text(json), space, ret_schema);
    else if (json_is_array(json))
        result = parse_union(parser, json, space, ret_schema);
    else if (json_is_object(json))
        result = parse_object(parser, json, space, ret_schema);
    else
        result = error_set(parser->error, RESULT_REJECT, "a type is neither a string, an array nor an object");
    parser->depth--;
    return result;
}

enum result schema_parse(struct text json, struct schema_names *names, struct arena *arena,
                         const struct schema **ret_schema, struct error *error) {
    if (json.size > SCHEMA_TEXT_MAX)
        return error_set(error, RESULT_REJECT, "the schema has %u bytes; %d is the most", json.size, SCHEMA_TEXT_MAX);
    json_error_t problem;
    json_t *root = json_loadb(json.data, json.size, JSON_DECODE_ANY, &problem);
    if (root == NULL)
        return error_set(error, RESULT_REJECT, "the schema is not JSON: line %d, column %d: %s", problem.line,
                         problem.column, problem.text);
    struct schema_names own = {0};
    struct parser parser = {.arena = arena, .names = names == NULL ? &own : names, .error = error};
    enum result result = parse_type(&parser, root, TEXT(""), ret_schema);
    json_decref(root);
    return result;
}

const char *schema_words(const struct schema *schema, char text[SCHEMA_WORDS_MAX]) {
    static const char *const words[] = {"null",     "a boolean", "an int",   "a long",   "a float",
                                        "a double", "bytes",     "a string", "a record", "an enum",
                                        "a fixed",  "an array",  "a map",    "a union"};
    if (schema->name.size == 0)
        return words[schema->kind];
    snprintf(text, SCHEMA_WORDS_MAX, "%s %.*s", words[schema->kind], TEXT_ARGUMENTS(schema->name));
    return text;
}
