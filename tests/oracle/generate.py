"""Writes one random conformance case, the same for the same seed.

    generate.py --seed N --out DIR

DIR then holds `rules.yaml`, `events.jsonl`, maybe an instant in `until` and `live_from`, and the
`changes.jsonl` that the oracle prints for them.
"""
import argparse
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

import oracle
import rules as rules_file
from generate_events import InstantWriter, write_log
from generate_rules import SCALES, write_rules
from times import DAY, HOUR, UNITS, instant_ms

MINUTE, WEEK = UNITS["m"], UNITS["w"]
EVALUATIONS_MAX = 6_000             # of ticks, so that the oracle stays quick
SPANS = {"hours": (12 * HOUR, 3 * DAY), "days": (5 * DAY, 25 * DAY),
         "months": (50 * DAY, 200 * DAY)}
TICKS = {"hours": (5 * MINUTE, 30 * MINUTE, HOUR, HOUR),
         "days": (30 * MINUTE, HOUR, HOUR, 7 * HOUR),
         "months": (HOUR, 7 * HOUR, DAY, WEEK)}
LATENESS = (0, 0, 0, MINUTE, 5 * MINUTE, HOUR, 3 * HOUR, DAY)


@dataclass
class Case:
    """What the rules and the log of one case have in common."""
    label: str
    scale: str
    start: int
    span: int
    tick: int
    accounts: int
    ancient: bool               # it begins with a record of 1970
    lateness: int
    duplicate_ids: int
    future_tolerance: int
    stall_probability: float
    recording_probability: float
    erasure_probability: float
    disorder: int
    events_per_account: int
    crowd: int = 0              # how many users there are, 0: few
    shares: dict = field(default_factory=dict)      # of the streams in an account's events
    bursts: list = field(default_factory=list)      # instants at which much happens
    instant_texts: tuple = ()

    @property
    def lengths(self):
        return SCALES[self.scale]["lengths"]


def random_case(rng, seed):
    scale = rng.choice(tuple(SPANS))
    span = rng.randint(*SPANS[scale])
    accounts = rng.choice((1, 2, 3, 3, 4, 5))
    start = instant_ms(f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}")
    if rng.random() < 0.1:
        start = rng.choice((-20 * DAY, -span // 2, 0))
    start += rng.choice((0, rng.randint(0, DAY)))
    ancient = start > 0 and rng.random() < 0.04
    case = Case(
        label=f"seed-{seed}", scale=scale, start=start, span=span,
        tick=_tick(rng, scale, start, span, accounts, ancient), accounts=accounts,
        ancient=ancient, lateness=rng.choice(LATENESS),
        duplicate_ids=rng.choice((0, 1, 1, 2, 3, 5, 8, 64, 64)),
        future_tolerance=rng.choice((0, MINUTE, 5 * MINUTE, 5 * MINUTE, 10 * MINUTE)),
        stall_probability=rng.choice((0, 0, 0.3, 0.7)),
        recording_probability=rng.choice((0, 0, 0.1, 0.9)),
        erasure_probability=rng.choice((0, 0.3, 0.8)),
        disorder=rng.choice((0, MINUTE, HOUR, span // 10)),
        events_per_account=rng.choice((10, 30, 60, 100)))
    if rng.random() < 0.03:
        case.crowd, case.events_per_account, case.accounts = 500, 300, 1
    case.shares = {stream: rng.choice((0, 0.1, 0.2, 0.4, 0.6))
                   for stream in ("usage", "login", "ticket", "nps", "custom")}
    case.bursts = [start + rng.randrange(span) for _ in range(rng.choice((0, 0, 0, 2)))]
    moments = [start + rng.randrange(span) // HOUR * HOUR for _ in range(3)]
    case.instant_texts = ("soon", *[InstantWriter(rng).text(moment) for moment in moments])
    return case


def _tick(rng, scale, start, span, accounts, ancient):
    if ancient:
        return rng.choice((WEEK, 4 * WEEK))
    ticks = [tick for tick in (*TICKS[scale], DAY)
             if 1.5 * span / tick * accounts <= EVALUATIONS_MAX]
    return rng.choice(ticks[:4])


def write_case(seed, folder):
    """Writes the case of a seed into `folder` and returns how many changes it has."""
    rng = random.Random(seed)
    case = random_case(rng, seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yaml").write_text(write_rules(rng, case), encoding="utf-8")
    lines = write_log(rng, case)
    (folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    arguments = {name: _boundary(rng, case.start + int(case.span * rng.uniform(*within)))
                 for name, within in (("until", (0.2, 1.5)), ("live_from", (0, 1)))
                 if rng.random() < 0.4}
    for name in ("until", "live_from"):
        (folder / name).unlink(missing_ok=True)
        if name in arguments:
            (folder / name).write_text(InstantWriter(rng).text(arguments[name]) + "\n")
    return _write_changes(folder, lines, arguments)


def _boundary(rng, instant):
    """The instant, or the boundary of an hour or a day before it."""
    size = rng.choice((1, HOUR, DAY))
    return instant // size * size


def _write_changes(folder, lines, arguments):
    rules = rules_file.load(folder / "rules.yaml")
    with (open(folder / "changes.jsonl", "w", encoding="utf-8") as out,
          open(folder / "rejected.txt", "w", encoding="utf-8") as errors):
        oracle.run(rules, lines, out, errors, **arguments)
    return len((folder / "changes.jsonl").read_bytes().splitlines())


def main():
    parser = argparse.ArgumentParser(description="Writes one random conformance case.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    changes = write_case(arguments.seed, arguments.out)
    print(f"seed {arguments.seed}: {changes} changes")


if __name__ == "__main__":
    sys.exit(main())
