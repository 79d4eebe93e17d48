"""Raw group values to members of dimensions: stable keys, labels, natural order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from backend.metrics.language.types import Field, Origin
from backend.metrics.planning.calendar import member_key
from backend.metrics.questions import Member

Named: TypeAlias = Mapping[str, Mapping[int, Member]]  # "agent" -> id -> member

MISSING = Member(None, None)


@dataclass(slots=True)
class Members:
    """The members met in the answers; each raw value is turned once."""

    named: Named
    _known: dict[tuple[str, Hashable], Member] = field(default_factory=dict)

    def of(self, dimensions: Sequence[Field], raw: Sequence[Hashable]) -> tuple[Member, ...]:
        """A member per dimension."""
        return tuple(self._one(one, value) for one, value in zip(dimensions, raw, strict=True))

    def rank(self, dimensions: Sequence[Field], raw: Sequence[Hashable]) -> tuple[tuple[Any, ...], ...]:
        """What to sort by: Monday before Tuesday, 9 before 10, names by letter; the missing last."""
        return tuple(self._place(one, value) for one, value in zip(dimensions, raw, strict=True))

    def _place(self, dimension: Field, raw: Hashable) -> tuple[Any, ...]:
        if raw is None:
            return (1,)
        if dimension.origin is Origin.NAMED or isinstance(raw, str):
            member = self._one(dimension, raw)
            return 0, (member.label or "").casefold(), member.key
        return 0, raw

    def _one(self, dimension: Field, raw: Hashable) -> Member:
        known = self._known.get((dimension.name, raw))
        if known is None:
            known = self._known[dimension.name, raw] = self._turned(dimension, raw)
        return known

    def _turned(self, dimension: Field, raw: Hashable) -> Member:
        if raw is None:
            return MISSING
        if dimension.origin is Origin.NAMED:
            assert isinstance(raw, int)
            found = self.named.get(dimension.name, {}).get(raw)
            return found or Member(f"#{raw}", f"#{raw}")  # its row is gone; the id still tells it from others
        key = _key(dimension, raw)
        return Member(key, key)


def _key(dimension: Field, raw: Hashable) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if dimension.origin is Origin.CALENDAR:
        assert isinstance(raw, int | date)
        return member_key(dimension.column, raw)
    if isinstance(raw, int | Decimal):
        shown = Decimal(raw) / dimension.type.scale
        return f"{shown.normalize():f}"
    return str(raw)
