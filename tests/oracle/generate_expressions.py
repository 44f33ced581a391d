"""Random expressions of the language, well typed, as text.

A `Scope` holds what an expression may look at; a `Term` is a text with the level of its loosest
operator (so that it can be put in parentheses where needed) and a pool of constants that are
worth comparing it with.
"""
from dataclasses import dataclass, field

from records import ACTIONS, METHODS, SEVERITIES, STATUSES
from times import DAY, HOUR, UNITS

OR, AND, NOT, COMPARE, SUM, PRODUCT, NEGATE, ATOM = range(8)

FEATURES = ("export", "import", "api", "dashboard", "bericht-ä")
CUSTOM_NAMES = ("invoice_overdue", "csm_call", "outcome_reached", "integration_on", "a \"b\" \\c")
SUBJECTS = ("bug", "bill", "it's", "zwei\nzeilen", "emoji 🎉")
COMMENTS = ("ok", "", "naja – so lala")
USERS = tuple(f"u{n}" for n in range(1, 8))
PLANS = ("free", "team", "enterprise")
COUNTRIES = ("DE", "US")
OWNERS = ("kim", "lee \"x\"", "Zoë Ångström")
TIERS = ("gold", "iron")
CURRENCIES = ("EUR", "USD")
INDUSTRIES = ("retail", "Bau & Söhne", "beta")
KINDS = ("mail", "call", "visit")
SOURCES = ("web", "app")
NUMBER_TEXTS = ("7", "7.5", "12", "0", "1", "4", "40", "007", "1e2", "25e-1", "-3", "-0", "+4",
                "0.5", "", "x", "1.", ".5", "1,5", "1e", "e3", "--1", "+", "5 ", " 5", "0x10",
                "NaN", "Infinity", "-inf", "1e400", "-1e999", "12d", "1_000", "٣", "true", "1e+2")
FACTORS = ("0", "-0", "1e307", "1.7976931348623157e308", "1e-300")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "<", "<=", ">", ">=")

# stream -> field -> the values that it is compared with; a field's kind follows from them
STRING_FIELDS = {
    "usage": {"user_id": USERS, "feature": FEATURES, 'properties["src"]': SOURCES,
              'properties["plan"]': PLANS},
    "login": {"user_id": USERS, "method": METHODS},
    "ticket": {"user_id": USERS, "action": ACTIONS, "severity": SEVERITIES, "subject": SUBJECTS},
    "nps": {"user_id": USERS, "comment": COMMENTS},
    "custom": {"user_id": USERS, "name": CUSTOM_NAMES, 'properties["kind"]': KINDS},
}
ENUMS = ("method", "action", "severity")
NUMBER_FIELDS = {
    "usage": {"quantity": (1, 2, 3, 6, 8), "duration_ms": (0, 250, 1000, 4000)},
    "login": {},
    "ticket": {"satisfaction": (1, 2, 3, 4, 5)},
    "nps": {"score": (0, 3, 5, 6, 8, 10)},
    "custom": {"value": (0, 0.5, 2.5, 10, 99.75, 1000000)},
}
NUMBER_KEYS = {"usage": "n", "custom": "amount"}        # map entries that write numbers
INSTANT_KEYS = {"custom": "due"}                        # and instants
STREAMS = tuple(STRING_FIELDS)
FIELDED = tuple(stream for stream, fields in NUMBER_FIELDS.items() if fields)

HEALTH = 'number(account.attributes["health"])'
WENT_LIVE = 'instant(account.attributes["went_live"])'
FACT_NUMBERS = {"account.seats": (1, 5, 8, 10, 20, 50), "account.employees": (5, 10, 50),
                "account.arr": (0, 1200.5, 5000), HEALTH: (-3, 0, 1, 4, 7, 7.5, 12)}
FACT_STRINGS = {"account.plan": PLANS, "account.country": COUNTRIES, "account.owner": OWNERS,
                "account.currency": CURRENCIES, 'account.attributes["tier"]': TIERS,
                "account.status": STATUSES, "account.industry": INDUSTRIES,
                "account.name": ("x", "Acme GmbH")}
FACT_INSTANTS = ("account.created_at", "account.onboarded_at", "account.renews_at",
                 "account.updated_at", WENT_LIVE)


@dataclass
class Term:
    text: str
    level: int = ATOM
    pool: tuple = ()

    def at(self, level):
        """The text, in parentheses where its loosest operator is looser than `level`."""
        return self.text if self.level >= level else f"({self.text})"


@dataclass
class Scope:
    """What an expression may name, by type; `lengths` are durations worth comparing with."""
    lengths: tuple
    windows: tuple
    instants: tuple                                         # texts of literals for instant("...")
    numbers: list = field(default_factory=list)             # Terms of earlier metrics and scores
    durations: list = field(default_factory=list)
    booleans: list = field(default_factory=list)
    strings: dict = field(default_factory=dict)             # dimension -> its values
    lasting: list = field(default_factory=list)             # names for time_in
    segments: list = field(default_factory=list)


class Writer:
    """Writes random expressions with the random numbers of `rng`."""

    def __init__(self, rng):
        self.rng = rng

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, *writers):
        """One of the writers (functions without arguments), at random."""
        return self.rng.choice(writers)()

    # ---- literals ----------------------------------------------------------------------------

    def number_literal(self, number):
        if number < 0:
            return "-" + self.number_literal(-number)
        if number == 0:
            return "-0" if self.chance(0.03) else "0"
        return f"{number:g}" if number != int(number) else str(int(number))

    def duration_literal(self, milliseconds):
        """One of the ways to write it that is exact."""
        milliseconds = int(milliseconds)
        ways = [f"{milliseconds // size}{unit}" for unit, size in UNITS.items()
                if milliseconds % size == 0 and (milliseconds == 0 or milliseconds // size < 9000)]
        ways += [f"{milliseconds / size:g}{unit}" for unit, size in UNITS.items()
                 if milliseconds * 8 % size == 0 and 0.1 < milliseconds / size < 100
                 and milliseconds % size]
        shortest = sorted(ways, key=len)[:3] or [f"{milliseconds}ms"]
        return self.rng.choice(shortest)

    def signed_duration(self, milliseconds):
        return ("-" if self.chance(0.1) else "") + self.duration_literal(milliseconds)

    def string_literal(self, string):
        quote = "'" if self.chance(0.2) else '"'
        escaped = string.replace("\\", "\\\\").replace(quote, "\\" + quote)
        return quote + escaped.replace("\n", "\\n") + quote

    def list_of(self, literals):
        literals = list(literals)
        count = self.rng.randint(1, min(4, len(literals)))
        chosen = self.rng.sample(literals, count) if self.chance(0.8) else [
            self.rng.choice(literals) for _ in range(count)]
        return "[" + self.rng.choice([", ", ","]).join(chosen) + "]"

    # ---- operators ---------------------------------------------------------------------------

    def space(self):
        return " " * self.rng.choice((1, 1, 1, 1, 1, 1, 1, 0, 2))

    def infix(self, left, symbol, right, level):
        gap = self.space()
        if symbol == "-" and right.text.startswith("-"):
            gap = " "
        return Term(f"{left.at(level)}{gap}{symbol}{gap}{right.at(level + 1)}", level)

    def comparison(self, left, symbol, right):
        gap = self.space()
        return Term(f"{left.at(SUM)}{gap}{symbol}{gap}{right.at(SUM)}", COMPARE)

    def call(self, name, *arguments):
        padding = " " if self.chance(0.05) else ""
        return Term(f"{name}({padding}{', '.join(arguments)})")

    # ---- aggregates --------------------------------------------------------------------------

    def window(self, scope):
        return self.duration_literal(self.rng.choice(scope.windows))

    def where(self, stream, probability=0.35):
        if not self.chance(probability):
            return ""
        depth = self.rng.choice((0, 0, 0, 1, 1, 2))
        return " where " + Filter(self.rng, stream).boolean(depth).text

    def counted(self, scope, stream):
        return self.call("count", stream + self.where(stream), self.window(scope))

    def aggregate_number(self, scope):
        stream = self.rng.choice(STREAMS)
        fields = NUMBER_FIELDS[stream]
        kind = self.rng.choice(("count", "count", "field", "field", "distinct", "trend", "open",
                                "last", "key"))
        if kind == "field" and fields:
            name = self.rng.choice(list(fields))
            function = self.rng.choice(("sum", "avg", "min", "max"))
            term = self.call(function, f"{stream}.{name}{self.where(stream)}", self.window(scope))
            term.pool = fields[name]
        elif kind == "last" and fields:
            term = self.last_number(stream)
        elif kind == "key" and stream in NUMBER_KEYS:
            entry = f'{stream}.properties["{NUMBER_KEYS[stream]}"]{self.where(stream)}'
            term = self.call("number", self.call("last", entry).text)
            term.pool = FACT_NUMBERS[HEALTH]
        elif kind == "distinct":
            name = self.rng.choice([*STRING_FIELDS[stream], *fields])
            term = self.call("distinct", f"{stream}.{name}{self.where(stream)}", self.window(scope))
            term.pool = (0, 1, 2, 3, 4)
        elif kind == "trend":
            term = self.trend(scope, stream)
        elif kind == "open":
            term = self.call("open", "ticket" + self.where("ticket"))
            term.pool = (0, 1, 2, 3)
        else:
            term = self.counted(scope, stream)
            term.pool = (0, 1, 2, 3, 5, 8)
        return term

    def aggregate_duration(self, scope):
        stream = self.rng.choice(STREAMS)
        if self.chance(0.3):
            return self.call("since_first", stream)
        return self.call("since", stream + self.where(stream))

    # ---- numbers, durations, instants --------------------------------------------------------

    def number(self, scope, depth=1):
        """A number with the pool of numbers to compare it with."""
        if depth > 0 and self.chance(0.3):
            return self.number_of_parts(scope, depth)
        if scope.numbers and self.chance(0.3):
            return self.rng.choice(scope.numbers)
        if self.chance(0.35):
            text = self.rng.choice(list(FACT_NUMBERS))
            return Term(text, pool=FACT_NUMBERS[text])
        return self.aggregate_number(scope)

    def number_of_parts(self, scope, depth):
        small = (0, 0.25, 0.5, 1, 2, 4, 6, 10)

        def part():
            return self.number(scope, depth - 1)

        def duration():
            return self.duration(scope, depth - 1)
        length = self.duration_literal(self.rng.choice(scope.lengths) or HOUR)
        term = self.pick(
            lambda: self.infix(part(), "/", part(), PRODUCT),
            lambda: self.infix(part(), "+", self.infix(part(), "*", Term("2"), PRODUCT), SUM),
            lambda: self.infix(part(), "-", part(), SUM),
            lambda: self.infix(Term("-" + part().at(ATOM), NEGATE), "+", Term("10"), SUM),
            lambda: self.infix(Term("1"), "-", part(), SUM),
            lambda: self.infix(part(), self.rng.choice("*/"), Term(self.rng.choice(FACTORS)), PRODUCT),
            lambda: self.infix(duration(), "/", Term(length), PRODUCT),
            lambda: self.infix(duration(), "/", duration(), PRODUCT),
            lambda: self.infix(self.infix(duration(), "/", Term(length), PRODUCT), "*",
                               self.infix(duration(), "/", Term(length), PRODUCT), PRODUCT),
            lambda: self.call("abs", self.infix(part(), "-", part(), SUM).text),
            lambda: self.call("min2", part().text, part().text),
            lambda: self.call("max2", part().text, self.number_literal(self.rng.choice(small))),
            lambda: self.call("coalesce", part().text,
                              self.number_literal(self.rng.choice(small))),
            lambda: self.call("number", self.call("coalesce", 'account.attributes["health"]',
                                                  '"4"').text))
        term.pool = small
        return term

    def duration(self, scope, depth=1):
        if depth > 0 and self.chance(0.3):
            return self.duration_of_parts(scope, depth)
        if scope.durations and self.chance(0.25):
            return self.rng.choice(scope.durations)
        if scope.lasting and self.chance(0.3):
            return self.call("time_in", self.rng.choice(scope.lasting))
        if self.chance(0.4):
            return self.aggregate_duration(scope)
        if self.chance(0.75):
            return self.call(self.rng.choice(("age", "age", "until")), self.instant(scope).text)
        return self.infix(self.instant(scope), "-", self.instant(scope), SUM)

    def duration_of_parts(self, scope, depth):
        def part():
            return self.duration(scope, depth - 1)
        length = self.duration_literal(self.rng.choice(scope.lengths))
        factor = self.rng.choice(("2", "7", "0.5"))
        return self.pick(
            lambda: self.infix(part(), self.rng.choice("+-"), Term(length), SUM),
            lambda: self.infix(part(), self.rng.choice("*/"), Term(factor), PRODUCT),
            lambda: self.infix(Term(factor), "*", part(), PRODUCT),
            lambda: self.infix(part(), self.rng.choice("+-"), part(), SUM),
            lambda: self.call("abs", self.infix(part(), "-", Term(length), SUM).text),
            lambda: self.call(self.rng.choice(("min2", "max2")), part().text, part().text),
            lambda: self.call("coalesce", part().text, length),
            lambda: self.of_those_present(part(), part()),
            lambda: self.of_those_present(part(), part()),
            lambda: Term("-" + part().at(ATOM), NEGATE))

    def instant(self, scope):
        stream = self.rng.choice(STREAMS)
        return self.pick(
            lambda: Term(self.rng.choice(FACT_INSTANTS)),
            lambda: Term(self.rng.choice(FACT_INSTANTS)),
            lambda: self.call("last", f"{stream}.occurred_at{self.where(stream, 0.2)}"),
            lambda: self.call("instant", self.call("last", 'custom.properties["due"]').text),
            lambda: self.call("coalesce", WENT_LIVE, "account.created_at"))

    def compared_instant(self, scope):
        """An instant to compare another with: moved by a duration, or a literal."""
        literal = self.string_literal(self.rng.choice(scope.instants))
        length = self.duration_literal(self.rng.choice(scope.lengths))
        return self.pick(
            lambda: self.instant(scope),
            lambda: self.call("instant", literal),
            lambda: self.infix(self.instant(scope), self.rng.choice("+-"), Term(length), SUM))

    # ---- strings -----------------------------------------------------------------------------

    def string(self, scope):
        """A string; its pool are strings to compare it with."""
        kind = self.rng.choice(("fact", "fact", "dimension", "last", "last", "coalesce"))
        if kind == "dimension" and scope.strings:
            name = self.rng.choice(list(scope.strings))
            return Term(name, pool=scope.strings[name])
        if kind == "last":
            stream = self.rng.choice(STREAMS)
            name = self.rng.choice(list(STRING_FIELDS[stream]))
            term = self.call("last", f"{stream}.{name}{self.where(stream)}")
            term.pool = STRING_FIELDS[stream][name]
            return term
        text = self.rng.choice(list(FACT_STRINGS))
        if kind == "coalesce":
            default = self.string_literal(self.rng.choice(FACT_STRINGS[text]))
            term = self.call("coalesce", text, default)
            return Term(term.text, pool=FACT_STRINGS[text])
        return Term(text, pool=FACT_STRINGS[text])

    # ---- booleans ----------------------------------------------------------------------------

    def boolean(self, scope, depth=1):
        if depth <= 0 or self.chance(0.3):
            return self.condition(scope)

        def part():
            return self.boolean(scope, depth - 1)
        return self.pick(
            lambda: self.joined("and", AND, part(), part()),
            lambda: self.joined("or", OR, part(), part()),
            lambda: self.joined("or", OR, part(), self.joined("and", AND, part(), part())),
            lambda: self.three("or", OR, part),
            lambda: self.three("and", AND, part),
            lambda: self.joined("or", OR, self.three("or", OR, part), self.three("and", AND, part)),
            lambda: self.joined("or", OR, part(), self.missing(scope)),
            lambda: self.joined("and", AND, Term(f"not {self.missing(scope).text}", NOT), part()),
            lambda: Term(f"not {part().at(NOT)}", NOT),
            lambda: Term(f"not ({part().text})", NOT),
            lambda: Term(f"not not {part().at(COMPARE)}", NOT),
            lambda: Term(f"( {part().text} ) {self.rng.choice(('==', '!='))} "
                         f"{self.rng.choice(('true', 'false'))}", COMPARE),
            lambda: Term(f"({part().text}) {self.rng.choice(('==', '!='))} ({part().text})",
                         COMPARE),
            lambda: self.call("coalesce", part().text, part().text),
            lambda: Term(f"(({part().text}))"))

    def joined(self, word, level, left, right):
        return Term(f"{left.at(level)} {word} {right.at(level + 1)}", level)

    def three(self, word, level, part):
        return self.joined(word, level, self.joined(word, level, part(), part()), part())

    def condition(self, scope):
        """A condition; most often one that changes with the events and with time."""
        writer = self.rng.choice(5 * [self.lively_condition] + 4 * [self.number_condition]
                                 + 5 * [self.duration_condition] + 3 * [self.string_condition]
                                 + 2 * [self.instant_condition] + 3 * [self.plain_boolean]
                                 + [self.missing])
        return writer(scope)

    def lively_condition(self, scope):
        """An event of late, or none: it comes and goes."""
        stream = self.rng.choice(STREAMS)
        length = Term(self.duration_literal(self.rng.choice(scope.lengths)))
        some = Term(self.number_literal(self.rng.choice((0, 1, 1, 2, 3))))
        ratio = Term(self.number_literal(self.rng.choice((0.25, 0.5, 1, 2))))
        symbol = self.rng.choice(COMPARISONS)
        return self.pick(
            lambda: self.comparison(self.call("since", stream + self.where(stream, 0.2)), symbol,
                                    length),
            lambda: self.comparison(self.counted(scope, stream), symbol, some),
            lambda: self.comparison(self.call("open", "ticket"), symbol, some),
            lambda: self.comparison(self.call("age", f"last({stream}.occurred_at)"), symbol,
                                    length),
            lambda: self.comparison(self.call("since_first", stream), symbol, length),
            lambda: self.comparison(self.trend(scope, stream), symbol, ratio),
            lambda: self.missing_of(self.trend(scope, stream)),
            lambda: Term("last(login.succeeded)"),
            lambda: self.number_condition_of(self.last_number(self.rng.choice(FIELDED))))

    def trend(self, scope, stream):
        """Over the shorter windows, so that an account's history soon covers them."""
        windows = sorted(scope.windows)[:5] if self.chance(0.6) else scope.windows
        recent, before = self.rng.choice(windows), self.rng.choice(windows)
        if recent + before > 48 * HOUR:
            recent, before = (-(-window // DAY) * DAY for window in (recent, before))
        lengths = f"{self.duration_literal(recent)}, {self.duration_literal(before)}"
        term = self.call("trend", stream + self.where(stream), lengths)
        term.pool = (0, 0.25, 0.5, 1, 1.5, 2)
        return term

    def last_number(self, stream):
        name = self.rng.choice(list(NUMBER_FIELDS[stream]))
        term = self.call("last", f"{stream}.{name}{self.where(stream)}")
        term.pool = NUMBER_FIELDS[stream][name]
        return term

    def of_those_present(self, left, right):
        """The lesser or greater of two, or the one that is there: rules write it so."""
        name = self.rng.choice(("min2", "max2"))
        return self.call("coalesce", self.call(name, left.text, right.text).text,
                         self.call("coalesce", left.text, right.text).text)

    def missing_of(self, term):
        return self.call("missing", term.text)

    def number_condition(self, scope):
        term = self.number(scope)
        if self.chance(0.15):
            literals = map(self.number_literal, term.pool or (0, 1, 2))
            return Term(f"{term.at(SUM)} in {self.list_of(literals)}", COMPARE)
        if self.chance(0.15):
            return self.comparison(term, self.rng.choice(COMPARISONS), self.number(scope))
        return self.number_condition_of(term)

    def number_condition_of(self, term):
        constant = self.rng.choice(term.pool or (0, 1, 2))
        return self.comparison(term, self.rng.choice(COMPARISONS),
                               Term(self.number_literal(constant), NEGATE))

    def duration_condition(self, scope):
        term = self.duration(scope)
        if self.chance(0.15):
            return Term(f"{term.at(SUM)} in "
                        f"{self.list_of(map(self.signed_duration, scope.lengths))}", COMPARE)
        if self.chance(0.2):
            return self.comparison(term, self.rng.choice(COMPARISONS), self.duration(scope))
        length = Term(self.duration_literal(self.rng.choice(scope.lengths)))
        if self.chance(0.05):
            length = Term("-" + length.text, NEGATE)
        return self.comparison(term, self.rng.choice(COMPARISONS), length)

    def instant_condition(self, scope):
        return self.comparison(self.instant(scope), self.rng.choice(COMPARISONS),
                               self.compared_instant(scope))

    def string_condition(self, scope):
        term = self.string(scope)
        literals = [self.string_literal(string) for string in term.pool]
        if self.chance(0.3):
            return Term(f"{term.text} in {self.list_of(literals)}", COMPARE)
        return self.comparison(term, self.rng.choice(("==", "!=")),
                               Term(self.rng.choice(literals)))

    def plain_boolean(self, scope):
        choices = [lambda: Term(f"last(login.succeeded{self.where('login')})"),
                   lambda: Term(self.rng.choice(("true", "false", "last(login.succeeded)"))),
                   lambda: Term("coalesce(last(login.succeeded), false)")]
        if scope.booleans:
            choices += 3 * [lambda: self.rng.choice(scope.booleans)]
        if scope.segments:
            choices += 5 * [lambda: self.call("in_segment", self.rng.choice(scope.segments))]
        return self.pick(*choices)

    def missing(self, scope):
        subject = self.pick(lambda: self.number(scope), lambda: self.duration(scope),
                            lambda: self.string(scope), lambda: self.instant(scope),
                            lambda: Term("account.arr / account.seats * 1 / 0"))
        return self.missing_of(subject)


class Filter(Writer):
    """Writes the boolean after `where`: over the fields of one stream's event."""

    def __init__(self, rng, stream):
        super().__init__(rng)
        self.stream = stream

    def boolean(self, depth=1):
        if depth <= 0:
            return self.condition()

        def part():
            return self.boolean(depth - 1)
        return self.pick(
            lambda: self.joined("and", AND, part(), part()),
            lambda: self.joined("or", OR, part(), part()),
            lambda: self.three("or", OR, part),
            lambda: self.three("and", AND, part),
            lambda: Term(f"not {part().at(NOT)}", NOT),
            lambda: Term(f"not ({part().text})", NOT),
            lambda: self.condition())

    def condition(self):
        choices = [self.string_comparison, self.string_comparison, self.absence]
        if NUMBER_FIELDS[self.stream]:
            choices += [self.number_comparison, self.number_comparison]
        if self.stream in NUMBER_KEYS:
            choices.append(self.key_comparison)
        if self.stream in INSTANT_KEYS:
            choices.append(self.instant_comparison)
        if self.stream == "login":
            choices += [lambda: Term("succeeded"), lambda: Term("succeeded == false", COMPARE)]
        return self.pick(*choices)

    def string_comparison(self):
        name, values = self.rng.choice(list(STRING_FIELDS[self.stream].items()))
        literals = [self.string_literal(string) for string in values]
        if self.chance(0.3):
            return Term(f"{name} in {self.list_of(literals)}", COMPARE)
        literal = Term(self.rng.choice(literals))
        left = Term(name)
        if self.chance(0.15) and name not in ENUMS:
            left = self.call("coalesce", name, self.rng.choice(literals))
        return self.comparison(left, self.rng.choice(("==", "!=")), literal)

    def number_comparison(self):
        name, values = self.rng.choice(list(NUMBER_FIELDS[self.stream].items()))
        constant = Term(self.number_literal(self.rng.choice(values)))
        symbol = self.rng.choice(COMPARISONS)
        return self.pick(
            lambda: self.comparison(Term(name), symbol, constant),
            lambda: self.comparison(Term(name), symbol, constant),
            lambda: self.comparison(self.call("max2", name, "3"), symbol, constant),
            lambda: self.comparison(self.call("abs", f"{name} - 3"), symbol, Term("1")),
            lambda: self.comparison(Term(f"min2({name}, 4) * 2", PRODUCT), symbol, Term("4")),
            lambda: self.comparison(Term(f"{name} / 1000", PRODUCT), symbol, Term("2.5")),
            lambda: Term(f"{name} in {self.list_of(map(self.number_literal, values))}", COMPARE))

    def key_comparison(self):
        entry = f'number(properties["{NUMBER_KEYS[self.stream]}"])'
        constant = self.rng.choice(FACT_NUMBERS[HEALTH])
        return self.comparison(Term(entry), self.rng.choice(COMPARISONS),
                               Term(self.number_literal(constant), NEGATE))

    def instant_comparison(self):
        symbol = self.rng.choice(COMPARISONS)
        return self.pick(
            lambda: self.comparison(Term('instant(properties["due"])'), symbol,
                                    Term("occurred_at")),
            lambda: self.comparison(Term('occurred_at - instant(properties["due"])', SUM), symbol,
                                    Term("1h")))

    def absence(self):
        names = {"usage": ("duration_ms", 'properties["src"]'), "login": ('method == "SSO"',),
                 "ticket": ("user_id", "subject", "satisfaction"), "nps": ("comment", "user_id"),
                 "custom": ("value", "user_id", 'number(properties["amount"])')}
        return self.call("missing", self.rng.choice(names[self.stream]))
