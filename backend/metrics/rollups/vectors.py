"""Row expressions over columns: what `lowering/expressions.py` says in SQL, said of arrays, bit for bit alike.

A condition is true, false or missing, as in SQL. Whatever might come out otherwise than there - numbers that leave
64 bits, an order of texts, letters that two databases lower in two ways - is Unfit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.metrics.language import bound
from backend.metrics.language.bound import Row, type_of
from backend.metrics.language.types import Kind, Origin
from backend.metrics.planning.lowering.columns import ANCHOR
from backend.metrics.rollups.columns_packs import Mask, Unfit
from backend.metrics.rollups.vectors_texts import holds

MOST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND, _MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)
# a quotient below the first over a number below the second is rounded once by the database
_QUICK_QUOTIENT, _QUICK_DIVISOR = 10**8, 10**12
_SIGNIFICANT, _GROUP = 16, 4  # digits that PostgreSQL keeps of a quotient, and that it keeps together


@dataclass(frozen=True, slots=True)
class Vector:
    """A value for each row, or one (an array of length 1) for all of them.

    Numbers are whole; moments are microseconds, dates days, both since 1970; conditions are booleans, False where
    they are missing; texts are places in `words`, which are all different.
    """

    values: NDArray[Any]
    missing: Mask | None = None  # None: nothing is
    words: tuple[str, ...] | None = None


class Leaves(Protocol):
    """Where an evaluation finds what it reads."""

    def column(self, leaf: Row) -> Vector:
        """The stored values of a field, or whether a moment happened; named things by id."""

    def external(self, leaf: bound.FieldValue) -> Vector:
        """The external ids of named things."""

    def calendar(self, leaf: bound.FieldValue) -> Vector:
        """A calendar field of the anchor, as formulas compare it."""


class Evaluation:
    """Row expressions over one set of rows, each worked out once; `now` is the instant of the answer."""

    def __init__(self, leaves: Leaves, now: datetime) -> None:
        self._leaves, self._now = leaves, now
        self._known: dict[Row, Vector] = {}

    def measured(self, row: Row) -> Vector:
        """A row expression where only its presence and identity count: named things go by id."""
        if isinstance(row, bound.FieldValue) and row.field.origin is Origin.NAMED:
            return self._leaves.column(row)
        return self.value(row)

    def value(self, row: Row) -> Vector:
        """A row expression, in stored units; raises Unfit."""
        known = self._known.get(row)
        if known is None:
            known = self._known[row] = self._worked_out(row)
        return known

    def _worked_out(self, row: Row) -> Vector:
        match row:
            case bound.Literal(value=value):
                return _literal(value)
            case bound.FieldValue():
                return self._field(row)
            case bound.Happened(field=field):
                return _literal(True) if field.origin is Origin.CLOCK else self._leaves.column(row)
            case bound.Matured(span=span):
                return _compared(
                    "<=", self._leaves.column(start_of(row)), _literal(self._now - span * _MILLISECOND)
                )
            case bound.Combination(rows=rows):
                return _together([self.measured(one) for one in rows])
            case bound.Arithmetic(op=op, left=left, right=right):
                return self._arithmetic(op, left, right)
            case bound.Quotient():
                return self._quotient(row)
            case bound.Scaled(operand=operand, factor=factor):
                return _combined("*", self.value(operand), _literal(factor))
            case bound.Compare(op=op, left=left, right=right):
                return _compared(op, self.value(left), self.value(right))
            case bound.OneOf(operand=operand, options=options, negated=negated):
                return self._one_of(operand, options, negated=negated)
            case bound.IsMissing(operand=operand, negated=negated):
                missing = self.measured(operand).missing
                absent = np.zeros(1, np.bool_) if missing is None else missing
                return Vector(~absent if negated else absent)
            case bound.Logic(op=op, operands=operands):
                return self._logic(op, operands)
            case bound.Not(operand=operand):
                return _negated(self.value(operand))
            case bound.Choose(condition=condition, then=then, otherwise=otherwise):
                return _chosen(self.value(condition).values, self.value(then), self.value(otherwise))
            case _:
                raise Unfit(f"{type(row).__name__} reads more than a row's own columns")

    def _field(self, row: bound.FieldValue) -> Vector:
        match row.field.origin:
            case Origin.CALENDAR:
                return self._leaves.calendar(row)
            case Origin.NAMED:
                return self._leaves.external(row)
            case Origin.CLOCK:
                return _literal(self._now)
            case _:
                return self._leaves.column(row)

    def _arithmetic(self, op: str, one: Row, other: Row) -> Vector:
        left, right = self.value(one), self.value(other)
        if type_of(one).kind is not Kind.MOMENT:
            return _combined(op, left, right)
        between = left.values.astype(np.int64) - right.values.astype(np.int64)
        return Vector(np.sign(between) * (np.abs(between) // 1000), _either(left.missing, right.missing))

    def _quotient(self, row: bound.Quotient) -> Vector:
        above = _combined("*", self.value(row.left), _literal(row.type.scale * type_of(row.right).scale))
        below = _combined("*", self.value(row.right), _literal(type_of(row.left).scale))
        top, bottom = np.broadcast_arrays(above.values.astype(np.int64), below.values.astype(np.int64))
        zero = bottom == 0
        missing = _either(_either(above.missing, below.missing), zero if zero.any() else None)
        return Vector(_divided(top, np.where(zero, 1, bottom)), missing)

    def _one_of(self, operand: Row, options: Sequence[bound.Literal], *, negated: bool) -> Vector:
        value = self.value(operand)
        among = np.zeros(len(value.values), np.bool_)
        for option in options:
            among = among | _compared("=", value, self.value(option)).values
        found = Vector(among, value.missing if options else None)
        return _negated(found) if negated else found

    def _logic(self, op: str, operands: Sequence[Row]) -> Vector:
        found = self.value(operands[0])
        for operand in operands[1:]:
            found = _both(found, self.value(operand)) if op == "and" else _any(found, self.value(operand))
        return found


def start_of(row: bound.Matured) -> Row:
    """The moment since which a row has to be so old."""
    return ANCHOR if row.since is None else bound.FieldValue(row.since, row.since.type)


def spread(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """An array of one value for all rows as one of a value for each."""
    return values if len(values) == rows else np.broadcast_to(values, rows)


def largest(values: NDArray[Any]) -> int:
    """No value of an array of whole numbers is further from zero; for small types it is not looked at."""
    if values.dtype.itemsize < 8:
        return -int(np.iinfo(values.dtype).min) if values.dtype != np.bool_ else 1
    return max(abs(int(values.min())), abs(int(values.max()))) if len(values) else 0


def _together(vectors: Sequence[Vector]) -> Vector:
    """Several values as one number, which is another one for other values; only counted."""
    found = Vector(np.zeros(1, np.int64))
    size = 1
    for one in vectors:
        low = int(one.values.min()) if len(one.values) else 0
        span = int(one.values.max()) - low + 1 if len(one.values) else 1
        if size * span > MOST:
            used, values = np.unique(found.values, return_inverse=True)
            found, size = Vector(values, found.missing), len(used)
        if size * span > MOST:
            raise Unfit("there are too many combinations")
        values = found.values * span + (one.values.astype(np.int64) - low)
        found, size = Vector(values, _either(found.missing, one.missing)), size * span
    return found


def _literal(value: object) -> Vector:
    match value:
        case bool():
            return Vector(np.array([value]))
        case int():
            if abs(value) > MOST:
                raise Unfit("a number is beyond 64 bits")
            return Vector(np.array([value], np.int64))
        case datetime():
            return Vector(np.array([(value - _EPOCH) // _MICROSECOND], np.int64))
        case date():
            return Vector(np.array([value.toordinal() - _EPOCH.toordinal()], np.int64))
        case str():
            return Vector(np.zeros(1, np.int8), None, (value,))
        case _:
            raise Unfit(f"no column holds a {type(value).__name__}")


def _combined(op: str, left: Vector, right: Vector) -> Vector:
    """Arithmetic that stays within 64 bits, as the database has numbers of any size."""
    one, other = largest(left.values), largest(right.values)
    if (one * other if op == "*" else one + other) > MOST:
        raise Unfit("numbers might leave 64 bits")
    values = _ARITHMETIC[op](left.values.astype(np.int64), right.values.astype(np.int64))
    return Vector(values, _either(left.missing, right.missing))


def _divided(top: NDArray[Any], bottom: NDArray[Any]) -> NDArray[Any]:
    """Quotients as the database rounds them to whole numbers: half away from zero."""
    sign = np.sign(top) * np.sign(bottom)
    above, below = np.abs(top), np.abs(bottom)
    whole = above // below
    rest = above - whole * below
    found: NDArray[Any] = sign * (whole + (rest >= below - rest))
    for at in np.flatnonzero((whole >= _QUICK_QUOTIENT) | (below >= _QUICK_DIVISOR)).tolist():
        found[at] = int(sign[at]) * _divided_twice(int(above[at]), int(below[at]))
    return found


def _divided_twice(above: int, below: int) -> int:
    """A quotient that is rounded first to the digits that PostgreSQL keeps of it, then to a whole number."""
    weight = _groups(above)[0] - _groups(below)[0] - (_groups(above)[1] <= _groups(below)[1])
    shift: int = 10 ** max(_SIGNIFICANT - weight * _GROUP, 0)
    kept = (2 * above * shift + below) // (2 * below)
    return (2 * kept + shift) // (2 * shift)


def _groups(number: int) -> tuple[int, int]:
    """How many groups of digits come after a number's first one, and that one; 0 has none."""
    weight = 0
    while number >= 10**_GROUP:
        number //= 10**_GROUP
        weight += 1
    return weight, number


def _compared(op: str, left: Vector, right: Vector) -> Vector:
    missing = _either(left.missing, right.missing)
    if left.words is None or right.words is None:
        values = _COMPARE[op](_plain(left), _plain(right))
    elif op == "contains":
        values = _contained(left, right)
    else:
        values = _ordered(op, left, right)
    return Vector(_known(np.atleast_1d(values), missing), missing)


def _ordered(op: str, left: Vector, right: Vector) -> NDArray[Any]:
    """Texts compared. Those of calendar fields, which alone have an order, sort alike everywhere."""
    texts, others = left.words or (), right.words or ()
    if len(others) == 1 and op in ("=", "!="):  # a text among others: only places are compared
        if others[0] not in texts:
            return np.full(len(left.values), op == "!=")
        return np.asarray(_COMPARE[op](left.values, texts.index(others[0])))
    if not texts or not others:
        return np.zeros(max(len(left.values), len(right.values)), np.bool_)
    places = {word: at for at, word in enumerate(sorted({*texts, *others}))}
    one, other = (np.array([places[word] for word in words]) for words in (texts, others))
    return np.asarray(_COMPARE[op](one[left.values], other[right.values]))


def _contained(left: Vector, right: Vector) -> NDArray[Any]:
    texts, sought = left.words or (), right.words or ()
    if len(texts) * len(sought) > _MOST_PAIRS:
        raise Unfit("too many texts are looked for in too many others")
    pairs = np.array([[holds(text, one) for one in sought] for text in texts], np.bool_)
    if not pairs.size:
        return np.zeros(max(len(left.values), len(right.values)), np.bool_)
    return np.asarray(pairs[left.values, right.values])


def _negated(condition: Vector) -> Vector:
    return Vector(_known(~condition.values, condition.missing), condition.missing)


def _both(left: Vector, right: Vector) -> Vector:
    values = left.values & right.values
    if left.missing is None and right.missing is None:
        return Vector(values)
    return Vector(values, ~(values | _false(left) | _false(right)))


def _any(left: Vector, right: Vector) -> Vector:
    values = left.values | right.values
    if left.missing is None and right.missing is None:
        return Vector(values)
    return Vector(values, ~(values | (_false(left) & _false(right))))


def _false(condition: Vector) -> Mask:
    false: Mask = ~condition.values
    return false if condition.missing is None else false & ~condition.missing


def _chosen(condition: Mask, then: Vector, otherwise: Vector) -> Vector:
    missing = None
    if then.missing is not None or otherwise.missing is not None:
        missing = np.where(condition, _mask(then), _mask(otherwise))
    if then.words is None or otherwise.words is None:
        return Vector(np.where(condition, then.values, otherwise.values), missing)
    words = tuple(dict.fromkeys([*then.words, *otherwise.words]))
    places = {word: at for at, word in enumerate(words)}
    moved = [
        np.array([places[word] for word in one.words or ()] or [0], np.int64)[one.values]
        for one in (then, otherwise)
    ]
    return Vector(np.where(condition, *moved), missing, words)


def _mask(vector: Vector) -> Mask:
    return np.zeros(1, np.bool_) if vector.missing is None else vector.missing


def _either(one: Mask | None, other: Mask | None) -> Mask | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other


def _known(values: NDArray[Any], missing: Mask | None) -> NDArray[Any]:
    return values if missing is None else values & ~missing


def _plain(vector: Vector) -> Any:
    """A single value as a plain number, so that small arrays stay small beside it."""
    return vector.values[0].item() if len(vector.values) == 1 else vector.values


_MOST_PAIRS = 20_000  # some ten milliseconds
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], NDArray[Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
