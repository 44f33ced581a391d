#include "tests/sim/sim_events.h"

#include <stdio.h>

#include "engine/validate.h"
#include "store/redis_internal.h"

#define NAME_SIZE 16

static struct text name_of(uint32_t number, char name[NAME_SIZE]) {
    return (struct text){name, (uint32_t)snprintf(name, NAME_SIZE, "a%u", number)};
}

/* In half of the worlds all accounts lie in a few buckets of the store, which so become large. */
static void name_accounts(struct sim_events *events) {
    uint32_t buckets = sim_one_in(events->chance, 2) ? STORE_BUCKETS : 1 + sim_below(events->chance, 3);
    uint32_t number = 0;
    for (uint32_t i = 0; i < events->accounts; i++) {
        char name[NAME_SIZE];
        while (store_bucket(name_of(number, name)) >= buckets)
            number++;
        events->numbers[i] = number++;
    }
}

void sim_events_draw(struct sim_events *events, struct sim_chance *chance, struct sim_kafka *kafka, int64_t unit_ms) {
    *events = (struct sim_events){.chance = chance, .kafka = kafka, .unit_ms = unit_ms};
    events->accounts = 1 + sim_below(chance, sim_one_in(chance, 3) ? SIM_ACCOUNTS_MAX : 12);
    name_accounts(events);
    events->stamped_by_broker = sim_one_in(chance, 2);
    uint32_t *rates[] = {&events->late,   &events->future, &events->repeated, &events->poison,
                         &events->erased, &events->marker, &events->misplaced};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        *rates[i] = sim_one_in(chance, 2) ? 0 : 3 + sim_below(chance, 40);
}

static void produce(struct sim_events *events, enum stream stream, const char *account, int64_t timestamp_ms,
                    struct text value) {
    struct text key = text_of(account);
    int32_t partition = partitioner_partition(PARTITIONER_MURMUR2, key, events->kafka->partitions);
    if (sim_one_in(events->chance, events->misplaced))
        partition = (int32_t)sim_below(events->chance, (uint32_t)events->kafka->partitions);
    if (sim_one_in(events->chance, events->poison))
        key = sim_one_in(events->chance, 2) ? TEXT_MISSING : TEXT("another");
    sim_kafka_produce(events->kafka, stream, partition, timestamp_ms, key, value);
    if (sim_one_in(events->chance, events->marker))
        sim_kafka_produce_marker(events->kafka, (enum stream)sim_below(events->chance, 3), partition);
}

static void produce_facts(struct sim_events *events, const char *account, int64_t time_ms, int64_t timestamp_ms) {
    static const char *const facts[] = {"", ",\"plan\":\"free\"", ",\"plan\":\"team\",\"seats\":10",
                                        ",\"status\":\"CANCELLED\"", ",\"arr\":1200.5,\"plan\":\"team\""};
    char line[256];
    if (sim_one_in(events->chance, events->erased)) {
        int32_t partition = partitioner_partition(PARTITIONER_MURMUR2, text_of(account), events->kafka->partitions);
        sim_kafka_produce(events->kafka, STREAM_ACCOUNT, partition, timestamp_ms, text_of(account), TEXT_MISSING);
        return;
    }
    snprintf(line, sizeof line, "{\"stream\":\"account\",\"account_id\":\"%s\",\"updated_at\":%lld%s}", account,
             (long long)time_ms, facts[sim_below(events->chance, 5)]);
    produce(events, STREAM_ACCOUNT, account, timestamp_ms, text_of(line));
}

static void produce_activity(struct sim_events *events, const char *account, int64_t time_ms, int64_t timestamp_ms) {
    struct sim_chance *chance = events->chance;
    char line[320], id[32];
    enum stream stream = sim_one_in(chance, 3) ? STREAM_LOGIN : STREAM_USAGE;
    uint64_t number = events->count;
    if (sim_one_in(chance, events->repeated))
        number -= sim_below(chance, number < 8 ? (uint32_t)number + 1 : 8);
    snprintf(id, sizeof id, "e%llu", (unsigned long long)number);
    snprintf(line, sizeof line,
             "{\"stream\":\"%s\",\"event_id\":\"%s\",\"account_id\":\"%s\",\"user_id\":\"u%u\",\"occurred_at\":%lld%s}",
             stream_schemas[stream].name.data, id, account, sim_below(chance, 5), (long long)time_ms,
             stream == STREAM_USAGE  ? ",\"feature\":\"f\""
             : sim_one_in(chance, 5) ? ",\"succeeded\":false"
                                     : "");
    struct text value = text_of(line);
    if (sim_one_in(chance, events->poison))
        value = sim_one_in(chance, 3) ? TEXT_MISSING : (struct text){line, sim_below(chance, value.size)};
    produce(events, stream, account, timestamp_ms, value);
}

void sim_events_produce(struct sim_events *events, int64_t at_ms) {
    struct sim_chance *chance = events->chance;
    char account[NAME_SIZE];
    events->count++;
    (void)name_of(events->numbers[sim_below(chance, events->accounts)], account);
    int64_t time_ms = at_ms;
    if (sim_one_in(chance, events->late))
        time_ms -= (int64_t)sim_below(chance, 60) * events->unit_ms / 2;
    if (sim_one_in(chance, events->future))
        time_ms += (int64_t)sim_below(chance, 2000) * events->unit_ms / 10;
    int64_t timestamp_ms = events->stamped_by_broker ? at_ms : time_ms;
    if (sim_one_in(chance, 8))
        produce_facts(events, account, time_ms, timestamp_ms);
    else
        produce_activity(events, account, time_ms, timestamp_ms);
}

void sim_events_fill(struct sim_events *events, int64_t from_ms, int64_t to_ms, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        sim_events_produce(events, from_ms + (to_ms - from_ms) / count * i +
                                       sim_below(events->chance, (uint32_t)((to_ms - from_ms) / count + 1)));
}
