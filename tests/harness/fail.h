// How the harness reports that it cannot do its work: the running test fails there and then, with a sentence that says
// what was tried and what came of it. Functions of the harness therefore return only what they promise, and tests are
// free of status checks. Called outside of a test, the process ends with an error.
#pragma once

_Noreturn void harness_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
