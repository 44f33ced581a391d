"""The records that `replay` reads: the schemas, and the checks of one JSON line."""
import json
from dataclasses import dataclass, field

from times import instant_ms

REQUIRED = object()          # the default of a field that has none
INT_MAX, LONG_MAX = 2**31 - 1, 2**63 - 1
ID_BYTES_MAX = 512

METHODS = ("PASSWORD", "SSO", "TOKEN", "OTHER")
ACTIONS = ("OPENED", "UPDATED", "ESCALATED", "REOPENED", "RESOLVED", "CLOSED")
SEVERITIES = ("LOW", "NORMAL", "HIGH", "URGENT")
STATUSES = ("TRIAL", "ACTIVE", "PAUSED", "CANCELLED")


class Invalid(Exception):
    """A line that is reported and skipped; the message is the reason."""


@dataclass(frozen=True)
class Field:
    """One field of a schema; `kind` is a key of `_CHECKS`."""
    kind: str
    default: object = REQUIRED
    nullable: bool = False
    symbols: tuple = ()
    least: int = -LONG_MAX - 1
    most: int = LONG_MAX


def optional(kind, **limits):
    return Field(kind, default=None, nullable=True, **limits)


ID, TEXT, INSTANT, MAP = Field("id"), Field("string"), Field("instant"), Field("map", default={})

SCHEMAS = {
    "usage": {
        "event_id": ID, "account_id": ID, "user_id": TEXT, "occurred_at": INSTANT, "feature": TEXT,
        "quantity": Field("long", default=1), "duration_ms": optional("long"), "properties": MAP},
    "login": {
        "event_id": ID, "account_id": ID, "user_id": TEXT, "occurred_at": INSTANT,
        "method": Field("enum", default="OTHER", symbols=METHODS),
        "succeeded": Field("boolean", default=True)},
    "ticket": {
        "event_id": ID, "account_id": ID, "user_id": optional("string"), "occurred_at": INSTANT,
        "ticket_id": TEXT, "action": Field("enum", symbols=ACTIONS),
        "severity": Field("enum", default="NORMAL", symbols=SEVERITIES),
        "satisfaction": optional("int", least=1, most=5), "subject": optional("string")},
    "nps": {
        "event_id": ID, "account_id": ID, "user_id": optional("string"), "occurred_at": INSTANT,
        "score": Field("int", least=0, most=10), "comment": optional("string")},
    "custom": {
        "event_id": ID, "account_id": ID, "user_id": optional("string"), "occurred_at": INSTANT,
        "name": TEXT, "value": optional("double"), "properties": MAP},
    "account": {
        "account_id": ID, "updated_at": INSTANT, "name": optional("string"),
        "status": Field("enum", default="ACTIVE", symbols=STATUSES), "plan": optional("string"),
        "arr": optional("double"), "currency": optional("string"), "seats": optional("int"),
        "employees": optional("int"), "industry": optional("string"), "country": optional("string"),
        "region": optional("string"), "created_at": optional("instant"),
        "onboarded_at": optional("instant"), "renews_at": optional("instant"),
        "owner": optional("string"), "touch_override": optional("string"),
        "parent_account_id": optional("string"), "attributes": MAP},
}
EVENT_STREAMS = tuple(name for name in SCHEMAS if name != "account")


@dataclass
class Record:
    """An accepted line: an event, facts, or (`deleted`) an account's tombstone."""
    stream: str
    account_id: str
    time: int
    fields: dict
    deleted: bool = False
    recorded_at: int | None = None
    arrival: int = 0
    matches: dict = field(default_factory=dict)      # filter -> its truth, memoised

    @property
    def event_id(self):
        return self.fields.get("event_id")


def parse_line(line):
    """The record that a line (bytes) writes; None for a blank one; raises `Invalid`."""
    if not line.strip(b" \t\r\n"):
        return None
    document = _document(line)
    stream = document.get("stream")
    if not isinstance(stream, str) or stream not in SCHEMAS:
        raise Invalid(f"unknown stream {stream!r}")
    schema = SCHEMAS[stream]
    deleted = stream == "account" and _deleted(document)
    if deleted:
        schema = {name: schema[name] for name in ("account_id", "updated_at")}
    fields = {name: _field(name, spec, document) for name, spec in schema.items()}
    time = fields["updated_at" if stream == "account" else "occurred_at"]
    recorded_at = _field("recorded_at", optional("instant"), document)
    return Record(stream, fields["account_id"], time, fields, deleted, recorded_at)


def _document(line):
    try:
        document = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"no JSON: {error}") from None
    if not isinstance(document, dict):
        raise Invalid("no JSON object")
    return document


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def _deleted(document):
    deleted = document.get("deleted", False)
    if not isinstance(deleted, bool):
        raise Invalid("deleted: not a boolean")
    return deleted


def _field(name, spec, document):
    """The value of one field of a document, by its schema; missing values are None."""
    if name not in document:
        if spec.default is REQUIRED:
            raise Invalid(f"{name}: missing")
        return spec.default
    value = document[name]
    if value is None:
        if not spec.nullable:
            raise Invalid(f"{name}: null")
        return None
    return _CHECKS[spec.kind](name, spec, value)


def _string(name, spec, value):
    if not isinstance(value, str):
        raise Invalid(f"{name}: not a string")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Invalid(f"{name}: not UTF-8") from None
    return value


def _id(name, spec, value):
    if not 1 <= len(_string(name, spec, value).encode("utf-8")) <= ID_BYTES_MAX:
        raise Invalid(f"{name}: not 1 to {ID_BYTES_MAX} bytes")
    return value


def _enum(name, spec, value):
    if not isinstance(value, str) or value not in spec.symbols:
        raise Invalid(f"{name}: no symbol {value!r}")
    return value


def _boolean(name, spec, value):
    if not isinstance(value, bool):
        raise Invalid(f"{name}: not a boolean")
    return value


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(name, spec, value, most):
    """An integer; 5.0 is one too."""
    if not _is_number(value) or value != value or value in (float("inf"), float("-inf")):
        raise Invalid(f"{name}: not an integer")
    if value != int(value):
        raise Invalid(f"{name}: not an integer")
    value = int(value)
    if not max(spec.least, -most - 1) <= value <= min(spec.most, most):
        raise Invalid(f"{name}: out of range")
    return value


def _int(name, spec, value):
    return _whole(name, spec, value, INT_MAX)


def _long(name, spec, value):
    return _whole(name, spec, value, LONG_MAX)


def _double(name, spec, value):
    """A double that is not finite is null."""
    if not _is_number(value):
        raise Invalid(f"{name}: not a number")
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if abs(value) < float("inf") else None


def _instant(name, spec, value):
    if isinstance(value, str):
        instant = instant_ms(value)
        if instant is None:
            raise Invalid(f"{name}: no instant {value!r}")
        return instant
    return _whole(name, spec, value, LONG_MAX)


def _map(name, spec, value):
    if not isinstance(value, dict):
        raise Invalid(f"{name}: not a map")
    for key, entry in value.items():
        _string(name, spec, key)
        _string(f"{name}[{key!r}]", spec, entry)
    return value


_CHECKS = {"id": _id, "string": _string, "enum": _enum, "boolean": _boolean, "int": _int,
           "long": _long, "double": _double, "instant": _instant, "map": _map}
