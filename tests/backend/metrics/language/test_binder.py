"""What formulas mean once bound: facts, anchors, clauses, scales, parts of conditions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from backend.metrics.language.binder import bind_condition
from backend.metrics.language.bound import (
    Aggregate,
    Arithmetic,
    Basis,
    BoundFormula,
    Choose,
    Combined,
    Compare,
    Constant,
    Expression,
    FieldValue,
    Happened,
    IsMissing,
    Literal,
    Logic,
    Not,
    OneOf,
    Related,
    Row,
    Scaled,
)
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.diagnostics import Code
from backend.metrics.language.types import (
    BOOLEAN,
    COUNT,
    DATE,
    DURATION,
    RATIO,
    SCORE,
    TEXT,
    Kind,
    Type,
    Unit,
    money,
)
from backend.metrics.language.vocabulary import build_vocabulary
from tests.backend.metrics.language.corpus import DEFINITIONS, VOCABULARY

FIELDS = VOCABULARY.fields


def bound(text: str, definitions: dict[str, str] | None = None) -> BoundFormula:
    made = compile_formula(text, VOCABULARY, definitions or DEFINITIONS)
    assert made.formula is not None, made.diagnostics
    return made.formula


def aggregate(text: str) -> Aggregate:
    expression = bound(text).expression
    assert isinstance(expression, Aggregate)
    return expression


def aggregates(expression: Expression) -> list[Aggregate]:
    if isinstance(expression, Combined):
        return aggregates(expression.left) + aggregates(expression.right)
    return [expression] if isinstance(expression, Aggregate) else []


def condition(text: str) -> Row:
    made = bind_condition(text, VOCABULARY)
    assert made.row is not None, made.diagnostics
    return made.row


def value(name: str) -> FieldValue:
    return FieldValue(FIELDS[name], FIELDS[name].type)


def seconds(number: int) -> Literal:
    return Literal(number * 1000, DURATION)


def test_an_aggregate_carries_all_the_planner_needs() -> None:
    assert aggregate(
        "p90(handle_time where answered) where not abandoned at closed including excluded"
    ) == Aggregate(
        "percentile",
        value("handle_time"),
        Logic("and", (value("answered"), Not(value("abandoned")))),
        Basis("interaction", "closed", including_excluded=True),
        DURATION,
        Decimal("0.9"),
    )


@pytest.mark.parametrize(
    "text, function, percentile, type_",
    [
        ("count()", "count", None, COUNT),
        ("count_distinct(agent)", "count_distinct", None, COUNT),
        ("sum(amount)", "sum", None, money(2)),
        ("avg(survey.score)", "avg", None, SCORE),
        ("stddev(handle_time)", "stddev", None, DURATION),
        ("share(answered)", "share", None, RATIO),
        ("median(wait_time)", "percentile", Decimal("0.5"), DURATION),
        ("p5(wait_time)", "percentile", Decimal("0.05"), DURATION),
        ("p99.9(wait_time)", "percentile", Decimal("0.999"), DURATION),
        ("exact_p95(wait_time)", "exact_percentile", Decimal("0.95"), DURATION),
        ("disc_p50(wait_time)", "disc_percentile", Decimal("0.5"), DURATION),
    ],
)
def test_functions_give_their_type(text: str, function: str, percentile: Decimal | None, type_: Type) -> None:
    found = aggregate(text)
    assert (found.function, found.percentile, found.type) == (function, percentile, type_)


@pytest.mark.parametrize(
    "text, fact, anchor",
    [
        ("count()", "interaction", "started"),
        ("avg(survey.score)", "survey", "responded"),
        ('count(where survey.kind = "csat")', "survey", "responded"),
        ('avg(handle_time) where survey.kind = "csat"', "survey", "responded"),
        ("avg(survey.score) at closed", "survey", "closed"),
        ("sum(order.amount)", "order", "ordered"),
        ("sum(order.amount) at paid", "order", "paid"),
        ('sum(order.amount where customer.segment = "vip")', "order", "ordered"),
        ("share(event.public)", "event", "happened"),
        ("avg(review.score)", "review", "reviewed"),
        ("sum(activity.duration)", "activity", "started"),
        ("share(article.helpful)", "article", "viewed"),
        ("avg(turn.wait)", "turn", "started"),
        ("avg(turn.wait) at replied", "turn", "replied"),
        ("avg(turn.wait at resolved)", "turn", "resolved"),
        ("avg(cycle.first_response_time)", "cycle", "opened"),
        ("avg(cycle.duration) at solved", "cycle", "solved"),
        ("count_distinct(problem)", "interaction", "started"),
        ('count(where customer.segment = "vip" and weekday = "Monday")', "interaction", "started"),
    ],
)
def test_the_rows_follow_from_the_fields(text: str, fact: str, anchor: str) -> None:
    found = aggregate(text)
    assert (found.basis.fact, found.basis.anchor) == (fact, anchor)


def test_each_aggregate_has_its_own_rows_and_anchor() -> None:
    first, second = aggregates(bound("sum(order.amount at paid) / count()").expression)
    assert (first.basis.fact, first.basis.anchor) == ("order", "paid")
    assert (second.basis.fact, second.basis.anchor) == ("interaction", "started")
    first, second = aggregates(bound("count(at resolved) / count() at queued").expression)
    assert (first.basis.anchor, second.basis.anchor) == ("resolved", "queued")


def test_trailing_clauses_hold_for_every_aggregate() -> None:
    first, second = aggregates(
        bound("count(where answered) / count() where escalated at closed including excluded").expression
    )
    assert first.where == Logic("and", (value("answered"), value("escalated")))
    assert second.where == value("escalated")
    assert first.basis.anchor == second.basis.anchor == "closed"
    assert first.basis.including_excluded
    assert second.basis.including_excluded


def test_a_reference_takes_conditions_from_outside_but_keeps_its_anchor() -> None:
    expression = bound("@answered_rate / count() where escalated at closed").expression
    inner, outer = aggregates(expression)
    assert (inner.basis.anchor, inner.where) == ("queued", value("escalated"))
    assert (outer.basis.anchor, outer.where) == ("closed", value("escalated"))
    (kept,) = aggregates(bound("@csat where answered").expression)
    assert kept.basis.anchor == "responded"
    assert kept.where == Logic(
        "and", (Compare("=", value("survey.kind"), Literal("csat", TEXT)), value("answered"))
    )


def test_a_condition_that_a_referred_kpi_cannot_have_is_blamed_where_it_stands() -> None:
    definitions = {"sales": "sum(order.amount)"}
    text = "@sales / count() where escalated"
    (found,) = compile_formula(text, VOCABULARY, definitions).diagnostics
    assert found.code is Code.FIELD_NOT_REACHABLE
    assert text[found.span.start : found.span.end] == "escalated"


def test_a_circle_through_the_kpi_being_defined_is_found() -> None:
    definitions = {"a": "count()", "b": "1 - @a"}
    assert compile_formula("@b", VOCABULARY, definitions).formula is not None
    (found,) = compile_formula("@b", VOCABULARY, definitions, key="a").diagnostics
    assert found.code is Code.KPI_CIRCLE
    assert "@a → @b → @a" in found.message


def test_numbers_are_stored_integers_at_the_scale_of_the_field() -> None:
    assert condition("handle_time > 1m30s") == Compare(">", value("handle_time"), seconds(90))
    assert condition("survey.score >= 4") == Compare(">=", value("survey.score"), Literal(4000, SCORE))
    assert condition("amount < 12.5") == Compare("<", value("amount"), Literal(1250, money(2)))
    assert condition("transfers = 2") == Compare("=", value("transfers"), Literal(2, COUNT))
    assert condition("weight > 2.25") == Compare(
        ">", value("weight"), Literal(2250, Type(Kind.NUMBER, Unit.NONE, 1000))
    )
    yen = build_vocabulary(0)
    made = bind_condition("amount < 1200", yen)
    assert made.row == Compare("<", FieldValue(yen.fields["amount"], money(0)), Literal(1200, money(0)))


def test_a_finer_number_brings_the_field_to_its_own_scale() -> None:
    fine = Type(Kind.NUMBER, Unit.COUNT, 10)
    assert condition("transfers > 1.5") == Compare(
        ">", Scaled(value("transfers"), 10, fine), Literal(15, fine)
    )
    finer = Type(Kind.NUMBER, Unit.MONEY, 1000)
    assert condition("amount in (1, 2.125)") == OneOf(
        Scaled(value("amount"), 10, finer), (Literal(1000, finer), Literal(2125, finer)), False
    )


def test_written_arithmetic_is_done_at_once() -> None:
    assert condition("handle_time > 2 * 30s + 5s") == condition("handle_time > 65s")
    assert condition("transfers > -(1 - 3)") == condition("transfers > 2")


def test_products_multiply_scales_and_sums_meet_in_the_finer_one() -> None:
    found = aggregate("avg(amount * 1.1)")
    assert found.type == Type(Kind.NUMBER, Unit.MONEY, 1000)
    assert found.argument == Arithmetic(
        "*", value("amount"), Literal(11, Type(Kind.NUMBER, Unit.NONE, 10)), found.type
    )
    whole = aggregate("sum(transfers + weight)")
    assert whole.type == Type(Kind.NUMBER, Unit.COUNT, 1000)
    assert whole.argument == Arithmetic(
        "+", Scaled(value("transfers"), 1000, whole.type), value("weight"), whole.type
    )


def test_a_moment_is_an_event_in_a_condition_and_a_time_in_a_difference() -> None:
    assert condition("resolved") == Happened(FIELDS["resolved"])
    assert condition("resolved = false") == Compare(
        "=", Happened(FIELDS["resolved"]), Literal(False, BOOLEAN)
    )
    assert condition("resolved is missing") == IsMissing(value("resolved"), False)
    assert condition("resolved > closed") == Compare(">", value("resolved"), value("closed"))
    assert aggregate("avg(resolved - started)").argument == Arithmetic(
        "-", value("resolved"), value("started"), DURATION
    )
    assert FIELDS["resolved"].truth == "resolved"
    assert FIELDS["accepted"].truth == "answered"
    assert FIELDS["closed"].truth is None


def test_dates_and_calendar_texts_are_checked_and_typed() -> None:
    assert condition('date >= "2021-02-28"') == Compare(">=", value("date"), Literal(date(2021, 2, 28), DATE))
    assert condition('"2021-02-28" > date') == Compare(">", Literal(date(2021, 2, 28), DATE), value("date"))
    assert condition('iso_week in ("2020-W53")') == OneOf(
        value("iso_week"), (Literal("2020-W53", TEXT),), False
    )


def test_choices_between_numbers_meet_in_one_type() -> None:
    found = aggregate("sum(if(converted, amount, 0))")
    assert found.argument == Choose(value("converted"), value("amount"), Literal(0, money(2)), money(2))


def test_conditions_join_flat_and_each_once() -> None:
    assert condition("answered and (resolved and answered)") == Logic(
        "and", (value("answered"), Happened(FIELDS["resolved"]))
    )
    assert condition("answered or answered") == value("answered")


def test_contacting_again_is_a_condition_on_the_interaction() -> None:
    started = FIELDS["started"]
    again = Related("interaction", started, 86_400_000, ahead=True, since=started)
    assert condition("not contacted_again_within(24h)") == Not(again)
    assert aggregate("share(survey.score >= 4 where contacted_again_within(7d))").basis.fact == "survey"


def test_constants_are_in_shown_units() -> None:
    expression = bound("avg(handle_time) - 1m30s").expression
    assert isinstance(expression, Combined)
    assert expression.right == Constant(Decimal(90), DURATION)
    money_left = bound("sum(amount) - 100").expression
    assert isinstance(money_left, Combined)
    assert money_left.right == Constant(Decimal(100), money(2))


@pytest.mark.parametrize(
    "text, fact",
    [
        ('channel = "chat" and hour_of_day >= 9', "interaction"),
        ("survey.score <= 2 and escalated", "survey"),
        ('customer.segment = "vip"', "interaction"),
        ("order.paid", "order"),
        ("true", "interaction"),
    ],
)
def test_a_filter_says_which_rows_it_speaks_of(text: str, fact: str) -> None:
    made = bind_condition(text, VOCABULARY)
    assert (made.fact, made.diagnostics) == (fact, ())
    assert made.row is not None


@pytest.mark.parametrize(
    "text, code",
    [
        ("", Code.TEXT_EMPTY),
        ("channel", Code.CONDITION_EXPECTED),
        ("count() > 5", Code.AGGREGATE_IN_CONDITION),
        ('channel = "chat" at closed', Code.SYNTAX),
        ("survey.score > 3 and order.paid", Code.FACTS_MIXED),
        ("chanel = 'chat'", Code.FIELD_UNKNOWN),
    ],
)
def test_a_wrong_filter_is_refused(text: str, code: Code) -> None:
    made = bind_condition(text, VOCABULARY)
    assert made.row is None
    assert [d.code for d in made.diagnostics] == [code]


def test_several_mistakes_are_told_at_once_and_in_order() -> None:
    text = "avg(handel_time where chanel = 'chat') + avg(wait_time where transfers = 'x') at nowhere"
    found = compile_formula(text, VOCABULARY, {}).diagnostics
    assert [(d.code, text[d.span.start : d.span.end]) for d in found] == [
        (Code.FIELD_UNKNOWN, "handel_time"),
        (Code.FIELD_UNKNOWN, "chanel"),
        (Code.TYPES_DIFFER, "'x'"),
    ]
    assert [d.nearest for d in found[:2]] == ["handle_time", "channel"]
