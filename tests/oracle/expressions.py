"""The expression language: its tokens, its syntax tree, and the value of each node.

A value is a float (number, duration or instant, the latter two in milliseconds), a bool, a
string, or None for *missing*. Types are not checked: the oracle is only given valid rules.

A node is valued against a *view*: `views.AccountView` (an account at an instant) or
`aggregates.EventView` (one event, inside a `where`).
"""
import math
import operator
import re
from dataclasses import dataclass

from records import EVENT_STREAMS
from times import duration_ms, instant_ms

_NUMBER_TEXT = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def finite(value):
    """The contract's arithmetic: what is not a finite number is missing."""
    return value if math.isfinite(value) else None


def number_of(text):
    """`number(s)`: the number that the whole string writes, else missing."""
    return finite(float(text)) if _NUMBER_TEXT.fullmatch(text) else None


def instant_of(text):
    """`instant(s)`: the instant that the text writes, else missing."""
    value = instant_ms(text)
    return None if value is None else float(value)


# ---- the syntax tree -------------------------------------------------------------------------

@dataclass(eq=False)
class Node:
    """`start` and `end` are the node's extent in its text, parentheses around it included."""
    start: int
    end: int

    def value(self, view):
        raise NotImplementedError


@dataclass(eq=False)
class Literal(Node):
    constant: object

    def value(self, view):
        return self.constant


@dataclass(eq=False)
class Group(Node):
    """A parenthesised expression."""
    inner: Node

    def value(self, view):
        return self.inner.value(view)


@dataclass(eq=False)
class Name(Node):
    """A metric, score or dimension; inside a `where`, a field of the event."""
    name: str

    def value(self, view):
        return view.name(self.name)


@dataclass(eq=False)
class Entry(Node):
    """`properties["k"]` inside a `where`."""
    name: str
    key: str

    def value(self, view):
        return view.name(self.name).get(self.key)


@dataclass(eq=False)
class Fact(Node):
    """`account.f` or `account.attributes["k"]`."""
    field: str
    key: str | None

    def value(self, view):
        return view.fact(self.field, self.key)


@dataclass(eq=False)
class Aggregate(Node):
    """A function over one account's events, see `aggregates.py`."""
    function: str
    stream: str
    field: str | None
    key: str | None
    where: Node | None
    windows: tuple          # of whole milliseconds

    def value(self, view):
        return view.aggregate(self)


@dataclass(eq=False)
class InSegment(Node):
    name: str

    def value(self, view):
        return view.in_segment(self.name)


@dataclass(eq=False)
class TimeIn(Node):
    name: str

    def value(self, view):
        return view.time_in(self.name)


@dataclass(eq=False)
class Missing(Node):
    operand: Node

    def value(self, view):
        return self.operand.value(view) is None


@dataclass(eq=False)
class Coalesce(Node):
    first: Node
    second: Node

    def value(self, view):
        value = self.first.value(view)
        return self.second.value(view) if value is None else value


@dataclass(eq=False)
class Call(Node):
    """A function that is missing where an operand is."""
    function: object
    operands: tuple

    def value(self, view):
        values = [operand.value(view) for operand in self.operands]
        return None if None in values else self.function(*values)


@dataclass(eq=False)
class Age(Node):
    """`age(x)` is `now - x`, `until(x)` is `x - now` (sign -1)."""
    operand: Node
    sign: int

    def value(self, view):
        instant = self.operand.value(view)
        return None if instant is None else finite(self.sign * (view.now - instant))


@dataclass(eq=False)
class Negation(Node):
    operand: Node

    def value(self, view):
        value = self.operand.value(view)
        return None if value is None else -value


@dataclass(eq=False)
class Arithmetic(Node):
    symbol: str
    left: Node
    right: Node

    def value(self, view):
        left, right = self.left.value(view), self.right.value(view)
        if left is None or right is None:
            return None
        if self.symbol == "/":
            return None if right == 0 else finite(left / right)
        return finite(_ARITHMETIC[self.symbol](left, right))


@dataclass(eq=False)
class Comparison(Node):
    """A comparison with missing is false, `!=` too."""
    symbol: str
    left: Node
    right: Node

    def value(self, view):
        left, right = self.left.value(view), self.right.value(view)
        if left is None or right is None:
            return False
        return _COMPARISONS[self.symbol](left, right)


@dataclass(eq=False)
class In(Node):
    left: Node
    choices: tuple

    def value(self, view):
        left = self.left.value(view)
        return left is not None and left in self.choices


@dataclass(eq=False)
class Not(Node):
    operand: Node

    def value(self, view):
        return self.operand.value(view) is not True


@dataclass(eq=False)
class And(Node):
    left: Node
    right: Node

    def value(self, view):
        return self.left.value(view) is True and self.right.value(view) is True


@dataclass(eq=False)
class Or(Node):
    left: Node
    right: Node

    def value(self, view):
        return self.left.value(view) is True or self.right.value(view) is True


_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_COMPARISONS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
                ">": operator.gt, ">=": operator.ge}


# ---- an expression with its text -------------------------------------------------------------

CONDITIONS_MAX = 8


class Expression:
    """A parsed expression together with the text that it was written as."""

    def __init__(self, text):
        self.text = text
        self.root = Parser(text).parse()

    def value(self, view):
        return self.root.value(view)

    def holds(self, view):
        return self.root.value(view) is True

    def because(self, view):
        """The expression's conditions in the order of their text, the first 8, valued."""
        return [self._condition(node, view) for node in conditions(self.root)[:CONDITIONS_MAX]]

    def _condition(self, node, view):
        left = node.left.value(view) if isinstance(node, (Comparison, In)) else None
        right = node.right.value(view) if isinstance(node, Comparison) else None
        return {"condition": self.text[node.start:node.end], "left": left, "right": right,
                "holds": node.value(view) is True}


def conditions(node):
    """Comparisons, and booleans not made of `and`, `or`, `not`; none inside another."""
    if isinstance(node, (And, Or)):
        return conditions(node.left) + conditions(node.right)
    if isinstance(node, Not):
        return conditions(node.operand)
    if isinstance(node, Group):
        return conditions(node.inner)
    return [node]


# ---- the parser ------------------------------------------------------------------------------

@dataclass
class Token:
    kind: str               # number, duration, string, name, symbol, end
    text: str
    start: int
    end: int


_TOKEN = re.compile(r"""
    \s*(?:
      (?P<duration>[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w)(?![A-Za-z0-9_]))
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_]))
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<symbol>==|!=|<=|>=|[<>+\-*/()\[\],.])
    )""", re.VERBOSE | re.DOTALL)

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def tokens_of(text):
    tokens, position, text_end = [], 0, len(text.rstrip())
    while position < text_end:
        match = _TOKEN.match(text, position)
        if not match:
            raise ValueError(f"column {position + 1} of {text!r}: no token")
        kind = match.lastgroup
        tokens.append(Token(kind, match[kind], match.start(kind), match.end(kind)))
        position = match.end()
    tokens.append(Token("end", "", text_end, text_end))
    return tokens


def string_of(literal):
    """The string that a literal writes: a backslash makes the next character plain."""
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), literal[1:-1],
                  flags=re.DOTALL)


AGGREGATES = ("count", "sum", "avg", "min", "max", "distinct", "last", "since", "since_first",
              "trend", "open")
_FUNCTIONS = {"number": (1, number_of), "instant": (1, instant_of), "abs": (1, abs),
              "min2": (2, min), "max2": (2, max)}


class Parser:
    """Recursive descent, one method for each level of precedence, loosest first."""

    def __init__(self, text):
        self.text = text
        self.tokens = tokens_of(text)
        self.position = 0

    def parse(self):
        node = self.disjunction()
        if self.current.kind != "end":
            self.fail("the end")
        return node

    @property
    def current(self):
        return self.tokens[self.position]

    @property
    def last_end(self):
        return self.tokens[self.position - 1].end

    def fail(self, wanted):
        raise ValueError(f"column {self.current.start + 1} of {self.text!r}: expected {wanted}")

    def take(self):
        token = self.current
        self.position += 1
        return token

    def at(self, *texts):
        return self.current.kind in ("symbol", "name") and self.current.text in texts

    def accept(self, text):
        return self.take() if self.at(text) else None

    def expect(self, text):
        return self.accept(text) or self.fail(repr(text))

    def expect_kind(self, kind):
        return self.take() if self.current.kind == kind else self.fail(f"a {kind}")

    def disjunction(self):
        node = self.conjunction()
        while self.accept("or"):
            right = self.conjunction()
            node = Or(node.start, right.end, node, right)
        return node

    def conjunction(self):
        node = self.inversion()
        while self.accept("and"):
            right = self.inversion()
            node = And(node.start, right.end, node, right)
        return node

    def inversion(self):
        word = self.accept("not")
        if not word:
            return self.comparison()
        operand = self.inversion()
        return Not(word.start, operand.end, operand)

    def comparison(self):
        left = self.sum()
        if self.accept("in"):
            choices = self.choices()
            return In(left.start, self.last_end, left, choices)
        if self.at(*_COMPARISONS):
            symbol = self.take().text
            right = self.sum()
            return Comparison(left.start, right.end, symbol, left, right)
        return left

    def choices(self):
        self.expect("[")
        choices = [self.choice()]
        while self.accept(","):
            choices.append(self.choice())
        self.expect("]")
        return tuple(choices)

    def choice(self):
        """A literal, which may have a minus in front."""
        return -self.literal().constant if self.accept("-") else self.literal().constant

    def sum(self):
        node = self.product()
        while self.at("+", "-"):
            symbol = self.take().text
            right = self.product()
            node = Arithmetic(node.start, right.end, symbol, node, right)
        return node

    def product(self):
        node = self.negation()
        while self.at("*", "/"):
            symbol = self.take().text
            right = self.negation()
            node = Arithmetic(node.start, right.end, symbol, node, right)
        return node

    def negation(self):
        sign = self.accept("-")
        if not sign:
            return self.primary()
        operand = self.negation()
        return Negation(sign.start, operand.end, operand)

    def primary(self):
        opening = self.accept("(")
        if opening:
            inner = self.disjunction()
            return Group(opening.start, self.expect(")").end, inner)
        if self.current.kind in ("number", "duration", "string") or self.at("true", "false"):
            return self.literal()
        name = self.expect_kind("name")
        if self.at("("):
            return self.call(name)
        if name.text == "account":
            field, key = self.field_path()
            return Fact(name.start, self.last_end, field, key)
        if self.at("["):
            key = self.key()
            return Entry(name.start, self.last_end, name.text, key)
        return Name(name.start, name.end, name.text)

    def literal(self):
        token = self.take()
        if token.kind == "number":
            constant = float(token.text)
        elif token.kind == "duration":
            constant = duration_ms(token.text)
        elif token.kind == "string":
            constant = string_of(token.text)
        elif token.text in ("true", "false"):
            constant = token.text == "true"
        else:
            raise ValueError(f"column {token.start + 1} of {self.text!r}: expected a literal")
        return Literal(token.start, token.end, constant)

    def field_path(self):
        """`.field` or `.field["key"]`."""
        self.expect(".")
        field = self.expect_kind("name").text
        return field, self.key() if self.at("[") else None

    def key(self):
        self.expect("[")
        key = string_of(self.expect_kind("string").text)
        self.expect("]")
        return key

    def call(self, name):
        self.expect("(")
        if name.text in AGGREGATES:
            parts = self.aggregate_arguments()
            return Aggregate(name.start, self.expect(")").end, name.text, *parts)
        if name.text in ("in_segment", "time_in"):
            subject = self.expect_kind("name").text
            kind = InSegment if name.text == "in_segment" else TimeIn
            return kind(name.start, self.expect(")").end, subject)
        operands = [self.disjunction()]
        while self.accept(","):
            operands.append(self.disjunction())
        end = self.expect(")").end
        return self.function(name, end, tuple(operands))

    def function(self, name, end, operands):
        word, arity = name.text, len(operands)
        if word == "missing" and arity == 1:
            return Missing(name.start, end, *operands)
        if word == "coalesce" and arity == 2:
            return Coalesce(name.start, end, *operands)
        if word in ("age", "until") and arity == 1:
            return Age(name.start, end, *operands, 1 if word == "age" else -1)
        if word in _FUNCTIONS and arity == _FUNCTIONS[word][0]:
            return Call(name.start, end, _FUNCTIONS[word][1], operands)
        raise ValueError(f"column {name.start + 1} of {self.text!r}: no function {word}({arity})")

    def aggregate_arguments(self):
        stream = self.expect_kind("name").text
        if stream not in EVENT_STREAMS:
            raise ValueError(f"{self.text!r}: no stream {stream!r}")
        field, key = self.field_path() if self.at(".") else (None, None)
        where = self.disjunction() if self.accept("where") else None
        windows = []
        while self.accept(","):
            windows.append(int(duration_ms(self.expect_kind("duration").text)))
        return stream, field, key, where, tuple(windows)
