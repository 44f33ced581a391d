#include "cli/lives.h"

#include "cli/simulation.h"

#define END \
    { -1, ACT_ACTIVITY, 0, NULL }

static const struct act thrives[] = {
    {0, ACT_ACTIVITY, 0.2, NULL},
    {0, ACT_CUSTOM, 0, "onboarding_started"},
    {1, ACT_CUSTOM, 0, "csm_assigned"},
    {4, ACT_CUSTOM, 0, "outcome_agreed"},
    {5, ACT_ACTIVITY, 0.6, NULL},
    {9, ACT_CUSTOM, 0, "integration_connected"},
    {18, ACT_ONBOARDED, 0, NULL},
    {20, ACT_ACTIVITY, 1, NULL},
    {30, ACT_CUSTOM, 0, "csm_call"},
    {45, ACT_NPS, 9, NULL},
    {50, ACT_CUSTOM, 0, "outcome_reached"},
    {55, ACT_CUSTOM, 0, "csm_call"},
    {60, ACT_ACTIVITY, 1.3, NULL},
    {62, ACT_CUSTOM, 0, "feature_locked"},
    {66, ACT_CUSTOM, 0, "pricing_viewed"},
    {70, ACT_CUSTOM, 0, "feature_locked"},
    {80, ACT_SEATS, 1.5, NULL},
    {82, ACT_NPS, 10, NULL},
    {84, ACT_CUSTOM, 0, "referral_given"},
    END,
};

static const struct act steady[] = {
    {0, ACT_ACTIVITY, 0.9, NULL},
    {2, ACT_CUSTOM, 0, "csm_call"},
    {15, ACT_CUSTOM, 0, "outcome_reached"},
    {20, ACT_NPS, 9, NULL},
    {28, ACT_CUSTOM, 0, "csm_email"},
    {40, ACT_TICKET, 2, "NORMAL"},
    {52, ACT_CUSTOM, 0, "csm_call"},
    {78, ACT_CUSTOM, 0, "business_review"},
    {90, ACT_NPS, 9, NULL},
    {104, ACT_CUSTOM, 0, "csm_call"},
    END,
};

static const struct act declines[] = {
    {0, ACT_ACTIVITY, 1, NULL},
    {3, ACT_CUSTOM, 0, "csm_call"},
    {10, ACT_NPS, 8, NULL},
    {45, ACT_ACTIVITY, 0.4, NULL},
    {52, ACT_TICKET, 9, "HIGH"},
    {56, ACT_NPS, 4, NULL},
    {58, ACT_TICKET, 12, "URGENT"},
    {60, ACT_ACTIVITY, 0.12, NULL},
    {66, ACT_CUSTOM, 0, "integration_disconnected"},
    {74, ACT_ACTIVITY, 0, NULL},
    {78, ACT_NPS, 2, NULL},
    {88, ACT_CUSTOM, 0, "cancellation_requested"},
    {100, ACT_STATUS, 0, "CANCELLED"},
    END,
};

static const struct act complains[] = {
    {0, ACT_ACTIVITY, 1, NULL},
    {12, ACT_CUSTOM, 0, "csm_call"},
    {25, ACT_TICKET, 8, "HIGH"},
    {29, ACT_TICKET, 10, "URGENT"},
    {31, ACT_CUSTOM, 0, "error_shown"},
    {32, ACT_NPS, 3, NULL},
    {34, ACT_TICKET, 6, "URGENT"},
    {36, ACT_ACTIVITY, 0.6, NULL},
    {44, ACT_CUSTOM, 0, "csm_visit"},
    {50, ACT_ACTIVITY, 1, NULL},
    {75, ACT_CUSTOM, 0, "csm_call"},
    {80, ACT_NPS, 8, NULL},
    {95, ACT_CUSTOM, 0, "outcome_reached"},
    END,
};

static const struct act goes_silent[] = {
    {0, ACT_ACTIVITY, 1, NULL},
    {8, ACT_CUSTOM, 0, "csm_call"},
    {20, ACT_NPS, 7, NULL},
    {50, ACT_ACTIVITY, 0, NULL},
    END,
};

static const struct act comes_back[] = {
    {0, ACT_ACTIVITY, 1, NULL},
    {8, ACT_CUSTOM, 0, "csm_call"},
    {35, ACT_ACTIVITY, 0, NULL},
    {58, ACT_CUSTOM, 0, "csm_call"},
    {61, ACT_ACTIVITY, 0.9, NULL},
    {90, ACT_NPS, 8, NULL},
    END,
};

static const struct act does_not_pay[] = {
    {0, ACT_ACTIVITY, 0.8, NULL},
    {30, ACT_CUSTOM, 0, "invoice_overdue"},
    {44, ACT_CUSTOM, 0, "invoice_overdue"},
    {52, ACT_CUSTOM, 0, "invoice_paid"},
    {80, ACT_CUSTOM, 0, "payment_failed"},
    {83, ACT_CUSTOM, 0, "invoice_overdue"},
    {85, ACT_ACTIVITY, 0.3, NULL},
    {97, ACT_CUSTOM, 0, "invoice_overdue"},
    {108, ACT_STATUS, 0, "PAUSED"},
    {108, ACT_ACTIVITY, 0, NULL},
    END,
};

static const struct act renews[] = {
    {0, ACT_ACTIVITY, 0.9, NULL},     {10, ACT_CUSTOM, 0, "business_review"},
    {18, ACT_NPS, 8, NULL},           {35, ACT_CUSTOM, 0, "outcome_reached"},
    {45, ACT_CUSTOM, 0, "csm_call"},  {60, ACT_TICKET, 3, "NORMAL"},
    {72, ACT_RENEWED, 0, NULL},       {74, ACT_CUSTOM, 0, "outcome_agreed"},
    {100, ACT_CUSTOM, 0, "csm_call"}, END,
};

static const struct act does_not_renew[] = {
    {0, ACT_ACTIVITY, 0.7, NULL},
    {20, ACT_NPS, 6, NULL},
    {30, ACT_ACTIVITY, 0.4, NULL},
    {45, ACT_CUSTOM, 0, "csm_call"},
    {50, ACT_CUSTOM, 0, "cancellation_requested"},
    {60, ACT_ACTIVITY, 0.15, NULL},
    {75, ACT_STATUS, 0, "CANCELLED"},
    {75, ACT_ACTIVITY, 0, NULL},
    END,
};

static const struct act starts_slowly[] = {
    {0, ACT_ACTIVITY, 0.05, NULL},
    {0, ACT_CUSTOM, 0, "onboarding_started"},
    {2, ACT_CUSTOM, 0, "csm_assigned"},
    {3, ACT_CUSTOM, 0, "integration_planned"},
    {20, ACT_TICKET, 5, "NORMAL"},
    {55, ACT_CUSTOM, 0, "csm_visit"},
    {58, ACT_ACTIVITY, 0.5, NULL},
    {60, ACT_CUSTOM, 0, "integration_connected"},
    {66, ACT_ONBOARDED, 0, NULL},
    {75, ACT_ACTIVITY, 0.9, NULL},
    END,
};

static const struct act trial_stays[] = {
    {0, ACT_ACTIVITY, 0.8, NULL},
    {26, ACT_STATUS, 0, "ACTIVE"},
    {26, ACT_RENEWED, 0, NULL},
    {27, ACT_ONBOARDED, 0, NULL},
    {30, ACT_ACTIVITY, 1.1, NULL},
    {60, ACT_NPS, 9, NULL},
    END,
};

static const struct act trial_leaves[] = {
    {0, ACT_ACTIVITY, 0.4, NULL},
    {10, ACT_ACTIVITY, 0.1, NULL},
    {30, ACT_STATUS, 0, "CANCELLED"},
    {30, ACT_ACTIVITY, 0, NULL},
    END,
};

/* The shares add up to SIMULATION_ACCOUNTS; a unit test sees to it. */
const struct life lives[] = {
    {"arrives and thrives", 8, 0, 30, 0, 365, "ACTIVE", thrives},
    {"goes on as ever", 14, -1, -1, 500, 200, "ACTIVE", steady},
    {"declines and leaves", 6, -1, -1, 250, 160, "ACTIVE", declines},
    {"complains, is heard and stays", 5, -1, -1, 320, 300, "ACTIVE", complains},
    {"goes silent", 4, -1, -1, 400, 250, "ACTIVE", goes_silent},
    {"goes silent and comes back", 4, -1, -1, 220, 240, "ACTIVE", comes_back},
    {"does not pay", 4, -1, -1, 300, 280, "ACTIVE", does_not_pay},
    {"renews", 5, -1, -1, 290, 75, "ACTIVE", renews},
    {"does not renew", 3, -1, -1, 290, 75, "ACTIVE", does_not_renew},
    {"starts slowly", 3, 0, 25, 0, 365, "ACTIVE", starts_slowly},
    {"tries and stays", 2, 5, 60, 0, 30, "TRIAL", trial_stays},
    {"tries and leaves", 2, 5, 60, 0, 30, "TRIAL", trial_leaves},
};
const uint32_t lives_count = sizeof lives / sizeof lives[0];
