/* The planted bugs (base/planted.h) in the simulator's hands. Only in builds with BELLWETHER_PLANTED. */
#pragma once

#include "base/text.h"

/* What a server gets when the script is loaded: the same, or the script with the chosen bug in it. The result is valid
 * until the next call. */
struct text sim_planted_script(struct text body);
