"""Tokens to a tree, by precedence climbing. Never raises, on any text; what is wrong comes back as
diagnostics.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from backend.metrics.language.attribution import RULES
from backend.metrics.language.cursor import CLAUSES, Cursor, Stop
from backend.metrics.language.diagnostics import Code, Diagnostic, Findings
from backend.metrics.language.moving import PERIODS, Moving, Rolling, ToDate
from backend.metrics.language.tokens import MAX_TEXT, Lexer, Sort
from backend.metrics.language.tree import (
    Among,
    Binary,
    Call,
    Clauses,
    Conditional,
    Duration,
    Formula,
    KpiReference,
    Missing,
    Name,
    Node,
    Number,
    Span,
    Text,
    Truth,
    Unary,
)

MAX_DEPTH = 64  # of the tree: far below what recursion bears, also where @references meet
_PREFIXES = ("true", "false", "not", "-", "(", "if")
_MAX_NESTING = (
    2 * MAX_DEPTH
)  # each level may stand in parentheses, so that canonical text is always read again

_WHOM = f"Write credited to one of {', '.join(rule.name for rule in RULES)}."

_N = TypeVar("_N", bound=Node)

OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN = range(1, 8)
PRECEDENCE = {
    "or": OR,
    "and": AND,
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "contains", "in", "is", "not"), COMPARISON),
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """The tree of a text, or why there is none: `formula` is None exactly if there are diagnostics."""

    formula: Formula | None
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class ParsedCondition:
    """The tree of a condition, or why there is none."""

    condition: Node | None
    diagnostics: tuple[Diagnostic, ...]


def parse(text: str) -> Parsed:
    """Reads a formula."""
    findings = Findings()
    parser = _start(text, findings)
    if parser is None:
        return Parsed(None, findings.all())
    try:
        return Parsed(parser.formula(), ())
    except Stop:
        return Parsed(None, findings.all())


def parse_condition(text: str) -> ParsedCondition:
    """Reads a condition alone, as it stands after `where`."""
    findings = Findings()
    parser = _start(text, findings)
    if parser is None:
        return ParsedCondition(None, findings.all())
    try:
        return ParsedCondition(parser.condition(), ())
    except Stop:
        return ParsedCondition(None, findings.all())


def _start(text: str, findings: Findings) -> _Parser | None:
    if len(text) > MAX_TEXT:
        findings.add(
            Code.TEXT_TOO_LONG,
            Span(MAX_TEXT, len(text)),
            f"A formula has at most {MAX_TEXT:,} characters; this one has {len(text):,}.",
        )
        return None
    tokens = Lexer(text, findings).read()
    if findings:
        return None
    if len(tokens) == 1:
        findings.add(
            Code.TEXT_EMPTY,
            Span(0, len(text)),
            "There is nothing here yet.",
            hint="Write avg(first_response_time), say.",
        )
        return None
    return _Parser(Cursor(text, tokens, findings))


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._depth = 0
        # By id of a node: its height, and its place with the parentheses around it. Each passes `_made`,
        # so an id used again after a node was dropped is overwritten.
        self._heights: dict[int, int] = {}
        self._places: dict[int, Span] = {}

    # what is asked for

    def formula(self) -> Formula:
        body = self._expression(OR)
        clauses = self._clauses()
        self._end()
        return Formula(body, clauses, Span(0, self._cursor.token.span.end))

    def condition(self) -> Node:
        node = self._expression(OR)
        self._end()
        return node

    # expressions

    def _expression(self, at_least: int) -> Node:
        self._depth += 1
        if self._depth > _MAX_NESTING:
            self._too_deep(self._cursor.token.span)
        left = self._prefix()
        compared = False
        while True:
            operator = self._operator()
            strength = PRECEDENCE.get(operator, 0)
            if strength < max(at_least, OR):
                break
            if strength == COMPARISON and compared:
                self._chained(left)
            left = self._infix(left, operator)
            compared = strength == COMPARISON
        self._depth -= 1
        return left

    def _operator(self) -> str:
        """The operator that stands here, empty when it is none."""
        token = self._cursor.token
        if token.sort not in (Sort.SYMBOL, Sort.KEYWORD):
            return ""
        if token.value == "not":  # only `not in` and `not contains` stand between two values
            following = self._cursor.following
            inside = following.sort is Sort.KEYWORD and following.value in ("in", "contains")
            return "not" if inside else ""
        return str(token.value)

    def _infix(self, left: Node, operator: str) -> Node:
        start = self._place(left).start
        self._cursor.advance()
        if operator == "is":
            return self._missing(left, start)
        negated = operator == "not"
        if negated:
            operator = str(self._cursor.advance().value)
        if operator == "in":
            options, end = self._options()
            return self._made(Among(left, options, negated, Span(start, end)), left, *options)
        right = self._expression(PRECEDENCE[operator] + 1)
        span = Span(start, self._place(right).end)
        node = self._made(Binary(operator, left, right, span), left, right)
        return self._made(Unary("not", node, span), node) if negated else node

    def _missing(self, left: Node, start: int) -> Node:
        negated = self._cursor.take("not")
        token = self._cursor.token
        if not self._cursor.take("missing"):
            hint = 'After “is” comes “missing” or “not missing”; compare with =: channel = "chat".'
            if token.sort is Sort.KEYWORD and token.value in ("true", "false"):
                hint = "Name the condition alone, or with “not” before it."
            self._cursor.stop_expecting("“missing”", hint=hint)
        return self._made(Missing(left, negated, Span(start, token.span.end)), left)

    def _options(self) -> tuple[tuple[Node, ...], int]:
        opening = self._cursor.take_opening("after “in”", hint='Write channel in ("chat", "call").')
        options = [self._expression(SUM)]
        while self._cursor.take(","):
            options.append(self._expression(SUM))
        return tuple(options), self._cursor.take_closing(opening)

    def _prefix(self) -> Node:
        token = self._cursor.token
        if token.sort in (Sort.SYMBOL, Sort.KEYWORD, Sort.END) and not self._cursor.is_at(*_PREFIXES):
            self._cursor.stop_expecting("a field, a function or a number")
        self._cursor.advance()
        span = token.span
        match token.sort:
            case Sort.NUMBER:
                assert isinstance(token.value, Decimal)
                return self._made(Number(token.value, span))
            case Sort.DURATION:
                assert isinstance(token.value, int)
                return self._made(Duration(token.value, span))
            case Sort.TEXT:
                return self._made(Text(str(token.value), span))
            case Sort.KPI:
                return self._made(KpiReference(str(token.value), span))
            case Sort.NAME:
                return self._name(str(token.value), span)
        match token.value:
            case "true" | "false":
                return self._made(Truth(token.value == "true", span))
            case "(":
                inner = self._expression(OR)
                end = self._cursor.take_closing(token, listed=False)
                self._places[id(inner)] = Span(span.start, end)
                return inner
            case "if":
                return self._conditional(span)
            case _:
                operand = self._expression(NOT if token.value == "not" else SIGN)
                place = Span(span.start, self._place(operand).end)
                return self._made(Unary(str(token.value), operand, place), operand)

    def _name(self, first: str, span: Span) -> Node:
        if self._cursor.is_at("("):
            return self._call(first.lower() if first.isascii() else first, span)
        path, end = [first], span.end
        while self._cursor.take("."):
            token = self._cursor.token
            if token.sort not in (Sort.NAME, Sort.KEYWORD):
                self._cursor.stop_expecting("the rest of the field's name")
            path.append(str(self._cursor.advance().value))
            end = token.span.end
        if self._cursor.is_at("("):
            self._cursor.stop_expecting("a field", hint="Functions have no point in their name.")
        return self._made(Name(tuple(path), Span(span.start, end)))

    def _call(self, name: str, span: Span) -> Node:
        opening = self._cursor.take_opening("", hint=None)
        arguments: list[Node] = []
        if not self._cursor.is_at(")") and not self._at_clause():
            arguments.append(self._expression(OR))
            while self._cursor.take(","):
                arguments.append(self._expression(OR))
        clauses = self._clauses()
        end = self._cursor.take_closing(opening)
        node = Call(name, tuple(arguments), clauses, Span(span.start, end))
        children = arguments if clauses.where is None else [*arguments, clauses.where]
        return self._made(node, *children)

    def _conditional(self, span: Span) -> Node:
        hint = "Write if(condition, value, other value)."
        opening = self._cursor.take_opening("after “if”", hint=hint)
        parts = [self._expression(OR)]
        for _ in range(2):
            if not self._cursor.take(","):
                self._cursor.stop_expecting("a comma", hint=hint)
            parts.append(self._expression(OR))
        end = self._cursor.take_closing(opening)
        return self._made(Conditional(parts[0], parts[1], parts[2], Span(span.start, end)), *parts)

    # clauses, each once and in any order

    def _at_clause(self) -> bool:
        return self._cursor.is_at(*CLAUSES)

    def _clauses(self) -> Clauses:
        read: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        while self._at_clause():
            token = self._cursor.advance()
            word = str(token.value)
            if word in spans:
                hint = "Join conditions with “and”." if word == "where" else None
                self._cursor.stop(Code.CLAUSE_REPEATED, token.span, f"“{word}” stands twice.", hint=hint)
            if word == "credited":
                self._to_whom()
            start = self._cursor.token.span.start
            if word == "where":
                read["where"] = self._expression(OR)
            else:
                read |= self._clause(word)
            spans[word] = Span(start, max(start, self._cursor.last_end))
        return Clauses(**read, spans=spans)

    def _clause(self, word: str) -> dict[str, Any]:
        match word:
            case "at":
                hint = "Write at started, at resolved, at closed."
                return {"anchor": self._word("an anchor", hint)}
            case "over":
                return {"over": self._moving()}
            case "while":
                return {"state": self._word("a state", "Write while open.")}
            case "across":
                names = [self._dimension()]
                while self._cursor.take(","):
                    names.append(self._dimension())
                return {"across": tuple(names)}
            case "credited":
                return {"credit": self._word("whom to credit", _WHOM)}
        if not self._cursor.take("excluded"):
            self._cursor.stop_expecting("“excluded”", hint="Write including excluded.")
        return {"including_excluded": True}

    def _to_whom(self) -> None:
        if self._cursor.token.value != "to":
            self._cursor.stop_expecting("“to”", hint=_WHOM)
        self._cursor.advance()

    def _word(self, what: str, hint: str) -> str:
        if self._cursor.token.sort is not Sort.NAME:
            self._cursor.stop_expecting(what, hint=hint)
        return str(self._cursor.advance().value)

    def _dimension(self) -> Name:
        token = self._cursor.token
        if token.sort is not Sort.NAME:
            self._cursor.stop_expecting("a dimension", hint="Write across issue_type, across product.")
        self._cursor.advance()
        name = self._name(str(token.value), token.span)
        if not isinstance(name, Name):
            self._cursor.stop(Code.SYNTAX, name.span, "A dimension was expected here, not a function.")
        return name

    def _moving(self) -> Moving:
        hint = "Write over 28d, or over month to date."
        token = self._cursor.token
        if token.sort is Sort.DURATION:
            self._cursor.advance()
            assert isinstance(token.value, int)
            return Rolling(token.value)
        if token.sort is not Sort.NAME or token.value not in PERIODS:
            self._cursor.stop_expecting("a duration, or a period “to date”", hint=hint)
        self._cursor.advance()
        for word in ("to", "date"):
            if self._cursor.token.value != word:
                self._cursor.stop_expecting(f"“{word}”", hint=hint)
            self._cursor.advance()
        return ToDate(str(token.value))

    def _end(self) -> None:
        if self._cursor.token.sort is not Sort.END:
            self._cursor.stop_expecting("an operator or the end")

    def _chained(self, left: Node) -> NoReturn:
        operator = self._cursor.token
        hint = "Join two comparisons with “and”."
        if isinstance(left, Binary):
            middle = self._place(left.right)
            first = self._cursor.text_of(Span(self._place(left).start, middle.end))
            hint = f"Write {first} and {self._cursor.text_of(middle)} {operator.value} …"
        self._cursor.stop(Code.COMPARISON_CHAINED, operator.span, "Comparisons do not chain.", hint=hint)

    def _too_deep(self, span: Span) -> NoReturn:
        self._cursor.stop(
            Code.TOO_DEEP,
            span,
            f"This is nested more than {MAX_DEPTH} levels deep.",
            hint='Define parts as KPIs of their own (@key), and write a list as x in ("a", "b").',
        )

    def _made(self, node: _N, *children: Node) -> _N:
        height = 1 + max((self._heights[id(child)] for child in children), default=0)
        if height > MAX_DEPTH:
            self._too_deep(node.span)
        self._heights[id(node)] = height
        self._places[id(node)] = node.span
        return node

    def _place(self, node: Node) -> Span:
        return self._places[id(node)]
