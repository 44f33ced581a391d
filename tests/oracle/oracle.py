"""The naive `replay` of the rules contract: prints the changes as JSON lines.

    oracle.py --rules RULES [--until T] [--live-from T] FILE

It visits every account at every tick, keeps all events and recomputes what it needs from them.
Lines that are not valid are reported on standard error; the exit status is then 3.
"""
import argparse
import json
import sys

import rules as rules_file
from records import Invalid, parse_line
from replay import Replay
from times import instant_ms

EXIT_INVALID_LINES, EXIT_INVALID_RULES = 3, 2


def plain(value):
    """Whole numbers without a fraction, as people write them."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value


def print_change(change, out):
    print(json.dumps(plain(change), ensure_ascii=False, separators=(",", ":")), file=out)


def run(rules, lines, out, errors, until=None, live_from=None):
    """Replays `lines` (bytes); returns how many of them were not valid."""
    replay = Replay(rules, lambda change: print_change(change, out), live_from)
    invalid = 0
    for number, line in enumerate(lines, 1):
        try:
            record = parse_line(line)
            if record is not None:
                replay.accept(record)
        except Invalid as reason:
            invalid += 1
            print(f"line {number}: {reason}", file=errors)
    replay.finish(until)
    return invalid


def instant_argument(text):
    value = int(text) if text.lstrip("-").isdigit() else instant_ms(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"no instant: {text!r}")
    return value


def main():
    parser = argparse.ArgumentParser(description="The naive replay of the rules contract.")
    parser.add_argument("--rules", required=True)
    parser.add_argument("--until", type=instant_argument)
    parser.add_argument("--live-from", type=instant_argument)
    parser.add_argument("file")
    arguments = parser.parse_args()
    try:
        rules = rules_file.load(arguments.rules)
    except Exception as error:          # any failure to load them means: not valid rules
        print(f"{arguments.rules}: {type(error).__name__}: {error}", file=sys.stderr)
        return EXIT_INVALID_RULES
    sys.stdout.reconfigure(encoding="utf-8")
    with open(arguments.file, "rb") as lines:
        invalid = run(rules, lines, sys.stdout, sys.stderr, arguments.until, arguments.live_from)
    return EXIT_INVALID_LINES if invalid else 0


if __name__ == "__main__":
    sys.exit(main())
