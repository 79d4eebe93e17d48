"""Conditions that look at other rows: what they are bound as, what is said of wrong ones, how many there may be."""

from __future__ import annotations

import pytest

from backend.metrics.language.binder import bind_condition
from backend.metrics.language.bound import (
    Aggregate,
    Combination,
    Compare,
    FieldValue,
    Linked,
    Literal,
    Logic,
    Matured,
    Related,
    Row,
)
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.diagnostics import Code, Diagnostic
from backend.metrics.language.functions import RELATIONS, function_names
from backend.metrics.language.types import Kind, money
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.planning.describe import brief
from tests.backend.metrics.language.corpus import VOCABULARY

FIELDS = VOCABULARY.fields
DAY = 86_400_000


def condition(text: str) -> Row:
    made = bind_condition(text, VOCABULARY)
    assert made.row is not None, made.diagnostics
    return made.row


def aggregate(text: str) -> Aggregate:
    made = compile_formula(text, VOCABULARY, {}).formula
    assert made is not None
    assert isinstance(made.expression, Aggregate)
    return made.expression


def mistake(text: str, definitions: dict[str, str] | None = None) -> Diagnostic:
    [found] = compile_formula(text, VOCABULARY, definitions or {}).diagnostics
    return found


def test_the_other_row_is_of_the_moments_kind() -> None:
    paid, amount = FIELDS["order.paid"], FIELDS["order.amount"]
    least = Compare(">=", FieldValue(amount, amount.type), Literal(1000, money(2)))
    found = condition("followed_within(4d, order.paid where order.amount >= 10)")
    assert found == Related("order", paid, 4 * DAY, ahead=True, where=least)
    started, issue = FIELDS["started"], FIELDS["issue_type"]
    assert condition("preceded_within(7d, started, issue_type, issue_type)") == Related(
        "interaction", started, 7 * DAY, ahead=False, alike=(issue,)
    )
    assert condition("has(survey.responded)") == Linked("survey", FIELDS["survey.responded"])
    assert condition("matured(36h)") == Matured(36 * 3_600_000)


@pytest.mark.parametrize(
    ("formula", "fact"),
    [
        ("share(followed_within(4d, order.paid))", "interaction"),
        ("share(followed_within(4d, order.paid) where order.amount > 5)", "order"),
        ("share(preceded_within(4d, article.viewed) where survey.score > 3)", "survey"),
        ("share(has(review.reviewed where review.score < 60))", "interaction"),
        ("count(where matured(1d) and activity.state is not missing)", "activity"),
        ("count(where now - order.ordered > 3d)", "order"),
    ],
)
def test_what_is_said_of_the_other_row_does_not_choose_this_one(formula: str, fact: str) -> None:
    assert aggregate(formula).basis.fact == fact


def test_a_plan_says_them_as_a_formula_does() -> None:
    for text in (
        "followed_within(4d, order.paid, product where order.amount >= 10)",
        "preceded_within(7d, started)",
        "contacted_again_within(7d)",
        "has(review.reviewed where review.score < 60)",
        "matured(7d)",
    ):
        assert brief(condition(text)) == text


def test_several_values_are_one_combination_and_one_is_itself() -> None:
    customer, date = FIELDS["customer"], FIELDS["date"]
    found = aggregate("count_distinct(customer, date)")
    assert found.argument == Combination((FieldValue(customer, customer.type), FieldValue(date, date.type)))
    assert brief(found.argument) == "customer, date"
    assert aggregate("count_distinct(customer)").argument == FieldValue(customer, customer.type)


def test_the_kpis_that_are_referred_to_count_with_their_relations() -> None:
    definitions = {
        "three": " + ".join(["count(where has(survey.responded))"] * 3),
        "six": "@three + @three",
    }
    full = "@six + count(where followed_within(1d, started) and contacted_again_within(1d))"
    assert compile_formula(full, VOCABULARY, definitions).formula is not None
    found = mistake(f"{full} + count(where has(event.happened))", definitions)
    assert found.code is Code.TOO_MANY_RELATIONS
    assert compile_formula("@six + @three", VOCABULARY, definitions).formula is None


def test_there_is_one_moment_that_every_row_has() -> None:
    now = FIELDS["now"]
    assert (now.type.kind, now.groupable) == (Kind.MOMENT, False)
    taken = build_vocabulary(2, (("now", "text", None, None),))
    assert taken.fields["attribute.now"].fact == "interaction"


@pytest.mark.parametrize(
    ("formula", "nearest", "hint"),
    [
        ("share(converted_within(4d, order.paid))", "followed_within", "Did you mean followed_within?"),
        ("share(repeat(7d))", "preceded_within", "Did you mean preceded_within?"),
        ("share(followed_by(7d, started))", "followed_within", "Did you mean followed_within?"),
        ("repeated(customer) / count()", "count_repeated", None),
        ("avg(now() - started)", None, "The instant of the answer is written now, without parentheses."),
        ("avg(today() - started)", None, "The instant of the answer is written now, without parentheses."),
        ("avg(today - started)", "now", "Did you mean now?"),
        ("share(followed_within(4d, order.payed))", "order.paid", "Did you mean order.paid?"),
        ("share(followed_within(4d, order.amount))", "order.ordered", None),
        (
            "share(has(order.paid))",
            None,
            "Write followed_within(7d, order.paid) to look for one of the same customer.",
        ),
        (
            "share(followed_within(4d, started where has(survey.responded)))",
            None,
            "Join the two outside the parentheses, with “and”.",
        ),
    ],
)
def test_a_wrong_relation_is_told_what_would_do(formula: str, nearest: str | None, hint: str | None) -> None:
    found = compile_formula(formula, VOCABULARY, {}).diagnostics[0]
    assert found.nearest == nearest
    assert hint is None or found.hint == hint


def test_completion_knows_them() -> None:
    assert {*RELATIONS, "matured", "count_repeated", "contacted_again_within"} <= set(function_names())


def test_a_filter_takes_them_too() -> None:
    found = bind_condition("followed_within(4d, order.paid) and not matured(4d)", VOCABULARY)
    assert (found.fact, found.diagnostics) == ("interaction", ())
    assert isinstance(found.row, Logic)
