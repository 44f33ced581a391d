"""The aggregates of section 4, recomputed from an account's raw events."""
from expressions import finite
from times import DAY, HOUR

CLOSED = ("RESOLVED", "CLOSED")


def slice_of(window):
    """A window of up to 48h is kept in slices of an hour, a longer one in slices of a day."""
    return HOUR if window <= 48 * HOUR else DAY


def newest_first(events):
    """By event time, at equal times the later arrival first."""
    return sorted(events, key=lambda event: (event.time, event.arrival), reverse=True)


def value_in(event, field, key):
    value = event.fields[field]
    return value.get(key) if key is not None else value


def as_value(field):
    """A schema's integer is a number of the language."""
    is_integer = isinstance(field, int) and not isinstance(field, bool)
    return float(field) if is_integer else field


class EventView:
    """What a `where` looks at: the fields of one event."""

    def __init__(self, event):
        self.event = event

    def name(self, name):
        return as_value(self.event.fields[name])


class Aggregates:
    """Values one aggregate over `events` (of its stream) as seen from the instant `t`."""

    def __init__(self, node, events, oldest_time, t):
        """`oldest_time`: of the account's oldest event of any stream, None without one."""
        self.node, self.t, self.oldest_time = node, t, oldest_time
        self.events = events
        if node.where is not None:
            self.events = [event for event in events if self._matches(event)]
        self.all_events = events

    def value(self):
        return getattr(self, "_" + self.node.function)()

    def _matches(self, event):
        where = self.node.where
        if where is None:
            return True
        if where not in event.matches:
            event.matches[where] = where.value(EventView(event)) is True
        return event.matches[where]

    def _in_window(self):
        """The events in the running slice and the n before it."""
        window = self.node.windows[0]
        size = slice_of(window)
        i, n = self.t // size, window // size
        return [event for event in self.events if i - n <= event.time // size <= i]

    def _values(self, events):
        values = [value_in(event, self.node.field, self.node.key) for event in events]
        return [value for value in values if value is not None]

    def _count(self):
        return float(len(self._in_window()))

    def _sum(self):
        return finite(float(sum(self._values(self._in_window()))))

    def _avg(self):
        values = self._values(self._in_window())
        return finite(sum(values) / len(values)) if values else None

    def _min(self):
        return min(map(float, self._values(self._in_window())), default=None)

    def _max(self):
        return max(map(float, self._values(self._in_window())), default=None)

    def _distinct(self):
        return float(len(set(self._values(self._in_window()))))

    def _last(self):
        values = self._values(newest_first(self.events))
        return as_value(values[0]) if values else None

    def _since(self):
        newest = max((event.time for event in self.events), default=None)
        return None if newest is None else float(max(0, self.t - newest))

    def _since_first(self):
        oldest = min((event.time for event in self.events), default=None)
        return None if oldest is None else float(max(0, self.t - oldest))

    def _trend(self):
        size = slice_of(sum(self.node.windows))
        w, b = (window // size for window in self.node.windows)
        i = self.t // size
        indices = [event.time // size for event in self.events]
        recent = sum(i - w <= index <= i - 1 for index in indices)
        before = sum(i - w - b <= index <= i - w - 1 for index in indices)
        if before == 0 or self.oldest_time // size > i - w - b:
            return None
        return (recent * b) / (before * w)

    def _open(self):
        newest = {}
        for event in newest_first(self.all_events):
            newest.setdefault(event.fields["ticket_id"], event)
        return float(sum(ticket.fields["action"] not in CLOSED and self._matches(ticket)
                         for ticket in newest.values()))
