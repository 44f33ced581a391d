#include "config/print.h"

#include <stdio.h>

#include "config/properties.h"
#include "config/values.h"

#define MASK          "********"
#define COMMENT_AFTER 44 /* columns; longer values push it out */

static struct text group_of(const struct option *option) {
    const char *dot = strchr(option->path, '.');
    return dot == NULL ? text_of(option->path) : (struct text){option->path, (uint32_t)(dot - option->path)};
}

static bool is_first_of_group(const struct option *option) {
    return option == option_table || !text_equal(group_of(option), group_of(option - 1));
}

/* ---- check --print ---- */

/* Whether YAML would read the text as something else where it stands without quotes. */
static bool wants_quotes(struct text text) {
    if (text.size == 0 || text_equals(text, "null") || text_equals(text, "~") || text.data[text.size - 1] == ':')
        return true;
    if (strchr("!&*-?|>%@`\"'#{}[], ", text.data[0]) != NULL)
        return true;
    return memmem(text.data, text.size, ": ", 2) != NULL || memmem(text.data, text.size, " #", 2) != NULL ||
           text.data[text.size - 1] == ' ';
}

static void put_scalar(struct buffer *line, struct text text) {
    if (text_is_missing(text)) {
        buffer_put_string(line, "null");
        return;
    }
    if (!wants_quotes(text)) {
        buffer_put_text(line, text);
        return;
    }
    buffer_put_string(line, "'");
    for (uint32_t i = 0; i < text.size; i++)
        buffer_put_string(line, (char[]){text.data[i], text.data[i] == '\'' ? '\'' : '\0', '\0'});
    buffer_put_string(line, "'");
}

/* A URL with its password blotted out. */
static void put_url(struct buffer *line, struct text url) {
    struct url_parts parts;
    if (url_split(url, &parts) && !text_is_missing(parts.password))
        buffer_printf(line, "%.*s%.*s:" MASK "@%.*s", TEXT_ARGUMENTS(parts.scheme), TEXT_ARGUMENTS(parts.user),
                      TEXT_ARGUMENTS(parts.rest));
    else
        put_scalar(line, url);
}

static void put_value(struct buffer *line, const struct configuration *configuration, const struct option *option) {
    struct text written = configuration->origins[option - option_table].written;
    if (option->kind == OPTION_TEXT && !option->secret) /* where nothing is written, a name may have been made */
        written = *(const struct text *)((const char *)configuration + option->offset);
    if (text_is_missing(written))
        buffer_put_string(line, "null");
    else if (option->secret)
        buffer_put_string(line, MASK);
    else if (option->kind == OPTION_REDIS || option->kind == OPTION_URL)
        put_url(line, written);
    else
        put_scalar(line, written);
}

static void put_origin(struct buffer *line, const struct configuration *configuration, const struct option *option) {
    const struct origin *origin = &configuration->origins[option - option_table];
    char environment[OPTION_ENVIRONMENT_SIZE_MAX];
    switch (origin->kind) {
    case ORIGIN_DEFAULT:
        buffer_put_string(line, "default");
        break;
    case ORIGIN_FILE:
        buffer_printf(line, "%.*s:%u:%u", TEXT_ARGUMENTS(configuration->file), origin->line, origin->column);
        break;
    case ORIGIN_ENVIRONMENT:
        option_environment(option, environment);
        buffer_put_string(line, environment);
        break;
    case ORIGIN_COMMAND_LINE:
        buffer_put_string(line, "--set");
        break;
    }
    if (text_equals(origin->written, "auto") && strncmp(option->path, "encodings.", 10) == 0) {
        int encoding = *(const int *)((const char *)configuration + option->offset);
        buffer_printf(line, "; here it is %s", option->choices[encoding]);
    }
}

/* Ends the line: its comment goes to a column of its own. */
static void put_comment(struct buffer *line, const struct buffer *comment, struct buffer *out) {
    buffer_put_text(out, buffer_text(line));
    for (size_t column = line->size; column < COMMENT_AFTER; column++)
        buffer_put_string(out, " ");
    buffer_put_string(out, "  # ");
    buffer_put_text(out, buffer_text(comment));
    buffer_put_string(out, "\n");
}

static void print_properties(const struct configuration *configuration, struct buffer *out) {
    const struct properties *properties = &configuration->kafka.properties;
    if (properties->count == 0)
        return;
    buffer_put_string(out, "  properties:\n");
    for (uint32_t i = 0; i < properties->count; i++) {
        const struct property *property = &properties->items[i];
        struct buffer line = {0}, comment = {0};
        buffer_printf(&line, "    %.*s: ", TEXT_ARGUMENTS(property->name));
        put_scalar(&line, property_is_secret(property->name) ? TEXT(MASK) : property->value);
        buffer_put_text(&comment, property->where);
        put_comment(&line, &comment, out);
        buffer_free(&line);
        buffer_free(&comment);
    }
}

/* `brokers` of `kafka.brokers`; an option that is also a group is the group's `file`. */
static const char *name_in_group(const struct option *option) {
    const char *dot = strchr(option->path, '.');
    return dot != NULL ? dot + 1 : "file";
}

static bool stands_alone(const struct option *option) {
    return strchr(option->path, '.') == NULL && !option_is_group(text_of(option->path));
}

void configuration_print(const struct configuration *configuration, struct buffer *out) {
    for (const struct option *option = option_table; option < option_table + option_table_count; option++) {
        struct buffer line = {0}, comment = {0};
        if (!stands_alone(option) && is_first_of_group(option))
            buffer_printf(out, "%.*s:\n", TEXT_ARGUMENTS(group_of(option)));
        if (option->kind == OPTION_PROPERTIES) {
            print_properties(configuration, out);
            continue;
        }
        if (stands_alone(option))
            buffer_printf(&line, "%s: ", option->path);
        else
            buffer_printf(&line, "  %s: ", name_in_group(option));
        put_value(&line, configuration, option);
        put_origin(&comment, configuration, option);
        put_comment(&line, &comment, out);
        buffer_free(&line);
        buffer_free(&comment);
    }
}

/* ---- docs/configuration.md ---- */

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "<!-- Made from the table in config/options.c by `bellwether help --options`; do not edit it here. -->\n"
    "\n"
    "A configuration file is YAML, given by `-c FILE` or in `BELLWETHER_CONFIG`. Every option may be left out. A value "
    "is\n"
    "looked for in this order, and the first that is found counts:\n"
    "\n"
    "1. on the command line: `--set kafka.brokers=broker:9092`\n"
    "2. in the environment: `BELLWETHER_` and the option's name in capitals with `_` for each dot,\n"
    "   `BELLWETHER_KAFKA_BROKERS=broker:9092`; an empty value, or `null`, is null\n"
    "3. in the file: each dot of the name is a level of the file\n"
    "4. the default\n"
    "\n"
    "```yaml\n"
    "kafka:\n"
    "  brokers: broker-1:9092,broker-2:9092\n"
    "  properties:\n"
    "    security.protocol: ssl\n"
    "rules: rules.yaml\n"
    "```\n"
    "\n"
    "Durations and sizes have a unit: `ms s m h d w`, and `B KiB MiB GiB TiB` (powers of 1024) or `kB MB GB TB` (of "
    "1000).\n"
    "Paths in the file are relative to the file's own folder. An unknown name is an error. Secrets cannot be given on "
    "the\n"
    "command line, and are shown nowhere.\n"
    "\n"
    "`bellwether check -c FILE` finds what is wrong; with `--print` it shows every option's effective value and where "
    "it\n"
    "came from.\n";

void options_document(struct buffer *out) {
    buffer_put_string(out, introduction);
    for (const struct option *option = option_table; option < option_table + option_table_count; option++) {
        char values[256], environment[OPTION_ENVIRONMENT_SIZE_MAX];
        option_values(option, values, sizeof values);
        option_environment(option, environment);
        if (is_first_of_group(option))
            buffer_printf(out, "\n## %.*s\n", TEXT_ARGUMENTS(group_of(option)));
        buffer_printf(out, "\n### `%s`\n\n%s\n\n- Value: %s\n", option->path, option->about, values);
        if (option->initial != NULL)
            buffer_printf(out, "- Default: `%s`\n", option->initial);
        else
            buffer_put_string(out, "- Default: null\n");
        buffer_printf(out, "- Environment: `%s%s`\n", environment, option->kind == OPTION_PROPERTIES ? "_..." : "");
    }
}
