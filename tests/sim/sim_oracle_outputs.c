#include "producer/change_json.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_oracle_internal.h"

void oracle_add_record(struct output_records *records, enum output output, struct text account, struct text value) {
    records->items = sim_grown(records->items, records->count, &records->capacity, sizeof *records->items);
    records->items[records->count++] = (struct output_record){output, account, value};
}

struct text oracle_keep(struct sim_oracle *oracle, struct text text) {
    return text_is_missing(text) ? text : arena_text(&oracle->arena, text);
}

enum result oracle_expect(void *context, const struct change *changes, uint32_t count, const struct status *status,
                          struct error *error) {
    struct oracle_shard *shard = context;
    struct sim_oracle *oracle = shard->oracle;
    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        buffer_clear(&oracle->scratch);
        change_write_json(&changes[i], NULL, &oracle->scratch);
        oracle_add_record(&shard->expected, OUTPUT_CHANGES, oracle_keep(oracle, changes[i].account_id),
                          oracle_keep(oracle, buffer_text(&oracle->scratch)));
    }
    if (status == NULL)
        return RESULT_OK;
    buffer_clear(&oracle->scratch);
    if (!status->erased)
        status_write_json(status, &oracle->scratch);
    oracle_add_record(&shard->expected, OUTPUT_STATUSES, oracle_keep(oracle, status->account_id),
                      status->erased ? TEXT_MISSING : oracle_keep(oracle, buffer_text(&oracle->scratch)));
    return RESULT_OK;
}

void oracle_expect_dead_letter(struct oracle_shard *shard, const struct message *message,
                               const struct rejection *rejection) {
    struct sim_oracle *oracle = shard->oracle;
    buffer_clear(&oracle->scratch);
    buffer_put_text(&oracle->scratch, rejection_definitions[rejection->reason].name);
    buffer_printf(&oracle->scratch, " %d %d %lld", (int)message->stream, message->partition,
                  (long long)message->offset);
    oracle_add_record(&shard->expected, OUTPUT_DEAD_LETTERS, TEXT(""),
                      oracle_keep(oracle, buffer_text(&oracle->scratch)));
}

static const struct output_record *first_of(const struct output_records *records, const struct output_record *like,
                                            uint32_t *ret_place) {
    for (uint32_t i = 0; i < records->count; i++)
        if (records->items[i].output == like->output && text_equal(records->items[i].account, like->account)) {
            *ret_place = i;
            return &records->items[i];
        }
    return NULL;
}

static const char *const output_names[OUTPUTS] = {"change", "status", "dead letter", "changelog record"};

void oracle_compare_outputs(struct oracle_shard *shard) {
    for (uint32_t i = 0; i < shard->found.count; i++) {
        const struct output_record *found = &shard->found.items[i];
        uint32_t place;
        const struct output_record *expected = first_of(&shard->expected, found, &place);
        if (expected == NULL)
            sim_violation("nothing is doubled", "A %s of account %.*s on shard %d is not expected:\n%.*s",
                          output_names[found->output], TEXT_ARGUMENTS(found->account), shard->number,
                          TEXT_ARGUMENTS(found->value));
        bool equal = text_is_missing(found->value) ? text_is_missing(expected->value)
                                                   : text_equal(found->value, expected->value);
        if (!equal)
            sim_violation("nothing is wrong", "A %s of account %.*s on shard %d:\nexpected %.*s\nfound    %.*s",
                          output_names[found->output], TEXT_ARGUMENTS(found->account), shard->number,
                          TEXT_ARGUMENTS(expected->value), TEXT_ARGUMENTS(found->value));
        shard->oracle->changes += found->output == OUTPUT_CHANGES;
        /* The order within an account and output has to stay. */
        for (uint32_t j = place + 1; j < shard->expected.count; j++)
            shard->expected.items[j - 1] = shard->expected.items[j];
        shard->expected.count--;
    }
    if (shard->expected.count > 0)
        sim_violation("nothing is lost", "A %s of account %.*s on shard %d did not come:\n%.*s",
                      output_names[shard->expected.items[0].output], TEXT_ARGUMENTS(shard->expected.items[0].account),
                      shard->number, TEXT_ARGUMENTS(shard->expected.items[0].value));
    shard->found.count = 0;
}
