"""A random log of records as JSON lines: disorder, late events, duplicates, erasures, bad lines."""
import json

from generate_expressions import (COMMENTS, COUNTRIES, CURRENCIES, CUSTOM_NAMES, FEATURES,
                                  INDUSTRIES, KINDS, NUMBER_TEXTS, OWNERS, PLANS, SOURCES, SUBJECTS,
                                  TIERS, USERS)
from records import METHODS, SEVERITIES, STATUSES
from times import DAY, HOUR, UNITS, iso

MINUTE = UNITS["m"]
HUGE = (1e307, 1.7976931348623157e308, -1e307)
SUMMABLE = 2.0**1020                # a sum of some of these is the same in any order
INFINITE = "<infinite>"             # stands for 1e999, which json.dumps cannot write
ACCOUNTS = ("acme", "b", "c c", "x/y", "Ünïcode-", "日本", "q\"\\")
TICKET_FLOW = ("OPENED", "UPDATED", "ESCALATED", "RESOLVED", "CLOSED", "REOPENED", "UPDATED",
               "RESOLVED", "CLOSED")


class InstantWriter:
    """Writes instants in all the forms that the input may have."""

    def __init__(self, rng):
        self.rng = rng

    def text(self, instant):
        """An instant as ISO-8601, of a form that loses nothing of it."""
        utc = iso(instant)
        forms = [utc, utc[:-1], self.at_zone(instant, 120), self.at_zone(instant, -330),
                 utc[:-1] + "456789Z"]
        if instant % 1000 == 0:
            forms += [utc[:-5] + "Z", utc[:-5], self.at_zone(instant, 120).replace(".000", "")]
        if instant % 10 == 0:
            forms.append(utc[:-2] + "Z")
        if instant % MINUTE == 0:
            forms += [utc[:-8] + "Z", utc[:-8]]
        if instant % DAY == 0:
            forms += [utc[:10]] * 3
        return self.rng.choice(forms)

    def at_zone(self, instant, minutes):
        sign = "-" if minutes < 0 else "+"
        zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
        return iso(instant + minutes * MINUTE)[:-1] + zone

    def json(self, instant):
        """An instant of JSON input: a text, or milliseconds, maybe written as a float."""
        form = self.rng.random()
        if form < 0.5:
            return self.text(instant)
        return float(instant) if form < 0.55 else instant


class LogWriter:
    """Writes the log of one case. A draft is `(arrival time, document)`."""

    def __init__(self, rng, case):
        self.rng, self.case = rng, case
        self.instants = InstantWriter(rng)
        self.serial = 0
        names = rng.sample(ACCOUNTS, 3)
        self.accounts = [f"{rng.choice(names)}{number}" for number in range(case.accounts)]
        self.silences = self._silences()

    def chance(self, probability):
        return self.rng.random() < probability

    def lines(self):
        drafts = []
        for account in self.accounts:
            drafts += self.account_drafts(account)
        for _ in range(self.rng.choice((0, 0, 1, 3))):
            drafts.append(self.fruitless_tombstone("never-seen"))
        drafts.sort(key=lambda draft: draft[0])
        documents = [document for _, document in drafts]
        if self.case.ancient:
            documents.insert(0, self.ancient())
        self.insert_duplicates(documents)
        lines = [self.line(document) for document in documents]
        self.insert_bad_lines(lines)
        return lines

    # ---- times -------------------------------------------------------------------------------

    def _silences(self):
        """Stretches of the case in which nothing happens at all, or nothing of one stream."""
        case, silences = self.case, []
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            length = int(case.span * self.rng.uniform(0.1, 0.5))
            begin = case.start + int(self.rng.random() * (case.span - length))
            stream = self.rng.choice((None, "usage", "login", "ticket", "custom", "nps"))
            silences.append((begin, begin + length, stream))
        return silences

    def moment(self, stream=None):
        """An instant of the case, often on a boundary or beside one."""
        case = self.case
        moment = case.start + int(self.rng.random() * case.span)
        if self.chance(0.35):
            size = self.rng.choice((MINUTE, HOUR, HOUR, DAY, case.tick))
            moment = -(-moment // size) * size + self.rng.choice((0, 0, 0, 0, -1, 1))
        if case.bursts and self.chance(0.3):
            moment = self.rng.choice(case.bursts)
        for begin, end, silent in self.silences:
            if begin <= moment < end and silent in (None, stream):
                moment = begin if self.chance(0.5) else end
        return moment

    def arrival(self, time):
        """When a record of `time` arrives: most in order, some late."""
        if not self.case.disorder or self.chance(0.75):
            return time
        far = self.case.span // 3 if self.chance(0.2) else self.case.disorder
        return time + int(self.rng.random() * far)

    # ---- records -----------------------------------------------------------------------------

    def account_drafts(self, account):
        case, drafts = self.case, []
        for stream, share in case.shares.items():
            for _ in range(round(case.events_per_account * share * self.rng.uniform(0.3, 1.5))):
                drafts.append(getattr(self, stream)(account, self.moment(stream)))
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            drafts += self.ticket_flow(account)
        for number in range(self.rng.choice((0, 1, 2, 3, 5, 8))):
            early = number == 0 and self.chance(0.6)
            drafts.append(self.facts(account, case.start if early else self.moment()))
        if self.chance(case.erasure_probability):
            drafts += self.erasure(account)
        return drafts

    def event(self, stream, account, time, fields):
        self.serial += 1
        event_id = f"{stream[0]}{self.serial}"
        document = {"stream": stream, "event_id": event_id, "account_id": account, **fields}
        document = {key: value for key, value in document.items() if value is not ...}
        return self.draft(document, "occurred_at", time)

    def draft(self, document, time_field, time):
        arrival = self.arrival(time)
        document[time_field] = self.instants.json(time)
        if self.chance(self.case.recording_probability):
            tolerance = self.case.future_tolerance
            early = self.rng.choice((0, 0, -MINUTE, -3 * MINUTE, tolerance, tolerance - 1))
            if self.chance(0.05):
                early = tolerance + self.rng.choice((1, HOUR, 40 * DAY))
            document["recorded_at"] = self.instants.json(time - early)
        if self.chance(0.05):
            document[self.rng.choice(("x-trace", "note"))] = self.rng.choice(
                (1, "x", None, [1], {"a": True}))
        if self.chance(0.4):
            document = dict(sorted(document.items(), key=lambda _: self.rng.random()))
        return arrival, document

    def maybe(self, *values, absent=0.3):
        """One of the values, or (`...`) no such field."""
        return ... if self.chance(absent) else self.rng.choice(values)

    def rarely(self, *values):
        return values if self.chance(0.05) else ()

    def user(self):
        """One of few users; in a crowded case one of many."""
        crowd = self.case.crowd
        return f"u{self.rng.randint(1, crowd)}" if crowd else self.rng.choice(USERS)

    def long_text(self):
        """One of the length that a dimension's value may have, or one that is a little longer."""
        return self.rng.choice(("x", "ä", "y")) * self.rng.choice((2048, 4095, 4096, 4097, 5000))

    def usage(self, account, time):
        return self.event("usage", account, time, {
            "user_id": self.user(), "feature": self.rng.choice(FEATURES),
            "quantity": self.maybe(1, 2, 3, 5, 6, 7, 8, 5.0),
            "duration_ms": self.maybe(None, 0, 250, 1000, 4000, 30000, 2e3, absent=0.5),
            "properties": self.properties({"src": SOURCES, "plan": PLANS, "n": NUMBER_TEXTS})})

    def login(self, account, time):
        return self.event("login", account, time, {
            "user_id": self.user(), "method": self.maybe(*METHODS, absent=0.4),
            "succeeded": self.maybe(True, True, False, absent=0.6)})

    def nps(self, account, time):
        return self.event("nps", account, time, {
            "score": self.rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 7.0)),
            "user_id": self.maybe(None, *USERS), "comment": self.maybe(None, *COMMENTS)})

    def custom(self, account, time):
        properties = self.properties({"kind": KINDS, "amount": NUMBER_TEXTS})
        if self.chance(0.5) and properties is not ...:
            properties["due"] = self.instant_text(time)
        return self.event("custom", account, time, {
            "name": self.rng.choice(CUSTOM_NAMES), "user_id": self.maybe(None, *USERS),
            "value": self.maybe(0, 0.5, 2.5, 10, 99.75, -3.25, 1000000, None, INFINITE, 50,
                                *self.rarely(-0.0, SUMMABLE)),
            "properties": properties})

    def ticket(self, account, time, ticket_id=None, action=None):
        return self.event("ticket", account, time, {
            "ticket_id": ticket_id or f"T{self.rng.randint(1, 4)}",
            "action": action or self.rng.choice(TICKET_FLOW),
            "severity": self.maybe(*SEVERITIES), "user_id": self.maybe(None, *USERS),
            "satisfaction": self.maybe(None, 1, 2, 3, 4, 5, 5.0, absent=0.5),
            "subject": self.maybe(None, *SUBJECTS, *self.rarely(self.long_text()), absent=0.5)})

    def ticket_flow(self, account):
        """A ticket from its opening on, in the order of its actions."""
        steps = TICKET_FLOW[:self.rng.randint(1, len(TICKET_FLOW))]
        times = sorted(self.moment("ticket") for _ in steps)
        ticket_id = f"T{self.rng.randint(5, 40)}"
        return [self.ticket(account, time, ticket_id, action)
                for time, action in zip(times, steps)]

    def properties(self, choices):
        if self.chance(0.25):
            return ...
        return {key: self.rng.choice(values) for key, values in choices.items()
                if self.chance(0.5)}

    def instant_text(self, time):
        """What an attribute holds that should be an instant."""
        if self.chance(0.15):
            return self.rng.choice(("", "soon", "tomorrow", "2024-13-01", "2024-02-30", "12",
                                    "1711308780000", " 2024-05-01", "2024-05-01T25:00:00Z",
                                    "2024-05-01T10:61:00Z", "2024-05-01T10:00:00.000Zx"))
        return self.instants.text(self.near(time))

    def near(self, time):
        lengths = [length for length in self.case.lengths if length]
        moved = time + self.rng.choice((-2, -1, 1, 1, 2, 3)) * self.rng.choice(lengths)
        return -(-moved // HOUR) * HOUR if self.chance(0.4) else moved

    def facts(self, account, time):
        def instant():
            return self.maybe(None, *[self.instants.json(self.near(time)) for _ in range(4)])
        attributes = {"tier": TIERS, "health": NUMBER_TEXTS}
        attributes = {key: self.rng.choice(values) for key, values in attributes.items()
                      if self.chance(0.7)}
        if self.chance(0.7):
            attributes["went_live"] = self.instant_text(time)
        fields = {
            "account_id": account, "status": self.maybe(*STATUSES, absent=0.2),
            "plan": self.maybe(None, *PLANS, absent=0.1),
            "seats": self.maybe(None, 0, 5, 8, 9, 10, 20, 50, 22, 8.0, absent=0.15),
            "arr": self.maybe(None, 0, 1200.5, 5000, 48000, INFINITE, *self.rarely(-0.0, *HUGE)),
            "employees": self.maybe(None, 4, 10, 50, 85), "country": self.maybe(None, *COUNTRIES),
            "industry": self.maybe(None, *INDUSTRIES, absent=0.5), "region": self.maybe("EMEA"),
            "created_at": instant(), "onboarded_at": instant(), "renews_at": instant(),
            "owner": self.maybe(None, *OWNERS),
            "name": self.maybe(None, "x", "Acme GmbH", "Łódź & Søns \U0001f680", "tab\there"),
            "currency": self.maybe(*CURRENCIES),
            "touch_override": self.maybe(None, "high", absent=0.6),
            "attributes": attributes if attributes else ...}
        if self.chance(0.03):
            fields[self.rng.choice(("name", "industry", "owner"))] = self.long_text()
        document = {"stream": "account"}
        document.update((key, value) for key, value in fields.items() if value is not ...)
        if self.chance(0.03):
            document["deleted"] = False
        return self.draft(document, "updated_at", time)

    def tombstone(self, account, time):
        document = {"stream": "account", "account_id": account, "deleted": True}
        return self.draft(document, "updated_at", time)

    def fruitless_tombstone(self, account):
        """One that may find no account and be ahead in time: it moves the watermark."""
        arrival, document = self.tombstone(account, self.moment())
        ahead = self.rng.choice((0, self.rng.random() * self.case.span / 10))
        return arrival - ahead, document

    def erasure(self, account):
        """A tombstone, maybe a second one, and maybe facts that make the account exist again."""
        time = self.moment()
        drafts = [self.tombstone(account, time)]
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            drafts.append(self.fruitless_tombstone(account))
        if self.chance(0.6):
            arrival = time + int(self.rng.random() * (self.case.start + self.case.span - time))
            older = self.rng.choice((0, 0, 0, HOUR, 2 * DAY))
            drafts.append((arrival, self.facts(account, arrival - older)[1]))
        return drafts

    def ancient(self):
        """A record of 1970 (or before) at the head of a log of today."""
        time = self.rng.choice((0, 1, -1, 5 * DAY + 7, -3 * DAY))
        account = self.rng.choice(self.accounts)
        return self.rng.choice((self.usage, self.facts, self.login))(account, time)[1]

    # ---- the log -----------------------------------------------------------------------------

    def insert_duplicates(self, documents):
        """Copies of earlier events: soon or much later, same id, now and then other contents."""
        for _ in range(round(len(documents) * self.rng.choice((0, 0.02, 0.1, 0.3)))):
            at = self.rng.randrange(len(documents))
            if "event_id" not in documents[at]:
                continue
            for _ in range(self.rng.choice((1, 1, 2))):
                at = self.insert_copy(documents, at)

    def insert_copy(self, documents, at):
        """Puts a copy of the record at `at` behind it; returns where."""
        copy = dict(documents[at])
        if self.chance(0.5):
            copy["occurred_at"] = self.instants.json(self.moment())
        if self.chance(0.1):
            copy["account_id"] = self.rng.choice((*self.accounts, "twin"))
        remembered = self.case.duplicate_ids * self.case.accounts
        distance = self.rng.choice((2, max(1, remembered), 100))
        later = min(at + 1 + int(self.rng.expovariate(1 / distance)), len(documents))
        documents.insert(later, copy)
        return later

    def line(self, document):
        text = json.dumps(document, ensure_ascii=self.chance(0.1),
                          separators=self.rng.choice(((",", ":"), (", ", ": "))))
        return text.replace(f'"{INFINITE}"', "1e999").encode()

    def insert_bad_lines(self, lines):
        for _ in range(self.rng.choice((0, 0, 1, 3, 8))):
            lines.insert(self.rng.randrange(len(lines) + 1), self.bad_line())
        for _ in range(self.rng.choice((0, 0, 0, 2))):
            lines.insert(self.rng.randrange(len(lines) + 1), self.rng.choice((b"", b"  ", b"\t")))

    def bad_line(self):
        """A line that is invalid in one way; taken for valid it would move clocks and accounts."""
        account, time = self.rng.choice(self.accounts), self.case.start + 2 * self.case.span
        event = {"event_id": f"bad{self.serial}", "account_id": account, "occurred_at": time}
        facts = {"stream": "account", "account_id": account, "updated_at": time}
        usage = {"stream": "usage", **event, "user_id": "u", "feature": "export"}
        login = {"stream": "login", **event, "user_id": "u1"}
        ticket = {"stream": "ticket", **event, "ticket_id": "T1", "action": "OPENED"}
        nps = {"stream": "nps", **event, "score": 5}
        custom = {"stream": "custom", **event, "name": "csm_call"}
        bad = self.rng.choice((
            b"not json", b"12", b"[1]", b"null", b'"text"', b'{"stream":"login"', b"{}",
            b'{"stream":"login","event_id":"\xff","account_id":"b","user_id":"u",'
            b'"occurred_at":1700000000000}',
            {"stream": "clicks", "account_id": account}, {**login, "stream": 5},
            {**usage, "quantity": "3"}, {**usage, "quantity": 1.5}, {**usage, "quantity": None},
            {**usage, "quantity": 2**63}, {**usage, "duration_ms": True},
            {**usage, "feature": None}, {**usage, "properties": {"n": 5}},
            {**usage, "properties": None}, {**usage, "properties": []},
            {**login, "user_id": None}, {**login, "succeeded": "true"}, {**login, "succeeded": 1},
            {**login, "method": "sso"}, {**login, "method": None}, {**login, "event_id": ""},
            {**login, "event_id": "é" * 257}, {**login, "account_id": ""},
            {**login, "account_id": "é" * 257}, {**login, "account_id": 7},
            {**login, "occurred_at": "yesterday"}, {**login, "occurred_at": 1.5},
            {**login, "occurred_at": None}, {**login, "occurred_at": "2024-02-30"},
            {**login, "recorded_at": time - self.case.future_tolerance - 1},
            {**login, "occurred_at": "2099-01-01T00:00:00Z"},
            {**ticket, "severity": None}, {**ticket, "action": 1}, {**ticket, "action": "DONE"},
            {**ticket, "satisfaction": 6}, {**ticket, "satisfaction": 0},
            {**ticket, "satisfaction": 2.5}, {**ticket, "subject": 5},
            {**nps, "score": 11}, {**nps, "score": -1}, {**nps, "score": 5.5},
            {**nps, "score": None}, {**nps, "comment": []},
            {**custom, "name": 7}, {**custom, "value": "1"}, {**custom, "value": False},
            {**custom, "properties": {"k": None}},
            {**facts, "status": "active"}, {**facts, "status": None}, {**facts, "seats": 2.5},
            {**facts, "seats": 2**31}, {**facts, "arr": "1"}, {**facts, "created_at": "yesterday"},
            {**facts, "attributes": {"a": 1}}, {**facts, "name": 1}, {**facts, "updated_at": None},
            {"stream": "account", "account_id": account, "deleted": True},
            {key: value for key, value in login.items() if key != "user_id"},
            {key: value for key, value in nps.items() if key != "score"},
            {key: value for key, value in ticket.items() if key != "ticket_id"},
            {key: value for key, value in custom.items() if key != "event_id"}))
        return bad if isinstance(bad, bytes) else json.dumps(bad).encode()


def write_log(rng, case):
    """The lines (bytes) of a random log."""
    return LogWriter(rng, case).lines()
