/* How much a log message matters. Shared by the ports, the log and the option `log.level`. */
#pragma once

enum log_level {
    LEVEL_ERROR,   /* something cannot be done, and somebody must act */
    LEVEL_WARNING, /* it goes on, but not as it should */
    LEVEL_INFO,    /* what a daemon's life consists of */
    LEVEL_DEBUG,   /* for whoever looks into it */
};
