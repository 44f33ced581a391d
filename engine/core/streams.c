#include "engine/core/streams.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define NO_BOUNDS       .lowest = 1, .highest = 0
#define SYMBOLS(array)  .symbols = (array), .symbols_count = COUNT_OF(array)

#define REQUIRED(field_name, field_type) \
    { .name = TEXT(field_name), .type = (field_type), NO_BOUNDS }
#define OPTIONAL(field_name, field_type) \
    { .name = TEXT(field_name), .type = (field_type), .nullable = true, NO_BOUNDS }
#define MAP(field_name) \
    { .name = TEXT(field_name), .type = FIELD_MAP, .has_default = true, NO_BOUNDS }

static const struct text login_methods[] = {TEXT("PASSWORD"), TEXT("SSO"), TEXT("TOKEN"), TEXT("OTHER")};
static const struct text ticket_actions[] = {TEXT("OPENED"),   TEXT("UPDATED"),  TEXT("ESCALATED"),
                                             TEXT("REOPENED"), TEXT("RESOLVED"), TEXT("CLOSED")};
static const struct text ticket_severities[] = {TEXT("LOW"), TEXT("NORMAL"), TEXT("HIGH"), TEXT("URGENT")};
static const struct text account_statuses[] = {TEXT("TRIAL"), TEXT("ACTIVE"), TEXT("PAUSED"), TEXT("CANCELLED")};

static const struct field account_fields[] = {
    REQUIRED("account_id", FIELD_STRING),
    REQUIRED("updated_at", FIELD_INSTANT),
    OPTIONAL("name", FIELD_STRING),
    {TEXT("status"), FIELD_ENUM, .has_default = true, .default_number = 1, NO_BOUNDS, SYMBOLS(account_statuses)},
    OPTIONAL("plan", FIELD_STRING),
    OPTIONAL("arr", FIELD_DOUBLE),
    OPTIONAL("currency", FIELD_STRING),
    OPTIONAL("seats", FIELD_INT),
    OPTIONAL("employees", FIELD_INT),
    OPTIONAL("industry", FIELD_STRING),
    OPTIONAL("country", FIELD_STRING),
    OPTIONAL("region", FIELD_STRING),
    OPTIONAL("created_at", FIELD_INSTANT),
    OPTIONAL("onboarded_at", FIELD_INSTANT),
    OPTIONAL("renews_at", FIELD_INSTANT),
    OPTIONAL("owner", FIELD_STRING),
    OPTIONAL("touch_override", FIELD_STRING),
    OPTIONAL("parent_account_id", FIELD_STRING),
    MAP("attributes"),
};

static const struct field usage_fields[] = {
    REQUIRED("event_id", FIELD_STRING),
    REQUIRED("account_id", FIELD_STRING),
    REQUIRED("user_id", FIELD_STRING),
    REQUIRED("occurred_at", FIELD_INSTANT),
    REQUIRED("feature", FIELD_STRING),
    {TEXT("quantity"), FIELD_LONG, .has_default = true, .default_number = 1, NO_BOUNDS},
    OPTIONAL("duration_ms", FIELD_LONG),
    MAP("properties"),
};

static const struct field login_fields[] = {
    REQUIRED("event_id", FIELD_STRING),
    REQUIRED("account_id", FIELD_STRING),
    REQUIRED("user_id", FIELD_STRING),
    REQUIRED("occurred_at", FIELD_INSTANT),
    {TEXT("method"), FIELD_ENUM, .has_default = true, .default_number = 3, NO_BOUNDS, SYMBOLS(login_methods)},
    {TEXT("succeeded"), FIELD_BOOLEAN, .has_default = true, .default_number = 1, NO_BOUNDS},
};

static const struct field ticket_fields[] = {
    REQUIRED("event_id", FIELD_STRING),
    REQUIRED("account_id", FIELD_STRING),
    OPTIONAL("user_id", FIELD_STRING),
    REQUIRED("occurred_at", FIELD_INSTANT),
    [TICKET_ID] = REQUIRED("ticket_id", FIELD_STRING),
    [TICKET_ACTION] = {TEXT("action"), FIELD_ENUM, NO_BOUNDS, SYMBOLS(ticket_actions)},
    {TEXT("severity"), FIELD_ENUM, .has_default = true, .default_number = 1, NO_BOUNDS, SYMBOLS(ticket_severities)},
    {TEXT("satisfaction"), FIELD_INT, .nullable = true, .lowest = 1, .highest = 5},
    OPTIONAL("subject", FIELD_STRING),
};

static const struct field nps_fields[] = {
    REQUIRED("event_id", FIELD_STRING),
    REQUIRED("account_id", FIELD_STRING),
    OPTIONAL("user_id", FIELD_STRING),
    REQUIRED("occurred_at", FIELD_INSTANT),
    {TEXT("score"), FIELD_INT, .lowest = 0, .highest = 10},
    OPTIONAL("comment", FIELD_STRING),
};

static const struct field custom_fields[] = {
    REQUIRED("event_id", FIELD_STRING),
    REQUIRED("account_id", FIELD_STRING),
    OPTIONAL("user_id", FIELD_STRING),
    REQUIRED("occurred_at", FIELD_INSTANT),
    REQUIRED("name", FIELD_STRING),
    OPTIONAL("value", FIELD_DOUBLE),
    MAP("properties"),
};

#define EVENTS(stream_name, stream_topic, stream_record, stream_fields)                                               \
    {                                                                                                                 \
        .name = TEXT(stream_name), .topic = TEXT(stream_topic), .record = TEXT(stream_record),                        \
        .fields = (stream_fields), .fields_count = COUNT_OF(stream_fields), .event_id = 0, .account_id = 1, .time = 3 \
    }

const struct stream_schema stream_schemas[STREAMS] = {
    [STREAM_ACCOUNT] = {.name = TEXT("account"),
                        .topic = TEXT("accounts"),
                        .record = TEXT("Account"),
                        .fields = account_fields,
                        .fields_count = COUNT_OF(account_fields),
                        .event_id = FIELDS_MAX,
                        .account_id = 0,
                        .time = 1},
    [STREAM_USAGE] = EVENTS("usage", "product-usage", "ProductUsage", usage_fields),
    [STREAM_LOGIN] = EVENTS("login", "logins", "Login", login_fields),
    [STREAM_TICKET] = EVENTS("ticket", "support-tickets", "SupportTicket", ticket_fields),
    [STREAM_NPS] = EVENTS("nps", "nps-responses", "NpsResponse", nps_fields),
    [STREAM_CUSTOM] = EVENTS("custom", "customer-events", "CustomerEvent", custom_fields),
};

enum stream stream_find(struct text name) {
    enum stream stream = 0;
    while (stream < STREAMS && !text_equal(stream_schemas[stream].name, name))
        stream++;
    return stream;
}

uint32_t stream_field(enum stream stream, struct text name) {
    const struct stream_schema *schema = &stream_schemas[stream];
    for (uint32_t i = 0; i < schema->fields_count; i++)
        if (text_equal(schema->fields[i].name, name))
            return i;
    return FIELDS_MAX;
}

uint32_t field_symbol(const struct field *field, struct text symbol) {
    for (uint32_t i = 0; i < field->symbols_count; i++)
        if (text_equal(field->symbols[i], symbol))
            return i;
    return UINT32_MAX;
}
