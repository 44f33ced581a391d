#include "engine/merge.h"

#include <assert.h>
#include <stdlib.h>

#include "base/planted.h"
#include "engine/limits.h"

struct merge_input {
    struct message *heads; /* a ring of HEADS_PER_INPUT_MAX */
    uint32_t *notes;       /* of each head */
    uint32_t first, count;
    uint32_t ahead; /* of them, how many merge_ahead has given out */
    size_t bytes;
    int64_t position;
    int64_t end;
    int64_t limit;
    int64_t confirmed_ms;     /* when `end` was asked and position was there, or came there later; INSTANT_NONE */
    int64_t asked_ms;         /* when `end` was asked last */
    int64_t awaited_since_ms; /* INSTANT_NONE: is not awaited */
};

struct merge {
    struct merge_options options;
    enum stream chosen;    /* STREAMS: none */
    int64_t chosen_offset; /* of its record */
    /* The input whose head came first when all were looked at, and that whose head came next to it (STREAMS: none has
     * one): nobody was awaited, and nothing has become of any input since, but that records of the first were taken. */
    enum stream leader, rival; /* leader STREAMS: all have to be looked at */
    struct merge_input inputs[STREAMS];
};

static bool has_input(const struct merge *merge, int stream) {
    return (merge->options.streams >> stream & 1) != 0;
}

enum result merge_create(const struct merge_options *options, struct merge **ret_merge, struct error *error) {
    struct merge *merge = calloc(1, sizeof *merge);
    if (merge == NULL)
        return error_set(error, RESULT_FATAL, "Memory is out: no merge could be made.");
    merge->options = *options;
    merge->chosen = STREAMS;
    merge->leader = STREAMS;
    for (int i = 0; i < STREAMS; i++) {
        struct merge_input *input = &merge->inputs[i];
        *input = (struct merge_input){.limit = INT64_MAX,
                                      .confirmed_ms = INSTANT_NONE,
                                      .asked_ms = INSTANT_NONE,
                                      .awaited_since_ms = INSTANT_NONE};
        if (!has_input(merge, i))
            continue;
        input->heads = calloc(HEADS_PER_INPUT_MAX, sizeof *input->heads);
        input->notes = calloc(HEADS_PER_INPUT_MAX, sizeof *input->notes);
        if (input->heads == NULL || input->notes == NULL) {
            merge_free(merge);
            return error_set(error, RESULT_FATAL, "Memory is out: no merge could be made.");
        }
    }
    *ret_merge = merge;
    return RESULT_OK;
}

void merge_free(struct merge *merge) {
    if (merge == NULL)
        return;
    for (int i = 0; i < STREAMS; i++) {
        assert(merge->inputs[i].count == 0);
        free(merge->inputs[i].heads);
        free(merge->inputs[i].notes);
    }
    free(merge);
}

static struct message *head_at(const struct merge_input *input, uint32_t place) {
    return &input->heads[(input->first + place) % HEADS_PER_INPUT_MAX];
}

static uint32_t *note_at(const struct merge_input *input, uint32_t place) {
    return &input->notes[(input->first + place) % HEADS_PER_INPUT_MAX];
}

static bool at_end(const struct merge_input *input) {
    return input->position >= input->end || input->position >= input->limit;
}

void merge_begin(struct merge *merge, enum stream stream, int64_t offset) {
    merge->leader = STREAMS;
    merge->inputs[stream].position = offset;
    /* Until its end is asked, more may be there. */
    merge->inputs[stream].end = INT64_MAX;
}

void merge_limit(struct merge *merge, enum stream stream, int64_t offset) {
    merge->leader = STREAMS;
    merge->inputs[stream].limit = offset;
}

/* ---- what comes in */

static size_t message_bytes(const struct message *message) {
    return (size_t)message->key.size + message->value.size;
}

uint32_t merge_room(const struct merge *merge, enum stream stream) {
    const struct merge_input *input = &merge->inputs[stream];
    return input->bytes >= HEADS_BYTES_PER_INPUT_MAX ? 0 : HEADS_PER_INPUT_MAX - input->count;
}

uint32_t merge_put(struct merge *merge, enum stream stream, const struct message *messages, uint32_t count,
                   int64_t position) {
    struct merge_input *input = &merge->inputs[stream];
    assert(count <= HEADS_PER_INPUT_MAX - input->count);
    merge->leader = STREAMS;
    uint32_t kept = 0;
    while (kept < count && messages[kept].offset < input->limit) {
        input->bytes += message_bytes(&messages[kept]);
        *note_at(input, input->count) = MERGE_NOTE_NONE;
        *head_at(input, input->count++) = messages[kept++];
    }
    if (position != OFFSET_NONE && position > input->position) {
        input->position = position;
        /* What was asked before still holds: nothing stable is behind it. */
        if (at_end(input))
            input->confirmed_ms = input->asked_ms;
    }
    if (kept > 0)
        input->awaited_since_ms = INSTANT_NONE;
    return kept;
}

void merge_confirm(struct merge *merge, enum stream stream, int64_t stable, int64_t asked_ms) {
    struct merge_input *input = &merge->inputs[stream];
    merge->leader = STREAMS;
    if (input->end == INT64_MAX || stable > input->end)
        input->end = stable;
    input->asked_ms = asked_ms;
    if (at_end(input))
        input->confirmed_ms = asked_ms;
}

/* ---- what goes out */

static bool before(const struct message *left, const struct message *right) {
    return left->timestamp_ms != right->timestamp_ms ? left->timestamp_ms < right->timestamp_ms
                                                     : left->stream < right->stream;
}

static void note_awaited(struct merge_input *input, int64_t now_ms) {
    if (input->awaited_since_ms == INSTANT_NONE)
        input->awaited_since_ms = now_ms;
}

/* Whether the input, which has no head, is awaited; notes since when. */
static bool await(struct merge_input *input, int64_t now_ms) {
    if (at_end(input)) {
        input->awaited_since_ms = INSTANT_NONE;
        return false;
    }
    note_awaited(input, now_ms);
    return true;
}

/* The input whose head comes first (STREAMS: none has one), and the next one; whether one is awaited. */
static enum stream first_head(struct merge *merge, int64_t now_ms, enum stream *ret_second, bool *ret_awaited) {
    const struct message *first = NULL, *second = NULL;
    *ret_awaited = false;
    for (uint32_t left = merge->options.streams; left != 0; left &= left - 1) {
        struct merge_input *input = &merge->inputs[__builtin_ctz(left)];
        if (input->count == 0) {
            *ret_awaited |= await(input, now_ms);
            continue;
        }
        const struct message *head = head_at(input, 0);
        if (first == NULL || before(head, first)) {
            second = first;
            first = head;
        } else if (second == NULL || before(head, second)) {
            second = head;
        }
    }
    *ret_second = second == NULL ? STREAMS : second->stream;
    return first == NULL ? STREAMS : first->stream;
}

/* Whether the chosen record can come no more: the input has gone on behind it. */
static bool is_gone(const struct merge *merge) {
    const struct merge_input *input = &merge->inputs[merge->chosen];
    if (PLANTED(chosen_by_stream))
        return false;
    if (input->count > 0)
        return head_at(input, 0)->offset != merge->chosen_offset;
    return input->position > merge->chosen_offset || input->position >= input->limit;
}

enum stream merge_chosen(const struct merge *merge) {
    return merge->chosen == STREAMS || is_gone(merge) ? STREAMS : merge->chosen;
}

int64_t merge_chosen_offset(const struct merge *merge) {
    return merge->chosen_offset;
}

void merge_choose(struct merge *merge, enum stream stream, int64_t offset) {
    assert(has_input(merge, stream));
    merge->chosen = stream;
    merge->chosen_offset = offset;
}

/* Whether the leader comes first again, as its next head comes before the rival's too. */
static bool leads_still(const struct merge *merge) {
    if (merge->leader == STREAMS || merge->inputs[merge->leader].count == 0)
        return false;
    return merge->rival == STREAMS ||
           before(head_at(&merge->inputs[merge->leader], 0), head_at(&merge->inputs[merge->rival], 0));
}

/* Chooses the record that comes first of all inputs'. */
static enum merge_state choose(struct merge *merge, int64_t now_ms) {
    bool awaited;
    enum stream first = first_head(merge, now_ms, &merge->rival, &awaited);
    merge->leader = awaited ? STREAMS : first;
    if (awaited)
        return MERGE_AWAITED;
    if (first == STREAMS)
        return MERGE_END;
    merge_choose(merge, first, head_at(&merge->inputs[first], 0)->offset);
    return MERGE_HEAD;
}

static __attribute__((noinline)) enum merge_state look_at_all(struct merge *merge, int64_t now_ms,
                                                              enum stream *ret_stream) {
    merge->chosen = merge_chosen(merge);
    enum merge_state state = MERGE_HEAD;
    if (merge->chosen == STREAMS) {
        state = choose(merge, now_ms);
    } else if (merge->inputs[merge->chosen].count == 0) {
        /* It was there once: a stable offset before it is that of a leader that lags. */
        note_awaited(&merge->inputs[merge->chosen], now_ms);
        state = MERGE_AWAITED;
    }
    *ret_stream = merge->chosen;
    return state;
}

enum merge_state merge_next(struct merge *merge, int64_t now_ms, enum stream *ret_stream) {
    if (merge->chosen != STREAMS || !leads_still(merge))
        return look_at_all(merge, now_ms, ret_stream);
    merge->chosen = merge->leader;
    merge->chosen_offset = head_at(&merge->inputs[merge->leader], 0)->offset;
    *ret_stream = merge->leader;
    return MERGE_HEAD;
}

const struct message *merge_head(const struct merge *merge) {
    assert(merge->chosen != STREAMS && merge->inputs[merge->chosen].count > 0);
    return head_at(&merge->inputs[merge->chosen], 0);
}

static const struct message *pop(struct merge_input *input) {
    const struct message *message = head_at(input, 0);
    input->first = (input->first + 1) % HEADS_PER_INPUT_MAX;
    input->count--;
    input->bytes -= message_bytes(message);
    if (input->ahead > 0)
        input->ahead--;
    return message;
}

const struct message *merge_take(struct merge *merge) {
    assert(merge->chosen != STREAMS && merge->inputs[merge->chosen].count > 0);
    struct merge_input *input = &merge->inputs[merge->chosen];
    if (merge->chosen != merge->leader)
        merge->leader = STREAMS;
    merge->chosen = STREAMS;
    return pop(input);
}

bool merge_clear(struct merge *merge, struct message *ret_message) {
    merge->chosen = STREAMS;
    merge->leader = STREAMS;
    for (int i = 0; i < STREAMS; i++) {
        if (merge->inputs[i].count == 0)
            continue;
        *ret_message = *pop(&merge->inputs[i]);
        return true;
    }
    return false;
}

/* ---- what is known */

bool merge_confirmed(const struct merge *merge, int64_t now_ms) {
    for (int i = 0; i < STREAMS; i++) {
        const struct merge_input *input = &merge->inputs[i];
        if (has_input(merge, i) && (input->count > 0 || !at_end(input) || input->confirmed_ms == INSTANT_NONE ||
                                    now_ms - input->confirmed_ms > merge->options.confirm_max_ms))
            return false;
    }
    return true;
}

bool merge_is_dry(const struct merge *merge, enum stream stream) {
    return has_input(merge, stream) && merge->inputs[stream].count == 0;
}

uint32_t merge_stalled(const struct merge *merge, int64_t now_ms) {
    uint32_t stalled = 0;
    for (int i = 0; i < STREAMS; i++) {
        int64_t since_ms = merge->inputs[i].awaited_since_ms;
        if (since_ms != INSTANT_NONE && now_ms - since_ms > merge->options.wait_max_ms)
            stalled |= 1u << i;
    }
    return stalled;
}

bool merge_finished(const struct merge *merge) {
    for (int i = 0; i < STREAMS; i++) {
        const struct merge_input *input = &merge->inputs[i];
        if (has_input(merge, i) && (input->count > 0 || input->position < input->limit))
            return false;
    }
    return true;
}

int64_t merge_lag(const struct merge *merge) {
    int64_t lag = 0;
    for (int i = 0; i < STREAMS; i++) {
        const struct merge_input *input = &merge->inputs[i];
        if (!has_input(merge, i))
            continue;
        if (input->end != INT64_MAX && input->end > input->position)
            lag += input->end - input->position;
        lag += input->count;
    }
    return lag;
}

const struct message *merge_ahead(struct merge *merge, uint32_t **ret_note) {
    for (int i = 0; i < STREAMS; i++) {
        struct merge_input *input = &merge->inputs[i];
        if (input->ahead >= input->count)
            continue;
        *ret_note = note_at(input, input->ahead);
        return head_at(input, input->ahead++);
    }
    return NULL;
}

uint32_t merge_note(const struct merge *merge, enum stream stream, uint32_t distance) {
    const struct merge_input *input = &merge->inputs[stream];
    return distance < input->count ? *note_at(input, distance) : MERGE_NOTE_NONE;
}

void merge_ahead_again(struct merge *merge) {
    for (int i = 0; i < STREAMS; i++)
        merge->inputs[i].ahead = 0;
}
