"""Holds looking ahead, and that with every state stored after every record and read back, against
visiting every account at every tick, on random cases.

    visits.py --binary PATH --seeds A..B [--jobs N] [--keep DIR]

PATH is the program `visits`, which is the engine all three ways. The rules of a case decide so much that
every account is visited at nearly every tick for the sake of one or another: a bound that is wrong
for one decision shows in none. So each decision is taken alone too, with what it looks at; and most
accounts have few events, as it is silence that is looked ahead over. The oracle is not asked, which
makes a seed a good deal quicker than in `differential.py`.
"""
import random
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from differential import TIMEOUT_SECONDS, hold
from generate import random_case
from generate_events import write_log
from generate_rules import write_rules

SETTINGS = ("ruleset", "clock", "streams")
SECTIONS = ("metrics", "scores", "dimensions", "segments")      # each with what it declares
BAND_BOUNDS = (10, 33.33, 50)
NAME = re.compile(r"[A-Za-z_]\w*")


class TextLoader(yaml.SafeLoader):
    """Leaves every scalar the text that it is."""
    yaml_implicit_resolvers = {}


def _alone(rules, section, name):
    """The rules with one declaration of all, and those that it refers to, itself or through others."""
    kept, found = set(), {(section, name)}
    while found:
        kept |= found
        text = "".join(yaml.safe_dump(rules[section][name], allow_unicode=True)
                       for section, name in found)
        names = set(NAME.findall(text))
        found = {(section, name) for section in SECTIONS for name in rules.get(section) or {}
                 if name in names} - kept
    alone = {key: rules[key] for key in SETTINGS if key in rules}
    for section in SECTIONS:
        declared = {name: value for name, value in (rules.get(section) or {}).items()
                    if (section, name) in kept}
        if declared:
            alone[section] = declared
    return alone


def _rules_of(rng, text):
    """The rules as they are, and each segment, dimension and score (in bands) alone: texts by name."""
    rules = yaml.load(text, TextLoader)
    cases = {"all": text}
    for section in ("segments", "dimensions", "scores"):
        for name in rules.get(section) or {}:
            alone = _alone(rules, section, name)
            if section == "scores":
                bands = {"a": "0", "b": str(rng.choice(BAND_BOUNDS)), "c": "70"}
                alone.setdefault("dimensions", {})["in_bands"] = {"score": name, "bands": bands}
            cases[f"{section}-{name}"] = yaml.safe_dump(alone, sort_keys=False, allow_unicode=True)
    return cases


def _instant_text(instant):
    return (datetime(1970, 1, 1) + timedelta(milliseconds=instant)).isoformat() + "Z"


def _command(binary, seed, folder):
    rng = random.Random(seed)
    case = random_case(rng, seed)
    if rng.random() < 0.6:
        case.events_per_account = rng.choice((1, 2, 3, 5, 8))
    rules = _rules_of(rng, write_rules(rng, case))
    (folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in write_log(rng, case)))
    until = case.start + int(case.span * rng.choice((1.1, 1.5, 3)))
    command = [binary, folder / "events.jsonl", _instant_text(case.start - 2 * case.span),
               _instant_text(until)]
    for number, (name, text) in enumerate(rules.items()):
        path = folder / f"{number:02}-{re.sub('[^a-z0-9_-]', '', name)}.yaml"
        path.write_text(text, encoding="utf-8")
        command.append(path)
    (folder / "command").write_text(" ".join(str(part) for part in command) + "\n")
    return command


def run_seed(binary, seed, keep):
    """Generates and checks one seed; returns what differs, or None."""
    with tempfile.TemporaryDirectory(prefix="visits-") as temporary:
        folder = Path(temporary) / str(seed)
        folder.mkdir()
        try:
            result = subprocess.run(_command(binary, seed, folder), capture_output=True,
                                    timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return f"no end within {TIMEOUT_SECONDS} s"
        if result.returncode == 0:
            return None
        if keep:
            shutil.copytree(folder, keep / str(seed), dirs_exist_ok=True)
        return (result.stdout + result.stderr).decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(hold("Holds looking ahead against visiting every tick.", run_seed))
