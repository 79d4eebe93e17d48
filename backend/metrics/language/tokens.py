"""Formula text to tokens. Never raises: what cannot be read becomes a diagnostic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.tree import Span

MAX_TEXT = 4096
WHOLE_DIGITS = 12  # with nine decimals and a scale of 1,000 the stored integer still fits 64 bits
DECIMAL_DIGITS = 9  # in shown form; the binder refuses what a scale cannot hold

KEYWORDS = frozenset(
    (
        "where", "and", "or", "not", "in", "is", "missing", "including", "excluded", "at", "if",
        "true", "false", "contains", "over", "while", "across", "credited",
    )
)  # fmt: skip
UNITS = {  # in milliseconds, longest first
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}


class Sort(StrEnum):
    """What a token is."""

    NAME = "name"
    KEYWORD = "keyword"
    NUMBER = "number"
    DURATION = "duration"
    TEXT = "text"
    KPI = "KPI"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `value` is the name, the symbol, the Decimal, the milliseconds or the text itself."""

    sort: Sort
    value: str | Decimal | int
    span: Span


# Symbols, and the other spellings people type: mathematical signs, full-width forms of a Chinese keyboard.
_SYMBOLS = {
    **{s: s for s in ("<=", ">=", "!=", "=", "<", ">", "+", "-", "*", "/", "(", ")", ",", ".")},
    "==": "=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "÷": "/", "−": "-",
    "（": "(", "）": ")", "，": ",", "、": ",", "＝": "=", "＜": "<", "＞": ">", "＜＝": "<=", "＞＝": ">=",
    "！＝": "!=", "＋": "+", "－": "-", "＊": "*", "／": "/",
}  # fmt: skip
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "＂": "＂"}
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t", "”": "”", "’": "’"}
_INSTEAD = {
    "&": "Write “and”.",
    "|": "Write “or”.",
    "!": "Write “not”.",
    "！": "Write “not”.",
    "%": "Write 80 % as 0.8.",
    "％": "Write 80 % as 0.8.",
    "[": 'Lists are written in parentheses: channel in ("chat", "call").',
    ";": "A formula is one line without a semicolon.",
    "^": "There is no power operator.",
}

_SPACE = re.compile(r"\s+")
# p99.9 is one name: the percentile functions alone may have a point in theirs.
_NAME = re.compile(r"(?:exact_|disc_)?p\d{1,2}\.\d+(?=\s*[(（])|[^\W\d]\w*", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)")
_SYMBOL = re.compile("|".join(re.escape(s) for s in sorted(_SYMBOLS, key=len, reverse=True)))
_UNIT_RUN = re.compile(r"[^\W\d]\w*(?:\.\d+\w*)?")
_DURATION_STEP = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|[wdhms])(?![^\W\d])", re.IGNORECASE)


class Lexer:
    """Reads one text from left to right; keeps what it cannot read in `findings`."""

    def __init__(self, text: str, findings: Findings) -> None:
        self._text = text
        self._at = 0
        self._findings = findings

    def read(self) -> list[Token]:
        """All tokens, the END token last."""
        tokens: list[Token] = []
        while True:
            if space := _SPACE.match(self._text, self._at):
                self._at = space.end()
            if self._at >= len(self._text):
                end = len(self._text)
                tokens.append(Token(Sort.END, "", Span(end, end)))
                return tokens
            token = self._next()
            if token is not None:
                tokens.append(token)

    def _next(self) -> Token | None:
        text, start = self._text, self._at
        character = text[start]
        if character in _QUOTES:
            return self._quoted(_QUOTES[character])
        if number := _NUMBER.match(text, start):
            return self._number(number)
        if character in "@＠":
            return self._kpi()
        if name := _NAME.match(text, start):
            self._at = name.end()
            span = Span(start, self._at)
            word = name.group()
            if word.lower() in KEYWORDS:
                return Token(Sort.KEYWORD, word.lower(), span)
            return Token(Sort.NAME, word, span)
        if symbol := _SYMBOL.match(text, start):
            self._at = symbol.end()
            return Token(Sort.SYMBOL, _SYMBOLS[symbol.group()], Span(start, self._at))
        self._at += 1
        if character in "&|" and text[self._at : self._at + 1] == character:
            self._at += 1
        shown = text[start : self._at] if character.isprintable() else f"U+{ord(character):04X}"
        self._findings.add(
            Code.CHARACTER_UNKNOWN,
            Span(start, self._at),
            f"“{shown}” means nothing in a formula.",
            hint=_INSTEAD.get(character),
        )
        return None

    def _kpi(self) -> Token | None:
        start = self._at
        self._at += 1
        name = _NAME.match(self._text, self._at)
        if name is None:
            self._findings.add(
                Code.SYNTAX,
                Span(start, self._at),
                "A KPI's key must follow @ at once.",
                hint="Write @resolution_rate, say.",
            )
            return None
        self._at = name.end()
        return Token(Sort.KPI, name.group(), Span(start, self._at))

    def _number(self, number: re.Match[str]) -> Token | None:
        start = self._at
        self._at = number.end()
        unit = _UNIT_RUN.match(self._text, self._at)
        if unit is not None:
            self._at = unit.end()
            return self._duration(start)
        span = Span(start, self._at)
        whole, _, decimals = number.group().partition(".")
        if len(whole.lstrip("0")) > WHOLE_DIGITS or len(decimals.rstrip("0")) > DECIMAL_DIGITS:
            self._too_large(span)
            return None
        return Token(Sort.NUMBER, Decimal(number.group()), span)

    def _duration(self, start: int) -> Token | None:
        written = self._text[start : self._at]
        span = Span(start, self._at)
        total, at, smallest = Decimal(0), 0, None
        while step := _DURATION_STEP.match(written, at):
            unit = UNITS[step[2].lower()]
            digits = step[1].partition(".")
            if len(digits[0]) > WHOLE_DIGITS or len(digits[2]) > DECIMAL_DIGITS:
                self._too_large(span)
                return None
            if smallest is not None and unit >= smallest:
                break
            total += Decimal(step[1]) * unit
            at, smallest = step.end(), unit
        if at != len(written) or total != total.to_integral_value():
            self._findings.add(
                Code.DURATION_MALFORMED,
                span,
                f"“{written}” is not a duration.",
                hint="Units are w d h m s ms, the largest first and without spaces: 30s, 1h30m, 250ms.",
            )
            return None
        if total >= 10**WHOLE_DIGITS * 1000:
            self._too_large(span)
            return None
        return Token(Sort.DURATION, int(total), span)

    def _too_large(self, span: Span) -> None:
        self._findings.add(
            Code.NUMBER_TOO_LARGE,
            span,
            f"Numbers have at most {WHOLE_DIGITS} digits before and {DECIMAL_DIGITS} after the point.",
        )

    def _quoted(self, closing: str) -> Token | None:
        text, start = self._text, self._at
        value: list[str] = []
        at = start + 1
        sound = True
        while at < len(text) and text[at] != closing:
            if text[at] == "\\" and at + 1 < len(text):
                escaped = _ESCAPES.get(text[at + 1])
                if escaped is None:
                    self._findings.add(
                        Code.ESCAPE_UNKNOWN,
                        Span(at, at + 2),
                        f"“\\{text[at + 1]}” is not an escape.",
                        hint="Escapes are \\\" \\' \\\\ \\n \\t; a backslash itself is written \\\\.",
                    )
                    sound = False
                value.append(escaped or "")
                at += 2
                continue
            if text[at] == "\0" or "\ud800" <= text[at] <= "\udfff":
                # PostgreSQL cannot keep either in a text, so no row can have it.
                self._findings.add(
                    Code.CHARACTER_UNKNOWN,
                    Span(at, at + 1),
                    f"U+{ord(text[at]):04X} cannot be part of a text.",
                )
                sound = False
            value.append(text[at])
            at += 1
        if at >= len(text):
            self._at = len(text)
            self._findings.add(
                Code.QUOTE_UNCLOSED,
                Span(start, len(text)),
                f"This text has no closing {closing}.",
            )
            return None
        self._at = at + 1
        return Token(Sort.TEXT, "".join(value), Span(start, self._at)) if sound else None
