"""Instants and durations of the contract: both are numbers of milliseconds."""
import re

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
HOUR, DAY = UNITS["h"], UNITS["d"]

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?")
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def duration_ms(text):
    """`1.5d` in milliseconds, or None where the text is no duration literal."""
    match = _DURATION.fullmatch(text)
    return float(match[1]) * UNITS[match[2]] if match else None


def setting_ms(text):
    """A setting of the rules file: a duration of whole milliseconds."""
    value = duration_ms(text)
    if value is None or value != int(value):
        raise ValueError(f"{text!r} is no duration of whole milliseconds")
    return int(value)


def instant_ms(text):
    """The instant that a text writes, or None. Digits finer than a millisecond are cut off."""
    match = _INSTANT.fullmatch(text)
    if not match:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not 1 <= month <= 12 or not 1 <= day <= _days_in(year, month):
        return None
    hour, minute, second = (int(part or 0) for part in match.group(4, 5, 6))
    if hour > 23 or minute > 59 or second > 59:
        return None
    offset = _offset_minutes(match[8] or "Z")
    if offset is None:
        return None
    milliseconds = int(((match[7] or "") + "000")[:3])
    minutes = (_days_from_epoch(year, month, day) * 24 + hour) * 60 + minute - offset
    return (minutes * 60 + second) * 1_000 + milliseconds


def iso(milliseconds):
    """An instant as the changes print it: ISO-8601 with milliseconds and `Z`."""
    days, rest = divmod(int(milliseconds), DAY)
    year, month, day = _date_of(days)
    seconds, fraction = divmod(rest, 1_000)
    return (f"{year:04d}-{month:02d}-{day:02d}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
            f":{seconds % 60:02d}.{fraction:03d}Z")


def _offset_minutes(zone):
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def _is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_in(year, month):
    return 29 if month == 2 and _is_leap(year) else _DAYS_IN_MONTH[month - 1]


def _days_before(year):
    """Days from the first day of year 0 to that of `year` (proleptic Gregorian)."""
    before = year - 1
    return year * 365 + before // 4 - before // 100 + before // 400 + 1


def _days_from_epoch(year, month, day):
    in_year = sum(_days_in(year, m) for m in range(1, month)) + day - 1
    return _days_before(year) - _days_before(1970) + in_year


def _date_of(days):
    year = 1970 + days // 366
    while _days_from_epoch(year + 1, 1, 1) <= days:
        year += 1
    while _days_from_epoch(year, 1, 1) > days:
        year -= 1
    rest, month = days - _days_from_epoch(year, 1, 1), 1
    while rest >= _days_in(year, month):
        rest -= _days_in(year, month)
        month += 1
    return year, month, rest + 1
