"""The rules file: its settings and expressions, as plain objects."""
from dataclasses import dataclass

import yaml

from expressions import Expression
from times import duration_ms, setting_ms


@dataclass
class Clock:
    tick: int = 3_600_000
    lateness: int = 0
    duplicate_ids: int = 64
    future_tolerance: int = 300_000


@dataclass
class Signal:
    name: str
    value: Expression
    curve: list             # of (x, y), or None
    weight: float
    default: float
    when: Expression | None


@dataclass
class Score:
    name: str
    method: str
    min_coverage: float
    bias: float
    signals: list


@dataclass
class Case:
    value: str | None
    value_of: Expression | None
    when: Expression | None
    urgent: bool


@dataclass
class Dimension:
    """It has either `cases`, or a `score` and `bands`."""
    name: str
    min_dwell: int
    playbooks: dict
    cases: list
    score: str | None
    bands: list             # of (name, lower bound), ascending
    hysteresis: float


@dataclass
class Segment:
    name: str
    when: Expression
    until: Expression | None
    for_: int
    min_dwell: int
    cooldown: int
    playbook: str | None


@dataclass
class Rules:
    ruleset: str
    clock: Clock
    stall_after: dict       # stream -> milliseconds
    metrics: dict
    scores: dict
    dimensions: dict
    segments: dict


class _TextLoader(yaml.BaseLoader):
    """Takes every scalar as its text; a key twice and an alias are errors."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise ValueError(f"a key twice in one mapping: {keys}")
        return super().construct_mapping(node, deep=deep)

    def compose_node(self, parent, index):
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            raise ValueError("YAML anchors and aliases are an error")
        return super().compose_node(parent, index)


def load(path):
    with open(path, encoding="utf-8") as file:
        document = yaml.load(file, Loader=_TextLoader)
    return Rules(
        ruleset=document["ruleset"],
        clock=_clock(document.get("clock") or {}),
        stall_after={stream: setting_ms(settings["stall_after"])
                     for stream, settings in _mapping(document, "streams")
                     if "stall_after" in settings},
        metrics={name: Expression(text) for name, text in _mapping(document, "metrics")},
        scores={name: _score(name, spec) for name, spec in _mapping(document, "scores")},
        dimensions={name: _dimension(name, spec)
                    for name, spec in _mapping(document, "dimensions")},
        segments={name: _segment(name, spec) for name, spec in _mapping(document, "segments")})


def _mapping(document, key):
    return (document.get(key) or {}).items()


def _expression(spec, key):
    return Expression(spec[key]) if key in spec else None


def _clock(spec):
    settings = {key: int(text) if key == "duplicate_ids" else setting_ms(text)
                for key, text in spec.items()}
    return Clock(**settings)


def _score(name, spec):
    return Score(name, spec["method"], float(spec.get("min_coverage", "0.5")),
                 float(spec.get("bias", "0")),
                 [_signal(signal, settings) for signal, settings in spec["signals"].items()])


def _signal(name, spec):
    curve = [(_abscissa(x), float(y)) for x, y in spec["curve"]] if "curve" in spec else None
    return Signal(name, Expression(spec["value"]), curve, float(spec["weight"]),
                  float(spec.get("default", "0")), _expression(spec, "when"))


def _abscissa(text):
    """The x of a curve's point: a number or a duration, maybe with a sign."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    duration = duration_ms(digits)
    return sign * (float(digits) if duration is None else duration)


def _dimension(name, spec):
    return Dimension(
        name, setting_ms(spec.get("min_dwell", "0s")), spec.get("playbooks") or {},
        [_case(case) for case in spec.get("cases", [])], spec.get("score"),
        [(band, float(bound)) for band, bound in spec.get("bands", {}).items()],
        float(spec.get("hysteresis", "0")))


def _case(spec):
    return Case(spec.get("value"), _expression(spec, "value_of"), _expression(spec, "when"),
                spec.get("urgent") == "true")


def _segment(name, spec):
    return Segment(name, Expression(spec["when"]), _expression(spec, "until"),
                   setting_ms(spec.get("for", "0s")), setting_ms(spec.get("min_dwell", "0s")),
                   setting_ms(spec.get("cooldown", "0s")), spec.get("playbook"))
