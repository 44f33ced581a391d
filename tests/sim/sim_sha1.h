/* SHA-1, by which Redis names scripts. */
#pragma once

#include "base/text.h"

/* 40 hexadecimal digits and a zero. */
void sim_sha1(struct text bytes, char ret_hex[41]);
