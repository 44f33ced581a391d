#include "consumer/avro_plan.h"

#include <assert.h>

struct compiler {
    enum stream stream;
    const struct schema *ours;
    struct arena *arena;
    struct error *error;
};

/* Whether a writer's type can become a field's value, and by which step. */
enum fit { FITS, DOES_NOT_FIT, NO_MEMORY };

static enum result out_of_memory(struct compiler *compiler) {
    return error_set(compiler->error, RESULT_FATAL, "out of memory");
}

/* ---- what the writer has and we do not want ---- */

static struct step skip_step(const struct schema *writer) {
    struct step step = {.kind = STEP_SKIP_TREE, .schema = writer, .writer = writer};
    switch (writer->kind) {
    case SCHEMA_INT:
    case SCHEMA_LONG:
    case SCHEMA_ENUM:
        step.kind = STEP_SKIP_VARINT;
        break;
    case SCHEMA_STRING:
    case SCHEMA_BYTES:
        step.kind = STEP_SKIP_SIZED;
        break;
    case SCHEMA_BOOLEAN:
        step.kind = STEP_SKIP_FIXED;
        step.count = 1;
        break;
    case SCHEMA_FLOAT:
        step.kind = STEP_SKIP_FIXED;
        step.count = 4;
        break;
    case SCHEMA_DOUBLE:
        step.kind = STEP_SKIP_FIXED;
        step.count = 8;
        break;
    case SCHEMA_NULL:
    case SCHEMA_FIXED:
        step.kind = STEP_SKIP_FIXED;
        step.count = writer->count;
        break;
    default:
        break;
    }
    return step;
}

/* ---- what we want ---- */

static bool is_string(const struct schema *schema) {
    return schema->kind == SCHEMA_STRING || schema->kind == SCHEMA_BYTES;
}

static bool is_whole(const struct schema *schema) {
    return schema->kind == SCHEMA_INT || schema->kind == SCHEMA_LONG;
}

static enum fit fit_instant(const struct compiler *compiler, const struct schema *writer, struct step *step) {
    if (!is_whole(writer) || writer->unit == UNIT_OTHER)
        return DOES_NOT_FIT;
    step->kind = step->field == stream_schemas[compiler->stream].time ? STEP_TIME : STEP_INSTANT;
    step->count = writer->unit == UNIT_MICROSECONDS ? 1000 : writer->unit == UNIT_NANOSECONDS ? 1000000 : 1;
    return FITS;
}

static enum fit fit_double(const struct schema *writer, struct step *step) {
    if (is_whole(writer))
        step->kind = STEP_DOUBLE_OF_LONG;
    else if (writer->kind == SCHEMA_FLOAT)
        step->kind = STEP_DOUBLE_OF_FLOAT;
    else if (writer->kind == SCHEMA_DOUBLE)
        step->kind = STEP_DOUBLE;
    else
        return DOES_NOT_FIT;
    return FITS;
}

/* A symbol that we do not know becomes our default, where there is one. */
static enum fit fit_enum(struct compiler *compiler, const struct field *field, const struct schema *writer,
                         struct step *step) {
    if (writer->kind != SCHEMA_ENUM)
        return DOES_NOT_FIT;
    uint32_t *symbols = arena_alloc(compiler->arena, (writer->count + 1) * sizeof *symbols);
    if (symbols == NULL)
        return NO_MEMORY;
    for (uint32_t i = 0; i < writer->count; i++) {
        symbols[i] = field_symbol(field, writer->symbols[i]);
        if (symbols[i] == UINT32_MAX && field->has_default)
            symbols[i] = (uint32_t)field->default_number;
    }
    step->kind = STEP_ENUM;
    step->count = writer->count;
    step->symbols = symbols;
    return FITS;
}

static enum fit fit_map(const struct schema *writer, struct step *step) {
    if (writer->kind != SCHEMA_MAP)
        return DOES_NOT_FIT;
    const struct schema *values = writer->items;
    bool fits = is_string(values);
    for (uint32_t i = 0; values->kind == SCHEMA_UNION && i < values->count; i++)
        fits = fits || is_string(values->branches[i]);
    step->kind = STEP_MAP;
    step->schema = values;
    return fits ? FITS : DOES_NOT_FIT;
}

static enum fit fit_if(bool fits, enum step_kind kind, struct step *step) {
    step->kind = (uint8_t)kind;
    return fits ? FITS : DOES_NOT_FIT;
}

/* `writer` is no union. */
static enum fit fit_type(struct compiler *compiler, const struct field *field, const struct schema *writer,
                         struct step *step) {
    if (writer->kind == SCHEMA_NULL) {
        step->present = 0;
        return fit_if(field->nullable, STEP_NULL, step);
    }
    switch (field->type) {
    case FIELD_STRING:
        return fit_if(is_string(writer), STEP_STRING, step);
    case FIELD_INSTANT:
        return fit_instant(compiler, writer, step);
    case FIELD_LONG:
        return fit_if(is_whole(writer), STEP_LONG, step);
    case FIELD_INT:
        return fit_if(writer->kind == SCHEMA_INT, STEP_INT, step);
    case FIELD_DOUBLE:
        return fit_double(writer, step);
    case FIELD_BOOLEAN:
        return fit_if(writer->kind == SCHEMA_BOOLEAN, STEP_BOOLEAN, step);
    case FIELD_ENUM:
        return fit_enum(compiler, field, writer, step);
    case FIELD_MAP:
        return fit_map(writer, step);
    }
    assert(false);
    return DOES_NOT_FIT;
}

/* Fits where any of its branches does: which one is used is found out with each value. */
static enum fit fit_union(struct compiler *compiler, const struct field *field, const struct schema *writer,
                          struct step *step) {
    struct step *branches = arena_alloc(compiler->arena, (writer->count + 1) * sizeof *branches);
    if (branches == NULL)
        return NO_MEMORY;
    enum fit any = DOES_NOT_FIT;
    for (uint32_t i = 0; i < writer->count; i++) {
        branches[i] = (struct step){.field = step->field, .present = step->present, .writer = writer->branches[i]};
        enum fit fit = fit_type(compiler, field, writer->branches[i], &branches[i]);
        if (fit == NO_MEMORY)
            return NO_MEMORY;
        if (fit == FITS)
            any = FITS;
        else
            branches[i].kind = STEP_REFUSE;
    }
    step->kind = STEP_UNION;
    step->count = writer->count;
    step->branches = branches;
    return any;
}

static enum result compile_field(struct compiler *compiler, uint32_t index, const struct schema *writer,
                                 struct step *ret_step) {
    const struct field *field = &stream_schemas[compiler->stream].fields[index];
    struct step step = {.field = (uint8_t)index, .present = UINT32_C(1) << index, .writer = writer};
    enum fit fit = writer->kind == SCHEMA_UNION ? fit_union(compiler, field, writer, &step)
                                                : fit_type(compiler, field, writer, &step);
    if (fit == NO_MEMORY)
        return out_of_memory(compiler);
    if (fit == FITS) {
        *ret_step = step;
        return RESULT_OK;
    }
    char met[SCHEMA_WORDS_MAX], expected[SCHEMA_WORDS_MAX];
    return error_set(compiler->error, RESULT_REJECT, "%.*s %.*s is %s in the writer's schema, expected %s",
                     TEXT_ARGUMENTS(stream_schemas[compiler->stream].name), TEXT_ARGUMENTS(field->name),
                     writer->unit == UNIT_OTHER ? "a date or a time of day" : schema_words(writer, met),
                     schema_words(compiler->ours->fields[index].type, expected));
}

/* ---- a record ---- */

static uint32_t field_named(const struct schema *record, struct text name) {
    for (uint32_t i = 0; i < record->count; i++)
        if (text_equal(record->fields[i].name, name))
            return i;
    return UINT32_MAX;
}

/* The writer's field for ours: the one of its name, else of one of its aliases. */
static uint32_t writer_field(const struct schema *writer, const struct schema_field *ours) {
    uint32_t found = field_named(writer, ours->name);
    for (uint32_t i = 0; found == UINT32_MAX && i < ours->aliases_count; i++)
        found = field_named(writer, ours->aliases[i]);
    return found;
}

static enum result compile_missing(struct compiler *compiler, const struct schema *writer, uint32_t index,
                                   struct field_default *defaults, struct program_of_record *program) {
    const struct stream_schema *schema = &stream_schemas[compiler->stream];
    const struct field *field = &schema->fields[index];
    if (field->has_default) {
        defaults[program->defaults_count++] = (struct field_default){index, field->default_number};
        program->present |= UINT32_C(1) << index;
        return RESULT_OK;
    }
    if (field->nullable)
        return RESULT_OK;
    return error_set(compiler->error, RESULT_REJECT, "%.*s %.*s is not in the writer's schema %.*s, and has no default",
                     TEXT_ARGUMENTS(schema->name), TEXT_ARGUMENTS(field->name), TEXT_ARGUMENTS(writer->name));
}

static enum result compile_record(struct compiler *compiler, const struct schema *writer,
                                  const struct program_of_record **ret_program) {
    struct program_of_record *program = arena_alloc(compiler->arena, sizeof *program);
    struct step *steps = arena_alloc(compiler->arena, (writer->count + 1) * sizeof *steps);
    struct field_default *defaults = arena_alloc(compiler->arena, FIELDS_MAX * sizeof *defaults);
    if (program == NULL || steps == NULL || defaults == NULL)
        return out_of_memory(compiler);
    for (uint32_t i = 0; i < writer->count; i++)
        steps[i] = skip_step(writer->fields[i].type);
    for (uint32_t i = 0; i < stream_schemas[compiler->stream].fields_count; i++) {
        uint32_t found = writer_field(writer, &compiler->ours->fields[i]);
        enum result result = found == UINT32_MAX
                                 ? compile_missing(compiler, writer, i, defaults, program)
                                 : compile_field(compiler, i, writer->fields[found].type, &steps[found]);
        if (result != RESULT_OK)
            return result;
        if (found != UINT32_MAX && steps[found].kind != STEP_UNION)
            program->present |= steps[found].present;
    }
    steps[writer->count] = (struct step){.kind = STEP_END};
    program->steps = steps;
    program->defaults = defaults;
    *ret_program = program;
    return RESULT_OK;
}

/* The branches that are records and fit; an error where there is none: that of the last. */
static enum result compile_branches(struct compiler *compiler, const struct schema *writer,
                                    const struct program_of_record **records) {
    enum result any = error_set(compiler->error, RESULT_REJECT, "the writer's schema is a union without a record");
    for (uint32_t i = 0; i < writer->count; i++) {
        if (writer->branches[i]->kind != SCHEMA_RECORD)
            continue;
        enum result result = compile_record(compiler, writer->branches[i], &records[i]);
        if (result == RESULT_FATAL)
            return result;
        if (result == RESULT_OK)
            any = RESULT_OK;
    }
    return any;
}

enum result avro_plan_compile(const struct schema *writer, enum stream stream, const struct schema *ours,
                              struct arena *arena, const struct avro_plan **ret_plan, struct error *error) {
    assert(ours->kind == SCHEMA_RECORD && ours->count == stream_schemas[stream].fields_count);
    struct compiler compiler = {stream, ours, arena, error};
    bool is_union = writer->kind == SCHEMA_UNION;
    if (!is_union && writer->kind != SCHEMA_RECORD) {
        char met[SCHEMA_WORDS_MAX];
        return error_set(error, RESULT_REJECT, "the writer's schema is %s, expected a record",
                         schema_words(writer, met));
    }
    uint32_t count = is_union ? writer->count : 1;
    struct avro_plan *plan = arena_alloc(arena, sizeof *plan);
    const struct program_of_record **records = arena_alloc(arena, (count + 1) * sizeof(struct program_of_record *));
    if (plan == NULL || records == NULL)
        return out_of_memory(&compiler);
    enum result result = is_union ? compile_branches(&compiler, writer, records)
                                  : compile_record(&compiler, writer, &records[0]);
    if (result != RESULT_OK)
        return result;
    *plan = (struct avro_plan){stream, is_union, records, count};
    *ret_plan = plan;
    return RESULT_OK;
}
