#include <unistd.h>

#include <curl/curl.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>

#include "bellwether_version.h"
#include "cli/commands.h"
#include "cli/printer.h"

static enum exit_status run(const struct invocation *invocation) {
    struct printer printer;
    struct error error;
    printer_open(&printer, STDOUT_FILENO);
    buffer_printf(&printer.buffer, "bellwether %s (%s)\n", BELLWETHER_VERSION, BELLWETHER_REVISION);
    buffer_printf(&printer.buffer, "librdkafka %s, hiredis %d.%d.%d, jansson %s, libmicrohttpd %s, libcurl %s\n",
                  rd_kafka_version_str(), HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH, JANSSON_VERSION,
                  MHD_get_version(), curl_version_info(CURLVERSION_NOW)->version);
    if (printer_close(&printer, &error) == RESULT_OK)
        return EXIT_GOOD;
    log_write(invocation->log, LEVEL_ERROR, "%s", error.text);
    return EXIT_FAILED;
}

const struct command command_version = {
    .name = "version",
    .summary = "the version of the program and of what it stands on",
    .about = "Prints the version of the program, the revision that it was built from, and the versions of the "
             "libraries that "
             "it runs with.",
    .run = run,
};
