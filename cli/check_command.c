#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/check_kafka.h"
#include "cli/check_redis.h"
#include "cli/commands.h"
#include "cli/printer.h"
#include "cli/rules_file.h"
#include "cli/setup.h"
#include "config/print.h"

#define KAFKA_TIMEOUT_MS 10000

/* A run of the command: what was found goes to standard output, a line each. */
struct inspection {
    const struct invocation *invocation;
    struct setup *setup;
    struct printer printer;
    bool colour;
    uint32_t told; /* of the findings */
};

enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_ERROR };

static void tell(struct inspection *inspection, enum verdict verdict, struct text where, struct text what) {
    static const struct {
        const char *word, *colour;
    } verdicts[] = {{"ok", "\033[32m"}, {"warning", "\033[33m"}, {"error", "\033[1;31m"}};
    struct buffer *out = &inspection->printer.buffer;
    buffer_printf(out, "%s%-8s%s %.*s%s%.*s\n", inspection->colour ? verdicts[verdict].colour : "",
                  verdicts[verdict].word, inspection->colour ? "\033[0m" : "", TEXT_ARGUMENTS(where),
                  where.size == 0 ? "" : ": ", TEXT_ARGUMENTS(what));
    printer_end_line(&inspection->printer);
}

static void tell_ok(struct inspection *inspection, const char *where, const char *format, ...) PRINTF_LIKE(3, 4);

static void tell_ok(struct inspection *inspection, const char *where, const char *format, ...) {
    char what[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    tell(inspection, VERDICT_OK, text_of(where), text_of(what));
}

/* Tells the findings that are new; true where there was none. */
static bool tell_findings(struct inspection *inspection) {
    const struct findings *findings = &inspection->setup->findings;
    uint32_t first = inspection->told;
    for (; inspection->told < findings->count; inspection->told++) {
        const struct finding *finding = &findings->items[inspection->told];
        tell(inspection, finding->severity == SEVERITY_ERROR ? VERDICT_ERROR : VERDICT_WARNING, finding->where,
             finding->what);
    }
    return first == inspection->told;
}

static void check_rules(struct inspection *inspection, const char *path, bool with_configuration) {
    struct findings *findings = &inspection->setup->findings;
    const struct program *program;
    enum result result = rules_file_read(path, &inspection->setup->arena, &program, findings);
    if (!tell_findings(inspection) || result != RESULT_OK)
        return;
    tell_ok(inspection, "rules", "%s: ruleset %.*s, %u scores, %u dimensions, %u segments", path,
            TEXT_ARGUMENTS(program->ruleset), program->scores_count, program->dimensions_count,
            program->segments_count);
    if (with_configuration && findings->errors == 0) /* else it is not known which streams there are */
        rules_file_check_streams(program, inspection->setup->topics, findings);
    tell_findings(inspection);
}

#define VARIABLE_PREFIX "BELLWETHER_"

static void check_variable(struct text variable, struct findings *findings) {
    const size_t skip = strlen(VARIABLE_PREFIX); /* all have it, which would make all of them near */
    char names[OPTIONS_MAX][OPTION_ENVIRONMENT_SIZE_MAX];
    struct text known[OPTIONS_MAX], end = {variable.data + skip, variable.size - (uint32_t)skip};
    for (size_t i = 0; i < option_table_count; i++) {
        option_environment(&option_table[i], names[i]);
        known[i] = text_of(names[i] + skip);
        if (text_equal(end, known[i]))
            return;
    }
    int nearest = text_nearest(end, known, option_table_count);
    finding_add(findings, SEVERITY_WARNING, arena_text(findings->arena, variable),
                "the environment has this, and there is no such option%s%s%s", nearest < 0 ? "" : "; did you mean ",
                nearest < 0 ? "" : names[nearest], nearest < 0 ? "" : "?");
}

/* Variables that look like overrides and are none. Kubernetes makes BELLWETHER_SERVICE_... and BELLWETHER_PORT... of a
 * service's name; the program's own are those of its flags. */
static void check_variables(const char *const *environment, struct findings *findings) {
    static const char *const others[] = {"BELLWETHER_SERVICE_", "BELLWETHER_PORT", "BELLWETHER_KAFKA_PROPERTIES_",
                                         "BELLWETHER_CONFIG=", "BELLWETHER_CACHE="};
    for (; *environment != NULL; environment++) {
        struct text variable = {*environment, (uint32_t)strcspn(*environment, "=")};
        bool known = strncmp(*environment, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) != 0;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            known = known || strncmp(*environment, others[i], strlen(others[i])) == 0;
        if (!known)
            check_variable(variable, findings);
    }
}

static void check_configuration(struct inspection *inspection) {
    const struct configuration *configuration = &inspection->setup->configuration;
    check_properties(configuration, &inspection->setup->findings);
    check_schemas(inspection->setup, &inspection->setup->findings);
    check_variables(inspection->invocation->environment, &inspection->setup->findings);
    if (text_is_missing(configuration->rules.file) && !configuration->unreadable)
        finding_add(&inspection->setup->findings, SEVERITY_ERROR, TEXT("rules"),
                    "no rules are named: write `rules: FILE`, or set BELLWETHER_RULES");
    if (tell_findings(inspection))
        tell_ok(inspection, "configuration", "%s",
                text_is_missing(configuration->file) ? "from the environment and the defaults"
                                                     : configuration->file.data);
}

static void check_schema_registry(struct inspection *inspection) {
    struct setup *setup = inspection->setup;
    enum result result = text_is_missing(setup->configuration.registry.url) ? RESULT_RETRY
                                                                            : check_registry(setup, &setup->findings);
    if (tell_findings(inspection) && result == RESULT_OK)
        tell_ok(inspection, "registry", "it answers");
}

static void check_kafka(struct inspection *inspection) {
    struct setup *setup = inspection->setup;
    struct topics_report topics;
    struct partitioner_report partitioner;
    enum result result = check_topics(setup, &setup->findings, KAFKA_TIMEOUT_MS, &topics);
    bool good = tell_findings(inspection);
    if (result != RESULT_OK)
        return;
    if (good)
        tell_ok(inspection, "kafka", "cluster %s, %d partitions in every input", topics.cluster_id, topics.partitions);
    if (topics.partitions == 0)
        return;
    result = check_partitioner(setup, topics.partitions, &setup->findings, KAFKA_TIMEOUT_MS, &partitioner);
    if (!tell_findings(inspection) || result != RESULT_OK)
        return;
    if (partitioner.sampled > 0)
        tell_ok(inspection, "kafka", "the inputs can be read; %u records looked at lie where the partitioner puts them",
                partitioner.sampled);
    else
        tell_ok(inspection, "kafka", "the inputs hold no record with a key that could be looked at");
}

static void check_store(struct inspection *inspection) {
    struct setup *setup = inspection->setup;
    struct redis_report report;
    enum result result = check_redis(&setup->configuration, &setup->findings, &report);
    if (tell_findings(inspection) && result == RESULT_OK)
        tell_ok(inspection, "redis", "%s, version %s, %lld keys, %s", setup->configuration.redis.url.host.data,
                report.version, (long long)report.keys, report.memory);
}

static void check_all(struct inspection *inspection) {
    const struct arguments *arguments = inspection->invocation->arguments;
    const struct configuration *configuration = &inspection->setup->configuration;
    const char *rules = arguments_value(arguments, "rules");
    bool only_rules = rules != NULL && !arguments_has(arguments, "config");
    if (!only_rules)
        check_configuration(inspection);
    if (rules == NULL && !text_is_missing(configuration->rules.file))
        rules = configuration->rules.file.data;
    if (rules != NULL)
        check_rules(inspection, rules, !only_rules);
    if (only_rules || arguments_has(arguments, "offline"))
        return;
    if (inspection->setup->findings.errors > 0) {
        tell(inspection, VERDICT_WARNING, TEXT("servers"), TEXT("not looked at: first mend what is wrong above"));
        return;
    }
    check_schema_registry(inspection);
    check_kafka(inspection);
    check_store(inspection);
}

static enum exit_status finish(struct inspection *inspection, struct error *error) {
    if (printer_close(&inspection->printer, error) != RESULT_OK) {
        log_write(inspection->invocation->log, LEVEL_ERROR, "%s", error->text);
        return EXIT_FAILED;
    }
    return inspection->setup->findings.errors > 0 ? EXIT_USAGE : EXIT_GOOD;
}

static enum exit_status run(const struct invocation *invocation) {
    struct setup setup;
    struct error error;
    struct inspection inspection = {
        .invocation = invocation,
        .setup = &setup,
        .colour = printer_has_colour(STDOUT_FILENO, invocation->environment),
    };
    printer_open(&inspection.printer, STDOUT_FILENO);
    inspection.printer.live = true; /* servers may take their time: what is known is to be seen */
    enum result result = setup_read(invocation, &setup);
    (void)result; /* what is wrong stands in the findings */
    if (arguments_has(invocation->arguments, "print")) {
        tell_findings(&inspection);
        configuration_print(&setup.configuration, &inspection.printer.buffer);
    } else {
        check_all(&inspection);
    }
    enum exit_status status = finish(&inspection, &error);
    setup_free(&setup);
    return status;
}

static const struct flag flags[] = {
    {"rules", 'r', "FILE", .about = "The rules to check, before those that the configuration names; alone: only them."},
    {"offline", 0, NULL, .about = "Needs no servers: looks at the configuration and the rules only, as in a CI."},
    {"print", 0, NULL,
     .about = "Prints the effective configuration, with where each value came from; secrets are masked."},
    {0},
};

const struct command command_check = {
    .name = "check",
    .summary = "look at configuration, rules, topics and Redis, and tell what is wrong",
    .about =
        "Looks at everything that `run` needs, and prints a line for each thing that is good, and for each problem its "
        "file "
        "and line, and the way out. Exit status 0: it can be run, perhaps with warnings; 2: it cannot.\n\n"
        "It looks at the configuration and the rules; then at Kafka: whether the topics are there and may be read, "
        "have the "
        "same number of partitions, whether the changelog is compacted and whole, and whether the records lie where "
        "`kafka.partitioner` puts them; then at Redis: whether it answers, may be written, runs scripts, never evicts, "
        "and "
        "holds nobody else's data. Nothing is changed, but for one key in Redis that is written and deleted.\n\n"
        "What can be seen only by doing it is not tried: writing to topics, and the transactional id.",
    .flags = flags,
    .configured = true,
    .examples = "bellwether check -c bellwether.yaml\n"
                "bellwether check -c bellwether.yaml --offline\n"
                "bellwether check -c bellwether.yaml --print\n"
                "bellwether check --rules rules.yaml",
    .run = run,
};
