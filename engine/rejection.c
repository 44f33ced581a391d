#include "engine/rejection.h"

const struct rejection_definition rejection_definitions[REJECTION_REASONS] = {
    [REJECTION_UNDECODABLE] = {TEXT("undecodable"), TEXT("The bytes are not a value of the schema that they name.")},
    [REJECTION_UNKNOWN_SCHEMA] = {TEXT("unknown-schema"),
                                  TEXT("The writer's schema is not known, or cannot be resolved to ours.")},
    [REJECTION_INVALID_VALUE] = {TEXT("invalid-value"), TEXT("A field's value is not one that the schema allows.")},
    [REJECTION_INVALID_ACCOUNT_ID] = {TEXT("invalid-account-id"),
                                      TEXT("The account id is empty, longer than 512 bytes or not UTF-8.")},
    [REJECTION_FUTURE_TIMESTAMP] = {TEXT("future-timestamp"),
                                    TEXT("The event's time is later than its record's or than now, by more than the "
                                         "rules' clock.future_tolerance.")},
    [REJECTION_WRONG_PARTITION] = {TEXT("wrong-partition"),
                                   TEXT(
                                       "The record is not on the partition that kafka.partitioner gives its account.")},
    [REJECTION_RECORD_TOO_LARGE] = {TEXT("record-too-large"), TEXT("The record is larger than limits.record_bytes.")},
    [REJECTION_ACCOUNT_TOO_LARGE] = {TEXT("account-too-large"),
                                     TEXT("The event would make its account's state larger than "
                                          "limits.account_bytes.")},
};

enum rejection_reason rejection_find(struct text name) {
    for (int i = 0; i < REJECTION_REASONS; i++)
        if (text_equal(rejection_definitions[i].name, name))
            return (enum rejection_reason)i;
    return REJECTION_REASONS;
}
