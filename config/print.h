/* The configuration and its options as text for people: what `check --print` shows, and docs/configuration.md. */
#pragma once

#include "base/buffer.h"
#include "config/configuration.h"

/* The effective configuration as YAML that can be read back, each line with where its value came from. Secrets are
 * masked: of secret options, of librdkafka's properties that hold some, and of URLs. */
void configuration_print(const struct configuration *configuration, struct buffer *out);

/* docs/configuration.md, from the table of options. */
void options_document(struct buffer *out);
