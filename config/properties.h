/* librdkafka's own properties in the configuration: which are passed on, which belong to the protocol, which are
 * secret. */
#pragma once

#include "config/configuration.h"

/* Adds one, or replaces the one of that name. RESULT_REJECT where it is not the user's to set, with the way out. */
MUST_USE enum result property_set(struct properties *properties, const struct property *property, struct error *error);

/* Whether a property's value must not be shown. */
bool property_is_secret(struct text name);

/* The property that an environment variable's end stands for: `SASL_USERNAME` is `sasl.username`. In the arena. */
struct text property_of_environment(struct arena *arena, struct text end);
