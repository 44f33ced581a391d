#include "config/configuration.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"
#include "config/properties.h"
#include "config/values.h"
#include "config/yaml.h"

#define SECRET_FILE_SIZE_MAX   4096
#define HOST_NAME_SIZE_MAX     256
#define PATH_DEPTH_MAX         8
#define TOPIC_NAME_SIZE_MAX    249
#define PROPERTIES_ENVIRONMENT "BELLWETHER_KAFKA_PROPERTIES_"

/* What is at hand while a configuration is read. */
struct reading {
    struct arena *arena;
    struct configuration *configuration;
    struct findings *findings;
    struct text folder; /* of the file, with its slash; empty where that is the working directory */
};

/* A value, and where it was met. */
struct found {
    struct origin origin;
    struct text where;
};

static struct text joined_path(const struct reading *reading, struct text path) {
    if (text_is_missing(path) || path.size == 0 || path.data[0] == '/' || reading->folder.size == 0)
        return path;
    return arena_printf(reading->arena, "%.*s%.*s", TEXT_ARGUMENTS(reading->folder), TEXT_ARGUMENTS(path));
}

static void set_option(const struct reading *reading, const struct option *option, const struct found *found) {
    struct error error;
    struct text value = found->origin.written;
    if (option->kind == OPTION_PATH && found->origin.kind == ORIGIN_FILE)
        value = joined_path(reading, value);
    if (option_set(reading->arena, option, value, reading->configuration, &error) == RESULT_OK)
        reading->configuration->origins[option - option_table] = found->origin;
    else
        finding_add(reading->findings, SEVERITY_ERROR, found->where, "%s: %s", option->path, error.text);
}

static void set_property(const struct reading *reading, struct property property) {
    struct error error;
    property.name = arena_text(reading->arena, property.name);
    property.value = arena_text(reading->arena, property.value);
    if (property_set(&reading->configuration->kafka.properties, &property, &error) != RESULT_OK)
        finding_add(reading->findings, SEVERITY_ERROR, property.where, "%s", error.text);
}

static void set_defaults(const struct reading *reading) {
    for (size_t i = 0; i < option_table_count; i++) {
        struct found found = {{.kind = ORIGIN_DEFAULT, .written = text_of(option_table[i].initial)}, TEXT("default")};
        set_option(reading, &option_table[i], &found);
    }
}

/* ---- the file ---- */

static struct text place_of(const struct reading *reading, const struct node *node) {
    return place_text(reading->arena, reading->configuration->file, node->position.line, node->position.column);
}

static bool node_is_null(const struct node *node) {
    return node->kind == NODE_SCALAR && !node->quoted &&
           (node->text.size == 0 || text_equals(node->text, "null") || text_equals(node->text, "~"));
}

static void read_properties_node(const struct reading *reading, const struct node *mapping) {
    for (uint32_t i = 0; i < mapping->count; i++) {
        const struct node *value = mapping->values[i];
        if (value->kind == NODE_SCALAR)
            set_property(reading,
                         (struct property){mapping->keys[i]->text, value->text, place_of(reading, mapping->keys[i])});
        else
            finding_add(reading->findings, SEVERITY_ERROR, place_of(reading, value),
                        "the property `%.*s` is expected to have a plain value",
                        TEXT_ARGUMENTS(mapping->keys[i]->text));
    }
}

static void unknown_key(const struct reading *reading, const struct node *key, struct text path) {
    struct text nearest = option_nearest(path);
    if (text_is_missing(nearest))
        finding_add(reading->findings, SEVERITY_ERROR, place_of(reading, key), "there is no option `%.*s`",
                    TEXT_ARGUMENTS(path));
    else
        finding_add(reading->findings, SEVERITY_ERROR, place_of(reading, key),
                    "there is no option `%.*s`; did you mean `%.*s`?", TEXT_ARGUMENTS(path), TEXT_ARGUMENTS(nearest));
}

static void read_value_node(const struct reading *reading, const struct option *option, const struct node *node) {
    struct found found = {
        {ORIGIN_FILE, node->position.line, node->position.column, node_is_null(node) ? TEXT_MISSING : node->text},
        place_of(reading, node),
    };
    if (option->kind == OPTION_PROPERTIES && node->kind == NODE_MAPPING) {
        reading->configuration->origins[option - option_table] = found.origin;
        read_properties_node(reading, node);
    } else if (node->kind == NODE_SCALAR) {
        set_option(reading, option, &found);
    } else {
        finding_add(reading->findings, SEVERITY_ERROR, found.where, "%s: expected a single value (%s)", option->path,
                    option_kind_text(option->kind));
    }
}

static void read_mapping(const struct reading *reading, const struct node *mapping, struct text prefix);

static void read_entry(const struct reading *reading, const struct node *key, const struct node *value,
                       struct text prefix) {
    struct text path = prefix.size == 0 ? key->text
                                        : arena_printf(reading->arena, "%.*s.%.*s", TEXT_ARGUMENTS(prefix),
                                                       TEXT_ARGUMENTS(key->text));
    const struct option *option = option_find(path);
    bool group = option_is_group(path);
    if (group && value->kind == NODE_MAPPING)
        read_mapping(reading, value, path);
    else if (option != NULL)
        read_value_node(reading, option, value);
    else if (group && node_is_null(value))
        return; /* A group of which every line is commented out. */
    else if (group)
        finding_add(reading->findings, SEVERITY_ERROR, place_of(reading, value),
                    "%.*s: expected a mapping, its options indented below it", TEXT_ARGUMENTS(path));
    else
        unknown_key(reading, key, path);
}

static void read_mapping(const struct reading *reading, const struct node *mapping, struct text prefix) {
    const struct option *own = prefix.size == 0 ? NULL : option_find(prefix);
    for (uint32_t i = 0; i < mapping->count; i++) {
        /* Where a group is also an option, `file` is what the option alone would be: rules, and rules.reactivate. */
        if (own != NULL && text_equals(mapping->keys[i]->text, "file"))
            read_value_node(reading, own, mapping->values[i]);
        else
            read_entry(reading, mapping->keys[i], mapping->values[i], prefix);
    }
}

static void read_file(struct reading *reading, const char *file) {
    struct error error;
    struct document document;
    reading->configuration->file = arena_text(reading->arena, text_of(file));
    const char *slash = strrchr(file, '/');
    if (slash != NULL)
        reading->folder = arena_text(reading->arena, (struct text){file, (uint32_t)(slash - file) + 1});
    if (yaml_read_file(file, reading->arena, &document, &error) != RESULT_OK) {
        /* The message begins with the file, and where there is one, with the place. */
        reading->configuration->unreadable = true;
        finding_add(reading->findings, SEVERITY_ERROR, TEXT(""), "%s", error.text);
        return;
    }
    if (document.root == NULL)
        return;
    reading->configuration->unreadable = document.root->kind != NODE_MAPPING;
    if (document.root->kind == NODE_MAPPING)
        read_mapping(reading, document.root, TEXT(""));
    else
        finding_add(reading->findings, SEVERITY_ERROR, place_of(reading, document.root),
                    "expected a mapping of options to their values, as in `kafka:`");
}

/* ---- the environment and the command line ---- */

static const char *environment_get(const char *const *environment, const char *name) {
    size_t size = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}

static void read_environment_properties(const struct reading *reading, const char *const *environment) {
    size_t prefix = strlen(PROPERTIES_ENVIRONMENT);
    for (; environment != NULL && *environment != NULL; environment++) {
        const char *equals = strchr(*environment, '=');
        if (strncmp(*environment, PROPERTIES_ENVIRONMENT, prefix) != 0 || equals == NULL)
            continue;
        struct text variable = {*environment, (uint32_t)(equals - *environment)};
        struct text end = {variable.data + prefix, variable.size - (uint32_t)prefix};
        set_property(reading, (struct property){
                                  property_of_environment(reading->arena, end),
                                  arena_text(reading->arena, text_of(equals + 1)),
                                  arena_text(reading->arena, variable),
                              });
    }
}

static void read_environment(const struct reading *reading, const char *const *environment) {
    for (size_t i = 0; i < option_table_count; i++) {
        char name[OPTION_ENVIRONMENT_SIZE_MAX];
        option_environment(&option_table[i], name);
        const char *value = environment_get(environment, name);
        if (value == NULL)
            continue;
        struct text written = *value == '\0' || strcmp(value, "null") == 0 ? TEXT_MISSING : text_of(value);
        struct found found = {
            {.kind = ORIGIN_ENVIRONMENT, .written = arena_text(reading->arena, written)},
            arena_text(reading->arena, text_of(name)),
        };
        set_option(reading, &option_table[i], &found);
    }
    read_environment_properties(reading, environment);
}

static bool is_secret(const struct option *option, const char *value) {
    struct url_parts parts;
    bool is_url = option->kind == OPTION_URL || option->kind == OPTION_REDIS;
    return option->secret || (is_url && url_split(text_of(value), &parts) && !text_is_missing(parts.password));
}

static void read_set(const struct reading *reading, const char *set) {
    static const char properties[] = "kafka.properties.";
    const char *equals = strchr(set, '=');
    struct text path = {set, (uint32_t)(equals == NULL ? strlen(set) : (size_t)(equals - set))};
    struct text where = arena_printf(reading->arena, "--set %.*s", TEXT_ARGUMENTS(path));
    struct text name = {path.data + sizeof properties - 1, path.size - (uint32_t)(sizeof properties - 1)};
    bool is_property = path.size >= sizeof properties && memcmp(path.data, properties, sizeof properties - 1) == 0;
    const struct option *option = option_find(path);
    if (equals == NULL)
        finding_add(reading->findings, SEVERITY_ERROR, where,
                    "expected OPTION=VALUE, as in kafka.brokers=localhost:9092");
    else if ((option != NULL && is_secret(option, equals + 1)) || (is_property && property_is_secret(name)))
        finding_add(
            reading->findings, SEVERITY_ERROR, where,
            "a secret on the command line is seen by everybody on this machine; set it in the environment or in a "
            "file");
    else if (is_property)
        set_property(reading, (struct property){name, text_of(equals + 1), where});
    else if (option != NULL) {
        struct text written = equals[1] == '\0' || strcmp(equals + 1, "null") == 0 ? TEXT_MISSING : text_of(equals + 1);
        struct found found = {{.kind = ORIGIN_COMMAND_LINE, .written = written}, TEXT("--set")};
        set_option(reading, option, &found);
    } else {
        struct text nearest = option_nearest(path);
        finding_add(reading->findings, SEVERITY_ERROR, where, "there is no such option%s%.*s%s",
                    text_is_missing(nearest) ? "" : "; did you mean `", TEXT_ARGUMENTS(nearest),
                    text_is_missing(nearest) ? "" : "`?");
    }
}

/* ---- what follows from the rest ---- */

/* Where an option's value came from, to name it in a problem. */
static struct text whence(const struct reading *reading, const struct option *option) {
    const struct origin *origin = &reading->configuration->origins[option - option_table];
    char variable[OPTION_ENVIRONMENT_SIZE_MAX];
    switch (origin->kind) {
    case ORIGIN_FILE:
        return place_text(reading->arena, reading->configuration->file, origin->line, origin->column);
    case ORIGIN_ENVIRONMENT:
        option_environment(option, variable);
        return arena_text(reading->arena, text_of(variable));
    case ORIGIN_COMMAND_LINE:
        return TEXT("--set");
    case ORIGIN_DEFAULT:
        break;
    }
    return TEXT("configuration");
}

static void blame(const struct reading *reading, const char *path, const char *what) {
    finding_add(reading->findings, SEVERITY_ERROR, whence(reading, option_find(text_of(path))), "%s %s", path, what);
}

/* The first line of a file that holds a secret, without its end; missing, and a problem, where it cannot be read. */
static struct text read_secret(const struct reading *reading, const char *path, struct text file) {
    char content[SECRET_FILE_SIZE_MAX];
    if (text_is_missing(file))
        return TEXT_MISSING;
    FILE *stream = fopen(file.data, "re");
    const char *reason = stream == NULL ? strerror(errno) : "it holds no password in its first line";
    size_t size = stream == NULL ? 0 : fread(content, 1, sizeof content, stream);
    if (stream != NULL)
        fclose(stream);
    size = stream == NULL ? 0 : strcspn((content[size == sizeof content ? size - 1 : size] = '\0', content), "\r\n");
    if (size == 0)
        finding_add(reading->findings, SEVERITY_ERROR, whence(reading, option_find(text_of(path))),
                    "%s: the file %.*s cannot be used: %s", path, TEXT_ARGUMENTS(file), reason);
    struct text secret = size == 0 ? TEXT_MISSING : arena_text(reading->arena, (struct text){content, (uint32_t)size});
    explicit_bzero(content, sizeof content);
    return secret;
}

static void read_secrets(const struct reading *reading) {
    struct configuration *configuration = reading->configuration;
    struct text kafka = read_secret(reading, "kafka.password_file", configuration->kafka.password_file);
    if (!text_is_missing(kafka))
        set_property(reading, (struct property){TEXT("sasl.password"), kafka, TEXT("kafka.password_file")});
    struct text registry = read_secret(reading, "registry.password_file", configuration->registry.password_file);
    if (!text_is_missing(registry))
        configuration->registry.password = registry;
    struct text redis = read_secret(reading, "redis.password_file", configuration->redis.password_file);
    if (!text_is_missing(redis))
        configuration->redis.url.password = redis;
}

/* The registry's URL is published with each change: it keeps neither the user and the password within it, which are
 * used where none are given by themselves, nor a slash at its end. */
static void split_registry_url(const struct reading *reading) {
    struct configuration *configuration = reading->configuration;
    struct url_parts parts;
    if (!url_split(configuration->registry.url, &parts))
        return;
    if (text_is_missing(configuration->registry.user))
        configuration->registry.user = url_decoded(reading->arena, parts.user);
    if (text_is_missing(configuration->registry.password))
        configuration->registry.password = url_decoded(reading->arena, parts.password);
    while (parts.rest.size > 0 && parts.rest.data[parts.rest.size - 1] == '/')
        parts.rest.size--;
    configuration->registry.url = arena_printf(reading->arena, "%.*s%.*s", TEXT_ARGUMENTS(parts.scheme),
                                               TEXT_ARGUMENTS(parts.rest));
}

static void name_instance(const struct reading *reading) {
    char host[HOST_NAME_SIZE_MAX] = "";
    if (!text_is_missing(reading->configuration->kafka.instance_id))
        return;
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        memcpy(host, "bellwether", sizeof "bellwether");
    reading->configuration->kafka.instance_id = arena_text(reading->arena, text_of(host));
}

static void name_changelog(const struct reading *reading) {
    struct configuration *configuration = reading->configuration;
    if (text_is_missing(configuration->outputs.changelog))
        configuration->outputs.changelog = arena_printf(reading->arena, "%.*s-changelog",
                                                        TEXT_ARGUMENTS(configuration->kafka.group));
}

static void decide_encodings(struct configuration *configuration) {
    int decided = text_is_missing(configuration->registry.url) ? ENCODING_SINGLE_OBJECT : ENCODING_CONFLUENT;
    int *encodings[CONFIGURED_STREAMS + 2] = {&configuration->outputs.changes_encoding,
                                              &configuration->outputs.status_encoding};
    for (int i = 0; i < CONFIGURED_STREAMS; i++)
        encodings[i + 2] = &configuration->streams.encodings[i];
    for (int i = 0; i < CONFIGURED_STREAMS + 2; i++)
        if (*encodings[i] == ENCODING_AUTO)
            *encodings[i] = decided;
}

/* The option whose value lies there in the configuration. */
static const struct option *option_of(const struct reading *reading, const struct text *value) {
    size_t offset = (size_t)((const char *)value - (const char *)reading->configuration);
    const struct option *option = option_table;
    while (option->offset != offset)
        option++;
    return option;
}

/* Names that were cut would be those of several workers, who would end one another without end. */
static void check_name(const struct reading *reading, const struct text *name) {
    const struct option *option = option_of(reading, name);
    if (name->size > KAFKA_NAME_SIZE_MAX)
        finding_add(reading->findings, SEVERITY_ERROR, whence(reading, option), "%s has %u bytes; %d is the most",
                    option->path, name->size, KAFKA_NAME_SIZE_MAX);
}

static void check_instance(const struct reading *reading, const struct text *name) {
    uint32_t size = name->size;
    while (size > 0 && name->data[size - 1] >= '0' && name->data[size - 1] <= '9')
        size--;
    bool ends = size < name->size && size >= strlen(WORKER_SUFFIX) &&
                memcmp(name->data + size - strlen(WORKER_SUFFIX), WORKER_SUFFIX, strlen(WORKER_SUFFIX)) == 0;
    if (ends)
        finding_add(
            reading->findings, SEVERITY_ERROR, whence(reading, option_of(reading, name)),
            "kafka.instance_id is `%.*s`, which is what a further worker of the instance `%.*s` is called; give "
            "this process a name that does not end in `" WORKER_SUFFIX "` and a number",
            TEXT_ARGUMENTS(*name), (int)(size - strlen(WORKER_SUFFIX)), name->data);
}

static void check_timeouts(const struct reading *reading) {
    const struct configuration *configuration = reading->configuration;
    int64_t needed_ms = configuration->kafka.transaction_timeout_ms + configuration->kafka.coordinator_interval_ms;
    char needed[INSTANT_TEXT_MAX];
    duration_format(needed_ms, needed);
    if (configuration->kafka.session_timeout_ms < needed_ms)
        finding_add(
            reading->findings, SEVERITY_ERROR, whence(reading, option_find(TEXT("kafka.session_timeout"))),
            "kafka.session_timeout is too short: it must be at least kafka.transaction_timeout plus "
            "kafka.coordinator_interval, %s, so that a dead owner's transaction has ended when its partitions move",
            needed);
    if (configuration->commit.interval_ms > configuration->commit.interval_max_ms)
        blame(reading, "commit.interval", "is longer than commit.interval_max");
}

static void check_encodings(const struct reading *reading) {
    const struct configuration *configuration = reading->configuration;
    if (!text_is_missing(configuration->registry.url))
        return;
    for (size_t i = 0; i < option_table_count; i++) {
        const struct option *option = &option_table[i];
        if (option->kind == OPTION_CHOICE && strncmp(option->path, "encodings.", 10) == 0 &&
            *(const int *)((const char *)configuration + option->offset) == ENCODING_CONFLUENT)
            blame(reading, option->path, "is `confluent`, which needs registry.url");
    }
}

static void check_registry(const struct reading *reading) {
    const struct configuration *configuration = reading->configuration;
    if (text_is_missing(configuration->registry.url) || text_is_missing(configuration->registry.password) ||
        !text_is_missing(configuration->registry.user))
        return;
    const char *path = "registry.url";
    if (!text_is_missing(configuration->registry.password_file))
        path = "registry.password_file";
    else if (!text_is_missing(configuration->origins[option_find(TEXT("registry.password")) - option_table].written))
        path = "registry.password";
    blame(reading, path, "gives a password, which is not used without registry.user");
}

/* What brokers take for a topic's name. */
static bool is_topic_name(struct text name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (uint32_t i = 0; i < name.size; i++)
        if (memchr(letters, name.data[i], sizeof letters - 1) == NULL)
            return false;
    return name.size > 0 && name.size <= TOPIC_NAME_SIZE_MAX && !text_equals(name, ".") && !text_equals(name, "..");
}

static void check_topic(const struct reading *reading, const struct text *const *topics, uint32_t index) {
    const struct option *option = option_of(reading, topics[index]);
    struct text name = *topics[index];
    if (!is_topic_name(name))
        finding_add(reading->findings, SEVERITY_ERROR, whence(reading, option),
                    "%s: `%.*s` cannot name a topic: letters, digits, `.`, `_` and `-` are expected, at most %d",
                    option->path, TEXT_ARGUMENTS(name), TOPIC_NAME_SIZE_MAX);
    for (uint32_t i = 0; i < index; i++)
        if (text_equal(*topics[i], name))
            finding_add(reading->findings, SEVERITY_ERROR, whence(reading, option),
                        "%s and %s are both `%.*s`; each needs a topic of its own", option_of(reading, topics[i])->path,
                        option->path, TEXT_ARGUMENTS(name));
}

static void check_topics(const struct reading *reading) {
    const struct configuration *configuration = reading->configuration;
    const struct text *topics[CONFIGURED_STREAMS + 4] = {
        &configuration->outputs.changes, &configuration->outputs.status, &configuration->outputs.dead_letters,
        &configuration->outputs.changelog};
    uint32_t count = 4;
    for (int i = 0; i < CONFIGURED_STREAMS; i++)
        if (configuration->streams.on[i])
            topics[count++] = &configuration->streams.topics[i];
    if (count == 4)
        finding_add(reading->findings, SEVERITY_ERROR, TEXT("streams"),
                    "every stream is off: there is nothing to read");
    for (uint32_t i = 0; i < count; i++)
        check_topic(reading, topics, i);
}

enum result configuration_read(struct arena *arena, const struct configuration_input *input,
                               struct configuration *ret_configuration, struct findings *findings) {
    struct reading reading = {arena, ret_configuration, findings, TEXT("")};
    uint32_t errors_before = findings->errors;
    *ret_configuration = (struct configuration){.live_from_ms = INSTANT_UNSET};
    set_defaults(&reading);
    assert(findings->errors == errors_before);
    if (input->file != NULL)
        read_file(&reading, input->file);
    read_environment(&reading, input->environment);
    for (uint32_t i = 0; i < input->sets_count; i++)
        read_set(&reading, input->sets[i]);
    read_secrets(&reading);
    split_registry_url(&reading);
    name_instance(&reading);
    name_changelog(&reading);
    decide_encodings(ret_configuration);
    check_name(&reading, &ret_configuration->kafka.group);
    check_name(&reading, &ret_configuration->kafka.instance_id);
    check_instance(&reading, &ret_configuration->kafka.instance_id);
    check_timeouts(&reading);
    check_encodings(&reading);
    check_registry(&reading);
    check_topics(&reading);
    return findings->errors == errors_before ? RESULT_OK : RESULT_REJECT;
}
