"""Holds a `replay` against the oracle on random cases.

    differential.py --binary PATH --seeds A..B [--jobs N] [--keep DIR]

For each seed it generates a case, runs `PATH replay` on it, and compares the changes, the exit
status and which lines were reported as invalid. The first difference of each failing seed is
printed, its folder is kept under `--keep`; the last line is `N seeds, F failures`.
"""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from compare import first_difference, load
from generate import write_case

TIMEOUT_SECONDS = 120
EXIT_VALID, EXIT_INVALID_LINES = 0, 3


def replay_command(binary, folder):
    command = [binary, "replay", "--rules", str(folder / "rules.yaml")]
    for name, option in (("until", "--until"), ("live_from", "--live-from")):
        if (folder / name).exists():
            command += [option, (folder / name).read_text().strip()]
    return [*command, str(folder / "events.jsonl")]


def check(binary, folder):
    """What is wrong with the binary's replay of the case in `folder`, or None."""
    with (open(folder / "actual.jsonl", "wb") as out, open(folder / "stderr.txt", "wb") as errors):
        try:
            status = subprocess.run(replay_command(binary, folder), stdout=out, stderr=errors,
                                    timeout=TIMEOUT_SECONDS).returncode
        except subprocess.TimeoutExpired:
            return f"no end within {TIMEOUT_SECONDS} s"
    rejected = (folder / "rejected.txt").read_text(encoding="utf-8").splitlines()
    wanted = EXIT_INVALID_LINES if rejected else EXIT_VALID
    if status not in (EXIT_VALID, EXIT_INVALID_LINES):
        return f"exit status {status}, not {wanted}: {_tail(folder / 'stderr.txt')}"
    try:
        difference = first_difference(load(folder / "changes.jsonl"), load(folder / "actual.jsonl"))
    except ValueError as error:
        return f"the output is no JSON lines: {error}"
    if difference is None and status != wanted:
        return f"exit status {status}, not {wanted}: {_tail(folder / 'stderr.txt')}"
    return difference or _unreported(folder, rejected)


def _tail(path):
    return path.read_text(encoding="utf-8", errors="replace")[-500:]


def _unreported(folder, rejected):
    """Every invalid line is reported with its number, in whatever words."""
    stderr = (folder / "stderr.txt").read_text(encoding="utf-8", errors="replace")
    for line in rejected:
        number = re.match(r"line (\d+)", line)[1]
        if not re.search(rf"\b{number}\b", stderr):
            return f"not reported on standard error: {line}"
    return None


def run_seed(binary, seed, keep):
    """Generates and checks one seed; returns the difference, or None."""
    with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
        folder = Path(temporary) / str(seed)
        write_case(seed, folder)
        difference = check(binary, folder)
        if difference and keep:
            shutil.copytree(folder, keep / str(seed), dirs_exist_ok=True)
        return difference


def seed_range(text):
    first, _, last = text.partition("..")
    return range(int(first), int(last or first) + 1)


def hold(description, run_seed):
    """Runs `run_seed(binary, seed, keep)` for the seeds that the command line gives, and says where
    it found a difference; returns the exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--seeds", type=seed_range, required=True, metavar="A..B")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="where the folders of failing seeds are kept")
    arguments = parser.parse_args()
    failures, seeds = 0, list(arguments.seeds)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        results = pool.map(run_seed, *zip(*[(arguments.binary, seed, arguments.keep)
                                            for seed in seeds]))
        for seed, difference in zip(seeds, results):
            if difference:
                failures += 1
                print(f"seed {seed}: {difference}", flush=True)
    print(f"{len(seeds)} seeds, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(hold("Holds a replay against the oracle.", run_seed))
