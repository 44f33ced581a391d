"""Whether two lists of changes are the same: account by account, change by change.

    compare.py EXPECTED ACTUAL

Prints the first difference and exits 1 where there is one. Accounts may follow one another in any
order; what the contract rounds may differ by the last digit, since a half may fall either way.
"""
import json
import sys

ROUNDED = {"churn_risk", "contribution", "coverage"}
ROUNDING, RELATIVE = 0.0101, 1e-6


def load(path):
    """The changes of a file, by account."""
    accounts = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                change = json.loads(line)
                accounts.setdefault(change["account_id"], []).append(change)
    return accounts


def same(a, b, key=None):
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        relative = RELATIVE * max(1, abs(a))
        return abs(a - b) <= (max(ROUNDING, relative) if key in ROUNDED else relative)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k], k) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def first_difference(expected, actual):
    """The first difference of two results of `load` as text, or None."""
    for account in sorted(set(expected) | set(actual)):
        wanted, got = expected.get(account, []), actual.get(account, [])
        for i in range(max(len(wanted), len(got))):
            p = wanted[i] if i < len(wanted) else {}
            q = got[i] if i < len(got) else {}
            if not (p and q and same(p, q)):
                return _describe(account, i + 1, p, q)
    return None


def _describe(account, number, p, q):
    either = p or q
    keys = [key for key in either
            if not (p and q) or key not in q or not same(p.get(key), q.get(key), key)] or ["keys"]
    lines = [f"differs: {account} change {number} {keys}"]
    for name, change in (("expected", p), ("actual", q)):
        shown = {key: change.get(key) for key in dict.fromkeys([*keys, "at", "subject"])}
        lines.append(f"  {name}: {shown if change else None}")
    return "\n".join(lines)


def main():
    difference = first_difference(load(sys.argv[1]), load(sys.argv[2]))
    if difference:
        print(difference)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
