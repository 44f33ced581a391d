"""A random rules file that uses the constructs of the contract, as YAML text."""
from generate_expressions import ATOM, STREAMS, Scope, Term, Writer
from times import DAY, HOUR, UNITS

MINUTE, WEEK = UNITS["m"], UNITS["w"]
SCALES = {      # what lengths of time matter, by how long the case spans
    "hours": dict(lengths=(0, 1000, MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR,
                           90 * MINUTE, 2 * HOUR, 3 * HOUR, 5 * HOUR, 12 * HOUR),
                  windows=(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 36 * HOUR, 2 * DAY)),
    "days": dict(lengths=(0, 30 * MINUTE, HOUR, 6 * HOUR, 12 * HOUR, DAY, 36 * HOUR, 2 * DAY,
                          3 * DAY, 5 * DAY, WEEK),
                 windows=(HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 36 * HOUR, 2 * DAY, 3 * DAY,
                          4 * DAY, WEEK)),
    "months": dict(lengths=(0, HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, WEEK, 2 * WEEK,
                            30 * DAY),
                   windows=(6 * HOUR, 36 * HOUR, 2 * DAY, 3 * DAY, 4 * DAY, WEEK, 10 * DAY,
                            2 * WEEK, 28 * DAY, 60 * DAY)),
}
SCORES = ("churn_risk", "health", "adoption", "sentiment", "expansion")
DIMENSIONS = ("lifecycle_stage", "risk_band", "tier", "mood", "touch")
STAGES = ("onboarding", "growing", "established", "declining", "churned")
VALUES = ("alpha", "beta", "gamma", "delta", "no", "007", "1e3", "über \"x\"", "null",
          "2024-01-01")
BANDS = ("low", "guarded", "medium", "high")
BOUNDS = (10, 20, 25, 33.33, 40, 50, 60, 70, 85)
PLAYBOOKS = ("rescue", "upsell", "call-csm", "re-engage")
HEIGHTS = (0, 0.1, 0.2, 0.25, 0.4, 0.5, 0.75, 0.8, 1)
TITLES = ("'it''s #1'", '"2024"', "Lifecycle stage", '"Wie läuft\'s: gut?"', "Risk of leaving")
PLAIN_FORBIDDEN = set("[]{},&*#?|<>=!%@\\'\"`:-~")


class RulesWriter(Writer):
    """Writes one rules file; what later parts may name is gathered in `scope`."""

    def __init__(self, rng, case):
        super().__init__(rng)
        self.case = case
        scale = SCALES[case.scale]
        self.scope = Scope(scale["lengths"], scale["windows"], case.instant_texts)
        self.lines = []

    def write(self):
        self.put(f"ruleset: {self.scalar(self.case.label)}")
        self.clock()
        self.streams()
        self.metrics()
        scores = self.scores()
        self.dimensions(scores)
        self.segments()
        return "\n".join(self.lines) + "\n"

    def put(self, line):
        if self.chance(0.01):
            self.lines.append("  # a comment")
        self.lines.append(line)

    # ---- YAML --------------------------------------------------------------------------------

    def scalar(self, text, flow=False):
        """The text as a YAML scalar in one of the styles that can hold it."""
        plain = text[0] not in PLAIN_FORBIDDEN and ": " not in text and " #" not in text
        if flow:
            plain = plain and not set(text) & set("[]{},")
        styles = ["single", "double"] + 2 * ["plain"] * plain
        return self.styled(text, self.rng.choice(styles))

    def styled(self, text, style):
        if style == "single":
            return "'" + text.replace("'", "''") + "'"
        if style == "double":
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return text

    def put_expression(self, key, expression, indent):
        """`key: expression`, now and then as a block over two lines."""
        text, margin = expression.text, " " * indent
        gaps = [at for at, letter in enumerate(text) if letter == " " and self.breaks(text, at)]
        if gaps and self.chance(0.08):
            at = self.rng.choice(gaps)
            self.lines.append(f"{margin}{key}: {self.rng.choice(('>-', '|-', '>', '|'))}")
            self.lines += [f"{margin}  {text[:at]}", f"{margin}  {text[at + 1:]}"]
        else:
            self.put(f"{margin}{key}: {self.scalar(text)}")

    def breaks(self, text, at):
        """Whether the space at `at` is a single one, outside of strings."""
        alone = text[at - 1] != " " and text[at + 1:at + 2] != " "
        return alone and all(text.count(quote, 0, at) % 2 == 0 for quote in "'\"")

    def put_words(self):
        """`title` and `about`, for people."""
        if self.chance(0.3):
            self.put(f"    title: {self.rng.choice(TITLES)}")
        if self.chance(0.1):
            self.put("    about: >-\n      folded\n      text")
        elif self.chance(0.1):
            self.put("    about: |\n      two lines: with\n      'quotes' and #signs")

    def put_setting(self, key, probability):
        """A setting of a length of time, rather a short one."""
        if self.chance(probability):
            length = min(self.rng.choice(self.scope.lengths), self.rng.choice(self.scope.lengths))
            self.put(f"    {key}: {self.duration_literal(length)}")

    # ---- the parts ---------------------------------------------------------------------------

    def clock(self):
        case, settings = self.case, []
        if case.tick != HOUR or self.chance(0.5):
            settings.append(f"tick: {self.duration_literal(case.tick)}")
        if case.lateness or self.chance(0.3):
            settings.append(f"lateness: {self.duration_literal(case.lateness)}")
        if case.duplicate_ids != 64 or self.chance(0.2):
            settings.append(f"duplicate_ids: {case.duplicate_ids}")
        if case.future_tolerance != 5 * MINUTE or self.chance(0.2):
            settings.append(f"future_tolerance: {self.duration_literal(case.future_tolerance)}")
        if settings:
            self.put(f"clock: {{ {', '.join(settings)} }}")

    def streams(self):
        stalling = [stream for stream in STREAMS if self.chance(self.case.stall_probability)]
        if stalling:
            self.put("streams:")
        for stream in stalling:
            length = self.rng.choice([length for length in self.scope.lengths if length >= MINUTE])
            self.put(f"  {stream}: {{ stall_after: {self.duration_literal(length)} }}")

    def metrics(self):
        count = self.rng.randint(0, 6)
        if count:
            self.put("metrics:")
        for number in range(count):
            name = f"{self.rng.choice(('m', 'Q', 'metric_', '_'))}{number}"
            kind = self.rng.choice(("number", "number", "duration", "boolean", "alias"))
            known = self.scope.numbers
            if kind == "alias" and known:
                term, kind = self.rng.choice(known), "number"
            elif kind == "boolean":
                term = self.boolean(self.scope, self.rng.choice((0, 1, 2)))
            else:
                kind = "number" if kind == "alias" else kind
                term = getattr(self, kind)(self.scope, 2)
            self.put_expression(name, term, 2)
            getattr(self.scope, kind + "s").append(Term(name, ATOM, term.pool))

    def scores(self):
        names = self.rng.sample(SCORES, self.rng.choice((0, 1, 2, 2, 3)))
        if names and "churn_risk" not in names and self.chance(0.8):
            names[self.rng.randrange(len(names))] = "churn_risk"
        if names:
            self.put("scores:")
        for name in names:
            self.score(name)
            self.scope.numbers.append(Term(name, ATOM, (0, *BOUNDS)))
        return names

    def score(self, name):
        is_weighted = self.chance(0.65)
        self.put(f"  {name}:")
        self.put_words()
        self.put(f"    method: {'weighted' if is_weighted else 'logistic'}")
        if is_weighted and self.chance(0.5):
            self.put(f"    min_coverage: {self.rng.choice((0, 0.25, 0.3, 0.5, 1))}")
        if not is_weighted and self.chance(0.8):
            self.put(f"    bias: {self.rng.choice((-2, -1, -0.5, 0, 0.5))}")
        self.put("    signals:")
        count = self.rng.randint(1, 5)
        for number in range(count):
            signal = f"s{number}_{self.rng.choice(('use', 'seats', 'nps', 'silence'))}"
            self.signal(signal, is_weighted, must_weigh=number == count - 1)

    def signal(self, name, is_weighted, must_weigh):
        term, curve = self.signal_value()
        weights = (1.5, 5, 10, 25, 40) if is_weighted else (-2, -1, 0.5, 1, 1.5, 3)
        weight = 0 if not must_weigh and self.chance(0.1) else self.rng.choice(weights)
        if self.chance(0.01):
            weight = self.rng.choice((1e307, 3e307, 1e-300))
        parts = [("value", self.scalar(term.text, flow=True))]
        if curve:
            parts.append(("curve", "[" + ", ".join(f"[{x}, {y}]" for x, y in curve) + "]"))
        parts.append(("weight", str(weight)))
        if not is_weighted and self.chance(0.6):
            parts.append(("default", str(self.rng.choice((0, 0.2, 0.5, 1)))))
        if self.chance(0.35):
            parts.append(("when", self.scalar(self.boolean(self.scope, 1).text, flow=True)))
        if self.chance(0.7):
            inside = ", ".join(f"{key}: {text}" for key, text in parts)
            self.put(f"      {name}: {{ {inside} }}")
        else:
            self.put(f"      {name}:")
            for key, text in parts:
                self.put(f"        {key}: {text}")

    def signal_value(self):
        """A value and its curve: a duration needs one, a boolean has none."""
        kind = self.rng.choice(("number", "number", "scaled", "duration", "duration", "boolean"))
        if kind == "boolean":
            return self.boolean(self.scope, 1), None
        if kind == "scaled":
            term = self.number(self.scope)
            return self.pick(
                lambda: self.call("min2", "1", f"max2(0, {term.text})"),
                lambda: Term(f"min2({term.text}, 5) / 5"), lambda: term), None
        if kind == "duration":
            lengths = [length for length in self.scope.lengths if length >= MINUTE]
            return self.duration(self.scope, 2), self.curve(lengths, self.duration_literal)
        term = self.number(self.scope, 2)
        return term, self.curve(sorted(set(term.pool)) or (0, 1, 4, 8), self.number_literal)

    def curve(self, abscissas, write):
        count = self.rng.randint(1, min(5, len(abscissas)))
        return [(write(x), self.rng.choice(HEIGHTS))
                for x in sorted(self.rng.sample(list(abscissas), count))]

    def dimensions(self, scores):
        names = self.rng.sample(DIMENSIONS, self.rng.choice((0, 1, 2, 3, 3, 4)))
        if names and "lifecycle_stage" not in names and self.chance(0.7):
            names[0] = "lifecycle_stage"
        if names:
            self.put("dimensions:")
        for name in names:
            self.put(f"  {name}:")
            self.put_words()
            if scores and self.chance(0.5):
                values, keys = self.bands(scores)
            else:
                values, keys = self.cases(STAGES if name == "lifecycle_stage" else VALUES)
            self.playbooks(keys)
            self.scope.strings[name] = tuple(values)
            self.scope.lasting.append(name)

    def bands(self, scores):
        self.put(f"    score: {self.rng.choice(scores)}")
        names = BANDS[:self.rng.randint(1, 4)]
        bounds = [0] + sorted(self.rng.sample(BOUNDS, len(names) - 1))
        inside = ", ".join(f"{name}: {bound}" for name, bound in zip(names, bounds))
        self.put(f"    bands: {{ {inside} }}")
        if self.chance(0.6):
            self.put(f"    hysteresis: {self.rng.choice((0, 2, 5, 7.5, 10))}")
        self.put_setting("min_dwell", 0.7)
        values = (*names, "unknown")
        return values, values

    def cases(self, pool):
        self.put_setting("min_dwell", 0.6)
        self.put("    cases:")
        values, keys = [], []
        for value in self.rng.sample(pool, self.rng.randint(1, 4)):
            condition = self.boolean(self.scope, self.rng.choice((0, 1, 1, 2, 3)))
            when = ", when: " + self.scalar(condition.text, flow=True)
            urgent = ", urgent: true" if self.chance(0.3) else ""
            chosen = self.case_value(value, values, keys)
            self.put(f"      - {{ {chosen}{when}{urgent} }}")
        last = self.case_value(self.rng.choice(pool), values, keys)
        self.put(f"      - {{ {last} }}")
        return dict.fromkeys(values), tuple(dict.fromkeys(keys))

    def case_value(self, value, values, keys):
        """`value` or `value_of`; adds what the dimension may become, and keys for playbooks."""
        if self.chance(0.2):
            string = self.string(self.scope)
            values += [*string.pool, "unknown"]
            keys += [text for text in string.pool if text.isalpha()]
            return "value_of: " + self.scalar(string.text, flow=True)
        values.append(value)
        keys.append(value)
        return "value: " + (value if value.isascii() and '"' not in value
                            else self.styled(value, "double"))

    def playbooks(self, keys):
        chosen = [key for key in keys if self.chance(0.6)]
        if not chosen or self.chance(0.4):
            return
        written = [(self.styled(key, "double"), self.rng.choice(PLAYBOOKS)) for key in chosen]
        if self.chance(0.5):
            inside = ", ".join(f"{key}: {book}" for key, book in written)
            self.put(f"    playbooks: {{ {inside} }}")
        else:
            self.put("    playbooks:")
            for key, book in written:
                self.put(f"      {key}: {book}")

    def segments(self):
        count = self.rng.choice((0 if self.scope.strings else 1, 2, 3, 4, 5, 6, 7, 8))
        if count:
            self.put("segments:")
        for number in range(count):
            name = f"{self.rng.choice(('silent', 'risky', 'power', 'seg'))}_{number}"
            self.segment(name)
            self.scope.segments.append(name)
            self.scope.lasting.append(name)

    def segment(self, name):
        self.put(f"  {name}:")
        self.put_words()
        depth = self.rng.choice((0, 0, 1, 1, 1, 2, 2, 3, 5))
        when = (self.lively_condition(self.scope) if self.chance(0.3)
                else self.boolean(self.scope, depth))
        self.put_expression("when", when, 4)
        if self.chance(0.4):
            self.put_expression("until", self.boolean(self.scope, self.rng.choice((0, 1, 2))), 4)
        self.put_setting("for", 0.45)
        self.put_setting("min_dwell", 0.45)
        self.put_setting("cooldown", 0.45)
        if self.chance(0.5):
            self.put(f"    playbook: {self.rng.choice(PLAYBOOKS)}")


def write_rules(rng, case):
    return RulesWriter(rng, case).write()
