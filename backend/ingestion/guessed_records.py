"""The records that a row has beside its interaction, as sections of a first mapping: survey, SLA, customer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from backend.ingestion.profiles import Profile
from backend.ingestion.synonyms import CUSTOMER, SLA, SURVEY, SURVEY_DETAILS, Clue, matches, plain_name


class Draft(Protocol):
    """The draft that the sections are for: its columns, those in use, and how a line of it is written."""

    columns: Sequence[Profile]
    used: set[str]

    def fitting(self, clue: Clue) -> Profile | None: ...

    def line(self, clue: Clue, column: Profile) -> str: ...

    def zero_marker(self, column: Profile) -> list[str]: ...


Claims = list[tuple[Clue, Profile]]


class RecordsBeside:
    """Takes the columns that speak of further records; what comes to no record is given back."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        is_rated = any(clue.fits(column) and matches(column.name, clue.patterns)
                       for clue in SURVEY[:1] for column in draft.columns)  # fmt: skip
        self._details = self._claimed(SURVEY_DETAILS) if is_rated else []
        self._sla = self._claimed(SLA)
        self._customer = self._claimed(CUSTOMER)

    def lines(self, fields: Sequence[str]) -> list[str]:
        """The sections; `fields` are the lines of the interaction's own."""
        sections = {
            "[survey]   # from the same row, where it has a score": self._survey_lines(),
            "[sla]   # from the same row; CHECK what was promised": self._sla_lines(
                _value_of("started", fields)
            ),
            "[customer]   # of whom the row speaks": self._customer_lines(_value_of("customer", fields)),
        }
        return [line for head, lines in sections.items() if lines for line in ("", head, *lines)]

    def _claimed(self, clues: Iterable[Clue]) -> Claims:
        return [(clue, column) for clue in clues if (column := self._draft.fitting(clue)) is not None]

    def _written(self, claims: Claims) -> list[str]:
        return [self._draft.line(clue, column) for clue, column in claims]

    def _given_back(self, claims: Claims) -> list[str]:
        self._draft.used -= {column.name for _, column in claims}
        return []

    def _sla_lines(self, started: str | None) -> list[str]:
        found = {clue.field for clue, _ in self._sla}
        tells = next((name for name in ("due", "target", "achieved") if name in found), None)
        if tells is None or (started is None and "applied" not in found):
            return self._given_back(self._sla)
        lines = self._written(self._sla)
        if "metric" not in found:
            lines.insert(0, 'metric = { value = "resolution" }   # CHECK: or first_response')
        if "applied" not in found:
            lines.append(f"applied = {started}")
        return [f'present = "{tells}"', *lines]

    def _customer_lines(self, customer: str | None) -> list[str]:
        if customer is None or not self._customer:
            return self._given_back(self._customer)
        return [f"external_id = {customer}", *self._written(self._customer)]

    def _survey_lines(self) -> list[str]:
        lines: list[str] = []
        for clue in SURVEY:
            column = self._draft.fitting(clue)
            if column is None:
                continue
            if clue.field != "score":
                lines.append(f"{clue.field} = {quoted(column.name)}")
                continue
            scale = self._scale(column)
            if scale is None:
                self._draft.used.discard(column.name)
                return self._given_back(self._details)
            kind = "nps" if re.search(r"nps|recommend|推荐", plain_name(column.name)) else "csat"
            lines.append(f'kind = {{ value = "{kind}" }}')
            lines.append(
                f"score = {{ column = {quoted(column.name)}, {scale} }}   # CHECK: worst and best value"
            )
        if not any(line.startswith("score") for line in lines):
            return self._given_back(self._details)
        return [*lines, *self._written(self._details)]

    def _scale(self, column: Profile) -> str | None:
        """The usual scale that holds all scores; on one to five a zero means that nobody answered."""
        low, high = column.numbers or (Decimal(0), Decimal(0))
        if low < 0 or high > 100:
            return None
        if high <= 1 and low == 0:
            return "scale = [0, 1]"
        top = next(top for top in (5, 10, 100) if high <= top)
        zeros = self._draft.zero_marker(column)
        if low == 0 and top == 5 and not zeros:
            zeros = ['null = ["0"]']
        bottom = 0 if low == 0 and not zeros else 1
        return ", ".join([f"scale = [{bottom}, {top}]", *zeros])


def quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value_of(field: str, lines: Sequence[str]) -> str | None:
    """How a line of the draft fills a field, without the note behind it."""
    line = next((line for line in lines if line.startswith(f"{field} = ")), None)
    return None if line is None else line.removeprefix(f"{field} = ").partition("   # ")[0]
