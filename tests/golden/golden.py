"""golden.py BINARY FOLDER: replays the folder's events and compares what is printed with its changes.jsonl.

Accounts are compared one by one, in any order; numbers as numbers. The first difference is printed, and the exit status is 1.
"""

import json
import pathlib
import subprocess
import sys

# Rounded in the contract: a half may fall either way.
ROUNDED = {"churn_risk", "contribution", "coverage"}


def accounts_of(lines):
    accounts = {}
    for line in lines:
        if line.strip():
            change = json.loads(line)
            accounts.setdefault(change["account_id"], []).append((list(change), change))
    return accounts


def same(expected, actual, key=None):
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, (int, float)) and isinstance(actual, (int, float)):
        return abs(expected - actual) <= (0.0101 if key in ROUNDED else 1e-6 * max(1, abs(expected)))
    if isinstance(expected, dict) and isinstance(actual, dict):
        return list(expected) == list(actual) and all(same(expected[k], actual[k], k) for k in expected)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    return expected == actual


def first_difference(expected, actual):
    for account in sorted(set(expected) | set(actual)):
        wanted, got = expected.get(account, []), actual.get(account, [])
        for i in range(max(len(wanted), len(got))):
            left = wanted[i][1] if i < len(wanted) else None
            right = got[i][1] if i < len(got) else None
            if left is None or right is None or not same(left, right):
                return account, i + 1, left, right
    return None


def tell(difference):
    account, number, left, right = difference
    print(f"account {account}, change {number} differs:")
    if left is None or right is None:
        print(f"  expected: {json.dumps(left)}\n  actual:   {json.dumps(right)}")
        return
    for key in list(left) + [key for key in right if key not in left]:
        if key not in right or key not in left or not same(left[key], right[key], key):
            print(f"  {key}:\n    expected: {json.dumps(left.get(key))}\n    actual:   {json.dumps(right.get(key))}")
    print(f"  of: {json.dumps(right)}")


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    command = [binary, "replay", "--rules", folder / "rules.yaml"]
    for option in ("until", "live_from"):
        if (folder / option).exists():
            command += ["--" + option.replace("_", "-"), (folder / option).read_text().strip()]
    run = subprocess.run(command + [folder / "events.jsonl"], capture_output=True, text=True, check=False)
    if run.returncode not in (0, 3):
        sys.exit(f"exit status {run.returncode}\n{run.stderr}")
    if (run.returncode == 3) != bool(run.stderr.strip()):
        sys.exit(f"exit status {run.returncode}, and on standard error:\n{run.stderr}")
    expected = accounts_of((folder / "changes.jsonl").read_text().splitlines())
    difference = first_difference(expected, accounts_of(run.stdout.splitlines()))
    if difference:
        tell(difference)
        sys.exit(1)


main()
