"""Where the parser stands in its tokens: looking, taking, and saying what was expected instead."""

from __future__ import annotations

from typing import NoReturn

from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.tokens import UNITS, Sort, Token
from backend.metrics.language.tree import Span

CLAUSES = ("where", "at", "over", "while", "across", "credited", "including")  # the words they begin with

_INSTEAD = {  # words of other languages, and what is said here
    "between": "Write x >= 1 and x <= 5.",
    "like": 'Write x contains "text".',
    "null": "Write x is missing.",
    "none": "Write x is missing.",
    "then": "Write if(condition, value, other value).",
    "else": "Write if(condition, value, other value).",
    "case": "Write if(condition, value, other value).",
    "by": "Name dimensions where the KPI is asked, not in its formula.",
    "group": "Name dimensions where the KPI is asked, not in its formula.",
    "from": "The rows follow from the fields; there is no “from”.",
    **dict.fromkeys(
        (
            "sec",
            "secs",
            "second",
            "seconds",
            "min",
            "mins",
            "minute",
            "minutes",
            "hour",
            "hours",
            "day",
            "days",
        ),
        "Write the unit by its letter, without a space: 30s, 5m, 2h, 7d.",
    ),
    "across": "“across” stands inside a function or at the formula's end.",
    "select": "A formula begins with what is measured: avg(handle_time).",
}


class Stop(Exception):
    """The first mistake of the grammar is in the findings; nothing after it can be trusted."""


class Cursor:
    """Tokens of one text and a place among them."""

    def __init__(self, text: str, tokens: list[Token], findings: Findings) -> None:
        self._text = text
        self._tokens = tokens
        self._index = 0
        self._findings = findings

    @property
    def token(self) -> Token:
        """The token that stands here; the last one is END."""
        return self._tokens[self._index]

    @property
    def following(self) -> Token:
        """The token after this one."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    @property
    def last_end(self) -> int:
        """Where the token before this one ends."""
        return self._tokens[self._index - 1].span.end if self._index else 0

    def advance(self) -> Token:
        """Takes the token that stands here; END stays."""
        token = self.token
        if token.sort is not Sort.END:
            self._index += 1
        return token

    def is_at(self, *values: str) -> bool:
        """Whether one of these symbols or keywords stands here."""
        token = self.token
        return token.sort in (Sort.SYMBOL, Sort.KEYWORD) and token.value in values

    def take(self, value: str) -> bool:
        """Takes a symbol or keyword if it stands here."""
        found = self.is_at(value)
        if found:
            self._index += 1
        return found

    def take_opening(self, where: str, *, hint: str | None) -> Token:
        """Takes an opening parenthesis or stops."""
        opening = self.token
        if not self.take("("):
            self.stop_expecting(f"an opening parenthesis {where}", hint=hint)
        return opening

    def take_closing(self, opening: Token, *, listed: bool = True) -> int:
        """Takes the parenthesis that closes `opening`, and gives its end, or stops."""
        token = self.token
        if self.take(")"):
            return token.span.end
        if token.sort is Sort.END:
            self.stop(
                Code.PARENTHESIS_UNCLOSED, opening.span, "This parenthesis is never closed.", hint="Add “)”."
            )
        if not listed and self.is_at(*CLAUSES):
            self.stop_expecting(
                "a closing parenthesis",
                hint=f"“{self.token.value}” stands inside a function or at the formula's end.",
            )
        self.stop_expecting("a comma or a closing parenthesis" if listed else "a closing parenthesis")

    def text_of(self, span: Span) -> str:
        """The text of a place."""
        return self._text[span.start : span.end]

    def stop_expecting(self, what: str, *, hint: str | None = None) -> NoReturn:
        """Stops, saying what was expected in place of the token that stands here."""
        token = self.token
        if token.sort is Sort.END:
            self.stop(Code.SYNTAX, token.span, f"Expected {what}, but the text ends.", hint=hint)
        written = self.text_of(token.span)
        before = self._tokens[self._index - 1] if self._index else None
        if hint is None and before is not None and token.sort is Sort.NAME:
            hint = self._run_together(self.text_of(before.span), before.sort, written)
        if hint is None and written == "=" and before is None:
            hint = "Leave the “=” at the beginning out."
        elif hint is None and written == "*" and before is not None and self.text_of(before.span) == "(":
            hint = "To count all rows write count()."
        hint = hint or _INSTEAD.get(written.lower())
        self.stop(Code.SYNTAX, token.span, f"Expected {what}, found “{written}”.", hint=hint)

    def _run_together(self, before: str, sort: Sort, written: str) -> str | None:
        """What may be meant by a name that follows a number or a name at once."""
        if sort is Sort.NUMBER and written in UNITS:
            return f"Write {before}{written}, without the space."
        if sort is Sort.NAME:
            return (
                _INSTEAD.get(before.lower())
                or _INSTEAD.get(written.lower())
                or (f"A name has no spaces: {before}_{written}; two names need an operator between them.")
            )
        return None

    def stop(self, code: Code, span: Span, message: str, *, hint: str | None = None) -> NoReturn:
        """Stops with a mistake."""
        self._findings.add(code, span, message, hint=hint)
        raise Stop
