"""What the formulas of one tenant may name: facts with their anchors, built-in fields, tenant attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256

from backend.metrics.language.fields import BASE, CUSTOMER, INTERACTION, built_in_fields
from backend.metrics.language.states import STATES
from backend.metrics.language.tokens import KEYWORDS
from backend.metrics.language.types import (
    BOOLEAN,
    DECIMAL,
    DURATION,
    MOMENT,
    TEXT,
    Fact,
    Field,
    Kind,
    Origin,
    Type,
    Vocabulary,
    money,
)

# A tenant attribute: key, type (text number boolean duration money moment), English label, Chinese label.
Attribute = tuple[str, str, str | None, str | None]

_ANCHORS = {
    "started": ("started",),
    "queued": ("queued", "started"),
    "accepted": ("accepted", "started"),
    "first_response": ("first_response", "started"),
    "resolved": ("resolved", "closed", "started"),
    "closed": ("closed", "resolved", "started"),
}
_LINKED_ANCHORS = {
    name: tuple(f"{INTERACTION}.{moment}" for moment in moments) for name, moments in _ANCHORS.items()
}
FACTS: tuple[Fact, ...] = (
    Fact(INTERACTION, "interactions", "会话", _ANCHORS, "started", linked=False, states=STATES[INTERACTION]),
    Fact(
        "survey", "survey responses", "调查",
        # A survey that was never answered (or whose time is unknown) lies where its interaction began.
        {
            "responded": ("responded", "interaction.started"),
            "invited": ("invited", "responded", "interaction.started"),
            **_LINKED_ANCHORS,
        },
        "responded", linked=True, own=frozenset({"agent", "customer"}),
    ),
    Fact(
        "order", "orders", "订单",
        # An unpaid order has no place among payments, so `paid` falls back to nothing.
        {"ordered": ("ordered",), "paid": ("paid",)},
        "ordered", linked=False, own=frozenset({"agent", "team", "customer", "product"}),
    ),
    # An event's own agent is who acted; `agent` stays that of the interaction.
    Fact("event", "events", "事件", {"happened": ("happened",), **_LINKED_ANCHORS}, "happened", linked=True),
    Fact(
        "review", "QA reviews", "质检", {"reviewed": ("reviewed",), **_LINKED_ANCHORS},
        "reviewed", linked=True, own=frozenset({"agent"}),
    ),
    Fact(
        "activity", "agent activities", "坐席状态", {"started": ("started",), "ended": ("ended", "started")},
        "started", linked=False, own=frozenset({"agent", "team"}), states=STATES["activity"],
    ),
    Fact(
        "article", "article views", "文章浏览", {"viewed": ("viewed",), **_LINKED_ANCHORS},
        "viewed", linked=True, own=frozenset({"customer"}),
    ),
    Fact(
        "sla", "SLA instances", "SLA 实例",
        # One that was not achieved has no place among achievements; one without a due moment lies where it began.
        {"due": ("due", "applied"), "applied": ("applied",), "achieved": ("achieved",), **_LINKED_ANCHORS},
        "due", linked=True, states=STATES["sla"],
    ),
    # What has not come yet has no place in time: an unanswered turn among replies, an open cycle among solves.
    Fact(
        "turn", "turns", "对话轮次",
        {**_LINKED_ANCHORS, "started": ("started",), "replied": ("replied",)},
        "started", linked=True, own=frozenset({"agent"}), states=STATES["turn"],
    ),
    Fact(
        "cycle", "cycles", "处理周期", {"opened": ("opened",), "solved": ("solved",), **_LINKED_ANCHORS},
        "opened", linked=True, own=frozenset({"agent"}), states=STATES["cycle"],
    ),
    # The customers themselves, whether or not they ever got in touch.
    Fact(
        BASE, "customers", "客户", {"joined": ("joined",), "lost": ("lost",)},
        "joined", linked=False, own=frozenset({"customer"}), states=STATES["base"],
    ),
)  # fmt: skip

_ATTRIBUTE_TYPES = {
    "text": TEXT,
    "number": DECIMAL,
    "boolean": BOOLEAN,
    "duration": DURATION,
    "moment": MOMENT,
}
_ATTRIBUTE_PREFIX = "attribute"


def build_vocabulary(currency_digits: int = 2, attributes: Sequence[Attribute] = ()) -> Vocabulary:
    """The vocabulary of a tenant whose currency has so many digits after the point (2 for EUR, 0 for JPY).

    An attribute is named by its key; one whose key is taken by a built-in field or a word of the language is
    named `attribute.<key>`. Equal arguments give the same object, so calling this per request is cheap.
    """
    return _build(currency_digits, tuple(attributes))


@lru_cache(maxsize=256)
def _build(currency_digits: int, attributes: tuple[Attribute, ...]) -> Vocabulary:
    fields = {field.name: field for field in built_in_fields(currency_digits)}
    for field in _attribute_fields(attributes, taken=set(fields), currency_digits=currency_digits):
        fields[field.name] = field
    version = sha256(repr((currency_digits, attributes)).encode()).hexdigest()[:32]
    return Vocabulary({fact.name: fact for fact in FACTS}, fields, version)


def _attribute_fields(
    attributes: Iterable[Attribute], *, taken: set[str], currency_digits: int
) -> Iterator[Field]:
    for key, kind, label_en, label_zh in attributes:
        given: Type = money(currency_digits) if kind == "money" else _ATTRIBUTE_TYPES[kind]
        name = f"{_ATTRIBUTE_PREFIX}.{key}" if key in taken or key in KEYWORDS else key
        label = label_en or key.replace("_", " ")
        yield Field(
            name,
            INTERACTION,
            given,
            Origin.ATTRIBUTE,
            key,
            label,
            label_zh or label,
            f"Attribute of the tenant's own ({kind}).",
            groupable=given.kind in (Kind.TEXT, Kind.BOOLEAN),
        )


def reachable(vocabulary: Vocabulary, fact: str, field: Field) -> bool:
    """Whether rows of a fact have a field: of their own, their interaction, customer or anchor."""
    if field.fact == fact or field.origin in (Origin.CALENDAR, Origin.CLOCK):
        return True
    row = vocabulary.facts[fact]
    if field.origin is Origin.SNAPSHOT:
        return bool(row.states)
    if field.fact == CUSTOMER:
        return has_customer(row)
    return field.fact == INTERACTION and (row.linked or field.name in row.own)


def has_customer(fact: Fact) -> bool:
    """Whether rows of the fact lead to a customer."""
    return fact.name == INTERACTION or fact.linked or CUSTOMER in fact.own


def find_fact(fields: Iterable[Field]) -> str | None:
    """The kind of row these fields speak of: interactions, unless one other; None when they speak of two."""
    others = {field.fact for field in fields} - {INTERACTION, CUSTOMER}
    if len(others) > 1:
        return None
    return others.pop() if others else INTERACTION


def find_stateful(vocabulary: Vocabulary, fields: Iterable[Field], state: str | None) -> str | None:
    """As `find_fact`; where the fields name no other kind of row, it is the only one that knows the state."""
    named = find_fact(fields)
    if named != INTERACTION or state is None or state in vocabulary.facts[INTERACTION].states:
        return named
    knowing = [fact.name for fact in vocabulary.facts.values() if state in fact.states]
    return knowing[0] if len(knowing) == 1 else named
