"""Whatever the text, the language answers with a tree or diagnostics; and every tree reads back as itself."""

from __future__ import annotations

import time
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.metrics.language.binder import bind, bind_condition
from backend.metrics.language.compiler import Compiler
from backend.metrics.language.diagnostics import Diagnostic, describe
from backend.metrics.language.formatter import format_formula
from backend.metrics.language.functions import function_names
from backend.metrics.language.moving import PERIODS, Rolling, ToDate
from backend.metrics.language.parser import parse, parse_condition
from backend.metrics.language.sentence import Tongue, render_sentence
from backend.metrics.language.tokens import KEYWORDS
from backend.metrics.language.tree import (
    NO_CLAUSES,
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
from tests.backend.metrics.language.corpus import (
    DEFINITIONS,
    VOCABULARY,
    right_formulas,
    wrong_formulas,
)

NOWHERE = Span(0, 0)
TEXTS = [right.text for right in right_formulas()] + [wrong.text for wrong in wrong_formulas()]
SLOW = 1.0  # seconds; a formula takes a millisecond, this only tells a runaway from a busy machine

# Trees as the parser can make them: any shape, any nesting, sense or nonsense.

_words = st.from_regex(r"[^\W\d]\w{0,8}", fullmatch=True).filter(lambda word: word.lower() not in KEYWORDS)
_names = st.one_of(
    st.sampled_from(sorted(VOCABULARY.fields)).map(lambda name: Name(tuple(name.split(".")), NOWHERE)),
    st.lists(_words, min_size=1, max_size=3).map(lambda path: Name(tuple(path), NOWHERE)),
)
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_leaves = st.one_of(
    st.decimals(0, 10**9, places=4).map(lambda value: Number(value, NOWHERE)),
    st.integers(0, 10**11).map(lambda milliseconds: Duration(milliseconds, NOWHERE)),
    _texts.map(lambda value: Text(value, NOWHERE)),
    st.booleans().map(lambda value: Truth(value, NOWHERE)),
    _names,
    _words.map(lambda key: KpiReference(key, NOWHERE)),
    st.sampled_from(sorted(DEFINITIONS)).map(lambda key: KpiReference(key, NOWHERE)),
)
_functions = st.one_of(
    st.sampled_from(function_names()),
    st.just("p99.9"),
    _words.filter(lambda word: not word.isascii() or word.islower()),
)
_operators = st.sampled_from(("+", "-", "*", "/", "=", "!=", "<", "<=", ">", ">=", "and", "or", "contains"))


def _branches(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    listed = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Unary, st.sampled_from(["not", "-"]), inner, st.just(NOWHERE)),
        st.builds(Binary, _operators, inner, inner, st.just(NOWHERE)),
        st.builds(Missing, inner, st.booleans(), st.just(NOWHERE)),
        st.builds(Among, inner, listed, st.booleans(), st.just(NOWHERE)),
        st.builds(Conditional, inner, inner, inner, st.just(NOWHERE)),
        st.builds(
            Call,
            _functions,
            st.lists(inner, max_size=2).map(tuple),
            _clauses(inner),
            st.just(NOWHERE),
        ),
    )


def _clauses(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Clauses]:
    moving = st.builds(Rolling, st.integers(0, 10**11)) | st.sampled_from(PERIODS).map(ToDate)
    return st.builds(
        Clauses,
        where=st.none() | inner,
        anchor=st.none() | _words,
        over=st.none() | moving,
        state=st.none() | _words,
        across=st.lists(_names, max_size=2).map(tuple),
        credit=st.none() | _words,
        including_excluded=st.booleans(),
    )


nodes = st.recursive(_leaves, _branches, max_leaves=25)
formulas = st.builds(Formula, nodes, _clauses(nodes), st.just(NOWHERE))


@given(formulas)
@settings(max_examples=400, deadline=None)
def test_what_is_printed_is_read_as_the_same_tree(formula: Formula) -> None:
    text = format_formula(formula)
    parsed = parse(text)
    assert parsed.formula == formula, parsed.diagnostics
    assert format_formula(parsed.formula) == text


@given(formulas)
@settings(max_examples=200, deadline=None)
def test_any_tree_is_bound_or_diagnosed_and_can_be_said(formula: Formula) -> None:
    text = format_formula(formula)
    read = parse(text).formula
    assert read is not None
    bound = bind(read, VOCABULARY, DEFINITIONS)
    assert (bound.formula is None) == bool(bound.diagnostics)
    _check(bound.diagnostics, text)
    for tongue in Tongue:
        assert render_sentence(read, VOCABULARY, tongue)


@given(st.text(max_size=300) | st.text("()+-*/=<>!@\"'.,0123456789 \n smhdwaeiort", max_size=300))
@settings(max_examples=400, deadline=None)
def test_any_text_gives_a_tree_or_diagnostics(text: str) -> None:
    _answered(text)


@given(
    st.sampled_from(TEXTS),
    st.lists(
        st.tuples(
            st.sampled_from(["delete", "insert", "double", "swap"]),
            st.floats(0, 1),
            st.floats(0, 1),
            st.integers(0, 999),
        ),
        min_size=1,
        max_size=4,
    ),
)
@settings(max_examples=600, deadline=None)
def test_a_mutated_formula_gives_a_tree_or_diagnostics(
    text: str, edits: list[tuple[str, float, float, int]]
) -> None:
    for kind, start, length, pick in edits:
        at = int(start * len(text))
        end = min(len(text), at + 1 + int(length * 8))
        match kind:
            case "delete":
                text = text[:at] + text[end:]
            case "insert":
                text = text[:at] + _PIECES[pick % len(_PIECES)] + text[at:]
            case "double":
                text = text[:end] + text[at:]
            case _:
                other = TEXTS[pick % len(TEXTS)]
                text = text[:at] + other[int(start * len(other)) :]
    _answered(text)


_PIECES = [
    "(", ")", ",", " where ", " at closed", " including excluded", "@csat", "@round", '"', "'", "\\",
    "30s", "30", "0", ".", "-", " not ", " is missing", " in (1)", "if(", "avg(", "count()", " and ",
    "channel", "survey.score", "\ud800", "\0", "（", "渠", "p99.9(", "9" * 13,
]  # fmt: skip


@given(st.integers(0, 10**14))
@settings(max_examples=300, deadline=None)
def test_durations_are_printed_exactly(milliseconds: int) -> None:
    formula = Formula(Duration(milliseconds, NOWHERE), NO_CLAUSES, NOWHERE)
    assert parse(format_formula(formula)).formula == formula


@given(st.decimals(Decimal(0), Decimal(10**12 - 1), places=9))
@settings(max_examples=300, deadline=None)
def test_numbers_are_printed_exactly(value: Decimal) -> None:
    formula = Formula(Number(value, NOWHERE), NO_CLAUSES, NOWHERE)
    assert parse(format_formula(formula)).formula == formula


def _answered(text: str) -> None:
    began = time.perf_counter()
    made = Compiler().compile(text, VOCABULARY, DEFINITIONS)
    assert (made.formula is None) == bool(made.diagnostics)
    _check(made.diagnostics, text)
    if made.formula is not None:
        again = Compiler().compile(made.formula.canonical, VOCABULARY, DEFINITIONS)
        assert again.formula == made.formula
    condition = parse_condition(text)
    assert (condition.condition is None) == bool(condition.diagnostics)
    bound = bind_condition(text, VOCABULARY)
    assert (bound.row is None) == bool(bound.diagnostics)
    _check(bound.diagnostics, text)
    assert time.perf_counter() - began < SLOW


def _check(diagnostics: tuple[Diagnostic, ...], text: str) -> None:
    for diagnostic in diagnostics:
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        assert diagnostic.message
        assert describe(text, diagnostic)
