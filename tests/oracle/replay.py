"""The shard of `replay`: its clocks, its accounts, and the order of their evaluations."""
import time
from collections import deque
from dataclasses import dataclass, field

from decisions import (DimensionState, SegmentState, decide_dimension, decide_segment, exit_of,
                       rounded, score_result)
from records import EVENT_STREAMS, Invalid
from times import iso
from views import AccountView

FACTS_PRINTED = ("name", "owner", "plan", "arr", "currency")


@dataclass
class Account:
    """All that is known of an account: every event is kept."""
    id: str
    now: int
    sequence: int = 0
    erased: bool = False
    facts: dict | None = None
    events: dict = field(default_factory=lambda: {stream: [] for stream in EVENT_STREAMS})
    event_ids: dict = field(default_factory=dict)       # stream -> the newest accepted, by arrival
    dimensions: dict = field(default_factory=dict)
    segments: dict = field(default_factory=dict)
    oldest_time: int | None = None                      # of its events, of any stream
    aggregate_memo: dict = field(default_factory=dict)  # stream -> values of its aggregates

    def erase(self):
        """All state is deleted save the id, `now(A)` and the last sequence number."""
        self.__init__(self.id, self.now, self.sequence, erased=True)


class Replay:
    """Takes records in their order of arrival; `changes` are handed to `emit` one by one."""

    def __init__(self, rules, emit, live_from=None):
        self.rules, self.emit, self.live_from = rules, emit, live_from
        self.accounts = {}              # in the order of their first appearance
        self.watermark = None
        self.newest = {}                # stream -> the greatest event time seen
        self.arrivals = 0

    # ---- records -----------------------------------------------------------------------------

    def accept(self, record):
        """Section 1's steps for one record; raises `Invalid` for a future timestamp."""
        self._check_not_future(record)
        account = self.accounts.get(record.account_id)
        if account is not None and self._is_duplicate(account, record):
            return
        self._move_watermark(record.time - self.rules.clock.lateness)       # step 1
        if record.stream != "account":
            self.newest[record.stream] = max(self.newest.get(record.stream, record.time),
                                             record.time)
        if account is None or account.erased:
            if record.deleted:
                return
            if account is not None and record.stream != "account":
                return                                                      # dropped, counted
        if account is None or account.erased:
            account = self._begin(record)
        self._apply(account, record)                                        # step 2
        if record.deleted:
            self._erase(account)
        else:
            cause = {"kind": "EVENT", "stream": record.stream, "event_id": record.event_id}
            self._evaluate(account, cause)                                  # step 3

    def finish(self, until=None):
        if until is not None:
            self._move_watermark(until)

    def _check_not_future(self, record):
        reference = record.recorded_at
        if reference is None:
            reference = time.time() * 1000
        if record.time > reference + self.rules.clock.future_tolerance:
            raise Invalid(f"future-timestamp: {iso(record.time)}")

    def _is_duplicate(self, account, record):
        return record.event_id is not None and (
            record.event_id in account.event_ids.get(record.stream, ()))

    def _begin(self, record):
        """An account that begins to exist, maybe again: it then comes last in the order."""
        account = self.accounts.pop(record.account_id, Account(record.account_id, record.time))
        account.erased = False
        self.accounts[account.id] = account
        return account

    def _apply(self, account, record):
        account.now = max(account.now, record.time)
        if record.stream == "account":
            account.facts = None if record.deleted else record.fields
            return
        self.arrivals += 1
        record.arrival = self.arrivals
        account.events[record.stream].append(record)
        account.aggregate_memo.pop(record.stream, None)
        if account.oldest_time is None or record.time < account.oldest_time:
            account.oldest_time = record.time
        ids = account.event_ids.setdefault(record.stream,
                                           deque(maxlen=self.rules.clock.duplicate_ids))
        ids.append(record.event_id)

    # ---- clocks ------------------------------------------------------------------------------

    def _move_watermark(self, to):
        """Moves the watermark; every tick boundary newly passed fires, in ascending order."""
        clocks = [account.now for account in self.accounts.values() if not account.erased]
        if self.watermark is not None and clocks:
            # Boundaries up to the earliest clock of all accounts concern none of them.
            passed, tick = max(self.watermark, min(clocks)), self.rules.clock.tick
            for boundary in range((passed // tick + 1) * tick, to + 1, tick):
                self._fire(boundary)
        self.watermark = to if self.watermark is None else max(self.watermark, to)

    def _fire(self, boundary):
        for account in self.accounts.values():
            if account.now < boundary and not account.erased:
                account.now = boundary
                self._evaluate(account, {"kind": "TICK"})

    def looked_at_from(self, stream, now):
        """`min(now, C(S))`: a stream that stalled is looked at from its stall on."""
        stall_after = self.rules.stall_after.get(stream)
        newest = self.newest.get(stream)
        if stall_after is None or newest is None or now - newest <= stall_after:
            return now
        return newest + stall_after

    # ---- evaluations -------------------------------------------------------------------------

    def _evaluate(self, account, cause):
        """Scores, then dimensions, then segments, each in the order of the rules."""
        view = AccountView(self.rules, self, account)
        for score in self.rules.scores.values():
            view.scores[score.name] = score_result(score, view)
        decisions = []
        for dimension in self.rules.dimensions.values():
            state = account.dimensions.setdefault(dimension.name, DimensionState())
            decisions.append(decide_dimension(dimension, state, view))
        for segment in self.rules.segments.values():
            state = account.segments.setdefault(segment.name, SegmentState())
            decisions.append(decide_segment(segment, state, view))
        for decision in decisions:
            if decision is not None:
                self._emit(account, decision, view.scores, cause)

    def _erase(self, account):
        """An exit for every segment that the account is in; then its state is deleted."""
        members = [(segment, account.segments[segment.name])
                   for segment in self.rules.segments.values()
                   if segment.name in account.segments
                   and account.segments[segment.name].since is not None]
        account.erase()
        for segment, state in members:
            self._emit(account, exit_of(segment, state, []), {}, {"kind": "ACCOUNT_DELETED"})

    def _emit(self, account, decision, scores, cause):
        account.sequence += 1
        churn_risk = scores.get("churn_risk")
        reasons = scores.get(decision.reasons_of)
        stage = account.dimensions.get("lifecycle_stage")
        is_backfill = self.live_from is not None and account.now < self.live_from
        self.emit({
            "account_id": account.id,
            "sequence": account.sequence,
            "at": iso(account.now),
            "kind": decision.kind,
            "subject": decision.subject,
            "from": decision.from_,
            "to": decision.to,
            "churn_risk": churn_risk and churn_risk.value,
            "coverage": churn_risk and rounded(churn_risk.coverage, 10_000),
            "lifecycle_stage": stage and stage.value,
            "segments": [name for name in self.rules.segments
                         if name in account.segments and account.segments[name].since is not None],
            "reasons_of": decision.reasons_of if reasons else None,
            "reasons": reasons.reasons if reasons else [],
            "because": decision.because,
            "previous_since": (None if decision.previous_since is None
                               else iso(decision.previous_since)),
            "facts": None if account.facts is None else {
                name: account.facts[name] for name in FACTS_PRINTED},
            "cause": cause,
            "ruleset": self.rules.ruleset,
            "playbook": decision.playbook,
            "origin": "BACKFILL" if is_backfill else "LIVE",
        })
