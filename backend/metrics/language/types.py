"""Types of the language and the vocabulary a tenant's formulas may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from backend.metrics.language.hashing import HashedOnce


class Kind(StrEnum):
    """What sort of value an expression has."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    MOMENT = "moment"
    DATE = "date"


class Unit(StrEnum):
    """The unit of a number. Stored as integers: the scale says how many stored units make one shown unit."""

    NONE = "none"
    COUNT = "count"
    DURATION = "duration"
    MONEY = "money"
    SCORE = "score"
    RATIO = "ratio"
    POINTS = "points"


@dataclass(frozen=True, slots=True)
class Type:
    """Kind, unit and scale: a duration is stored in ms and shown in seconds, so its scale is 1000."""

    kind: Kind
    unit: Unit = Unit.NONE
    scale: int = 1


BOOLEAN = Type(Kind.BOOLEAN)
TEXT = Type(Kind.TEXT)
MOMENT = Type(Kind.MOMENT)
DATE = Type(Kind.DATE)
COUNT = Type(Kind.NUMBER, Unit.COUNT)
NUMBER = Type(Kind.NUMBER, Unit.NONE)
DECIMAL = Type(Kind.NUMBER, Unit.NONE, 1000)
DURATION = Type(Kind.NUMBER, Unit.DURATION, 1000)
SCORE = Type(Kind.NUMBER, Unit.SCORE, 1000)
RATIO = Type(Kind.NUMBER, Unit.RATIO)


def money(digits: int) -> Type:
    """Money of a currency with so many digits after the point: 2 for EUR, 0 for JPY."""
    return Type(Kind.NUMBER, Unit.MONEY, 10**digits)


class Origin(StrEnum):
    """Where lowering finds a field's value."""

    COLUMN = "column"  # a column of the fact's table
    LINKING = "linking"  # a text column that links rows; one that is linked to nothing has its own id
    NAMED = "named"  # an id column whose row has external_id and name: agent, team, queue ...
    ATTRIBUTE = "attribute"  # a key of the tenant-defined attributes
    LOOKED_UP = "looked_up"  # found in other rows by a sub-select: the customer's first answer
    CALENDAR = "calendar"  # taken from the anchor moment in the tenant's zone: hour_of_day, date ...
    SNAPSHOT = "snapshot"  # taken from the instant at which rows are in a state: age
    CLOCK = "clock"  # the instant of the answer, the same for every row


@dataclass(frozen=True, slots=True)
class Field(HashedOnce):
    """One field as a formula names it.

    `column` is the database column (or attribute key, or calendar field). `truth` is the boolean column
    that says whether a moment happened (`resolved` in a condition); None means: the moment is present.
    `choices` are the only values a closed text field has.
    """

    name: str
    fact: str
    type: Type
    origin: Origin
    column: str
    label_en: str = field(repr=False)  # what is shown is no part of what it is: see rollups/series.py
    label_zh: str = field(repr=False)
    doc: str = field(repr=False)
    groupable: bool = False
    truth: str | None = None
    choices: tuple[str, ...] = ()

    __hash__ = HashedOnce.hash_once


@dataclass(frozen=True, slots=True)
class State:
    """Something that a row is for a while: from the first of its `begins` that is known until the first of its
    `ends`; moments are named as for the anchors of a `Fact`.

    A row that has none of the ends is in the state still, unless one of `over` is true: columns of its own that
    say that it is over although nobody knows since when.
    """

    name: str
    begins: tuple[str, ...]
    ends: tuple[str, ...]
    label_en: str
    label_zh: str
    doc: str
    over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """A kind of row that aggregates run over.

    `anchors` maps an anchor's name to the moments tried in order (the first present one places the row in
    time); A moment is a column of the fact's own row without its _at ("responded"), or after "interaction."
    one of its interaction. `default_anchor` is used when a formula names none. `linked` facts reach all
    fields of the interaction by its id; `own` are the unprefixed fields that a row of the fact carries
    itself, before those of any interaction: the agent of a sale, and so that agent's team. `states` are those its
    rows may be in.
    """

    name: str
    label_en: str
    label_zh: str
    anchors: Mapping[str, tuple[str, ...]]
    default_anchor: str
    linked: bool
    own: frozenset[str] = frozenset()
    states: Mapping[str, State] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything a formula of one tenant may name.

    Two vocabularies of one `version` are equal; the empty version stands for one that must not be cached.
    """

    facts: Mapping[str, Fact]
    fields: Mapping[str, Field]  # by the name a formula uses: "channel", "survey.score", "order.amount"
    version: str = ""

    def find_field(self, path: tuple[str, ...]) -> Field | None:
        """The field of that dotted name, None when there is none."""
        return self.fields.get(".".join(path))
