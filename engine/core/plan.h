/* When an account is looked at again, and which of its events pass without an evaluation until then.
 *
 * A look ahead may reckon with events (horizon.h): then so many of the streams that are `lively` for the account change
 * no outcome, wherever they fall before the deadline. Each that comes is held against that: that it adds to what is
 * there already, that its slices are those of now or later, that there were not too many, nor too many new values. */
#pragma once

#include "engine/core/aggregates.h"
#include "engine/core/engine_internal.h"

/* The streams (bit i: stream i) of which events do no more than add to counts and sets, and move the newest instant. Of
 * others a look ahead could not know what they may bring. */
uint8_t plan_bounded_streams(const struct program *program);

/* Sets when the account, just evaluated, is looked at again. `former_ms`: its instant before the record. */
void plan_after_record(struct engine *engine, const struct clocks *clocks, enum stream stream, int64_t former_ms);
void plan_after_tick(struct engine *engine, const struct clocks *clocks);

/* The account, whose instant is ahead of the tick that came, is looked at at its own next tick. */
void plan_at(struct engine *engine, const struct clocks *clocks, int64_t tick_ms);

/* Whether the event, which was applied, provably changes no outcome. Then it is taken off what is left of such. */
bool plan_lets_pass(struct engine *engine, const struct event *event, const struct effect *effect, int64_t former_ms);
