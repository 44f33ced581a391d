"""How scores, dimensions and segments are decided at one evaluation (section 5)."""
import math
from dataclasses import dataclass, field

REASONS_MAX = 3
UNKNOWN = "unknown"
VALUE_BYTES_MAX = 4096              # a longer value of `value_of` is taken as missing


def rounded(value, scale=100):
    """`round(x * 100) / 100` of C: halves go away from zero."""
    scaled = abs(value * scale)
    if not scaled < 2**52:          # NaN is none, too
        return value
    whole = math.floor(scaled)
    if scaled - whole >= 0.5:
        whole += 1
    return math.copysign(whole, value) / scale


@dataclass
class DimensionState:
    value: str | None = None
    since: int | None = None


@dataclass
class SegmentState:
    since: int | None = None                # of the membership, None outside
    last_exit: int | None = None
    qualified_since: int | None = None      # the first of an unbroken run of evaluations


@dataclass
class Decision:
    """A move, an entry or an exit; the replay makes a change of it."""
    kind: str
    subject: str
    from_: str | None = None
    to: str | None = None
    because: list = field(default_factory=list)
    previous_since: int | None = None
    playbook: str | None = None
    reasons_of: str = "churn_risk"


# ---- scores ----------------------------------------------------------------------------------

@dataclass
class ScoreResult:
    value: float | None
    coverage: float
    reasons: list


@dataclass
class _Valued:
    """A signal that counts for the account, valued; `y` is None where it is missing."""
    signal: object
    value: object
    y: float | None


def score_result(score, view):
    """The score, its coverage and its reasons; signals whose `when` is not true are not there."""
    signals = []
    for signal in score.signals:
        if signal.when is None or signal.when.holds(view):
            value = signal.value.value(view)
            signals.append(_Valued(signal, value, _y(signal.curve, value)))
    return _weighted(score, signals) if score.method == "weighted" else _logistic(score, signals)


def _y(curve, value):
    if value is None:
        return None
    return float(value) if curve is None else _on_curve(curve, float(value))


def _on_curve(curve, x):
    if x <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in zip(curve, curve[1:]):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]


def _coverage(signals):
    """By |w| (the weights of a weighted score are at least 0)."""
    counting = sum(abs(valued.signal.weight) for valued in signals)
    present = sum(abs(valued.signal.weight) for valued in signals if valued.y is not None)
    return present / counting if counting > 0 else 0.0


def _weighted(score, signals):
    coverage = _coverage(signals)
    present = [valued for valued in signals if valued.y is not None]
    total = sum(valued.signal.weight for valued in present)
    if total == 0:
        return ScoreResult(None, coverage, [])
    reasons = _reasons((valued, 100 * valued.signal.weight * valued.y / total)
                       for valued in present)
    if coverage < score.min_coverage:
        return ScoreResult(None, coverage, reasons)
    value = 100 * sum(valued.signal.weight * valued.y for valued in present) / total
    return ScoreResult(_finite_rounded(value), coverage, reasons)


def _logistic(score, signals):
    weighted, contributions = 0.0, []
    for valued in signals:
        signal = valued.signal
        y = signal.default if valued.y is None else valued.y
        weighted += signal.weight * y
        contributions.append((valued, signal.weight * (y - signal.default)))
    value = 100 / (1 + _exp(-(score.bias + weighted)))
    return ScoreResult(_finite_rounded(value), _coverage(signals), _reasons(contributions))


def _exp(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _finite_rounded(value):
    return rounded(value) if math.isfinite(value) else None


def _reasons(contributions):
    """The up to three signals with the greatest rounded contribution above 0."""
    candidates = [(valued, rounded(contribution)) for valued, contribution in contributions]
    positive = [candidate for candidate in candidates if 0 < candidate[1] < math.inf]
    greatest = sorted(positive, key=lambda candidate: -candidate[1])[:REASONS_MAX]
    return [{"signal": valued.signal.name, "value": float(valued.value),
             "contribution": contribution} for valued, contribution in greatest]


# ---- dimensions ------------------------------------------------------------------------------

def decide_dimension(dimension, state, view):
    """The move of a dimension at this evaluation, or None; the state is moved."""
    if dimension.score is not None:
        to, because, reasons_of = _by_bands(dimension, state, view)
    else:
        to, because = _by_cases(dimension, state, view)
        reasons_of = "churn_risk"
    if to is None or to == state.value:
        return None
    move = Decision("MOVED", dimension.name, state.value, to, because(), state.since,
                    dimension.playbooks.get(to), reasons_of)
    state.value, state.since = to, view.now
    return move


def _has_lasted(dimension, state, view):
    return view.now - state.since >= dimension.min_dwell


def _by_cases(dimension, state, view):
    """The value to take now (None: stay), and what gives the conditions that decided it."""
    case = next(case for case in dimension.cases if case.when is None or case.when.holds(view))
    to = case.value
    if case.value_of is not None:
        to = case.value_of.value(view)
        to = UNKNOWN if to is None or len(to.encode()) > VALUE_BYTES_MAX else to
    if state.value is not None and not case.urgent and not _has_lasted(dimension, state, view):
        to = None
    return to, lambda: case.when.because(view) if case.when is not None else []


def _by_bands(dimension, state, view):
    score = view.scores[dimension.score].value
    bounds = dict(dimension.bands)
    to = _band_to_take(dimension, bounds, state, score, view)

    def because():
        return [{"condition": dimension.score, "left": score, "right": bounds.get(to),
                 "holds": True}]
    return to, because, dimension.score


def _band_to_take(dimension, bounds, state, score, view):
    if score is None:
        return UNKNOWN
    names = [name for name, _ in dimension.bands]
    target = names[0]
    for name, bound in dimension.bands:
        if score >= bound:
            target = name
    if state.value not in bounds or names.index(target) > names.index(state.value):
        return target
    lower_limit = rounded(bounds[state.value] - dimension.hysteresis)
    if score < lower_limit and _has_lasted(dimension, state, view):
        return target
    return None


# ---- segments --------------------------------------------------------------------------------

def decide_segment(segment, state, view):
    """The entry or exit at this evaluation, or None; the state is moved."""
    if state.since is not None:
        return _leave(segment, state, view)
    return _enter(segment, state, view)


def _leave(segment, state, view):
    if segment.until is not None:
        deciding, leaves = segment.until, segment.until.holds(view)
    else:
        deciding, leaves = segment.when, not segment.when.holds(view)
    if not leaves or view.now - state.since < segment.min_dwell:
        return None
    decision = exit_of(segment, state, deciding.because(view))
    state.since, state.last_exit, state.qualified_since = None, view.now, None
    return decision


def exit_of(segment, state, because):
    return Decision("EXITED", segment.name, because=because, previous_since=state.since,
                    playbook=segment.playbook)


def _enter(segment, state, view):
    if not _qualifies(segment, state, view):
        state.qualified_since = None
        return None
    if state.qualified_since is None:
        state.qualified_since = view.now
    if view.now - state.qualified_since < segment.for_:
        return None
    state.since, state.qualified_since = view.now, None
    return Decision("ENTERED", segment.name, because=segment.when.because(view),
                    previous_since=state.last_exit, playbook=segment.playbook)


def _qualifies(segment, state, view):
    if not segment.when.holds(view):
        return False
    if segment.until is not None and segment.until.holds(view):
        return False
    return state.last_exit is None or view.now - state.last_exit >= segment.cooldown
