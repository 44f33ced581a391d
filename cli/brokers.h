/* Whether any broker answers, for commands that somebody watches: nobody is left to wonder what is waited for. */
#pragma once

#include "cli/setup.h"

/* Waits until a broker answers, up to `timeout_ms`, and logs what is waited for where that takes more than a moment.
 * RESULT_RETRY: none did. */
MUST_USE enum result brokers_await(const struct setup *setup, int timeout_ms, struct error *error);
