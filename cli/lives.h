/* The lives that simulated customers lead: what happens to each kind, and on which of its days. Constant. */
#pragma once

#include <stdint.h>

#include "engine/core/streams.h"

enum act_kind {
    ACT_ACTIVITY,  /* from here on `value` of the usual activity, reached within ten days */
    ACT_ONBOARDED, /* onboarding is done */
    ACT_TICKET,  /* a ticket of severity `text` is opened, and resolved after `value` days with a poor or good rating */
    ACT_NPS,     /* somebody answers with `value` */
    ACT_CUSTOM,  /* the event `text` */
    ACT_STATUS,  /* the status becomes `text` */
    ACT_RENEWED, /* the contract is renewed for a year */
    ACT_SEATS,   /* seats are multiplied by `value` */
};

struct act {
    int day; /* of the life, whose first is 0; moved by up to two days either way for each account */
    enum act_kind kind;
    double value;
    const char *text;
};

struct life {
    const char *title;           /* `declines and leaves` */
    uint32_t share;              /* how many accounts of SIMULATION_ACCOUNTS lead it */
    int joins_first, joins_last; /* the day of the simulation on which it begins; below 0: a customer of old, whose life
                                    of before is not told */
    int created_before;          /* days between the account's creation and the life's begin */
    int renews_after;            /* days from the life's begin to the contract's end */
    const char *status;          /* at first */
    const struct act *acts;      /* by day; ends with a row without a kind's text and day -1 */
};

extern const struct life lives[];
extern const uint32_t lives_count;
