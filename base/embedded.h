// A file that was compiled into the program by bw_embed (cmake/Embed.cmake). Constant, valid for the life of the
// process, readable from any thread.
#pragma once

#include <stddef.h>

struct embedded_file {
    const char *name; // Its path below the folder that embeds it: "login.avsc", "rules/default.yaml".
    const char *text; // `length` bytes, and after them a zero.
    size_t length;
};
