"""What an expression looks at: an account at an instant."""
from aggregates import Aggregates, as_value, slice_of


class AccountView:
    """An account during one evaluation, at its clock `now`.

    Metrics are valued when first asked for; scores, dimensions and segments stand in the view as
    the evaluation has decided them so far.
    """

    def __init__(self, rules, shard, account):
        self.rules, self.shard, self.account = rules, shard, account
        self.now = account.now
        self.scores = {}            # name -> decisions.ScoreResult, of this evaluation
        self._metrics = {}

    def name(self, name):
        if name in self.rules.metrics:
            if name not in self._metrics:
                self._metrics[name] = self.rules.metrics[name].value(self)
            return self._metrics[name]
        if name in self.scores:
            return self.scores[name].value
        return self.account.dimensions[name].value

    def fact(self, field, key):
        facts = self.account.facts
        if facts is None:
            return None
        return facts[field].get(key) if key is not None else as_value(facts[field])

    def in_segment(self, name):
        return self.account.segments[name].since is not None

    def time_in(self, name):
        """How long the present value has lasted, or the membership (missing outside)."""
        state = self.account.dimensions.get(name) or self.account.segments[name]
        return None if state.since is None else float(self.now - state.since)

    def aggregate(self, node):
        """The aggregate, looked at from where its stream is looked at.

        Its value depends on the events and on `t` only, and where it has windows on the slice of
        `t` only: so it is kept until one of them changes.
        """
        t = self.shard.looked_at_from(node.stream, self.now)
        account = self.account
        moment = t // slice_of(sum(node.windows)) if node.windows else t
        if node.function in ("last", "open"):
            moment = None
        memo = account.aggregate_memo.setdefault(node.stream, {})
        key = (node, moment, account.oldest_time)
        if key not in memo:
            events = account.events[node.stream]
            memo[key] = Aggregates(node, events, account.oldest_time, t).value()
        return memo[key]
